"""Where a call's audio comes from and goes to, as the engine sees it, and the paced device that needs no sound card."""

from typing import Protocol

import numpy as np

from dsp.types import Samples

MAX_LAG_S = 0.5
"""A paced device that fell behind by more than this (a suspended process) skips ahead instead of catching up."""


class AudioSource(Protocol):
    """Samples from a file, a generator or nothing."""

    def read(self, out: Samples) -> int:
        """Fill the front of *out*; the number of samples written, less than ``out.size`` only at the end."""


class AudioDevice(Protocol):
    """A sound card, or what stands in for one."""

    source_ended: bool
    """There is nothing more to capture but silence."""

    def capture(self, out: Samples, *, now: float) -> bool:
        """Fill *out* with the next captured samples, or leave it and return False: not that many yet."""

    def playback_wanted(self, *, now: float) -> int:
        """Samples that `play` should be given now, 0 when there is enough."""

    def play(self, block: Samples) -> None:
        """Take *block* for the loudspeaker."""

    def change_interval(self, before: int, after: int) -> None:
        """Be served with blocks of *after* samples from now on, as often as that takes, no longer of *before*."""

    def skip_to(self, now: float) -> None:
        """Capture from *now* on: what could have been captured until then is left out."""


class PacedDevice:
    """A source and a silent loudspeaker that run by the clock handed in.

    Args:
        source: what is captured; after its end, silence.
        sample_rate_hz: rate of both directions.
        now: when it starts to run.
    """

    def __init__(self, source: AudioSource, sample_rate_hz: int, *, now: float) -> None:
        self.source_ended = False
        """The source has given its last sample."""
        self.skips = 0
        """Times it fell behind by more than `MAX_LAG_S` and skipped ahead."""
        self._source = source
        self._rate = sample_rate_hz
        self._start = now
        self._captured = 0
        self._played = 0

    def capture(self, out: Samples, *, now: float) -> bool:
        """See `AudioDevice.capture`."""
        due = self._due(now)
        if self._captured + out.size > due:
            return False
        if due - self._captured > MAX_LAG_S * self._rate:
            self.skips += 1
            self._captured = due - out.size
        self._captured += out.size
        if self.source_ended:
            out.fill(0.0)
        elif (got := self._source.read(out)) < out.size:
            self.source_ended = True
            out[got:] = 0.0
        return True

    def playback_wanted(self, *, now: float) -> int:
        """See `AudioDevice.playback_wanted`."""
        due = self._due(now)
        if due - self._played > MAX_LAG_S * self._rate:
            self._played = due
        return due - self._played

    def play(self, block: Samples) -> None:
        """See `AudioDevice.play`."""
        self._played += block.size

    def change_interval(self, before: int, after: int) -> None:
        """See `AudioDevice.change_interval`: what is due goes by the time alone."""

    def skip_to(self, now: float) -> None:
        """See `AudioDevice.skip_to`; a source that was not read yet begins then."""
        self._captured = self._due(now)

    def _due(self, now: float) -> int:
        # Half a sample of grace: a tick that comes on the dot must find its block complete.
        return int((now - self._start) * self._rate + 0.5)


class EchoDevice(PacedDevice):
    """Sends back what it plays."""

    def __init__(self, sample_rate_hz: int, *, now: float) -> None:
        super().__init__(self, sample_rate_hz, now=now)
        self._buffer: Samples = np.zeros(sample_rate_hz, dtype=np.float32)
        self._filled = 0

    def play(self, block: Samples) -> None:
        """See `AudioDevice.play`."""
        super().play(block)
        count = min(block.size, self._buffer.size - self._filled)
        self._buffer[self._filled : self._filled + count] = block[:count]
        self._filled += count

    def skip_to(self, now: float) -> None:
        """See `AudioDevice.skip_to`: what was played until then is not sent back."""
        super().skip_to(now)
        self._filled = 0

    def read(self, out: Samples) -> int:
        """See `AudioSource.read`: never ends; silence where nothing was played."""
        count = min(out.size, self._filled)
        out[:count] = self._buffer[:count]
        out[count:] = 0.0
        self._filled -= count
        self._buffer[: self._filled] = self._buffer[count : count + self._filled]
        return out.size
