"""Contract of every registered codec, Opus once with each libopus of this machine.

A codec whose library is not here is left out, except where SOFTPHONE_PEERS_REQUIRED is set.
"""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.codecs import names

from dsp.codecs import MAX_PACKET_MS, CodecSettings, CodecSpec, bind_codecs, codecs, timestamp_ticks
from dsp.codecs.opus import opus_spec
from dsp.errors import BitstreamError, LibraryMissing, ParameterError, UnknownName
from dsp.types import Samples
from softphone.io.libraries import codecs as served
from softphone.io.libraries import find_opus


def _specs() -> dict[str, CodecSpec]:
    specs = {name: served().get(name) for name in names() if name != "opus"}
    for path in find_opus({}):
        spec = opus_spec(lambda path=path: (path,))
        try:
            specs.setdefault(f"opus by {spec.library().split(' (')[0]}", spec)
        except LibraryMissing:
            continue
    return specs


SPECS = _specs()
every_codec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
LEAST_SNR_DB = {"pcmu": 30.0, "pcma": 30.0, "l16": 70.0, "l16-wb": 70.0}
"""Of speech-like sound at -20 dBov; G.711's own noise is 38 dB down at its best. Opus keeps no waveform."""
PARAMETRIC = {"codec2", "vlc", "vlc-wb"}
"""Keeps no waveform, and no spectrum of a buzz that is no voice: judged by STOI in its own test."""
LOUDEST_OF_SILENCE = {"codec2": 2e-3}
"""Measured: 1.2e-3. The others: one step of A-law, the largest of their smallest steps, is 2.4e-4."""
LEAST_LIKENESS = 0.95
"""Opus: correlation of short-time spectra; measured 0.97 and above at 16 kb/s."""


def asking(spec: CodecSpec, **wishes: int) -> CodecSettings:
    """Packets of 20 ms, or the shortest there are."""
    return CodecSettings(ptime_ms=20 if 20 in spec.ptimes_ms else min(spec.ptimes_ms), **wishes)


def voice(rate: int, seconds: float) -> Samples:
    """A buzz of changing pitch with pauses."""
    t = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * np.cumsum(130 + 30 * np.sin(2 * np.pi * 0.8 * t)) / rate
    harmonics = np.arange(1, 25)[:, np.newaxis]
    buzz = (np.sin(harmonics * phase) / harmonics).sum(axis=0)
    return (0.08 * buzz * (np.sin(2 * np.pi * 1.5 * t) > -0.6)).astype(np.float32)


