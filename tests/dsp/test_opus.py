"""The Opus codec, with the library bundled and with each other libopus of this machine."""

import ctypes
import wave
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from dsp import libopus
from dsp.codecs import CodecSettings, CodecSpec
from dsp.codecs.opus import opus_spec
from dsp.errors import BitstreamError, LibraryMissing, ParameterError
from dsp.libopus import OpusDecoder, OpusEncoder, OpusLibrary, load_opus
from dsp.opus_packet import has_fec, packet_samples
from dsp.types import Samples
from softphone.io.libraries import find_opus


def _libraries() -> Iterator[OpusLibrary]:
    seen = set()
    for path in find_opus({}):
        try:
            library = load_opus((path,))
        except LibraryMissing:
            continue
        if library.version not in seen:
            seen.add(library.version)
            yield library


LIBRARIES = tuple(_libraries())
each_library = pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.version)


@pytest.fixture(scope="module")
def speech() -> Samples:
    """Four seconds of the bundled man, 16 kHz."""
    with files("softphone").joinpath("data/speech/man.wav").open("rb") as file, wave.open(file) as wav:
        assert wav.getframerate() == 16000
        pcm = np.frombuffer(wav.readframes(4 * 16000), dtype="<i2")
    return (pcm / 32768).astype(np.float32)


def spec_of(library: OpusLibrary) -> CodecSpec:
    return opus_spec(lambda: (library.path,))


def payloads_of(spec: CodecSpec, asked: CodecSettings, signal: Samples) -> list[bytes]:
    encoder = spec.make_encoder(asked)
    packet = spec.sample_rate_hz(asked) * asked.ptime_ms // 1000
    return [encoder.encode(signal[i : i + packet]) for i in range(0, signal.size - packet + 1, packet)]


def bit_rate(payloads: list[bytes], ptime_ms: int) -> float:
    return 8000 * sum(map(len, payloads)) / (len(payloads) * ptime_ms)


def test_there_is_a_libopus_to_test_with() -> None:
    assert LIBRARIES


@each_library
def test_the_rate_follows_what_is_asked(library: OpusLibrary, speech: Samples) -> None:
    spec = spec_of(library)
    for rate in (6000, 12000, 24000):
        payloads = payloads_of(spec, CodecSettings(bit_rate_bps=rate, ptime_ms=60), speech)
        assert 0.7 * rate < bit_rate(payloads, 60) < 1.1 * rate


@each_library
def test_constant_rate_makes_packets_of_one_size(library: OpusLibrary, speech: Samples) -> None:
    payloads = payloads_of(spec_of(library), CodecSettings(cbr=True, ptime_ms=20), speech)
    assert {len(payload) for payload in payloads} == {40}


