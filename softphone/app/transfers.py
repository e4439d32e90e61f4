"""Transfers of a call: one that we ask for, and one that the peer asks us for (RFC 3515, RFC 5589)."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from softphone.app.result import Result

if TYPE_CHECKING:
    from softphone.app.one_call import OneCall


@dataclass(slots=True)
class CallTransfer:
    """How the newest transfer of one call stands."""

    asked: str | None = None
    """Who asked for it, ``local`` or ``peer``; None: nobody did."""
    target: str = ""
    status: int | None = None
    """What became of the call to the target, so far."""
    is_over: bool = False
    waits: "asyncio.Task[None] | None" = None
    """Places the successor."""
    successor: "OneCall | None" = None
    """The call of ours that takes the place of the one that is transferred."""
    result: Result | None = None
    """Of the successor."""
    depth: int = 0
    """How many calls were there before, each in the place of another."""

    async def succeeded(self, stop: asyncio.Event) -> None:
        """Wait for the end of the successor, if there is one; *stop*, when set, hangs it up."""
        if self.waits is not None:
            await self.waits
        if self.successor is None:
            return
        ended = asyncio.ensure_future(self.successor.finish(stop))
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                self.successor.hang_up()
            self.result = await ended
        finally:
            stopped.cancel()
            ended.cancel()

    def may_be_succeeded(self, max_depth: int) -> bool:
        """Whether another call may take the place of this one."""
        return self.waits is None and self.successor is None and self.depth < max_depth

    def succeed(self, successor: "OneCall") -> None:
        """*successor* takes the place of the call."""
        self.successor, successor.transfer.depth = successor, self.depth + 1

    def begin(self, target: str, *, asked: str = "local") -> None:
        """Somebody asked for it."""
        self.asked, self.target, self.status, self.is_over = asked, target, None, False

    def note(self, status: int, *, over: bool) -> None:
        """Take the news of how it stands; what comes after the last word is of no use."""
        if not self.is_over:
            self.status, self.is_over = status, over

    def report(self) -> dict[str, Any] | None:
        """For a RESULT; None: nobody asked."""
        if self.asked is None:
            return None
        return {"asked": self.asked, "target": self.target, "status": self.status, "result": self.result}
