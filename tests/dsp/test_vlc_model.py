"""The arrays of VLC's models."""

import numpy as np
import pytest

from dsp.codecs.vlc.model import NARROW, WIDE, Model, bark

both = pytest.mark.parametrize("model", [NARROW, WIDE], ids=["narrow", "wide"])


@both
def test_each_band_is_a_mean_and_each_gain_a_blend_of_two_neighbours(model: Model) -> None:
    assert model.filter_bank.shape == (model.bands, model.bins)
    assert np.allclose(model.filter_bank.sum(axis=1), 1, atol=1e-6)
    assert model.filter_bank.min() == 0
    for matrix in (model.band_interpolation, model.voicing_interpolation):
        assert np.allclose(matrix.sum(axis=1), 1, atol=1e-6)
        for row in matrix:
            (used,) = np.nonzero(row)
            assert used.size <= 2
            assert used[-1] - used[0] <= 1


@both
def test_bands_are_equally_spaced_on_the_bark_scale(model: Model) -> None:
    steps = np.diff(bark(model.band_centres_hz))
    assert np.ptp(steps) < 1e-5
    middles = model.filter_bank @ np.linspace(0, model.sample_rate_hz / 2, model.bins)
    assert np.all(np.abs(middles - model.band_centres_hz) < 0.12 * model.band_centres_hz + 10)


@both
def test_no_bin_has_two_voicings_and_windows_add_up(model: Model) -> None:
    assert set(np.unique(model.voicing_filter_bank)) == {0.0, 1.0}
    assert model.voicing_filter_bank.sum(axis=0).max() == 1
    for hop_ms in (8, 16):
        squares = (
            np.square(model.window.astype(np.float64)).reshape(-1, model.frame_samples(hop_ms)).sum(axis=0)
        )
        assert np.ptp(squares) < 1e-6


def test_the_arrays_cannot_be_changed() -> None:
    for array in (NARROW.window, NARROW.filter_bank, WIDE.band_interpolation, WIDE.voicing_filter_bank):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
