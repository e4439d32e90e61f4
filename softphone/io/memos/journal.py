"""What is being recorded, piece by piece in a file: whatever ends the recorder, all but the last piece can be read.

    8 bytes   ``VMEMO 1`` and a line feed
    u32 u32   length and CRC-32 of what follows
    ...       what is known of the memo (`NewMemo`), JSON in UTF-8
    then for each piece:
    u32 u32   samples of each channel, and the CRC-32 of what follows
    ...       the samples, float32, of one moment after the other

Numbers are little-endian. A piece that is not whole, or whose sum is wrong, is the end. The recorder holds a lock on the file.
"""

import errno
import json
import secrets
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from io import FileIO
from pathlib import Path
from typing import Self

import numpy as np

from dsp.types import Block
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.memos.locked import is_still, sync, try_lock
from softphone.io.memos.memo import NewMemo

SUFFIX = ".take"
_MAGIC = b"VMEMO 1\n"
_HEAD = struct.Struct("<II")
_LONGEST_HEAD = 1 << 20
_LONGEST_PIECE = 1 << 26
"""Bytes."""
PIECE_FRAMES = 1 << 18
_TRIES = 100


class JournalWriter:
    """A new journal in *folder*, held until `close`.

    Args:
        folder: where journals lie.
        memo: what it is to become; its id is given here.

    Raises:
        EnvironmentProblem: it cannot be written.
    """

    def __init__(self, folder: Path, memo: NewMemo) -> None:
        self.frames = 0
        """Samples of each channel that are on the disk."""
        self._end = 0
        """Of what is whole, in bytes."""
        try:
            self.memo, self.path, self._file = _made(folder, memo)
            try:
                self._begin()
            except BaseException:
                self.discard()
                raise
        except OSError as error:
            raise _not_written(folder, error) from None

    def _begin(self) -> None:
        head = json.dumps(asdict(self.memo)).encode()
        self._put(_MAGIC + _HEAD.pack(len(head), zlib.crc32(head)) + head)

    def append(self, block: Block) -> None:
        """Add *block*, ``(channels, n)``; it is on the disk afterwards.

        Raises:
            EnvironmentProblem: it cannot be written; what was before it stays.
        """
        for at in range(0, block.shape[1], PIECE_FRAMES):
            piece = block[:, at : at + PIECE_FRAMES]
            data = np.ascontiguousarray(piece.T, dtype="<f4").tobytes()
            try:
                self._put(_HEAD.pack(piece.shape[1], zlib.crc32(data)) + data)
            except OSError as error:
                with suppress(OSError):
                    self._file.seek(self._end)
                    self._file.truncate()
                raise _not_written(self.path, error) from None
            self.frames += piece.shape[1]

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        sync(self._file.fileno())
        self._end += len(data)

    def close(self) -> None:
        """Let it go; it stays, for whoever makes a memo of it."""
        with suppress(OSError):
            self._file.close()

    def discard(self) -> None:
        """Leave nothing behind: there is a memo of it, or no sound in it."""
        self.close()  # Windows removes no open file
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def _made(folder: Path, memo: NewMemo) -> tuple[NewMemo, Path, FileIO]:
    for _ in range(_TRIES):
        named = replace(memo, id=f"{memo.id}-{secrets.token_hex(4)}")
        path = folder / f"{named.id}{SUFFIX}"
        file = FileIO(path, "x")
        try:
            # Between the two lines another process may have taken it for one that was left behind, and removed it.
            if try_lock(file) and is_still(file, path):
                return named, path, file
        except OSError:
            file.close()
            path.unlink(missing_ok=True)
            raise
        file.close()
    raise OSError(errno.EAGAIN, "others hold every file that is made there")


class CutOff(Exception):
    """A journal that ends before it has said what it is of: nothing had been recorded."""


class JournalReader:
    """A journal, read from its start.

    Args:
        path: of the file.

    Raises:
        CutOff: there is nothing in it.
        OSError: it cannot be read.
        UsageError: it is something else, or of another version of this program.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        try:
            self.memo = self._head()
        except BaseException:
            self._file.close()
            raise

    def _head(self) -> NewMemo:
        magic = self._file.read(len(_MAGIC))
        head = self._checked(_LONGEST_HEAD, 1) if magic == _MAGIC else None
        if head is None:
            if self._nothing_follows(magic):
                raise CutOff(f"{self.path} is cut off in its head")
            raise UsageError(f"{self.path} is no journal that this version of the program knows: update it")
        values = json.loads(head)
        return NewMemo(**{**values, "tags": tuple(values["tags"])})

    def _nothing_follows(self, magic: bytes) -> bool:
        """Whether the file is shorter than a head, or the zeros that a power cut leaves of what was not yet written."""
        self._file.seek(0)
        data = self._file.read(_LONGEST_HEAD)
        rest = data[len(_MAGIC) : len(_MAGIC) + _HEAD.size]
        if magic == _MAGIC and len(rest) == _HEAD.size:
            return len(data) < len(_MAGIC) + _HEAD.size + int(_HEAD.unpack(rest)[0])
        return len(data) < len(_MAGIC) + _HEAD.size or not data.strip(b"\0")

    def blocks(self) -> Iterator[Block]:
        """All pieces that are whole, ``(channels, n)``."""
        size = 4 * self.memo.channels
        while (data := self._checked(_LONGEST_PIECE, size)) is not None:
            yield np.ascontiguousarray(np.frombuffer(data, "<f4").reshape(-1, self.memo.channels).T)

    def _checked(self, longest: int, size: int) -> bytes | None:
        """The next part, of as many times *size* bytes as its head says; None: it is not whole."""
        head = self._file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        count, crc = _HEAD.unpack(head)
        if not 0 < count * size <= longest:
            return None
        data = self._file.read(count * size)
        return data if len(data) == count * size and zlib.crc32(data) == crc else None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _not_written(path: Path, error: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{path} cannot be written ({error.strerror}): make room, or name another folder"
    )
