"""The gammatone bank: its design against the published filters, its kernel against a twin in NumPy."""

import numpy as np
import pytest
from scipy.signal import gammatone, sosfreqz

from dsp._native import GammatoneBank as Kernel
from dsp.errors import ParameterError
from dsp.gammatone import GammatoneBank, centre_frequencies, sections

RATE = 16_000


def sections_of(row):
    """(4, 6) for scipy, without the gain."""
    _, b1, b2, *zeros = row
    return np.array([[1.0, zero, 0.0, 1.0, b1, b2] for zero in zeros])


def twin(window, table, hop, sound):
    """The transposed direct form II, all windows at once, in double precision."""
    starts = range(0, sound.size - window.size + 1, hop)
    frames = np.stack([sound[start : start + window.size] * window.astype(np.float64) for start in starts])
    scale, b1, b2, *zeros = table.T
    first, second = np.zeros((4, len(frames), len(table))), np.zeros((4, len(frames), len(table)))
    power = np.zeros((len(frames), len(table)))
    for i in range(window.size):
        x = np.repeat(frames[:, i : i + 1], len(table), axis=1)
        for k, zero in enumerate(zeros):
            y = x + first[k]
            first[k] = zero * x - b1 * y + second[k]
            second[k] = -b2 * y
            x = y
        power += x**2
    return power * scale


def bank(bands, size=256):
    table = sections(centre_frequencies(bands, 50.0, 8000.0), RATE)
    table[:, 0] = 1 / (table[:, 0] ** 2 * size)
    return np.hanning(size).astype(np.float32), table


def test_centres_are_those_of_slaney_evenly_spaced_in_erb():
    found = centre_frequencies(21, 50.0, 8000.0)
    assert found[0] == pytest.approx(50.0)
    scale = np.log(np.append(found, 8000.0) + 9.26449 * 24.7)
    assert np.diff(scale) == pytest.approx(np.diff(scale)[0])


def test_a_filter_is_1_at_its_centre_and_has_the_shape_that_scipy_gives_it():
    # SciPy has the filter as one polynomial of the eighth order, good to 0.2 % at these frequencies.
    centres = centre_frequencies(6, 300.0, 6400.0)
    for centre, row in zip(centres, sections(centres, RATE), strict=True):
        at, response = sosfreqz(sections_of(row), np.array([0.7, 1.0, 1.3]) * centre, fs=RATE)
        numerator, denominator = gammatone(centre, "iir", fs=RATE)
        delay = np.exp(-2j * np.pi * at / RATE)
        right = np.abs(np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay))
        assert np.abs(response) / row[0] == pytest.approx(right, rel=2e-3)
        assert np.abs(response[1]) / row[0] == pytest.approx(1.0)


@pytest.mark.parametrize("bands", [1, 8, 21])
@pytest.mark.parametrize("simd", [False, True])
def test_the_kernel_gives_what_numpy_gives(bands, simd):
    window, table = bank(bands)
    sound = np.random.default_rng(1).standard_normal(256 + 5 * 60 + 7).astype(np.float32)
    right = twin(window, table, 60, sound)
    powers = np.full(right.shape, np.nan, dtype=np.float32)
    Kernel(window, table, 60, simd=simd).measure(sound, powers)
    # Single precision: the widest gap between what is filtered out and what is left is in the lowest band.
    assert np.allclose(powers, right, rtol=1e-3)


def test_both_code_paths_give_the_same_bits():
    window, table = bank(21, 1280)
    sound = np.random.default_rng(2).standard_normal(4000).astype(np.float32)
    wide, plain = np.empty((9, 21), dtype=np.float32), np.empty((9, 21), dtype=np.float32)
    Kernel(window, table, 320).measure(sound, wide)
    Kernel(window, table, 320, simd=False).measure(sound, plain)
    assert np.array_equal(wide, plain)


def test_each_window_is_filtered_from_rest():
    window, table = bank(21)
    quiet = np.zeros(512, dtype=np.float32)
    quiet[256:] = 0.1
    both = np.empty((2, 21), dtype=np.float32)
    Kernel(window, table, 256).measure(quiet, both)
    alone = np.empty((1, 21), dtype=np.float32)
    Kernel(window, table, 256).measure(quiet[256:], alone)
    assert not both[0].any()
    assert np.array_equal(both[1], alone[0])


def test_a_tone_is_loudest_in_its_own_band_at_half_its_power():
    centres = centre_frequencies(21, 50.0, 8000.0)
    tones = GammatoneBank(np.ones(8000, dtype=np.float32), 8000, centres, RATE)
    for number in (3, 10, 18):
        tone = np.sin(2 * np.pi * centres[number] * np.arange(8000) / RATE).astype(np.float32)
        powers = tones.powers(tone)[0]
        assert powers.argmax() == number
        assert powers[number] == pytest.approx(0.5, rel=0.1)


def test_a_sound_shorter_than_a_window_has_no_powers():
    assert GammatoneBank(np.ones(64, dtype=np.float32), 16, np.array([1000.0]), RATE).powers(
        np.ones(63, dtype=np.float32)
    ).shape == (0, 1)


def test_centres_beyond_half_of_the_rate_and_hops_without_length_are_refused():
    with pytest.raises(ParameterError, match="between 0 and 8000 Hz"):
        GammatoneBank(np.ones(64, dtype=np.float32), 16, np.array([9000.0]), RATE)
    with pytest.raises(ParameterError, match="hop"):
        GammatoneBank(np.ones(64, dtype=np.float32), 0, np.array([1000.0]), RATE)


def test_tables_that_make_no_filter_are_refused():
    window, table = bank(3)
    with pytest.raises(TypeError, match="float64"):
        Kernel(window, table.astype(np.float32), 60)
    with pytest.raises(ValueError, match="bands, 7"):
        Kernel(window, np.ascontiguousarray(table[:, :6]), 60)
    with pytest.raises(ValueError, match="window"):
        Kernel(np.ones(0, dtype=np.float32), table, 60)
    for column, value, word in ((2, 1.0, "unstable"), (3, np.nan, "finite"), (0, np.inf, "finite")):
        wrong = table.copy()
        wrong[1, column] = value
        with pytest.raises(ValueError, match=word):
            Kernel(window, wrong, 60)


@pytest.mark.parametrize(
    ("sound", "powers"), [((255,), (1, 3)), ((1, 256), (1, 3)), ((256,), (2, 3)), ((256,), (1, 4))]
)
def test_sounds_and_powers_that_do_not_fit_are_refused(sound, powers):
    window, table = bank(3)
    with pytest.raises(ValueError, match="must be"):
        Kernel(window, table, 60).measure(
            np.zeros(sound, dtype=np.float32), np.zeros(powers, dtype=np.float32)
        )
