"""Autoregressive model of a short stretch of sound, and missing samples put back from it.

Conventions: a model is the prediction error filter ``a``, ``a[0] = 1``, shape (order + 1,); what it leaves of a signal
is ``sum_k a[k] x[n - k]``. Stretches are one channel, ``(n,)`` float64.

Source: A. J. E. M. Janssen, R. N. J. Veldhuis, L. B. Vries, "Adaptive interpolation of discrete-time signals that can be
modeled as autoregressive processes", IEEE Trans. ASSP 34(2), 1986; S. J. Godsill, P. J. W. Rayner, "Digital Audio
Restoration", Springer 1998, sections 5.2 and 5.3.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Stretch: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

WHITENING = 1e-9
"""Share of white noise that keeps the equations regular: -90 dB."""
MAX_MISSING = 500
"""More missing samples than that so close together are not put back: there are as many unknowns to solve for."""


def model(x: Stretch, order: int) -> Stretch | None:
    """Prediction error filter of *x* (autocorrelation method, Hann window); None for silence or too short a stretch."""
    if x.size < 4 * order:
        return None
    spectrum = np.fft.rfft(x * np.hanning(x.size), 2 * x.size)
    lags = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[: order + 1]
    if not lags[0] > 1e-18 * x.size:
        return None
    lags[0] *= 1.0 + WHITENING
    away = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    return np.concatenate(([1.0], -np.linalg.solve(lags[away], lags[1:])))


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
    """Put back the *missing* samples of *x* in place: those for which the model leaves the least (Janssen, eq. 14).

    Groups of more than `MAX_MISSING` are left as they are.
    """
    where = np.flatnonzero(missing)
    if where.size == 0:
        return
    order = a.size - 1
    b = np.zeros(where[-1] - where[0] + order + 1)
    b[: order + 1] = np.correlate(a, a, mode="full")[order:]
    known = np.where(missing, 0.0, x)
    around = np.convolve(known, np.concatenate((b[order:0:-1], b[: order + 1])), mode="same")
    # Missing samples with at least `order` known ones between them do not see each other.
    for group in np.split(where, np.flatnonzero(np.diff(where) > order) + 1):
        if group.size <= MAX_MISSING:
            x[group] = np.linalg.solve(b[np.abs(np.subtract.outer(group, group))], -around[group])


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
