"""True peak: the largest magnitude of the continuous signal the samples stand for (ITU-R BS.1770-5 Annex 2).

Four points per sample are looked at: the sample and three between it and the next, found with a Kaiser-windowed
sinc. Annex 2 leaves the interpolator open; this one is flat to 0.1 dB up to 0.44 of the sample rate. What
four-fold oversampling may miss is at most 0.17 dB at a quarter of the sample rate (Annex 2, attachment 1).
"""

import math

import numpy as np

from dsp._native import TruePeak
from dsp.types import Samples

OVERSAMPLING = 4
TAPS = 32
"""Samples each point in between is made of."""
DELAY = TAPS // 2
"""How many samples later than its sample a peak comes out."""
KAISER_BETA = 6.0


def interpolator() -> Samples:
    """Taps of the three points between two samples, shape (3, `TAPS`), newest sample first."""
    points = np.arange(1, OVERSAMPLING)[:, np.newaxis] / OVERSAMPLING
    away = DELAY - np.arange(TAPS)[np.newaxis] - points
    inside = np.sqrt(np.maximum(0.0, 1.0 - (away / DELAY) ** 2))
    taps = np.sinc(away) * np.i0(KAISER_BETA * inside) / np.i0(KAISER_BETA)
    return np.ascontiguousarray(taps / taps.sum(axis=1, keepdims=True), dtype=np.float32)


def true_peak_meter(channels: int) -> TruePeak:
    """A meter of 1 to 64 channels; see `dsp._native.TruePeak`."""
    return TruePeak(interpolator(), channels)


def decibels(magnitude: float, floor_db: float = -120.0) -> float:
    """Magnitude in dB re 1, *floor_db* where it is lower or 0."""
    return max(floor_db, 20.0 * math.log10(magnitude)) if magnitude > 0.0 else floor_db
