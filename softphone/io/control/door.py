"""The door: TCP connections are taken in, with TLS where there is any, and those that only stand there are shown out."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial

from softphone.io.control.connection import OPEN_S, Connection
from softphone.io.control.limits import Seats, address_key
from softphone.io.control.stats import ServerStats

MAX_PENDING = 128
"""Connections that have sent no whole request, or said no hello. Beyond, the oldest go."""
MAX_PENDING_PER_ADDRESS = 64
"""A class behind one router opens the page at the same moment."""

_TLS_CLOSE_S = 2.0
_PAUSE_S = 0.1
_log = logging.getLogger(__name__)


class Door:
    """Accepts connections until `close`.

    asyncio's own server tells nobody of a connection before its TLS handshake is done; here that counts, too.

    Args:
        make: a connection of who counts as the key it is given.
    """

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext | None,
        make: Callable[[str], Connection],
        stats: ServerStats,
    ) -> None:
        self.pending: Seats[Connection] = Seats(MAX_PENDING, MAX_PENDING_PER_ADDRESS)
        """Who has come no further yet."""
        self._socket = sock
        self._context = context
        self._make = make
        self._stats = stats
        self._loop = asyncio.get_running_loop()
        self._openings: dict[Connection, asyncio.Task[None]] = {}
        self._task = self._loop.create_task(self._accept())

    def passed(self, connection: Connection) -> None:
        """*connection* has come further, or is gone."""
        self.pending.leave(connection)

    def close(self) -> None:
        """Accept no more, and drop who has come no further."""
        self._task.add_done_callback(lambda _: self._socket.close())
        self._task.cancel()
        for connection in self.pending:
            self._show_out(connection)

    async def closed(self) -> None:
        """Wait until the port is free again, after `close`."""
        await asyncio.wait([self._task])

    async def _accept(self) -> None:
        while True:
            try:
                taken, address = await self._loop.sock_accept(self._socket)
            except OSError as error:  # no more files may be open, or it was gone again
                _log.warning("! a connection could not be taken: %s", error.strerror)
                await asyncio.sleep(_PAUSE_S)
                continue
            self._stats.connections += 1
            key = address_key(str(address[0]))
            if self.pending.is_full(key):
                oldest = self.pending.oldest(key)
                if oldest is not None:
                    self._stats.crowded += 1
                    self._show_out(oldest)
            connection = self._make(key)
            self.pending.take(connection, key)
            opening = self._loop.create_task(self._open(connection, taken))
            self._openings[connection] = opening
            opening.add_done_callback(partial(self._on_open, connection, taken))
            await asyncio.sleep(0)  # a rush at the door must not hold up the loop

    async def _open(self, connection: Connection, taken: socket.socket) -> None:
        if self._context is None:
            await self._loop.connect_accepted_socket(lambda: connection, taken)
        else:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                taken,
                ssl=self._context,
                ssl_handshake_timeout=OPEN_S,
                ssl_shutdown_timeout=_TLS_CLOSE_S,
            )

    def _on_open(self, connection: Connection, taken: socket.socket, done: "asyncio.Task[None]") -> None:
        del self._openings[connection]
        if not done.cancelled() and done.exception() is None:
            return
        taken.close()
        if not done.cancelled():
            self._stats.tls_failures += 1
        connection.connection_lost(None)

    def _show_out(self, connection: Connection) -> None:
        self.pending.leave(connection)
        opening = self._openings.get(connection)
        if opening is not None and self._context is not None:
            opening.cancel()
        connection.abort()
