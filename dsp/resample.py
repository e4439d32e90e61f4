"""Streaming sample-rate change by a rational factor (windowed-sinc polyphase FIR, Kaiser window).

For the rare block in a running call whose rate is not the call's: a peer that moves to another codec, an echo between two
rates. Files go through a library of their own.
"""

from math import gcd

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.types import Samples

TAPS_PER_PHASE = 32
"""Input samples each output sample is made of, at the lower of the two rates."""
KAISER_BETA = 8.0
"""About 80 dB of stop band (Kaiser 1974)."""
PASS_BAND = 0.9
"""Cut-off as a share of the lower Nyquist frequency."""


def _prototype(up: int, down: int, length: int) -> NDArray[np.float64]:
    """Low-pass at the lower Nyquist frequency, *length* taps at ``up`` times the input rate, gain *up*."""
    cutoff = PASS_BAND / max(up, down)
    t = np.arange(length) - (length - 1) / 2
    taps = cutoff * np.sinc(cutoff * t) * np.kaiser(length, KAISER_BETA)
    scaled: NDArray[np.float64] = taps * (up / taps.sum())
    return scaled


class StreamResampler:
    """Blocks of any length at one rate in, blocks at another rate out; the pieces equal the whole.

    Args:
        from_hz: rate of the samples given to `process`.
        to_hz: rate of the samples it returns.

    Raises:
        ParameterError: for a rate that is not positive.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        if from_hz <= 0 or to_hz <= 0:
            raise ParameterError(f"sample rates must be positive, got {from_hz} and {to_hz} Hz")
        common = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // common, from_hz // common
        width = TAPS_PER_PHASE * max(1, -(-self._down // self._up))
        taps = _prototype(self._up, self._down, width * self._up)
        # Row p holds phase p of the filter, reversed so that a row times a window of input is one output.
        self._phases = np.ascontiguousarray(taps.reshape(width, self._up).T[:, ::-1]).astype(np.float32)
        self._history: Samples = np.zeros(width - 1, dtype=np.float32)
        self._position = 0

    @property
    def delay_samples(self) -> float:
        """Delay, in samples at the output rate."""
        return (self._phases.size - 1) / 2 / self._down

    def process(self, block: Samples) -> Samples:
        """Take *block*, return what can be computed so far (a new array, perhaps empty)."""
        joined = np.concatenate((self._history, block))
        end = block.size * self._up
        positions = np.arange(self._position, end, self._down)
        self._position = self._position + positions.size * self._down - end
        self._history = joined[block.size :]
        if positions.size == 0:
            return np.empty(0, dtype=np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(joined, self._phases.shape[1])
        out: Samples = np.einsum(
            "ij,ij->i", windows[positions // self._up], self._phases[positions % self._up]
        )
        return out
