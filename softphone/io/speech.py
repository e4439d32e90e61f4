"""The speech that comes with the package; origin and licence stand in the .md beside each file."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from softphone.errors import UsageError

PREFIX = "builtin:"


def _folder() -> Traversable:
    return resources.files("softphone") / "data" / "speech"


def builtin_names() -> tuple[str, ...]:
    """The names that may follow ``builtin:``, sorted."""
    return tuple(
        sorted(
            entry.name.removesuffix(".wav") for entry in _folder().iterdir() if entry.name.endswith(".wav")
        )
    )


def speech_path(what: str) -> Path:
    """The file that *what* means: ``builtin:NAME`` or a path, which is returned as it is.

    Raises:
        UsageError: there is no bundled speech of that name.
    """
    if not what.startswith(PREFIX):
        return Path(what)
    name = what.removeprefix(PREFIX)
    if name not in builtin_names():
        known = ", ".join(PREFIX + each for each in builtin_names())
        raise UsageError(f"no bundled speech {what!r}: there are {known}, or give the path of a sound file")
    return Path(str(_folder() / f"{name}.wav"))
