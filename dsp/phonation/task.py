"""What was spoken: one sustained vowel, connected speech, or no voice at all.

A sustained vowel is a long stretch in which nothing moves but slowly: level, shape of the spectrum and pitch just before a
moment are what they are just after it. Vibrato and tremor (4 to 7 a second) average out over what is compared; a glide, a
swell, breath or a voice whose cycles alternate stay within the limits. Voiced frames need not be without gaps (a creaky voice has
some), so long as level and spectrum go on. In speech a sound lasts a tenth of a second: next to nothing stays for half a one.

Source: own definition; its limits were measured (see the constants).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.section import Whole
from dsp.phonation.texture import Texture

__all__ = ["Kind", "TaskFound", "find_task"]

Kind = Literal["vowel", "speech", "none"]
Floats = NDArray[np.float64]

COMPARED = 4
"""Frames of the texture (0.2 s) before a moment that are held against as many behind it."""
MOST_CHANGE = 0.13
"""Distance of the shapes of the spectrum, 0 to 1.4."""
MOST_STEP_DB = 9.0
"""Of the level."""
MOST_SEMITONES = 2.0
"""Of the pitch, but for steps to and from its subharmonics."""
SUBHARMONICS = (0.0, 7.02, -7.02)
"""Semitones, and octaves of these: between a pitch, its half and its third, which a noisy or alternating voice is taken for."""
LEAST_VOWEL_S = 0.5
"""A shorter steady stretch is a long sound of speech."""
WORTH_CUTTING_S = 1.0
"""A vowel of such length in speech is one that was meant."""
LEAST_VOICED = 0.5
"""Share of a vowel's frames in which there is a pitch."""
VOWEL_SHARE = 0.65
"""So much of the voice in a recording of vowels is steady: 0.8 and more of glides of an octave a second and less, nearly all of
what is held, and 0.35 at most of speech (57 pieces of 4 s of 12 speakers; none in half of them)."""
LEAST_VOICE_S = 0.1
"""Voiced frames in all, that there is a voice."""
LEAST_SHARE, WEAK_SHARE = 0.05, 0.5
"""Of the frames that sound; the second where the voice is weak."""
LEAST_RUN_S = 0.04
"""A shorter run of voiced frames is chance."""
WEAK_STRENGTH, LEAST_ORDER = 0.636, 0.48
"""A voice is weak where the median strength of the voiced frames is below the first; there is none if that, less the share of
frames at which the pitch jumps, is below the second. Noise through formants, whose pitch is chance, has a strength of 0.63 at
most and jumps (0.19 to 0.46 in all, or few voiced frames); a vowel with as much noise as voice has 0.51 and no jumps; one with
4 % of jitter jumps and has 0.67; speech has 0.7 and more."""
JUMP_SEMITONES = 1.0
"""From frame to frame."""
PAUSE_S = 0.25
"""A gap in the voice so long ends a phonation: one has breathed."""
BLOCK = 4096
"""Frames at a time."""
RANGE_DB = 25.0
"""So far below the loud parts a frame is a pause."""


@dataclass(frozen=True, slots=True)
class TaskFound:
    """What was spoken, and where the voice is."""

    kind: Kind
    """``vowel``: steady voice without breaks of its own; ``speech``: voice that comes and goes and moves; ``none``: no voice."""
    reason: str
    """In words, what was seen that says so."""
    confidence: float
    """0 (could be either) to 1."""
    voiced_s: float
    """All voiced frames together."""
    longest_phonation_s: float
    """The longest stretch of voice without a pause."""
    spans: tuple[tuple[float, float], ...]
    """From and to, seconds: the steady vowels of a ``vowel``; empty otherwise."""


