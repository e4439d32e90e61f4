"""A port that gives the sound of a file as a microphone would: in real time, and nowhere to play to."""

import time
from collections.abc import Callable, Iterator

from dsp.types import Block
from softphone.io.live.pace import Pace
from softphone.io.live.port import PortStatus
from softphone.io.sound_file import SoundReader
from softphone.io.speech import speech_path


class SourcePort:
    """See `softphone.io.live.port.Port`.

    Args:
        source: sound file, or ``builtin:NAME``; its rate and channels are the port's.
        block_ms: length of a block.
        clock: monotonic seconds.
        wait: see `Pace`.

    Raises:
        UsageError: a file that cannot be read.
        EnvironmentProblem: a package is missing.
    """

    is_awaited = False

    def __init__(
        self,
        source: str,
        *,
        block_ms: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._reader = SoundReader(speech_path(source))
        self.name = source if source.startswith("builtin:") else self._reader.path.name
        self.sample_rate_hz = self._reader.sample_rate_hz
        self.channels_in = self._reader.channels
        self.channels_out = self.channels_in
        self.block_samples = max(1, round(self.sample_rate_hz * block_ms / 1000))
        self._pace = Pace(self.block_samples / self.sample_rate_hz, clock=clock, wait=wait)
        self._blocks = self._reader.blocks(self.block_samples)

    def open(self, channels_out: int, *, delay_samples: int = 0) -> None:
        """See `Port.open`."""
        self.channels_out = channels_out

    def read(self) -> Block | None:
        """See `Port.read`; the block is valid until the next."""
        block = next(self._blocks, None)
        if block is None or not self._pace.next():
            return None
        return block

    def write(self, block: Block) -> None:
        """See `Port.write`: nobody hears it."""
        self._pace.done()

    def flush(self, output_samples: int) -> Iterator[Block]:
        """See `Port.flush`: nobody hears the end."""
        return iter(())

    def close(self) -> None:
        """See `Port.close`."""
        self._reader.close()

    def stop(self) -> None:
        """See `Port.stop`."""
        self._pace.stop()

    def status(self) -> PortStatus:
        """See `Port.status`: what comes late comes all the same, so no sound is lost."""
        return PortStatus(total_s=self._reader.seconds)
