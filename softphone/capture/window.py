"""A view of a file that moves forward: enough bytes at hand, never the whole file."""

from typing import BinaryIO

READ_BYTES = 1 << 20
MAX_SEARCH_BYTES = 1 << 23
"""Behind a damaged place no more is searched for a record that makes sense."""


class Window:
    """Bytes from `at` on are ``data[position:]``; readers keep *data* and *position* in local variables while they can."""

    __slots__ = ("_base", "_file", "data", "ended", "position")

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._base = 0
        self.data = b""
        self.position = 0
        self.ended = False
        """Nothing more comes from the file."""

    @property
    def base(self) -> int:
        """Offset in the file of ``data[0]``."""
        return self._base

    @property
    def at(self) -> int:
        """Offset in the file of ``data[position]``."""
        return self._base + self.position

    def fill(self, count: int) -> bool:
        """Have *count* bytes at `position`, if the file has them; what lies before `position` is forgotten."""
        have = len(self.data) - self.position
        if have >= count:
            return True
        parts = [self.data[self.position :]]
        self._base += self.position
        self.position = 0
        while have < count and not self.ended:
            piece = self._file.read(max(READ_BYTES, count - have))
            self.ended = not piece
            have += len(piece)
            parts.append(piece)
        self.data = b"".join(parts)
        return have >= count
