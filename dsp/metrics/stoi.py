"""Short-time objective intelligibility (Taal and others, IEEE TASLP 19(7), 2011), by `pystoi`.

Conventions: both signals mono float32 of shape ``(n,)``, aligned to a few milliseconds, of one length and
rate; both are judged up to 4.3 kHz. Blind to gain.
Measures: how well the envelopes of the degraded speech follow those of the reference, 0 to 1; it says nothing
of how pleasant the speech sounds, and is no MOS.
"""

import math
import warnings

import numpy as np

from dsp.level import measure_level
from dsp.metrics.base import MetricRefused, MetricSpec
from dsp.types import Samples

MIN_SPEECH_S = 1.0
"""Active speech wanted in the reference; the measure itself needs 30 frames of 12.8 ms of it."""
CHUNK_S = 30.0
"""A longer signal is measured in parts of about this length."""
SILENT_DBOV = -75.0
"""Audio below this active level is called silence; idle noise of 16 bits and of mu-law stays below it."""


def validate(reference: Samples, degraded: Samples, sample_rate_hz: int) -> None:
    """Raise MetricRefused where STOI of the two would mean nothing."""
    if reference.shape != degraded.shape or reference.ndim != 1:
        raise MetricRefused(
            f"STOI needs two mono signals of one length, got {reference.shape} and {degraded.shape}"
        )
    if sample_rate_hz < 8000:
        raise MetricRefused(f"STOI needs 8000 Hz or more, got {sample_rate_hz}")
    if not (np.isfinite(reference).all() and np.isfinite(degraded).all()):
        raise MetricRefused("STOI needs finite samples")
    heard = measure_level(reference, sample_rate_hz)
    if heard.level_dbov is None or heard.level_dbov < SILENT_DBOV:
        raise MetricRefused("the reference is silent")
    active_s = heard.activity * heard.seconds
    if active_s < MIN_SPEECH_S:
        raise MetricRefused(f"STOI needs {MIN_SPEECH_S:g} s of speech, got {active_s:.2f} s")
    level = measure_level(degraded, sample_rate_hz).level_dbov
    if level is None or level < SILENT_DBOV:
        raise MetricRefused("the degraded signal is silent")


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """STOI, 0 to 1; see `validate` for what is refused.

    The measure is a mean over time, so long signals are taken `CHUNK_S` at a time, weighted by their speech:
    `pystoi` needs about 2 MB a second.
    """
    reference = np.ascontiguousarray(reference, dtype=np.float32)
    degraded = np.ascontiguousarray(degraded, dtype=np.float32)
    validate(reference, degraded, sample_rate_hz)
    total = weights = 0.0
    refused: MetricRefused | None = None
    chunks = max(1, round(reference.size / (CHUNK_S * sample_rate_hz)))
    for said, heard in zip(np.array_split(reference, chunks), np.array_split(degraded, chunks), strict=True):
        level = measure_level(said, sample_rate_hz)
        try:
            value = _whole(said, heard, sample_rate_hz)
        except MetricRefused as error:
            refused = error
            continue
        weight = level.activity * level.seconds
        total, weights = total + weight * value, weights + weight
    if weights == 0:
        raise refused or MetricRefused("STOI found no speech")
    return min(1.0, max(0.0, total / weights))


def _whole(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    from pystoi import stoi

    with warnings.catch_warnings():
        # pystoi warns and returns 1e-5 where too few frames are left: a stand-in, not a score.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            value = float(stoi(reference.astype(np.float64), degraded.astype(np.float64), sample_rate_hz))
        except RuntimeWarning as warning:
            raise MetricRefused(f"STOI: {str(warning).split('.')[0]}") from None
    if not math.isfinite(value):
        raise MetricRefused("STOI gave no number")
    return value


SPECS = (
    MetricSpec(
        name="stoi",
        unit="STOI",
        range=(0.0, 1.0),
        higher_is_better=True,
        needs_reference=True,
        sample_rates_hz=(),
        measure=measure,
    ),
)
