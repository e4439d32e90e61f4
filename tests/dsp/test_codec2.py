"""Codec2 in every mode the library has, on the bundled speech."""

import importlib.resources
import os

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from support.peers import read_wav

from dsp.codecs import MAX_PACKET_MS, CodecSettings, CodecSpec, codecs
from dsp.codecs.codec2 import apply_fmtp, codec2_spec, fmtp, mode_of, pack, ptimes_ms, unpack
from dsp.errors import BitstreamError, LibraryMissing, ParameterError
from dsp.libcodec2 import MODES, Codec2, Mode, load_codec2
from dsp.metrics.stoi import measure
from dsp.types import Samples
from softphone.io.libraries import find_codec2

RATE_HZ = 8000
STOI = {
    "3200": 0.87,
    "2400": 0.84,
    "1600": 0.82,
    "1400": 0.82,
    "1300": 0.80,
    "1200": 0.82,
    "700C": 0.73,
    "450": 0.70,
}
"""Measured with libcodec2 1.0.5 and 1.2, the lower of both speakers, rounded down."""
BY_NAME = {mode.name: mode for mode in MODES}


def _spec() -> CodecSpec | None:
    spec = codec2_spec(find_codec2)
    try:
        spec.library()
    except LibraryMissing:
        if os.environ.get("SOFTPHONE_PEERS_REQUIRED"):
            raise
        return None
    return spec


SPEC = _spec()
needs_library = pytest.mark.skipif(SPEC is None, reason="libcodec2 is not installed")
MODES_HERE = load_codec2(find_codec2()).modes() if SPEC is not None else MODES
every_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
every_mode_here = pytest.mark.parametrize("mode", MODES_HERE, ids=lambda mode: mode.name)


def at(mode: Mode, ptime_ms: int = MAX_PACKET_MS) -> tuple[CodecSpec, CodecSettings]:
    """The codec in *mode*."""
    assert SPEC is not None
    assert SPEC.at is not None
    settings = CodecSettings(bit_rate_bps=mode.bit_rate_bps, ptime_ms=ptime_ms)
    return SPEC.at(settings), settings


def speech(name: str) -> Samples:
    source = importlib.resources.files("softphone") / "data" / "speech" / f"{name}.wav"
    with importlib.resources.as_file(source) as path:
        samples, rate_hz = read_wav(path)
    return np.ascontiguousarray(soxr.resample(samples, rate_hz, RATE_HZ), dtype=np.float32)


def through(mode: Mode, signal: Samples, ptime_ms: int = MAX_PACKET_MS) -> tuple[Samples, list[bytes]]:
    spec, settings = at(mode, ptime_ms)
    encoder, decoder = spec.make_encoder(settings), spec.make_decoder(settings)
    size = ptime_ms * RATE_HZ // 1000
    payloads = [
        encoder.encode(signal[start : start + size]) for start in range(0, signal.size - size + 1, size)
    ]
    out = np.zeros(RATE_HZ * MAX_PACKET_MS // 1000, dtype=np.float32)
    heard = [out[: decoder.decode(payload, out)].copy() for payload in payloads]
    return np.concatenate(heard), payloads


def pitch_hz(signal: Samples) -> float:
    """The strongest period between 60 and 400 Hz."""
    spectrum = np.abs(np.fft.rfft(signal, 2 * signal.size)) ** 2
    alike = np.fft.irfft(spectrum)[: signal.size]
    lags = np.arange(RATE_HZ // 400, RATE_HZ // 60)
    return RATE_HZ / float(lags[np.argmax(alike[lags])])


def test_every_mode_has_the_bit_rate_of_its_name() -> None:
    assert [mode.bit_rate_bps for mode in MODES] == [3200, 2400, 1600, 1400, 1300, 1200, 700, 450]
    assert [mode.frame_samples for mode in MODES] == [160, 160, 320, 320, 320, 320, 320, 320]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (None, "2400"),
        (3200, "3200"),
        (3199, "2400"),
        (2000, "1600"),
        (1300, "1300"),
        (1199, "700C"),
        (450, "450"),
    ],
)
def test_the_highest_mode_within_the_bit_rate_is_taken(asked: int | None, name: str) -> None:
    assert mode_of(CodecSettings(bit_rate_bps=asked)).name == name


