"""The one asyncio shell around a protocol core: its UDP socket and its timer, and no protocol knowledge."""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from softphone.errors import UnreachableError
from softphone.io.udp import Address, address_of, enable_error_queue, is_numeric, resolve, take_unreachable

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)
Tap: TypeAlias = Callable[[str, bytes, Address], None]

_log = logging.getLogger(__name__)
_MAX_HOST_NAMES = 64


class Core(Protocol[E_co]):
    """The five verbs of every network core; `now` is in seconds of a monotonic clock.

    A core may also have `transport_error(addr, *, now)`, told when *addr* cannot be reached.
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


class DatagramDriver(asyncio.DatagramProtocol, Generic[E]):
    """Socket and timer of one core.

    Call `pump` after anything that may have changed the core; it hands out the events, sends what is to be
    sent and sets the timer anew. It is safe to call from within `on_event`.
    """

    def __init__(
        self,
        core: Core[E],
        on_event: Callable[[E], None],
        sock: socket.socket,
        *,
        tap: Tap | None = None,
    ) -> None:
        self.stats = DriverStats()
        self._core = core
        self._on_event = on_event
        self._socket = sock
        self._tap = tap
        self._loop = asyncio.get_running_loop()
        self._tell_unreachable: Callable[..., None] | None = getattr(core, "transport_error", None)
        self._transport: asyncio.BaseTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pumping = False
        self._host_names: dict[str, str] = {}
        self._lookups: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls, core: Core[E], on_event: Callable[[E], None], sock: socket.socket, *, tap: Tap | None = None
    ) -> "DatagramDriver[E]":
        """Drive *core* over *sock*, a bound socket (see `udp.bind_udp`) that the driver owns from now on.

        Args:
            core: any object with the five verbs.
            on_event: called with each event of the core.
            sock: where its datagrams come and go.
            tap: called with "<" or ">", each datagram and its address, for a trace.
        """
        driver = cls(core, on_event, sock, tap=tap)
        enable_error_queue(sock)
        await driver._loop.create_datagram_endpoint(lambda: driver, sock=sock)
        driver.pump()
        return driver

    @property
    def address(self) -> Address:
        """The address the socket is bound to."""
        return address_of(self._socket)

    @property
    def is_open(self) -> bool:
        """Whether the socket is open, which it is from `open` to `close`."""
        return self._transport is not None

    def close(self) -> None:
        """Stop the timer and close the socket; what `pump` has sent is on its way."""
        self._set_timer(None)
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
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """A datagram came in."""
        source: Address = (addr[0], addr[1])
        self.stats.datagrams_received += 1
        self.stats.bytes_received += len(data)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("< %d bytes from %s:%d", len(data), *source)
        if self._tap is not None:
            self._tap("<", data, source)
        self._core.receive_datagram(data, source, now=self._loop.time())
        self.pump()

    def error_received(self, exc: Exception) -> None:
        """The socket has an error waiting: ICMP, on Linux with the destination that it is about."""
        for addr in take_unreachable(self._socket):
            self._unreachable(addr, str(exc))
        self.pump()

    def _send(self, data: bytes, addr: Address) -> None:
        host = self._host_names.get(addr[0], addr[0])
        if host == addr[0] and not is_numeric(host):
            lookup = self._loop.create_task(self._send_when_resolved(data, addr))
            self._lookups.add(lookup)
            lookup.add_done_callback(self._lookups.discard)
            return
        try:
            self._send_now(data, (host, addr[1]))
        except BlockingIOError:
            self.stats.send_errors += 1  # the kernel's buffer is full: as if lost on the way
            return
        except OSError as error:
            self.stats.send_errors += 1
            # A datagram too large leaves an entry that would wake the loop for ever.
            take_unreachable(self._socket)
            self._unreachable(addr, str(error))
            return
        self.stats.datagrams_sent += 1
        self.stats.bytes_sent += len(data)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("> %d bytes to %s:%d", len(data), *addr)
        if self._tap is not None:
            self._tap(">", data, addr)

    def _send_now(self, data: bytes, addr: Address) -> None:
        try:
            self._socket.sendto(data, addr)
        except BlockingIOError:
            raise
        except OSError as error:
            # Perhaps what an earlier datagram met, on its way to somebody else: then a second try goes well.
            for unreachable in take_unreachable(self._socket):
                self._unreachable(unreachable, str(error))
            self._socket.sendto(data, addr)

    async def _send_when_resolved(self, data: bytes, addr: Address) -> None:
        try:
            host, _ = await resolve(addr[0], addr[1], family=self._socket.family)
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
        _log.debug("! %s:%d cannot be reached: %s", addr[0], addr[1], reason)
        if self._tell_unreachable is not None:
            now = self._loop.time()
            self._tell_unreachable(addr, now=now)
            for name, host in self._host_names.items():
                if host == addr[0]:  # the core may know it by name
                    self._tell_unreachable((name, addr[1]), now=now)
            self._loop.call_soon(self.pump)
