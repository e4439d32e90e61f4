"""Media over a path that ICE has found and goes on to check (RFC 8445, RFC 7675), in place of two bound ports."""

import asyncio
import contextlib
import ipaddress
import logging
import time
from collections import deque
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.udp import Address
from softphone.nat_config import TurnServer
from softphone.rtp.packet import is_rtcp

if TYPE_CHECKING:
    import aioice

log = logging.getLogger(__name__)

Arrival: TypeAlias = tuple[bytes, Address, float]

RTP, RTCP = 1, 2
"""Components (RFC 8445 section 4)."""
MAX_WAITING = 400
"""Datagrams that wait for the next tick; of more the oldest are dropped."""
GATHER_S = 5
"""STUN and TURN servers have this long to answer."""
CONNECT_S = 15.0
"""Checks end after this, whatever they still wait for."""
SETTLE_S = 1.0
MAX_REMOTE_CANDIDATES = 20
"""Pairs to check are this many times ours; a description can name hundreds."""


class RemoteIce(Protocol):
    """What the peer's description says of ICE."""

    @property
    def ufrag(self) -> str:
        """Its user name fragment."""

    @property
    def password(self) -> str:
        """That of its checks."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """Values of a=candidate."""

    @property
    def lite(self) -> bool:
        """Whether it only answers checks."""


@dataclass(frozen=True, slots=True)
class IcePath:
    """How ICE stands; the kinds are ``host``, ``srflx``, ``prflx`` and ``relay``."""

    state: str
    """``new``, ``unused`` (the peer does none), ``checking``, ``connected``, ``failed``, ``closed`` (the peer consents no more)."""
    local: str | None = None
    remote: str | None = None


class IceSocket:
    """Carries RTP and RTCP of one call, once `begin` has found a way; until then what is sent is dropped.

    Must be made by `gather` and closed.
    """

    needs_loop = True
    """Whether what is sent may need the event loop to go on, which a tick must then wake (`softphone.io.media_clock`)."""

    def __init__(self, connection: "aioice.Connection", host: str, ports: tuple[int, int]) -> None:
        self.host = host
        """Of the default candidate, for the description."""
        self.shares_port = False
        """Whether RTCP takes the way of RTP (RFC 5761)."""
        self.unsent = 0
        """Datagrams dropped as there was no way yet, or no more."""
        self._ports = ports
        self._connection = connection
        self._state = "new"
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self._kinds: tuple[str | None, str | None] = (None, None)
        self._waiting: deque[tuple[bytes, Address, float, int]] = deque(maxlen=MAX_WAITING)
        self._remote: dict[int, Address] = {}
        self._task: asyncio.Task[None] | None = None
        self._defaults: dict[int, Any] = {}
        for protocol in connection._protocols:
            self._tap(protocol)

    @classmethod
    async def gather(
        cls,
        host: str | None,
        *,
        controlling: bool,
        stun: Address | None = None,
        turn: TurnServer | None = None,
    ) -> "IceSocket":
        """Find our candidates.

        Args:
            host: the address of ours to use; None: all that this machine has.
            controlling: whether we make the offer (RFC 8445 section 6.1.1).

        Raises:
            UsageError: ICE needs a library that is not installed.
            EnvironmentProblem: there is no candidate at all, or none of the relay that was asked for.
        """
        connection = _connection(host, controlling=controlling, stun=stun, turn=turn)
        try:
            await connection.gather_candidates()
            found = connection.local_candidates
            if turn is not None and not any(each.type == "relay" for each in found):
                raise EnvironmentProblem(
                    f"TURN server {turn.host}:{turn.port} relays nothing for us: check its name and port, user and password"
                )
            ends = [connection.get_default_candidate(component) for component in (RTP, RTCP)]
            if None in ends:
                raise EnvironmentProblem(
                    f"ICE found no address of this machine to use on {host or 'any interface'}"
                )
        except BaseException:
            await connection.close()
            await asyncio.sleep(0)  # what was closed is let go of by the loop
            raise
        rtp, rtcp = (each for each in ends if each is not None)
        return cls(connection, rtp.host, (rtp.port, rtcp.port))

    @property
    def ports(self) -> tuple[int, int]:
        """Ports of the default candidates of RTP and RTCP."""
        return self._ports

    @property
    def ufrag(self) -> str:
        """Our user name fragment."""
        return self._connection.local_username

    @property
    def password(self) -> str:
        """That the peer's checks need."""
        return self._connection.local_password

    @property
    def candidates(self) -> tuple[str, ...]:
        """Ours, as values of a=candidate."""
        return tuple(each.to_sdp() for each in self._connection.local_candidates)

    @property
    def path(self) -> IcePath:
        """How it stands."""
        pair = self._connection._nominated.get(RTP)
        if pair is not None:
            self._kinds = (pair.local_candidate.type, pair.remote_candidate.type)
        return IcePath(self._state, *self._kinds)

    def begin(self, remote: RemoteIce | None, *, rtp: Address, rtcp: Address) -> None:
        """Look for a way to *remote*; later calls change only what its packets are taken to come from.

        Args:
            remote: None: the peer does no ICE, and is sent to where its description says, from our default candidates.
            rtp, rtcp: where the peer's description says it is; what comes the way that was found seems to come from there.
        """
        self._remote = {RTP: rtp, RTCP: rtcp}
        if self._task is None and remote is None:
            self._state = "unused"
        elif self._task is None and remote is not None:
            self._state = "checking"
            self._task = asyncio.get_running_loop().create_task(self._connect(remote))

    def drain(self, now: float, *, spacing_s: float = 0.0) -> list[Arrival]:
        """What arrived, from whom, and when; what is not from the end of a way that was found keeps its own source."""
        if not self._remote:
            return []
        arrivals: list[Arrival] = []
        while self._waiting:
            data, addr, arrival, component = self._waiting.popleft()
            known = self._remote[component] if self._is_peer(addr, component) else addr
            if component == RTP and is_rtcp(data) and known == self._remote[RTP]:
                known = self._remote[RTCP]
            arrivals.append((data, known, min(arrival, now)))
        return arrivals

    def send(self, data: bytes, addr: Address) -> None:
        """Send along the way that was found, wherever *addr* is."""
        component = RTCP if not self.shares_port and is_rtcp(data) else RTP
        if self._state == "unused" and not self._closed:
            self._default_transports()[component].sendto(data, addr)
            return
        pair = self._connection._nominated.get(component)
        if pair is None or self._closed or self._state != "connected":
            self.unsent += 1
            return
        pair.protocol.transport.sendto(data, pair.remote_addr)

    def close(self) -> None:
        """Give the candidates up."""
        if self._closed:
            return
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        self._closing = asyncio.get_running_loop().create_task(self._connection.close())

    async def settle(self) -> None:
        """Wait, for a while, until the relay knows that nothing is relayed any more; after `close`."""
        if self._closing is not None:
            await asyncio.wait((self._closing,), timeout=SETTLE_S)

    def _default_transports(self) -> dict[int, Any]:
        """What a peer without ICE sees us behind; by component."""
        if not self._defaults:
            for component in (RTP, RTCP):
                default = self._connection.get_default_candidate(component)
                ours = [
                    each
                    for each in self._connection._protocols
                    if each.local_candidate.component == component
                ]
                relays = [each for each in ours if each.local_candidate.type == "relay"]
                is_relay = default is not None and default.type == "relay"
                self._defaults[component] = (relays if is_relay else ours)[0].transport
        return self._defaults

    def _is_peer(self, addr: Address, component: int) -> bool:
        pairs = self._connection._nominated
        pair = pairs.get(component, pairs.get(RTP))
        if pair is not None and pair.remote_addr == addr:
            return True
        return any(each.remote_addr == addr for each in self._connection._check_list if _has_worked(each))

    def _tap(self, protocol: Any) -> None:
        """Keep where each datagram comes from, which the library does not tell."""
        checks = protocol.datagram_received
        component = protocol.local_candidate.component

        def received(data: bytes, addr: tuple[Any, ...]) -> None:
            # RFC 7983 section 7: STUN begins with 0 to 3, RTP and RTCP with 128 to 191, DTLS with 20 to 63.
            if data and data[0] < 4:
                checks(data, addr)
            else:
                self._waiting.append((data, (addr[0], addr[1]), time.monotonic(), component))

        protocol.datagram_received = received

    async def _connect(self, remote: RemoteIce) -> None:
        from aioice import Candidate

        connection = self._connection
        connection.remote_username, connection.remote_password = remote.ufrag, remote.password
        connection.remote_is_lite = remote.lite
        if remote.lite:
            connection.ice_controlling = True  # RFC 8445 section 6.1.1: whoever is not lite controls
        for value in remote.candidates[:MAX_REMOTE_CANDIDATES]:
            with contextlib.suppress(ValueError):  # a kind or a transport that we have no use for
                candidate = Candidate.from_sdp(value)
                ipaddress.ip_address(candidate.host)  # no names: a peer must not make us ask for them
                await connection.add_remote_candidate(candidate)
        try:
            await connection.add_remote_candidate(None)
            async with asyncio.timeout(CONNECT_S):
                await connection.connect()
        except (ConnectionError, TimeoutError) as error:
            self._state = "failed"
            log.warning("ICE found no way to the peer: %s", str(error) or f"no answer within {CONNECT_S:g} s")
            return
        self._state = "connected"
        path = self.path
        log.info("ICE: from a %s to a %s candidate", path.local, path.remote)
        await self._watch()

    async def _watch(self) -> None:
        """Tell when the peer has ceased to answer the checks of its consent (RFC 7675 section 5.1)."""
        task = self._connection._query_consent_task
        if task is not None:
            await asyncio.wait((task,))
            if self._state == "connected" and not self._closed:
                self._state = "closed"
                log.warning("ICE: the peer does not answer any more, nothing is sent")


