"""One opinion score from the patches of a whole recording, and what it is in its parts."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.base import Span
from dsp.metrics import visqol
from softphone.scorer.pieces import Copies
from softphone.scorer.score import Segment

TRACE_S = 2.0
"""Least length of a window of the trace."""
TRACE_POINTS = 300
"""The trace has about so many windows at most."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A patch and where it belongs."""

    patch: visqol.Patch
    copy: int
    said_at: int
    """Its middle in the reference, in samples."""
    heard_at: float
    """Its middle in the degraded signal."""


class Opinion:
    """Collects patches.

    Args:
        copies: where what is said is heard.
        sample_rate_hz: of positions.
    """

    def __init__(self, copies: Copies, sample_rate_hz: int) -> None:
        self._copies, self._rate_hz = copies, sample_rate_hz
        self._placed: list[Placed] = []

    def add(self, patches: Sequence[visqol.Patch], copy: int, places: NDArray[np.intp]) -> None:
        """Take *patches* of a piece, whose samples are those of the reference at *places*, ``(n,)``."""
        for patch in patches:
            middle = round((patch.start_s + patch.stop_s) / 2 * self._rate_hz)
            at = int(places[min(middle, places.size - 1)])
            self._placed.append(Placed(patch, copy, at, self._copies.heard_at(copy, at)))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to judge."""
        return not self._placed

    def mos(self) -> float:
        """MOS-LQO of everything."""
        return visqol.mos_of([one.patch for one in self._placed])

    def segments(self, spoken: Sequence[Span]) -> list[Segment]:
        """The same of each utterance of each copy, as far as it was recorded, in the order in which they are heard."""
        middles = [(before.stop + after.start) // 2 for before, after in pairwise(spoken)]
        members: dict[tuple[int, int], list[visqol.Patch]] = {}
        for one in self._placed:
            members.setdefault((one.copy, bisect_right(middles, one.said_at)), []).append(one.patch)
        found: list[Segment] = []
        for copy, (low, high) in self._copies.ranges.items():
            for index, span in enumerate(spoken):
                start, stop = max(low, span.start), min(high, span.stop)
                if start >= stop:
                    continue
                patches = members.get((copy, index))
                found.append(
                    Segment(
                        from_s=self._seconds(copy, start),
                        to_s=self._seconds(copy, stop),
                        mos_lqo=None if not patches else round(visqol.mos_of(patches), 3),
                        said_from_s=round(start / self._rate_hz, 3),
                        copy=copy,
                    )
                )
        return sorted(found, key=lambda segment: segment["from_s"])

    def trace(self, seconds: float) -> list[list[float]]:
        """[at_s, MOS-LQO] of windows of the degraded signal, which lasts *seconds*."""
        window = max(TRACE_S, seconds / TRACE_POINTS)
        members: dict[int, list[visqol.Patch]] = {}
        for one in self._placed:
            members.setdefault(int(one.heard_at / self._rate_hz / window), []).append(one.patch)
        return [
            [round((index + 0.5) * window, 3), round(visqol.mos_of(patches), 3)]
            for index, patches in sorted(members.items())
        ]

    def _seconds(self, copy: int, position: int) -> float:
        return round(max(0.0, self._copies.heard_at(copy, position)) / self._rate_hz, 3)
