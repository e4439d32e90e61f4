"""The kernel of the neurogram similarity against its twin in NumPy."""

import numpy as np
import pytest
from scipy.ndimage import correlate

from dsp._native import patch_similarity

WEIGHTS = (0.0113033910173052, 0.0838251475442633, 0.619485845753726)
CONSTANTS = (1e-4, 4.5e-4)


def twin(r, d):
    """Hines and Harte 2012, equation 5: luminance times structure; the mean over time of each band."""
    corner, edge, centre = WEIGHTS
    kernel = np.array([[corner, edge, corner], [edge, centre, edge], [corner, edge, corner]])

    def around(x):
        return correlate(x, kernel, mode="nearest")

    mr, md = around(r), around(d)
    rr, dd, rd = around(r * r) - mr**2, around(d * d) - md**2, around(r * d) - mr * md
    c1, c3 = CONSTANTS
    structure = (rd + c3) / (np.sqrt(np.maximum(rr * dd, 0)) + c3)
    return ((2 * mr * md + c1) / (mr**2 + md**2 + c1) * structure).mean(axis=0)


def compared(r, d, **how):
    out = np.full((len(d) - len(r) + 1, r.shape[1]), np.nan)
    patch_similarity(r, d, out, WEIGHTS, CONSTANTS, **how)
    return out


@pytest.mark.parametrize("simd", [False, True])
@pytest.mark.parametrize(("frames", "bands", "places"), [(20, 21, 3), (17, 21, 1), (1, 1, 4), (2, 5, 2)])
def test_it_gives_what_numpy_gives(frames, bands, places, simd):
    rng = np.random.default_rng(1)
    r = rng.uniform(0, 60, (frames, bands))
    d = np.vstack((r, rng.uniform(0, 60, (places - 1, bands)))) + rng.normal(
        0, 4, (frames + places - 1, bands)
    )
    found = compared(r, d, simd=simd)
    right = [twin(r, d[place : place + frames]) for place in range(places)]
    assert np.allclose(found, right, rtol=1e-9, atol=1e-9)


def test_both_code_paths_give_the_same_bits():
    rng = np.random.default_rng(2)
    r, d = rng.uniform(0, 60, (20, 21)), rng.uniform(0, 60, (24, 21))
    assert np.array_equal(compared(r, d), compared(r, d, simd=False))


def test_equal_patches_are_alike_in_every_band_and_flat_ones_too():
    r = np.random.default_rng(3).uniform(0, 60, (20, 21))
    assert compared(r, r) == pytest.approx(1.0)
    assert compared(np.zeros((20, 21)), np.zeros((20, 21))) == pytest.approx(1.0)
    assert compared(np.full((20, 21), 37.1), np.full((20, 21), 37.1)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("r", "d", "out"),
    [((4, 3), (3, 3), (1, 3)), ((4, 3), (4, 2), (1, 3)), ((4, 3), (5, 3), (1, 3)), ((4,), (4, 3), (1, 3))],
)
def test_shapes_that_do_not_fit_are_refused(r, d, out):
    with pytest.raises(ValueError, match="must be"):
        patch_similarity(np.zeros(r), np.zeros(d), np.zeros(out), WEIGHTS, CONSTANTS)


def test_other_kinds_of_numbers_and_constants_that_divide_by_nothing_are_refused():
    r = np.zeros((4, 3))
    with pytest.raises(TypeError, match="float64"):
        patch_similarity(r.astype(np.float32), r, np.zeros((1, 3)), WEIGHTS, CONSTANTS)
    with pytest.raises(ValueError, match="above 0"):
        patch_similarity(r, r, np.zeros((1, 3)), WEIGHTS, (0.0, 1.0))