def find_task(pitch: PitchTrack, texture: Texture, whole: Whole) -> TaskFound:
    """Tell a sustained vowel from speech, and both from what is no voice."""
    voiced = _without_chance(pitch)
    voiced_s = float(np.count_nonzero(voiced)) * pitch.step_s
    sounding_s = float(np.count_nonzero(_sounding(texture.level_db))) * texture.step_s
    strength = float(np.median(pitch.strength[voiced])) if voiced.any() else 0.0
    is_weak = strength < WEAK_STRENGTH
    least_s = max(LEAST_VOICE_S, (WEAK_SHARE if is_weak else LEAST_SHARE) * sounding_s)
    if voiced_s < least_s:
        return TaskFound("none", f"only {voiced_s:.2f} s have a pitch", 1.0, voiced_s, 0.0, ())
    if is_weak and strength - _jumps(pitch, voiced) < LEAST_ORDER:
        reason = f"what has a pitch is hardly periodic ({strength:.2f} of 1), and it jumps about"
        return TaskFound("none", reason, 1.0, voiced_s, 0.0, ())
    longest = max((stop - start for start, stop in _phonations(pitch, voiced)), default=0.0)
    at = _at(texture.times_s, pitch)
    voiced_frames = voiced[at] if texture.times_s.size else np.zeros(0, dtype=np.bool_)
    steady = _steady(pitch, voiced, texture)
    spans, inside = _spans(steady, voiced_frames, texture.step_s)
    total = float(np.count_nonzero(voiced_frames)) * texture.step_s
    share = float(np.count_nonzero(voiced_frames & inside)) * texture.step_s / max(total, 1e-9)
    confidence = (
        (share - VOWEL_SHARE) / (1.0 - VOWEL_SHARE) if share >= VOWEL_SHARE else 1.0 - share / VOWEL_SHARE
    )
    if spans and share >= VOWEL_SHARE:
        held = max(stop - start for start, stop in spans)
        many = "one steady vowel" if len(spans) == 1 else f"{len(spans)} steady stretches"
        reason = f"{many}, the longest of {held:.1f} s; {100 * share:.0f} % of the voice is steady"
        return TaskFound("vowel", reason, confidence, voiced_s, longest, spans)
    if whole.seconds < LEAST_VOWEL_S:
        reason = (
            f"{whole.seconds:.2f} s are too short to tell a sustained vowel ({LEAST_VOWEL_S:g} s) from speech"
        )
        return TaskFound("speech", reason, 0.0, voiced_s, longest, ())
    held = max((stop - start for start, stop in spans), default=0.0)
    moving = 100.0 * (1.0 - share)
    reason = f"level, sound and pitch change as in speech: {moving:.0f} % of the voice is not held for {LEAST_VOWEL_S:g} s"
    if held >= WORTH_CUTTING_S:
        reason += f"; a vowel of {held:.1f} s is in it, which could be cut out"
    return TaskFound("speech", reason, confidence, voiced_s, longest, ())


def _jumps(pitch: PitchTrack, voiced: NDArray[np.bool_]) -> float:
    """Share of the voiced frames at which the pitch is another than before."""
    both = voiced[1:] & voiced[:-1]
    notes = np.where(voiced, pitch.f0_hz, 1.0)
    np.log2(notes, out=notes)
    notes *= 12.0
    moved = np.diff(notes)
    jumps = np.count_nonzero(np.abs(moved, out=moved)[both] > JUMP_SEMITONES)
    return jumps / max(1, int(np.count_nonzero(both)))


def _without_chance(pitch: PitchTrack) -> NDArray[np.bool_]:
    """Voiced frames, but for runs that are too short to be a voice."""
    voiced = pitch.is_voiced.copy()
    for first, last in _runs(voiced):
        if (last - first) * pitch.step_s < LEAST_RUN_S:
            voiced[first:last] = False
    return voiced


def _phonations(pitch: PitchTrack, voiced: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Stretches of voice, seconds, between which there is a pause."""
    runs = _runs(voiced)
    found: list[tuple[float, float]] = []
    for first, last in runs:
        start = pitch.times_s[first] - 0.5 * pitch.step_s
        stop = pitch.times_s[last - 1] + 0.5 * pitch.step_s
        if found and start - found[-1][1] < PAUSE_S:
            start = found.pop()[0]
        found.append((float(start), float(stop)))
    return found


def _steady(pitch: PitchTrack, voiced: NDArray[np.bool_], texture: Texture) -> NDArray[np.bool_]:
    """Whether, at each frame of the texture, what comes is what has been."""
    count = texture.times_s.size
    steady: NDArray[np.bool_] = np.zeros(count, dtype=np.bool_)
    if count < 2 * COMPARED:
        return steady
    places = slice(COMPARED, count - COMPARED + 1)
    change = np.concatenate(
        [
            _changes(texture.shape[start : start + BLOCK + 2 * COMPARED - 1])
            for start in range(0, count, BLOCK)
        ]
    )
    level = _means(texture.level_db[:, None].astype(np.float64))[:, 0]
    loud = _loud(texture.level_db)
    step_db = np.abs(level[:-COMPARED] - level[COMPARED:])
    sounding = np.minimum(level[:-COMPARED], level[COMPARED:]) > loud
    steady[places] = (change < MOST_CHANGE) & (step_db < MOST_STEP_DB) & sounding
    steady[places] &= _semitones(pitch, voiced, texture.times_s)[places] < MOST_SEMITONES
    return steady


def _changes(shape: NDArray[np.float32]) -> Floats:
    """How far the mean of `COMPARED` rows of *shape*, ``(n, bands)``, is from that of those behind, ``(n - 2 COMPARED + 1,)``."""
    if shape.shape[0] < 2 * COMPARED:
        return np.zeros(0)
    means = _means(shape.astype(np.float64))
    changes: Floats = np.linalg.norm(means[:-COMPARED] - means[COMPARED:], axis=1)
    return changes


def _loud(level_db: NDArray[np.float32]) -> float:
    """Level below which a frame is a pause."""
    return float(np.quantile(level_db, 0.95)) - RANGE_DB if level_db.size else 0.0


def _sounding(level_db: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which frames are no pause."""
    sounding: NDArray[np.bool_] = level_db > _loud(level_db)
    return sounding


def _means(rows: Floats) -> Floats:
    """Mean over `COMPARED` rows from each row on, ``(n - COMPARED + 1, ...)``."""
    sums = np.concatenate((np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)))
    means: Floats = (sums[COMPARED:] - sums[:-COMPARED]) / COMPARED
    return means


