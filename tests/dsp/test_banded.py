"""The banded solver against NumPy's dense one."""

import numpy as np
import pytest

from dsp._native import solve_banded
from dsp.autoregression import interpolate, model


@pytest.mark.parametrize(("size", "width"), [(1, 1), (1, 5), (7, 1), (30, 4), (40, 40), (12, 20), (300, 33)])
def test_the_solution_is_that_of_a_dense_solver(size: int, width: int) -> None:
    rng = np.random.default_rng(size)
    rows, columns = np.indices((size, size))
    half = np.where((rows >= columns) & (rows - columns < width), rng.standard_normal((size, size)), 0.0)
    matrix = half @ half.T + np.eye(size)
    matrix[np.abs(rows - columns) >= width] = 0.0
    right = rng.standard_normal(size)
    band = np.array([[matrix[i, i - k] if i >= k else np.nan for k in range(width)] for i in range(size)])
    found = right.copy()
    solve_banded(band, found)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, right), rtol=1e-8, atol=1e-9)


def test_what_is_not_positive_definite_or_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="not positive definite at row 1"):
        solve_banded(np.array([[1.0, 0.0], [1.0, 2.0]]), np.ones(2))
    with pytest.raises(ValueError, match="not positive definite at row 0"):
        solve_banded(np.array([[np.nan]]), np.ones(1))
    with pytest.raises(ValueError, match="as many rows"):
        solve_banded(np.ones((3, 2)), np.ones(2))
    with pytest.raises(TypeError):
        solve_banded(np.ones((2, 2), dtype=np.float32), np.ones(2))


@pytest.mark.parametrize("order", [24, 64])
@pytest.mark.parametrize("gap", [3, 200, 1500])
def test_no_sound_makes_it_unsolvable(order: int, gap: int) -> None:
    n = np.arange(4000)
    rng = np.random.default_rng(1)
    sounds = [
        np.ones(4000),
        1e-3 * n,
        np.sin(0.01 * n),
        100 * np.sign(np.sin(0.03 * n)),
        np.clip(1e3 * np.sin(0.05 * n), -1, 1),
        (n == 700) * 100.0,
        1e-7 * rng.standard_normal(4000),
        np.convolve(rng.standard_normal(4000), np.hanning(300), mode="same"),
        (-1.0) ** n,
        np.where(n < 2000, 0.0, np.sin(0.3 * n)),
    ]
    missing = np.zeros(4000, dtype=bool)
    missing[1000 : 1000 + gap] = missing[3990:] = missing[:3] = True
    for sound in sounds:
        a = model(sound, order)
        assert a is not None
        spoilt = sound.copy()
        interpolate(spoilt, missing, a)
        assert np.isfinite(spoilt).all()
