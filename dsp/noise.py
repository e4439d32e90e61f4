"""Repeatable random samples: the same seed gives the same sound on every machine, in pieces of any length.

A counter is mixed to 64 random bits per sample (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", OOPSLA 2014, with the finaliser "Mix13" of D. Stafford). Gaussian samples are the sum of four
draws from a table of normal quantiles; its entries are multiples of 2**-20, so the sum is exact and no processor's
rounding shows.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from dsp.types import Samples

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
"""2**64 divided by the golden ratio, odd: the step of the counter."""
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_DRAW_BITS = 12
_DRAWS = 4


def mix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix each of *values* so that each bit of the result depends on all bits of it; in place."""
    values ^= values >> np.uint64(30)
    values *= np.uint64(_MIX[0])
    values ^= values >> np.uint64(27)
    values *= np.uint64(_MIX[1])
    values ^= values >> np.uint64(31)
    return values


@functools.cache
def _quantiles() -> Samples:
    """Normal quantiles in the middle of 4096 equal shares, in steps of 2**-20; the sum of four has variance 1."""
    count = 1 << _DRAW_BITS
    x = np.linspace(-6.0, 6.0, 24001)
    density = np.exp(-0.5 * x * x)
    below = np.concatenate(([0.0], np.cumsum(density[1:] + density[:-1])))
    upper = np.interp((np.arange(count // 2) + 0.5) / count + 0.5, below / below[-1], x)
    upper /= np.sqrt(_DRAWS * np.mean(upper * upper))
    upper = np.rint(upper * 2.0**20) / 2.0**20
    table: Samples = np.concatenate((-upper[::-1], upper)).astype(np.float32)
    return table


class Noise:
    """A stream of random samples.

    Args:
        seed: any whole number; another one gives another, independent stream.
    """

    def __init__(self, seed: int) -> None:
        self._key = int(mix64(np.array([seed & _MASK], dtype=np.uint64))[0])
        self.position = 0
        """How many samples have been drawn, of both kinds together; may be set."""

    def white(self, count: int) -> Samples:
        """The next *count* samples of white Gaussian noise, mean 0, variance 1, none beyond +-7.4."""
        bits = self._bits(count)
        table = _quantiles()
        mask = np.uint64((1 << _DRAW_BITS) - 1)
        out = np.zeros(count, dtype=np.float32)
        for draw in range(_DRAWS):
            out += table[((bits >> np.uint64(draw * 16)) & mask).astype(np.intp)]
        return out

    def uniform(self, count: int) -> Samples:
        """The next *count* samples spread evenly over 0 to 1, 1 excluded."""
        return (self._bits(count) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)

    def reset(self) -> None:
        """Begin again."""
        self.position = 0

    def _bits(self, count: int) -> NDArray[np.uint64]:
        start = (self._key + (self.position + 1) * _GAMMA) & _MASK
        self.position += count
        counters = np.arange(count, dtype=np.uint64)
        counters *= np.uint64(_GAMMA)
        counters += np.uint64(start)
        return mix64(counters)