@pytest.mark.parametrize("asked", [449, 3201, 6000, 0])
def test_a_bit_rate_out_of_range_is_refused(asked: int) -> None:
    with pytest.raises(ParameterError, match=f"450 to 3200, got {asked}"):
        mode_of(CodecSettings(bit_rate_bps=asked))


def test_frames_follow_each_other_bit_by_bit_and_zeros_fill_up_the_end() -> None:
    frames = [bytes.fromhex("123456789abcd0"), bytes.fromhex("fedcba98765430")]
    packed = pack(BY_NAME["1300"], frames)
    assert packed.hex() == "123456789abcd" + "fedcba9876543"  # 13 digits of 4 bits each
    assert pack(BY_NAME["1300"], frames[:1]).hex() == "123456789abcd0"
    assert unpack(BY_NAME["1300"], packed) == frames
    two_bits_over = pack(BY_NAME["450"], [b"\xff\xff\xc0", b"\x00\x00\x00"])
    assert two_bits_over == b"\xff\xff\xc0\x00\x00"


@every_mode
def test_what_is_packed_comes_out_again_and_the_filling_is_ignored(mode: Mode) -> None:
    rng = np.random.default_rng(5)
    for ptime_ms in ptimes_ms(mode):
        bits = rng.integers(0, 2, (ptime_ms // mode.frame_ms, mode.frame_bits), dtype=np.uint8)
        frames = [row.tobytes() for row in np.packbits(bits, axis=1)]
        payload = pack(mode, frames)
        assert len(payload) == -(-bits.size // 8)
        assert unpack(mode, payload) == frames
        filling = 8 * len(payload) - bits.size
        assert unpack(mode, payload[:-1] + bytes([payload[-1] | (1 << filling) - 1])) == frames


@needs_library
@every_mode_here
def test_sizes_are_those_of_the_table_at_every_interval(mode: Mode) -> None:
    assert ptimes_ms(mode)[-1] == MAX_PACKET_MS
    for ptime_ms in ptimes_ms(mode):
        spec, settings = at(mode, ptime_ms)
        assert spec.ptimes_ms == ptimes_ms(mode)
        samples = ptime_ms * RATE_HZ // 1000
        payload = spec.make_encoder(settings).encode(speech("man")[4000 : 4000 + samples])
        assert len(payload) == -(-mode.frame_bits * ptime_ms // mode.frame_ms // 8)
        assert spec.payload_samples(payload, RATE_HZ) == samples
        out = np.full(RATE_HZ * MAX_PACKET_MS // 1000, 7, dtype=np.float32)
        assert spec.make_decoder(settings).decode(payload, out) == samples
        assert np.all(out[samples:] == 7)


@needs_library
@every_mode_here
@pytest.mark.parametrize("speaker", ["man", "woman"])
def test_speech_is_understood_at_its_level_after_the_delay_stated(mode: Mode, speaker: str) -> None:
    said = speech(speaker)
    heard, _ = through(mode, said)
    spec, settings = at(mode)

    def stoi(delay: int) -> float:
        return measure(said[: heard.size - delay], heard[delay:], RATE_HZ)

    delay = spec.delay_samples(settings)
    assert stoi(delay) > STOI[mode.name] - 0.01
    assert stoi(delay) > max(stoi(delay - 80), stoi(delay + 80))
    level_db = 10 * np.log10(np.mean(heard**2) / np.mean(said[: heard.size] ** 2))
    assert abs(level_db) < 2.5  # measured -1.8 to 1.9


@needs_library
@every_mode_here
@pytest.mark.parametrize("hz", [110.0, 220.0])
def test_the_pitch_of_a_voice_is_kept(mode: Mode, hz: float) -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    buzz = sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, int(3600 / hz)))
    heard, _ = through(mode, (0.1 * buzz).astype(np.float32))
    # Pitch is sent in 7 bits over two octaves or more, 450 in fewer: 3 and 8 % of a tone.
    assert pitch_hz(heard[3000:5000]) == pytest.approx(hz, rel=0.08 if mode.name == "450" else 0.03)


@needs_library
@every_mode_here
def test_longer_packets_hold_the_same_frames(mode: Mode) -> None:
    said = speech("woman")[: 24 * 960]
    _, alone = through(mode, said, mode.frame_ms)
    frames = [frame for payload in alone for frame in unpack(mode, payload)]
    for ptime_ms in ptimes_ms(mode)[1:]:
        _, together = through(mode, said, ptime_ms)
        found = [frame for payload in together for frame in unpack(mode, payload)]
        assert found == frames[: len(found)]


@needs_library
@every_mode_here
def test_silence_becomes_faint_noise(mode: Mode) -> None:
    heard, _ = through(mode, np.zeros(2 * RATE_HZ, dtype=np.float32))
    # Measured -60 to -101 dBov, peaks of -46.
    assert np.sqrt(np.mean(heard[RATE_HZ:] ** 2)) < 10 ** (-56 / 20)
    assert np.abs(heard).max() < 10 ** (-42 / 20)


@needs_library
@every_mode_here
def test_any_bytes_are_a_packet_or_the_one_error(mode: Mode) -> None:
    spec, settings = at(mode)
    decoder = spec.make_decoder(settings)
    out = np.zeros(RATE_HZ * MAX_PACKET_MS // 1000, dtype=np.float32)
    lengths = {-(-mode.frame_bits * (n + 1) // 8) for n in range(MAX_PACKET_MS // mode.frame_ms)}

    @given(
        st.binary(max_size=60)
        | st.sampled_from(sorted(lengths)).flatmap(lambda n: st.binary(min_size=n, max_size=n))
    )
    def check(payload: bytes) -> None:
        if len(payload) in lengths:
            assert decoder.decode(payload, out) == spec.payload_samples(payload, RATE_HZ)
            assert np.all(np.isfinite(out))
            return
        for use in (lambda: decoder.decode(payload, out), lambda: spec.payload_samples(payload, RATE_HZ)):
            with pytest.raises(BitstreamError, match=f"got {len(payload)}"):
                use()

    check()


@needs_library
def test_a_packet_interval_of_half_a_frame_is_refused() -> None:
    spec, settings = at(BY_NAME["1300"], 20)
    with pytest.raises(ParameterError, match=r"\(40, 80, 120, 160\) ms in mode 1300, got 20"):
        spec.make_encoder(settings)


@needs_library
def test_a_mode_the_library_lacks_is_refused_in_one_line() -> None:
    library = load_codec2(find_codec2())
    assert not library.has(Mode("700B", 7, 40, 28))
    with pytest.raises(ParameterError, match=r"libcodec2 .* has no mode 700B"):
        Codec2(library, Mode("700B", 7, 40, 28))
    with pytest.raises(ParameterError, match="320 samples and 60 bits"):
        Codec2(library, Mode("1300", 4, 40, 60))


@needs_library
def test_the_bit_rates_of_one_mode_are_one_codec() -> None:
    assert SPEC is not None
    assert SPEC.at is not None
    assert SPEC.at(CodecSettings(bit_rate_bps=1300)) == SPEC.at(CodecSettings(bit_rate_bps=1399))


def test_a_library_that_is_not_there_says_what_to_install() -> None:
    assert codecs.get("codec2").bind is not None
    missing = codec2_spec(lambda: ("/nonexistent",))
    assert missing.fmtp(CodecSettings()) == "mode=2400"
    for use in (missing.library, lambda: missing.make_encoder(CodecSettings())):
        with pytest.raises(
            LibraryMissing, match=r'tried /nonexistent; pip install "softphone\[codec2\]"'
        ) as told:
            use()
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("ours", "theirs", "both"),
    [
        ("1300", "1300", "1300"), ("1300", "2400", "1300"), ("3200", "700C", "700C"), ("1200", "3200", "1200"),
        ("450", "450", "450"), ("450", "1300", "700C"), ("450", "700C", "700C"),
        ("1300", None, "2400"), ("3200", None, "2400"), ("1300", "9600", "2400"),
    ],
)  # fmt: skip
def test_two_sides_arrive_at_one_mode(ours: str, theirs: str | None, both: str) -> None:
    def arrive(own: str, other: str | None) -> str:
        settings = CodecSettings(bit_rate_bps=BY_NAME[own].bit_rate_bps)
        return mode_of(apply_fmtp(settings, {} if other is None else {"mode": other})).name

    assert arrive(ours, theirs) == both
    if theirs in BY_NAME:
        assert arrive(theirs, ours) == both
        said = fmtp(CodecSettings(bit_rate_bps=BY_NAME[theirs].bit_rate_bps)).partition("=")[2]
        assert arrive(ours, said) == both
    assert mode_of(apply_fmtp(CodecSettings(bit_rate_bps=3200), {"mode": " 700c "})).name == "700C"
