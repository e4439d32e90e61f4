"""Sound files as sources: any rate, any channel count, read a second at a time.

A 16-bit WAV is read by the standard library, other kinds by soundfile; soxr changes the rate. Both are
imported only for a file that needs them: a call that plays bundled speech at its own rate pays for neither.
"""

import logging
import wave
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dsp.types import Samples
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.speech import speech_path

CHUNK_S = 1.0
SAMPLE_RATES_HZ = (1000, 768000)
"""Least and greatest sample rate of a file that is taken for sound."""
EXPECTED = "WAV, FLAC, Ogg or another sound file"
_INT16_SCALE = np.float32(1.0 / 32768.0)
_NOTHING: Samples = np.zeros(0, dtype=np.float32)
_log = logging.getLogger(__name__)


def open_source(what: str, sample_rate_hz: int, *, loop: bool = False) -> "FileSource":
    """The source that *what* names: ``builtin:NAME`` or a path.

    Raises:
        UsageError: no such speech or file, not a sound file, or an empty one.
    """
    return FileSource(speech_path(what), sample_rate_hz, loop=loop)


class FileSource:
    """A sound file, mixed down to mono and brought to *sample_rate_hz*.

    Args:
        path: what is read.
        sample_rate_hz: rate of the samples handed out.
        loop: start anew at the end, so that it never ends.

    Raises:
        UsageError: no such file, not a sound file, or an empty one.
        EnvironmentProblem: a package that this file needs is not installed.
    """

    def __init__(self, path: str | PathLike[str], sample_rate_hz: int, *, loop: bool = False) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.path = Path(path)
        self.duration_s: float | None = None
        """Length of the file; None: it is played in a loop."""
        self._loop = loop
        self._reader = _open(self.path)
        if not loop:
            self.duration_s = self._reader.frames / self._reader.sample_rate_hz
        self._start = self._reader.chunks
        if self._reader.sample_rate_hz != sample_rate_hz:
            try:
                self._start = _Resampled(self._reader, sample_rate_hz, self.path).chunks
            except EnvironmentProblem:
                self._reader.close()
                raise
        self._chunks = self._start()
        self._chunk = _NOTHING
        self._position = 0

    def read(self, out: Samples) -> int:
        """See `AudioSource.read`."""
        wanted, done = out.size, 0
        while done < wanted:
            left = self._chunk.size - self._position
            if left == 0:
                if not self._load():
                    break
                continue
            step = min(left, wanted - done)
            out[done : done + step] = self._chunk[self._position : self._position + step]
            self._position += step
            done += step
        return done

    def _load(self) -> bool:
        """Make the next chunk the present one."""
        self._position = 0
        self._chunk = self._next()
        if self._chunk.size == 0 and self._loop:
            self._chunks = self._start()
            self._chunk = self._next()
        return self._chunk.size > 0

    def _next(self) -> Samples:
        try:
            return next(self._chunks, _NOTHING)
        except (OSError, RuntimeError, wave.Error, EOFError) as error:
            # The file broke off or its disk went away; what is being said ends there, the call goes on.
            _log.warning("! %s cannot be read further: %s", self.path, error)
            return _NOTHING

    def close(self) -> None:
        """See `AudioSource.close`."""
        self._chunk, self._position = _NOTHING, 0
        self._chunks, self._loop = iter(()), False
        self._reader.close()


def _open(path: Path) -> "_Reader":
    reader: _Reader | None = None
    try:
        with path.open("rb") as file:
            start = file.read(12)
        if start[:4] == b"RIFF" and start[8:] == b"WAVE":
            reader = _WaveReader.open(path)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist: give the path of a {EXPECTED}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): wanted a {EXPECTED}") from None
    if not start:
        raise UsageError(f"{path} is an empty file: wanted a {EXPECTED}")
    if reader is None:
        reader = _SoundFileReader(path)
    if reader.frames <= 0:
        reader.close()
        raise UsageError(f"{path} holds no audio: wanted a {EXPECTED} with at least one sample")
    if not SAMPLE_RATES_HZ[0] <= reader.sample_rate_hz <= SAMPLE_RATES_HZ[1]:
        reader.close()
        raise UsageError(
            f"{path} claims {reader.sample_rate_hz} samples a second: wanted a {EXPECTED} "
            f"at {SAMPLE_RATES_HZ[0]} to {SAMPLE_RATES_HZ[1]} Hz"
        )
    return reader


