"""C kernels of the hot loops (dsp/native): float32 samples, the GIL released while long work runs.

An object works for one thread at a time; a second one gets RuntimeError.
"""

from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from dsp.types import Samples

MeterReading: TypeAlias = tuple[
    int, float, float, float, int, int, int, int, int, int, int, int, int, tuple[tuple[float, int], ...]
]
"""count, sum, sum of squares, peak, not finite, clipped, clip runs, frames, silent frames, first and last
sound, gaps, samples in gaps, and (threshold, samples at or above it) for each threshold of P.56."""

@final
class BiquadCascade:
    """Cascade of biquads, transposed direct form II, float32 samples and float64 state.

    Blocks of any length give the same samples. NaN and infinity in a block are taken as silence;
    subnormal numbers are flushed to zero.
    """

    def __new__(cls, sos: NDArray[np.float64], *, simd: bool = True) -> BiquadCascade:
        """Take *sos*, shape (n, 6), rows b0 b1 b2 a0 a1 a2 as in ``scipy.signal.sosfilt``.

        Raises:
            TypeError: if *sos* is no float64 buffer.
            ValueError: if its shape is another, or a section is not finite, has a0 = 0 or is unstable.
        """
    def process(self, block: Samples, /) -> None:
        """Filter *block* in place; TypeError or ValueError for what is not writable contiguous float32."""
    def reset(self) -> None:
        """Forget the past."""
    def set(self, sos: NDArray[np.float64], /) -> None:
        """Take other coefficients for the same number of sections; the state stays."""
    @property
    def sections(self) -> int:
        """Number of sections."""
    @property
    def path(self) -> Literal["avx2", "scalar"]:
        """Code path chosen for this CPU."""

@final
class SpeechMeter:
    """Speech level after ITU-T P.56 method B, and faults of the signal, in one pass."""

    def __new__(cls, sample_rate_hz: int, silence_dbov: float = -60.0) -> SpeechMeter:
        """Measure at *sample_rate_hz*, 8000 to 96000; frames below *silence_dbov* count as silent."""
    def process(self, block: Samples, /) -> None:
        """Measure one block of any length."""
    def read(self) -> MeterReading:
        """Raw counts so far; reading changes nothing."""
    def reset(self) -> None:
        """Forget everything heard."""
