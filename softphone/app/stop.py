"""The wish to stop: once to hang up, once more to leave at once what is only being reported."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Stop(asyncio.Event):
    """Set when the calls are to end; `again` when what follows a call is to end, too."""

    def __init__(self) -> None:
        super().__init__()
        self.again = asyncio.Event()

    def request(self) -> None:
        """Ask to stop, as Ctrl-C does."""
        (self.again if self.is_set() else self).set()


async def unless_stopped(work: Awaitable[T], stop: asyncio.Event) -> T | None:
    """The result of *work*, or None where *stop* was requested (once more) before it was done; *work* is cancelled then."""
    wish = stop
    if stop.is_set():
        wish = stop.again if isinstance(stop, Stop) else asyncio.Event()
    task, wished = asyncio.ensure_future(work), asyncio.ensure_future(wish.wait())
    try:
        await asyncio.wait((task, wished), return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        for each in (task, wished):
            if not each.done():
                each.cancel()
        await asyncio.gather(task, wished, return_exceptions=True)
