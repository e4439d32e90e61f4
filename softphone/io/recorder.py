"""Recording of one direction of a call: a 16-bit mono WAV that stays playable if the process is killed."""

import os
import struct
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path

import numpy as np

from dsp.types import Samples
from softphone.errors import EnvironmentProblem

BATCH_S = 1.0
"""Audio handed to the writer at once: one wake-up of its thread a second, whatever the packet interval."""
MAX_BATCHES = 8
"""Batches waiting for a slow disk before samples are dropped."""

# RIFF WAVE of linear PCM (Microsoft, Multimedia Programming Interface 1.0).
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_MAX_SIZE = 0xFFFFFFFF


def check_writable(path: str | PathLike[str]) -> None:
    """See to it, before a call, that a recording can be written to *path*; what is there stays as it is.

    Raises:
        EnvironmentProblem: it cannot.
    """
    target = Path(path)
    existed = target.exists()
    try:
        try:
            with target.open("ab") as file:
                if not existed:
                    file.write(bytes(HEADER.size))  # a full disk lets a file be made
        finally:
            if not existed:
                target.unlink(missing_ok=True)
    except OSError as error:
        raise _not_writable(target, error) from None


class Recorder:
    """Writes what its `tap` is given; the file is replaced if it exists.

    The tap copies into a buffer and returns. A full buffer goes to a thread, which appends it and then sets
    the sizes in the header, so that the file is a whole WAV after each write.

    Args:
        path: the file.
        sample_rate_hz: rate of the samples tapped.
        executor: one-worker executor that several recorders share; None: a thread of its own.

    Raises:
        EnvironmentProblem: the file cannot be written.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        sample_rate_hz: int,
        *,
        executor: ThreadPoolExecutor | None = None,
    ) -> None:
        self.path = Path(path)
        self.sample_rate_hz = sample_rate_hz
        self.dropped_samples = 0
        """Samples that a disk too slow had no room for; silence stands in their place."""
        self.error: str | None = None
        """Why writing stopped, None while all is well."""
        self._batch_samples = round(BATCH_S * sample_rate_hz)
        self._file = _WaveFile(self.path, sample_rate_hz)
        self._own_executor = ThreadPoolExecutor(1, "recorder") if executor is None else None
        self._executor = self._own_executor if executor is None else executor
        self._free: deque[Samples] = deque(np.zeros(self._batch_samples, np.float32) for _ in range(2))
        self._allocated = len(self._free)
        self._buffer: Samples | None = None
        self._filled = 0
        self._gap = 0

    def tap(self, block: Samples) -> None:
        """Take a copy of *block*; never waits: a block that finds no room is counted. Ignored once closed."""
        if self._executor is None:
            return
        at, size = 0, block.size
        while at < size:
            buffer = self._buffer if self._buffer is not None else self._take_buffer()
            if buffer is None:
                self.dropped_samples += size - at
                self._gap += size - at
                return
            count = min(size - at, buffer.size - self._filled)
            buffer[self._filled : self._filled + count] = block[at : at + count]
            self._filled += count
            at += count
            if self._filled == buffer.size:
                self._executor.submit(self._write, buffer, self._filled, self._gap)
                self._buffer, self._filled, self._gap = None, 0, 0

    def _take_buffer(self) -> Samples | None:
        if self._free:
            self._buffer = self._free.popleft()
        elif self._allocated < MAX_BATCHES:
            self._buffer = np.zeros(self._batch_samples, np.float32)
            self._allocated += 1
        return self._buffer

    def _write(self, buffer: Samples, filled: int, gap: int) -> None:
        """In the writer's thread; *gap* samples were dropped before the batch in *buffer*."""
        if self.error is None:
            try:
                self._file.append(buffer[:filled], gap)
            except OSError as error:
                self.error = f"recording {self.path} stopped: {error.strerror}"
        self._free.append(buffer)

    def close(self) -> None:
        """Write what is left, wait until it is written, and close the file."""
        if self._executor is None:
            return
        rest = self._buffer if self._buffer is not None else np.zeros(0, np.float32)
        self._executor.submit(self._write, rest, self._filled, self._gap).result()
        self._executor = None
        if self._own_executor is not None:
            self._own_executor.shutdown()
        self._file.close()


class _WaveFile:
    """A WAV whose header tells the truth after each `append`."""

    def __init__(self, path: Path, sample_rate_hz: int) -> None:
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise _not_writable(path, error) from None
        self._sample_rate_hz = sample_rate_hz
        self._data_bytes = 0
        try:
            self._write_at(0, self._header())
        except OSError as error:
            self._file.close()
            raise _not_writable(path, error) from None

    def append(self, samples: Samples, silence: int) -> None:
        """Append *silence* zeros and *samples*: data first, then the sizes, so that a kill does no harm."""
        scaled = samples * np.float32(32768.0)
        np.rint(scaled, out=scaled)
        np.clip(scaled, -32768.0, 32767.0, out=scaled)
        data = bytes(2 * silence) + scaled.astype("<i2").tobytes()
        self._write_at(HEADER.size + self._data_bytes, data)
        self._data_bytes += len(data)
        self._write_at(0, self._header())

    def _header(self) -> bytes:
        fmt = (16, 1, 1, self._sample_rate_hz, 2 * self._sample_rate_hz, 2, 16)
        riff_bytes, data_bytes = (
            min(n, _MAX_SIZE) for n in (HEADER.size - 8 + self._data_bytes, self._data_bytes)
        )
        return HEADER.pack(b"RIFF", riff_bytes, b"WAVE", b"fmt ", *fmt, b"data", data_bytes)

    def _write_at(self, offset: int, data: bytes) -> None:
        # Few system calls: each gives the interpreter's lock away and wants it back from the call's thread.
        if hasattr(os, "pwrite"):
            while data:
                written = os.pwrite(self._file.fileno(), data, offset)
                offset, data = offset + written, data[written:]
        else:
            self._file.seek(offset)
            self._file.write(data)

    def close(self) -> None:
        self._file.close()


def _not_writable(path: Path, error: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"recording {path} cannot be written ({error.strerror}): choose a folder that exists and is writable"
    )
