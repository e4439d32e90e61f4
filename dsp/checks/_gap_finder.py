"""Where the reference speaks and next to nothing is heard of it.

Conventions: positions are samples of the degraded signal; frames those of `dsp.checks.features`.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.base import Alignment, Stretch
from dsp.checks.features import Features, finite, spans_of
from dsp.track import Track

BELOW_DB = 20.0
"""What is heard lies so far under what was said, the line's gain allowed for."""
SPEAKS_DB = 20.0
"""The reference speaks where it is within this of its active level and over its background, 10 ms before and after, too."""
LEAST_S = 0.015
"""Shortest gap that is taken from the comparison."""
GAIN_QUANTILE = 0.75
"""Of the differences in level where the reference speaks: a line that is silent a third of the time has its gain yet."""
SAME_S = 0.010
"""Where two stretches lie so nearly as far apart in the recording as in the reference, what is between them was lost in place."""

Levels = NDArray[np.float64]
Gap = tuple[int, int]


@dataclass(slots=True)
class Lost:
    """Gaps, as (first sample, one past the last), in order."""

    before: list[Gap] = field(default_factory=list)
    """Before anything of the reference's speech is heard."""
    between: list[Gap] = field(default_factory=list)
    after: list[Gap] = field(default_factory=list)
    """Nothing of the reference's speech is heard any more."""


def lost_speech(track: Track, heard: Features, said: Features, alignment: Alignment) -> Lost:
    """Stretches of *track* where the reference speaks and next to nothing is heard."""
    lost = Lost()
    level = said.level.level_dbov
    if level is None or not heard.frames or not said.frames:
        return lost
    wanted, known = _wanted(heard, said, alignment)
    speaks = known & (wanted >= 10.0 ** ((level - SPEAKS_DB) / 10.0))
    if not speaks.any():
        return lost
    heard_voice = np.maximum(heard.voice_power[speaks], 1e-12)
    gain = float(np.quantile(heard_voice / wanted[speaks], GAIN_QUANTILE))
    limit = gain * wanted * 10.0 ** (-BELOW_DB / 10.0)
    sounding = np.flatnonzero(speaks & (heard.power >= limit))
    frame, subframe = heard.frame_samples, round(heard.sample_rate_hz / 1000)
    for first, last in spans_of(speaks & (heard.power < limit)):
        gaps = lost.between
        if not sounding.size or last <= sounding[0]:
            gaps = lost.before
        elif first > sounding[-1]:
            gaps = lost.after
        begin = (first - 1) * frame
        samples = finite(track.read(begin, (last + 1) * frame))
        count = samples.size // subframe
        power = np.mean(samples[: count * subframe].reshape(count, subframe).astype(np.float64) ** 2, axis=1)
        quiet = power < float(limit[first:last].max())
        middle = (last - first + 2) * frame // (2 * subframe)
        for start, stop in spans_of(quiet):
            if start <= middle < stop and (stop - start) * subframe >= LEAST_S * heard.sample_rate_hz:
                gaps.append((begin + start * subframe, begin + stop * subframe))
    return lost


def _wanted(heard: Features, said: Features, alignment: Alignment) -> tuple[Levels, NDArray[np.bool_]]:
    """For each frame that is heard: the least power of what was said then (0: only its background), and whether that is known."""
    rate = alignment.sample_rate_hz
    at = (np.arange(heard.frames) + 0.5) * heard.frame_s * rate
    place = np.full(heard.frames, -1.0)
    following: list[Stretch | None] = [*alignment.stretches[1:], None]
    for stretch, after in zip(alignment.stretches, following, strict=True):
        start, stop = stretch.heard_at(stretch.start), stretch.heard_at(stretch.stop)
        if after is not None and after.copy == stretch.copy:
            moved = (after.heard_at(after.start) - stop) - (after.start - stretch.stop)
            if abs(moved) <= SAME_S * rate:
                stop = after.heard_at(after.start)
        inside = slice(*np.searchsorted(at, (start, stop)).tolist())
        place[inside] = stretch.start + (at[inside] - start) / (1.0 + stretch.slope)
    known = place >= 0
    frame = np.floor(place / (rate * said.frame_s)).astype(np.intp)
    spoken = np.where(said.active, said.voice_power, 0.0)
    least = np.full(heard.frames, np.inf)
    for offset in (-1, 0, 1):
        inside_said = (frame + offset >= 0) & (frame + offset < said.frames)
        least = np.minimum(
            least, np.where(inside_said, spoken[np.clip(frame + offset, 0, said.frames - 1)], 0)
        )
    return np.where(known, least, 0.0), known
