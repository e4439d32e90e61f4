"""Finds the delay of a recording over time: coarsely by the levels of bands, then by the waveforms, then to the sample.

Conventions: see `base`. 1. Units of a second of the reference are looked for everywhere by their band features (`coarse`); the
best order of matches, with jumps and repetitions, is a path (`path`). 2. Along the path short windows are compared by their
waveforms, or by bands where the codec keeps none (`follow`, `follow_bands`). 3. A robust fit gives pieces of one offset and
their common slope (`fit`). 4. Both alignments around each jump are compared sample by sample (`jumps`, `compose`).
"""

from dataclasses import dataclass, replace

import numpy as np

from dsp.alignment import compose, fine, follow, follow_bands, holes, jumps
from dsp.alignment.bands import BandLevels, Floats, Halves, band_levels, depth_of, features_of, loudness_of
from dsp.alignment.base import Alignment
from dsp.alignment.coarse import STEP, THIN, Heard, find_matches, thinned, unit_starts
from dsp.alignment.compose import Line
from dsp.alignment.fine import Course
from dsp.alignment.fit import Fit, Piece, Points, bent, fitted, pieces_of, rough_slope
from dsp.alignment.follow import Flags, Sides
from dsp.alignment.narrow import NarrowTrack
from dsp.alignment.path import Path, Run, best_path, runs_of
from dsp.alignment.speech import speaking
from dsp.errors import MetricRefused
from dsp.track import Track

SHORTEST_S = 1.0
"""Shorter signals are refused."""
LEAST_SPEECH_S = 0.5
"""With less speech in a signal, or less speech of the reference found, other speech fits as well by chance."""
KEPT, KEPT_SURELY = 0.5, 0.7
"""Share of windows that agree best at the lag of the course. Measured on 42 clips: 0.6 and more with Opus at 6 kb/s, 0.77 and
more with G.711 and 30 % loss, or noise as loud as the speech; at most 0.63 with VLC, 0.41 with Codec2."""
STEADY = 0.6
"""Between the two, the lags must be steady: 0.31 samples at most with Opus at 6 kb/s, 1.0 and more with vocoders."""
POINTS_A_PIECE = 20
"""And the pieces as long as this on the average, in windows: any lags are steady in pieces that are short enough."""
KEPT_BY_RUN = 0.4
"""A run below it is left out where others are above."""
LEAST_SCORE = 1.1
"""Worth of the best run where no waveform is kept: three units of Codec2 at 700 bit/s. Other sentences of one speaker: 99 of
100 stay below 0.8 in 8 s, below 1.5 in 60 s unless they share phrases."""
SINGLE_WORTH = 0.7
"""A run worth less, one unit or two poor ones, is left out."""
LEAST_SHARE = 0.3
"""Of the speech of the shorter signal that must be explained then: a shared phrase is not the reference."""
_WANDER_S = 0.012
"""The lag of a vocoder's bands wanders by some milliseconds with what is said: what skew comes to must exceed it by far."""
_WORK = 5 * 10**7
"""Units times frames that are compared at most."""

NOT_FOUND = "the reference is not found in the degraded signal"


def align(reference: Track, degraded: Track) -> Alignment:
    """Find where in *degraded* each part of *reference* is heard.

    Args:
        reference: what was said; it may have been played several times.
        degraded: what was heard, same rate, 8000 Hz or more.

    Raises:
        MetricRefused: for tracks of two rates or below 8000 Hz, samples that are no numbers, silence, less than `SHORTEST_S`,
            or where the reference is not found.
    """
    rate = reference.sample_rate_hz
    if degraded.sample_rate_hz != rate or rate < 8000:
        raise MetricRefused(
            f"alignment wants two tracks of one rate, 8000 Hz or more, got {rate} and {degraded.sample_rate_hz} Hz"
        )
    said, heard = _level(reference, "reference"), _level(degraded, "degraded signal")
    depth = np.minimum(
        depth_of(said.levels.levels, said.loudness), depth_of(heard.levels.levels, heard.loudness)
    )
    scene = _Scene(
        said,
        heard,
        features_of(said.levels.levels, said.loudness - depth),
        features_of(heard.levels.levels, heard.loudness - depth),
        Sides(said.track, heard.track, said.speaking, said.levels.hop),
    )
    path = scene.path()
    if path.said.size == 0:
        raise MetricRefused(NOT_FOUND)
    runs = runs_of(path)
    found = _by_waveform(scene, runs) or _by_bands(scene, runs)
    return _told(scene, found, path, rate, (reference.size, degraded.size))


