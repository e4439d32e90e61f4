"""Packets of a codec in a file: the container of `softphone codec encode` (docs/codecs.md, "Files of packets").

All numbers are unsigned and big-endian. A file is a header and, to its end, packets:

    bytes   what
    8       magic: 89 53 50 4B 0D 0A 1A 0A; its line ends tell a file that was sent as text
    1       version: 1
    1       n, length of the codec's name
    n       the codec's name, ASCII, lower case
    4       bit rate in b/s
    2       packet interval in ms
    4       sample rate of the sound in Hz
    8       samples of the sound at that rate
    4       number of packets

    each packet: 2 bytes of length, then so many bytes of payload. Length 0: nothing was sent in this interval (DTX).

There are as many packets as hold the sound and the codec's delay; a decoder cuts the delay off the front and keeps
the number of samples that the header says.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from softphone.errors import UsageError
from softphone.io.part_file import PartFile

MAGIC = b"\x89SPK\r\n\x1a\n"
VERSION = 1
MAX_NAME = 32
MAX_PACKET_BYTES = 0xFFFF
_NUMBERS = struct.Struct(">IHIQI")
_WANTED = "wanted a file that `softphone codec encode` wrote"


@dataclass(frozen=True, slots=True)
class PacketFileHeader:
    """What the packets are of."""

    codec: str
    bit_rate_bps: int
    ptime_ms: int
    sample_rate_hz: int
    samples: int = 0
    """Of the sound, at that rate."""
    packets: int = 0

    def __bytes__(self) -> bytes:
        name = self.codec.encode("ascii")
        numbers = _NUMBERS.pack(
            self.bit_rate_bps, self.ptime_ms, self.sample_rate_hz, self.samples, self.packets
        )
        return MAGIC + bytes((VERSION, len(name))) + name + numbers


class PacketFileWriter:
    """Writes packets; the file has its name only after `commit`. Raises as `PartFile`."""

    def __init__(self, path: str | PathLike[str], header: PacketFileHeader, *, force: bool = False) -> None:
        self._header = header
        self._file = PartFile(path, force=force)
        self.packets = 0
        self.payload_bytes = 0
        self._file.write(bytes(header))

    def write(self, payload: bytes) -> None:
        """Append one packet."""
        if len(payload) > MAX_PACKET_BYTES:
            raise UsageError(
                f"a packet must be {MAX_PACKET_BYTES} bytes at most to be kept, got {len(payload)}"
            )
        self._file.write(len(payload).to_bytes(2, "big") + payload)
        self.packets += 1
        self.payload_bytes += len(payload)

    def commit(self, samples: int) -> None:
        """Say how long the sound was, and give the file its name."""
        self._file.rewrite(0, bytes(replace(self._header, samples=samples, packets=self.packets)))
        self._file.commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)


class PacketFileReader:
    """Reads what `PacketFileWriter` wrote.

    Raises:
        UsageError: no such file, no such container, or one of a newer version.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self._file: BinaryIO = self.path.open("rb")
        except FileNotFoundError:
            raise UsageError(f"{path} does not exist: {_WANTED}") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in its name
            reason = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"{path} cannot be read ({reason}): {_WANTED}") from None
        try:
            self.header = self._read_header()
        except BaseException:
            self._file.close()
            raise

    def _read_header(self) -> PacketFileHeader:
        start = self._read(len(MAGIC) + 2)
        if not start.startswith(MAGIC):
            raise UsageError(f"{self.path} is no file of packets: {_WANTED}")
        if len(start) == len(MAGIC) + 2 and start[-2] != VERSION:
            raise UsageError(
                f"{self.path} is of version {start[-2]} of its container, this program reads version {VERSION}: "
                "decode it with the program that wrote it, or a newer one"
            )
        name = self._read(start[-1]) if len(start) == len(MAGIC) + 2 else b""
        numbers = self._read(_NUMBERS.size)
        if len(numbers) < _NUMBERS.size or not 0 < len(name) <= MAX_NAME or not name.isascii():
            raise UsageError(f"{self.path} has a damaged header: {_WANTED}")
        return PacketFileHeader(name.decode("ascii"), *_NUMBERS.unpack(numbers))

    def packets(self) -> Iterator[bytes]:
        """The payloads in their order.

        Raises:
            UsageError: the file ends too early, or cannot be read.
        """
        for number in range(self.header.packets):
            head = self._read(2)
            size = int.from_bytes(head, "big")
            payload = self._read(size)
            if len(head) < 2 or len(payload) < size:
                raise UsageError(
                    f"{self.path} is cut off: it ends in packet {number + 1} of {self.header.packets}"
                )
            yield payload

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read ({error.strerror}): {_WANTED}") from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
