"""Sound files read and written block by block, whatever their length, rate, channels and container (libsndfile).

Whole numbers are scaled by a power of two both ways (full scale 1.0 is 32768 in 16 bits) and rounded to the nearest,
without dither: samples that no filter touched are written as they were read, and silence stays silence. What is louder
than full scale is clipped and counted; floating-point files hold it as it is.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dsp.types import Block
from softphone.errors import UsageError
from softphone.io.sound_format import GRIDS, UNLIMITED, Grid, SoundFormat, load_soundfile
from softphone.io.target import Target, not_writable

EXPECTED = "a WAV, FLAC, Ogg or another sound file"
SAMPLE_RATES_HZ = (1000, 768_000)
"""Least and greatest sample rate of a file that is taken for sound."""
MAX_CHANNELS = 64
_PROBE_BYTES = 65_536


class SoundReader:
    """A sound file, read from its start.

    Args:
        path: what is read.

    Raises:
        UsageError: no such file, not a sound file, or one without a sample.
        EnvironmentProblem: soundfile is not installed.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        _check_readable(self.path)
        self._faults: Any = load_soundfile().SoundFileError
        self._file = self._open()
        self._begun = False
        self.sample_rate_hz: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames
        """Samples of each channel, as its header says."""
        self.format: str = self._file.format
        self.subtype: str = self._file.subtype
        try:
            self._check()
        except UsageError:
            self._file.close()
            raise

    def _open(self) -> Any:
        # As bytes where the system has names of bytes: soundfile takes no str that is not UTF-8.
        name = str(self.path) if os.name == "nt" else os.fsencode(self.path)
        try:
            return load_soundfile().SoundFile(name)
        except (self._faults, TypeError):  # TypeError: a name that ends in .raw
            raise UsageError(f"{self.path} is no sound file: wanted {EXPECTED}") from None

    def _check(self) -> None:
        if self.frames <= 0:
            raise UsageError(f"{self.path} holds no audio: wanted {EXPECTED} with at least one sample")
        low, high = SAMPLE_RATES_HZ
        if not low <= self.sample_rate_hz <= high:
            raise UsageError(
                f"{self.path} claims {self.sample_rate_hz} samples a second: wanted {EXPECTED} at {low} to {high} Hz"
            )
        if self.channels > MAX_CHANNELS:
            raise UsageError(
                f"{self.path} has {self.channels} channels: wanted {EXPECTED} of {MAX_CHANNELS} at most"
            )

    @property
    def seconds(self) -> float:
        """Length, as its header says."""
        return self.frames / self.sample_rate_hz

    def blocks(self, size: int) -> Iterator[Block]:
        """All of the file from its start, *size* samples at a time; each block is valid until the next.

        Raises:
            UsageError: it cannot be read further.
        """
        if self._begun:  # not all kinds can seek, and Opus is elsewhere after it
            self._file.close()
            self._file = self._open()
        self._begun = True
        at = 0
        interleaved = np.empty((size, self.channels), dtype=np.float32)
        flat = np.empty(size * self.channels, dtype=np.float32)
        while True:
            try:
                read = self._file.read(size, dtype="float32", always_2d=True, out=interleaved)
            except self._faults as error:
                at_s = at / self.sample_rate_hz
                raise UsageError(f"{self.path} cannot be read further than {at_s:.1f} s: {error}") from None
            count = len(read)
            if count == 0:
                return
            at += count
            block = flat[: count * self.channels].reshape(self.channels, count)
            np.copyto(block, read.T)
            yield block

    def seek(self, at: int) -> None:
        """Let `next` go on at sample *at*.

        Raises:
            UsageError: the file ends before it, or is of a kind in which there is no such thing.
        """
        self._begun = True
        try:
            self._file.seek(at)
        except self._faults as error:
            at_s = at / self.sample_rate_hz
            raise UsageError(f"{self.path} cannot be read at {at_s:.1f} s: {error}") from None

    def next(self, size: int) -> NDArray[np.float32]:
        """The next samples, ``(n, channels)``, *size* of them or what is left.

        Raises:
            UsageError: it cannot be read further.
        """
        self._begun = True
        try:
            found: NDArray[np.float32] = self._file.read(size, dtype="float32", always_2d=True)
        except self._faults as error:
            raise UsageError(f"{self.path} cannot be read further: {error}") from None
        return found

    def tags(self) -> dict[str, str]:
        """Title, artist and whatever else the file says of itself, by the names that soundfile gives them."""
        found: dict[str, str] = self._file.copy_metadata()
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SoundWriter:
    """Writes a sound file under another name beside *path*, which becomes *path* with `commit` and goes without it.

    Args:
        path: what it is to be called in the end.
        format: container and kind of sample.
        sample_rate_hz: its rate.
        channels: its channels.
        force: whether a file of that name may be replaced.

    Raises:
        UsageError: *path* exists, or is no name for a file; or the container takes no such rate or channels.
        EnvironmentProblem: it cannot be written.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        format: SoundFormat,
        *,
        sample_rate_hz: int,
        channels: int,
        force: bool = False,
    ) -> None:
        self.path = Path(path)
        self.frames = 0
        """Samples of each channel written."""
        self.peak = 0.0
        """Greatest sample written, before clipping."""
        self.clipped = 0
        """Samples that were louder than full scale and were clipped."""
        self._format = format
        self._grid = GRIDS.get(format.subtype)
        self._target = Target(path, force=force)
        soundfile = load_soundfile()
        self._faults: Any = soundfile.SoundFileError
        self._no_tag = (self._faults, AttributeError, RuntimeError)
        self._temporary = self._target.temporary
        self._file: Any = None
        try:
            os.close(os.open(self._temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            self._file = soundfile.SoundFile(
                str(self._temporary),
                "w",
                sample_rate_hz,
                channels,
                format.subtype,
                format=format.container,
            )
        except OSError as error:
            raise not_writable(self.path, error.strerror) from None
        except self._faults as error:
            reason = self._why()
            self.discard()
            if reason is not None:
                raise not_writable(self.path, reason) from None
            raise UsageError(
                f"{path}: {format.container} with {format.subtype} samples takes no {channels} channels at "
                f"{sample_rate_hz} Hz ({error}): use .wav or .flac"
            ) from None
        except BaseException:
            self.discard()
            raise

    def tag(self, tags: Mapping[str, str]) -> None:
        """Say of the file, before anything is written, what `SoundReader.tags` gave; a container without tags has none."""
        for name, text in tags.items():
            with suppress(*self._no_tag):
                setattr(self._file, name, text)

    def write(self, block: Block) -> None:
        """Append *block*, ``(channels, n)``, which stays as it is.

        Raises:
            EnvironmentProblem: the disk is full, or gone.
        """
        if block.size == 0:
            return
        peak = float(max(block.max(), -block.min()))
        self.peak = max(self.peak, peak)
        samples: NDArray[Any]
        if self._format.subtype in UNLIMITED:
            samples = np.ascontiguousarray(block.T)
        elif self._grid is None:
            samples = np.ascontiguousarray(block.T if peak <= 1.0 else np.clip(block, -1.0, 1.0).T)
            self.clipped += int(np.count_nonzero(np.abs(block) > 1.0)) if peak > 1.0 else 0
        else:
            samples = self._on_grid(block, self._grid, peak)
        try:
            self._file.write(samples)
        except self._faults as error:
            raise not_writable(self.path, self._why() or str(error)) from None
        self.frames += block.shape[1]

    def _on_grid(self, block: Block, grid: Grid, peak: float) -> NDArray[np.signedinteger[Any]]:
        full = 2.0 ** (grid.bits - 1)
        scaled: NDArray[np.floating[Any]] = np.multiply(
            block, full, dtype=np.float32 if grid.bits <= 24 else np.float64
        )
        np.rint(scaled, out=scaled)
        if peak * full >= full - 0.5:
            # +1.0 itself has no whole number: one step less is not called clipping.
            self.clipped += int(np.count_nonzero(np.abs(scaled) > full))
            np.clip(scaled, -full, full - 1.0, out=scaled)
        whole = scaled.astype(grid.dtype)
        if grid.shift:
            np.left_shift(whole, grid.shift, out=whole)
        # One channel after the other: four times as fast as casting the transposed array.
        samples: NDArray[np.signedinteger[Any]] = np.empty(whole.shape[::-1], dtype=grid.dtype)
        for number, channel in enumerate(whole):
            samples[:, number] = channel
        return samples

    def commit(self) -> None:
        """Close the file and give it its name.

        Raises:
            UsageError: a file of that name has come into being meanwhile.
            EnvironmentProblem: it is not whole, for the disk is full; or the name cannot be given.
        """
        try:
            self._file.close()
            self._check_whole()
        except self._faults as error:
            raise not_writable(self.path, self._why() or str(error)) from None
        self._target.give_name()

    def _check_whole(self) -> None:
        """Read the end: of what is written at closing libsndfile does not say whether it could be."""
        with load_soundfile().SoundFile(str(self._temporary)) as file:
            whole = file.frames >= self.frames
            if whole and self.frames:
                file.seek(self.frames - 1)
                whole = len(file.read(1, dtype="float32")) == 1
        if not whole:
            raise not_writable(self.path, self._why() or "its end is missing")

    def _why(self) -> str | None:
        """Why the file cannot be written, in the system's words, which libsndfile keeps to itself; None: it can."""
        try:
            with self._temporary.open("ab", buffering=0) as file:
                file.write(bytes(_PROBE_BYTES))
        except OSError as error:
            return error.strerror
        return None

    def discard(self) -> None:
        """Leave nothing behind, unless it was committed."""
        if self._file is not None:
            with suppress(self._faults):
                self._file.close()
        self._target.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def _check_readable(path: Path) -> None:
    try:
        found = path.stat()
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist: give the path of {EXPECTED}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path} cannot be read ({reason}): wanted {EXPECTED}") from None
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path} is no file: wanted {EXPECTED}")
    if found.st_size == 0:
        raise UsageError(f"{path} is an empty file: wanted {EXPECTED}")
