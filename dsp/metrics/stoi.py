"""Short-time objective intelligibility, STOI.

Conventions: both signals mono float32 of shape ``(n,)``, aligned to a few milliseconds, of one length and rate, 8000 Hz or
more; both are judged up to 4.3 kHz. Blind to gain.
Measures: how well the envelopes of the degraded speech follow those of the reference in 15 bands, 0 to 1, higher is better; it
says nothing of how pleasant the speech sounds, and is no MOS. A mean correlation below 0 counts as 0.
Source: C. H. Taal, R. C. Hendriks, R. Heusdens and J. Jensen, IEEE TASLP 19(7), 2011; equations are numbered as there.
"""

import numpy as np

from dsp.intelligibility import MIN_SPEECH_S, correlations, segments_of, speech_envelopes
from dsp.metrics.base import MetricRefused, MetricSpec, check_pair
from dsp.types import Samples

LEAST_SDR_DB = -15.0
"""A band of the degraded signal is clipped so that its error is no stronger (beta of equation 3)."""


def validate(reference: Samples, degraded: Samples, sample_rate_hz: int) -> None:
    """Raise MetricRefused where STOI of the two would mean nothing."""
    check_pair("STOI", reference, degraded, sample_rate_hz, min_speech_s=MIN_SPEECH_S)


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """STOI, 0 to 1; see `validate` for what is refused.

    Raises:
        MetricRefused: nothing to judge; or fewer than 30 frames are near the level of the loudest one.
    """
    validate(reference, degraded, sample_rate_hz)
    said, heard = speech_envelopes(reference, degraded, sample_rate_hz)
    total, count = 0.0, 0
    most = 1.0 + 10.0 ** (-LEAST_SDR_DB / 20.0)
    for x, y in zip(segments_of(said), segments_of(heard), strict=True):
        energy_x, energy_y = (np.einsum("ijk,ijk->ij", each, each) for each in (x, y))
        scale = np.sqrt(np.divide(energy_x, energy_y, out=np.zeros_like(energy_x), where=energy_y > 0))
        clipped = y * scale[:, :, np.newaxis]
        np.minimum(clipped, x * most, out=clipped)  # (3)
        total += float(correlations(x, clipped, axis=2).sum())  # (5)
        count += x.shape[0] * x.shape[1]
    if count == 0:
        raise MetricRefused("STOI needs 30 frames within 40 dB of the loudest one, got fewer")
    return min(1.0, max(0.0, total / count))  # (6)


SPECS = (
    MetricSpec(
        name="stoi",
        unit="STOI",
        range=(0.0, 1.0),
        higher_is_better=True,
        needs_reference=True,
        sample_rates_hz=(),
        measure=measure,
        label="STOI",
        meaning="How much of the words can be understood, from 0 (nothing) to 1 (all). It does not say whether the voice "
        "sounds pleasant: a clear but tinny line scores high.",
        parametric=False,
    ),
)
