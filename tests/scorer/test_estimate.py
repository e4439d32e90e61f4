"""A mean, how many it is of, and its 95 % interval."""

import math

import pytest

from softphone.scorer.estimate import estimate


def test_the_interval_is_students_t() -> None:
    found = estimate([1.0, 2.0, 3.0, 4.0])
    assert found is not None
    # t(0.975, 3) = 3.182 (any table), s = 1.291, n = 4
    assert (found["n"], found["mean"]) == (4, 2.5)
    assert found["ci95"] == pytest.approx(3.182 * 1.291 / 2, abs=1e-3)


def test_one_measurement_has_no_interval_and_none_no_mean() -> None:
    assert estimate([2.0]) == {"n": 1, "mean": 2.0, "ci95": None}
    assert estimate([]) is None
    assert estimate([math.nan, math.inf]) is None
