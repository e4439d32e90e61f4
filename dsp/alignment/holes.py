"""Parts of the reference that fit nowhere near where they are expected: looked for further away, by their waveform.

A unit of a second is too long to show half a second that is heard 0.2 s later than what is around it; its windows, which agree
with nothing, show it.

Conventions: samples of the narrow tracks.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.fine import BAND_HZ, Course, Sizes, similarities
from dsp.alignment.follow import Sides
from dsp.alignment.path import Run
from dsp.autoregression import runs as runs_in

FEWEST = 5
"""Windows in a row that agree with nothing."""
LONGEST_S = 4.0
"""Of a longer hole the beginning is looked for."""
OUTSIDE_S = 2.0
"""How far before the first, or behind the last, part that is in place."""
LEAST = 0.35
"""Similarity of what is found: over half a second chance reaches 0.15."""
_SURE = 1.7
"""Times the least that a window in place has: six tenths of what they have on the average."""
_NEAR = 3
_MOST = 100


@dataclass(frozen=True, slots=True)
class _Hole:
    copy: int
    start: int
    stop: int
    low: int
    """First sample of the degraded signal in which it may be."""
    high: int


def filled(
    runs: list[Run], courses: dict[int, Course], least: float, sides: Sides, sizes: Sizes, polarity: int
) -> list[Run]:
    """The runs, and one more for each hole that is found elsewhere; the same list where none is.

    Args:
        least: similarity below which a window agrees with nothing.
    """
    found = list(runs)
    for hole in _holes(courses, least, sides, sizes)[:_MOST]:
        place = _search(hole, least, sides, sizes, polarity)
        if place is None:
            continue
        middle, lag = place[0] // sides.hop, place[1]
        new = Run(hole.copy, np.array([middle]), np.array([round(lag / sides.hop)]), 0.0)
        rest: list[Run] = []
        placed = False
        for run in found:
            if run.copy != hole.copy:
                rest.append(run)
                continue
            before, behind = run.said < middle, run.said >= middle
            if before.any():
                rest.append(replace(run, said=run.said[before], offsets=run.offsets[before]))
            if behind.any():
                if not placed:
                    rest.append(new)
                    placed = True
                rest.append(replace(run, said=run.said[behind], offsets=run.offsets[behind]))
        if not placed:
            last = max(k for k, run in enumerate(rest) if run.copy == hole.copy)
            rest.insert(last + 1, new)
        found = rest
    return found if len(found) > len(runs) else runs


def _holes(courses: dict[int, Course], least: float, sides: Sides, sizes: Sizes) -> list[_Hole]:
    holes = []
    outside = round(OUTSIDE_S * sides.reference.sample_rate_hz)
    longest = round(LONGEST_S * sides.reference.sample_rate_hz)
    for copy, course in courses.items():
        bad = course.similarity < least
        for first, stop in np.transpose(runs_in(bad)).tolist():
            if stop - first < FEWEST or stop - first == bad.size:
                continue
            start, end = int(course.middle[first]), int(course.middle[stop - 1])
            end = min(end, start + longest)
            low, high = start - outside, end + outside
            if first:
                low = round(course.middle[first - 1] + course.lag[first - 1]) - sizes.window // 2
                high = low + 2 * outside + end - start
            if stop < bad.size:
                high = round(course.middle[stop] + course.lag[stop]) + sizes.window // 2
                low = low if first else high - 2 * outside - (end - start)
            holes.append(_Hole(copy, start, end, max(low, 0), min(high, sides.degraded.size)))
    return holes


def _search(hole: _Hole, least: float, sides: Sides, sizes: Sizes, polarity: int) -> tuple[int, int] | None:
    """(middle, lag) of the part of a hole that is heard best, twice a window long; None where none is."""
    length = 2 * sizes.window
    starts = np.arange(hole.start, max(hole.start, hole.stop - length) + 1, sizes.window)
    y = sides.degraded.read(hole.low, hole.high)
    room = y.size - length
    if room <= 0:
        return None
    size = 1 << (y.size - 1).bit_length()
    low, high = (round(f * size / sides.reference.sample_rate_hz) for f in BAND_HZ)
    said = sides.reference.read(int(starts[0]), int(starts[-1]) + length)
    x = np.lib.stride_tricks.sliding_window_view(said, length)[:: sizes.window]
    cross: NDArray[np.complex64] = np.zeros((starts.size, size // 2 + 1), dtype=np.complex64)
    product = np.fft.rfft(y, size)[low:high] * np.fft.rfft(x, size)[:, low:high].conj()
    root = np.sqrt(np.abs(product))
    cross[:, low:high] = product / np.maximum(root, np.float32(1e-12))
    total = np.maximum(root.sum(axis=1, keepdims=True) * (2.0 / size), 1e-12)
    similarity = polarity * np.fft.irfft(cross, size)[:, : room + 1] / total
    best, top = np.unravel_index(int(np.argmax(similarity)), similarity.shape)
    # Only as much of the recording as is compared can agree: the rest is noise to it.
    if similarity[best, top] < LEAST * np.sqrt(length / y.size):
        return None
    start = int(starts[best])
    lag = hole.low + int(top) - start
    return (start + length // 2, lag) if _confirmed(start, lag, least, sides, sizes, polarity) else None


def _confirmed(start: int, lag: int, least: float, sides: Sides, sizes: Sizes, polarity: int) -> bool:
    """Whether windows within the part agree at that lag, better than at any near it, as others do that are in place."""
    middles = start + sizes.window // 2 * np.arange(1, 4)
    near = polarity * similarities(sides.reference, sides.degraded, middles, np.full(3, lag), sizes)
    there = near[:, sizes.reach - _NEAR : sizes.reach + _NEAR + 1].max(axis=1)
    return float(there.mean()) > _SURE * least and bool(np.all(there >= near.max(axis=1)))
