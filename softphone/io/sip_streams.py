"""SIP over TCP and TLS: listeners and connections, each connection known by its far end (RFC 3261 section 18)."""

import asyncio
import logging
import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from softphone.errors import SoftphoneError, UnreachableError
from softphone.io.sip_connection import MAX_UNSENT_BYTES, Connection, Gate, Stream, spelt
from softphone.io.sip_tls import TlsTerms, why_not_tls
from softphone.io.udp import listen_sip, resolve
from softphone.sip.events import Address

MAX_CONNECTIONS = 256
MAX_PER_HOST = 32
"""Connections that others open to us; what is more is closed at once."""
CONNECT_S = 5.0
MAX_REMEMBERED = 1024
LISTENING_PORTS = (5060, 5061)
"""Some connect from the port that they listen at; at any other port that a connection came from nobody listens."""

_log = logging.getLogger(__name__)

V = TypeVar("V")
OnMessage = Callable[[bytes, Address], None]
OnLost = Callable[[Address, str, bool], None]
"""Told a far end that cannot be reached, why, and whether a connection that stood was closed."""


@dataclass(slots=True)
class StreamStats:
    """What became of connections."""

    opened: int = 0
    accepted: int = 0
    refused: int = 0
    """Closed at once, because there were too many."""
    broken: int = 0
    """Closed because of what came by them: no length, too long, too slow."""
    dead: int = 0
    """Closed because a keep-alive stayed without an answer."""


