"""The lag of short windows along a corridor: generalised cross-correlation of the waveforms, and its steadiest course.

Conventions: samples of the narrow tracks. A lag is degraded position less reference position. `WINDOW_S` of the reference
every `HOP_S` is compared with what lies up to `REACH_S` on either side of where the corridor expects it. The similarity is
the cross-spectrum's phase agreement, each bin weighted by the square root of its magnitude: 1 where all agree; 0.03 r.m.s.
for noise; at the right lag 0.6 for G.711, 0.4 for Opus at 6 kb/s.

Source: Knapp and Carter, IEEE TASSP 24(4), 1976, with the cross-spectrum to the power of one half as processor; the course is
Viterbi's algorithm over lags in steps of `POOL`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.bands import Floats
from dsp.alignment.narrow import NarrowTrack

WINDOW_S = 0.128
STEP_S = 0.032
BAND_HZ = (100.0, 3700.0)
POOL = 4
"""Samples in one step of lag of the course: it may move by one step from window to window."""
JUMP = 0.7
"""What a jump costs, in units of similarity: a better lag has to hold for two windows at least."""
DRIFT = 0.02
"""What a move by one step costs."""
_TRANSFORMED = 32
"""Windows transformed at once: twice as fast as 256, whose spectra leave the cache."""
_MOST_DRIFT = 8
"""Windows of a pause in which the lag may move."""

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Course:
    """Lags of windows in order."""

    middle: Ints
    """Of each window, in the reference."""
    lag: Doubles
    similarity: Doubles
    """At that lag."""
    top: Doubles
    """The highest of all lags."""

    def agreement(self) -> float:
        """Share of windows that agree best at the lag of the course; 0 without windows."""
        return float(np.mean(self.similarity >= 0.999 * self.top)) if self.middle.size else 0.0

    def some(self, kept: NDArray[np.bool_]) -> "Course":
        """Only those windows."""
        return Course(self.middle[kept], self.lag[kept], self.similarity[kept], self.top[kept])


def chained(parts: list[Course]) -> Course:
    """Courses behind each other."""
    if len(parts) == 1:
        return parts[0]
    return Course(
        np.concatenate([part.middle for part in parts]),
        np.concatenate([part.lag for part in parts]),
        np.concatenate([part.similarity for part in parts]),
        np.concatenate([part.top for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class Sizes:
    """What depends on the rate."""

    window: int
    step: int
    reach: int

    @property
    def transform(self) -> int:
        """Samples of a transform: the window and the reach on both sides."""
        return self.window + 2 * self.reach


def sizes_of(rate_hz: float) -> Sizes:
    """Of narrow tracks at *rate_hz*; the reach is half of the window, so that a transform has a power of two."""
    window = 1 << round(np.log2(WINDOW_S * rate_hz))
    return Sizes(window, window // 4, window // 2)


def similarities(
    reference: NarrowTrack, degraded: NarrowTrack, middles: Ints, bases: Ints, sizes: Sizes
) -> Floats:
    """Similarity of each window at lags ``base - reach .. base + reach``: ``(windows, 2 * reach + 1)``."""
    window, reach, size = sizes.window, sizes.reach, sizes.transform
    starts = middles - window // 2
    first = int(starts.min())
    said = reference.read(first, int(starts.max()) + window)
    begins = starts + bases - reach
    begin = int(begins.min())
    heard = degraded.read(begin, int(begins.max()) + size)
    taper = np.sqrt(np.hanning(window + 2)[1:-1]).astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view
    low, high = (round(f * size / reference.sample_rate_hz) for f in BAND_HZ)
    out = np.empty((middles.size, 2 * reach + 1), dtype=np.float32)
    for some in range(0, middles.size, _TRANSFORMED):
        part = slice(some, some + _TRANSFORMED)
        x = np.fft.rfft(views(said, window)[starts[part] - first] * taper, size)[:, low:high]
        cross = np.fft.rfft(views(heard, size)[begins[part] - begin])
        cross[:, :low] = 0
        cross[:, high:] = 0
        kept = cross[:, low:high]
        kept *= x.conj()
        root = np.sqrt(np.abs(kept))
        kept /= np.maximum(root, np.float32(1e-12))
        total = np.maximum(root.sum(axis=1, keepdims=True) * np.float32(2.0 / size), np.float32(1e-12))
        np.divide(np.fft.irfft(cross, size)[:, : 2 * reach + 1], total, out=out[part])
    return out


def polarity_of(similarity: Floats) -> int:
    """-1 where the windows agree better upside down."""
    upright, upset = float(np.sum(similarity.max(axis=1))), float(np.sum(-similarity.min(axis=1)))
    return -1 if upset > 1.05 * upright else 1


def course_of(
    middles: Ints, bases: Ints, similarity: Floats, sizes: Sizes, before: "Course | None" = None
) -> Course:
    """The course of lags that agrees best, for similarities as `similarities` gives them, going on from the one *before*."""
    reach = sizes.reach
    states = 2 * reach // POOL
    pooled = similarity[:, : states * POOL].reshape(-1, states, POOL).max(axis=2)
    shift = bases // POOL
    gaps = np.diff(middles, prepend=middles[:1]) // sizes.step
    begin = None if before is None else round((before.lag[-1] - bases[0] + reach) / POOL)
    chosen = steadiest(pooled, np.diff(shift, prepend=shift[:1]), gaps, jump=JUMP, drift=DRIFT, begin=begin)
    rows = np.arange(middles.size)
    near = np.clip(chosen[:, None] * POOL + np.arange(-2, POOL + 2), 1, 2 * reach - 1)
    best = near[rows, np.argmax(similarity[rows[:, None], near], axis=1)]
    left, mid, right = (similarity[rows, best + k].astype(np.float64) for k in (-1, 0, 1))
    return Course(
        middles,
        bases + best - reach + summit(left, mid, right),
        mid,
        similarity.max(axis=1).astype(np.float64),
    )


def summit(left: Doubles, mid: Doubles, right: Doubles) -> Doubles:
    """Where between its neighbours the summit of a parabola through three values is; 0 where the middle one is not the highest."""
    bend = left - 2 * mid + right
    peak = (mid >= left) & (mid >= right) & (bend < 0)
    return np.where(peak, 0.5 * (left - right) / np.where(peak, bend, 1.0), 0.0)


def steadiest(
    pooled: Floats, shifts: Ints, gaps: Ints, *, jump: float, drift: float, begin: int | None = None
) -> Ints:
    """Viterbi: the state of each window.

    Args:
        pooled: similarity of each window in each state, ``(windows, states)``.
        shifts: by how much the corridor moved before each window.
        gaps: windows between each and the one before, 1 for neighbours.
        jump: what a move to any state costs.
        drift: what a move by one costs; it may be done once for each window of a gap.
        begin: state before the first window.
    """
    count, states = pooled.shape
    value = np.empty((count, states), dtype=np.float32)
    value[0] = pooled[0]
    if begin is not None:
        value[0] -= np.float32(jump)
        value[0, min(max(0, begin), states - 1)] += np.float32(jump)
    slack = np.float32(drift)
    moves = np.clip(gaps, 1, _MOST_DRIFT).tolist()
    buffers = np.empty((2, states), dtype=np.float32)
    lower = np.empty(states - 1, dtype=np.float32)
    for row, (shift, most) in enumerate(zip(shifts.tolist(), moves, strict=True)):
        if row == 0:
            continue
        best = value[row - 1] if shift == 0 else _shifted(value[row - 1], shift)
        least = best.max() - np.float32(jump)
        for turn in range(most):
            out = buffers[turn & 1]
            np.subtract(best[:-1], slack, out=lower)
            np.maximum(best[1:], lower, out=out[1:])
            out[0] = best[0]
            np.subtract(best[1:], slack, out=lower)
            np.maximum(out[:-1], lower, out=out[:-1])
            best = out
        np.maximum(best, least, out=value[row])
        value[row] += pooled[row]
    chosen = np.empty(count, dtype=np.int64)
    state = int(value[-1].argmax())
    for row in range(count - 1, 0, -1):
        chosen[row] = state
        shift, most = int(shifts[row]), moves[row]
        before = value[row - 1] if shift == 0 else _shifted(value[row - 1], shift)
        low = max(0, state - most)
        near = before[low : state + most + 1]
        cost = near - slack * np.abs(np.arange(low - state, low - state + near.size))
        step = int(cost.argmax())
        top = int(before.argmax())
        state = top if before[top] - jump > cost[step] else low + step
        state = min(max(0, state + shift), states - 1)
    chosen[0] = state
    return chosen


def _shifted(value: Floats, by: int) -> Floats:
    """States counted from a base that is *by* higher."""
    out = np.full_like(value, value.min())
    if 0 < by < value.size:
        out[:-by] = value[by:]
    elif -value.size < by < 0:
        out[-by:] = value[:by]
    return out
