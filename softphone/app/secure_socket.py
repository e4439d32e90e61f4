"""A media socket whose packets are SRTP as soon as both sides have keys, and a handshake on it that makes them."""

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softphone.app.call_keys import suites_of
from softphone.config import Address, MediaOptions
from softphone.io.dtls import DtlsEndpoint, DtlsError, is_dtls, own_certificate
from softphone.rtp.packet import is_rtcp
from softphone.rtp.srtp import SrtpReceiver, SrtpSender, SrtpStats, tag_bytes
from softphone.sdp.media import Dtls, Negotiated, Sdes

if TYPE_CHECKING:
    from softphone.app.line import PolledSocket

Arrival = tuple[bytes, Address, float]

POLL_S = 0.01
"""While a handshake is made the socket is read so often; afterwards at the call's own tick."""
HANDSHAKE_S = 10.0
"""How long a handshake may take."""
MAX_WAITING = 100
"""Packets that are kept for the keys that will open them."""


class State(enum.Enum):
    """What passes."""

    CLEAR = "clear"
    """Everything, as it is."""
    WAITING = "waiting"
    """Nothing but the handshake: keys are to come."""
    KEYED = "keyed"
    """What the keys protect."""


@dataclass(frozen=True, slots=True)
class Protection:
    """How the media of a call was protected."""

    encryption: str = "none"
    """``none``, ``sdes`` or ``dtls``."""
    suite: str | None = None
    stats: SrtpStats | None = None


