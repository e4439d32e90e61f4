"""A sine, for finding one's own call among others and for level checks."""

from fractions import Fraction

import numpy as np

from dsp.types import Samples
from softphone.errors import UsageError

FADE_S = 0.005
_MAX_PERIOD = 48000


class ToneSource:
    """A sine that begins and ends without a click, its phase running on from block to block.

    The wave is one table of whole periods, at most 48000 samples: every whole number of Hz is exact at rates
    up to 48 kHz, others are met to within ``sample_rate_hz / 48000`` Hz, see ``frequency_hz``.

    Args:
        frequency_hz: at least 1 and below half the sample rate.
        sample_rate_hz: rate of the samples read.
        level_dbov: level of the tone; a full-scale sine is -3.01.
        duration_s: how long; None: without end.

    Raises:
        UsageError: for a frequency or a level that the rate and full scale do not allow.
    """

    def __init__(
        self,
        frequency_hz: float,
        sample_rate_hz: int,
        *,
        level_dbov: float = -26.0,
        duration_s: float | None = None,
    ) -> None:
        if not 1.0 <= frequency_hz < sample_rate_hz / 2:
            raise UsageError(
                f"a tone at {sample_rate_hz} Hz sample rate must be from 1 to below "
                f"{sample_rate_hz / 2:g} Hz, got {frequency_hz:g}: lower it, or take a higher rate"
            )
        amplitude = float(np.sqrt(2.0)) * 10.0 ** (level_dbov / 20.0)
        if not amplitude <= 1.0001:
            raise UsageError(f"a tone can have at most -3.01 dBov, got {level_dbov:g}")
        cycles = Fraction(frequency_hz / sample_rate_hz).limit_denominator(_MAX_PERIOD)
        period, periods = cycles.denominator, cycles.numerator
        self.sample_rate_hz = sample_rate_hz
        self.duration_s = duration_s
        self.frequency_hz = sample_rate_hz * periods / period
        """What the table gives."""
        phase = np.arange(period, dtype=np.int64) * periods % period
        self._table: Samples = (amplitude * np.sin(2.0 * np.pi / period * phase)).astype(np.float32)
        self._position = 0
        self._length = None if duration_s is None else round(duration_s * sample_rate_hz)
        fade = max(1, round(FADE_S * sample_rate_hz))
        self._fade: Samples = (np.sin(np.arange(fade) / fade * (np.pi / 2)) ** 2).astype(np.float32)

    def read(self, out: Samples) -> int:
        """See `AudioSource.read`."""
        count = out.size
        if self._length is not None:
            count = min(count, self._length - self._position)
        table, begin = self._table, self._position
        done, at = 0, begin % table.size
        while done < count:
            step = min(count - done, table.size - at)
            out[done : done + step] = table[at : at + step]
            done += step
            at = 0
        self._position += count
        self._shape(out[:count], begin)
        return count

    def _shape(self, block: Samples, begin: int) -> None:
        """Fade *block*, which begins *begin* samples into the tone, where it lies at an end."""
        fade = self._fade
        if begin < fade.size:
            rise = fade[begin : begin + block.size]
            block[: rise.size] *= rise
        if self._length is not None and begin + block.size > self._length - fade.size:
            fall_from = max(0, self._length - fade.size - begin)
            remaining = (
                self._length - begin - fall_from
            )  # samples up to the end, where the fall begins in block
            part = fade[::-1][fade.size - remaining : fade.size - remaining + block.size - fall_from]
            block[fall_from:] *= part

    def close(self) -> None:
        """See `AudioSource.close`."""
