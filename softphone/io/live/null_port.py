"""A port without a device: silence or a tone, block by block in real time; what comes out goes nowhere."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from dsp.types import Block
from softphone.errors import UsageError
from softphone.io.audio.tone import ToneSource
from softphone.io.live.pace import Pace
from softphone.io.live.port import PortStatus

TONE_LEVEL_DBOV = -20.0
_WORDS = "wanted null, or null:tone=HZ as null:tone=1000"


def is_null(name: str | None) -> bool:
    """Whether *name* means no device at all: ``null``, or ``null:`` and what it gives."""
    return name is not None and name.partition(":")[0].strip().lower() == "null"


def tone_of(name: str, sample_rate_hz: int) -> ToneSource | None:
    """The tone, at -20 dBov, that the null device *name* gives; None: silence.

    Raises:
        UsageError: *name* means something else, or the rate allows no such tone.
    """
    _, colon, rest = name.strip().lower().partition(":")
    if not colon:
        return None
    key, equals, value = rest.partition("=")
    try:
        frequency_hz = float(value)
    except ValueError:
        frequency_hz = -1.0
    if key.strip() != "tone" or not equals or not frequency_hz > 0:
        raise UsageError(f"{name!r} is no null device: {_WORDS}")
    return ToneSource(frequency_hz, sample_rate_hz, level_dbov=TONE_LEVEL_DBOV)


class NullPort:
    """See `softphone.io.live.port.Port`.

    Args:
        name: ``null`` or ``null:tone=HZ``.
        sample_rate_hz: rate of the blocks.
        block_ms: length of a block.
        clock: monotonic seconds.
        wait: see `Pace`.

    Raises:
        UsageError: for another name.
    """

    channels_in = 1
    is_awaited = True

    def __init__(
        self,
        name: str,
        sample_rate_hz: int,
        *,
        block_ms: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.name = name.strip()
        self.sample_rate_hz = sample_rate_hz
        self.block_samples = max(1, round(sample_rate_hz * block_ms / 1000))
        self.channels_out = 1
        self._tone = tone_of(name, sample_rate_hz)
        self._pace = Pace(self.block_samples / sample_rate_hz, clock=clock, wait=wait)
        self._block: Block = np.zeros((1, self.block_samples), dtype=np.float32)

    def open(self, channels_out: int, *, delay_samples: int = 0) -> None:
        """See `Port.open`."""
        self.channels_out = channels_out

    def read(self) -> Block | None:
        """See `Port.read`; the block is valid until the next."""
        if not self._pace.next():
            return None
        if self._tone is None:
            self._block[:] = 0.0
        else:
            self._tone.read(self._block[0])
        return self._block

    def write(self, block: Block) -> None:
        """See `Port.write`."""
        self._pace.done()

    def flush(self, output_samples: int) -> Iterator[Block]:
        """See `Port.flush`: nobody hears the end."""
        return iter(())

    def close(self) -> None:
        """See `Port.close`."""

    def stop(self) -> None:
        """See `Port.stop`."""
        self._pace.stop()

    def status(self) -> PortStatus:
        """See `Port.status`."""
        latency_s = self._pace.latency_s
        return PortStatus(
            latency_ms=None if latency_s is None else 1000 * latency_s, xruns_ours=self._pace.late
        )
