"""The one asyncio shell around a protocol core: its UDP socket, its timer and, for SIP, its connections."""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

from softphone.errors import UnreachableError
from softphone.io.udp import Address as UdpAddress
from softphone.io.udp import (
    address_of,
    enable_error_queue,
    is_numeric,
    resolve,
    take_unreachable,
    why_refused,
)
from softphone.sip.events import Address
from softphone.sip.grammar import format_host_port

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)
Tap: TypeAlias = Callable[[str, bytes, Address], None]

_log = logging.getLogger(__name__)
_MAX_HOST_NAMES = 64


class Core(Protocol[E_co]):
    """The five verbs of every network core; `now` is in seconds of a monotonic clock.

    A core may also have `transport_error(addr, *, reason, closed, now)`, told when *addr* cannot be reached, or a connection
    to it was closed.
    """

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        """Take a datagram; never raises on what a peer sent."""

    def datagrams_to_send(self, *, now: float) -> list[tuple[bytes, Address]]:
        """Take out what is to go on the wire."""

    def handle_timeout(self, *, now: float) -> None:
        """Fire what is due."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""

    def next_event(self) -> E_co | None:
        """Take out the next event."""


@dataclass(slots=True)
class DriverStats:
    """What passed one socket."""

    datagrams_sent: int = 0
    datagrams_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    send_errors: int = 0
    """Datagrams the system refused to send."""
    unreachable: int = 0
    """Errors told to the core: ICMP, no route, no such host name."""


class Streams(Protocol):
    """Connections beside the socket, each known by its far end; see `softphone.io.sip_streams`."""

    def attach(
        self, on_message: Callable[[bytes, Address], None], on_lost: Callable[[Address, str, bool], None]
    ) -> None:
        """Set who is told."""

    def send(self, data: bytes, addr: tuple[str, int, str]) -> None:
        """Send by a connection."""

    def close(self) -> None:
        """Close them all."""


class DatagramDriver(asyncio.DatagramProtocol, Generic[E]):
    """Socket and timer of one core, and its connections where it has any.

    Call `pump` after anything that may have changed the core; it hands out the events, sends what is to be
    sent and sets the timer anew. It is safe to call from within `on_event`.
    """

    def __init__(
        self,
        core: Core[E],
        on_event: Callable[[E], None],
        sock: socket.socket | None,
        *,
        tap: Tap | None = None,
        streams: Streams | None = None,
    ) -> None:
        self.stats = DriverStats()
        self._core = core
        self._on_event = on_event
        self._socket = sock
        self._tap = tap
        self._streams = streams
        self._is_open = False
        self._loop = asyncio.get_running_loop()
        self._tell_unreachable: Callable[..., None] | None = getattr(core, "transport_error", None)
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pumping = False
        self._host_names: dict[str, str] = {}
        self._lookups: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls,
        core: Core[E],
        on_event: Callable[[E], None],
        sock: socket.socket | None,
        *,
        tap: Tap | None = None,
        streams: Streams | None = None,
    ) -> "DatagramDriver[E]":
        """Drive *core* over *sock*, a bound socket (see `udp.bind_udp`) that the driver owns from now on.

        Args:
            core: any object with the five verbs.
            on_event: called with each event of the core.
            sock: where its datagrams come and go; None: there are connections alone.
            tap: called with "<" or ">", each message and its address, for a trace.
            streams: its connections, the driver's from now on, too.
        """
        driver = cls(core, on_event, sock, tap=tap, streams=streams)
        if sock is not None:
            enable_error_queue(sock)
            await driver._loop.create_datagram_endpoint(lambda: driver, sock=sock)
        if streams is not None:
            streams.attach(driver.message_received, driver.peer_lost)
        driver._is_open = True
        driver.pump()
        return driver

    async def rebind(self, sock: socket.socket) -> None:
        """Go on over *sock* in place of the socket so far, whose address is gone."""
        before = self._transport
        enable_error_queue(sock)
        self._socket = sock
        await self._loop.create_datagram_endpoint(lambda: self, sock=sock)
        if before is not None:
            before.close()

    @property
    def address(self) -> UdpAddress:
        """The address the socket is bound to; of no use without one."""
        return ("", 0) if self._socket is None else address_of(self._socket)

    @property
    def is_open(self) -> bool:
        """Whether the socket is open, which it is from `open` to `close`."""
        return self._is_open

    def close(self) -> None:
        """Stop the timer and close socket and connections; what `pump` has sent is on its way."""
        self._is_open = False
        self._set_timer(None)
        if self._streams is not None:
            self._streams.close()
        for lookup in self._lookups:
            lookup.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def pump(self) -> None:
        """Drain the core and set its timer."""
        if self._pumping or not self.is_open:
            return
        self._pumping = True
        try:
            while (event := self._core.next_event()) is not None:
                self._on_event(event)
        finally:
            self._pumping = False
            self._flush()  # whatever a handler did wrong, the peers hear of what the core has done

    def _flush(self) -> None:
        if not self.is_open:  # closed by what an event led to
            return
        for data, addr in self._core.datagrams_to_send(now=self._loop.time()):
            self._send(data, addr)
        self._set_timer(self._core.next_timeout())

    def _set_timer(self, deadline: float | None) -> None:
        if self._timer is not None:
            if self._timer.when() == deadline:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._on_timer, deadline)

    def _on_timer(self, deadline: float) -> None:
        self._timer = None
        # asyncio may call up to its clock's resolution early, when the core would find nothing due yet.
        self._core.handle_timeout(now=max(deadline, self._loop.time()))
        self.pump()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio reads the socket from now on."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """A datagram came in."""
        self.message_received(data, (addr[0], addr[1]))

    def message_received(self, data: bytes, source: Address) -> None:
        """A datagram came in, or a message by a connection."""
        self.stats.datagrams_received += 1
        self.stats.bytes_received += len(data)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("< %d bytes from %s", len(data), _spelt(source))
        if self._tap is not None:
            self._tap("<", data, source)
        self._core.receive_datagram(data, source, now=self._loop.time())
        self.pump()

    def error_received(self, exc: Exception) -> None:
        """The socket has an error waiting: ICMP, on Linux with the destination that it is about."""
        for addr in take_unreachable(self._socket) if self._socket is not None else ():
            self._unreachable(addr, why_refused(exc, addr))
        self.pump()

    def peer_lost(self, addr: Address, reason: str, closed: bool) -> None:
        """A connection cannot be opened, or is no more."""
        if closed:
            if self._tell_unreachable is not None:
                self._tell_unreachable(addr, reason=reason, closed=True, now=self._loop.time())
            self.pump()
        else:
            self._unreachable(addr, reason)

    def _send(self, data: bytes, addr: Address) -> None:
        if len(addr) == 3:
            if self._streams is None:
                self._unreachable(addr, f"no transport {addr[2]} here")
                return
            self._streams.send(data, addr)
            self._sent(data, addr)
            return
        if self._socket is None:
            self._unreachable(addr, "no transport UDP here")
            return
        host = self._host_names.get(addr[0], addr[0])
        if host == addr[0] and not is_numeric(host):
            lookup = self._loop.create_task(self._send_when_resolved(data, addr))
            self._lookups.add(lookup)
            lookup.add_done_callback(self._lookups.discard)
            return
        try:
            self._send_now(self._socket, data, (host, addr[1]))
        except BlockingIOError:
            self.stats.send_errors += 1  # the kernel's buffer is full: as if lost on the way
            return
        except OSError as error:
            self.stats.send_errors += 1
            # A datagram too large leaves an entry that would wake the loop for ever.
            take_unreachable(self._socket)
            self._unreachable(addr, why_refused(error, addr))
            return
        self._sent(data, addr)

    def _sent(self, data: bytes, addr: Address) -> None:
        self.stats.datagrams_sent += 1
        self.stats.bytes_sent += len(data)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("> %d bytes to %s", len(data), _spelt(addr))
        if self._tap is not None:
            self._tap(">", data, addr)

    def _send_now(self, sock: socket.socket, data: bytes, addr: UdpAddress) -> None:
        try:
            sock.sendto(data, addr)
        except BlockingIOError:
            raise
        except OSError as error:
            # Perhaps what an earlier datagram met, on its way to somebody else: then a second try goes well.
            for unreachable in take_unreachable(sock):
                self._unreachable(unreachable, why_refused(error, unreachable))
            sock.sendto(data, addr)

    async def _send_when_resolved(self, data: bytes, addr: UdpAddress) -> None:
        family = socket.AF_UNSPEC if self._socket is None else self._socket.family
        try:
            host, _ = await resolve(addr[0], addr[1], family=family)
        except UnreachableError as error:
            self._unreachable(addr, str(error))
            return
        if len(self._host_names) >= _MAX_HOST_NAMES:
            self._host_names.clear()
        self._host_names[addr[0]] = host
        if self.is_open:
            self._send(data, addr)

    def _unreachable(self, addr: Address, reason: str) -> None:
        """Tell the core, and look for what it makes of it once the present work is done."""
        self.stats.unreachable += 1
        _log.debug("! %s cannot be reached: %s", _spelt(addr), reason)
        if self._tell_unreachable is not None:
            now = self._loop.time()
            self._tell_unreachable(addr, reason=reason, closed=False, now=now)
            if len(addr) == 2:
                for name, host in self._host_names.items():
                    if host == addr[0]:  # the core may know it by name
                        self._tell_unreachable((name, addr[1]), reason=reason, closed=False, now=now)
            self._loop.call_soon(self.pump)


def _spelt(addr: Address) -> str:
    where = format_host_port(addr[0], addr[1])
    return where if len(addr) == 2 else f"{where} {addr[2]}"
