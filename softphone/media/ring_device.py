"""A sound card behind two rings, as the engine sees it."""

from typing import Protocol

import numpy as np

from dsp.types import Samples


class Ring(Protocol):
    """What of `dsp.ring.SampleRing` is used; a ring may change the sample rate."""

    def __len__(self) -> int:
        """Samples waiting."""

    def read(self, out: Samples) -> int:
        """Fill *out*, zeros where nothing waits; the number of real samples."""

    def write(self, block: Samples) -> int:
        """Append what fits; the number of samples taken."""


class RingDevice:
    """Reads what the card's callback captured, keeps its playback ring filled.

    Args:
        capture: ring the callback writes.
        playback: ring the callback reads.
        target_samples: filling of the playback ring after a tick; it is topped up in whole packets, so it must
            cover a packet beyond the time to the next tick and its worst lateness.
    """

    def __init__(self, capture: Ring, playback: Ring, *, target_samples: int) -> None:
        self.source_ended = False
        """A microphone does not end."""
        self._capture = capture
        self._playback = playback
        self._target = target_samples

    def capture(self, out: Samples, *, now: float) -> bool:
        """See `softphone.media.device.AudioDevice.capture`."""
        if len(self._capture) < out.size:
            return False
        self._capture.read(out)
        return True

    def playback_wanted(self, *, now: float) -> int:
        """See `softphone.media.device.AudioDevice.playback_wanted`."""
        return max(0, self._target - len(self._playback))

    def play(self, block: Samples) -> None:
        """See `softphone.media.device.AudioDevice.play`."""
        self._playback.write(block)

    def change_interval(self, before: int, after: int) -> None:
        """See `softphone.media.device.AudioDevice.change_interval`."""
        self._target += 2 * (after - before)

    def skip_to(self, now: float) -> None:
        """See `softphone.media.device.AudioDevice.skip_to`: what waits was captured before."""
        if waiting := len(self._capture):
            self._capture.read(np.empty(waiting, dtype=np.float32))