@dataclass(frozen=True, slots=True)
class _Levelled:
    """A track and what was measured in a first pass over it."""

    track: NarrowTrack
    levels: BandLevels
    loudness: Floats
    """Of each band."""
    speaking: Flags


def _level(track: Track, name: str) -> _Levelled:
    if track.size < SHORTEST_S * track.sample_rate_hz:
        raise MetricRefused(
            f"the {name} must last {SHORTEST_S:g} s or more to be aligned, got {track.size / track.sample_rate_hz:.3f} s"
        )
    narrow = NarrowTrack(track)
    levels = band_levels(narrow)
    flags = speaking(levels)
    speech_s = float(np.count_nonzero(flags)) * levels.hop / narrow.sample_rate_hz
    if speech_s == 0:
        raise MetricRefused(f"the {name} is silent")
    if speech_s < LEAST_SPEECH_S:
        raise MetricRefused(
            f"the {name} must hold {LEAST_SPEECH_S:g} s of speech or more to be aligned, got {speech_s:.2f} s"
        )
    return _Levelled(narrow, levels, loudness_of(levels.levels), flags)


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that is known before the fine search."""

    said: _Levelled
    heard: _Levelled
    said_features: Halves
    heard_features: Halves
    sides: Sides

    def path(self) -> Path:
        """The best order of matches."""
        heard = Heard(thinned(self.heard_features))
        reference = thinned(self.said_features)
        starts = unit_starts(self.said.speaking, max(30, _WORK // max(1, heard.frames)))
        return best_path(find_matches(reference, starts, heard), self.said_features.shape[0])


@dataclass(frozen=True, slots=True)
class _Found:
    """What either kind of fine search came to."""

    lines: list[Line]
    slope: float
    polarity: int
    waveform_kept: bool


def _by_waveform(scene: _Scene, runs: list[Run]) -> _Found | None:
    """None where no waveform is kept."""
    sides = scene.sides
    sizes = fine.sizes_of(sides.reference.sample_rate_hz)
    found = follow.territories(runs, sides, sizes)
    polarity = follow.polarity_of(found, sides, sizes)
    each = follow.courses(found, sides, sizes, polarity)
    believed = [course.agreement() >= KEPT_BY_RUN for course in each]
    if not any(believed):
        return None
    if not all(believed):
        runs = [run for run, kept in zip(runs, believed, strict=True) if kept]
        each = follow.courses(follow.territories(runs, sides, sizes), sides, sizes, polarity)
    courses = _by_copy(runs, each)
    every = follow.joined_copies(courses)
    if every.agreement() < KEPT:
        return None
    least = max(0.15, 0.35 * float(np.median(every.similarity)))
    more = holes.filled(runs, courses, least, sides, sizes, polarity)
    if len(more) > len(runs):
        courses = _by_copy(
            more, follow.courses(follow.territories(more, sides, sizes), sides, sizes, polarity)
        )
        every = follow.joined_copies(courses)
    good = every.similarity > least
    points = _points(courses, every, good)
    if points.at.size * sizes.step < LEAST_SPEECH_S * sides.reference.sample_rate_hz:
        return None
    rough = rough_slope(points)
    pieces = pieces_of(points, rough, apart=fine.POOL, fewest=3)
    fit = fitted(points, pieces, rough)
    torn = len(fit.pieces) > 1 + points.at.size / POINTS_A_PIECE
    if every.agreement() < KEPT_SURELY and (torn or fit.scale > STEADY):
        return None
    pieces, slope = _steady(points, fit, least=0.25)
    pieces = bent(points, pieces)
    spans = [
        (at - sizes.step, at + sizes.step, round(lag))
        for at, lag in zip(
            points.at[::8].astype(int).tolist()[:64], points.lag[::8].tolist()[:64], strict=True
        )
    ]
    gain = jumps.gain_at(sides.reference, sides.degraded, spans, polarity)
    witness = jumps.Waveforms(sides.reference, sides.degraded, gain)
    lines = compose.lines_of(points, pieces, courses, witness, compose.Ends(sizes.window, sides))
    return _Found(lines, slope, polarity, True)


def _by_bands(scene: _Scene, runs: list[Run]) -> _Found:
    sides = scene.sides
    runs = [run for run in runs if run.worth >= SINGLE_WORTH]
    units = sum(run.said.size for run in runs if run.worth >= LEAST_SCORE)
    speech = min(np.count_nonzero(scene.said.speaking), np.count_nonzero(scene.heard.speaking))
    if units == 0 or units * STEP * THIN < LEAST_SHARE * speech:
        raise MetricRefused(NOT_FOUND)
    hop = sides.hop
    courses = _by_copy(
        runs,
        follow_bands.courses(runs, scene.said_features, scene.heard_features, scene.said.speaking, hop),
    )
    every = follow.joined_copies(courses)
    good = every.similarity > 0.5 * max(0.5, float(np.median(every.similarity)) if every.middle.size else 0.0)
    points = _points(courses, every, good)
    if points.at.size < 3:
        raise MetricRefused(NOT_FOUND)
    apart = 0.008 * sides.reference.sample_rate_hz
    rough = rough_slope(points)
    pieces = pieces_of(points, rough, apart=apart, fewest=4)
    fit = fitted(points, pieces, rough)
    pieces, slope = _steady(points, fit, least=_WANDER_S * sides.reference.sample_rate_hz)
    witness = jumps.Envelopes(scene.said_features, scene.heard_features, hop)
    window = follow_bands.WINDOW * hop
    lines = compose.lines_of(points, pieces, courses, witness, compose.Ends(window, sides))
    return _Found(lines, slope, 1, False)


def _by_copy(runs: list[Run], courses: list[Course]) -> dict[int, Course]:
    """One course for each copy."""
    grouped: dict[int, list[Course]] = {}
    for run, course in zip(runs, courses, strict=True):
        grouped.setdefault(run.copy, []).append(course)
    return {copy: follow.joined(several) for copy, several in grouped.items()}


def _points(courses: dict[int, Course], every: Course, good: Flags) -> Points:
    """The *good* windows of *every* course, joined."""
    copies = np.concatenate([np.full(course.middle.size, copy) for copy, course in courses.items()])
    return Points(
        every.middle[good].astype(np.float64),
        every.lag[good],
        np.maximum(every.similarity[good], 0.0) ** 2,
        copies[good],
    )


def _steady(points: Points, fit: Fit, *, least: float) -> tuple[list[Piece], float]:
    """Without skew, where it is within four standard errors of none or comes to less than *least* samples in the longest copy."""
    pieces, slope = fit.pieces, fit.slope
    if not pieces:
        raise MetricRefused(NOT_FOUND)
    spans = {copy: np.ptp(points.at[points.copy == copy]) for copy in {piece.copy for piece in pieces}}
    if abs(slope) > 4 * fit.error and abs(slope) * max(spans.values()) >= least:
        return pieces, slope
    flat = []
    for piece in pieces:
        inside = slice(piece.first, piece.stop)
        offset = piece.offset + slope * float(np.mean(points.at[inside]))
        flat.append(replace(piece, offset=offset, slope=0.0))
    return flat, 0.0


def _told(scene: _Scene, found: _Found, path: Path, rate: int, sizes: tuple[int, int]) -> Alignment:
    factor = scene.said.track.factor
    copies = {copy: number for number, copy in enumerate(dict.fromkeys(line.copy for line in found.lines))}
    lines = [replace(line, copy=copies[line.copy]) for line in found.lines]
    correlations = [compose.correlation_of(line, scene.sides, found.polarity) for line in lines]
    stretches = compose.stretches_of(lines, correlations, factor, sizes, scene.said.track.size)
    if not stretches:
        raise MetricRefused(NOT_FOUND)
    spoken = compose.Spoken(scene.said.speaking, scene.said.levels.hop * factor)
    return Alignment(
        sample_rate_hz=rate,
        polarity=found.polarity,
        skew_ppm=found.slope * 1e6,
        waveform_kept=found.waveform_kept,
        copies=len(copies),
        stretches=stretches,
        changes=compose.changes_of(stretches, spoken, rate),
        missing=compose.missing_of(stretches, len(copies), spoken, sizes[0], rate),
        inserted=compose.inserted_of(stretches, rate),
        similarity=float(np.clip(np.mean(path.similarity), 0.0, 1.0)),
    )
