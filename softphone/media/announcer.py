"""A device whose captured sound gives way to something else: an announcement, or what is sent before a call is answered."""

from dsp.types import Samples
from softphone.media.device import AudioDevice, AudioSource, PacedDevice


class Announcer:
    """*device*, and what is sent in place of what it captures.

    Args:
        device: plays what is heard all the time; it is captured from `begin` on.
        sample_rate_hz: of all that is played here.
        before: what is sent until `begin`.
        now: when it starts to run.
    """

    def __init__(
        self, device: AudioDevice, sample_rate_hz: int, *, before: AudioSource | None = None, now: float
    ) -> None:
        self.source_ended = False
        self._device = device
        self._before = None if before is None else PacedDevice(before, sample_rate_hz, now=now)
        self._announcement: AudioSource | None = None

    @property
    def is_announcing(self) -> bool:
        """Whether an announcement has not come to its end."""
        return self._announcement is not None

    def begin(self, now: float) -> None:
        """Capture *device* from now on."""
        if self._before is not None:
            self._before = None
            self._device.skip_to(now)

    def announce(self, source: AudioSource) -> None:
        """Send *source* to its end, in place of what is captured; one that is under way ends."""
        self._announcement = source

    def capture(self, out: Samples, *, now: float) -> bool:
        """See `AudioDevice.capture`."""
        if self._before is not None:
            return self._before.capture(out, now=now)
        if not self._device.capture(out, now=now):
            return False
        if self._announcement is not None and self._announcement.read(out) < out.size:
            self._announcement = None  # what it left of this block is the device's
        self.source_ended = self._device.source_ended and self._announcement is None
        return True

    def playback_wanted(self, *, now: float) -> int:
        """See `AudioDevice.playback_wanted`."""
        return self._device.playback_wanted(now=now)

    def play(self, block: Samples) -> None:
        """See `AudioDevice.play`."""
        self._device.play(block)

    def change_interval(self, before: int, after: int) -> None:
        """See `AudioDevice.change_interval`."""
        self._device.change_interval(before, after)

    def skip_to(self, now: float) -> None:
        """See `AudioDevice.skip_to`."""
        self._device.skip_to(now)