class SecureSocket:
    """*socket*, with SRTP as the two sides agree on.

    Args:
        socket: what goes over the wire.
        suites: what a handshake may agree on, the best first.
    """

    def __init__(self, socket: "PolledSocket", *, suites: tuple[str, ...]) -> None:
        self.inner = socket
        self._suites = suites
        self._state = State.CLEAR
        self._stats = SrtpStats()
        self._security: Sdes | Dtls | None = None
        self._sender: SrtpSender | None = None
        self._receiver: SrtpReceiver | None = None
        self._previous: SrtpReceiver | None = None
        self._remote: Address = ("", 0)
        self._remote_rtcp: Address = ("", 0)
        self._peer = self._remote
        """Where the handshake goes: where the peer's part of it came from last."""
        self._by_ice = False
        self._shares_port = True
        self._endpoint: DtlsEndpoint | None = None
        self._waiting: list[Arrival] = []
        self._timer: asyncio.Handle | None = None
        self._deadline = 0.0
        self._then: Callable[[], None] | None = None
        self._failed: Callable[[DtlsError], None] | None = None

    @property
    def ports(self) -> tuple[int, int]:
        """Ports of RTP and RTCP."""
        return self.inner.ports

    @property
    def protection(self) -> Protection:
        """How media is protected now."""
        if self._state is not State.KEYED or self._sender is None:
            return Protection()
        kind = "sdes" if isinstance(self._security, Sdes) else "dtls"
        return Protection(kind, self._sender.suite, self._stats)

    @property
    def tag_bytes(self) -> int:
        """What is added to each RTP packet."""
        return 0 if self._sender is None else tag_bytes(self._sender.suite)

    def follow(
        self,
        negotiated: Negotiated,
        *,
        then: Callable[[], None] | None,
        failed: Callable[[DtlsError], None],
    ) -> None:
        """Protect media as *negotiated* says, from now on.

        Args:
            negotiated: what SDP agreed on.
            then: called when media can flow: at once, or after a handshake; None: what waits for that already goes on waiting.
            failed: called when it cannot.
        """
        self._remote = (negotiated.remote_host, negotiated.remote_port)
        self._remote_rtcp = (negotiated.remote_rtcp_host, negotiated.remote_rtcp_port)
        self._by_ice = negotiated.ice is not None
        self._then, self._failed = then or self._then, failed
        before, self._security = self._security, negotiated.security
        match negotiated.security:
            case None:
                self._end_handshake()
                self._endpoint = self._sender = self._receiver = self._previous = None
                self._state = State.CLEAR
            case Sdes(send=send, receive=receive):
                self._end_handshake()
                self._endpoint = None
                self._shares_port = True
                self._use(send.suite, send.key, receive.key)
            case Dtls() as dtls:
                # RFC 5764 section 4.1: RTCP on a port of its own would have a handshake of its own; it goes without.
                self._shares_port = negotiated.rtcp_mux
                if before != dtls or self._endpoint is None:
                    self._begin_handshake(dtls)
        if self._timer is None:
            self._tell_ready()

    def drain(self, now: float, *, spacing_s: float = 0.0) -> list[Arrival]:
        """What has come by *now* and is the peer's, opened; see `RtpSocket.drain`."""
        arrivals = self.inner.drain(now, spacing_s=spacing_s)
        if self._waiting:
            arrivals, self._waiting = [*self._waiting, *arrivals], []
        if self._state is State.CLEAR:
            return arrivals
        opened: list[Arrival] = []
        for data, addr, arrival in arrivals:
            if is_dtls(data):
                self._take_handshake(data, addr)
            elif self._state is State.WAITING:
                self._keep(data, addr, arrival)
            elif not self._shares_port and is_rtcp(data):
                continue
            elif (packet := self._open(data)) is not None:
                opened.append((packet, addr, arrival))
        return opened

    def send(self, data: bytes, addr: Address) -> None:
        """Protect *data* and send it; what has no key yet is not sent."""
        if self._state is State.CLEAR:
            self.inner.send(data, addr)
        elif self._sender is not None and (self._shares_port or not is_rtcp(data)):
            packet = self._sender.protect(data)
            if packet is not None:
                self.inner.send(packet, addr)

    def stop(self) -> None:
        """End a handshake that is under way; whoever made the socket below closes it."""
        self._end_handshake()
        self._then = self._failed = None

    def _use(self, suite: str, send: bytes, receive: bytes) -> None:
        """Use these keys; one that is in use already goes on, with its roll-over counter."""
        if self._sender is None or (self._sender.suite, self._sender.key) != (suite, send):
            self._sender = SrtpSender(suite, send, self._stats)
        if self._receiver is None or (self._receiver.suite, self._receiver.key) != (suite, receive):
            # What is on the way was made with the old key.
            self._previous, self._receiver = self._receiver, SrtpReceiver(suite, receive, self._stats)
        self._state = State.KEYED

    def _open(self, data: bytes) -> bytes | None:
        if self._receiver is None:
            return None
        if self._previous is not None:
            if (packet := self._previous.try_open(data)) is not None:
                return packet
            if (packet := self._receiver.open(data)) is not None:
                self._previous = None
            return packet
        return self._receiver.open(data)

    def _keep(self, data: bytes, addr: Address, arrival: float) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append((data, addr, arrival))

    # -- the handshake --

    def _begin_handshake(self, dtls: Dtls) -> None:
        self._end_handshake()
        self._endpoint = DtlsEndpoint(
            own_certificate(), dtls.fingerprints, is_client=dtls.is_client, suites=self._suites
        )
        if self._state is State.CLEAR:
            self._state = State.WAITING
        self._peer = self._remote
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + HANDSHAKE_S
        self._timer = loop.call_soon(self._start_handshake)

    def _start_handshake(self) -> None:
        if self._endpoint is None:
            return
        try:
            self._endpoint.start()
        except DtlsError as error:
            self._fail(error)
            return
        self._say()
        self._poll()

    def _poll(self) -> None:
        """Read the socket for the handshake; what else has come is kept for the call."""
        loop = asyncio.get_running_loop()
        for data, addr, arrival in self.inner.drain(loop.time()):
            if is_dtls(data):
                self._take_handshake(data, addr)
            else:
                self._keep(data, addr, arrival)
        endpoint = self._endpoint
        if self._timer is None or endpoint is None:
            return
        timeout_s = endpoint.timeout_s()
        if loop.time() >= self._deadline:
            self._fail(DtlsError(f"DTLS: no handshake with {self._remote[0]} in {HANDSHAKE_S:g} s"))
        elif timeout_s is not None and timeout_s <= 0:
            try:
                endpoint.handle_timeout()
            except DtlsError as error:
                self._fail(error)
                return
            self._say()
        if self._timer is not None:
            self._timer = loop.call_later(POLL_S, self._poll)

    def _take_handshake(self, data: bytes, addr: Address) -> None:
        """Take a datagram of DTLS; afterwards, too, for our last words may have been lost."""
        endpoint = self._endpoint
        if endpoint is None or (addr[0] != self._remote[0] and not self._by_ice):
            self._stats.unauthenticated += 1
            return
        if not self._shares_port and addr[:2] == self._remote_rtcp:
            return  # RFC 5764 section 4.1: a handshake for RTCP alone, which we do not make
        self._peer = addr
        try:
            endpoint.receive(data)
        except DtlsError as error:
            self._fail(error)
            return
        self._say()
        if self._timer is not None and endpoint.keys is not None:
            self._end_handshake()
            keys = endpoint.keys
            self._use(keys.suite, keys.send, keys.receive)
            self._tell_ready()

    def _say(self) -> None:
        if self._endpoint is not None:
            for data in self._endpoint.datagrams_to_send():
                self.inner.send(data, self._peer)

    def _fail(self, error: DtlsError) -> None:
        self._say()  # the alert that tells the peer why
        self._end_handshake()
        self._endpoint = None
        failed, self._then, self._failed = self._failed, None, None
        if failed is not None:
            failed(error)

    def _tell_ready(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    def _end_handshake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def secured(socket: "PolledSocket", media: MediaOptions, *, answers: bool) -> SecureSocket | None:
    """*socket* ready for SRTP, where *media* asks for it; None: a call in the clear does without."""
    if media.srtp == "off":
        return None
    return SecureSocket(socket, suites=suites_of(media, answers=answers))
