"""The spectrum of the background, tracked while somebody speaks.

Two ideas, one holding the other: the estimate follows each bin as far as speech is improbable there (T. Gerkmann and
R. C. Hendriks, "Unbiased MMSE-based noise power estimation with low complexity and low tracking delay", IEEE TASLP
20(4), 2012), and it stays near the least that the smoothed spectrum has been lately (R. Martin, "Noise
power spectral density estimation based on optimal smoothing and minimum statistics", IEEE TSAP 9(5), 2001). The
first alone takes long vowels and other people's speech for noise, the second alone follows late.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

Spectrum = NDArray[np.float64]
"""Powers, shape ``(channels, bins)``."""

PRIOR_SNR = 10.0**1.5
"""SNR that speech is supposed to have where it is (Gerkmann and Hendriks, section IV: 15 dB)."""
WINDOW_S, WINDOW_PARTS = 1.0, 4
"""How long the least is remembered."""
OVER_MINIMUM = 2.0
"""How far the noise may lie above that least: the least of so many smoothed periodograms is about half their mean."""
UNDER_MINIMUM = 0.5
"""How far it may lie below: from there on a background that has become louder is followed in a second."""
SILENT = 1e-15
"""Mean power of a bin, of the order of 24-bit rounding, below which nothing is learned: a mute is no background."""
LEAST = SILENT * 1e-3
"""No estimate is lower, so that one may divide by it."""
FIRST = 2
"""Spectra at the start that are taken for background: the first frame of a sound is half empty."""
BEGIN_KERNEL = np.full(9, 1.0 / 9.0)
"""Neighbours that each bin is averaged with in these."""
MOST_RATIO = 200.0
"""Beyond it speech is certain as far as a double can tell."""


class NoiseFloor:
    """Power of the background in each bin.

    Args:
        channels: rows.
        bins: columns.
        hop_s: seconds from one spectrum to the next.
    """

    def __init__(self, channels: int, bins: int, hop_s: float) -> None:
        self._shape = (channels, bins)
        # The papers' constants are for hops of 16 ms (smoothing of noise and of presence) and 10 ms (the least).
        self._keep_presence = 0.9 ** (hop_s / 0.016)
        self._keep_noise = 0.8 ** (hop_s / 0.016)
        self._keep_smooth = 0.8 ** (hop_s / 0.010)
        self._part = max(1, round(WINDOW_S / WINDOW_PARTS / hop_s))
        self.reset()

    def reset(self) -> None:
        """Know nothing: the first spectrum that is heard will be taken for background."""
        self.psd: Spectrum = np.full(self._shape, LEAST)
        """The estimate."""
        self.presence: Spectrum = np.zeros(self._shape)
        """Probability that there was speech in the last spectrum."""
        self._presence_mean = np.full(self._shape, 0.5)
        self._smooth = np.zeros(self._shape)
        self._least = np.zeros(self._shape)
        self._parts = np.full((WINDOW_PARTS, *self._shape), np.inf)
        self._past = np.full(self._shape, np.inf)
        self._count = 0
        self._heard = np.zeros(self._shape[0], dtype=np.intp)

    def adopt(self, other: Self) -> None:
        """Take what *other*, of the same shape and hop, knows."""
        for name in ("psd", "presence", "_presence_mean", "_smooth", "_least", "_parts", "_past", "_heard"):
            getattr(self, name)[...] = getattr(other, name)
        self._count = other._count

    def update(self, power: Spectrum) -> Spectrum:
        """Learn from the spectrum *power*, which is not changed; return the estimate, to be read only."""
        heard = power.mean(axis=1) > SILENT
        if heard.all():
            self._learn(power, heard)
        elif heard.any():
            self._learn(np.where(heard[:, np.newaxis], power, self.psd), heard)
        else:
            self.presence[:] = 0.0
        return self.psd

    def _learn(self, power: Spectrum, heard: NDArray[np.bool_]) -> None:
        even = power.copy()
        even[:, 1:-1] = 0.5 * power[:, 1:-1] + 0.25 * (power[:, :-2] + power[:, 2:])
        beginning = heard & (self._heard < FIRST)
        if beginning.any():
            self._begin(beginning, even, power)
        least = self._follow_least(even)
        # Equation 18 of the first paper: the posterior of speech, for a prior of one half.
        ratio = np.minimum(power / self.psd, MOST_RATIO)
        presence = 1.0 / (1.0 + (1.0 + PRIOR_SNR) * np.exp(ratio * (-PRIOR_SNR / (1.0 + PRIOR_SNR))))
        self._presence_mean += (1.0 - self._keep_presence) * (presence - self._presence_mean)
        # Equation 23: what has been speech for very long is doubted, or the estimate would stick.
        np.minimum(presence, np.where(self._presence_mean > 0.99, 0.99, 1.0), out=presence)
        self.psd += (1.0 - self._keep_noise) * (1.0 - presence) * (power - self.psd)
        np.minimum(self.psd, OVER_MINIMUM * least, out=self.psd)
        np.maximum(self.psd, np.maximum(UNDER_MINIMUM * least, LEAST), out=self.psd)
        self.presence = presence

    def _begin(self, rows: NDArray[np.bool_], even: Spectrum, power: Spectrum) -> None:
        # One periodogram says little. An estimate too low would stay (all else looks like speech), one too high would not.
        wide = np.stack([np.convolve(row, BEGIN_KERNEL, "same") for row in power[rows]])
        begin = np.maximum(np.maximum(even[rows], wide[:, : power.shape[1]]), LEAST)
        self.psd[rows] = begin
        self._smooth[rows] = begin
        self._least[rows] = begin
        self._past[rows] = np.inf
        self._parts[:, rows] = np.inf
        self._heard += rows

    def _follow_least(self, even: Spectrum) -> Spectrum:
        self._smooth += (1.0 - self._keep_smooth) * (even - self._smooth)
        np.minimum(self._least, self._smooth, out=self._least)
        least: Spectrum = np.minimum(self._least, self._past)
        self._count += 1
        if self._count % self._part == 0:
            self._parts[self._count // self._part % WINDOW_PARTS] = self._least
            self._past = self._parts.min(axis=0)
            self._least[:] = self._smooth
        return least
