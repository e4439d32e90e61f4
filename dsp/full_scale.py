"""Samples and their levels against full scale, 1.0: what live meters and recorders show."""

import math

from dsp.types import Block, Samples

SILENCE_DB = -120.0
"""What is not louder is shown as silence."""
FULL_SCALE = 1.0 - 2.0**-15
"""From here on a sample counts as clipped: the greatest that 16 bits can hold."""


def peak_of(samples: Block | Samples) -> float:
    """The greatest magnitude of *samples*, NaN if one is; 0 for none of them."""
    return max(float(samples.max()), -float(samples.min())) if samples.size else 0.0


def amplitude_db(amplitude: float) -> float | None:
    """*amplitude*, as of a peak, in dB; None for silence."""
    return 20.0 * math.log10(amplitude) if amplitude > 10.0 ** (SILENCE_DB / 20.0) else None


def power_db(power: float) -> float | None:
    """*power*, a mean square, in dB; None for silence."""
    return 10.0 * math.log10(power) if power > 10.0 ** (SILENCE_DB / 10.0) else None
