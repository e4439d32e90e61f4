"""Words for messages of one line, whatever a person or a file gave."""

import difflib
import reprlib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Say what *name* may have meant: for the end of a message."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(names) or 'none'}"


def plain(value: object) -> str:
    """*value* for a message of one line: its repr, cut where it is long."""
    return reprlib.repr(value)


def shown(name: object) -> str:
    """*name* for a message of one line, whatever it holds."""
    text = str(name)
    text = text if text.isprintable() and text else repr(text)
    return text if len(text) <= 60 else f"{text[:57]}..."
