"""From the lags of windows to pieces of one offset and the slope they share: robust regression.

Conventions: samples of the narrow tracks; lag = ``offset + slope * position`` with the position in the reference.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

STEEPEST = 3500e-6
"""Clocks of sound cards and telephones are within some hundred ppm; twice what is promised is looked for."""
_PAIRS = (8, 12, 16, 24, 32)
"""Windows between the two of a pair: from a quarter of a second to a second, few of which hold a jump."""
_SURE, _SURER = 12, 4
"""A piece of fewer points is one with its neighbour up to so many times the distance that parts longer ones."""
_END = 16
"""Points at an end of a piece that are compared with those of the next: the lag may bend slowly in between."""
_BEND = 128
"""Points of a part of a bent piece: four seconds of speech or more."""
_BENT = 2.5
"""Median distance from the line, in samples of such a part, above which the piece is bent."""
_WEAK = 0.25
"""A piece of fewer points is none where they weigh less than this share of the others: similarities half as high."""
_FEWEST_MORE = 2
"""So many more points are wanted of a piece at an end of a copy, which nothing holds on its other side."""
_TUKEY = 4.685
"""Tuning constant of the biweight, 95 % efficient for normal errors (Holland and Welsch 1977)."""


@dataclass(frozen=True, slots=True)
class Points:
    """Windows with a lag to believe, in order of one copy."""

    at: Doubles
    """Middle of the window in the reference."""
    lag: Doubles
    weight: Doubles
    copy: Ints


@dataclass(frozen=True, slots=True)
class Piece:
    """Points ``[first, stop)`` that one line explains."""

    first: int
    stop: int
    offset: float
    """Of the line, at position 0 of the reference."""
    slope: float
    copy: int

    def lag(self, position: float) -> float:
        """Degraded position less reference position, by the line."""
        return self.offset + self.slope * position


def rough_slope(points: Points) -> float:
    """Median slope of pairs of points up to a second apart; 0 where there are too few."""
    slopes = []
    for apart in _PAIRS:
        if points.at.size <= apart:
            continue
        run = points.at[apart:] - points.at[:-apart]
        rise = points.lag[apart:] - points.lag[:-apart]
        fine = (run > 0) & (points.copy[apart:] == points.copy[:-apart])
        slopes.append(rise[fine] / run[fine])
    found = np.concatenate(slopes) if slopes else np.zeros(0)
    found = found[np.abs(found) < STEEPEST]
    return float(np.median(found)) if found.size >= 10 else 0.0


def pieces_of(points: Points, slope: float, *, apart: float, fewest: int) -> list[Piece]:
    """Cut where the lag leaves the line by more than *apart* samples; a piece has *fewest* points or more.

    Points off the line for less than that stay in between and do not bear on the offset.
    """
    level = points.lag - slope * points.at
    cuts = np.flatnonzero((np.abs(np.diff(level)) > apart) | (np.diff(points.copy) != 0)) + 1
    edges = [0, *cuts.tolist(), level.size]
    found = [
        (
            low,
            high,
            float(np.median(level[low : low + _END])),
            float(np.median(level[max(low, high - _END) : high])),
        )
        for low, high in pairwise(edges)
        if high > low
    ]
    weak = _WEAK * float(np.median(points.weight)) if points.weight.size else 0.0
    while True:
        merged: list[tuple[int, int, float, float]] = []
        for low, high, head, tail in found:
            if merged and points.copy[merged[-1][0]] == points.copy[low]:
                begin, end, first, last = merged[-1]
                sure = min(high - low, end - begin) >= _SURE
                if abs(last - head) <= (apart if sure else _SURER * apart):
                    merged[-1] = (begin, high, first, tail if high - low >= end - begin or sure else last)
                    continue
            merged.append((low, high, head, tail))
        outer = [
            k == 0
            or k + 1 == len(merged)
            or points.copy[merged[k - 1][0]] != points.copy[low]
            or points.copy[merged[k + 1][0]] != points.copy[low]
            for k, (low, _, _, _) in enumerate(merged)
        ]
        short = [
            k
            for k, (low, high, _, _) in enumerate(merged)
            if high - low < fewest + (_FEWEST_MORE if outer[k] and len(merged) > 1 else 0)
            or (high - low < _SURE and float(np.median(points.weight[low:high])) < weak)
        ]
        if not short:
            break
        shortest = min(short, key=lambda k: merged[k][1] - merged[k][0])
        found = [piece for k, piece in enumerate(merged) if k != shortest]
    return [
        Piece(low, high, float(np.median(level[low:high])), slope, int(points.copy[low]))
        for low, high, _, _ in merged
    ]


@dataclass(frozen=True, slots=True)
class Fit:
    """Lines through the points."""

    pieces: list[Piece]
    slope: float
    error: float
    """Standard error of the slope."""
    scale: float
    """Of the distances from the lines, in samples: a robust standard deviation."""


def fitted(points: Points, pieces: list[Piece], slope: float) -> Fit:
    """The pieces' offsets and their common slope, by iteratively reweighted least squares with Tukey's biweight."""
    if not pieces:
        return Fit(pieces, 0.0, 0.0, 0.0)
    index = np.full(points.at.size, -1)
    for count, piece in enumerate(pieces):
        index[piece.first : piece.stop] = count
    inside = index >= 0
    number, at, lag, given = index[inside], points.at[inside], points.lag[inside], points.weight[inside]
    offsets = np.array([piece.offset for piece in pieces])
    error = scale = 0.0
    for _ in range(8):
        left = lag - offsets[number] - slope * at
        scale = max(1.4826 * float(np.median(np.abs(left))), 0.05)
        weight = given * np.maximum(0.0, 1.0 - (left / (_TUKEY * scale)) ** 2) ** 2
        total = np.bincount(number, weight, minlength=len(pieces))
        safe = np.maximum(total, 1e-9)
        mean_at = np.bincount(number, weight * at, minlength=len(pieces)) / safe
        mean_lag = np.bincount(number, weight * lag, minlength=len(pieces)) / safe
        run = at - mean_at[number]
        spread = float(np.sum(weight * run * run))
        if spread > 0 and at.size > 2 * len(pieces) + 4:
            slope = float(np.sum(weight * run * (lag - mean_lag[number]))) / spread
            slope = min(max(slope, -STEEPEST), STEEPEST)
            # Neighbouring windows overlap by three quarters: a fourth of them counts.
            error = scale * float(np.sqrt(4 * np.sum((weight * run) ** 2))) / spread
        offsets = np.where(total > 1e-6, mean_lag - slope * mean_at, offsets)
    moved = [
        replace(piece, offset=float(offset), slope=slope)
        for piece, offset in zip(pieces, offsets, strict=True)
    ]
    return Fit(moved, slope, error, scale)


def bent(points: Points, pieces: list[Piece]) -> list[Piece]:
    """The pieces; one whose lag leaves its line slowly (a clock that warms up, playing that is stretched) in parts with
    a line of their own each.
    """
    found: list[Piece] = []
    for piece in pieces:
        inside = slice(piece.first, piece.stop)
        left = points.lag[inside] - piece.offset - piece.slope * points.at[inside]
        parts = np.array_split(np.arange(piece.first, piece.stop), max(1, left.size // _BEND))
        away = [abs(float(np.median(left[part - piece.first]))) for part in parts]
        if len(parts) < 2 or max(away) <= _BENT:
            found.append(piece)
            continue
        for part in parts:
            rough = replace(piece, first=int(part[0]), stop=int(part[-1]) + 1)
            found += fitted(points, [rough], piece.slope).pieces
    return found
