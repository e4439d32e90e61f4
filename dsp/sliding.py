"""Work on running sound hop by hop, with what came before and what comes after in sight."""

from collections.abc import Callable

import numpy as np

from dsp.types import Block, Samples


class Sliding:
    """Runs *work* over each hop of each channel; blocks of any length in and out.

    Args:
        before: samples before the hop in sight, already worked on.
        hop: samples worked on at a time.
        after: samples after the hop in sight.
        channels: of the blocks to come.
        work: is handed one channel's ``(before + hop + after,)`` samples and changes them in place; what it changes
            behind the hop it will be handed again.
    """

    def __init__(
        self, before: int, hop: int, after: int, channels: int, work: Callable[[Samples], None]
    ) -> None:
        self._before, self._hop = before, hop
        self._seen: Block = np.zeros((channels, before + hop + after), dtype=np.float32)
        self._ready: Block = np.zeros((channels, hop), dtype=np.float32)
        self._at = 0
        self._work = work
        self.delay_samples = hop + after
        """How much later the sound comes out."""

    def process(self, block: Block) -> Block:
        """Change *block*, ``(channels, n)``, in place and return it."""
        hop, start = self._hop, 0
        while start < block.shape[1]:
            count = min(hop - self._at, block.shape[1] - start)
            piece = block[:, start : start + count]
            at = self._seen.shape[1] - hop + self._at
            self._seen[:, at : at + count] = piece
            piece[:] = self._ready[:, self._at : self._at + count]
            self._at += count
            start += count
            if self._at == hop:
                self._turn()
        return block

    def _turn(self) -> None:
        for channel in self._seen:
            self._work(channel)
        self._ready[:] = self._seen[:, self._before : self._before + self._hop]
        self._seen[:, : -self._hop] = self._seen[:, self._hop :].copy()
        self._seen[:, -self._hop :] = 0.0
        self._at = 0

    def reset(self) -> None:
        """Forget the past."""
        self._seen[:] = 0.0
        self._ready[:] = 0.0
        self._at = 0

    def adopt(self, previous: "Sliding") -> None:
        """Take the sound in sight of *previous*, which is of the same lengths."""
        self._seen[:] = previous._seen
        self._ready[:] = previous._ready
        self._at = previous._at
