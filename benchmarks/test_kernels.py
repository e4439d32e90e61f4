"""What one call of a hot kernel takes: a name ends with the size, as in eight sections x 160 samples.

Signals are the bundled speech, packet after packet. The kernels of the filters are in `test_filter_kernels`.
"""

import os
import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from support.vowels import vowel

from benchmarks.signals import over, speech_blocks, speech_of
from dsp._native import lpc_resonances, patch_similarity, subsequence_dtw, voice_pulses
from dsp.codecs import MAX_PACKET_MS, CodecSettings, CodecSpec
from dsp.errors import LibraryMissing
from dsp.gammatone import GammatoneBank, centre_frequencies
from dsp.level import SpeechMeter
from dsp.metrics import metrics, visqol
from dsp.phonation.formants import gaussian
from dsp.phonation.harmonicity import HarmonicityContour
from dsp.phonation.pitch import PitchSettings, pitch_of
from dsp.phonation.section import Section, Whole
from softphone.io.libraries import codecs
from softphone.io.recorder import Recorder
from softphone.rtp.jitter import Play
from softphone.rtp.session import RtpSession
from softphone.sip.message import Request, parse_message

OPUS = CodecSettings(bit_rate_bps=16_000, ptime_ms=60, complexity=5)
PCMU = CodecSettings(ptime_ms=20)
G722 = CodecSettings(ptime_ms=20)
VLC, VLC_LOW = CodecSettings(ptime_ms=128), CodecSettings(ptime_ms=128, complexity=3)
INVITE = (
    b"INVITE sip:bob@192.0.2.4:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK5c2f1a90d3;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b"From: <sip:alice@192.0.2.1>;tag=9a1f2c\r\n"
    b"To: <sip:bob@192.0.2.4>\r\n"
    b"Call-ID: 3f9d0c7712ab@192.0.2.1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.1:5060>\r\n"
    b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
    b"Accept: application/sdp\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 200\r\n\r\n" + b"v" * 200
)


def codec(name: str) -> CodecSpec:
    spec = codecs().get(name)
    try:
        spec.library()
    except LibraryMissing as error:
        pytest.skip(str(error))
    return spec


def test_meter_16x960(benchmark: BenchmarkFixture) -> None:
    """At 16 kHz."""
    meter = SpeechMeter(16_000)
    benchmark(over(speech_blocks(960), meter.process))
    assert meter.result().level_dbov is not None


