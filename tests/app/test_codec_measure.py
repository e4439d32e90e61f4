"""One file through one codec: bytes counted, losses seeded, what holds no speech refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from softphone.app.codec_measure import (
    MeasureJob,
    decoded_sound,
    losses_of,
    measure_file,
    read_sound,
    read_speech,
)
from softphone.app.codec_measure import _encoded as encoded
from softphone.app.codec_named import named_codec
from softphone.errors import UsageError


def test_g711_costs_what_it_costs_and_passes_nearly_unchanged() -> None:
    row = measure_file(MeasureJob("builtin:man", "pcmu@20", measures=("stoi",), repeats=1))
    assert (row["payload_bps"], row["wire_bps"], row["packets_per_s"]) == (64_000, 80_000, 50)
    assert row["datagrams"] == {"200": row["packets"]}
    assert row["algorithmic_delay_ms"] == 20
    assert row["stoi"] > 0.99
    assert row["encode_ms_per_s"] > 0
    assert (row["pesq_nb"], row["dnsmos_ovrl"], row["wer_pct"], row["refused"]) == (None, None, None, {})


def test_losses_are_the_same_for_the_same_seed_and_lower_the_score() -> None:
    job = MeasureJob("builtin:man", "pcmu@20", loss_pct=20, measures=("stoi",), repeats=1)
    row = measure_file(job)
    assert losses_of(1000, 20, 1.0, 1, "a") == losses_of(1000, 20, 1.0, 1, "x/a")
    assert (
        losses_of(1000, 20, 1.0, 1, "a")
        != losses_of(1000, 20, 1.0, 2, "a")
        != losses_of(1000, 20, 1.0, 1, "b")
    )
    for packets in (30, 100, 355):  # however short a recording, it loses what was asked for
        assert abs(sum(losses_of(packets, 10, 1.0, 1, "a")) - packets / 10) <= 1
        assert abs(sum(losses_of(packets, 10, 3.0, 1, "a")) - packets / 10) <= 1
    assert losses_of(3, 0, 1.0, 1) == [False] * 3
    assert row["lost_pct"] == pytest.approx(20, abs=0.3)
    assert row["stoi"] < 0.98


def test_opus_recovers_what_the_next_packet_carries_and_the_sound_keeps_its_length() -> None:
    codec = named_codec("opus:16000@20")
    sound = read_sound("builtin:man", codec.sample_rate_hz)[:16_000]
    payloads = encoded(codec, sound)
    whole = decoded_sound(codec, payloads, [False] * len(payloads))
    holed = decoded_sound(codec, payloads, [number == 20 for number in range(len(payloads))])
    size = codec.packet_samples
    assert whole.size == holed.size == len(payloads) * size
    assert np.array_equal(whole[: 20 * size], holed[: 20 * size])
    assert np.abs(holed[20 * size : 21 * size]).max() > 0


@pytest.mark.parametrize("kind", ["silence", "tone", "noise", "nothing"])
def test_what_holds_no_speech_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.wav"
    t = np.arange(48_000) / 16_000
    sounds = {
        "silence": 0 * t,
        "tone": 0.3 * np.sin(2 * np.pi * 440 * t),
        "noise": 0.1 * np.random.default_rng(1).standard_normal(t.size),
    }
    if kind in sounds:
        soundfile.write(path, sounds[kind], 16_000)
    with pytest.raises(UsageError, match=r"silent|of speech|does not exist"):
        read_speech(str(path))


def test_a_narrowband_recording_gets_no_wideband_score(tmp_path: Path) -> None:
    pytest.importorskip("pesq")
    soundfile.write(tmp_path / "x.wav", read_sound("builtin:man", 8000)[:24_000], 8000)
    job = MeasureJob(str(tmp_path / "x.wav"), "pcmu@20", measures=("pesq_nb", "pesq_wb"), repeats=1)
    row = measure_file(job)
    assert row["pesq_nb"] > 4
    assert (row["pesq_wb"], row["refused"]) == (None, {})
