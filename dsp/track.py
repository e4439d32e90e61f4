"""A recording that is read piece by piece, so that an hour of it need not lie in memory."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dsp.types import Samples


class Track(Protocol):
    """Mono sound at one rate, of known length."""

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second."""

    @property
    def size(self) -> int:
        """Samples in all."""

    def read(self, start: int, stop: int) -> Samples:
        """Samples ``[start, stop)`` as float32 ``(stop - start,)``; zeros before the beginning and behind the end."""


@dataclass(frozen=True, slots=True)
class ArrayTrack:
    """A track that lies in memory."""

    samples: Samples
    sample_rate_hz: int

    @property
    def size(self) -> int:
        """Samples in all."""
        return int(self.samples.size)

    def read(self, start: int, stop: int) -> Samples:
        """Samples ``[start, stop)``; zeros before the beginning and behind the end."""
        return padded_cut(self.samples, start, stop)


def padded_cut(samples: Samples, start: int, stop: int) -> Samples:
    """Samples ``[start, stop)`` of an array; zeros before its beginning and behind its end."""
    if 0 <= start <= stop <= samples.size:
        return samples[start:stop]
    piece: Samples = np.zeros(max(0, stop - start), dtype=np.float32)
    low, high = max(0, start), min(samples.size, stop)
    if low < high:
        piece[low - start : high - start] = samples[low:high]
    return piece
