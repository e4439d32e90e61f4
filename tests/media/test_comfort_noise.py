"""Comfort noise between two sides in virtual time (RFC 3389): what is left out, what is sent in its place, what is heard."""

import itertools
import random

import numpy as np
import pytest
from support.suppression import noise, speech

from dsp.codecs import CodecSettings
from dsp.comfort_noise import Background
from dsp.types import Samples
from softphone.io.libraries import codecs
from softphone.media.paths import ReceivePath, TransmitPath
from softphone.media.suppress import Suppression
from softphone.rtp.packet import RtpPacket
from softphone.rtp.session import RtpSession

RATE, COUNT = 8000, 160
PCMU = codecs().get("pcmu")
SETTINGS = CodecSettings(bit_rate_bps=64_000, ptime_ms=20)
NOISE = 13
LEVEL_DBOV = -50
ADDRESSES = (("192.0.2.1", 4000), ("192.0.2.2", 5000))


def session_of(index: int, *, takes_noise: bool) -> RtpSession:
    there = ADDRESSES[1 - index]
    return RtpSession(
        remote=there,
        remote_rtcp=(there[0], there[1] + 1),
        clock_rate_hz=RATE,
        receive={0: RATE, NOISE: RATE} if takes_noise else {0: RATE},
        dtmf_send=None,
        dtmf_receive={},
        payload_ticks=lambda payload_type, payload: COUNT if payload_type == NOISE else len(payload),
        packet_ticks=COUNT,
        ssrc=index + 1,
        sequence_number=1,
        timestamp=1,
        cname="a",
        rng=random.Random(index),
        ntp_offset_s=0.0,
        now=0.0,
    )


def sound() -> Samples:
    """A second of background, two of a man, three of background, one of the man."""
    spoken = speech("man", RATE)
    pieces = [np.zeros(RATE, np.float32), spoken[: 2 * RATE], np.zeros(3 * RATE, np.float32), spoken[:RATE]]
    whole = np.concatenate(pieces)
    background = np.float32(10 ** (LEVEL_DBOV / 20)) * noise("white", whole.size, RATE)
    return (whole + background / np.sqrt(np.mean(np.square(noise("white", whole.size, RATE))))).astype(
        np.float32
    )


def heard_over(
    *, comfort: bool, lost: frozenset[int] = frozenset()
) -> tuple[Samples, list[RtpPacket], ReceivePath]:
    """(what is heard, what went over the line, the path it was heard on); packets of those places are lost."""
    here, there = session_of(0, takes_noise=comfort), session_of(1, takes_noise=comfort)
    suppression = (
        Suppression(dtx=True, comfort_noise=True, noise_payload_type=NOISE) if comfort else Suppression()
    )
    transmit = TransmitPath(PCMU, SETTINGS, here, payload_type=0, suppression=suppression)
    receive = ReceivePath(
        there, {0: (PCMU, SETTINGS)}, sample_rate_hz=RATE, noise=(NOISE,) if comfort else ()
    )
    whole, sent = sound(), []
    heard: Samples = np.zeros(whole.size, dtype=np.float32)
    for at in range(0, whole.size - COUNT + 1, COUNT):
        now = at / RATE
        transmit.send(whole[at : at + COUNT].copy(), now=now)
        for data, addr in here.datagrams_to_send(now=now):
            if addr == ADDRESSES[1]:
                packet = RtpPacket.parse(data)
                sent.append(packet)
                if len(sent) not in lost:
                    there.receive_datagram(data, ADDRESSES[0], now=now + 0.001)
        receive.play(heard[at : at + COUNT], now=now + 0.01)
    return heard, sent, receive


def level(sound: Samples) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))


def test_a_pause_is_described_once_and_then_nothing_is_sent() -> None:
    _, sent, _ = heard_over(comfort=True)
    noises = [packet for packet in sent if packet.payload_type == NOISE]
    assert 1 <= len(noises) <= 2
    assert len(sent) < 0.75 * len(heard_over(comfort=False)[1])
    for packet in noises:
        assert Background.parse(packet.payload).level_dbov == pytest.approx(LEVEL_DBOV, abs=2)


def test_timestamps_count_the_pause_and_sequence_numbers_do_not() -> None:
    _, sent, _ = heard_over(comfort=True)
    for before, after in itertools.pairwise(sent):
        assert after.sequence_number == before.sequence_number + 1
        assert (after.timestamp - before.timestamp) % COUNT == 0
    assert max(after.timestamp - before.timestamp for before, after in itertools.pairwise(sent)) > RATE


def test_descriptions_have_no_marker_and_the_speech_after_them_has() -> None:
    _, sent, _ = heard_over(comfort=True)
    assert not any(packet.marker for packet in sent if packet.payload_type == NOISE)
    after = [b for a, b in itertools.pairwise(sent) if a.payload_type == NOISE and b.payload_type == 0]
    assert after
    assert all(packet.marker for packet in after)


def test_the_listener_hears_the_background_go_on_and_nothing_counts_as_lost() -> None:
    heard, _, receive = heard_over(comfort=True)
    pause = heard[4 * RATE : round(5.8 * RATE)]
    assert level(pause) == pytest.approx(LEVEL_DBOV, abs=2.5)
    least = min(level(pause[at : at + COUNT]) for at in range(0, pause.size - COUNT, COUNT))
    assert least > LEVEL_DBOV - 5
    assert (receive.stats.concealed, receive.stats.undecodable_packets) == (0, 0)


def test_speech_is_as_it_is_without() -> None:
    with_noise, plain = heard_over(comfort=True)[0], heard_over(comfort=False)[0]
    spoken = slice(round(1.3 * RATE), round(2.8 * RATE))
    assert np.corrcoef(with_noise[spoken], plain[spoken])[0, 1] > 0.98


def test_a_lost_packet_within_speech_is_still_concealed() -> None:
    _, sent, _ = heard_over(comfort=True)
    spoken = next(place for place, packet in enumerate(sent, 1) if packet.timestamp > 2 * RATE)
    _, _, receive = heard_over(comfort=True, lost=frozenset({spoken}))
    assert 0 < receive.stats.concealed <= 3 * COUNT


def test_a_description_of_nothing_is_counted_and_heard_as_a_pause() -> None:
    there = session_of(1, takes_noise=True)
    receive = ReceivePath(there, {0: (PCMU, SETTINGS)}, sample_rate_hz=RATE, noise=(NOISE,))
    out: Samples = np.zeros(COUNT, dtype=np.float32)
    for number in range(10):
        payload = bytes(COUNT) if number < 5 else b""
        data = bytes(RtpPacket(0 if number < 5 else NOISE, number, number * COUNT, 1, payload))
        there.receive_datagram(data, ADDRESSES[0], now=number * 0.02)
        receive.play(out, now=number * 0.02 + 0.01)
    assert np.isfinite(out).all()
