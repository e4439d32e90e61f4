"""Scale-invariant signal-to-distortion ratio, SI-SDR.

Conventions: both signals mono float32 of shape ``(n,)``, aligned to the sample, of one length and rate; the mean of each is
taken off. Blind to gain and to polarity.
Measures: the power of the part of the degraded signal that is a copy of the reference over the power of all else, in dB, higher
is better, limited to -60 (nothing of it is left) to 100 (what differs is rounding). Where a codec makes a new
waveform, or the delay is off by a sample, it is low though nobody hears a fault.
Source: J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019, equations 3, 4.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dsp.metrics.base import MetricSpec, check_pair
from dsp.types import Samples

RANGE_DB = (-60.0, 100.0)
MIN_S = 0.1
_BLOCK = 1 << 16

Floats = NDArray[np.float64]


def validate(reference: Samples, degraded: Samples, sample_rate_hz: int) -> None:
    """Raise MetricRefused where SI-SDR of the two would mean nothing."""
    check_pair("SI-SDR", reference, degraded, sample_rate_hz, min_s=MIN_S)


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """SI-SDR in dB, -60 to 100; see `validate` for what is refused."""
    validate(reference, degraded, sample_rate_hz)
    means = (float(np.mean(reference, dtype=np.float64)), float(np.mean(degraded, dtype=np.float64)))
    both = energy = 0.0
    for s, heard in _blocks(reference, degraded, means):
        both += _product(s, heard)
        energy += _product(s, s)
    scale = both / energy if energy > 0 else 0.0
    target = scale * scale * energy
    rest = 0.0
    for s, heard in _blocks(reference, degraded, means):
        heard -= scale * s
        rest += _product(heard, heard)
    low, high = RANGE_DB
    if target <= rest * 10.0 ** (low / 10.0):
        return low
    if rest <= target * 10.0 ** (-high / 10.0):
        return high
    return 10.0 * math.log10(target / rest)


def _product(a: Floats, b: Floats) -> float:
    """Sum of products, without BLAS, whose threads cost more than they give at this size."""
    return float(np.einsum("i,i->", a, b))


def _blocks(
    reference: Samples, degraded: Samples, means: tuple[float, float]
) -> Iterator[tuple[Floats, Floats]]:
    for start in range(0, reference.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        yield (
            reference[part].astype(np.float64) - means[0],
            degraded[part].astype(np.float64) - means[1],
        )


SPECS = (
    MetricSpec(
        name="si_sdr",
        unit="dB",
        range=RANGE_DB,
        higher_is_better=True,
        needs_reference=True,
        sample_rates_hz=(),
        measure=measure,
        label="SI-SDR",
        meaning="How much stronger the exact copy of the original is than everything else in the recording, in decibels; the "
        "overall volume does not matter. Codecs that rebuild the voice get a low value even where they sound fine.",
        parametric=False,
    ),
)
