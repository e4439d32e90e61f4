"""Sound files as tracks for the scorer: one a channel, at the rate wanted; long ones lie in a temporary file, not in memory."""

import tempfile
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from dsp.track import ArrayTrack, Track
from dsp.types import Block, Samples
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.sound_file import SoundReader

MIN_RATE_HZ = 8000
"""A telephone's band needs this rate; a file with less cannot hold it."""
WORKING_RATE_HZ = 16_000
"""Pairs are compared at the lower of their rates, and at this one at most."""
OWN_RATE_HZ = 48_000
"""What is looked at in a file by itself (clipping, its band) is looked at at its own rate, up to this one."""
SPOOL_S = 300.0
"""Longer tracks lie in a temporary file."""
_BLOCK = 1 << 14
_UNFINISHED = (0, 0xFFFF_FFFF)
"""Sizes that writers to a pipe leave in the header of a WAV."""

Progress = Callable[[float], None]


class SpooledTrack:
    """A track whose samples lie in an open file, as float32 from its beginning.

    Args:
        file: read at any place; whoever opened it closes it.
        size: samples in it.
        sample_rate_hz: their rate.
    """

    def __init__(self, file: IO[bytes], size: int, sample_rate_hz: int) -> None:
        self._file, self.size, self.sample_rate_hz = file, size, sample_rate_hz

    def read(self, start: int, stop: int) -> Samples:
        """Samples ``[start, stop)``; zeros before the beginning and behind the end."""
        piece: Samples = np.zeros(max(0, stop - start), dtype=np.float32)
        low, high = max(0, start), min(self.size, stop)
        if low < high:
            self._file.seek(4 * low)
            piece[low - start : high - start] = np.frombuffer(self._file.read(4 * (high - low)), np.float32)
        return piece


class MixedTrack:
    """The mean of several tracks of one rate and length."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self._tracks = tuple(tracks)
        self.sample_rate_hz, self.size = tracks[0].sample_rate_hz, tracks[0].size

    def read(self, start: int, stop: int) -> Samples:
        """Samples ``[start, stop)``; zeros before the beginning and behind the end."""
        mixed: Samples = np.mean(
            [track.read(start, stop) for track in self._tracks], axis=0, dtype=np.float32
        )
        return mixed


def mixed(tracks: Sequence[Track]) -> Track:
    """One track of all of them."""
    return tracks[0] if all(track is tracks[0] for track in tracks) else MixedTrack(tracks)


class TrackFile:
    """A sound file that is to be scored, or to score against.

    Args:
        path: what is read.

    Raises:
        UsageError: no sound file, no sample in it, or less than `MIN_RATE_HZ`.
        EnvironmentProblem: soundfile is not installed.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self.warnings: list[str] = []
        """What is wrong with the file and does not keep it from being read."""
        self._spools: list[IO[bytes]] = []
        self._reader = SoundReader(path)
        self.sample_rate_hz = self._reader.sample_rate_hz
        self.channels = self._reader.channels
        if self.sample_rate_hz < MIN_RATE_HZ:
            self._reader.close()
            raise UsageError(
                f"{self.path} has {self.sample_rate_hz} samples a second: wanted {MIN_RATE_HZ} or more, "
                "which the band of a telephone needs"
            )
        cut = cut_warning(self.path)
        if cut is not None:
            self.warnings.append(cut)

    def read(
        self, *rates_hz: int, progress: Progress | None = None, limit_s: float | None = None
    ) -> tuple[tuple[Track, ...], ...]:
        """All of the file: for each of *rates_hz* a track for each channel; equal channels are one and the same track.

        Args:
            rates_hz: at or below the file's own.
            progress: told the share that is read.
            limit_s: read no more than this.

        Raises:
            UsageError: nothing can be read, or a sample is no number.
            EnvironmentProblem: no room for a temporary file.
        """
        own = self.sample_rate_hz
        sinks = {rate: [_Sink(rate, own, self._spools) for _ in range(self.channels)] for rate in rates_hz}
        equal, at = self.channels > 1, 0
        last = None if limit_s is None else round(limit_s * own)
        blocks = self._reader.blocks(_BLOCK)
        while at != last:
            try:
                block = next(blocks, None)
            except UsageError as error:
                if at == 0:
                    raise
                self.warnings.append(f"{error}; what comes before was taken")
                break
            if block is None:
                break
            if last is not None:
                block = block[:, : last - at]
            check_finite(block, self.path, at, self.sample_rate_hz)
            at += block.shape[1]
            equal = equal and bool((block[1:] == block[0]).all())
            for each in sinks.values():
                for sink, channel in zip(each, block, strict=True):
                    sink.add(channel)
            if progress is not None:
                progress(min(1.0, at / max(1, self._reader.frames)))
        if at == 0:
            raise UsageError(f"{self.path} holds no audio that can be read: wanted a whole sound file")
        if last is None and at < self._reader.frames and not self.warnings:
            self.warnings.append(
                f"{self.path} is cut off: its header promises {self._reader.frames / own:.2f} s, {at / own:.2f} s are there"
            )
        found = []
        for each in sinks.values():
            tracks = [sink.finish() for sink in each]
            found.append(tuple(tracks[:1] * self.channels) if equal else tuple(tracks))
        return tuple(found)

    def close(self) -> None:
        """Close the file, and delete what was laid aside of it."""
        self._reader.close()
        for spool in self._spools:
            spool.close()
        self._spools.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check_finite(block: Block, path: Path, at: int, sample_rate_hz: int) -> None:
    """Raise UsageError, which says where, if *block*, sample *at* of *path* and on, holds what is no number."""
    if np.isfinite(block).all():
        return
    index = int(np.argmin(np.isfinite(block).all(axis=0)))
    channel = int(np.argmin(np.isfinite(block[:, index])))
    raise UsageError(
        f"{path} holds {block[channel, index]} at {(at + index) / sample_rate_hz:.3f} s"
        f"{f', channel {channel + 1}' if block.shape[0] > 1 else ''}: wanted numbers, write the file again"
    )


