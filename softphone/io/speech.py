"""The speech that comes with the package; origin and licence stand in the .md beside each file."""

from pathlib import Path

from softphone.errors import UsageError

PREFIX = "builtin:"

# Not importlib.resources: readers need a path, and its import takes longer than reading the file.
_FOLDER = Path(__file__).parent.parent / "data" / "speech"


def builtin_names() -> tuple[str, ...]:
    """The names that may follow ``builtin:``, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.wav")))


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
    return _FOLDER / f"{name}.wav"