class SipStreams:
    """All connections of one SIP station; `attach` before anything else.

    Args:
        terms: how the far ends of TLS are checked, and what is shown to them.
        local_host: the address connections are opened from; None: the system's choice.
    """

    def __init__(self, terms: TlsTerms, *, local_host: str | None = None) -> None:
        self.stats = StreamStats()
        self._terms = terms
        self._local_host = local_host
        self._loop = asyncio.get_running_loop()
        self._on_message: OnMessage | None = None
        self._on_lost: OnLost | None = None
        self._servers: list[asyncio.Server] = []
        self._open: dict[Address, Connection] = {}
        self._opening: dict[Address, _Opening] = {}
        self._accepted: OrderedDict[Address, None] = OrderedDict()
        """Far ends of connections that were opened to us, also after their end: nobody listens there."""
        self.shaking: dict[Gate, str] = {}
        """Connections opened to us whose TLS handshake is under way, with their hosts."""
        self._names: OrderedDict[Address, str] = OrderedDict()
        self._verified: OrderedDict[Address, bool | None] = OrderedDict()

    def attach(self, on_message: OnMessage, on_lost: OnLost) -> None:
        """Set who takes messages, and the news of connections that are no more."""
        self._on_message, self._on_lost = on_message, on_lost

    async def listen(self, host: str, port: int, transport: str) -> tuple[str, int]:
        """Take connections at an address; return it as it was bound.

        Raises:
            EnvironmentProblem: the port is in use, or the address is not this machine's.
        """
        sock = listen_sip(host, port)
        context = self._terms.server if transport == "TLS" else None

        def protocol() -> asyncio.Protocol:
            return Connection(self, transport) if context is None else Gate(self, context)

        self._servers.append(await self._loop.create_server(protocol, sock=sock))
        bound = sock.getsockname()
        return str(bound[0]), int(bound[1])

    def move(self, host: str) -> None:
        """Open connections from *host* from now on."""
        if self._local_host is not None:
            self._local_host = host

    def expect(self, addr: Address, name: str) -> None:
        """Check the certificate at *addr* against *name*, the domain that was asked for (RFC 5922 section 7.3)."""
        _keep(self._names, addr, name)

    def verified(self, addr: Address) -> bool | None:
        """Whether the certificate at *addr* was checked; None where there is none to check, or no connection was."""
        return self._verified.get(addr)

    def local_of(self, addr: Address) -> tuple[str, int] | None:
        """Our end of the connection to *addr*."""
        connection = self._open.get(addr)
        return None if connection is None else connection.local

    def send(self, data: bytes, addr: Stream) -> None:
        """Send by the connection to *addr*; one is opened where there is none."""
        connection = self._open.get(addr)
        if connection is not None:
            connection.write(data)
            return
        if addr in self._accepted and addr[1] not in LISTENING_PORTS:
            self._lost(addr, f"{spelt(addr)} has closed its connection", closed=False)
            return
        opening = self._opening.get(addr)
        if opening is None:
            opening = self._opening[addr] = _Opening()
            opening.task = self._loop.create_task(self._connect(addr, opening))
        opening.add(data)

    def close(self) -> None:
        """Close all connections; what was sent is on its way."""
        for server in self._servers:
            server.close()
        for opening in list(self._opening.values()):
            if opening.task is not None:
                opening.task.cancel()
        for gate in list(self.shaking):
            gate.abort()
        for connection in list(self._open.values()):
            connection.close()
        self._on_message = self._on_lost = None

    async def _connect(self, addr: Stream, opening: "_Opening") -> None:
        transport = addr[2]
        connection = Connection(self, transport, addr, self._expected(addr))
        try:
            if transport not in ("TCP", "TLS"):
                raise UnreachableError(f"no transport {transport} here: udp, tcp and tls there are")
            await asyncio.wait_for(self._open_connection(connection, addr), CONNECT_S)
        except SoftphoneError as error:
            reason = str(error)
        except TimeoutError:
            reason = f"no {transport} connection to {spelt(addr)} within {CONNECT_S:g} s"
        except ssl.SSLError as error:
            reason = why_not_tls(error, spelt(addr))
        except ConnectionRefusedError:
            reason = f"connection refused: nobody takes {transport} at {spelt(addr)}"
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            reason = f"no {transport} connection to {spelt(addr)}: {why}"
        else:
            del self._opening[addr]
            for data in opening.waiting:
                connection.write(data)
            return
        connection.abort()
        del self._opening[addr]
        self._lost(addr, reason, closed=False)

    async def _open_connection(self, connection: "Connection", addr: Stream) -> None:
        host, port, transport = addr
        numeric, _ = await resolve(host, port)
        local = self._local_host
        if local is not None and (":" in local) != (":" in numeric):
            local = None
        is_tls = transport == "TLS"
        await self._loop.create_connection(
            lambda: connection,
            numeric,
            port,
            ssl=self._terms.client() if is_tls else None,
            server_hostname=self._names.get(addr, host) if is_tls else None,
            local_addr=None if local is None else (local, 0),
        )
        if connection.wrong is not None:
            raise UnreachableError(connection.wrong)
        if is_tls:
            _keep(self._verified, addr, not self._terms.insecure)
        self.stats.opened += 1

    def _expected(self, addr: Stream) -> str | None:
        """Whom the certificate at *addr* must be for; None: nobody looks."""
        return self._names.get(addr, addr[0]) if addr[2] == "TLS" and not self._terms.insecure else None

    def admits(self, host: str) -> bool:
        """Whether one more connection of *host* is taken; counts it if it is not."""
        there = [each[0] for each in self._open] + list(self.shaking.values())
        if len(there) < MAX_CONNECTIONS and there.count(host) < MAX_PER_HOST:
            return True
        self.stats.refused += 1
        return False

    def made(self, connection: "Connection", addr: Stream) -> bool:
        """Take note of a connection that stands; False if it is one too many."""
        if connection.was_accepted:
            # One that we opened, to a far end whose certificate we saw, is not replaced by one from the same port.
            if addr in self._open or not self.admits(addr[0]):
                return False
            self.stats.accepted += 1
            _keep(self._accepted, addr, None)
        self._open[addr] = connection
        return True

    def take(self, data: bytes, addr: Address) -> None:
        """Take a message that came by a connection."""
        if self._on_message is not None:
            self._on_message(data, addr)

    def gone(self, connection: "Connection", addr: Address, reason: str) -> None:
        """Take note of a connection that is no more."""
        if self._open.get(addr) is connection:
            del self._open[addr]
            self._lost(addr, reason, closed=True)

    def _lost(self, addr: Address, reason: str, *, closed: bool) -> None:
        _log.debug("! %s: %s", spelt(addr), reason)
        self._loop.call_soon(self._tell_lost, addr, reason, closed)

    def _tell_lost(self, addr: Address, reason: str, closed: bool) -> None:
        if self._on_lost is not None:
            self._on_lost(addr, reason, closed)


class _Opening:
    """A connection on its way, and what waits for it."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.waiting: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        """Keep *data* until the connection stands; what is too much is lost, as a datagram would be."""
        if self._size + len(data) <= MAX_UNSENT_BYTES:
            self.waiting.append(data)
            self._size += len(data)


def _keep(store: OrderedDict[Address, V], key: Address, value: V) -> None:
    """Put *value* in as the newest."""
    store[key] = value
    store.move_to_end(key)
    if len(store) > MAX_REMEMBERED:
        store.popitem(last=False)
