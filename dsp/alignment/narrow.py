"""A track at about 8 kHz, read piece by piece: all that an aligner looks at lies below 4 kHz."""

import numpy as np

from dsp.errors import MetricRefused
from dsp.resample import StreamResampler
from dsp.track import Track, padded_cut
from dsp.types import Samples

NARROW_HZ = 8000
_KEPT_S = 60
"""A track up to this length is brought down once and kept (2 MB); a longer one again for each piece."""
_SETTLE = 64
"""Samples of the narrow rate read on either side of a piece, so that the filter's ends lie outside."""


class NarrowTrack:
    """*track* at its rate divided by a whole number, 8000 Hz or a little above, without delay.

    Sample *i* of it is sample ``i * factor`` of *track*. A rate below 16 kHz is left as it is.
    """

    def __init__(self, track: Track) -> None:
        self._track = track
        self.factor = max(1, track.sample_rate_hz // NARROW_HZ)
        """Samples of the track for each of ours."""
        self.sample_rate_hz = track.sample_rate_hz / self.factor
        """Samples a second; whole where the track's rate is a multiple of 8000."""
        self.size = -(-track.size // self.factor)
        """Samples in all."""
        self._kept: Samples | None = None
        if track.size <= _KEPT_S * track.sample_rate_hz:
            self._kept = self._bring_down(0, self.size)

    def read(self, start: int, stop: int) -> Samples:
        """Samples ``[start, stop)``; zeros before the beginning and behind the end.

        Raises:
            MetricRefused: for samples that are no numbers.
        """
        if self._kept is None:
            return self._bring_down(start, stop)
        return padded_cut(self._kept, start, stop)

    def _bring_down(self, start: int, stop: int) -> Samples:
        if stop <= start:
            return np.zeros(0, dtype=np.float32)
        factor = self.factor
        if factor == 1:
            return _finite(self._track.read(start, stop))
        resampler = StreamResampler(factor, 1)
        piece = _finite(
            self._track.read((start - _SETTLE) * factor, (stop + resampler.delay_samples) * factor)
        )
        out = resampler.process(np.ascontiguousarray(piece, dtype=np.float32))
        begin = _SETTLE + resampler.delay_samples
        return out[begin : begin + stop - start]


def _finite(piece: Samples) -> Samples:
    if not np.isfinite(piece).all():
        raise MetricRefused("audio to align must be numbers, got NaN or infinity in it")
    return piece
