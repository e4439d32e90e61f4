"""Files with captured network traffic: recognised by their first bytes, gunzipped where they are packed."""

import contextlib
import gzip
import io
import tempfile
import zlib
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Self, cast

from softphone.capture import is_capture
from softphone.capture.frames import MAGIC_BYTES
from softphone.errors import EnvironmentProblem, UsageError

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
"""zlib's name for a gzip header and the greatest window."""
_PIECE = 1 << 16
WANTED = "a pcap or pcapng file, as tcpdump and Wireshark write"


def is_capture_file(path: str | PathLike[str]) -> bool:
    """Whether *path* is a capture, packed by gzip or not; a file that cannot be read is none."""
    try:
        with Path(path).open("rb") as file:
            start = file.read(MAGIC_BYTES)
            if start[:2] == _GZIP:
                file.seek(0)
                with gzip.open(file) as unpacked:
                    start = unpacked.read(MAGIC_BYTES)
    except (OSError, ValueError, EOFError, zlib.error):
        return False
    return is_capture(start)


class CaptureFile:
    """A capture, open.

    Args:
        path: where it lies.

    Raises:
        UsageError: it cannot be read, or is no capture.
        EnvironmentProblem: no room to unpack it.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self.warnings: list[str] = []
        try:
            file: IO[bytes] = self.path.open("rb")
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read ({error.strerror}): wanted {WANTED}") from None
        try:
            if file.read(2) == _GZIP:
                with file:
                    file.seek(0)
                    unpacked = self._unpacked(file)
                file = unpacked
            file.seek(0, io.SEEK_END)
            self.size = file.tell()
            file.seek(0)
            start = file.read(MAGIC_BYTES)
            file.seek(0)
        except OSError as error:
            file.close()
            raise UsageError(f"{self.path} cannot be read ({error.strerror}): wanted {WANTED}") from None
        if not is_capture(start):
            file.close()
            raise UsageError(
                f"{self.path} is no capture: wanted {WANTED}, got a file that begins with {start.hex() or 'nothing'}"
            )
        self.file = cast(BinaryIO, file)
        """At its beginning."""

    def at(self, offset: int, count: int) -> bytes:
        """*count* bytes from *offset* on; fewer where the file ends."""
        self.file.seek(offset)
        return self.file.read(count)

    def _unpacked(self, packed: IO[bytes]) -> IO[bytes]:
        try:
            target = tempfile.TemporaryFile(prefix="softphone-")  # noqa: SIM115 - closed by its owner
        except OSError as error:
            raise EnvironmentProblem(
                f"a packed capture needs room in {tempfile.gettempdir()} ({error.strerror})"
            ) from None
        unpacker, piece, whole = zlib.decompressobj(_GZIP_WINDOW), b"", False
        while True:
            piece = piece or packed.read(_PIECE)
            if not piece:
                whole = unpacker.eof
                break
            if unpacker.eof:  # RFC 1952 section 2.2: members follow each other
                unpacker = zlib.decompressobj(_GZIP_WINDOW)
            try:
                unpacked = unpacker.decompress(piece)
            except zlib.error:
                break
            piece = unpacker.unused_data
            try:
                target.write(unpacked)
            except OSError as error:
                target.close()
                raise EnvironmentProblem(
                    f"a packed capture needs room in {tempfile.gettempdir()} ({error.strerror}): make some"
                ) from None
        if not whole:
            self.warnings.append(
                f"{self.path} is packed and its end is missing or damaged; what comes before was taken"
            )
        return target

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(OSError):
            self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
