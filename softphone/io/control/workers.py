"""Which thread does what is asked: the event loop, the one that builds filters, or one of those for slow work."""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from softphone.control.dispatcher import Dispatcher
from softphone.control.errors import ControlError
from softphone.control.op import Client, Reply, Request
from softphone.io.control.stats import ServerStats

T = TypeVar("T")

_log = logging.getLogger(__name__)
_ASIDE_THREADS = 4


class Workers:
    """Runs requests; used from the event loop's thread.

    Args:
        stats: where faults of ours are counted.
    """

    def __init__(self, dispatcher: Dispatcher, stats: ServerStats) -> None:
        self.dispatcher = dispatcher
        self._stats = stats
        self._loop = asyncio.get_running_loop()
        self._chain = ThreadPoolExecutor(1, "softphone-chain")
        self._aside = ThreadPoolExecutor(_ASIDE_THREADS, "softphone-aside")

    def is_quick(self, request: Request) -> bool:
        """Whether *request* is done in the loop, at once."""
        return self.dispatcher.ops[request.op].where == "loop"

    def is_slow(self, request: Request) -> bool:
        """Whether *request* may take long, and what comes after it need not wait."""
        return self.dispatcher.ops[request.op].where == "aside"

    def run_now(self, client: Client, request: Request) -> Reply:
        """Do a quick request."""
        try:
            return self.dispatcher.handle(client, request, now=time.monotonic())
        except Exception as error:  # noqa: BLE001 - the top of this shell: told, and logged without what was said
            self._stats.faults += 1
            log_fault(f"{request.op}", error)
            return Reply(request.id, error=ControlError("internal", f"{request.op} met a fault of ours"))

    def start(self, client: Client, request: Request, finish: Callable[[Reply], T]) -> "asyncio.Future[T]":
        """Do a request that is not quick, and what *finish* makes of its reply, in the thread it belongs to."""
        pool = self._aside if self.is_slow(request) else self._chain
        return self._loop.run_in_executor(pool, lambda: finish(self.run_now(client, request)))

    async def perform(self, client: Client, request: Request) -> Reply:
        """Do any request in the thread it belongs to."""
        if self.is_quick(request):
            return self.run_now(client, request)
        return await self.start(client, request, lambda reply: reply)

    async def in_chain_thread(self, work: Callable[[], T]) -> T:
        """Do *work* where filters are built: what desks need that is no request (`Desk.attach`)."""
        return await self._loop.run_in_executor(self._chain, work)

    async def aside(self, work: Callable[[], T]) -> T:
        """Do *work* that may wait for a disk."""
        return await self._loop.run_in_executor(self._aside, work)

    def close(self) -> None:
        """Take no more; what has not begun is dropped."""
        self._chain.shutdown(wait=False, cancel_futures=True)
        self._aside.shutdown(wait=False, cancel_futures=True)


def log_fault(where: str, error: Exception) -> None:
    """Log where a fault of ours is; its message could quote what a client said, and is left out."""
    places = (f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__))
    _log.error(
        "! %s met a fault of ours: %s at %s", where, type(error).__name__, " < ".join(reversed([*places]))
    )
