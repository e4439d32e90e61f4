"""Comfort noise: a background described in a few bytes (RFC 3389), and sound made of such a description.

A spectrum is given as the reflection coefficients of an all-pole model (J. Makhoul, "Linear prediction: a tutorial review",
Proc. IEEE 63(4), 1975).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.errors import BitstreamError
from dsp.noise import Noise
from dsp.types import Samples

Spectrum = NDArray[np.float64]

ORDER = 8
"""Reflection coefficients that are written; a receiver takes any number (RFC 3389 section 3.3)."""
LEAST_DBOV = -127
"""What one byte holds (RFC 3389 section 3.1)."""
MIDDLE, STEP = 127, 258 / 32768
"""Index of a coefficient of 0, and what lies between two indices (RFC 3389 section 3.2)."""
LOOP_S = 0.6
"""Noise repeats after between this and twice this time: too long to be heard as a rhythm."""
WINDOW_S = 0.020


@dataclass(frozen=True, slots=True)
class Background:
    """A background's level and spectrum."""

    level_dbov: float
    """Mean power; a full-scale square wave is 0."""
    reflection: tuple[float, ...] = ()
    """Coefficients of the lattice, -1 to 1, of a predictor ``1 + k z^-1`` where there is one; none for a white spectrum."""

    @classmethod
    def parse(cls, payload: bytes) -> "Background":
        """Read a payload of RFC 3389 section 3.

        Raises:
            BitstreamError: there is no byte.
        """
        if not payload:
            raise BitstreamError("a comfort noise payload must have 1 byte or more, got 0")
        # Section 3.1: the most significant bit of the level is not used. Section 3.2: 255 is reserved, so it says nothing.
        indices = (MIDDLE if byte == 255 else byte for byte in payload[1:])
        return cls(-float(payload[0] & 0x7F), tuple((index - MIDDLE) * STEP for index in indices))

    def __bytes__(self) -> bytes:
        """A payload of RFC 3389 section 3."""
        level = min(127, max(0, round(-self.level_dbov)))
        indices = (min(2 * MIDDLE, max(0, round(k / STEP) + MIDDLE)) for k in self.reflection)
        return bytes((level, *indices))

    @classmethod
    def measure(cls, sound: Samples, sample_rate_hz: int) -> "Background":
        """Describe *sound*, some hundredths of a second of background, or at least two samples."""
        size = min(sound.size, round(WINDOW_S * sample_rate_hz))
        starts = range(0, sound.size - size + 1, max(1, size // 2))
        window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
        points = 1 << (2 * size - 1).bit_length()
        power = np.zeros(points // 2 + 1)
        for start in starts:
            power += np.square(np.abs(np.fft.rfft(sound[start : start + size] * window, points)))
        correlation = np.fft.irfft(power)[: ORDER + 1]
        mean_square = float(np.mean(np.square(sound, dtype=np.float64)))
        return cls(10 * float(np.log10(max(mean_square, 1e-13))), reflection_of(correlation))


def reflection_of(correlation: Spectrum) -> tuple[float, ...]:
    """Reflection coefficients of an autocorrelation, one fewer than its values (Levinson and Durbin; Makhoul, equation 38)."""
    energy = float(correlation[0]) * (1 + 1e-4) + 1e-20
    predictor = np.ones(1)
    found: list[float] = []
    for order in range(1, correlation.size):
        one = -float(predictor @ correlation[order:0:-1]) / energy
        one = min(0.98, max(-0.98, one))
        predictor = _step_up(predictor, one)
        energy *= 1 - one * one
        found.append(one)
    return tuple(found)


def predictor_of(reflection: Iterable[float]) -> Spectrum:
    """Coefficients of the predictor that a lattice of *reflection* coefficients is.

    By the step-up recursion (Markel and Gray, Linear Prediction of Speech, 1976, section 5.2.1).
    """
    predictor = np.ones(1)
    for one in reflection:
        predictor = _step_up(predictor, one)
    return predictor


def _step_up(predictor: Spectrum, one: float) -> Spectrum:
    longer = np.append(predictor, 0.0)
    return longer + one * longer[::-1]


def shape_of(reflection: tuple[float, ...], lines: int) -> Spectrum:
    """Amplitude at *lines* frequencies from 0 to half the sample rate, of mean power 1."""
    shape: Spectrum = 1 / np.maximum(np.abs(np.fft.rfft(predictor_of(reflection), 2 * (lines - 1))), 1e-6)
    shape /= np.sqrt(np.mean(np.square(shape)))
    return shape


class NoiseLoop:
    """Noise of a description, without end: some seconds are made at once and repeated.

    Args:
        sample_rate_hz: of the sound.
        seed: which noise.
    """

    def __init__(self, sample_rate_hz: int, seed: int = 1) -> None:
        self._size = 1 << round(LOOP_S * sample_rate_hz).bit_length()
        self._seed = seed
        self._reflection: tuple[float, ...] | None = None
        self._gain = np.float32(0.0)
        self._loop: Samples = np.zeros(0, dtype=np.float32)
        self._at = 0

    def set(self, background: Background) -> None:
        """Sound like *background* from the next sample on."""
        audible = background.level_dbov > LEAST_DBOV
        self._gain = np.float32(10 ** (background.level_dbov / 20) if audible else 0.0)
        if background.reflection != self._reflection:
            self._reflection = background.reflection
            self._loop = self._make(background.reflection)

    @property
    def power(self) -> float:
        """Mean square of the noise."""
        return float(self._gain) ** 2 if self._loop.size else 0.0

    @property
    def position(self) -> int:
        """Where in its loop the noise is; may be set to what it was."""
        return self._at

    @position.setter
    def position(self, at: int) -> None:
        self._at = at

    def fill(self, out: Samples) -> None:
        """Write the next samples into all of *out*."""
        if not self._loop.size:
            out[:] = 0.0
            return
        start = 0
        while start < out.size:
            piece = self._loop[self._at : self._at + out.size - start]
            np.multiply(piece, self._gain, out=out[start : start + piece.size])
            start += piece.size
            self._at = (self._at + piece.size) % self._size

    def _make(self, reflection: tuple[float, ...]) -> Samples:
        lines = self._size // 2 + 1
        # Constant magnitudes and random phases: Gaussian to the ear, periodic without a seam.
        turns = Noise(self._seed).uniform(lines)
        spectrum = shape_of(reflection, lines) * np.exp(2j * np.pi * turns)
        spectrum[0] = 0.0
        made: Samples = np.fft.irfft(spectrum, self._size).astype(np.float32)
        made /= np.sqrt(np.mean(np.square(made)))
        return made
