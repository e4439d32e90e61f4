"""Links to one file each, for some minutes: what a page plays or shows without a path from outside ever being read."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

PREFIX = "/files/"
LIFE_S = 600.0
"""How long a link is good for."""
MAX_TICKETS = 256
MAX_BYTES = 64 << 20
"""What all links to bytes in memory hold together; beyond either the oldest go first."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One link."""

    source: Path | bytes = field(repr=False)
    content_type: str
    name: str
    """What the browser calls it when it is saved."""
    expires_at: float

    @property
    def held_bytes(self) -> int:
        """What it keeps in memory."""
        return len(self.source) if isinstance(self.source, bytes) else 0


class Tickets:
    """The links that are good now; may be used from any thread.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._lock = threading.Lock()

    def issue(self, source: str | PathLike[str] | bytes, content_type: str, *, name: str) -> str:
        """Return the path of a link to *source*, as "/files/q3Zr...": 128 random bits that nobody can guess.

        Args:
            source: a file's path, which our side has chosen, or what the link gives.
            content_type: as in HTTP, "text/html; charset=utf-8".
            name: what a browser would save it as.
        """
        now = self._clock()
        kept = source if isinstance(source, bytes) else Path(source)
        path = PREFIX + secrets.token_urlsafe(16)
        with self._lock:
            self._tickets[path] = Ticket(kept, content_type, name, now + LIFE_S)
            self._drop(now)
        return path

    def find(self, path: str) -> Ticket | None:
        """The ticket of *path*, unless it is none or too old."""
        with self._lock:
            ticket = self._tickets.get(path)
        return None if ticket is None or ticket.expires_at <= self._clock() else ticket

    def _drop(self, now: float) -> None:
        held = sum(each.held_bytes for each in self._tickets.values())
        while len(self._tickets) > 1:
            path, oldest = next(iter(self._tickets.items()))
            if oldest.expires_at > now and len(self._tickets) <= MAX_TICKETS and held <= MAX_BYTES:
                return
            self._tickets.pop(path, None)
            held -= oldest.held_bytes