def _has_worked(pair: Any) -> bool:
    return bool(pair.state.name == "SUCCEEDED")


_MISSING = "ICE and TURN need a library: pip install 'softphone[ice]'"


def check_ice() -> None:
    """Refuse what the library for it is missing for.

    Raises:
        UsageError: it is not installed.
    """
    if find_spec("aioice") is None:
        raise UsageError(_MISSING)


def _connection(
    host: str | None, *, controlling: bool, stun: Address | None, turn: TurnServer | None
) -> "aioice.Connection":
    try:
        import aioice
    except ImportError:
        raise UsageError(_MISSING) from None

    class OfOneHost(aioice.Connection):
        """Has candidates of the address that was asked for, be it of the loopback, and no others."""

        async def get_component_candidates(
            self,
            component: int,
            addresses: list[str],
            timeout: int = 5,  # noqa: ASYNC109 - the library's
        ) -> list[aioice.Candidate]:
            chosen = addresses if host is None else [host]
            return await super().get_component_candidates(component, chosen, min(timeout, GATHER_S))

    return OfOneHost(
        controlling,
        components=2,
        stun_server=stun,
        turn_server=None if turn is None else (turn.host, turn.port),
        turn_username=None if turn is None else turn.user,
        turn_password=None if turn is None else turn.password,
        turn_ssl=turn is not None and turn.tls,
        turn_transport="udp" if turn is None else turn.transport,
        use_ipv6=host is None or ":" in host,
    )
