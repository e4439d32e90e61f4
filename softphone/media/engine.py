"""Moves audio between a device and the two paths, once per packet interval."""

import numpy as np

from dsp.types import Samples
from softphone.media.device import AudioDevice
from softphone.media.paths import Outgoing, ReceivePath, TransmitPath


class MediaEngine:
    """One call's audio.

    `tick` is called once per packet interval: each wake-up of a process that slept costs more than a codec's frame.
    """

    def __init__(self, transmit: TransmitPath, receive: ReceivePath, device: AudioDevice) -> None:
        self._transmit = transmit
        self._receive = receive
        self._device = device
        self._captured: Samples = np.zeros(transmit.packet_samples, dtype=np.float32)
        self._played: Samples = np.zeros(transmit.packet_samples, dtype=np.float32)

    def use(self, ready: Outgoing) -> None:
        """Send with what is *ready* from the next tick on, and move blocks of its packet interval."""
        self._transmit.use(ready, after=self._captured)
        size = self._transmit.packet_samples
        if size != self._captured.size:
            self._captured = np.zeros(size, dtype=np.float32)
            self._played = np.zeros(size, dtype=np.float32)

    def tick(self, *, now: float) -> None:
        """Send every whole packet that was captured, then play what the loudspeaker wants.

        Sending comes first: it is what the peer waits for, and an echo then takes the time it takes through the air, since a
        block handed to a loudspeaker now can have been captured only by the next tick.
        """
        device, captured, played = self._device, self._captured, self._played
        while device.capture(captured, now=now):
            self._transmit.send(captured, now=now)
        # Whole blocks only: a tick that is a little late would else reach for the next packet a whole interval early.
        while device.playback_wanted(now=now) >= played.size:
            self._receive.play(played, now=now)
            device.play(played)