def cut_warning(path: Path) -> str | None:
    """That *path* is cut off, where its first bytes say so (RIFF: Multimedia Programming Interface 1.0, RIFF chunk)."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    promised, there = int.from_bytes(head[4:8], "little") + 8, path.stat().st_size
    if promised - 8 in _UNFINISHED or promised <= there + 1:  # a last byte of padding may be left out
        return None
    return f"{path} is cut off: its header promises {promised} bytes, {there} are there; these were taken"


class _Sink:
    """One channel on its way to one rate: in memory, beyond `SPOOL_S` in a file of *spools*."""

    def __init__(self, rate_hz: int, own_hz: int, spools: list[IO[bytes]]) -> None:
        self._rate_hz = rate_hz
        self._stream: Any = None
        if rate_hz != own_hz:
            import soxr

            self._stream = soxr.ResampleStream(own_hz, rate_hz, 1, dtype="float32")
        self._spools = spools
        self._spool: IO[bytes] | None = None
        self._pieces: list[Samples] = []
        self._size = 0

    def add(self, samples: Samples) -> None:
        self._keep(samples.copy() if self._stream is None else self._stream.resample_chunk(samples))

    def finish(self) -> Track:
        if self._stream is not None:
            self._keep(self._stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True))
        if self._spool is not None:
            return SpooledTrack(self._spool, self._size, self._rate_hz)
        whole = np.concatenate(self._pieces) if self._pieces else np.zeros(0, dtype=np.float32)
        return ArrayTrack(np.ascontiguousarray(whole, dtype=np.float32), self._rate_hz)

    def _keep(self, samples: Samples) -> None:
        self._size += samples.size
        try:
            if self._spool is None and self._size <= SPOOL_S * self._rate_hz:
                self._pieces.append(samples)
                return
            if self._spool is None:
                self._spool = tempfile.TemporaryFile(prefix="softphone-")  # noqa: SIM115 - closed by TrackFile
                self._spools.append(self._spool)
                for piece in self._pieces:
                    self._spool.write(piece.tobytes())
                self._pieces.clear()
            self._spool.write(samples.tobytes())
        except OSError as error:
            raise EnvironmentProblem(
                f"a long recording needs room in {tempfile.gettempdir()} ({error.strerror}): make some"
            ) from None
