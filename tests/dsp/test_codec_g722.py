"""G.722 against a twin that is written apart from it and against FFmpeg's coder, and on real speech."""

import importlib.resources
import os
import subprocess

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.g722_twin import TwinDecoder, TwinEncoder
from support.peers import missing, read_wav

from dsp._native import G722Decoder, G722Encoder
from dsp.codecs import MAX_PACKET_MS, CodecSettings, codecs, timestamp_ticks
from dsp.errors import BitstreamError
from dsp.types import Samples

SPEC = codecs.get("g722")
RATE_HZ = 16_000


def speech(name: str = "woman", level_db: float = 0.0) -> Samples:
    with importlib.resources.as_file(
        importlib.resources.files("softphone") / "data" / "speech" / f"{name}.wav"
    ) as path:
        said, rate_hz = read_wav(path)
    sound = soxr.resample(said, rate_hz, RATE_HZ)[: 3 * RATE_HZ]
    return np.ascontiguousarray(sound * 10 ** (level_db / 20), dtype=np.float32)


def noise(count: int, rms: float, seed: int = 1) -> Samples:
    return (rms * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def pcm_of(samples: Samples) -> NDArray[np.int16]:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")


def encode(samples: Samples) -> bytes:
    return G722Encoder().encode(samples)


def decode(payload: bytes) -> Samples:
    out = np.full(2 * len(payload), np.nan, dtype=np.float32)
    assert G722Decoder().decode(payload, out) == out.size
    return out


def any_octets(count: int) -> bytes:
    return np.random.default_rng(2).integers(0, 256, count, dtype=np.uint8).tobytes()


def snr_db(sent: Samples, heard: Samples) -> float:
    delay = SPEC.delay_samples(CodecSettings())
    wanted, got = sent[: sent.size - delay].astype(float), heard[delay:].astype(float)
    return float(10 * np.log10(np.sum(wanted**2) / np.sum((got - wanted) ** 2)))


def ffmpeg(*arguments: str, given: bytes) -> bytes:
    reason = missing("ffmpeg")
    if reason is not None:
        if os.environ.get("SOFTPHONE_PEERS_REQUIRED"):
            pytest.fail(f"SOFTPHONE_PEERS_REQUIRED is set, but {reason}")
        pytest.skip(reason)
    command = ["ffmpeg", "-v", "error", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


SOUNDS = {
    "speech": speech()[16_000:18_000],
    "loud noise": noise(2000, 0.4),
    "beyond full scale": noise(2000, 3.0),
    "hardly a sound": noise(2000, 1e-4),
    "high tone": (0.9 * np.sin(2 * np.pi * 6900 / RATE_HZ * np.arange(2000))).astype(np.float32),
}


@pytest.mark.parametrize("sound", SOUNDS.values(), ids=SOUNDS.keys())
def test_the_kernel_gives_what_its_twin_gives(sound: Samples) -> None:
    payload = encode(sound)
    assert payload == TwinEncoder().encode(pcm_of(sound).tolist())
    assert (decode(payload) * 32768).tolist() == TwinDecoder().decode(payload)


@given(st.binary(max_size=300))
def test_any_octets_give_what_the_twin_makes_of_them(payload: bytes) -> None:
    assert (decode(payload) * 32768).tolist() == TwinDecoder().decode(payload)


def test_a_long_run_of_any_octets_gives_what_the_twin_makes_of_it() -> None:
    payload = any_octets(4000)
    assert (decode(payload) * 32768).tolist() == TwinDecoder().decode(payload)


@pytest.mark.interop
@pytest.mark.parametrize("name", ["man", "woman"])
def test_ffmpeg_codes_speech_to_the_same_octets_and_hears_the_same(name: str) -> None:
    sound = speech(name)
    raw = ("-f", "s16le", "-ar", "16000", "-ac", "1")
    payload = encode(sound)
    assert ffmpeg(*raw, "-i", "-", "-f", "g722", "-", given=pcm_of(sound).tobytes()) == payload
    assert ffmpeg("-f", "g722", "-i", "-", *raw, "-", given=payload) == pcm_of(decode(payload)).tobytes()


@pytest.mark.interop
def test_ffmpeg_hears_the_same_in_any_octets() -> None:
    payload = any_octets(20_000)
    heard = ffmpeg("-f", "g722", "-i", "-", "-f", "s16le", "-", given=payload)
    assert heard == pcm_of(decode(payload)).tobytes()


@pytest.mark.parametrize("name", ["man", "woman"])
def test_speech_keeps_its_waveform_at_any_level(name: str) -> None:
    """Measured, man and woman: 33.4 and 31.6 dB as it is, 33.3 and 31.6 at -10 dB, 25.3 and 23.9 at -30 dB."""
    found = [snr_db(speech(name, level), decode(encode(speech(name, level)))) for level in (0, -10, -30)]
    assert found[0] > 30
    assert found[1] == pytest.approx(found[0], abs=0.5), "the scale factor follows the level"
    assert found[2] > 22, "at -30 dB the rounding to 16 bits and the smallest step begin to be heard"


def test_tones_of_both_bands_come_through() -> None:
    """Measured: 35.2, 20.5 and 22.7 dB; the higher sub-band has two bits a sample."""
    for hz, least_db in ((1000, 33), (5000, 19), (6500, 21)):
        tone = (0.3 * np.sin(2 * np.pi * hz / RATE_HZ * np.arange(RATE_HZ))).astype(np.float32)
        assert snr_db(tone, decode(encode(tone))) > least_db


def test_silence_is_silent_to_one_step_of_the_standards_14_bits() -> None:
    assert np.abs(decode(encode(np.zeros(RATE_HZ, dtype=np.float32)))).max() <= 4 / 32768
    after = decode(encode(np.concatenate((speech(), np.zeros(RATE_HZ, dtype=np.float32)))))
    assert np.abs(after[-RATE_HZ // 2 :]).max() <= 4 / 32768


def test_an_impulse_comes_out_after_the_delay_that_is_stated() -> None:
    sound = np.zeros(640, dtype=np.float32)
    for at in (200, 401):
        sound[at] = 0.5
    heard = decode(encode(sound))
    for at in (200, 401):
        assert int(np.argmax(heard[at - 50 : at + 50])) - 50 == SPEC.delay_samples(CodecSettings()) == 22


def test_pieces_equal_the_whole() -> None:
    sound = speech()[:20_000]
    payload = encode(sound)
    whole = decode(payload)
    encoder, decoder = G722Encoder(), G722Decoder()
    octets, heard, start = b"", [], 0
    for size in (
        0,
        1,
        2,
        63,
        64,
        65,
        129,
        1000,
        4000,
        len(payload),
    ):  # octets; 1024 and more run without the GIL
        octets += encoder.encode(sound[2 * start : 2 * (start + size)])
        out = np.zeros(2 * size + 3, dtype=np.float32)
        count = decoder.decode(payload[start : start + size], out)
        heard.append(out[:count])
        start += size
    assert octets == payload
    assert np.array_equal(np.concatenate(heard), whole)


def test_reset_is_as_new() -> None:
    sound = speech()[:4000]
    encoder, decoder = G722Encoder(), G722Decoder()
    outs = []
    for _ in range(2):
        payload = encoder.encode(sound)
        out = np.zeros(sound.size, dtype=np.float32)
        decoder.decode(payload, out)
        outs.append((payload, out.tobytes()))
        encoder.reset()
        decoder.reset()
    assert outs[0] == outs[1]
    assert encoder.encode(sound) == outs[0][0]
    assert encoder.encode(sound) != outs[0][0], "without a reset the past counts"


def test_a_decoder_heals_after_lost_packets() -> None:
    """Half a second after 100 ms went missing; measured to 0.01 dB after a fifth of a second."""
    sound = speech()
    payload = encode(sound)
    lost = range(16_000 // 2, 16_000 // 2 + 5 * 160)
    decoder, heard = G722Decoder(), np.zeros(sound.size, dtype=np.float32)
    decoder.decode(payload[: lost.start], heard)
    decoder.decode(payload[lost.stop :], heard[2 * lost.stop :])
    later = slice(2 * lost.stop + RATE_HZ // 2, None)
    without = snr_db(sound[later], decode(payload)[later])
    assert snr_db(sound[later], heard[later]) == pytest.approx(without, abs=0.1)


def test_not_a_number_is_silence_and_infinity_is_clipped() -> None:
    sound = noise(640, 0.1)
    strange, plain = sound.copy(), sound.copy()
    strange[100], strange[201], strange[302] = np.nan, np.inf, -np.inf
    plain[100], plain[201], plain[302] = 0, 1, -1
    assert encode(strange) == encode(plain)


def test_what_the_kernel_cannot_take_is_refused() -> None:
    encoder, decoder = G722Encoder(), G722Decoder()
    with pytest.raises(ValueError, match="even number, got 3"):
        encoder.encode(np.zeros(3, dtype=np.float32))
    with pytest.raises(ValueError, match="one dimension, got 2"):
        encoder.encode(np.zeros((1, 4), dtype=np.float32))
    with pytest.raises(TypeError, match="float32"):
        encoder.encode(np.zeros(4))
    with pytest.raises(ValueError, match="6 samples or more"):
        decoder.decode(b"123", np.zeros(5, dtype=np.float32))
    with pytest.raises(ValueError, match="writable"):
        decoder.decode(b"1", np.frombuffer(bytes(8), dtype=np.float32))
    with pytest.raises(TypeError):
        decoder.decode("1", np.zeros(2, dtype=np.float32))  # type: ignore[arg-type]


def test_a_packet_is_told_by_its_octets_and_counts_at_half_the_sample_rate() -> None:
    assert (SPEC.sdp_name, SPEC.payload_type, SPEC.clock_rate_hz) == ("G722", 9, 8000)
    out = np.zeros(RATE_HZ * MAX_PACKET_MS // 1000, dtype=np.float32)
    decoder = SPEC.make_decoder(CodecSettings())
    assert decoder.decode(bytes(160), out) == 320
    assert SPEC.payload_samples(bytes(160), RATE_HZ) == 320
    assert SPEC.payload_samples(bytes(160), 48_000) == 960
    assert timestamp_ticks(320, SPEC, RATE_HZ) == 160  # RFC 3551 section 4.5.2
    longest = 8 * MAX_PACKET_MS  # 64 kb/s
    for payload in (b"", bytes(longest + 1)):
        with pytest.raises(BitstreamError, match=f"1 to {longest} bytes, got {len(payload)}"):
            decoder.decode(payload, out)