class _Reader(Protocol):
    """A file at its own rate, mixed down to mono."""

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def frames(self) -> int: ...

    def chunks(self) -> Iterator[Samples]:
        """All of the file from its start, CHUNK_S at a time."""

    def close(self) -> None: ...


class _WaveReader:
    """16-bit PCM WAV, by the standard library."""

    def __init__(self, file: wave.Wave_read, frames: int) -> None:
        self.sample_rate_hz = file.getframerate()
        self.frames = frames
        self._file = file
        self._channels = file.getnchannels()

    @classmethod
    def open(cls, path: Path) -> "_WaveReader | None":
        """None: a WAV of another kind, or a damaged one."""
        try:
            file = wave.open(str(path), "rb")  # noqa: SIM115 - stays open as long as the source
        except (wave.Error, EOFError, RuntimeError):  # RuntimeError: a chunk that ends outside the file
            return None
        if file.getsampwidth() == 2 and file.getframerate() > 0:
            # A header written into a pipe may claim more than there is.
            return cls(file, min(file.getnframes(), path.stat().st_size // (2 * file.getnchannels())))
        file.close()
        return None

    def chunks(self) -> Iterator[Samples]:
        self._file.rewind()
        channels = self._channels
        frames = round(CHUNK_S * self.sample_rate_hz)
        while len(data := self._file.readframes(frames)) >= 2 * channels:
            values = np.frombuffer(data, dtype="<i2", count=len(data) // (2 * channels) * channels)
            samples: Samples = np.multiply(values, _INT16_SCALE, dtype=np.float32)
            yield samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1)

    def close(self) -> None:
        self._file.close()


class _SoundFileReader:
    """Whatever libsndfile reads."""

    def __init__(self, path: Path) -> None:
        try:
            import soundfile
        except (ImportError, OSError) as error:
            raise _needs("soundfile", path, error) from None
        try:
            self._file: Any = soundfile.SoundFile(str(path))
        except (soundfile.SoundFileError, TypeError):  # TypeError: a name that ends in .raw
            raise UsageError(f"{path} is no sound file: wanted a {EXPECTED}") from None
        self.sample_rate_hz: int = self._file.samplerate
        self.frames: int = self._file.frames

    def chunks(self) -> Iterator[Samples]:
        self._file.seek(0)
        frames = round(CHUNK_S * self.sample_rate_hz)
        while (block := self._file.read(frames, dtype="float32", always_2d=True)).size:
            yield block.mean(axis=1) if block.shape[1] > 1 else block[:, 0]

    def close(self) -> None:
        self._file.close()


class _Resampled:
    """Chunks of a reader, brought to another rate by soxr."""

    def __init__(self, reader: _Reader, sample_rate_hz: int, path: Path) -> None:
        try:
            import soxr
        except (ImportError, OSError) as error:
            raise _needs("soxr", path, error) from None
        self._reader = reader
        self._stream = soxr.ResampleStream(
            reader.sample_rate_hz, sample_rate_hz, 1, dtype="float32", quality="HQ"
        )

    def chunks(self) -> Iterator[Samples]:
        """All of the file, what the resampler holds back at the end included."""
        stream = self._stream
        stream.clear()
        for chunk in self._reader.chunks():
            if (resampled := stream.resample_chunk(chunk)).size:
                yield resampled
        yield stream.resample_chunk(_NOTHING, last=True)


def _needs(package: str, path: Path, error: Exception) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"reading {path} needs the Python package {package} ({error}): pip install {package}, "
        f"or convert the file to a 16-bit WAV at the codec's rate"
    )