def encode(benchmark: BenchmarkFixture, name: str, settings: CodecSettings) -> None:
    spec = codec(name)
    rate_hz = spec.sample_rate_hz(settings)
    blocks = speech_blocks(rate_hz * settings.ptime_ms // 1000, rate_hz)
    benchmark(over(blocks, spec.make_encoder(settings).encode))


def decode(benchmark: BenchmarkFixture, name: str, settings: CodecSettings) -> None:
    spec = codec(name)
    rate_hz = spec.sample_rate_hz(settings)
    encoder, decoder = spec.make_encoder(settings), spec.make_decoder(settings)
    blocks = speech_blocks(rate_hz * settings.ptime_ms // 1000, rate_hz)
    payloads = [encoder.encode(block) for block in blocks]
    out = np.zeros(rate_hz * MAX_PACKET_MS // 1000, dtype=np.float32)
    benchmark(over(payloads, lambda payload: decoder.decode(payload, out)))


def test_opus_encode_60ms_c5(benchmark: BenchmarkFixture) -> None:
    encode(benchmark, "opus", OPUS)


def test_opus_decode_60ms_c5(benchmark: BenchmarkFixture) -> None:
    decode(benchmark, "opus", OPUS)


def test_pcmu_encode_20ms(benchmark: BenchmarkFixture) -> None:
    encode(benchmark, "pcmu", PCMU)


def test_pcmu_decode_20ms(benchmark: BenchmarkFixture) -> None:
    decode(benchmark, "pcmu", PCMU)


def test_g722_encode_20ms(benchmark: BenchmarkFixture) -> None:
    encode(benchmark, "g722", G722)


def test_g722_decode_20ms(benchmark: BenchmarkFixture) -> None:
    decode(benchmark, "g722", G722)


def test_vlc_encode_128ms(benchmark: BenchmarkFixture) -> None:
    encode(benchmark, "vlc", VLC)


def test_vlc_decode_128ms(benchmark: BenchmarkFixture) -> None:
    decode(benchmark, "vlc", VLC)


def test_vlc_encode_low_128ms(benchmark: BenchmarkFixture) -> None:
    """The profile of low consumption."""
    encode(benchmark, "vlc", VLC_LOW)


def test_vlc_decode_low_128ms(benchmark: BenchmarkFixture) -> None:
    """The profile of low consumption."""
    decode(benchmark, "vlc", VLC_LOW)


def test_gammatone_21x16000(benchmark: BenchmarkFixture) -> None:
    """A second at 16 kHz in 21 bands, 47 windows of 80 ms."""
    bank = GammatoneBank(
        np.hanning(1280).astype(np.float32), 320, centre_frequencies(21, 50.0, 8000.0), 16_000
    )
    assert benchmark(bank.powers, speech_of(16_000, 16_000)).shape == (47, 21)


def test_nsim_3x20x21(benchmark: BenchmarkFixture) -> None:
    """A patch of 20 frames and 21 bands at three places."""
    levels = np.random.default_rng(1).uniform(0, 60, (22, 21))
    out = np.empty((3, 21))
    benchmark(
        patch_similarity, levels[1:21], levels, out, visqol.WEIGHTS, (visqol.LUMINANCE, visqol.STRUCTURE)
    )
    assert out[1] == pytest.approx(1.0)


def test_resonances_153x550x10(benchmark: BenchmarkFixture) -> None:
    """Five formants a frame, of a second at 11 kHz."""
    speech, starts = speech_of(11_000, 11_000).astype(np.float64), np.floor(68.75 * np.arange(153.0))
    out = np.empty((153, 5, 2))
    benchmark(lpc_resonances, speech, starts, gaussian(550), out, 10, 0.97, 0.0)
    assert 50 < 11_000 * float(np.nanmedian(out[:, 0, 0])) < 1_000


def test_voice_pulses_1x44100(benchmark: BenchmarkFixture) -> None:
    """A second of a vowel of 120 Hz."""
    made = vowel(120.0, seconds=1.0, jitter_pct=1.0, hnr_db=25.0)
    f0, room = np.full(79, 120.0), np.empty(300)
    where = (made.sample_rate_hz, 0.0, 0.0125, 0.0125, 0.0, 1.0, float(np.abs(made.samples).max()), -1.0)
    assert 110 < benchmark(voice_pulses, made.samples, f0, room, *where) < 125


def test_pitch_frames_77x2204(benchmark: BenchmarkFixture) -> None:
    """A second of a vowel of 120 Hz, and the path through its candidates."""
    made = vowel(120.0, seconds=1.0, jitter_pct=1.0, hnr_db=25.0)
    track = benchmark(pitch_of, made.samples, made.sample_rate_hz, PitchSettings())
    assert 119 < track.f0_hz.mean() < 121


@pytest.mark.parametrize("method", ["cc_97x1468", "ac_86x6614"])
def test_harmonicity(benchmark: BenchmarkFixture, method: str) -> None:
    """A second of a vowel of 120 Hz."""
    made = vowel(120.0, seconds=1.0, jitter_pct=1.0, hnr_db=25.0)
    whole = Whole(made.sample_rate_hz, made.samples.size, 0.0, float(np.abs(made.samples).max()))

    def measured() -> float | None:
        contour = HarmonicityContour("cc" if method.startswith("cc") else "ac")
        contour.push(Section(whole, made.samples, 0, 0, made.samples.size))
        return contour.finish().mean_db

    mean_db = benchmark(measured)
    assert mean_db is not None
    assert 10 < mean_db < 25


def test_visqol_8s(benchmark: BenchmarkFixture) -> None:
    """A pair of eight seconds at 16 kHz."""
    speech = speech_of(8 * 16_000, 16_000)
    assert benchmark(visqol.measure, speech, speech, 16_000) == pytest.approx(5.0, abs=1e-3)


def test_subsequence_dtw_50x75x13(benchmark: BenchmarkFixture) -> None:
    """A patch of 0.4 s in what is 0.1 s longer on either side."""
    reference = np.random.default_rng(1).standard_normal((75, 13)).astype(np.float32)
    assert benchmark(subsequence_dtw, reference, reference[12:62])[1] == 61


@pytest.mark.parametrize(
    "name", ["stoi", "estoi", "warpq", "si_sdr", "segmental_snr", "log_spectral_distance"]
)
def test_metric_8s(benchmark: BenchmarkFixture, name: str) -> None:
    """A pair of eight seconds at 16 kHz."""
    speech = speech_of(8 * 16_000, 16_000)
    spec = metrics.get(name)
    found = benchmark(spec.measure, speech, speech, 16_000)
    assert found == pytest.approx(spec.range[1] if spec.higher_is_better else spec.range[0], abs=1e-3)


def session(ssrc: int, remote: tuple[str, int]) -> RtpSession:
    return RtpSession(
        remote=remote,
        remote_rtcp=(remote[0], remote[1] + 1),
        clock_rate_hz=48_000,
        receive={96: 48_000},
        dtmf_send=101,
        dtmf_receive={101: 48_000},
        payload_ticks=lambda payload_type, payload: 2880,
        packet_ticks=2880,
        ssrc=ssrc,
        sequence_number=1,
        timestamp=0,
        cname="kernel",
        rng=random.Random(ssrc),
        ntp_offset_s=3_900_000_000.0,
        now=0.0,
    )


def test_rtp_send_receive_pop_1_packet(benchmark: BenchmarkFixture) -> None:
    """One packet from one session through another, without socket and codec."""
    a, b = ("192.0.2.1", 4000), ("192.0.2.2", 5000)
    sender, receiver, payload = session(1, b), session(2, a), bytes(120)
    now = 0.0

    def one_packet() -> object:
        nonlocal now
        now += 0.06
        sender.send(payload, payload_type=96, ticks=2880, now=now)
        for data, _ in sender.datagrams_to_send(now=now):
            receiver.receive_datagram(data, a, now=now)
        return receiver.pop(now=now + 0.01)

    assert isinstance(benchmark(one_packet), Play)
    assert receiver.stats(now).received.lost == 0


def test_sip_parse_invite(benchmark: BenchmarkFixture) -> None:
    assert isinstance(benchmark(parse_message, INVITE), Request)


class AtOnce(ThreadPoolExecutor):
    """Does what it is given before `submit` returns: the work of both threads is counted, and none waits."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def test_recorder_50x960(benchmark: BenchmarkFixture) -> None:
    """A second at 48 kHz, with the conversion and the system calls of its write, into the null device."""
    blocks = speech_blocks(960, 48_000)[:50]
    recorder = Recorder(os.devnull, 48_000, executor=AtOnce(1))

    def one_second() -> None:
        for block in blocks:
            recorder.tap(block)

    benchmark(one_second)
    recorder.close()
    assert recorder.error is None
    assert recorder.dropped_samples == 0
