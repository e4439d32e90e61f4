"""What every source of audio gives: samples at one rate, pulled by whoever sends them."""

from typing import Protocol

import numpy as np

from dsp.types import Samples


class AudioSource(Protocol):
    """A file, a generator, or silence."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the samples read."""

    @property
    def duration_s(self) -> float | None:
        """Length of all there is; None: it does not end."""

    def read(self, out: Samples) -> int:
        """Fill *out*; the number of samples written, less than ``out.size`` only at the end, 0 after it."""

    def close(self) -> None:
        """Release what the source holds; reading is over."""


def next_of(source: AudioSource | None, count: int) -> Samples | None:
    """The next *count* samples of *source*, silence after its end; None where there is no source."""
    if source is None:
        return None
    block: Samples = np.zeros(count, dtype=np.float32)
    source.read(block)
    return block
