"""Convolution with impulse responses of any length, without delay.

The work is native (`dsp._native.PartitionedConvolver`): the first partition tap by tap, the others by overlap-save
with uniform partitions, whose result is ready just when the direct part has run out. A short response is one
partition and is done tap by tap only.

Source: W. G. Gardner, Efficient convolution without input-output delay, J. Audio Eng. Soc. 43(3), 1995.
"""

import numpy as np
from numpy.typing import ArrayLike

from dsp._native import PartitionedConvolver
from dsp.errors import ParameterError
from dsp.types import Block

DIRECT_TAPS = 512
"""Up to here tap by tap is as fast as transforms (16 ns a sample with AVX2), and simpler."""
MAX_TAPS = 1 << 26

_PARTITIONS = ((4096, 128), (16_384, 256), (MAX_TAPS, 512))
"""(taps up to, partition): the fastest one on AVX2; 16, 26 and 58 ns a sample for 1024, 4096 and 48 000 taps."""


def partition_of(taps: int) -> int:
    """Length of the partitions for a response of so many *taps*: a power of two from 32 on."""
    if taps <= DIRECT_TAPS:
        return max(32, 1 << (taps - 1).bit_length())
    return next(block for most, block in _PARTITIONS if taps <= most)


class Convolver:
    """Convolves each channel of blocks of any length; the pieces equal the whole.

    Args:
        taps: impulse response, ``(m,)`` or ``(1, m)`` for all channels, ``(channels, m)`` one for each.
        channels: of the blocks to come.
        block: partition in samples, a power of two from 32 to 1024; None: the fastest for so many taps.

    Raises:
        ParameterError: no taps or too many, not finite, a set for another number of channels, or a partition out of range.
    """

    delay_samples: int = 0
    """How much later than its input the output comes: not at all."""

    def __init__(self, taps: ArrayLike, channels: int = 1, block: int | None = None) -> None:
        rows = np.ascontiguousarray(np.atleast_2d(np.asarray(taps, dtype=np.float32)))
        if rows.ndim != 2 or not 1 <= rows.shape[1] <= MAX_TAPS:
            raise ParameterError(
                f"an impulse response must have 1 to {MAX_TAPS} taps, got shape {rows.shape}"
            )
        if rows.shape[0] not in (1, channels):
            raise ParameterError(
                f"impulse responses must be one, or one for each of {channels} channels, got {rows.shape[0]}"
            )
        if not np.isfinite(rows).all():
            raise ParameterError("an impulse response must be finite: it holds NaN or infinity")
        self.taps = rows.shape[1]
        """Length of the impulse response: as long does a fresh one take until it has heard all that it needs."""
        try:
            self._running = PartitionedConvolver(
                rows, channels, partition_of(self.taps) if block is None else block
            )
        except ValueError as error:
            raise ParameterError(str(error)) from None

    def process(self, block: Block) -> Block:
        """Convolve *block*, ``(channels, n)`` C-contiguous float32, in place and return it."""
        self._running.process(block)
        return block

    def reset(self) -> None:
        """Forget the past."""
        self._running.reset()
