"""A port of sound devices: microphone in, loudspeaker out, through PortAudio; a device that is unplugged may come back."""

import atexit
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from dsp.types import Block
from softphone.errors import SoftphoneError
from softphone.io.audio.portaudio import load_sounddevice
from softphone.io.audio.tone import ToneSource
from softphone.io.live.device_link import DeviceLink, Wanted
from softphone.io.live.device_names import choose_device, find_again, look_again
from softphone.io.live.null_port import is_null, tone_of
from softphone.io.live.port import PortStatus
from softphone.io.live.wake import Wake

LOST_S = 1.0
"""A device that has not called for so long is gone."""
RETRY_S = 1.0
CLOSE_S = 2.0
"""How long PortAudio is waited for at the end."""


class Beside(Protocol):
    """What runs beside: a thread."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, at most so long."""

    def is_alive(self) -> bool:
        """Whether it runs."""


def _in_a_thread(function: Callable[[], None]) -> Beside:
    thread = threading.Thread(target=function, name="sound device", daemon=True)
    thread.start()
    return thread


class DevicePort:
    """See `softphone.io.live.port.Port`.

    Captures in mono and runs at the chain's rate; a device that lacks the rate runs at its own, changed outside the callback.

    Args:
        in_device: name or number; None or ``default``: the system's; ``null`` or ``null:tone=HZ``: none.
        out_device: the same; of the two one at most is null.
        sample_rate_hz: rate of the chain.
        block_ms: length of a block, and so the delay that is ours.
        wake: what the callback posts.
        spawn: runs a function beside this thread.
        pause: waits so many seconds, or until `stop`; whether it was stopped.

    Raises:
        UsageError: no such device.
        EnvironmentProblem: no PortAudio, or no device at all.
    """

    channels_in = 1
    is_awaited = True

    def __init__(
        self,
        in_device: str | None,
        out_device: str | None,
        sample_rate_hz: int,
        *,
        block_ms: float = 10.0,
        wake: Wake | None = None,
        spawn: Callable[[Callable[[], None]], "Beside"] | None = None,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self._sounddevice = load_sounddevice()
        self._tone: ToneSource | None = None
        self._source: tuple[int, str] | None = None
        self._sink: tuple[int, str] | None = None
        if in_device is not None and is_null(in_device):
            self._tone = tone_of(in_device, sample_rate_hz)
        else:
            self._source = choose_device(in_device, "input")
        if not is_null(out_device):
            self._sink = choose_device(out_device, "output")
        names = (
            in_device or "" if self._source is None else self._source[1],
            "null" if self._sink is None else self._sink[1],
        )
        self.name = names[0] if names[0] == names[1] else " -> ".join(names)
        self.sample_rate_hz = sample_rate_hz
        self.block_samples = max(1, round(sample_rate_hz * block_ms / 1000))
        self.channels_out = 1
        self._block_ms = block_ms
        self._wake = Wake() if wake is None else wake
        self._link: DeviceLink | None = None
        self._stopped = threading.Event()
        self._handing_over = threading.Lock()
        self._spawn = _in_a_thread if spawn is None else spawn
        self._pause = self._stopped.wait if pause is None else pause
        self._beside: Beside | None = None
        """What closes or looks for a device."""
        self._reconnects = 0
        self._xruns_before = (0, 0)
        """Those of streams that have ended."""
        self.device_rate_hz = sample_rate_hz
        """The rate that the device runs at."""

    def open(self, channels_out: int, *, delay_samples: int = 0) -> None:
        """See `Port.open`."""
        self.channels_out = channels_out
        self._link = self._linked(
            (
                None if self._source is None else self._source[0],
                None if self._sink is None else self._sink[0],
            )
        )

    def _linked(self, device: tuple[int | None, int | None]) -> DeviceLink:
        wanted = Wanted(device, self.name, self.sample_rate_hz, self._block_ms, self.channels_out)
        link = DeviceLink(self._sounddevice, wanted, self._wake)
        self.device_rate_hz = link.sample_rate_hz
        return link

    def read(self) -> Block | None:
        """See `Port.read`; the block is valid until the next."""
        while not self._stopped.is_set():
            link = self._link
            if link is not None and (block := link.take()) is not None:
                if self._tone is not None:
                    self._tone.read(block[0])
                return block
            if (not self._wake.wait(LOST_S) or (link is not None and link.ended)) and link is not None:
                self._lose(link)
        return None

    def _lose(self, link: DeviceLink) -> None:
        """Give *link* up, and have the device looked for, beside this thread: PortAudio may take its time."""
        self._drop(link)
        self._beside = self._spawn(lambda: self._come_back(link))

    def _drop(self, link: DeviceLink) -> None:
        self._link = None
        system, ours = self._xruns_before
        self._xruns_before = (
            system + link.input_overflows + link.output_underflows,
            ours + link.rings.misses,
        )

    def _come_back(self, link: DeviceLink) -> None:
        """Close *link*, then try about once a second, until it is there or nobody wants it any more."""
        link.close()
        while not self._pause(RETRY_S):
            found = self._found_again()
            if found is None:
                continue
            with self._handing_over:
                if not self._stopped.is_set():
                    self._link = found
                    self._reconnects += 1
                    self._wake.post()
                    return
            found.close()
            return

    def _found_again(self) -> DeviceLink | None:
        """A stream on the devices of the same names; None: they are not there yet, or cannot be opened."""
        try:
            look_again()
            source = None if self._source is None else find_again(self._source[1], "input")
            sink = None if self._sink is None else find_again(self._sink[1], "output")
            if (source is None) == (self._source is None) and (sink is None) == (self._sink is None):
                return self._linked((source, sink))
        except (SoftphoneError, self._sounddevice.PortAudioError):
            return None
        return None

    def write(self, block: Block) -> None:
        """See `Port.write`."""
        if self._link is not None:
            self._link.give(block)

    def flush(self, output_samples: int) -> Iterator[Block]:
        """See `Port.flush`: the device is given back at once."""
        return iter(())

    def close(self) -> None:
        """See `Port.close`."""
        with self._handing_over:
            self._stopped.set()
            link = self._link
        if link is not None:
            self._drop(link)
            self._beside = self._spawn(link.close)
        if self._beside is not None:
            self._beside.join(CLOSE_S)
            if self._beside.is_alive():
                # The package would wait for the same again when the program ends; the system takes back what is open.
                atexit.unregister(self._sounddevice._exit_handler)

    def stop(self) -> None:
        """See `Port.stop`."""
        self._stopped.set()
        self._wake.post()

    def status(self) -> PortStatus:
        """See `Port.status`."""
        link = self._link
        system, ours = self._xruns_before
        return PortStatus(
            connected=link is not None,
            reconnects=self._reconnects,
            latency_ms=None if link is None else 1000 * link.latency_s,
            xruns_system=system + (0 if link is None else link.input_overflows + link.output_underflows),
            xruns_ours=ours + (0 if link is None else link.rings.misses),
        )