def through(spec: CodecSpec, asked: CodecSettings, signal: Samples) -> Samples:
    rate = spec.sample_rate_hz(asked)
    packet = rate * asked.ptime_ms // 1000
    encoder, decoder = spec.make_encoder(asked), spec.make_decoder(asked)
    out = np.zeros(rate * MAX_PACKET_MS // 1000, dtype=np.float32)
    heard = []
    for start in range(0, signal.size - packet + 1, packet):
        count = decoder.decode(encoder.encode(signal[start : start + packet]), out)
        heard.append(out[:count].copy())
    return np.concatenate(heard)


def spectra(signal: Samples, rate: int) -> np.ndarray:
    window = rate // 50
    frames = signal[: signal.size // window * window].reshape(-1, window) * np.hanning(window)
    return np.log(np.abs(np.fft.rfft(frames))[:, 2 : 3800 * window // rate] + 0.01)


def test_the_codecs_of_a_first_call_are_there() -> None:
    assert {"opus", "pcmu", "pcma", "g722", "l16", "l16-wb"} <= set(codecs.names())
    assert any(name.startswith("opus") for name in SPECS)
    if os.environ.get("SOFTPHONE_PEERS_REQUIRED"):
        assert {name for name in codecs.names() if name != "opus"} <= SPECS.keys()


def test_a_finder_binds_its_codec_and_no_other() -> None:
    bound = bind_codecs({"opus": lambda: ("/nonexistent",)})
    assert bound.names() == codecs.names()
    assert bound.get("pcmu") is codecs.get("pcmu")
    with pytest.raises(LibraryMissing, match="/nonexistent"):
        bound.get("opus").library()
    with pytest.raises(UnknownName, match="opsu"):
        bind_codecs({"opsu": tuple})


@every_codec
def test_a_packet_in_is_a_packet_out_at_each_interval(spec: CodecSpec) -> None:
    for ptime_ms in spec.ptimes_ms:
        asked = CodecSettings(ptime_ms=ptime_ms)
        rate = spec.sample_rate_hz(asked)
        packet = rate * ptime_ms // 1000
        payload = spec.make_encoder(asked).encode(voice(rate, 0.16)[:packet])
        out = np.full(rate * MAX_PACKET_MS // 1000, 7, dtype=np.float32)
        assert spec.make_decoder(asked).decode(payload, out) == packet
        assert spec.payload_samples(payload, rate) == packet
        assert np.all(out[packet:] == 7)
        assert timestamp_ticks(packet, spec, rate) == spec.clock_rate_hz * ptime_ms // 1000


@every_codec
def test_the_delay_is_as_stated_and_speech_comes_through(spec: CodecSpec) -> None:
    for ptime_ms in (asking(spec).ptime_ms, spec.ptimes_ms[-1]):
        asked = CodecSettings(ptime_ms=ptime_ms)
        rate = spec.sample_rate_hz(asked)
        signal = voice(rate, 1.2)
        heard = through(spec, asked, signal)
        delay = spec.delay_samples(asked)
        sent = signal[: heard.size - delay]
        if spec.name in LEAST_SNR_DB:
            noise = heard[delay:] - sent
            assert 10 * np.log10(np.sum(sent**2) / np.sum(noise**2)) > LEAST_SNR_DB[spec.name]
            continue
        if spec.name in PARAMETRIC:
            assert heard.size == signal.size // (rate * ptime_ms // 1000) * (rate * ptime_ms // 1000)
            continue
        reach = rate // 50
        alike = [float(np.dot(signal[: heard.size - lag], heard[lag:])) for lag in range(reach)]
        # A millisecond: what an encoder filters away below 100 Hz shifts the correlation a little.
        assert abs(int(np.argmax(alike)) - delay) <= rate // 1000
        likeness = np.corrcoef(spectra(sent, rate).ravel(), spectra(heard[delay:], rate).ravel())[0, 1]
        assert likeness > LEAST_LIKENESS


@every_codec
def test_silence_in_is_silence_out(spec: CodecSpec) -> None:
    asked = asking(spec)
    rate = spec.sample_rate_hz(asked)
    loudest = np.abs(through(spec, asked, np.zeros(rate // 2, dtype=np.float32))).max()
    assert loudest < LOUDEST_OF_SILENCE.get(spec.name, 3e-4)


@every_codec
def test_samples_out_of_range_are_clipped_not_wrapped(spec: CodecSpec) -> None:
    asked = asking(spec, bit_rate_bps=spec.bit_rates_bps[1])
    rate = spec.sample_rate_hz(asked)
    tone = 4 * np.sin(2 * np.pi * 300 * np.arange(rate // 2) / rate).astype(np.float32)
    tone[100], tone[200], tone[300] = np.nan, np.inf, -np.inf
    heard = through(spec, asked, tone)
    assert np.all(np.isfinite(heard))
    if spec.name in LEAST_SNR_DB:
        loud = np.abs(np.nan_to_num(tone)) > 1
        assert np.all(np.sign(heard[loud]) == np.sign(tone[loud]))


@every_codec
def test_a_packet_of_another_length_is_refused(spec: CodecSpec) -> None:
    asked = asking(spec)
    packet = spec.sample_rate_hz(asked) * asked.ptime_ms // 1000
    encoder = spec.make_encoder(asked)
    for size in (0, 1, packet - 1, packet + 1):
        with pytest.raises(ParameterError, match=f"{packet} samples"):
            encoder.encode(np.zeros(size, dtype=np.float32))
    for ptime_ms in (0, 7, 25, 130):
        with pytest.raises(ParameterError, match=f"got {ptime_ms}"):
            spec.make_encoder(CodecSettings(ptime_ms=ptime_ms))


@every_codec
def test_any_bytes_into_a_decoder_give_samples_or_the_one_error(spec: CodecSpec) -> None:
    asked = asking(spec)
    rate = spec.sample_rate_hz(asked)
    decoder = spec.make_decoder(asked)
    out = np.zeros(rate * MAX_PACKET_MS // 1000, dtype=np.float32)
    good = spec.make_encoder(asked).encode(voice(rate, asked.ptime_ms / 1000))

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=400) | st.integers(0, len(good)).map(lambda cut: good[:cut]))
    def check(payload: bytes) -> None:
        try:
            told = spec.payload_samples(payload, rate)
        except BitstreamError:
            told = None
        try:
            count = decoder.decode(payload, out)
        except BitstreamError:
            return
        assert count == told
        assert np.all(np.isfinite(out[:count]))

    check()
    with pytest.raises(BitstreamError):
        decoder.decode(b"", out)
    with pytest.raises(BitstreamError):
        spec.payload_samples(b"", rate)


@every_codec
def test_any_bytes_after_a_loss_recover_it_or_leave_the_block_alone(spec: CodecSpec) -> None:
    asked = asking(spec)
    decoder = spec.make_decoder(asked)
    packet = spec.sample_rate_hz(asked) // 50

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=200))
    def check(payload: bytes) -> None:
        out = np.full(packet, 7, dtype=np.float32)
        if not decoder.recover(payload, out):
            assert np.all(out == 7)
        assert np.all(np.isfinite(out))

    check()


@every_codec
def test_concealment_fills_blocks_of_any_length(spec: CodecSpec) -> None:
    asked = asking(spec)
    rate = spec.sample_rate_hz(asked)
    packet = rate * asked.ptime_ms // 1000
    encoder, decoder = spec.make_encoder(asked), spec.make_decoder(asked)
    out = np.zeros(rate * MAX_PACKET_MS // 1000, dtype=np.float32)
    sound = voice(rate, asked.ptime_ms / 100)
    for start in range(0, 10 * packet, packet):
        decoder.decode(encoder.encode(sound[start : start + packet]), out)
    for size in (packet, 1, packet - 3, 7 * packet + 5, 0):
        lost = np.full(size, np.nan, dtype=np.float32)
        decoder.conceal(lost)
        assert np.all(np.isfinite(lost))
        if size == packet:
            assert (np.abs(lost).max() > 0.01) == spec.conceals


@every_codec
def test_a_spec_is_consistent(spec: CodecSpec) -> None:
    low, default, high = spec.bit_rates_bps
    assert low <= default <= high
    assert spec.library()
    assert spec.apply_fmtp(CodecSettings(ptime_ms=60), {"nonsense": "x"}).ptime_ms == 60
    wishes = dict(wish.split("=") for wish in spec.fmtp(CodecSettings()).split(";") if wish)
    assert all(name and value for name, value in wishes.items())
