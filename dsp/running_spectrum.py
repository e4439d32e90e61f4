"""Long-term average spectrum of what is running: powers of bands that follow what was heard last.

Conventions: samples ``(n,)`` of full scale 1; levels are power per hertz in dB re full scale (the mean square of the
samples is the sum over all bands of width times power per hertz). Bands are `BAND_HZ` wide from 0 to half the rate.

Source: the long-term average spectrum as power per hertz in bands of 100 Hz is that of `dsp.phonation.spectra`; here
each frame (Hann window, half overlapping; Welch 1967) counts less the older it is.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.types import Samples

BAND_HZ = 100.0
FRAME_S = 0.045
"""Length of a frame, to the nearest power of two: 2048 samples at 44.1 and 48 kHz, lines 22 Hz apart."""
MEMORY_S = 3.0
"""What is so much older counts 1/e as much."""
PAUSE_DB = 40.0
"""A frame so much weaker than the strongest of late is a pause, which is left out."""
SILENCE_POWER = 1e-9
"""Mean square of a frame that is silence: -90 dBFS."""
FLOOR_DB = -160.0

Values = NDArray[np.float64]


class RunningSpectrum:
    """Takes what runs, piece by piece.

    Args:
        sample_rate_hz: 8000 to 384000.
        memory_s: see `MEMORY_S`; greater than 0.

    Raises:
        ParameterError: a rate or a memory out of range.
    """

    def __init__(self, sample_rate_hz: int, *, memory_s: float = MEMORY_S) -> None:
        if not 8000 <= sample_rate_hz <= 384_000:
            raise ParameterError(f"a spectrum of a voice needs 8000 to 384000 Hz, got {sample_rate_hz} Hz")
        if not memory_s > 0:
            raise ParameterError(f"the memory of a spectrum must be more than 0 s, got {memory_s} s")
        self._size = 1 << round(np.log2(FRAME_S * sample_rate_hz))
        self._hop = self._size // 2
        window = np.hanning(self._size + 1)[:-1]
        self._window = window.astype(np.float32)
        lines_hz = np.arange(self._size // 2 + 1) * (sample_rate_hz / self._size)
        edges = np.arange(0.0, sample_rate_hz / 2, BAND_HZ)
        self.hz: Values = edges + BAND_HZ / 2
        """Centres of the bands."""
        self._first = np.searchsorted(lines_hz, edges)
        count = np.diff(np.append(self._first, lines_hz.size))
        # Both halves of the spectrum, per hertz, mean over the lines of a band.
        self._scale = 2.0 / (sample_rate_hz * np.sum(window**2)) / count
        self._frame_power = 1.0 / self._size
        self._kept: Samples = np.zeros(0, dtype=np.float32)
        self._fade = float(np.exp(-self._hop / (sample_rate_hz * memory_s)))
        self._powers: Values = np.zeros(edges.size)
        self._voiced: Values = np.zeros(edges.size)
        """Of the frames with a voice alone."""
        self._rate_hz = sample_rate_hz
        self._weight = 0.0
        self._strongest = 0.0

    def process(self, samples: Samples, is_voiced: Callable[[float], bool] = lambda seconds: True) -> None:
        """Take the next *samples*.

        Args:
            samples: what follows what was taken before.
            is_voiced: whether there is a voice so many seconds before the end of *samples*.
        """
        waiting = np.concatenate([self._kept, samples])
        count = max(0, 1 + (waiting.size - self._size) // self._hop)
        self._kept = waiting[count * self._hop :].copy()
        if count == 0:
            return
        frames = np.lib.stride_tricks.sliding_window_view(waiting, self._size)[:: self._hop]
        lines = np.fft.rfft(frames * self._window, axis=1)
        powers = np.add.reduceat(lines.real**2 + lines.imag**2, self._first, axis=1)
        powers *= self._scale * (1.0 - self._fade)
        for index, own in enumerate(powers):
            power = float(frames[index] @ frames[index]) * self._frame_power
            self._strongest = max(power, self._strongest * self._fade)
            if power < max(SILENCE_POWER, self._strongest * 10.0 ** (-PAUSE_DB / 10.0)):
                continue
            self._powers *= self._fade
            self._powers += own
            self._weight = self._weight * self._fade + (1.0 - self._fade)
            if is_voiced((waiting.size - (index + 1) * self._hop) / self._rate_hz):
                self._voiced *= self._fade
                self._voiced += own

    def forget(self) -> None:
        """Begin anew, as after a gap."""
        self._kept = self._kept[:0]
        self._powers[:] = self._voiced[:] = 0.0
        self._weight = self._strongest = 0.0

    def levels_db(self) -> Values | None:
        """Of each band, dB re full scale per hertz, `FLOOR_DB` at least; None before there was a frame of sound."""
        if self._weight == 0.0:
            return None
        levels: Values = 10.0 * np.log10(np.maximum(self._powers / self._weight, 10.0 ** (FLOOR_DB / 10.0)))
        return levels

    def share_above_db(self, hz: float) -> float | None:
        """Power above *hz* over all power of what was voiced, in dB, never above 0; None where nothing is known of either."""
        total = float(self._voiced.sum())
        above = float(self._voiced[self.hz > hz].sum())
        if total <= 0.0 or above <= 0.0:
            return None
        return float(10.0 * np.log10(above / total))
