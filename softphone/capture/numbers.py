"""Sequence numbers and timestamps that go round, made to go on (RFC 3550 appendix A.1)."""

import numpy as np
from numpy.typing import NDArray

MAX_DROPOUT = 3000
"""A sequence number further away than this is a restart (RFC 3550 appendix A.1)."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def extended(numbers: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """(extended sequence number, number of the restart it follows, whether it is a stray that belongs to nothing)."""
    steps = _signed(np.diff(numbers), 16)
    index = np.concatenate(([0], np.cumsum(steps)))
    begins = np.zeros(numbers.size, dtype=np.int64)
    stray = np.zeros(numbers.size, dtype=bool)
    jumps = (np.flatnonzero(np.abs(steps) > MAX_DROPOUT) + 1).tolist()
    at = 0
    while at < len(jumps):
        here = jumps[at]
        # RFC 3550 appendix A.1: two in a row, and the source has restarted; one alone is not of it.
        if (at + 1 < len(jumps) and jumps[at + 1] == here + 1) or here == numbers.size - 1:
            stray[here] = True
            if here + 1 < numbers.size and abs(int(index[here + 1] - index[here - 1])) > MAX_DROPOUT:
                begins[here + 1] = 1
            at += 2
        else:
            begins[here] = 1
            at += 1
    return index, np.cumsum(begins), stray


def unwrapped(values: Ints, bits: int) -> Ints:
    """Numbers of so many bits that go round, made to go on; each is within half a round of the one before."""
    return np.concatenate((values[:1], values[:1] + np.cumsum(_signed(np.diff(values), bits))))


def _signed(differences: Ints, bits: int) -> Ints:
    half = 1 << bits - 1
    return (differences + half) % (1 << bits) - half
