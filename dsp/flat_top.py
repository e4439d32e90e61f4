"""Tops that were cut off, seen in how often each level occurs.

Source: J. Eaton and P. A. Naylor, "Detection of clipping in coded speech signals", EUSIPCO 2013; the limits are our own.
"""

import math

import numpy as np
from numpy.typing import NDArray

TOP = 0.02
"""A top reaches from the largest magnitude down by this share of it: one step of G.711 at most."""
NARROW = 0.005
"""Most of what is in it lies closer; of a pure tone's, or of any round peak's, only half does."""
NARROW_SHARE = 0.65
PILE = 0.5
"""In a top there is at least this share of what is in the four times as wide piece below it."""


def flat_top(counts: NDArray[np.int64]) -> tuple[int, int]:
    """How many samples of one side of a wave stand in a flat top.

    Args:
        counts: how many samples have the magnitude 0, 1, ... of the 16-bit scale, ``(n,)``; only magnitudes of 0.9 of the
            largest and more are looked at.

    Returns:
        Samples in the top (0: it is none), and the largest magnitude (0: there is nothing).
    """
    filled = np.flatnonzero(counts)
    largest = int(filled[-1]) if filled.size else 0
    if largest < 1:
        return 0, 0

    def beyond(share: float) -> int:
        return int(counts[max(1, math.floor(largest * share) - 1) :].sum())

    top = beyond(1.0 - TOP)
    narrow, below = beyond(1.0 - NARROW), beyond(1.0 - 5.0 * TOP) - top
    return (top if narrow >= NARROW_SHARE * top and top >= PILE * below else 0), largest
