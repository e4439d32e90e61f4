"""A delay line that can be read anywhere: the past of a signal, in a ring."""

import numpy as np

from dsp.types import Block


class TappedLine:
    """Holds the last samples of each channel.

    Args:
        longest: the longest delay that can be read, in samples.
        channels: of the blocks written and read.
    """

    chunk = 8192
    """Most samples to write or read at once."""

    def __init__(self, longest: int, channels: int) -> None:
        self._held = np.zeros((channels, longest + self.chunk), dtype=np.float32)
        self._at = 0

    def write(self, block: Block) -> None:
        """Put *block* at the end, `chunk` samples at most."""
        count, size = block.shape[1], self._held.shape[1]
        first = min(count, size - self._at)
        self._held[:, self._at : self._at + first] = block[:, :first]
        self._held[:, : count - first] = block[:, first:]
        self._at = (self._at + count) % size

    def read(self, delay: int, out: Block) -> None:
        """Fill *out* with what was written *delay* samples before the newest samples of as many."""
        count, size = out.shape[1], self._held.shape[1]
        start = (self._at - count - delay) % size
        first = min(count, size - start)
        out[:, :first] = self._held[:, start : start + first]
        out[:, first:] = self._held[:, : count - first]

    def reset(self) -> None:
        """Be silent."""
        self._held[:] = 0.0
        self._at = 0

    def adopt(self, other: "TappedLine") -> None:
        """Take the past of *other*, a line of the same size."""
        self._held[:] = other._held
        self._at = other._at
