"""Where a live filter's blocks come from and go to: a sound device, a file, or nothing but a clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from dsp.types import Block


@dataclass(frozen=True, slots=True)
class PortStatus:
    """How a port does; reading changes nothing."""

    connected: bool = True
    """Whether the device is there."""
    reconnects: int = 0
    """Times that it came back."""
    latency_ms: float | None = None
    """From a sample's way in to its way out, the chain's own delay left out; None before there was one."""
    xruns_system: int = 0
    """Times that the system lost samples, or had none to play, without us being late."""
    xruns_ours: int = 0
    """Blocks that we did not have ready in time."""
    total_s: float | None = None
    """Length of what there is to read; None: it does not end."""


class Port(Protocol):
    """Blocks in, blocks out, at the pace of a clock. All but `stop` and `status` belongs to the thread that runs the chain."""

    @property
    def name(self) -> str:
        """What it is, for people."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the blocks, both ways."""

    @property
    def channels_in(self) -> int:
        """Channels of what `read` gives."""

    @property
    def channels_out(self) -> int:
        """Channels of what `write` takes; known from `open` on."""

    @property
    def block_samples(self) -> int:
        """Samples of each channel in a block, as a rule."""

    @property
    def is_awaited(self) -> bool:
        """Whether a device waits for what is written, and plays silence where it comes late."""

    def open(self, channels_out: int, *, delay_samples: int = 0) -> None:
        """Begin.

        Args:
            channels_out: channels of the blocks that are going to be written.
            delay_samples: delay of the chain as it begins; a file is written without it.

        Raises:
            SoftphoneError: it cannot be: no such device, a device in use, a file that cannot be written.
        """

    def read(self) -> Block | None:
        """Wait for the next block, ``(channels_in, n)``, which is the caller's to change; None: it is over."""

    def write(self, block: Block) -> None:
        """Take what became of the newest block, ``(channels_out, n)``, which stays as it is.

        Raises:
            SoftphoneError: a file cannot be written further.
        """

    def flush(self, output_samples: int) -> Iterator[Block]:
        """Blocks of silence that push out what the chain holds; none where the end is not kept.

        Args:
            output_samples: length of all that the chain gives for what was read, its tail included.
        """

    def close(self) -> None:
        """End: give back the device, or give the file its name.

        Raises:
            SoftphoneError: the file is not whole.
        """

    def stop(self) -> None:
        """Let `read` return None from now on; from any thread."""

    def status(self) -> PortStatus:
        """How it does; from any thread."""
