"""Streaming sample-rate change by a rational factor (polyphase FIR, Kaiser window).

For sound that runs: a device or a peer at another rate than the call's. Files go through a library of their own.

Delay, stop band and ripple are tied: from 0.9 to 1.1 of the lower Nyquist frequency a Kaiser window needs about
(A - 8) / (2.285 * 0.1 * 2 pi) taps at the lower rate for a stop band of A dB (Kaiser 1974), half of which is the
delay. `DELAY` of 30 such samples gives 96 dB: 3.8 ms where 8 kHz is an end, 1.9 ms at 16 kHz, less above.

Source: J. F. Kaiser, Nonrecursive digital filter design using the I0-sinh window function, ISCAS 1974; R. E.
Crochiere and L. R. Rabiner, Multirate Digital Signal Processing, 1983, section 3.3 (the polyphase form).
"""

from math import gcd

import numpy as np
from numpy.typing import NDArray

from dsp._native import PolyphaseResampler
from dsp.errors import ParameterError
from dsp.types import Samples

DELAY = 30
"""Delay in samples at the lower of the two rates."""
KAISER_BETA = 9.8
"""A stop band of 96 dB and more with 29.3 to 30.5 samples of delay."""
CUT_OFF = 0.9875
"""Middle of the slope as a share of the lower Nyquist frequency: as low as the pass band (0.03 dB at 0.9) allows."""
MAX_TAPS = 1 << 24
"""What a table may hold: rates that have hardly a common divisor need one filter for each output in a second."""


def delay_of(up: int, down: int) -> int:
    """Delay in samples of the output, for a change of rate by *up* / *down* in lowest terms."""
    return round(DELAY * max(1.0, up / down))


def phases_of(up: int, down: int) -> NDArray[np.float64]:
    """Design the resampler for a change of rate by *up* / *down* in lowest terms.

    Returns:
        Row p holds every up-th tap, from p on, of a linear-phase low-pass at *up* times the input rate with a gain of
        *up* and a delay of exactly `delay_of` samples of the output.
    """
    middle = delay_of(up, down) * down
    length = 2 * middle + 1
    half = np.arange(middle + 1) - middle
    cut_off = CUT_OFF / max(up, down)
    window = np.i0(KAISER_BETA * np.sqrt(1.0 - (half / middle) ** 2))
    rising = np.sinc(cut_off * half) * window
    taps = np.zeros(-(-length // up) * up)
    taps[: middle + 1] = rising
    taps[middle:length] = rising[::-1]
    taps *= up / taps.sum()
    return np.ascontiguousarray(taps.reshape(-1, up).T)


class StreamResampler:
    """Blocks of any length at one rate in, blocks at another rate out; the pieces equal the whole.

    A block whose length is a whole number of samples at the other rate, too, gives just that number: 20 ms in,
    20 ms out.

    Args:
        from_hz: rate of the samples given to `process`.
        to_hz: rate of the samples it returns.

    Raises:
        ParameterError: for a rate that is not positive, or two that have hardly a common divisor.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        if from_hz <= 0 or to_hz <= 0:
            raise ParameterError(f"sample rates must be positive, got {from_hz} and {to_hz} Hz")
        common = gcd(from_hz, to_hz)
        up, down = to_hz // common, from_hz // common
        if 2 * DELAY * max(up, down) > MAX_TAPS:
            raise ParameterError(
                f"no resampler from {from_hz} to {to_hz} Hz: their common divisor is {common} Hz"
            )
        self._running = PolyphaseResampler(phases_of(up, down).astype(np.float32), down)
        self.delay_samples = delay_of(up, down)
        """Delay, in samples at the output rate."""

    def process(self, block: Samples) -> Samples:
        """Take *block*, float32 of shape ``(n,)``; return what can be computed so far (a new array, perhaps empty)."""
        out: Samples = np.empty(self._running.output_samples(block.size), dtype=np.float32)
        self._running.process(block, out)
        return out

    def reset(self) -> None:
        """Forget the past."""
        self._running.reset()
