"""Cuts what is to be compared into pieces that fit into memory, and finds where each moment of the reference is heard.

Conventions: positions in samples of the alignment's rate; of the reference, unless a name says *heard*.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.base import Alignment, Span, Stretch

PIECE_S = 60.0
"""A piece is not longer, unless somebody speaks longer without a pause."""
SEGMENT_S = 1.0
"""Utterances shorter than this are told together with the next one..."""
JOIN_S = 1.5
"""... where the pause between them is not longer than this."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``reference[start:stop]``, as one copy of it was heard."""

    copy: int
    start: int
    stop: int


class Copies:
    """Where each playing of the reference lies.

    Args:
        alignment: of at least one stretch.
        reference_size: its samples.
        degraded_size: samples of the other one.
    """

    def __init__(self, alignment: Alignment, reference_size: int, degraded_size: int) -> None:
        self._stretches: dict[int, list[Stretch]] = {}
        for stretch in alignment.stretches:
            self._stretches.setdefault(stretch.copy, []).append(stretch)
        self._starts: dict[int, list[int]] = {}
        self.ranges: dict[int, tuple[int, int]] = {}
        """Copy -> what of the reference would have been heard while it was recorded."""
        for copy, found in sorted(self._stretches.items()):
            found.sort(key=lambda one: one.start)
            self._starts[copy] = [one.start for one in found]
            first, last = found[0], found[-1]
            low = first.start - first.heard_at(first.start) / (1 + first.slope)
            high = last.stop + (degraded_size - last.heard_at(last.stop)) / (1 + last.slope)
            start, stop = max(0, round(low)), min(reference_size, round(high))
            if start < stop:
                self.ranges[copy] = (start, stop)

    def heard_at(self, copy: int, position: float) -> float:
        """Where in the degraded signal the reference's *position* is, in that copy."""
        index = max(0, bisect_right(self._starts[copy], position) - 1)
        return self._stretches[copy][index].heard_at(position)

    def judged(self, piece: Piece, spoken: Sequence[Span]) -> NDArray[np.intp]:
        """Samples of *piece*, counted from its start, that are held against what is heard: all but the parts of its pauses that are
        not in the recording."""
        counts = np.zeros(piece.stop - piece.start, dtype=np.bool_)
        spans: tuple[Stretch | Span, ...] = (*self._stretches[piece.copy], *spoken)
        for span in spans:
            counts[max(0, span.start - piece.start) : max(0, span.stop - piece.start)] = True
        return np.flatnonzero(counts)

    def is_outside(self, copy: int, span: Span) -> bool:
        """Whether *span* of that copy would have been heard before the beginning or after the end of the recording."""
        low, high = self.ranges.get(copy, (0, 0))
        return span.stop <= low + 1 or span.start >= high - 1


def cut(
    copies: Copies, spoken: Sequence[Span], sample_rate_hz: int, *, longest_s: float = PIECE_S
) -> list[Piece]:
    """Pieces of every copy, cut in the pauses of *spoken*."""
    longest = round(longest_s * sample_rate_hz)
    pauses = [(before.stop + after.start) // 2 for before, after in pairwise(spoken)]
    pieces: list[Piece] = []
    for copy, (begin, end) in copies.ranges.items():
        start = begin
        while end - start > longest:
            stop = next((at for at in reversed(pauses) if start < at <= start + longest), None)
            if stop is None:  # a pause that long, or none at all
                stop = start + longest
            pieces.append(Piece(copy, start, stop))
            start = stop
        pieces.append(Piece(copy, start, end))
    return pieces


def told_together(spoken: Sequence[Span], sample_rate_hz: int) -> list[Span]:
    """*spoken* with utterances that are too short to be judged alone joined to a neighbour that is near."""
    least, near = SEGMENT_S * sample_rate_hz, JOIN_S * sample_rate_hz
    joined: list[Span] = []
    for span in spoken:
        before = joined[-1] if joined else None
        is_short = before is not None and min(before.stop - before.start, span.stop - span.start) < least
        if before is not None and is_short and span.start - before.stop <= near:
            joined[-1] = Span(before.start, span.stop)
        else:
            joined.append(span)
    return joined
