"""Scores one recording: signal checks first, then what was sent is found in it and held against it, piece by piece.

Conventions: tracks are mono, of one rate, and all numbers are of the one rate but `own`. What was said and is not heard
while it was recorded counts as silence; what would lie outside of the recording is listed and not judged; what is in
the recording only is left out and listed. A pause that was shortened costs nothing: what is not heard of it is left out.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from dsp.alignment import Alignment, Span, align, delay_trace, utterances, warped
from dsp.errors import LibraryMissing, MetricRefused
from dsp.level import SpeechMeter
from dsp.metrics import MetricSpec, visqol
from dsp.metrics import metrics as registry
from dsp.track import Track
from dsp.types import Samples
from softphone.scorer.opinion import Opinion
from softphone.scorer.pieces import Copies, cut, told_together
from softphone.scorer.score import (
    HEADLINE,
    WORST,
    Checked,
    DelayChange,
    NotHeard,
    Part,
    Score,
    Segment,
    call_score,
    ordered,
    reason,
    rounded,
)
from softphone.scorer.signal_checks import Listening, run_checks

__all__ = ["Score", "call_score", "default_metrics", "score_tracks"]

BLOCK = 1 << 16
DELAY_POINTS = 600
"""The delay trace has about so many points at most."""
NO_REFERENCE = "it needs a reference: give what was sent"
TOO_SOFT = "nobody hears anything: the speech is there, but no louder than -60 dBov"
NOT_KEPT = (
    "only the envelopes of the two agree, not their waveforms: a codec that sends parameters may have made this, "
    "which the metric flatters; say which codec it was if it was none of those"
)
PARAMETRIC = "the codec sends parameters, not a waveform: the metric is known to flatter those"

Measure = Callable[[str, int, Samples, Samples], float]
"""(metric, rate, reference, degraded) -> value, in a process of its own; raises MetricRefused or LibraryMissing."""
Progress = Callable[[float], None]


def default_metrics() -> tuple[str, ...]:
    """What is measured beside the headline where nobody asks for anything: all that is always there and needs a reference."""
    return tuple(name for name in registry.names() if _is_default(registry.get(name)))


def score_tracks(
    reference: Track | None,
    degraded: Track,
    *,
    own: Track | None = None,
    far: Track | None = None,
    metrics: Sequence[str] | None = None,
    trusted: bool | None = None,
    measure: Measure | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> Score:
    """Score *degraded* against *reference*, wherever the one lies in the other.

    Args:
        reference: what was sent; it may have been played in a loop. None: only the signal is checked.
        degraded: what was recorded, at the same rate.
        own: the same at its own rate, where that is higher.
        far: what the listener's own side sent meanwhile, at that rate: where echo would come from.
        metrics: names of the metrics beside the headline; None: `default_metrics`.
        trusted: whether the headline can be relied on for the codec that was used; None: nobody knows, then a recording
            that has no waveform in common with the reference is not.
        measure: runs metrics that must not run in this process; None: they are refused.
        name: of the reference, to be told.
        progress: told the share that is done, from 0 to 1.

    Raises:
        UnknownName: no such metric.
    """
    usual = () if reference is None else default_metrics()
    names = usual if metrics is None else tuple(dict.fromkeys(metrics))
    specs = [registry.get(each) for each in names if each != HEADLINE]
    refused: dict[str, str] = {}
    alignment: Alignment | None = None
    if reference is None:
        refused[HEADLINE] = NO_REFERENCE
    else:
        try:
            alignment = align(reference, degraded)
        except MetricRefused as error:
            refused[HEADLINE] = reason(error)
    _tell(progress, 0.3)
    listening = Listening(degraded, degraded if own is None else own, reference, alignment, far)
    found, not_checked, words = run_checks(listening)
    refused |= not_checked
    _tell(progress, 0.5)
    score = _empty(degraded, names, found, ordered(words), refused, name)
    if reference is not None and alignment is not None and "silent" not in words:
        _judge(score, reference, degraded, alignment, specs, measure, progress)
        _trust(score, trusted)
    else:
        if reference is not None and alignment is not None:
            refused[HEADLINE] = TOO_SOFT
            score["gain_db"] = rounded(found["gain"]["figures"]["gain_db"], 2)
            _tell_of_time(score, alignment, Copies(alignment, reference.size, degraded.size))
        for spec in specs:
            refused.setdefault(spec.name, refused[HEADLINE])
    _tell(progress, 1.0)
    return score


def _judge(
    score: Score,
    reference: Track,
    degraded: Track,
    alignment: Alignment,
    specs: Sequence[MetricSpec],
    measure: Measure | None,
    progress: Progress | None,
) -> None:
    """Fill in what only a reference can tell."""
    rate = reference.sample_rate_hz
    spoken = utterances(reference)
    copies = Copies(alignment, reference.size, degraded.size)
    opinion = Opinion(copies, rate)
    means = {spec.name: _Mean(spec) for spec in specs}
    levels = SpeechMeter(rate), SpeechMeter(rate)
    pieces = cut(copies, spoken, rate)
    gain = None if len(pieces) == 1 else _gain(reference, degraded, alignment, copies)
    for number, piece in enumerate(pieces):
        said, heard = warped(
            reference, degraded, alignment, copy=piece.copy, start=piece.start, stop=piece.stop
        )
        places = copies.judged(piece, spoken)
        if places.size < said.size:
            said, heard = said[places], heard[places]
        for meter, signal in zip(levels, (said, heard), strict=True):
            meter.process(signal)
        speech = _speech_in(spoken, piece.start, piece.stop)
        score["scored_s"] += said.size / rate
        if speech == 0:
            continue
        try:
            opinion.add(visqol.patches(said, heard, rate, gain=gain), piece.copy, piece.start + places)
        except MetricRefused as error:
            score["refused"][HEADLINE] = reason(error)
        for mean in means.values():
            mean.add(said, heard, rate, speech / rate, measure)
        _tell(progress, 0.5 + 0.5 * (number + 1) / len(pieces))
    for mean in means.values():
        score["metrics"][mean.spec.name] = mean.value
        if mean.value is None and mean.refused is not None:
            score["refused"][mean.spec.name] = mean.refused
    said_level, heard_level = (meter.result() for meter in levels)
    score["speech_s"] = round(said_level.activity * said_level.seconds, 3)
    score["scored_s"] = round(score["scored_s"], 3)
    if said_level.level_dbov is not None and heard_level.level_dbov is not None:
        score["gain_db"] = round(heard_level.level_dbov - said_level.level_dbov, 2)
    _tell_of_time(score, alignment, copies)
    if opinion.is_empty:
        score["refused"].setdefault(HEADLINE, "nobody speaks in what is heard of the reference")
        return
    score["refused"].pop(HEADLINE, None)
    mos = round(opinion.mos(), 3)
    score["mos_lqo"] = score["value"] = score["metrics"][HEADLINE] = mos
    score["segments"] = opinion.segments(told_together(spoken, rate))
    score["worst"] = _worst(score["segments"])
    score["trace"] = opinion.trace(score["seconds"])


def _gain(reference: Track, degraded: Track, alignment: Alignment, copies: Copies) -> float | None:
    """What brings all that was heard to the level of what was said; None where nothing sounds in it."""
    said = sum(_energy(reference, start, stop) for start, stop in copies.ranges.values())
    heard = sum(
        _energy(degraded, round(one.heard_at(one.start)), round(one.heard_at(one.stop)))
        for one in alignment.stretches
    )
    return math.sqrt(said / heard) if min(said, heard) > 0 else None


def _energy(track: Track, start: int, stop: int) -> float:
    """Of the alternating part."""
    total = mean = 0.0
    for at in range(start, stop, BLOCK):
        piece = track.read(at, min(at + BLOCK, stop))
        total, mean = total + float(piece @ piece), mean + float(piece.sum(dtype=np.float64))
    return max(0.0, total - mean * mean / max(1, stop - start))


def _tell_of_time(score: Score, alignment: Alignment, copies: Copies) -> None:
    """Delay, its changes, skew, what is missing, what is too much."""
    rate = alignment.sample_rate_hz
    first = next((one for one in alignment.stretches if one.measured), alignment.stretches[0])
    score["delay_ms"] = round(1000 * first.offset / rate, 3)
    score["delay_changes"] = [
        DelayChange(
            at_s=round(change.at / rate, 3),
            by_ms=round(1000 * change.by / rate, 2),
            in_speech=change.in_speech,
        )
        for change in alignment.changes
    ]
    score["skew_ppm"] = round(alignment.skew_ppm, 2)
    score["missing"] = [
        NotHeard(
            from_s=round(one.span.start / rate, 3),
            to_s=round(one.span.stop / rate, 3),
            copy=one.copy,
            speech_s=round(one.speech / rate, 3),
            outside=copies.is_outside(one.copy, one.span),
        )
        for one in alignment.missing
    ]
    score["inserted"] = [
        Part(from_s=round(span.start / rate, 3), to_s=round(span.stop / rate, 3))
        for span in alignment.inserted
    ]
    score["polarity"], score["copies"] = alignment.polarity, alignment.copies
    score["waveform_kept"] = alignment.waveform_kept
    score["similarity"] = round(alignment.similarity, 4)
    at_s, delay_ms = delay_trace(alignment)
    step = max(1, len(at_s) // DELAY_POINTS)
    score["delay_trace"] = [
        [round(float(at), 3), round(float(delay), 3)]
        for at, delay in zip(at_s[::step], delay_ms[::step], strict=True)
    ]


def _trust(score: Score, trusted: bool | None) -> None:
    because = None
    if trusted is False:
        because = PARAMETRIC
    elif trusted is None and score["waveform_kept"] is False:
        because = NOT_KEPT
    score["trusted"], score["untrusted_because"] = because is None, because


class _Mean:
    """One metric over all pieces, weighted by the speech in each."""

    def __init__(self, spec: MetricSpec) -> None:
        self.spec = spec
        self.refused: str | None = None
        self._total = self._weights = 0.0

    def add(self, said: Samples, heard: Samples, rate: int, speech_s: float, measure: Measure | None) -> None:
        """Measure one piece."""
        spec = self.spec
        try:
            if spec.own_process or spec.extra is not None:
                if measure is None:
                    raise MetricRefused(f"{spec.name} runs in a process of its own, which there is none for")
                value = measure(spec.name, rate, said, heard)
            else:
                value = spec.measure(said, heard, rate)
        except (MetricRefused, LibraryMissing) as error:
            self.refused = reason(error)
            return
        self._total, self._weights = self._total + value * speech_s, self._weights + speech_s

    @property
    def value(self) -> float | None:
        """The mean; None where every piece was refused."""
        return rounded(self._total / self._weights, 4) if self._weights else None


def _empty(
    degraded: Track,
    names: Sequence[str],
    found: dict[str, Checked],
    verdict: list[str],
    refused: dict[str, str],
    name: str | None,
) -> Score:
    """What is known without a reference."""
    spec = registry.get(HEADLINE)
    return Score(
        mos_lqo=None, metrics=dict.fromkeys((HEADLINE, *names)), delay_ms=None, delay_changes=[], skew_ppm=None,
        gain_db=None, verdict=verdict, segments=[], seconds=round(degraded.size / degraded.sample_rate_hz, 4),
        scored_s=0.0, speech_s=None, metric=HEADLINE, value=None, unit=spec.unit, max=spec.range[1], trusted=False,
        untrusted_because=None, checks=found, refused=refused, missing=[], inserted=[], polarity=None, copies=0,
        waveform_kept=None, similarity=None, worst=[], trace=[], delay_trace=[], reference=name,
    )  # fmt: skip


def _is_default(spec: MetricSpec) -> bool:
    return spec.needs_reference and spec.extra is None and not (spec.own_process or spec.on_request)


def _speech_in(spoken: Sequence[Span], start: int, stop: int) -> int:
    return sum(max(0, min(stop, span.stop) - max(start, span.start)) for span in spoken)


def _worst(segments: Sequence[Segment]) -> list[Segment]:
    judged = [(segment["mos_lqo"], segment) for segment in segments if segment["mos_lqo"] is not None]
    return [segment for _, segment in sorted(judged, key=lambda one: one[0])[:WORST]]


def _tell(progress: Progress | None, share: float) -> None:
    if progress is not None:
        progress(share)
