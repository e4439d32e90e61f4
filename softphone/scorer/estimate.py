"""A mean of several measurements with how sure it is: Student's t, 95 %."""

import math
import statistics
from collections.abc import Sequence
from typing import TypedDict

CONFIDENCE = 0.95


class Estimate(TypedDict):
    """A mean, as printed."""

    n: int
    """Measurements it is the mean of."""
    mean: float
    ci95: float | None
    """Half the width of its 95 % interval; None of a single measurement."""


def estimate(values: Sequence[float], *, digits: int = 4) -> Estimate | None:
    """The mean of *values*, which are taken to be drawn independently from one population; None of nothing.

    The interval is mean +- t(0.975, n - 1) s / sqrt(n), with s the standard deviation of the sample.
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return None
    mean, half = statistics.fmean(known), None
    if len(known) > 1:
        from scipy.special import stdtrit

        quantile = float(stdtrit(len(known) - 1, 0.5 + CONFIDENCE / 2))
        half = round(quantile * statistics.stdev(known) / math.sqrt(len(known)), digits)
    return Estimate(n=len(known), mean=round(mean, digits), ci95=half)
