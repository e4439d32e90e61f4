"""Comfort noise: descriptors of RFC 3389, and noise made of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.comfort_noise import ORDER, Background, NoiseLoop, shape_of
from dsp.errors import BitstreamError
from dsp.noise import Noise

RATE_HZ = 8000


def level_dbov(sound):
    return 10 * np.log10(np.mean(np.square(sound, dtype=np.float64)))


def spectrum(sound):
    frames = sound[: sound.size // 256 * 256].reshape(-1, 256) * np.hanning(256)
    return 10 * np.log10(np.square(np.abs(np.fft.rfft(frames))).mean(axis=0))


def low_noise(count):
    """Noise that falls towards high frequencies."""
    white = Noise(3).white(count + 64)
    return np.convolve(white, 0.8 ** np.arange(64), "valid")[:count].astype(np.float32) * np.float32(0.003)


def made(background, count=4 * RATE_HZ):
    loop = NoiseLoop(RATE_HZ)
    loop.set(background)
    out = np.empty(count, dtype=np.float32)
    loop.fill(out)
    return out


def test_the_bytes_are_those_of_rfc_3389():
    # Section 3.1: the level without its sign. Section 3.2: k = 258 (N - 127) / 32768.
    background = Background(-52.0, (0.5, -0.25, 0.0))
    assert bytes(background) == bytes(
        (52, 127 + round(0.5 * 32768 / 258), 127 - round(0.25 * 32768 / 258), 127)
    )
    back = Background.parse(bytes(background))
    assert back.level_dbov == -52.0
    assert back.reflection == pytest.approx((0.5, -0.25, 0.0), abs=258 / 32768 / 2)


def test_the_unused_bit_and_the_reserved_index_say_nothing():
    assert Background.parse(bytes((0x80 | 30, 255))) == Background(-30.0, (0.0,))


def test_a_level_alone_is_a_descriptor_and_nothing_is_none():
    assert Background.parse(b"\x2d") == Background(-45.0, ())
    with pytest.raises(BitstreamError, match="1 byte or more, got 0"):
        Background.parse(b"")


@given(st.binary(min_size=1, max_size=40))
def test_any_bytes_make_finite_noise(payload):
    out = made(Background.parse(payload), 500)
    assert np.isfinite(out).all()


def test_noise_of_a_description_is_as_loud_and_as_coloured_as_what_was_described():
    sound = low_noise(2 * RATE_HZ)
    background = Background.measure(sound, RATE_HZ)
    assert len(background.reflection) == ORDER
    heard = made(Background.parse(bytes(background)))
    assert level_dbov(heard) == pytest.approx(level_dbov(sound), abs=0.6)
    assert np.abs(spectrum(heard) - spectrum(sound))[4:-4].max() < 2.5


def test_silence_is_described_as_the_least_level_and_sounds_like_it():
    background = Background.measure(np.zeros(800, dtype=np.float32), RATE_HZ)
    assert bytes(background)[0] == 127
    assert not made(Background.parse(bytes(background))).any()


def test_blocks_of_any_length_give_the_same_noise():
    background = Background(-50.0, (-0.7, 0.2))
    whole = made(background, 40_000)
    loop = NoiseLoop(RATE_HZ)
    loop.set(background)
    pieces, at = np.empty_like(whole), 0
    for size in (1, 480, 7, 20_000, 19_512):
        loop.fill(pieces[at : at + size])
        at += size
    assert at == whole.size
    assert np.array_equal(pieces, whole)


def test_the_loop_has_no_seam():
    out = made(Background(-40.0, (-0.9,)), 2 * (1 << (2 * RATE_HZ).bit_length()))
    steps = np.abs(np.diff(out))
    seam = out.size // 2
    assert steps[seam - 1] < 5 * steps.std()


def test_without_a_description_there_is_silence():
    out = np.ones(100, dtype=np.float32)
    NoiseLoop(RATE_HZ).fill(out)
    assert not out.any()


def test_a_shape_has_a_mean_power_of_one():
    assert np.mean(shape_of((-0.9, 0.3), 129) ** 2) == pytest.approx(1.0)
