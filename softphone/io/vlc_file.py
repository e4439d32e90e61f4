"""Files of VLC packets (docs/vlc-format.md, "File") with the faces of `softphone.io.packet_file`."""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from dsp.codecs.vlc.container import MAGIC, Recording, read_file, write_file
from dsp.codecs.vlc.model import NARROW, WIDE
from dsp.errors import BitstreamError
from softphone.errors import UsageError
from softphone.io.dsp_faults import told_to_the_user, words
from softphone.io.packet_file import PacketFileHeader
from softphone.io.part_file import PartFile

MODELS = {model.name: model for model in (NARROW, WIDE)}
"""Codecs whose files have this container, by their names."""


class VlcFileWriter:
    """Collects packets and writes them at the end: what repeats an earlier packet takes two bytes. Raises as `PartFile`."""

    def __init__(self, path: str | PathLike[str], header: PacketFileHeader, *, force: bool = False) -> None:
        self._header = header
        self._file = PartFile(path, force=force)
        self._payloads: list[bytes] = []
        self.payload_bytes = 0

    @property
    def packets(self) -> int:
        """How many there are."""
        return len(self._payloads)

    def write(self, payload: bytes) -> None:
        """Append one packet."""
        self._payloads.append(payload)
        self.payload_bytes += len(payload)

    def commit(self, samples: int) -> None:
        """Say how long the sound was, and give the file its name."""
        model = MODELS[self._header.codec]
        recording = Recording(model, self._header.ptime_ms, samples, tuple(self._payloads))
        with told_to_the_user(str(self._file.path)):
            self._file.write(write_file(recording))
        self._file.commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)


class VlcFileReader:
    """Reads such a file whole.

    Raises:
        UsageError: it cannot be read, is no such file, damaged, or of a newer version.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        try:
            self._recording = read_file(Path(path).read_bytes())
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}): wanted a VLC file") from None
        except BitstreamError as error:
            raise UsageError(f"{path}: {words(error)}") from None
        found = self._recording
        self.header = PacketFileHeader(
            found.model.name,
            0,
            found.packet_ms,
            found.model.sample_rate_hz,
            found.samples,
            len(found.payloads),
        )

    def packets(self) -> Iterator[bytes]:
        """The payloads in their order, repeats among them."""
        return iter(self._recording.payloads)

    def close(self) -> None:
        """For the sake of `softphone.io.packet_file`: all was read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_vlc_file(path: str | PathLike[str]) -> bool:
    """Whether the file begins as one; False where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False
