"""Candidates of frames and the path through them, slowly and in float64: the twin of dsp/native/pitch*.c."""

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.float64]
Candidate = tuple[float, float]

DEPTH = 70


def between(known: Floats, x: float) -> float:
    """A symmetric correlation, lag 0 in the middle of *known*, at index *x*: sin(x) / x under a raised cosine."""
    left = math.floor(x)
    depth = min(DEPTH, left + 1, known.size - 1 - left)
    if x == left or depth <= 0:
        return float(known[left])
    if depth == 1:
        return float(np.interp(x, [left, left + 1], known[left : left + 2]))
    if depth == 2:
        slopes = 0.5 * (known[left + 1] - known[left - 1]), 0.5 * (known[left + 2] - known[left])
        t, rise = x - left, known[left + 1] - known[left]
        bends = slopes[0] - rise, slopes[1] - rise  # of the line between the two
        return float(known[left] + t * rise + t * (1 - t) * ((1 - t) * bends[0] - t * bends[1]))
    k = np.arange(left - depth + 1, left + depth + 1)
    reach = np.where(k <= left, x - left + depth, left + 1 + depth - x)
    window = 0.5 + 0.5 * np.cos(np.pi * (x - k) / reach)
    return float(np.sum(known[k] * np.sinc(x - k) * window))


def maxima(correlation: Floats, longest: int, least: float) -> list[Candidate]:
    """(lag, strength) of each local maximum at lags 2 to *longest* - 1."""
    known = np.concatenate((correlation[:0:-1], correlation))
    zero, found = correlation.size - 1, []
    for i in range(2, min(longest, zero)):
        before, here, behind = correlation[i - 1 : i + 2]
        if here > least and here > before and here >= behind:
            best = minimize_scalar(
                lambda x: -between(known, x),
                bounds=(zero + i - 1, zero + i + 1),
                method="bounded",
                options={"xatol": 1e-9},
            )
            strength = -float(best.fun)
            found.append((float(best.x) - zero, 1 / strength if strength > 1 else strength))
    return found


def autocorrelation(frame: Floats, window: Floats, lags: int) -> Floats:
    """Of the windowed *frame*, over that of the window."""

    def own(sound: Floats) -> Floats:
        full = np.correlate(sound, sound, "full")[sound.size - 1 :][:lags]
        return full / full[0]

    return own(frame * window) / own(window)


def forward_correlation(sound: Floats, size: int, lags: int) -> Floats:
    """Of the first *size* samples of *sound* with as many *lags* on, over the root of both energies."""
    product = np.correlate(sound[: size + lags - 1], sound[:size], "valid")
    energy = np.convolve(sound[: size + lags - 1] ** 2, np.ones(size), "valid")
    return product / np.sqrt(energy[0] * energy)


def best_worth(worth: Floats, octaves: Floats, jump: float, change: float) -> float:
    """The greatest that any path reaches, by trying all of them."""
    frames, candidates = worth.shape

    def value(path: tuple[int, ...]) -> float:
        total = sum(worth[k, j] for k, j in enumerate(path))
        for k in range(1, frames):
            a, b = octaves[k - 1, path[k - 1]], octaves[k, path[k]]
            total -= change if math.isnan(a) != math.isnan(b) else 0.0 if math.isnan(a) else jump * abs(a - b)
        return float(total)

    return max(value(path) for path in itertools.product(range(candidates), repeat=frames))
