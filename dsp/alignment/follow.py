"""Along the coarse runs of each copy: the course of the lag, window by window, one after the other without overlap.

Conventions: samples of the narrow tracks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.alignment import fine
from dsp.alignment.fine import Course, Sizes
from dsp.alignment.narrow import NarrowTrack
from dsp.alignment.path import Run, bounds_of

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

_SPOKEN = 0.4
"""Share of a window in which somebody speaks, for it to be looked at."""
_BATCH = 256
"""Windows read at once."""
_LOOKED_AT = 256
"""Windows from which the polarity is told."""
_DECODED = 2048
"""Windows whose course is decided at once: more than a minute."""


@dataclass(frozen=True, slots=True)
class Territory:
    """Windows that a run may explain."""

    run: Run
    middles: Ints
    bases: Ints
    """Lag that the coarse search expects at each."""

    def some(self, first: int, stop: int) -> tuple[Ints, Ints]:
        """Middles and bases of some windows."""
        return self.middles[first:stop], self.bases[first:stop]


@dataclass(frozen=True, slots=True)
class Sides:
    """Both signals, and what is known of the reference."""

    reference: NarrowTrack
    degraded: NarrowTrack
    speaking: Flags
    """Of the reference, for each frame."""
    hop: int
    """Samples from frame to frame."""


def territories(runs: list[Run], sides: Sides, sizes: Sizes) -> list[Territory]:
    """The windows of each run, within `bounds_of` it."""
    sums = np.concatenate(([0], np.cumsum(sides.speaking)))
    half = sizes.window // 2 // sides.hop
    found = []
    for number, run in enumerate(runs):
        first, last = bounds_of(runs, number)
        low, high = first * sides.hop, sides.reference.size if last is None else last * sides.hop
        step = sizes.step
        middles = np.arange(-(-low // step), high // step + 1, dtype=np.int64) * step
        frame = middles // sides.hop
        begin, end = (np.clip(frame + side, 0, sides.speaking.size) for side in (-half, half))
        spoken = sums[end] - sums[begin] >= _SPOKEN * 2 * half
        bases = np.rint(np.interp(frame, run.said, run.offsets) * sides.hop).astype(np.int64)
        # At least three quarters of the window lie within what was recorded, up to the reach.
        margin = sizes.window // 4
        inside = (middles + bases + sizes.reach > margin) & (
            middles + bases - sizes.reach < sides.degraded.size - margin
        )
        kept = spoken & inside
        found.append(Territory(run, middles[kept], bases[kept]))
    return found


def polarity_of(found: list[Territory], sides: Sides, sizes: Sizes) -> int:
    """-1 where the degraded signal is upside down, after the longest run."""
    longest = max(found, key=lambda one: one.middles.size, default=None)
    if longest is None or longest.middles.size == 0:
        return 1
    some = slice(0, _LOOKED_AT, 4)  # windows overlap by three quarters
    return fine.polarity_of(
        fine.similarities(sides.reference, sides.degraded, longest.middles[some], longest.bases[some], sizes)
    )


def courses(found: list[Territory], sides: Sides, sizes: Sizes, polarity: int) -> list[Course]:
    """The course of each run."""
    out = []
    for one in found:
        if one.middles.size == 0:
            none = np.zeros(0)
            out.append(Course(one.middles, none, none, none))
            continue
        parts: list[Course] = []
        for first in range(0, one.middles.size, _DECODED):
            windows = range(first, min(first + _DECODED, one.middles.size), _BATCH)
            similarity = np.concatenate(
                [
                    fine.similarities(
                        sides.reference,
                        sides.degraded,
                        *one.some(at, min(at + _BATCH, first + _DECODED)),
                        sizes,
                    )
                    for at in windows
                ]
            )
            if polarity < 0:
                np.negative(similarity, out=similarity)
            parts.append(
                fine.course_of(
                    *one.some(first, first + _DECODED), similarity, sizes, parts[-1] if parts else None
                )
            )
        out.append(fine.chained(parts))
    return out


def joined(found: list[Course]) -> Course:
    """Courses of one copy as one: each window is explained by one of the two that know it, with one change between them."""
    result = found[0]
    for new in found[1:]:
        shared, old_at, new_at = np.intersect1d(result.middle, new.middle, return_indices=True)
        gain = result.similarity[old_at] - new.similarity[new_at]
        keep = int(np.argmax(np.concatenate(([0.0], np.cumsum(gain)))))
        if keep < shared.size:
            old, fresh = result.middle < shared[keep], new.middle >= shared[keep]
        else:
            edge = int(shared[-1]) if shared.size else int(result.middle[-1]) if result.middle.size else -1
            old, fresh = result.middle <= edge, new.middle > edge
        result = fine.chained([result.some(old), new.some(fresh)])
    return result


def joined_copies(found: dict[int, Course]) -> Course:
    """All copies' courses behind each other."""
    return fine.chained(list(found.values()))
