"""Gammatone filter bank: what the ear's filters make of a windowed sound.

The filters are those of M. Slaney, "An Efficient Implementation of the Patterson-Holdsworth Auditory Filter Bank" (Apple
Technical Report 35, 1993): fourth order, impulse-invariant, as four sections with common poles, a gain of 1 at the centre.
Their widths are the equivalent rectangular bandwidths of B. R. Glasberg and B. C. J. Moore (Hearing Research 47, 1990),
``ERB = f / 9.26449 + 24.7`` Hz.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dsp._native import GammatoneBank as Kernel
from dsp.errors import ParameterError
from dsp.types import Samples

EAR_Q = 9.26449
"""Centre frequency over bandwidth of the ear's filters at high frequencies (Glasberg and Moore 1990)."""
MIN_BANDWIDTH_HZ = 24.7
"""Bandwidth of the ear's filters at low frequencies (Glasberg and Moore 1990)."""
BANDWIDTH_FACTOR = 1.019
"""Bandwidth of a gammatone filter of order 4 over the equivalent rectangular bandwidth (Patterson and others 1992)."""


def centre_frequencies(bands: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Frequencies in Hz from *low_hz* up, evenly spaced in ERB; the next one above the last would be *high_hz*.

    Source: Slaney 1993, p. 33: on the scale ``log(f + EAR_Q * MIN_BANDWIDTH_HZ)`` the steps are equal.
    """
    corner = EAR_Q * MIN_BANDWIDTH_HZ
    step = math.log((low_hz + corner) / (high_hz + corner)) / bands
    frequencies: NDArray[np.float64] = (high_hz + corner) * np.exp(step * np.arange(bands, 0, -1)) - corner
    return frequencies


def sections(frequencies_hz: NDArray[np.float64], sample_rate_hz: int) -> NDArray[np.float64]:
    """The filters as rows of gain, b1, b2, c0 to c3, shape ``(bands, 7)``.

    The product over k of ``(1 + c_k z^-1) / (1 + b1 z^-1 + b2 z^-2)``, divided by the gain, is 1 at the centre.
    """
    turn = 2.0 * np.pi * frequencies_hz / sample_rate_hz
    bandwidth_hz = BANDWIDTH_FACTOR * (frequencies_hz / EAR_Q + MIN_BANDWIDTH_HZ)
    radius = np.exp(-2.0 * np.pi * bandwidth_hz / sample_rate_hz)
    b1, b2 = -2.0 * radius * np.cos(turn), radius**2
    roots = [sign * math.sqrt(3.0 + other * 2.0**1.5) for other in (1.0, -1.0) for sign in (1.0, -1.0)]
    zeros = [-radius * (np.cos(turn) + root * np.sin(turn)) for root in roots]
    delay = np.exp(-1j * turn)
    response = (
        np.prod([1.0 + zero * delay for zero in zeros], axis=0) / (1.0 + b1 * delay + b2 * delay**2) ** 4
    )
    return np.ascontiguousarray(np.stack([np.abs(response), b1, b2, *zeros], axis=1))


class GammatoneBank:
    """Mean powers of windows of a sound in the bands of the ear; each window is filtered by itself, from rest."""

    def __init__(
        self, window: Samples, hop_samples: int, frequencies_hz: NDArray[np.float64], sample_rate_hz: int
    ) -> None:
        """Prepare the filters.

        Args:
            window: ``(n,)``; each part of the sound is multiplied by it.
            hop_samples: from one window to the next, 1 to n.
            frequencies_hz: centres, ``(bands,)``, each above 0 and below half of the sample rate.

        Raises:
            ParameterError: for numbers out of range.
        """
        if not ((frequencies_hz > 0) & (frequencies_hz < sample_rate_hz / 2)).all():
            raise ParameterError(f"centre frequencies must lie between 0 and {sample_rate_hz / 2:g} Hz")
        table = sections(frequencies_hz, sample_rate_hz)
        table[:, 0] = 1.0 / (table[:, 0] ** 2 * window.size)
        try:
            self._kernel = Kernel(window, table, hop_samples)
        except ValueError as error:
            raise ParameterError(str(error)) from None
        self.window_samples, self.hop_samples, self.bands = window.size, hop_samples, len(table)

    def windows_in(self, samples: int) -> int:
        """How many whole windows lie in so many samples."""
        return max(0, (samples - self.window_samples) // self.hop_samples + 1)

    def powers(self, sound: Samples) -> NDArray[np.float32]:
        """Mean square in each band of each whole window, ``(windows, bands)``."""
        powers: NDArray[np.float32] = np.empty((self.windows_in(sound.size), self.bands), dtype=np.float32)
        if len(powers):
            self._kernel.measure(np.ascontiguousarray(sound, dtype=np.float32), powers)
        return powers
