"""A filter chain in a call's audio path: between the device and the codec, on what is sent or on what is heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dsp.ring import SampleRing
from dsp.types import Block, Samples

if TYPE_CHECKING:  # a call without filters does not load them
    from dsp.chain import FilterChain

Watch = Callable[[Block], None]
"""Called with a block ``(1, n)`` that it must not change or keep."""
MOST_WAITING = 4
"""Blocks that were played and wait to be told at most: with more, the sound has moved on and the oldest are dropped."""


class FilterStage:
    """Runs *chain* over the blocks of one direction, in place.

    Args:
        chain: of one channel, which keeps the length.
        far: what the loudspeaker plays, for an echo canceller; None: there is nothing to hear it with.
    """

    def __init__(self, chain: FilterChain, *, far: FarSound | None = None) -> None:
        self.chain = chain
        self.before: list[Watch] = []
        """See each block before the chain: meters, while somebody looks."""
        self.after: list[Watch] = []
        """See each block after it."""
        self.samples = 0
        """How many have come through."""
        self._far = far
        if far is not None:
            far.is_wanted = chain.takes_far

    def process(self, block: Samples) -> None:
        """Filter *block*, ``(n,)``, in place. Without filters, and without anybody to look, it costs next to nothing."""
        self.samples += block.size
        if self.chain.is_empty and not self.before and not self.after:
            return
        view = block.reshape(1, -1)
        for watch in self.before:
            watch(view)
        out = self.chain.process(view, self._far_of(block.size))
        if out is not view:
            view[:] = out
        for watch in self.after:
            watch(view)

    def _far_of(self, count: int) -> Samples | None:
        """What an echo canceller is told; from the first one on, for another may follow."""
        far = self._far
        if far is None:
            return None
        if not far.is_wanted:
            far.is_wanted = self.chain.takes_far
        return far.take(count) if far.is_wanted else None


class FarSound:
    """What was played and has not been told to an echo canceller yet: handed over block by block, in step with what is captured.

    A block that is played at one tick can be heard by the microphone at the next one at the earliest, which is when it is taken
    here; the canceller finds the rest of the delay itself.

    Args:
        sample_rate_hz: of both directions.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.is_wanted = True
        """Whether anybody takes it; where not, nothing is kept."""
        self._ring = SampleRing(sample_rate_hz)
        self._taken: Samples = np.zeros(0, dtype=np.float32)

    def played(self, block: Samples) -> None:
        """Take a block that is being played: a tap of the heard side."""
        if self.is_wanted:
            self._ring.write(block)

    def take(self, count: int) -> Samples:
        """The next *count* samples, valid until the next call; silence where nothing was played."""
        if self._taken.size != count:
            self._taken = np.zeros(count, dtype=np.float32)
        while len(self._ring) > MOST_WAITING * count:
            self._ring.read(self._taken)
        self._ring.read(self._taken)
        return self._taken
