"""The best order of matches: as much of the reference as can be, in order, with few jumps of the delay; then over again.

Conventions: frames of `bands` (5 ms), as in `coarse`. The path is found by dynamic programming over the matches, sorted by
time in the degraded signal.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dsp.alignment.bands import HOP_S
from dsp.alignment.coarse import THIN, UNIT_S, Ints, Matches

WORTHLESS = 0.4
"""Similarity that speaks neither for a match nor against it."""
RESTART = 0.4
"""What beginning the reference over again costs beyond the jump that it is, in units of similarity."""
LOOP = 0.3
"""What it costs where it begins as soon as it has ended, and had been played from its beginning: a file played in a loop."""
JUMP, JUMP_OCTAVE = 0.25, 0.08
"""What a jump costs, and what more for each doubling beyond 50 ms."""
TOLERANCE_S, TOLERANCE_SLOPE = 0.03, 0.003
"""The offset may differ by so much without a jump: the step of the correlation, and a clock 3000 ppm off."""
_OVERLAP_S = 0.5
"""Where words were left out, the unit before and the unit behind can overlap in the degraded signal by so much."""
_SLACK_S = 0.1
_BEFORE = 256
"""Predecessors looked at."""


@dataclass(frozen=True, slots=True)
class Path:
    """Matches in order."""

    said: Ints
    heard: Ints
    similarity: np.ndarray
    copy: Ints
    score: float
    """Sum of what the similarities are worth, less what the jumps cost."""


def best_path(matches: Matches, frames: int) -> Path:
    """Find the path through matches of a reference of so many frames; empty where there are none."""
    count = matches.said.size
    worth = (matches.similarity - WORTHLESS).astype(np.float64)
    total = np.array(worth)
    origin = np.full(count, -1, dtype=np.int64)
    again = np.zeros(count, dtype=np.bool_)
    said, heard = matches.said, matches.heard
    unit, overlap = UNIT_S / HOP_S, _OVERLAP_S / HOP_S
    begun = np.array(said)
    """First unit of the copy that each match belongs to."""
    first = int(said.min()) if count else 0
    leader = -1
    """Best end so far among those that are out of reach of `_BEFORE`."""
    for at in range(1, count):
        low = max(0, at - _BEFORE)
        if low > 0 and (leader < 0 or total[low - 1] > total[leader]):
            leader = low - 1
        before = np.arange(low, at) if leader < 0 else np.append(np.arange(low, at), leader)
        forward = said[at] - said[before]
        later = heard[at] - heard[before]
        moved = np.abs(later - forward) * HOP_S
        free = moved <= TOLERANCE_S + TOLERANCE_SLOPE * np.abs(forward) * HOP_S
        jump = JUMP + JUMP_OCTAVE * np.log2(1.0 + moved / 0.05)
        cost = np.where(free, 0.0, jump)
        cost[later < np.minimum(forward, unit) - overlap] = np.inf
        over = forward <= 0
        # A copy is over before the next one begins; only the last unit reaches beyond the end of the reference.
        length = np.minimum(unit, frames - said[before])
        gap = np.abs(later - (frames - said[before]) - said[at]) * HOP_S
        looped = (gap <= _SLACK_S) & (begun[before] <= first + unit)
        again_cost = np.where(looped, LOOP, RESTART + jump)
        cost[over] = np.where(later >= length - _SLACK_S / HOP_S, again_cost, np.inf)[over]
        value = total[before] - cost
        best = int(np.argmax(value))
        if value[best] > 0:
            total[at] += value[best]
            origin[at] = before[best]
            again[at] = over[best]
            if not over[best]:
                begun[at] = begun[before[best]]
    if count == 0:
        none = np.zeros(0, dtype=np.int64)
        return Path(none, none, np.zeros(0), none, 0.0)
    chosen = [int(np.argmax(total))]
    while origin[chosen[-1]] >= 0:
        chosen.append(int(origin[chosen[-1]]))
    index = np.array(chosen[::-1])
    return Path(
        said[index], heard[index], matches.similarity[index], np.cumsum(again[index]), float(total[chosen[0]])
    )


@dataclass(frozen=True, slots=True)
class Run:
    """Matches of one copy whose offset hardly changes."""

    copy: int
    said: Ints
    """Middles of the units, frames of the reference."""
    offsets: Ints
    """Degraded frame less reference frame at each of them."""
    worth: float
    """Sum of what its similarities are worth."""


def bounds_of(runs: list[Run], number: int) -> tuple[int, int | None]:
    """Frames of the reference that one of *runs* may explain: from the last unit of the run before to the first of the run
    behind, if of the same copy; else from 0, and to the end (None).
    """
    copy = runs[number].copy
    low = int(runs[number - 1].said[-1]) if number and runs[number - 1].copy == copy else 0
    behind = number + 1
    return low, int(runs[behind].said[0]) if behind < len(runs) and runs[behind].copy == copy else None


def runs_of(path: Path) -> list[Run]:
    """Cut a path where the copy ends or the offset jumps."""
    offsets = path.heard - path.said
    allowed = TOLERANCE_S + TOLERANCE_SLOPE * np.abs(np.diff(path.said)) * HOP_S + THIN * HOP_S
    cuts = (np.diff(path.copy) > 0) | (np.abs(np.diff(offsets)) * HOP_S > allowed)
    edges = [0, *(np.flatnonzero(cuts) + 1).tolist(), path.said.size]
    middle = path.said + round(UNIT_S / HOP_S) // 2
    return [
        Run(
            int(path.copy[low]),
            middle[low:high],
            offsets[low:high],
            float(np.sum(path.similarity[low:high] - WORTHLESS)),
        )
        for low, high in pairwise(edges)
        if high > low
    ]
