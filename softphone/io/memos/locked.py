"""Files that one process holds while it lives, and that are on the disk when it says so."""

import errno
import os
import sys
from io import FileIO

_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""What the system says of a file that another holds."""
_FAR = 0x7FFF_0000
"""Where a byte is locked on Windows, whose locks keep others from reading it: behind all there is."""


def try_lock(file: FileIO) -> bool:
    """Hold *file*, until it is closed or the process ends; False: another holds it, be it in this process.

    Raises:
        OSError: its file system knows no locks.
    """
    try:
        _lock(file)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


def _lock(file: FileIO) -> None:
    if sys.platform == "win32":
        import msvcrt

        at = file.tell()
        try:
            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(at)
        return
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_still(file: FileIO, path: str | os.PathLike[str]) -> bool:
    """Whether *file*, opened as *path*, is what has that name now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def sync(descriptor: int) -> None:
    """Have what was written to the open file reach the disk; raises OSError."""
    if sys.platform == "darwin":  # there fsync leaves it in the drive's own memory: fsync(2)
        import fcntl

        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
        except OSError:  # a network drive knows no such thing
            pass
    os.fsync(descriptor)


def sync_file(path: str | os.PathLike[str]) -> None:
    """As `sync`, for a closed file and its name in its folder."""
    with open(path, "rb+") as file:
        sync(file.fileno())
    if os.name != "posix":
        return
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
