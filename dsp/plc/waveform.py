"""Concealment by repeating pitch periods, in the manner of ITU-T G.711 Appendix I.

The past is searched for its pitch once per loss. The signal goes on with the last period, after 10 ms with
the last two in turn and after 20 ms with the last three, which keeps a long loss from turning into a tone,
and fades to silence. Unlike Appendix I no delay is added: where the loss begins, the step between past and
repetition is spread over a quarter of a period instead.
"""

import numpy as np

from dsp.errors import ParameterError
from dsp.plc.base import ConcealerSpec
from dsp.types import Samples
from dsp.units import samples_of_ms

SHORTEST_PERIOD_MS = 2.5
LONGEST_PERIOD_MS = 15.0
WINDOW_MS = 20.0
"""Stretch of the past compared with what lies one period before it."""
PERIOD_STEP_MS = 10
"""After each of the first two steps one period more is repeated; the first is not faded."""
SILENT_AFTER_MS = 80
MERGE_MS = 8
"""Cross-fade into the first block after a loss."""
HISTORY_MS = 50
"""Three of the longest periods and a quarter."""
VOICED_CORRELATION = 0.4
"""Below it there is no pitch; the longest period then sounds least like one."""


class Concealer:
    """Waveform substitution at one sample rate."""

    def __init__(self, sample_rate_hz: int) -> None:
        if not 8000 <= sample_rate_hz <= 48000:
            raise ParameterError(f"concealment works at 8000 to 48000 Hz, got {sample_rate_hz}")
        self._shortest = samples_of_ms(SHORTEST_PERIOD_MS, sample_rate_hz)
        self._longest = samples_of_ms(LONGEST_PERIOD_MS, sample_rate_hz)
        self._window = samples_of_ms(WINDOW_MS, sample_rate_hz)
        self._step = samples_of_ms(PERIOD_STEP_MS, sample_rate_hz)
        self._merge = samples_of_ms(MERGE_MS, sample_rate_hz)
        self._past: Samples = np.zeros(samples_of_ms(HISTORY_MS, sample_rate_hz), dtype=np.float32)
        length = samples_of_ms(SILENT_AFTER_MS, sample_rate_hz)
        self._gain: Samples = np.ones(length, dtype=np.float32)
        self._gain[self._step :] = np.linspace(1.0, 0.0, length - self._step, dtype=np.float32)
        self._future: Samples | None = None
        self._at = 0

    def accept(self, block: Samples) -> None:
        """See `LossConcealer.accept`."""
        if self._future is not None:
            count = min(self._merge, block.size)
            rise = _rise(count)
            expected = np.zeros(count, dtype=np.float32)
            self._take(expected)
            block[:count] *= rise
            block[:count] += expected * (1 - rise)
            self._future = None
        self._remember(block)

    def conceal(self, out: Samples) -> None:
        """See `LossConcealer.conceal`."""
        if self._future is None:
            self._future = self._extrapolate()
            self._at = 0
        self._take(out)
        self._remember(out)

    def snapshot(self) -> tuple[Samples, Samples | None, int]:
        """The state as it is now, as a copy."""
        # What is extrapolated is made anew for each loss, never changed.
        return self._past.copy(), self._future, self._at

    def restore(self, state: tuple[Samples, Samples | None, int]) -> None:
        """Go back to what `snapshot` returned; *state* stays good for more."""
        past, self._future, self._at = state
        self._past[:] = past

    def _take(self, out: Samples) -> None:
        """Move on in the extrapolated signal; silence beyond its end."""
        count = 0
        if self._future is not None:
            piece = self._future[self._at : self._at + out.size]
            count = piece.size
            out[:count] = piece
            self._at += count
        out[count:] = 0.0

    def _remember(self, block: Samples) -> None:
        past = self._past
        if block.size >= past.size:
            past[:] = block[block.size - past.size :]
        else:
            past[: past.size - block.size] = past[block.size :]
            past[past.size - block.size :] = block

    def _period(self) -> int:
        """Lag at which the end of the past resembles what came before it most."""
        window = self._past[-self._window :]
        region = self._past[-self._window - self._longest : -self._shortest]
        alike = np.correlate(region, window, "valid")[::-1]  # from the shortest lag on
        power = np.concatenate(([0.0], np.cumsum(np.square(region, dtype=np.float64))))
        powers = (power[self._window :] - power[: power.size - self._window])[::-1]
        scale = np.sqrt(np.maximum(powers * np.dot(window, window), 1e-20))
        best = int(np.argmax(alike / scale))
        return self._shortest + best if alike[best] > VOICED_CORRELATION * scale[best] else self._longest

    def _extrapolate(self) -> Samples:
        """What the signal would sound like if it went on, faded out."""
        past, period = self._past, self._period()
        quarter = max(1, period // 4)
        rise = _rise(quarter)
        out: Samples = np.empty(self._gain.size, dtype=np.float32)
        time = np.arange(out.size)
        for periods in (1, 2, 3):
            start = (periods - 1) * self._step
            length = periods * period
            # The end of the loop leads over to its beginning.
            loop = past[-length:].copy()
            loop[-quarter:] += rise * (past[-length - quarter : -length] - loop[-quarter:])
            going_on = loop[(start % period + time[: out.size - start]) % length]
            if start:
                before = out[start : start + quarter]
                going_on[:quarter] = before + rise * (going_on[:quarter] - before)
            out[start:] = going_on
        out[:quarter] += (past[-1] - past[-1 - period]) * (1 - rise)
        out *= self._gain
        return out


def _rise(count: int) -> Samples:
    """Ramp from just above 0 to 1."""
    return np.arange(1, count + 1, dtype=np.float32) / np.float32(max(count, 1))


SPECS = (ConcealerSpec("waveform", Concealer),)
