"""Mel bands and cepstra of short frames of a sound.

Conventions: mono float32 of shape ``(n,)``; powers are ``(frames, bands)``, cepstra ``(frames, coefficients)``, float32. A mel
is that of O'Shaughnessy, 2595 log10(1 + f / 700 Hz).
Source: S. B. Davis and P. Mermelstein, "Comparison of parametric representations for monosyllabic word recognition in
continuously spoken sentences", IEEE TASSP 28(4), 1980; D. O'Shaughnessy, Speech Communication: Human and Machine, 1987.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dsp._native import BandPowers
from dsp.errors import ParameterError
from dsp.types import Samples

Matrix = NDArray[np.float32]


def mel_of(frequency_hz: float) -> float:
    """Mel of a frequency."""
    return float(2595.0 * np.log10(1.0 + frequency_hz / 700.0))


@cache
def mel_bank(sample_rate_hz: int, points: int, bands: int, low_hz: float, high_hz: float) -> Matrix:
    """Triangular weights, ``(points / 2 + 1, bands)``, of height 1, their corners evenly apart in mel.

    Raises:
        ParameterError: *high_hz* is above half the sample rate, or not above *low_hz*.
    """
    if not 0 <= low_hz < high_hz <= sample_rate_hz / 2:
        raise ParameterError(
            f"mel bands must lie within 0 to {sample_rate_hz / 2:g} Hz, got {low_hz:g} to {high_hz:g} Hz"
        )
    corners = 700.0 * (10.0 ** (np.linspace(mel_of(low_hz), mel_of(high_hz), bands + 2) / 2595.0) - 1.0)
    lines = (np.arange(points // 2 + 1) * sample_rate_hz / points)[:, np.newaxis]
    rising = (lines - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - lines) / (corners[2:] - corners[1:-1])
    return np.ascontiguousarray(np.maximum(0.0, np.minimum(rising, falling)), dtype=np.float32)


class MelBands:
    """Powers in mel bands of frames of one length under a Hann window.

    Args:
        sample_rate_hz: of the sound.
        frame: samples of a frame.
        hop: samples from one frame to the next.
        bands: how many.
        low_hz: where the lowest begins.
        high_hz: where the highest ends.

    Raises:
        ParameterError: see `mel_bank`.
    """

    def __init__(
        self, sample_rate_hz: int, *, frame: int, hop: int, bands: int, low_hz: float, high_hz: float
    ) -> None:
        points = 1 << (frame - 1).bit_length()
        window = np.ascontiguousarray(np.hanning(frame + 2)[1:-1], dtype=np.float32)
        bank = mel_bank(sample_rate_hz, points, bands, low_hz, high_hz)
        self._kernel = BandPowers(window, bank, hop)
        self._frame, self._hop, self._bands = frame, hop, bands

    def powers(self, sound: Samples) -> Matrix:
        """Powers of all whole frames, ``(frames, bands)``."""
        count = max(0, (sound.size - self._frame) // self._hop + 1)
        found: Matrix = np.empty((1, count, self._bands), dtype=np.float32)
        if count:
            used = sound[: (count - 1) * self._hop + self._frame]
            self._kernel.measure(np.ascontiguousarray(used[np.newaxis], dtype=np.float32), found)
        return np.asarray(found[0])


@cache
def _cosines(bands: int, coefficients: int) -> Matrix:
    order = np.arange(coefficients)
    place = (np.arange(bands) + 0.5)[:, np.newaxis]
    table = np.sqrt(2.0 / bands) * np.cos(np.pi * order * place / bands)
    table[:, 0] /= np.sqrt(2.0)
    return np.ascontiguousarray(table, dtype=np.float32)


def cepstra(powers: Matrix, coefficients: int, *, floor: float) -> Matrix:
    """Orthonormal cosine transform of the natural logarithm of *powers*, raised to *floor* (above 0)."""
    logs = np.log(np.maximum(powers, np.float32(floor)))
    found: Matrix = logs @ _cosines(powers.shape[1], coefficients)
    return found
