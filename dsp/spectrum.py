"""Spectrum of what is running, for a picture that moves: samples are kept as they pass, the sums are done when asked.

Conventions: levels in dB re a full-scale sine, of the mean of all channels; bands are spaced evenly on a logarithmic
frequency axis.
"""

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.types import Block

KEPT_SAMPLES = 4096
FRAME_S = 0.085
"""Length of what is looked at, to the next power of two up to `KEPT_SAMPLES`: lines 12 Hz apart at 48 kHz."""
LOWEST_HZ = 50.0
FLOOR_DB = -120.0
_PADDING = 2
"""The transform is so much longer than the frame: a tone between two lines loses 0.4 dB and not 1.4 (Hann)."""

Values = NDArray[np.float64]


class SpectrumTap:
    """Keeps the newest samples. One thread calls `process`; any other may ask for levels, and changes nothing.

    Args:
        sample_rate_hz: 1000 to 384000.

    Raises:
        ParameterError: a rate out of range.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        if not 1000 <= sample_rate_hz <= 384_000:
            raise ParameterError(f"a spectrum needs a rate of 1000 to 384000 Hz, got {sample_rate_hz} Hz")
        self._rate_hz = sample_rate_hz
        self._frame = min(KEPT_SAMPLES, 1 << round(np.log2(FRAME_S * sample_rate_hz)))
        self._window: Values = np.hanning(self._frame + 1)[: self._frame]
        self._kept = np.zeros(KEPT_SAMPLES, dtype=np.float32)
        self._at = 0
        self._channels = 1
        self._bands = _Bands(0, sample_rate_hz, _PADDING * self._frame)

    def process(self, block: Block) -> None:
        """Keep *block*, ``(channels, n)``, which is not changed."""
        self._channels = block.shape[0]
        if block.shape[1] > KEPT_SAMPLES:
            block = block[:, -KEPT_SAMPLES:]
        at, count = self._at, block.shape[1]
        first = min(count, KEPT_SAMPLES - at)
        # The sum of the channels is kept; it is divided when somebody looks.
        np.add.reduce(block[:, :first], axis=0, out=self._kept[at : at + first])
        if first < count:
            np.add.reduce(block[:, first:], axis=0, out=self._kept[: count - first])
        self._at = (at + count) % KEPT_SAMPLES

    def levels_db(self, bands: int = 96) -> tuple[Values, Values]:
        """Centres of the *bands* in Hz, from `LOWEST_HZ` to half the sample rate, and the loudest line in each in dB.

        Where a band is narrower than the distance of two lines, the level at its centre. -120 dB at least.

        Raises:
            ParameterError: fewer than 2 or more than 1024 bands.
        """
        if not 2 <= bands <= 1024:
            raise ParameterError(f"a spectrum has 2 to 1024 bands, got {bands}")
        layout = self._bands
        if layout.count != bands:
            layout = self._bands = _Bands(bands, self._rate_hz, _PADDING * self._frame)
        frame = np.roll(self._kept, -self._at)[-self._frame :]
        scale = 2.0 / (self._window.sum() * self._channels)
        lines: Values = np.abs(np.fft.rfft(frame * self._window, _PADDING * self._frame)) * scale
        level: Values = 20.0 * np.log10(np.maximum(lines, 10.0 ** (FLOOR_DB / 20.0)))
        loudest = np.maximum.reduceat(level, layout.first)
        return layout.centres_hz, np.maximum(loudest, np.interp(layout.centres_hz, layout.lines_hz, level))


class _Bands:
    """Which lines of a transform lie in which band."""

    def __init__(self, count: int, sample_rate_hz: int, size: int) -> None:
        self.count = count
        edges: Values = np.geomspace(LOWEST_HZ, sample_rate_hz / 2, count + 1)
        self.centres_hz: Values = np.sqrt(edges[:-1] * edges[1:])
        self.lines_hz: Values = np.arange(size // 2 + 1, dtype=np.float64) * (sample_rate_hz / size)
        # The last band takes the line at half the sample rate, too; a band between two lines looks at the lower one.
        self.first = np.minimum(np.ceil(edges[:-1] * size / sample_rate_hz).astype(np.intp), size // 2)
