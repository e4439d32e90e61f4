"""Autoregressive model of a short stretch of sound, and missing samples put back from it.

Conventions: a model is the prediction error filter ``a``, ``a[0] = 1``, shape (order + 1,); what it leaves of a signal
is ``sum_k a[k] x[n - k]``. Stretches are one channel, ``(n,)`` float64.

Source: A. J. E. M. Janssen, R. N. J. Veldhuis, L. B. Vries, "Adaptive interpolation of discrete-time signals that can be
modeled as autoregressive processes", IEEE Trans. ASSP 34(2), 1986; S. J. Godsill, P. J. W. Rayner, "Digital Audio
Restoration", Springer 1998, sections 5.2 and 5.3.
"""

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dsp._native import solve_banded

Stretch: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

RIDGE = 1e-11
"""Keeps long gaps in nearly silent bands solvable: far below the least the whitening leaves."""
WHITENING = 1e-9
"""Share of white noise that keeps the equations regular: -90 dB."""


def model(x: Stretch, order: int) -> Stretch | None:
    """Prediction error filter of *x* (autocorrelation method, Hann window); None for silence or too short a stretch."""
    if x.size < 4 * order:
        return None
    # Long enough that the lags asked for do not wrap around, and of small factors.
    unit = 1 << max(0, (x.size + order).bit_length() - 4)
    size = -(-(x.size + order + 1) // unit) * unit
    spectrum = np.fft.rfft(x * _hann(x.size), size)
    lags = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: order + 1]
    if not lags[0] > 1e-18 * x.size:
        return None
    lags[0] *= 1.0 + WHITENING
    a = -lags
    a[0] = 1.0
    solve_banded(np.tile(lags[:-1], (order, 1)), a[1:])
    return a


@lru_cache(maxsize=4)
def _hann(size: int) -> Stretch:
    return np.hanning(size)


def outliers(x: Stretch, a: Stretch) -> Stretch:
    """How far each sample lies from what those before and after it say, in the units of *x*; 0 near the ends.

    What the model leaves, once more through the model backwards in time (Godsill and Rayner, section 5.3.3: the
    matched filter for a click of one sample): a click stands out, a pulse that the sound rings from does not.
    """
    found = np.zeros_like(x)
    left = np.convolve(x, a, mode="valid")
    found[a.size - 1 : x.size - a.size + 1] = np.correlate(left, a, mode="valid") / (a @ a)
    return found


def interpolate(x: Stretch, missing: Mask, a: Stretch) -> None:
    """Put back the *missing* samples of *x* in place: those for which the model leaves the least (Janssen, eq. 14)."""
    where = np.flatnonzero(missing)
    if where.size == 0:
        return
    order = a.size - 1
    b = np.correlate(a, a, mode="full")[order:]
    known = np.where(missing, 0.0, x)
    found = -np.convolve(known, np.concatenate((b[:0:-1], b)), mode="same")[where]
    # Element (i, i - k) is b at the distance of the two samples, and 0 beyond the order.
    earlier = np.maximum(np.arange(where.size)[:, np.newaxis] - np.arange(order + 1), 0)
    away = where[:, np.newaxis] - where[earlier]
    band = np.where(away <= order, b[np.minimum(away, order)], 0.0)
    band[:, 0] *= 1.0 + RIDGE
    solve_banded(band, found)
    x[where] = found


def interpolate_gap(x: Stretch, begin: int, end: int, b: Stretch) -> None:
    """Put back the samples *begin* to *end* of *x* in place, as `interpolate` does.

    Args:
        b: autocorrelation of the model from lag 0 to the order; so many samples and more lie on either side of the gap.
    """
    order = b.size - 1
    known = x[begin - order : end + order].copy()
    known[order:-order] = 0.0
    found = -np.convolve(known, np.concatenate((b[:0:-1], b)), mode="valid")
    # A sample takes part in the equations of as many others as the order says: a band of equal rows.
    band = np.tile(b[: min(b.size, found.size)], (found.size, 1))
    band[:, 0] *= 1.0 + RIDGE
    solve_banded(band, found)
    x[begin:end] = found


def widened(mask: Mask, samples: int) -> Mask:
    """*mask* with each run longer by *samples* on both sides."""
    if samples <= 0 or not mask.any():
        return mask
    found: Mask = np.convolve(mask, np.ones(2 * samples + 1), mode="same") > 0.5
    return found


def runs(mask: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Begins and ends (one past the last) of the runs in *mask*."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return edges[::2], edges[1::2]
