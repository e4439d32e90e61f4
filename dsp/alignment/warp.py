"""The two signals of an alignment on one time axis, and the delay as a curve."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.base import Alignment, Stretch
from dsp.errors import ParameterError
from dsp.track import Track
from dsp.types import Samples

_HALF = 16
"""Samples on either side that a value between two samples is made of."""
_PHASES = 512
"""Between two samples: steps of 0.002 leave an error 60 dB or more below the signal, where it is interpolated at all."""
_KAISER_BETA = 8.0
_BLOCK = 1 << 16


@cache
def _kernel() -> NDArray[np.float32]:
    """Row p holds the windowed sinc for a position p / `_PHASES` behind a sample (Kaiser window)."""
    taps = np.arange(1 - _HALF, _HALF + 1)
    distance = taps[None, :] - np.arange(_PHASES + 1)[:, None] / _PHASES
    inside = np.clip(1.0 - (distance / _HALF) ** 2, 0.0, None)
    kernel = np.sinc(distance) * np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA)
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True), dtype=np.float32)


def warped(
    reference: Track, degraded: Track, alignment: Alignment, *, copy: int, start: int, stop: int
) -> tuple[Samples, Samples]:
    """``reference[start:stop]`` and what was heard of it in one copy, on the reference's time axis.

    Polarity and skew are undone (band-limited interpolation), what was put in is left out, what is missing is zeros.

    Args:
        copy: which playing of the reference, from 0.
        start: first sample of the reference.
        stop: the one behind the last; both are limited to the reference.

    Returns:
        Two arrays of one length.

    Raises:
        ParameterError: if there is no such copy.
    """
    if not 0 <= copy < alignment.copies:
        raise ParameterError(f"copy must be 0 to {alignment.copies - 1}, got {copy}")
    start, stop = max(0, start), min(stop, reference.size)
    said = reference.read(start, max(start, stop))
    heard: Samples = np.zeros(said.size, dtype=np.float32)
    for stretch in alignment.stretches:
        low, high = max(start, stretch.start), min(stop, stretch.stop)
        if stretch.copy == copy and low < high:
            heard[low - start : high - start] = _heard(degraded, stretch, low, high)
    if alignment.polarity < 0:
        np.negative(heard, out=heard)
    return said, heard


def _heard(degraded: Track, stretch: Stretch, start: int, stop: int) -> Samples:
    first = stretch.heard_at(start)
    if stretch.slope == 0.0 and first == round(first):
        return degraded.read(round(first), round(first) + stop - start)
    kernel = _kernel()
    out: Samples = np.empty(stop - start, dtype=np.float32)
    for at in range(start, stop, _BLOCK):
        count = min(_BLOCK, stop - at)
        position = stretch.heard_at(at) + (1.0 + stretch.slope) * np.arange(count)
        whole = np.floor(position).astype(np.int64)
        phase = np.rint((position - whole) * _PHASES).astype(np.int64)
        begin = int(whole[0]) - _HALF + 1
        piece = degraded.read(begin, int(whole[-1]) + _HALF + 1)
        views = np.lib.stride_tricks.sliding_window_view(piece, 2 * _HALF)
        if stretch.slope == 0.0:
            values = np.convolve(piece, kernel[phase[0]][::-1], mode="valid")
        else:
            values = np.einsum("ij,ij->i", views[whole - whole[0]], kernel[phase])
        out[at - start : at - start + count] = values
    return out


def delay_trace(alignment: Alignment) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The delay as a curve: points to join by straight lines, two for each stretch.

    Returns:
        ``at_s``, seconds of the degraded signal, and ``delay_ms``, both float64. When the reference begins over again nobody can
        say how long after its end that was: each copy's delay begins where the one before it ended.
    """
    rate = alignment.sample_rate_hz
    at: list[float] = []
    delay: list[float] = []
    base, copy = 0.0, 0
    for stretch in alignment.stretches:
        if stretch.copy != copy:
            base, copy = stretch.offset - rate * delay[-1] / 1000, stretch.copy
        for position in (stretch.start, stretch.stop):
            heard = stretch.heard_at(position)
            at.append(heard / rate)
            delay.append(1000 * (heard - position - base) / rate)
    return np.array(at), np.array(delay)
