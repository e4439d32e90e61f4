"""SciPy doing what the kernels of the filters do: state kept from block to block."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from benchmarks.signals import peaks
from dsp.types import Samples


def all_pass(sections: int) -> NDArray[np.float64]:
    """Sections that keep every level, so that a block may go round and round."""
    sos = peaks(sections)
    sos[:, :3] = sos[:, :2:-1]
    return np.ascontiguousarray(sos)


def by_scipy(sections: int) -> Callable[[Samples], object]:
    """So many of the peaks, second-order sections with state."""
    sos, state = peaks(sections), np.zeros((sections, 2))

    def filtered(block: Samples) -> None:
        _, state[:] = signal.sosfilt(sos, block, zi=state)

    return filtered


def overlap_add(taps: Samples, size: int) -> Callable[[Samples], Samples]:
    """Convolution of blocks of *size*, the tail of each added to the next."""
    tail = np.zeros(len(taps) - 1, dtype=np.float32)

    def convolved(block: Samples) -> Samples:
        nonlocal tail
        whole = signal.fftconvolve(block, taps)
        whole[: len(tail)] += tail
        tail = whole[size:]
        out: Samples = whole[:size]
        return out

    return convolved


def one_pole(samples: float) -> Callable[[Samples], object]:
    """Magnitudes smoothed by one time constant, in samples."""
    pole = np.exp(-1.0 / samples)
    b, a, state = np.array([1.0 - pole]), np.array([1.0, -pole]), np.zeros(1)

    def followed(block: Samples) -> None:
        _, state[:] = signal.lfilter(b, a, np.abs(block), zi=state)

    return followed
