"""Silence, for a call that has nothing to say."""

from dsp.types import Samples


class SilenceSource:
    """Zeros.

    Args:
        sample_rate_hz: rate they stand for.
        duration_s: how long; None: without end.
    """

    def __init__(self, sample_rate_hz: int, *, duration_s: float | None = None) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.duration_s = duration_s
        self._left = None if duration_s is None else round(duration_s * sample_rate_hz)

    def read(self, out: Samples) -> int:
        """See `AudioSource.read`."""
        count = out.size
        if self._left is not None:
            count = min(count, self._left)
            self._left -= count
        out[:count] = 0.0
        return count

    def close(self) -> None:
        """See `AudioSource.close`."""
