"""Level detection and static curves of dynamic range processors.

Source: D. Giannoulis, M. Massberg, J. D. Reiss, "Digital Dynamic Range Compressor Design: A Tutorial and Analysis",
JAES 60(6), 2012: feed-forward, gain computer in dB, gain smoothed in dB by a branching one-pole (section 3.2).

Conventions: levels are in dB re full scale, of the magnitude (a full-scale sine is 0) or of the root mean square (then
it is -3.01). Times are time constants: the gain in dB has gone 63 % of its way.
"""

import math

import numpy as np

from dsp._native import Envelope
from dsp.types import Block, Samples

DETECTORS = ("peak", "rms")
SILENCE_DB = -200.0
PEAK_HOLD_MS = 5.0
"""A peak is held so long that the gain does not follow the single periods of 100 Hz and more."""
PEAK_RELEASE_MS = 10.0
RMS_MS = 10.0
"""Time constant of the mean square."""
SETTLED_TIMES = 11.5
"""Time constants after which 30 dB of gain are right to -90 dB: ln(30 / 3e-4)."""


def compressor_gain_db(level_db: Samples, threshold_db: float, ratio: float, knee_db: float) -> Samples:
    """Gain, 0 or less, of a compressor (eq. 4): above the threshold 1 dB comes out for *ratio* dB more.

    Args:
        knee_db: width over which the bend is a parabola, centred on the threshold.
    """
    return _bend(level_db - np.float32(threshold_db), 1.0 / ratio - 1.0, knee_db)


def expander_gain_db(
    level_db: Samples, threshold_db: float, ratio: float, knee_db: float, range_db: float
) -> Samples:
    """Gain, 0 to -*range_db*, of a downward expander: below the threshold 1 dB less goes in, *ratio* dB less come out."""
    gain = _bend(np.float32(threshold_db) - level_db, 1.0 - ratio, knee_db)
    np.maximum(gain, np.float32(-range_db), out=gain)
    return gain


def _bend(over_db: Samples, slope: float, knee_db: float) -> Samples:
    """*slope* times how far over, with a parabola of width *knee_db* around 0."""
    bent: Samples = np.maximum(over_db - np.float32(0.5 * knee_db), np.float32(0.0))
    if knee_db > 0.0:
        inside = np.clip(over_db + np.float32(0.5 * knee_db), 0.0, np.float32(knee_db))
        bent += inside * inside / np.float32(2.0 * knee_db)
    bent *= np.float32(slope)
    return bent


def factors(gain_db: Samples) -> Samples:
    """Gains in dB as factors."""
    found: Samples = np.power(np.float32(10.0), gain_db * np.float32(0.05))
    return found


class LevelDetector:
    """Level of the loudest of the channels, sample by sample.

    Args:
        kind: ``peak`` or ``rms``.
    """

    def __init__(self, kind: str, sample_rate_hz: int, channels: int) -> None:
        per_ms = sample_rate_hz / 1000.0
        self._square = kind == "rms"
        self.settle_samples: int
        """After that a fresh one is right to -90 dB; one that has adopted another's level is at once."""
        if self._square:
            self._envelope = Envelope(RMS_MS * per_ms, RMS_MS * per_ms, channels=channels, square=True)
            self.settle_samples = math.ceil(10.4 * RMS_MS * per_ms)
        else:
            hold = round(PEAK_HOLD_MS * per_ms)
            self._envelope = Envelope(0.0, PEAK_RELEASE_MS * per_ms, hold=hold, channels=channels)
            self.settle_samples = hold + math.ceil(10.4 * PEAK_RELEASE_MS * per_ms)

    def magnitude(self, block: Block) -> Samples:
        """Level of each sample of *block*, ``(channels, n)``, as a magnitude, ``(n,)``."""
        level = np.empty(block.shape[1], dtype=np.float32)
        self._envelope.follow(block, level)
        return np.sqrt(level, out=level) if self._square else level

    def decibels(self, block: Block) -> Samples:
        """The same in dB, `SILENCE_DB` at least."""
        level = self.magnitude(block)
        np.maximum(level, np.float32(1e-10), out=level)
        np.log10(level, out=level)
        level *= np.float32(20.0)
        return level

    @property
    def level_dbfs(self) -> float:
        """The newest level, `SILENCE_DB` at least."""
        value = self._envelope.value
        return (
            max(SILENCE_DB, (10.0 if self._square else 20.0) * math.log10(value)) if value > 0 else SILENCE_DB
        )

    def reset(self) -> None:
        """Forget the past."""
        self._envelope.reset()

    def adopt(self, previous: "LevelDetector") -> None:
        """Take the state of *previous* where it is of the same kind."""
        if self._square == previous._square:
            self._envelope.adopt(previous._envelope)
            self.settle_samples = 0


class GainSmoother:
    """Gain in dB, moved with an attack and a release.

    Args:
        rise_ms, fall_ms: time constants of a gain that rises or falls; 0 is at once.
    """

    def __init__(self, sample_rate_hz: int, *, rise_ms: float, fall_ms: float) -> None:
        per_ms = sample_rate_hz / 1000.0
        self._envelope = Envelope(rise_ms * per_ms, fall_ms * per_ms)
        self.settle_samples = math.ceil(SETTLED_TIMES * max(rise_ms, fall_ms) * per_ms)
        """After that a fresh one is right. One that has adopted another's gain sets out from there, as it should: at once."""

    @property
    def reduction_db(self) -> float:
        """What is taken away now, 0 or more."""
        return max(0.0, -self._envelope.value)

    def process(self, gain_db: Samples) -> Samples:
        """Smooth *gain_db*, ``(n,)``, in place and return it."""
        self._envelope.smooth(gain_db)
        return gain_db

    def reset(self) -> None:
        """Forget the past: 0 dB."""
        self._envelope.reset()

    def adopt(self, previous: "GainSmoother") -> None:
        """Take the gain of *previous*."""
        self._envelope.adopt(previous._envelope)
        self.settle_samples = 0
