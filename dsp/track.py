"""A recording that is read piece by piece, so that an hour of it need not lie in memory."""

from collections.abc import Iterator
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
        if 0 <= start <= stop <= self.samples.size:
            return self.samples[start:stop]
        piece: Samples = np.zeros(max(0, stop - start), dtype=np.float32)
        low, high = max(0, start), min(self.samples.size, stop)
        if low < high:
            piece[low - start : high - start] = self.samples[low:high]
        return piece


def blocks(track: Track, length: int) -> Iterator[tuple[int, Samples]]:
    """(start, samples) of the whole track in pieces of *length*; the last one may be shorter."""
    for start in range(0, track.size, length):
        yield start, track.read(start, min(start + length, track.size))
