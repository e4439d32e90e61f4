"""Averages over frames of what is known at their centres alone."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dsp.types import Samples

Indices = NDArray[np.intp]


def time_average(frames: Indices, count: int, width: float, around: int) -> Samples:
    """Weights of the frames around each of *frames* for its average over *width* frames, ``(n, 2 around + 1)``.

    Between centres it is straight lines that are averaged; beyond the first and the last of *count* frames it is half
    a frame more, and where the window reaches further it is cut off. Each row's sum is 1.

    Args:
        frames: which frames, 0 to *count* - 1.
        count: frames there are.
        width: of the window, in frames.
        around: frames on either side that there are weights for; more than (*width* + 1) / 2 would be zero.
    """
    if frames.size > 1 and frames[0] >= around and frames[-1] < count - around:
        # Far from both ends all are alike.
        return np.repeat(_far_from_ends(width, around), frames.size, axis=0)
    return _weights(frames, count, width, around)


@cache
def _far_from_ends(width: float, around: int) -> Samples:
    """Weights of one frame."""
    return _weights(np.array([around]), 2 * around + 1, width, around)


def _weights(frames: Indices, count: int, width: float, around: int) -> Samples:
    at = frames.astype(np.float64)
    low = np.maximum(at - 0.5 * width, -0.5)
    high = np.minimum(at + 0.5 * width, count - 0.5)
    # One place more on either side, for the half frame before the first and behind the last.
    place = frames[:, None] + np.arange(-around - 1, around + 2)
    share = _under_hat(high[:, None] - place) - _under_hat(low[:, None] - place)
    share /= (high - low)[:, None]
    rows = np.arange(frames.size)
    for outside, inside in ((-1, 0), (count, count - 1)):
        from_, to = outside - frames + around + 1, inside - frames + around + 1
        there = (from_ >= 0) & (from_ < share.shape[1]) & (to >= 0) & (to < share.shape[1])
        share[rows[there], to[there]] += share[rows[there], from_[there]]
        share[rows[there], from_[there]] = 0.0
    return np.ascontiguousarray(share[:, 1:-1], dtype=np.float32)


def _under_hat(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area under the hat 1 - |x| up to *x*."""
    left, right = np.clip(x, -1.0, 0.0), np.clip(x, 0.0, 1.0)
    area: NDArray[np.float64] = 0.5 * (left + 1.0) ** 2 + right - 0.5 * right**2
    return area