@each_library
def test_dtx_sends_next_to_nothing_in_silence(library: OpusLibrary, speech: Samples) -> None:
    signal = np.concatenate((speech[:16000], np.zeros(48000, dtype=np.float32)))
    for ptime_ms in (20, 60, 120):
        payloads = payloads_of(spec_of(library), CodecSettings(dtx=True, ptime_ms=ptime_ms), signal)
        silent = payloads[1500 // ptime_ms :]
        assert sum(payload == b"" for payload in silent) > 0.65 * len(silent)  # refreshed every 400 ms
        assert all(len(payload) > 2 for payload in payloads if payload)
        without = payloads_of(spec_of(library), CodecSettings(ptime_ms=ptime_ms), signal)
        assert b"" not in without


@each_library
def test_120_ms_are_two_packets_of_60_ms_in_one(library: OpusLibrary, speech: Samples) -> None:
    long = OpusEncoder(library, 16000, 1920)
    short = OpusEncoder(library, 16000, 960)
    for encoder in (long, short):
        encoder.control(libopus.SET_BITRATE, 12000)
    for start in range(0, speech.size - 1919, 1920):
        merged = long.encode(speech[start : start + 1920])
        first = short.encode(speech[start : start + 960])
        second = short.encode(speech[start + 960 : start + 1920])
        assert packet_samples(merged, 16000) == 1920
        assert first[1:] in merged
        assert second[1:] in merged


@each_library
def test_120_ms_hold_when_the_mode_changes_within(library: OpusLibrary, speech: Samples) -> None:
    encoder, decoder = OpusEncoder(library, 16000, 1920), OpusDecoder(library, 16000)
    for request, value in ((libopus.SET_BITRATE, 24000), (libopus.SET_COMPLEXITY, 10)):
        assert encoder.control(request, value)
    t = np.arange(speech.size) / 16000
    chord = sum(0.05 * np.sin(2 * np.pi * hz * t) for hz in (220, 277, 330, 440, 1318, 3520))
    mixed = np.where(t % 1.3 < 0.6, speech, chord).astype(np.float32)
    out = np.zeros(1920, dtype=np.float32)
    modes = set()
    for block in mixed[: mixed.size // 1920 * 1920].reshape(-1, 1920):
        payload = encoder.encode(block)
        modes.add(payload[0] >> 3 >= 16)
        assert packet_samples(payload, 16000) == 1920
        assert decoder.decode(payload, out) == 1920
        assert np.sqrt(np.mean(out**2)) == pytest.approx(np.sqrt(np.mean(block**2)), abs=0.05)
    assert modes == {True, False}


@each_library
def test_packets_of_every_duration_a_peer_may_send_are_decoded(library: OpusLibrary, speech: Samples) -> None:
    decoder = OpusDecoder(library, 16000)
    out = np.zeros(1920, dtype=np.float32)
    for packet in (40, 80, 160, 320, 640, 960, 1280, 1920):
        payload = OpusEncoder(library, 16000, packet).encode(speech[:packet])
        assert packet_samples(payload, 16000) == packet
        assert decoder.decode(payload, out) == packet


@each_library
def test_in_band_fec_rebuilds_a_lost_packet_better_than_concealment(
    library: OpusLibrary, speech: Samples
) -> None:
    spec = spec_of(library)
    asked = CodecSettings(bit_rate_bps=24000, fec=True, expected_loss_pct=25)
    payloads = payloads_of(spec, asked, speech)
    assert sum(map(has_fec, payloads)) > len(payloads) // 3
    whole, concealing, recovering = (spec.make_decoder(asked) for _ in range(3))
    out = np.zeros(1920, dtype=np.float32)
    error_concealed = error_recovered = 0.0
    recovered = 0
    for number, payload in enumerate(payloads):
        whole.decode(payload, out)
        wanted = out[:320].copy()
        if number % 5 == 2 and number + 1 < len(payloads):
            lost = np.zeros(320, dtype=np.float32)
            concealing.conceal(lost)
            error_concealed += float(np.sum((lost - wanted) ** 2))
            if recovering.recover(payloads[number + 1], lost):
                recovered += 1
            else:
                recovering.conceal(lost)
            error_recovered += float(np.sum((lost - wanted) ** 2))
        else:
            concealing.decode(payload, out)
            recovering.decode(payload, out)
    assert recovered > 10
    assert error_recovered < 0.5 * error_concealed


@each_library
def test_recovery_fills_blocks_of_any_length_up_to_their_end(library: OpusLibrary, speech: Samples) -> None:
    spec = spec_of(library)
    asked = CodecSettings(bit_rate_bps=24000, fec=True, expected_loss_pct=25)
    payloads = payloads_of(spec, asked, speech)
    carriers = [number for number, payload in enumerate(payloads) if has_fec(payload)]
    out = np.zeros(1920, dtype=np.float32)
    for size in (1, 250, 320, 640, 1920, 3000):
        decoder = spec.make_decoder(asked)
        for payload in payloads[: carriers[20]]:
            decoder.decode(payload, out)
        lost = np.full(size, np.nan, dtype=np.float32)
        assert decoder.recover(payloads[carriers[20]], lost)
        assert np.all(np.isfinite(lost))


@each_library
def test_packets_without_fec_recover_nothing(library: OpusLibrary, speech: Samples) -> None:
    spec = spec_of(library)
    payloads = payloads_of(spec, CodecSettings(), speech)
    assert not any(map(has_fec, payloads))
    assert not spec.make_decoder(CodecSettings()).recover(payloads[5], np.zeros(320, dtype=np.float32))


@each_library
def test_features_are_what_the_controls_accept(library: OpusLibrary) -> None:
    features = library.features()
    assert {"dtx", "fec"} <= set(features)
    assert set(features) <= {"dtx", "fec", "decoder-complexity", "osce-bwe", "dred", "deep-plc", "osce"}
    assert ("decoder-complexity" in features) == library.steers_decoder()
    assert not OpusEncoder(library, 16000, 320).control(4999, 1)
    assert OpusEncoder(library, 16000, 320).read(4999) is None


class NeuralLibrary:
    """A libopus whose decoder sounds otherwise from given complexities on, as one with neural parts does."""

    def __init__(self, dll: Any, conceals_from: int, enhances_from: int) -> None:
        self._dll = dll
        self._from = {True: conceals_from, False: enhances_from}
        self._complexity: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dll, name)

    def opus_decoder_ctl(self, state: int, request: int, value: ctypes.c_int32) -> int:
        self._complexity[state] = value.value
        return 0

    def opus_decode_float(self, state: int, payload: bytes | None, size: int, pcm: int, *rest: int) -> int:
        count: int = self._dll.opus_decode_float(state, payload, size, pcm, *rest)
        if self._complexity.get(state, 0) >= self._from[payload is None]:
            ctypes.c_float.from_address(pcm).value += 0.01
        return count


@pytest.mark.parametrize(
    ("conceals_from", "enhances_from", "found"),
    [(5, 7, {"deep-plc", "osce"}), (5, 99, {"deep-plc"}), (99, 6, {"osce"}), (99, 99, set())],
)
def test_neural_parts_are_told_by_what_they_change(
    conceals_from: int, enhances_from: int, found: set[str]
) -> None:
    real = LIBRARIES[0]
    neural = replace(real, dll=NeuralLibrary(real.dll, conceals_from, enhances_from))
    assert set(neural.features()) & {"deep-plc", "osce"} == found


@each_library
def test_decoder_complexity_is_taken_where_there_is_one(library: OpusLibrary) -> None:
    spec = spec_of(library)
    spec.make_decoder(CodecSettings(decoder_complexity=5))
    with pytest.raises(ParameterError, match="0 to 10, got 11"):
        spec.make_decoder(CodecSettings(decoder_complexity=11))


@each_library
def test_settings_out_of_range_are_refused(library: OpusLibrary) -> None:
    spec = spec_of(library)
    for wrong in (
        CodecSettings(bit_rate_bps=5999),
        CodecSettings(bit_rate_bps=510001),
        CodecSettings(complexity=11),
        CodecSettings(complexity=-1),
        CodecSettings(expected_loss_pct=101),
        CodecSettings(ptime_ms=30),
    ):
        with pytest.raises(ParameterError):
            spec.make_encoder(wrong)
    with pytest.raises(ParameterError, match="got 44100"):
        OpusEncoder(library, 44100, 882)
    with pytest.raises(ParameterError, match="got 44100"):
        OpusDecoder(library, 44100)


@each_library
def test_the_lookahead_is_what_the_library_says(library: OpusLibrary) -> None:
    spec = spec_of(library)
    for rate in (16000, 32000):
        asked = CodecSettings(bit_rate_bps=rate)
        encoder = OpusEncoder(library, spec.sample_rate_hz(asked), 960)
        assert encoder.read(libopus.GET_LOOKAHEAD) == spec.delay_samples(asked)


@each_library
def test_a_peer_that_plays_narrowband_is_sent_nothing_wider(library: OpusLibrary, speech: Samples) -> None:
    spec = spec_of(library)
    asked = spec.apply_fmtp(CodecSettings(bit_rate_bps=20000), {"maxplaybackrate": "8000"})
    # RFC 6716 table 2: SILK narrowband is 0-3, CELT narrowband 16-19.
    narrow = {0, 1, 2, 3, 16, 17, 18, 19}
    assert {payload[0] >> 3 for payload in payloads_of(spec, asked, speech)} <= narrow
    wide = {payload[0] >> 3 for payload in payloads_of(spec, CodecSettings(bit_rate_bps=20000), speech)}
    assert not wide <= narrow


def test_a_damaged_packet_is_the_peers_fault() -> None:
    decoder = OpusDecoder(LIBRARIES[0], 16000)
    with pytest.raises(BitstreamError, match="at least 1 byte"):
        decoder.decode(b"", np.zeros(1920, dtype=np.float32))
    with pytest.raises(BitstreamError, match="3 bytes"):
        decoder.decode(b"\xff\xff\xff", np.zeros(1920, dtype=np.float32))


def test_a_block_too_small_for_a_packet_is_the_callers_fault(speech: Samples) -> None:
    payload = OpusEncoder(LIBRARIES[0], 16000, 960).encode(speech[:960])
    with pytest.raises(ParameterError, match="must hold 960 samples, holds 320"):
        OpusDecoder(LIBRARIES[0], 16000).decode(payload, np.zeros(320, dtype=np.float32))


def test_a_missing_library_says_what_to_install() -> None:
    spec = opus_spec(lambda: ("/nonexistent/libopus.so", "/etc/passwd"))
    for use in (spec.library, lambda: spec.make_encoder(CodecSettings())):
        with pytest.raises(LibraryMissing, match="opuslib-next-bundled") as caught:
            use()
        assert "/nonexistent/libopus.so" in str(caught.value)


def test_a_library_that_is_no_libopus_is_passed_over() -> None:
    good = LIBRARIES[0].path
    assert load_opus(("libm.so.6", "/nonexistent", good)).path == good


def test_nothing_is_looked_for_before_the_codec_is_used() -> None:
    looked = []

    def find() -> tuple[str, ...]:
        looked.append(1)
        return (LIBRARIES[0].path,)

    spec = opus_spec(find)
    spec.fmtp(CodecSettings())
    assert looked == []
    spec.make_encoder(CodecSettings())
    spec.make_decoder(CodecSettings())
    assert looked == [1]
