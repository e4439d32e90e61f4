"""The kernel of loudness spectra against its twin in NumPy."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from dsp._native import BandPowers


def tables(size, points, bands, seed=1):
    rng = np.random.default_rng(seed)
    bank = rng.uniform(0, 1, (points // 2 + 1, bands)).astype(np.float32)
    bank[rng.uniform(size=bank.shape) < 0.5] = 0
    return rng.uniform(0, 1, size).astype(np.float32), bank


def twin(window, bank, hop, sounds):
    frames = sliding_window_view(sounds, window.size, axis=1)[:, ::hop] * window.astype(np.float64)
    return np.square(np.abs(np.fft.rfft(frames, 2 * (len(bank) - 1)))) @ bank


@pytest.mark.parametrize(
    ("size", "points", "hop"), [(160, 256, 80), (320, 512, 160), (8, 8, 3), (960, 1024, 960)]
)
@pytest.mark.parametrize("channels", [1, 3, 70])
def test_it_gives_what_numpy_gives(size, points, hop, channels):
    window, bank = tables(size, points, 20)
    sounds = np.random.default_rng(2).standard_normal((channels, size + 6 * hop + 1)).astype(np.float32)
    right = twin(window, bank, hop, sounds)
    powers = np.full(right.shape, np.nan, dtype=np.float32)
    BandPowers(window, bank, hop).measure(sounds, powers)
    assert np.allclose(powers, right, rtol=2e-5)


def test_a_band_without_lines_has_no_power():
    window, bank = tables(16, 16, 2)
    bank[:, 1] = 0
    powers = np.ones((1, 1, 2), dtype=np.float32)
    BandPowers(window, bank, 8).measure(np.ones((1, 16), dtype=np.float32), powers)
    assert powers[0, 0, 1] == 0


@pytest.mark.parametrize(
    ("size", "lines", "hop"),
    [(0, 9, 1), (16, 8, 4), (17, 9, 4), (16, 9, 0), (16, 9, 17), (16, 3, 4), (20000, 16385, 1)],
)
def test_tables_that_do_not_fit_are_refused(size, lines, hop):
    with pytest.raises(ValueError, match="must"):
        BandPowers(np.ones(size, dtype=np.float32), np.ones((lines, 4), dtype=np.float32), hop)


def test_tables_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="float32"):
        BandPowers(np.ones(16), np.ones((9, 4), dtype=np.float32), 8)
    with pytest.raises(ValueError, match="lines"):
        BandPowers(np.ones(16, dtype=np.float32), np.ones(9, dtype=np.float32), 8)


@pytest.mark.parametrize(
    ("sounds", "powers"), [((1, 15), (1, 1, 4)), ((16,), (1, 1, 4)), ((1, 24), (1, 1, 4)), ((1, 16), (1, 4))]
)
def test_sounds_and_powers_that_do_not_fit_are_refused(sounds, powers):
    kernel = BandPowers(np.ones(16, dtype=np.float32), np.ones((9, 4), dtype=np.float32), 8)
    with pytest.raises(ValueError, match="must be"):
        kernel.measure(np.zeros(sounds, dtype=np.float32), np.zeros(powers, dtype=np.float32))
