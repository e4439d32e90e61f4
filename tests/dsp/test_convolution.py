import numpy as np
import pytest
from scipy.signal import fftconvolve, lfilter

from dsp import _native
from dsp.convolution import DIRECT_TAPS, Convolver, partition_of
from dsp.errors import ParameterError

LENGTHS = (1, 2, 31, 64, 255, 256, 257, DIRECT_TAPS, DIRECT_TAPS + 1, 4096, 5000, 48_000)


def noise(*shape, seed=1):
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def response(*shape, seed=2):
    """A decaying impulse response of energy 1."""
    taps = np.random.default_rng(seed).standard_normal(shape) * np.exp(
        -3.0 * np.arange(shape[-1]) / shape[-1]
    )
    return taps / np.sqrt(np.sum(taps**2, axis=-1, keepdims=True))


def in_pieces(convolver, sound, cuts):
    pieces = np.split(sound, cuts, axis=1)
    return np.concatenate([convolver.process(np.ascontiguousarray(each)) for each in pieces], axis=1)


@pytest.mark.parametrize("taps", LENGTHS)
def test_it_computes_what_fftconvolve_computes_without_delay(taps):
    h, x = response(taps), noise(2, 12_000)
    expected = fftconvolve(x.astype(np.float64), h[np.newaxis], axes=1)[:, :12_000]
    convolver = Convolver(h, 2)
    assert convolver.delay_samples == 0
    np.testing.assert_allclose(convolver.process(x), expected, atol=1e-6)


@pytest.mark.parametrize("taps", [1, 100, 700, 9000])
def test_pieces_equal_the_whole(taps):
    h, x = response(taps), noise(1, 6000)
    whole = Convolver(h).process(x.copy())
    pieces = in_pieces(Convolver(h), x, [0, 1, 2, 3, 40, 127, 128, 129, 500, 3000, 3001])
    np.testing.assert_array_equal(pieces, whole)


@pytest.mark.parametrize("block", [32, 64, 128, 256, 512, 1024])
def test_any_partition_gives_the_same_sound(block):
    h, x = response(3000), noise(1, 8000)
    expected = lfilter(h, 1.0, x.astype(np.float64))
    np.testing.assert_allclose(Convolver(h, 1, block).process(x), expected, atol=1e-6)


def test_each_channel_can_have_its_own_response():
    h, x = response(3, 900), noise(3, 4000)
    expected = [lfilter(row, 1.0, channel) for row, channel in zip(h, x.astype(np.float64), strict=True)]
    np.testing.assert_allclose(Convolver(h, 3).process(x), expected, atol=1e-6)


@pytest.mark.parametrize(("taps", "block"), [(40, 64), (2000, 128), (3000, 256)])
def test_both_code_paths_give_the_same_bits(taps, block):
    h, made = response(1, taps).astype(np.float32), []
    for simd in (True, False):
        x = noise(2, 5000)
        _native.PartitionedConvolver(h, 2, block, simd=simd).process(x)
        made.append(x)
    np.testing.assert_array_equal(made[0], made[1])


def test_a_response_of_one_second_over_a_long_block_is_right_to_its_end():
    h, x = response(48_000), noise(1, 200_000)
    expected = fftconvolve(x[0].astype(np.float64), h)[:200_000]
    np.testing.assert_allclose(Convolver(h).process(x)[0], expected, atol=1e-6)


def test_reset_is_as_new():
    convolver = Convolver(response(2000), 2)
    first = convolver.process(noise(2, 3333))
    convolver.reset()
    np.testing.assert_array_equal(convolver.process(noise(2, 3333)), first)


def test_silence_stays_silence_and_comes_back_after_sound():
    convolver = Convolver(response(2000))
    assert not convolver.process(np.zeros((1, 3000), dtype=np.float32)).any()
    convolver.process(noise(1, 3000))
    assert not convolver.process(np.zeros((1, 6000), dtype=np.float32))[:, 2600:].any()


def test_short_responses_are_one_partition_and_long_ones_are_cut():
    assert partition_of(1) == partition_of(32) == 32
    assert partition_of(33) == 64
    assert partition_of(DIRECT_TAPS) == DIRECT_TAPS
    assert partition_of(DIRECT_TAPS + 1) == 128
    assert partition_of(48_000) == 512


@pytest.mark.parametrize(
    ("taps", "channels", "block", "message"),
    [
        (np.zeros(0), 1, None, "1 to 67108864 taps"),
        (np.zeros((3, 10)), 2, None, "one for each of 2 channels, got 3"),
        (np.array([1.0, np.nan]), 1, None, "finite"),
        (np.ones(10), 1, 100, "power of two"),
        (np.ones(10), 1, 2048, "32 to 1024"),
        (np.ones(10), 0, None, "channels"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(taps, channels, block, message):
    with pytest.raises(ParameterError, match=message):
        Convolver(taps, channels, block)


def test_the_kernel_refuses_what_does_not_fit():
    running = _native.PartitionedConvolver(np.ones((1, 4), dtype=np.float32), 2)
    with pytest.raises(ValueError, match=r"shape \(2, n\)"):
        running.process(np.zeros((3, 10), dtype=np.float32))
    with pytest.raises(TypeError):
        running.process(np.zeros((2, 10)))
    with pytest.raises(ValueError, match="C-contiguous"):
        running.process(np.zeros((2, 10), dtype=np.float32)[:, ::2])
    with pytest.raises(ValueError, match="taps"):
        _native.PartitionedConvolver(np.ones((3, 4), dtype=np.float32), 2)
