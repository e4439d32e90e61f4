"""Where what `dsp` refuses becomes what a user is told: one line, and the exit status it leads to."""

from collections.abc import Iterator
from contextlib import contextmanager

from dsp.errors import DspError, LibraryMissing
from softphone.errors import EnvironmentProblem, UsageError


@contextmanager
def told_to_the_user(where: str = "") -> Iterator[None]:
    """Turn a `DspError` into a `SoftphoneError`.

    Args:
        where: what the fault is in, put before the message.

    Raises:
        EnvironmentProblem: a library is not installed.
        UsageError: for all else that `dsp` refuses.
    """
    try:
        yield
    except DspError as error:
        kind = EnvironmentProblem if isinstance(error, LibraryMissing) else UsageError
        raise kind(f"{where}: {words(error)}" if where else words(error)) from None


def words(error: BaseException) -> str:
    """The message of *error* in one line; a KeyError would print it in quotes."""
    return " ".join(str(error.args[0] if error.args else error).split())
