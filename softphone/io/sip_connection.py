"""One SIP connection: framing, keep-alives and time limits, and the TLS handshake before it (RFC 3261 section 18, RFC 5626)."""

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING, Any, cast

from softphone.io.sip_tls import wrong_name
from softphone.sip.events import Address
from softphone.sip.framing import PING, PONG, FramingError, Keepalive, StreamFramer
from softphone.sip.grammar import format_host_port

if TYPE_CHECKING:
    from softphone.io.sip_streams import SipStreams

MESSAGE_S = 10.0
"""A message that has begun is whole by then, and so is the first one of a connection that was opened to us."""
IDLE_S = 1800.0
"""A connection opened to us that nothing comes by for so long is closed."""
PING_S = 110.0
"""RFC 5626 section 4.4.1: 95 to 120 s between keep-alives over a connection."""
PONG_S = 10.0
"""A far end that has ever answered a keep-alive answers the next in this time, or the connection is dead."""
MAX_UNSENT_BYTES = 262_144
"""Who does not read so much of what we send loses the connection."""

_log = logging.getLogger(__name__)

Stream = tuple[str, int, str]


def spelt(addr: Address) -> str:
    """Host and port of *addr*, for a person."""
    return format_host_port(addr[0], addr[1])


class Gate(asyncio.Protocol):
    """A connection opened to us, until its TLS handshake is done: counted from the start."""

    def __init__(self, streams: "SipStreams", context: ssl.SSLContext) -> None:
        self._streams = streams
        self._context = context
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._transport = cast(asyncio.Transport, transport)
        far = transport.get_extra_info("peername")
        if not far or not self._streams.admits(far[0]):
            self.abort()
            return
        self._transport.pause_reading()  # what comes is for the handshake
        self._streams.shaking[self] = far[0]
        self._task = asyncio.get_running_loop().create_task(self._shake(self._transport))

    def abort(self) -> None:
        """Close it at once."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def _shake(self, transport: asyncio.Transport) -> None:
        connection = Connection(self._streams, "TLS")
        try:
            secure = await asyncio.get_running_loop().start_tls(
                transport, connection, self._context, server_side=True, ssl_handshake_timeout=MESSAGE_S
            )
        except (OSError, EOFError) as error:  # ssl.SSLError is an OSError
            _log.debug("x no TLS handshake: %s", error)
            self._streams.stats.broken += 1
            transport.abort()
            return
        finally:
            self._streams.shaking.pop(self, None)
        if secure is None:  # closed meanwhile
            transport.abort()
        else:
            connection.connection_made(secure)


class Connection(asyncio.Protocol):
    """One connection: framing, keep-alives and time limits.

    Args:
        streams: whose it is.
        transport_name: TCP or TLS.
        addr: its far end, where we open it; None for one that is opened to us.
        expected: whom its certificate must be for.
    """

    def __init__(
        self,
        streams: "SipStreams",
        transport_name: str,
        addr: Stream | None = None,
        expected: str | None = None,
    ) -> None:
        self.was_accepted = addr is None
        self.wrong: str | None = None
        """Why the certificate is not the one that was expected."""
        self.local: tuple[str, int] | None = None
        self._streams = streams
        self._name = transport_name
        self._addr = addr
        self._expected = expected
        self._loop = asyncio.get_running_loop()
        self._made_at = self._loop.time()
        self._is_made = False
        self._early = b""
        """What came before asyncio said that the connection stands."""
        self._transport: asyncio.Transport | None = None
        self._framer = StreamFramer()
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = self._loop.time()
        """When the last whole message or keep-alive came, or anything was sent."""
        self._began_at: float | None = None
        """When the message began that is not whole yet."""
        self._is_peer = False
        """Whether a whole message has come."""
        self._pongs = False
        """Whether the far end answers keep-alives."""
        self._pinged_at: float | None = None

    @property
    def certificate(self) -> dict[str, Any]:
        """The far end's, as `ssl` decodes it; empty where it was not checked."""
        shown = None if self._transport is None else self._transport.get_extra_info("peercert")
        return shown or {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = cast(asyncio.Transport, transport)
        far, near = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if not far or not near:  # gone already
            self.abort()
            return
        self.local = (near[0], near[1])
        if self._addr is None:
            self._addr = (far[0], far[1], self._name)
        if self._expected is not None:
            self.wrong = wrong_name(self.certificate, self._expected)
        if self.wrong is not None or not self._streams.made(self, self._addr):
            self.abort()
            return
        self._is_made = True
        self._arm()
        if self._early:
            early, self._early = self._early, b""
            self.data_received(early)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._addr is not None:
            why = f": {getattr(exc, 'strerror', None) or exc}" if exc is not None else ""
            self._streams.gone(self, self._addr, f"{spelt(self._addr)} has closed its connection{why}")

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._addr is None or not self._is_made:
            if self._transport is None:
                self._early += data
            return
        now = self._loop.time()
        try:
            whole = self._framer.feed(data)
        except FramingError as error:
            self._break(f"sent {error}")
            return
        for each in whole:
            self._began_at = None
            self._heard_at = now
            match each:
                case Keepalive.PING:
                    self.write(PONG)
                case Keepalive.PONG:
                    self._pongs = self._pongs or self._pinged_at is not None
                    self._pinged_at = None
                case _:
                    self._is_peer = True
                    self._streams.take(each, self._addr)
        if self._framer.is_partial and self._began_at is None:
            self._began_at = now
        self._arm()

    def write(self, data: bytes) -> None:
        """Send *data*."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() + len(data) > MAX_UNSENT_BYTES:
            self._break("does not read what is sent to it")
            return
        transport.write(data)

    def close(self) -> None:
        """Close it once all is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    def _break(self, why: str) -> None:
        self._streams.stats.broken += 1
        if self._addr is not None:
            _log.debug("x %s %s", spelt(self._addr), why)
        self.abort()

    def _deadline(self) -> float:
        """When something is to be done about this connection, if nothing comes by it."""
        times = [self._heard_at + (PING_S if not self.was_accepted else IDLE_S)]
        if self._began_at is not None:
            times.append(self._began_at + MESSAGE_S)
        if self.was_accepted and not self._is_peer:
            times.append(self._made_at + MESSAGE_S)  # keep-alives alone keep nothing open
        if self._pinged_at is not None:
            times = [self._pinged_at + PONG_S, *times[1:]]
        return min(times)

    def _arm(self) -> None:
        at = self._deadline()
        if self._timer is not None:
            if self._timer.when() <= at:
                return  # looked at again then
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._deadline() > now:
            self._arm()
        elif self._began_at is not None and now >= self._began_at + MESSAGE_S:
            self._break(f"took more than {MESSAGE_S:g} s for a message")
        elif self.was_accepted:
            if not self._is_peer:
                self._break(f"sent no message in {MESSAGE_S:g} s")
            else:
                self.close()
        elif self._pinged_at is not None and self._pongs:
            self._streams.stats.dead += 1
            self.abort()
        elif self._pinged_at is not None:  # it never answered one: perhaps it does not know them
            self._pinged_at, self._heard_at = None, now
            self._arm()
        else:
            self._pinged_at = now
            self.write(PING)
            self._arm()
