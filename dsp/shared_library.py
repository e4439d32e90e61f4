"""What the wrappers of C libraries share: which of several files serves, and what its functions take."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from dsp.errors import LibraryMissing

Library = TypeVar("Library")
Signatures = Mapping[str, tuple[Any, list[Any]]]
"""Function -> ctypes of its result and of its arguments."""


def load_first(
    candidates: Sequence[str], load: Callable[[str], Library], *, needs: str, install: str
) -> Library:
    """Load the first of *candidates*, paths or linker names, that serves.

    Args:
        load: raises OSError or AttributeError for one that does not.
        needs: what needs which library, for the message.
        install: what to do about it, for the message.

    Raises:
        LibraryMissing: if none serves.
    """
    for candidate in candidates:
        try:
            return load(candidate)
        except (OSError, AttributeError):
            continue
    tried = ", ".join(candidates) or "no candidate"
    raise LibraryMissing(f"{needs}, tried {tried}; {install}")


def declare(dll: Any, signatures: Signatures) -> None:
    """Tell ctypes the signatures of functions of *dll*; AttributeError if it lacks one."""
    for name, (result, arguments) in signatures.items():
        function = getattr(dll, name)
        function.restype = result
        function.argtypes = arguments
