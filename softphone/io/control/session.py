"""One client after its hello: its requests in their order, each in the thread it belongs to."""

import asyncio
from collections import deque
from collections.abc import Callable

from softphone.control.errors import ControlError
from softphone.control.op import Client, Reply, Request, request_id
from softphone.control.protocols.json_messages import read_message, refusal_text, reply_text
from softphone.io.control.connection import Connection
from softphone.io.control.stats import ServerStats
from softphone.io.control.websocket import text_frame
from softphone.io.control.workers import Workers

MAX_SLOW = 4
"""Slow requests of one client at a time."""
_SUBSCRIBING = ("subscribe", "unsubscribe")
_MOST_WAITING = 32
_FEW_WAITING = 8


class Session:
    """A client's requests.

    What it asks of chains, and quick questions between, are done one after another in the order they came. Slow ones run
    beside them, so that a call can be hung up while a recording is scored.

    Args:
        on_subscribed: told when what the client wants to be told of may have changed.
    """

    def __init__(
        self,
        connection: Connection,
        client: Client,
        workers: Workers,
        stats: ServerStats,
        on_subscribed: Callable[[], None],
    ) -> None:
        self.connection = connection
        self.client = client
        self._workers = workers
        self._stats = stats
        self._on_subscribed = on_subscribed
        self._waiting: deque[Request] = deque()
        self._working = False
        self._slow = 0
        self._gone = False

    def leave(self) -> None:
        """The connection is gone: what waits is dropped."""
        self._gone = True
        self._waiting.clear()

    def receive(self, text: str, within_rate: bool) -> None:
        """Take one message."""
        self._stats.messages += 1
        message = {}
        try:
            message = read_message(text)
            if not within_rate:
                self._stats.rate_limited += 1
                raise ControlError(
                    "rate-limited", "more messages than are taken: send fewer, and this one again"
                )
            request = self._workers.dispatcher.parse(message)
        except ControlError as error:
            if error.code != "rate-limited":
                self._stats.bad_messages += 1
            self.connection.send(text_frame(refusal_text(request_id(message), error)))
            return
        if self._workers.is_slow(request):
            self._start_slow(request)
        elif self._working:
            self._waiting.append(request)
            if len(self._waiting) > _MOST_WAITING:
                self.connection.pause()
        else:
            self._run(request)

    def _run(self, request: Request) -> None:
        if self._workers.is_quick(request):
            self.connection.send(_frame(self._workers.run_now(self.client, request)))
            if request.op in _SUBSCRIBING:
                self._on_subscribed()
            return
        self._working = True
        self._workers.start(self.client, request, _frame).add_done_callback(self._on_done)

    def _on_done(self, done: "asyncio.Future[bytes]") -> None:
        self._working = False
        if done.cancelled() or self._gone:
            return
        self.connection.send(done.result())
        while self._waiting and not self._working:
            self._run(self._waiting.popleft())
        if len(self._waiting) <= _FEW_WAITING:
            self.connection.resume()

    def _start_slow(self, request: Request) -> None:
        if self._slow >= MAX_SLOW:
            error = ControlError("too-many", f"{MAX_SLOW} slow requests are under way: wait for an answer")
            self.connection.send(_frame(Reply(request.id, error=error)))
            return
        self._slow += 1
        self._workers.start(self.client, request, _frame).add_done_callback(self._on_slow_done)

    def _on_slow_done(self, done: "asyncio.Future[bytes]") -> None:
        self._slow -= 1
        if not done.cancelled() and not self._gone:
            self.connection.send(done.result())


def _frame(reply: Reply) -> bytes:
    return text_frame(reply_text(reply))
