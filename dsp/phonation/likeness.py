"""How alike two channels of a recording are.

Conventions: both are cut into Hann windows of about a tenth of a second, end to end; the powers and cross powers of all are
added up, from 80 Hz to 4 kHz. The coherence of each line is |Sxy|^2 / (Sxx Syy), and their mean is weighed by the power
there, sqrt(Sxx Syy). The correlation is that of the channels within the band at the lag, up to 20 ms, where it is greatest.

Source: G. C. Carter, "Coherence and time delay estimation", Proceedings of the IEEE 75(2), 1987; P. D. Welch, IEEE Trans. Audio
Electroacoustics 15, 1967. The band and the weights are ours.
"""

from dataclasses import dataclass
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.phonation.section import Section
from dsp.types import Samples

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

WINDOW_S = 0.08
"""Least length of a window, whose number of samples is a power of two."""
BAND_HZ = (80.0, 4000.0)
"""At a sample rate below 8.9 kHz up to 0.45 of it."""
MOST_LAG_S = 0.02
LEAST_WINDOWS = 8
"""With fewer even noises look coherent (1 / windows)."""
QUIET = 1e-12
"""A channel whose power in the band is below (-120 dB) is silent."""
WINDOWS = 32
"""That are transformed at a time."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of two channels, in the band of the voice; None where one of them is silent or the recording too short."""

    coherence: float | None
    """Magnitude-squared coherence, 0 to 1, averaged over the band by power."""
    correlation: float | None
    """Greatest correlation coefficient at any lag, -1 to 1 (negative: one channel is turned over)."""
    lag_s: float | None
    """By how much the second channel is later than the first, at that correlation."""
    low_hz: float
    """Lower edge of the band."""
    high_hz: float
    """Upper edge of the band."""


class LikenessContour:
    """Compares two channels along a recording."""

    def __init__(self) -> None:
        self._rate_hz = 0
        self._windows = 0
        self._first = np.zeros(0)
        self._second = np.zeros(0)
        self._cross: Complexes = np.zeros(0, dtype=np.complex128)

    @property
    def margin_s(self) -> float:
        """A window."""
        return 2.0 * WINDOW_S

    def push(self, left: Samples, right: Samples, section: Section) -> None:
        """Take the same section of both channels, margins included.

        Raises:
            ParameterError: where they are not as long as the section.
        """
        if not left.size == right.size == section.samples.size:
            raise ParameterError(
                f"channels of {left.size} and {right.size} samples, {section.samples.size} are wanted"
            )
        self._rate_hz = section.whole.sample_rate_hz
        size, band = self._layout()
        if self._first.size == 0:
            self._first, self._second = np.zeros(size // 2 + 1)[band], np.zeros(size // 2 + 1)[band]
            self._cross = np.zeros(self._first.size, dtype=np.complex128)
        window = np.sin(pi * (np.arange(size) + 0.5) / size) ** 2
        window = (window * np.sqrt(2.0 / (size * np.dot(window, window)))).astype(np.float32)
        low = ceil(section.start / size)
        high = min(ceil(section.stop / size), (section.first + section.samples.size) // size)
        for first in range(low, high, WINDOWS):
            past = min(first + WINDOWS, high)
            part = slice(first * size - section.first, past * size - section.first)
            x = np.fft.rfft(left[part].reshape(-1, size) * window, axis=1)[:, band]
            y = np.fft.rfft(right[part].reshape(-1, size) * window, axis=1)[:, band]
            self._first += (x.real**2 + x.imag**2).sum(axis=0, dtype=np.float64)
            self._second += (y.real**2 + y.imag**2).sum(axis=0, dtype=np.float64)
            self._cross += (np.conj(x) * y).sum(axis=0, dtype=np.complex128)
            self._windows += past - first

    def finish(self) -> Likeness:
        """How alike the channels are."""
        high_hz = min(BAND_HZ[1], 0.45 * self._rate_hz) if self._rate_hz else BAND_HZ[1]
        powers = self._first.sum(), self._second.sum()
        if self._windows < LEAST_WINDOWS or min(powers) <= QUIET * self._windows:
            return Likeness(None, None, None, BAND_HZ[0], high_hz)
        both = self._first * self._second
        weight = np.sqrt(both)
        coherence = np.divide(np.abs(self._cross) ** 2, both, out=np.zeros_like(both), where=both > 0.0)
        correlation, lag_s = self._correlation(float(np.sqrt(powers[0] * powers[1])))
        return Likeness(
            float(np.dot(coherence, weight) / weight.sum()), correlation, lag_s, BAND_HZ[0], high_hz
        )

    def _layout(self) -> tuple[int, slice]:
        """Samples of a window, and the lines of the band."""
        size = 1 << (ceil(WINDOW_S * self._rate_hz) - 1).bit_length()
        low, high = BAND_HZ[0], min(BAND_HZ[1], 0.45 * self._rate_hz)
        return size, slice(ceil(low * size / self._rate_hz), int(high * size / self._rate_hz) + 1)

    def _correlation(self, scale: float) -> tuple[float, float]:
        """The greatest correlation in magnitude, and its lag."""
        size, band = self._layout()
        lines = np.zeros(size // 2 + 1, dtype=np.complex128)
        lines[band] = self._cross
        lags = np.arange(-int(MOST_LAG_S * self._rate_hz) - 1, int(MOST_LAG_S * self._rate_hz) + 2)
        window = np.sin(pi * (np.arange(size) + 0.5) / size) ** 2
        spectrum = np.fft.rfft(window, 2 * size)
        shared = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[lags] / np.dot(window, window)
        # What of two windows overlaps shrinks with the lag; a real sequence has each of its lines twice.
        found = 0.5 * size * np.fft.irfft(lines, size)[lags] / (scale * shared)
        at = 1 + int(np.argmax(np.abs(found[1:-1])))
        before, here, after = (abs(float(found[at + shift])) for shift in (-1, 0, 1))
        bend = before - 2.0 * here + after
        shift = 0.5 * (before - after) / bend if bend < 0.0 else 0.0
        peak = here - 0.25 * (before - after) * shift
        return float(np.copysign(min(peak, 1.0), found[at])), (float(lags[at]) + shift) / self._rate_hz
