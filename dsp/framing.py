"""Frames of a fixed length out of blocks of any length, and back: overlapping windows, and plain blocks.

Both delay by a constant number of samples, so that the pieces equal the whole however a sound is cut.
"""

from collections.abc import Callable
from typing import Self

import numpy as np

from dsp.errors import ParameterError
from dsp.types import Block

Work = Callable[[Block], Block]
"""Takes ``(channels, frame)`` float32, which it may change and must not keep, and returns the same shape."""


class OverlapAdd:
    """Weighted overlap-add: each frame is windowed, worked on, windowed again and added up.

    The window is the square root of a periodic Hann window, scaled so that work which changes nothing gives back
    the sound (Crochiere, "A weighted overlap-add method of short-time Fourier analysis/synthesis", IEEE TASSP
    28(1), 1980).

    Args:
        frame: samples of a frame.
        hop: samples from one frame to the next; it divides *frame* at least twice.
        channels: rows of the blocks.
        work: what is done to each windowed frame.

    Raises:
        ParameterError: for a hop that does not fit.
    """

    def __init__(self, frame: int, hop: int, channels: int, work: Work) -> None:
        if hop < 1 or frame % hop or frame < 2 * hop:
            raise ParameterError(f"hop must divide the frame of {frame} samples twice or more, got {hop}")
        window = np.sin(np.pi * np.arange(frame) / frame)
        self._window = (window * np.sqrt(2.0 * hop / frame)).astype(np.float32)
        self._work = work
        self._hop = hop
        self._heard = np.zeros((channels, frame), dtype=np.float32)
        self._sum = np.zeros((channels, frame), dtype=np.float32)
        self._fill = 0

    @property
    def delay_samples(self) -> int:
        """How much later the output comes: one frame."""
        return self._heard.shape[1]

    def process(self, block: Block) -> Block:
        """Work on *block*, ``(channels, n)``, in place, and return it."""
        heard, ready, hop = self._heard, self._sum, self._hop
        start, count = 0, block.shape[1]
        while start < count:
            stop = min(count, start + hop - self._fill)
            fill = self._fill + stop - start
            # The last hop of `heard` fills with what comes in while the first hop of `ready` goes out.
            heard[:, heard.shape[1] - hop + self._fill : heard.shape[1] - hop + fill] = block[:, start:stop]
            block[:, start:stop] = ready[:, self._fill : fill]
            self._fill, start = fill, stop
            if fill == hop:
                self._frame()
        return block

    def reset(self) -> None:
        """Forget the past."""
        self._heard[:] = 0.0
        self._sum[:] = 0.0
        self._fill = 0

    def adopt(self, other: Self) -> None:
        """Take the past of *other*, of the same frame, hop and channels."""
        self._heard[:] = other._heard
        self._sum[:] = other._sum
        self._fill = other._fill

    def _frame(self) -> None:
        hop = self._hop
        self._sum[:, :-hop] = self._sum[:, hop:]
        self._sum[:, -hop:] = 0.0
        self._sum += self._work(self._heard * self._window) * self._window
        self._heard[:, :-hop] = self._heard[:, hop:]
        self._fill = 0


class FixedBlocks:
    """Blocks of one size out of blocks of any, for work that knows only that size.

    Args:
        size: samples of a block for *work*.
        channels: rows of the blocks.
        work: what is done to each.
    """

    def __init__(self, size: int, channels: int, work: Work) -> None:
        if size < 1:
            raise ParameterError(f"blocks must have 1 sample or more, got {size}")
        self._work = work
        self._heard = np.zeros((channels, size), dtype=np.float32)
        self._ready = np.zeros((channels, size), dtype=np.float32)
        self._fill = 0

    @property
    def delay_samples(self) -> int:
        """How much later the output comes: one block."""
        return self._heard.shape[1]

    def process(self, block: Block) -> Block:
        """Work on *block*, ``(channels, n)``, in place, and return it."""
        size = self._heard.shape[1]
        start, count = 0, block.shape[1]
        while start < count:
            stop = min(count, start + size - self._fill)
            fill = self._fill + stop - start
            self._heard[:, self._fill : fill] = block[:, start:stop]
            block[:, start:stop] = self._ready[:, self._fill : fill]
            self._fill, start = fill, stop
            if fill == size:
                self._ready[:] = self._work(self._heard)
                self._fill = 0
        return block

    def reset(self) -> None:
        """Forget the past."""
        self._heard[:] = 0.0
        self._ready[:] = 0.0
        self._fill = 0

    def adopt(self, other: Self) -> None:
        """Take the past of *other*, of the same size and channels."""
        self._heard[:] = other._heard
        self._ready[:] = other._ready
        self._fill = other._fill