def _semitones(pitch: PitchTrack, voiced: NDArray[np.bool_], times_s: Floats) -> Floats:
    """How far the pitch is after each of *times_s* from what it was before, subharmonic steps left out; 0 where there is none."""
    reach = max(1, round(COMPARED * 0.05 / pitch.step_s))
    at = _at(times_s, pitch)
    notes = np.where(voiced, pitch.f0_hz, 1.0)
    notes /= 55.0
    np.log2(notes, out=notes)
    notes *= 12.0
    padded = np.pad(notes, reach)
    del notes
    there = np.pad(voiced, reach)
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach)
    heard = np.lib.stride_tricks.sliding_window_view(there, reach)

    def median(first: NDArray[np.int64]) -> Floats:
        middle = np.full(first.size, np.nan)
        for start in range(0, first.size, BLOCK):
            rows = first[start : start + BLOCK]
            # Unvoiced ones sort behind; the median of the others is where half of their number lies.
            some = np.sort(np.where(heard[rows], windows[rows], np.inf), axis=1)
            number = np.count_nonzero(heard[rows], axis=1)
            picked = some[np.arange(rows.size), np.maximum(number - 1, 0) // 2]
            middle[start : start + BLOCK] = np.where(number > 0, picked, np.nan)
        return middle

    moved = median(at) - median(at + reach)
    moved = np.min(
        [np.abs(moved - step - 12.0 * np.rint((moved - step) / 12.0)) for step in SUBHARMONICS], axis=0
    )
    semitones: Floats = np.where(np.isnan(moved), 0.0, moved)
    return semitones


def _spans(
    steady: NDArray[np.bool_], voiced: NDArray[np.bool_], step_s: float
) -> tuple[tuple[tuple[float, float], ...], NDArray[np.bool_]]:
    """Steady stretches that are vowels, in seconds, and which frames are in them."""
    inside = np.zeros(steady.size, dtype=np.bool_)
    spans: list[tuple[float, float]] = []
    for first, last in _runs(steady):
        # What is steady at its edge was so for as long as was compared.
        start, stop = max(0, first - COMPARED), min(steady.size, last - 1 + COMPARED)
        sounding = np.flatnonzero(voiced[start:stop])
        if not sounding.size:
            continue
        start, stop = start + int(sounding[0]), start + int(sounding[-1]) + 1
        if (stop - start) * step_s < LEAST_VOWEL_S or voiced[start:stop].mean() < LEAST_VOICED:
            continue
        if spans and start * step_s < spans[-1][1]:
            start = round(spans.pop()[0] / step_s)
        spans.append((start * step_s, stop * step_s))
        inside[start:stop] = True
    return tuple(spans), inside


def _at(times_s: Floats, pitch: PitchTrack) -> NDArray[np.int64]:
    """The frame of the pitch that is nearest to each time."""
    if not pitch.times_s.size:
        return np.zeros(times_s.size, dtype=np.int64)
    at: NDArray[np.int64] = np.rint((times_s - pitch.times_s[0]) / pitch.step_s).astype(np.int64)
    np.clip(at, 0, pitch.times_s.size - 1, out=at)
    return at


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of True as (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]
