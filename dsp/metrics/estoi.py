"""Extended short-time objective intelligibility, ESTOI.

Conventions: both signals mono float32 of shape ``(n,)``, aligned to a few milliseconds, of one length and rate, 8000 Hz or
more; both are judged up to 4.3 kHz. Blind to gain.
Measures: how alike the spectrograms of the two are, in pieces of 384 ms, 0 to 1, higher is better; other than STOI it also
follows noises that come and go. It says nothing of how pleasant the speech sounds, and is no MOS. A mean correlation
below 0 counts as 0.
Source: J. Jensen and C. H. Taal, IEEE/ACM TASLP 24(11), 2016, section II.
"""

from dsp.intelligibility import (
    MIN_SPEECH_S,
    SEGMENT,
    correlations,
    segments_of,
    speech_envelopes,
    standardised,
)
from dsp.metrics.base import MetricRefused, MetricSpec, check_pair
from dsp.types import Samples


def validate(reference: Samples, degraded: Samples, sample_rate_hz: int) -> None:
    """Raise MetricRefused where ESTOI of the two would mean nothing."""
    check_pair("ESTOI", reference, degraded, sample_rate_hz, min_speech_s=MIN_SPEECH_S)


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """ESTOI, 0 to 1; see `validate` for what is refused.

    Raises:
        MetricRefused: nothing to judge; or fewer than 30 frames are near the level of the loudest one.
    """
    validate(reference, degraded, sample_rate_hz)
    said, heard = speech_envelopes(reference, degraded, sample_rate_hz)
    total, count = 0.0, 0
    for x, y in zip(segments_of(said), segments_of(heard), strict=True):
        # First each band over time, then each frame over the bands: means 0, lengths 1.
        total += float(correlations(standardised(x), standardised(y), axis=1).sum()) / SEGMENT
        count += x.shape[0]
    if count == 0:
        raise MetricRefused("ESTOI needs 30 frames within 40 dB of the loudest one, got fewer")
    return min(1.0, max(0.0, total / count))


SPECS = (
    MetricSpec(
        name="estoi",
        unit="ESTOI",
        range=(0.0, 1.0),
        higher_is_better=True,
        needs_reference=True,
        sample_rates_hz=(),
        measure=measure,
        label="ESTOI",
        meaning="How much of the words can be understood, from 0 (nothing) to 1 (all), also where a noise comes and goes. "
        "It is stricter than STOI: the same line gets a lower number.",
        parametric=False,
    ),
)
