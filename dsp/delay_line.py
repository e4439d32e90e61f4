"""A delay of whole samples."""

import numpy as np

from dsp.types import Block


class DelayLine:
    """Hands on blocks of any length *samples* later, beginning with silence."""

    def __init__(self, samples: int, channels: int) -> None:
        self._past: Block = np.zeros((channels, samples), dtype=np.float32)

    def process(self, block: Block) -> Block:
        """Delay *block*, ``(channels, n)``, in place and return it."""
        samples, count = self._past.shape[1], block.shape[1]
        if samples == 0 or count == 0:
            return block
        if count < samples:
            out = self._past[:, :count].copy()
            self._past[:, :-count] = self._past[:, count:].copy()
            self._past[:, -count:] = block
            block[:] = out
            return block
        newest = block[:, count - samples :].copy()
        block[:, samples:] = block[:, : count - samples].copy()
        block[:, :samples] = self._past
        self._past = newest
        return block

    def reset(self) -> None:
        """Forget the past."""
        self._past[:] = 0.0

    def adopt(self, previous: "DelayLine") -> None:
        """Take the newest samples of *previous*, as many as both hold."""
        count = min(self._past.shape[1], previous._past.shape[1])
        if count:
            self._past[:, -count:] = previous._past[:, -count:]
