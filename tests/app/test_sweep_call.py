"""A call in virtual time: real RTP and the jitter buffer, the same sound for the same seed."""

from dataclasses import replace

import numpy as np
import pytest

from softphone.app.codec_measure import _encoded as encoded
from softphone.app.codec_measure import decoded_sound, read_sound
from softphone.app.codec_named import named_codec
from softphone.app.sweep_call import SweepJob, _aligned, call, sweep_row

JOB = SweepJob("builtin:man", "pcmu@20", 0.0, 1.0, 0.0, 0.0, seed=1, measures=("stoi",))
CODEC = named_codec("pcmu@20")
SOUND = read_sound("builtin:man", 8000)[:32_000]


def test_over_a_perfect_line_the_decoder_alone_is_heard_half_a_tick_and_a_packet_later() -> None:
    heard = call(CODEC, SOUND, JOB)
    _, got = _aligned(SOUND, heard, 0, 8000)
    payloads = encoded(CODEC, SOUND)
    assert np.array_equal(got, decoded_sound(CODEC, payloads, [False] * len(payloads))[: got.size])
    assert (heard.packets, heard.lost, heard.late, heard.concealed) == (200, 0, 0, 0)
    # 12 + 160 bytes of RTP with 28 of IPv4 and UDP, and some RTCP
    assert heard.datagrams["200"] == 200
    assert heard.payload_bytes == 32_000
    assert heard.pieces[0].offset == 160


def test_a_delay_is_heard_and_jitter_makes_the_buffer_grow() -> None:
    later = sweep_row(replace(JOB, delay_ms=100.0))
    shaken = sweep_row(replace(JOB, jitter_ms=20.0))
    assert later["mouth_to_ear_ms"] == 130.0
    assert later["stoi"] > 0.99
    assert shaken["mouth_to_ear_ms"] > 70
    assert shaken["stoi"] > 0.97
    assert shaken["concealed_pct"] > 0


def test_loss_is_seeded_concealed_and_counted() -> None:
    job = replace(JOB, loss_pct=10.0)
    first, again, other = sweep_row(job), sweep_row(job), sweep_row(replace(job, seed=2))
    assert first == again != other
    assert first["lost_pct"] == pytest.approx(10, abs=0.3)
    assert first["concealed_pct"] == pytest.approx(first["lost_pct"], abs=1.5)
    assert first["emodel_grounded"]
    assert (first["emodel_model"], first["emodel_equipment"]) == ("G.107", "G.113")
    assert first["emodel_r"] < 80
