"""Names of files to be written: checked before any work, and given only to files that are whole."""

import itertools
import os
import stat
from contextlib import suppress
from os import PathLike
from pathlib import Path

from softphone.errors import EnvironmentProblem, UsageError

_numbers = itertools.count()


class Target:
    """The name a file gets with `give_name`; until then it is the `temporary` one beside it.

    Args:
        path: what it is to be called in the end.
        force: whether a file of that name may be replaced.

    Raises:
        UsageError: *path* exists, or is no name for a file.
        EnvironmentProblem: it cannot be written.
    """

    def __init__(self, path: str | PathLike[str], *, force: bool) -> None:
        check_target(path, force=force)
        self.path = Path(path)
        self._force = force
        self._real = Path(os.path.realpath(path))
        self.temporary = self._real.with_name(f".softphone-{os.getpid()}-{next(_numbers)}.part")

    def give_name(self) -> None:
        """Rename the closed temporary file.

        Raises:
            UsageError: a file of that name has come into being meanwhile.
            EnvironmentProblem: the name cannot be given.
        """
        check_target(self.path, force=self._force)
        try:
            with suppress(FileNotFoundError):
                self.temporary.chmod(stat.S_IMODE(self._real.stat().st_mode))
            self.temporary.replace(self._real)
        except OSError as error:
            raise not_writable(self.path, error.strerror) from None

    def discard(self) -> None:
        """Leave nothing behind, unless the name was given."""
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)


def check_target(path: str | PathLike[str], *, force: bool) -> None:
    """See to it that *path* may be written.

    Raises:
        UsageError: it exists, which only *force* allows; or it is no file.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise not_writable(Path(path), reason) from None
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path} is no file: give the path of a file to write")
    if not force:
        raise UsageError(f"{path} exists: give --force to replace it, or another name")


def check_apart(source: str | PathLike[str], target: str | PathLike[str]) -> None:
    """See to it that *target* is not the file that is read.

    Raises:
        UsageError: it is.
    """
    if os.path.exists(target) and os.path.exists(source) and os.path.samefile(source, target):
        raise UsageError(f"{source} is input and output: give the output another name")


def not_writable(path: Path, reason: str | None) -> EnvironmentProblem:
    """*path* cannot be written, for *reason*."""
    return EnvironmentProblem(
        f"{path} cannot be written ({reason}): nothing was left there; wanted a folder that exists and has room"
    )


def made_folder(out: str) -> Path:
    """The folder that `--out` names, made where it is not there.

    Raises:
        EnvironmentProblem: it cannot be made.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentProblem(
            f"--out wants a folder that can be made, got {folder}: {error.strerror}"
        ) from None
    return folder
