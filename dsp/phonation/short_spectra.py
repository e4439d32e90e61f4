"""Power spectra of short frames of a voice: summed over its voiced parts, and where in each frame half of the power lies.

Conventions: Hann windows of a power of two of samples, `FRAME_S` long or a little more, every half of one; all lie within the
recording. Bands are `BAND_HZ` wide up to `FINE_HZ` and five times as wide above it. The two lowest
lines, up to some 35 Hz, count for nothing: there an offset of the microphone lies.

Source: P. D. Welch, IEEE Trans. Audio Electroacoustics 15, 1967.
"""

from math import ceil, pi

import numpy as np
from numpy.typing import NDArray

from dsp import _native
from dsp.phonation.kept import Kept, fine_type
from dsp.phonation.section import Section, Whole
from dsp.phonation.voiced import voiced_at

Floats = NDArray[np.float64]

FRAME_S = 0.04
"""Least length of a short frame; the number of its samples is a power of two."""
BAND_HZ = 100
FINE_HZ = 8000
FRAMES = 256
"""Short frames that are transformed at a time."""


class ShortSpectra:
    """Power of short frames along a recording.

    Sums, and what is kept of each frame, grow with each section; the bands lie between `edges_hz`, the first frame is at
    `first_s` and `step_s` is from frame to frame.
    """

    def __init__(self, whole: Whole) -> None:
        rate = whole.sample_rate_hz
        self._size = 1 << (ceil(FRAME_S * rate) - 1).bit_length()
        self._hop = self._size // 2
        self._total = max(0, (whole.size - self._size) // self._hop + 1)
        self.step_s = self._hop / rate
        fine = np.arange(0.0, min(FINE_HZ, rate / 2), BAND_HZ)
        coarse = np.arange(FINE_HZ, rate / 2, 5 * BAND_HZ)
        self.edges_hz: Floats = np.concatenate((fine, coarse, [rate / 2]), dtype=np.float64)
        window = np.sin(pi * (np.arange(self._size) + 0.5) / self._size) ** 2
        lines = self._size // 2 + 1
        reach = np.clip((np.arange(lines)[:, None] + (-0.5, 0.5)) * (rate / self._size), 0.0, rate / 2)
        under = np.minimum(reach[:, 1:], self.edges_hz[1:]) - np.maximum(reach[:, :1], self.edges_hz[:-1])
        share = np.maximum(under, 0.0) / (rate / self._size)
        share[:2] = 0.0
        scale = 2.0 / (self._size * np.dot(window, window))
        self._powers = _native.BandPowers(
            window.astype(np.float32), np.ascontiguousarray(share * scale, dtype=np.float32), self._hop
        )
        self.power = np.zeros(self.edges_hz.size - 1)
        self.first_s = 0.0
        self.median_hz = Kept(fine_type(whole))
        self.voiced = Kept(np.bool_)

    def push(self, section: Section) -> None:
        """Take the frames whose centre is in the core."""
        low = max(0, ceil((section.start - self._hop) / self._hop))
        high = min(self._total, ceil((section.stop - self._hop) / self._hop))
        low = max(low, ceil(section.first / self._hop))
        for first in range(low, high, FRAMES):
            count = min(FRAMES, high - first)
            begin = first * self._hop - section.first
            sound = section.samples[begin : begin + (count - 1) * self._hop + self._size]
            count = min(count, (sound.size - self._size) // self._hop + 1)
            powers = np.empty((1, count, self.power.size), dtype=np.float32)
            self._powers.measure(sound[None, :], powers)
            times_s = np.arange(first + 1, first + count + 1, dtype=np.float64) * self.step_s
            voiced = voiced_at(section.pitch, times_s)
            self.power += powers[0][voiced].sum(axis=0, dtype=np.float64)
            if not self.voiced.size:
                self.first_s = float(times_s[0])
            self.voiced.append(voiced)
            self.median_hz.append(self._medians(powers[0].astype(np.float64)))

    def _medians(self, powers: Floats) -> Floats:
        """Where half of each row's power is reached; nan where there is none."""
        sums = np.cumsum(powers, axis=1)
        half = 0.5 * sums[:, -1]
        band = np.minimum((sums < half[:, None]).sum(axis=1), powers.shape[1] - 1)
        rows = np.arange(powers.shape[0])
        inside = powers[rows, band]
        part = np.divide(
            half - sums[rows, band] + inside, inside, out=np.zeros_like(half), where=inside > 0.0
        )
        median: Floats = self.edges_hz[band] + part * np.diff(self.edges_hz)[band]
        return np.where(half > 0.0, median, np.nan)
