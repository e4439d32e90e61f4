"""Full-reference score of one recording: align, cut to what both hold, measure."""

from itertools import pairwise
from typing import TypedDict

import numpy as np

from dsp.level import measure_level
from dsp.metrics import MetricRefused, metrics
from dsp.metrics.align import Piece, find_copies, follow
from dsp.types import Samples

MIN_CHANGE_MS = 2.0
"""A smaller move of the delay is not reported."""


class DelayChange(TypedDict):
    """The delay moved."""

    at_s: float
    """When, in the degraded signal."""
    by_ms: float
    """Positive: later than before."""


class Score(TypedDict):
    """One score, as printed."""

    metric: str
    value: float
    unit: str
    max: float
    trusted: bool
    delay_ms: float
    """Offset of the first sample scored: degraded behind reference."""
    delay_changes: list[DelayChange]
    gain_db: float | None
    """Active level of the degraded signal minus that of the reference, over what was scored."""
    seconds: float
    """Audio scored."""


def score(
    reference: Samples,
    degraded: Samples,
    sample_rate_hz: int,
    *,
    metric: str = "stoi",
    trusted: bool = True,
) -> Score:
    """Score *degraded* against *reference*, wherever the one lies in the other.

    Args:
        reference: shape ``(n,)``; what was sent. It may have been played in a loop.
        degraded: shape ``(m,)``, same rate; what was recorded, with any silence in front, cut at either end.
        metric: name of a registered metric that needs a reference.
        trusted: False where the caller knows that the metric misleads on this codec.

    Raises:
        MetricRefused: silence, no overlap, too little speech.
        UnknownName: no such metric.
    """
    spec = metrics.get(metric)
    reference, degraded = _centred(reference), _centred(degraded)
    said: list[Samples] = []
    heard: list[Samples] = []
    pieces: list[Piece] = []
    for copy in find_copies(reference, degraded, sample_rate_hz):
        for piece in follow(reference, degraded, sample_rate_hz, copy):
            pieces.append(piece)
            said.append(reference[piece.start : piece.stop])
            heard.append(degraded[piece.start + piece.offset : piece.stop + piece.offset])
    if not pieces:
        raise MetricRefused("the reference and the degraded signal do not overlap")
    before = np.ascontiguousarray(np.concatenate(said), dtype=np.float32)
    after = np.ascontiguousarray(np.concatenate(heard), dtype=np.float32)
    value = spec.measure(before, after, sample_rate_hz)
    levels = [measure_level(signal, sample_rate_hz).level_dbov for signal in (before, after)]
    return Score(
        metric=spec.name,
        value=round(value, 4),
        unit=spec.unit,
        max=spec.range[1],
        trusted=trusted,
        delay_ms=round(1000 * pieces[0].offset / sample_rate_hz, 2),
        delay_changes=_changes(pieces, sample_rate_hz),
        gain_db=None if levels[0] is None or levels[1] is None else round(levels[1] - levels[0], 2),
        seconds=round(before.size / sample_rate_hz, 3),
    )


def _centred(samples: Samples) -> Samples:
    """Without its mean: a sound card's constant offset is no speech, yet it has a level."""
    if samples.size == 0 or not np.isfinite(samples).all():
        return samples
    return np.asarray(samples - samples.mean(dtype=np.float64), dtype=np.float32)


def _changes(pieces: list[Piece], sample_rate_hz: int) -> list[DelayChange]:
    """Where the offset moved inside one copy of the reference; the step to the next copy is the loop's."""
    changes: list[DelayChange] = []
    for before, after in pairwise(pieces):
        by_ms = 1000 * (after.offset - before.offset) / sample_rate_hz
        if after.start >= before.stop and abs(by_ms) >= MIN_CHANGE_MS:
            at_s = (after.start + after.offset) / sample_rate_hz
            changes.append(DelayChange(at_s=round(at_s, 3), by_ms=round(by_ms, 2)))
    return changes
