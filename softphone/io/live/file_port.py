"""A port between two sound files: read in real time, filtered, written."""

import time
from collections.abc import Callable, Iterator
from os import PathLike

import numpy as np

from dsp.types import Block
from softphone.io.live.pace import Pace
from softphone.io.live.port import PortStatus
from softphone.io.sound_file import SoundReader, SoundWriter
from softphone.io.sound_format import SoundFormat
from softphone.io.target import check_apart, check_target

MOST_FLUSHED_S = 30.0
"""A filter that gives nothing for so long has nothing left to give."""
_FLUSH_SAMPLES = 4096


class FilePort:
    """See `softphone.io.live.port.Port`.

    The delay that the chain begins with is cut off and its tail is kept, so that a run in which nothing is changed gives
    the samples that the same filter gives a file at once. A change that changes the delay shifts what follows, as it is
    heard. What was written when it is stopped becomes a whole file, tail included; after a fault nothing is left.

    Args:
        source: sound file to read.
        target: sound file to write; it has its name when it is whole.
        block_ms: length of a block.
        force: replace *target*.
        clock: monotonic seconds.
        wait: see `Pace`.

    Raises:
        UsageError: a file that cannot be read, or a target that exists or is the source.
        EnvironmentProblem: a package is missing.
    """

    is_awaited = False

    def __init__(
        self,
        source: str | PathLike[str],
        target: str | PathLike[str],
        *,
        block_ms: float = 10.0,
        force: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        check_apart(source, target)
        check_target(target, force=force)
        self._reader = SoundReader(source)
        self._target = target
        self._force = force
        self._writer: SoundWriter | None = None
        self.name = f"{source} -> {target}"
        self.sample_rate_hz = self._reader.sample_rate_hz
        self.channels_in = self._reader.channels
        self.channels_out = self.channels_in
        self.block_samples = max(1, round(self.sample_rate_hz * block_ms / 1000))
        self._pace = Pace(self.block_samples / self.sample_rate_hz, clock=clock, wait=wait)
        self._blocks = self._reader.blocks(self.block_samples)
        self._late = 0
        """Samples still to be cut off."""
        self._wanted: int | None = None
        """Samples still to be written, once the end has come."""
        self._broken = False
        self.frames_written = 0
        """Samples of each channel in the file, once it is closed; 0: there is none, for there was no sound yet."""

    def open(self, channels_out: int, *, delay_samples: int = 0) -> None:
        """See `Port.open`."""
        self.channels_out = channels_out
        self._late = delay_samples
        frames = self._reader.frames + delay_samples
        format = SoundFormat.of(self._target, self._reader, channels=channels_out, frames=frames)
        self._writer = SoundWriter(
            self._target,
            format,
            sample_rate_hz=self.sample_rate_hz,
            channels=channels_out,
            force=self._force,
        )
        self._writer.tag(self._reader.tags())

    def read(self) -> Block | None:
        """See `Port.read`; the block is valid until the next."""
        block = next(self._blocks, None)
        if block is None or not self._pace.next():
            return None
        return block

    def write(self, block: Block) -> None:
        """See `Port.write`."""
        assert self._writer is not None
        skipped = min(self._late, block.shape[1])
        self._late -= skipped
        block = block[:, skipped : None if self._wanted is None else skipped + self._wanted]
        if self._wanted is not None:
            self._wanted -= block.shape[1]
        else:
            self._pace.done()
        try:
            self._writer.write(block)
        except BaseException:
            self._broken = True
            raise

    def flush(self, output_samples: int) -> Iterator[Block]:
        """See `Port.flush`: at once, in no real time."""
        assert self._writer is not None
        self._wanted = output_samples - self._writer.frames
        patience = round(MOST_FLUSHED_S * self.sample_rate_hz) + self._late + self._wanted
        while self._wanted > 0 and patience > 0:
            count = min(_FLUSH_SAMPLES, self._late + self._wanted)
            patience -= count
            yield np.zeros((self.channels_in, count), dtype=np.float32)

    def close(self) -> None:
        """See `Port.close`."""
        self._reader.close()
        writer, self._writer = self._writer, None
        if writer is None:
            return
        self.frames_written = writer.frames
        try:
            if writer.frames and not self._broken:
                writer.commit()
        finally:
            writer.discard()

    def stop(self) -> None:
        """See `Port.stop`."""
        self._pace.stop()

    def status(self) -> PortStatus:
        """See `Port.status`: what comes late is written all the same, so no sound is lost."""
        latency_s = self._pace.latency_s
        return PortStatus(
            latency_ms=None if latency_s is None else 1000 * latency_s,
            total_s=self._reader.seconds,
        )
