"""A file that has its name only when it is whole: bytes go to a temporary neighbour, which `PartFile.commit` renames."""

import itertools
import os
import stat
from contextlib import suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from softphone.errors import EnvironmentProblem
from softphone.io.sound_file import check_target

_numbers = itertools.count()


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
        check_target(path, force=force)
        self.path = Path(path)
        self._force = force
        self._target = Path(os.path.realpath(path))
        self._temporary = self._target.with_name(f".softphone-{os.getpid()}-b{next(_numbers)}.part")
        try:
            self._file = self._temporary.open("xb")
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
        check_target(self.path, force=self._force)
        try:
            with suppress(FileNotFoundError):
                self._temporary.chmod(stat.S_IMODE(self._target.stat().st_mode))
            self._temporary.replace(self._target)
        except OSError as error:
            raise self._fault(error) from None

    def _fault(self, error: OSError) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"{self.path} cannot be written ({error.strerror}): nothing was left there; "
            "wanted a folder that exists and has room"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)


def write_whole(path: str | PathLike[str], data: bytes, *, force: bool = False) -> None:
    """Write *data* as the file *path*, whole or not at all; raises as `PartFile`."""
    with PartFile(path, force=force) as file:
        file.write(data)
        file.commit()
