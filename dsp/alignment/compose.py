"""From pieces of one line each to stretches with exact ends, jumps, and what is missing or put in.

Conventions: samples of the narrow tracks until `stretches_of`, which speaks in those of the tracks themselves.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dsp.alignment import jumps
from dsp.alignment.base import DelayChange, Missing, Span, Stretch
from dsp.alignment.fine import Course
from dsp.alignment.fit import Piece, Points
from dsp.alignment.follow import Sides
from dsp.alignment.jumps import Witness

REPORTED_S = 0.002
"""A smaller jump is followed, but not told."""
UNHEARD_S = 0.15
"""Speech at an end of a copy that fits nowhere must last so long to count as missing; shorter is a soft beginning."""
MISSED_S = 0.05
"""Speech in a gap must last so long to be told."""
_NEAR_S = 0.015
"""A jump is in speech where somebody speaks within so much of it."""
_SNAP = 0.1
"""An offset so near to a whole sample, without skew, is whole."""
_PIECE_S = 0.128
_SAMPLED = 64

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Line:
    """Part of the reference, heard at ``position + offset + slope * position``."""

    start: float
    stop: float
    offset: float
    slope: float
    copy: int

    def lag(self, position: float) -> float:
        """Degraded position less reference position."""
        return self.offset + self.slope * position


@dataclass(frozen=True, slots=True)
class Ends:
    """What bounds the search for exact positions."""

    window: int
    """Samples of a window."""
    sides: Sides


def lines_of(
    points: Points,
    pieces: list[Piece],
    courses: dict[int, Course],
    witness: Witness,
    ends: Ends,
) -> list[Line]:
    """Lines with exact ends, in the order in which they are heard."""
    scene = _Scene(points, courses, witness, ends)
    found: list[Line] = []
    start = 0.0
    for number, piece in enumerate(pieces):
        new = number + 1 < len(pieces) and pieces[number + 1].copy == piece.copy
        if number == 0 or pieces[number - 1].copy != piece.copy:
            start = scene.head(piece, found)
        start = scene.begin(piece, start)
        if new:
            stop, following = scene.switch(piece, pieces[number + 1], start)
        else:
            stop, following = scene.tail(piece, pieces[number + 1 :]), 0.0
        stop = scene.end(piece, stop)
        if stop > start:
            found.append(Line(start, stop, piece.offset, piece.slope, piece.copy))
        start = following
    return found


@dataclass(frozen=True, slots=True)
class _Scene:
    points: Points
    courses: dict[int, Course]
    witness: Witness
    ends: Ends

    def head(self, piece: Piece, found: list[Line]) -> float:
        """Where the first piece of a copy can begin: with the recording, or where the copy before it ends."""
        lag = piece.lag(float(self.points.at[piece.first]))
        start = max(0.0, -lag)
        if found:
            start = max(start, found[-1].stop + found[-1].lag(found[-1].stop) - lag)
        return min(start, float(self.points.at[piece.first]))

    def tail(self, piece: Piece, behind: list[Piece]) -> float:
        """Where the last piece of a copy must end: with the reference, the recording, or where the next copy is heard."""
        last = float(self.points.at[piece.stop - 1])
        lag = piece.lag(last)
        stop = min(float(self.ends.sides.reference.size), self.ends.sides.degraded.size - lag)
        if behind:
            position = float(self.points.at[behind[0].first])
            stop = min(stop, position + behind[0].lag(position) - lag - self.ends.window / 4)
        return max(stop, last)

    def begin(self, piece: Piece, start: float) -> float:
        """*start*, or where the piece is first heard if much is said before that and not heard."""
        first = float(self.points.at[piece.first])
        if not self._unheard(piece, start, first - self.ends.window / 2):
            return start
        item, lag = self.witness.item, piece.lag(first)
        low, high = (round(x / item) for x in (start, first + self.ends.window / 2))
        return item * jumps.begins_at(self.witness, low, max(low, high), round(lag / item))

    def end(self, piece: Piece, stop: float) -> float:
        """*stop*, or where the piece is last heard if much is said behind that and not heard."""
        last = float(self.points.at[piece.stop - 1])
        if not self._unheard(piece, last + self.ends.window / 2, stop):
            return stop
        item, lag = self.witness.item, piece.lag(last)
        low, high = (round(x / item) for x in (last - self.ends.window / 2, stop))
        return item * jumps.ends_at(self.witness, low, max(low, high), round(lag / item))

    def _unheard(self, piece: Piece, low: float, high: float) -> bool:
        """Whether much is said in ``low .. high``: none of its windows agreed, or the piece would reach there."""
        middle = self.courses[piece.copy].middle
        windows = np.count_nonzero((middle >= low) & (middle <= high))
        step = self.ends.window / 4
        return bool(windows * step >= UNHEARD_S * self.ends.sides.reference.sample_rate_hz)

    def switch(self, old: Piece, new: Piece, begin: float) -> tuple[float, float]:
        """Where the old piece stops and the new one starts, in the reference."""
        item, at = self.witness.item, self.points.at
        before, behind = float(at[old.stop - 1]), float(at[new.first])
        middle = (before + behind) / 2
        first, second = (round(piece.lag(middle) / item) for piece in (old, new))
        low = round(max(begin, float(at[old.first]), before - self.ends.window / 2) / item)
        high = max(low, round(min(float(at[new.stop - 1]), behind + self.ends.window / 2) / item))
        if second >= first:
            turn = item * jumps.later_from(self.witness, low, high, (first, second))
            return turn, turn
        q_low, q_high = low + first, high + second
        if q_low >= q_high:
            q = (q_low + q_high) // 2
        else:
            q = jumps.earlier_from(self.witness, q_low, q_high, (first, second))
        return item * (q - first), item * (q - second)


def stretches_of(
    lines: list[Line], correlations: list[float], factor: int, sizes: tuple[int, int], narrow_size: int
) -> tuple[Stretch, ...]:
    """Lines in samples of the tracks, *sizes* those of the reference and of the degraded signal."""
    found = []
    for line, correlation in zip(lines, correlations, strict=True):
        start = round(line.start * factor)
        stop = sizes[0] if line.stop >= narrow_size else min(sizes[0], round(line.stop * factor))
        offset = line.lag(line.start) * factor
        if line.slope == 0.0 and abs(offset - round(offset)) < _SNAP:
            offset = float(round(offset))
        stretch = Stretch(start, stop, offset, line.slope, correlation, line.copy, True)
        # Rounding may lead past either end of what was recorded.
        if stretch.heard_at(start) < 0:
            ahead = math.ceil(-stretch.heard_at(start))
            stretch = replace(stretch, start=start + ahead, offset=offset + line.slope * ahead)
        over = stretch.heard_at(stretch.stop) - sizes[1]
        if over > 0:
            stretch = replace(stretch, stop=stretch.stop - math.ceil(over))
        if stretch.stop > stretch.start:
            found.append(stretch)
    return tuple(found)


def correlation_of(line: Line, sides: Sides, polarity: int) -> float:
    """Of the waveforms along a line, 0 to 1: over `_SAMPLED` pieces of `_PIECE_S` spread over it."""
    length = round(_PIECE_S * sides.reference.sample_rate_hz)
    room = int(line.stop - line.start) - length
    product = said = heard = 0.0
    for at in np.linspace(line.start, line.start + max(0, room), min(_SAMPLED, 1 + max(0, room) // length)):
        start = round(at)
        stop = min(round(line.stop), start + length)
        lag = round(line.lag((start + stop) / 2))
        x = sides.reference.read(start, stop).astype(np.float64)
        y = sides.degraded.read(start + lag, stop + lag).astype(np.float64)
        x, y = x - x.mean(), y - y.mean()
        product += float(np.sum(x * y))
        said += float(np.sum(x * x))
        heard += float(np.sum(y * y))
    power = said * heard
    return min(1.0, max(0.0, polarity * product / math.sqrt(power))) if power > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """Where the reference speaks, in samples of the track."""

    flags: Flags
    step: int

    def samples(self, start: int, stop: int) -> int:
        """How many of ``[start, stop)``."""
        low, high = start // self.step, -(-stop // self.step)
        return min(max(0, stop - start), int(np.count_nonzero(self.flags[max(0, low) : high])) * self.step)


def changes_of(stretches: tuple[Stretch, ...], spoken: Spoken, rate_hz: int) -> tuple[DelayChange, ...]:
    """Jumps between stretches of one copy."""
    found = []
    near = round(_NEAR_S * rate_hz)
    for old, new in pairwise(stretches):
        by = new.offset - (old.heard_at(old.stop) - old.stop) - old.slope * (new.start - old.stop)
        if old.copy != new.copy or abs(by) < REPORTED_S * rate_hz:
            continue
        low, high = old.stop - near, new.start + near
        in_speech = spoken.samples(low, high) > 0.5 * (high - low)
        found.append(DelayChange(round(new.heard_at(new.start)), by, in_speech))
    return tuple(found)


def missing_of(
    stretches: tuple[Stretch, ...], copies: int, spoken: Spoken, size: int, rate_hz: int
) -> tuple[Missing, ...]:
    """Parts of the reference with speech in them that no stretch of a copy covers."""
    found = []
    for copy in range(copies):
        at = 0
        for start, stop in [*((s.start, s.stop) for s in stretches if s.copy == copy), (size, size)]:
            speech = spoken.samples(at, start)
            if speech >= MISSED_S * rate_hz:
                found.append(Missing(Span(at, start), copy, speech))
            at = max(at, stop)
    return tuple(found)


def inserted_of(stretches: tuple[Stretch, ...], rate_hz: int) -> tuple[Span, ...]:
    """Parts of the degraded signal between two stretches of one copy."""
    found = []
    for old, new in pairwise(stretches):
        start, stop = round(old.heard_at(old.stop)), round(new.heard_at(new.start))
        if old.copy == new.copy and stop - start >= REPORTED_S * rate_hz:
            found.append(Span(start, stop))
    return tuple(found)
