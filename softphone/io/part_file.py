"""A file that has its name only when it is whole: bytes go to a temporary neighbour, which `PartFile.commit` renames."""

import os
from contextlib import suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from softphone.errors import EnvironmentProblem
from softphone.io.target import Target, not_writable


class PartFile:
    """Writes *path* under another name beside it; without `commit` nothing is left of it.

    Args:
        path: what it is to be called in the end.
        force: whether a file of that name may be replaced.

    Raises:
        UsageError: *path* exists, or is no name for a file.
        EnvironmentProblem: it cannot be written.
    """

    def __init__(self, path: str | PathLike[str], *, force: bool = False) -> None:
        self.path = Path(path)
        self._target = Target(path, force=force)
        try:
            self._file = self._target.temporary.open("xb")
        except OSError as error:
            raise self._fault(error) from None

    def write(self, data: bytes) -> None:
        """Append *data*.

        Raises:
            EnvironmentProblem: the disk is full, or gone.
        """
        try:
            self._file.write(data)
        except OSError as error:
            raise self._fault(error) from None

    def rewrite(self, start: int, data: bytes) -> None:
        """Put *data* over what was written from byte *start* on; the next `write` appends again."""
        try:
            self._file.seek(start)
            self._file.write(data)
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise self._fault(error) from None

    def commit(self) -> None:
        """Close the file and give it its name.

        Raises:
            UsageError: a file of that name has come into being meanwhile.
            EnvironmentProblem: the disk is full, or the name cannot be given.
        """
        try:
            self._file.close()
        except OSError as error:
            raise self._fault(error) from None
        self._target.give_name()

    def _fault(self, error: OSError) -> EnvironmentProblem:
        return not_writable(self.path, error.strerror)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._file.close()
        self._target.discard()


def write_whole(path: str | PathLike[str], data: bytes, *, force: bool = False) -> None:
    """Write *data* as the file *path*, whole or not at all; raises as `PartFile`."""
    with PartFile(path, force=force) as file:
        file.write(data)
        file.commit()
