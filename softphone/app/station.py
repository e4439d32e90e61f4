"""The SIP side of one process: socket, endpoint, call manager and media clock, shared by all its calls."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from softphone.app.account import aor_of, way_to
from softphone.app.guarding import DroppedLog, guard_of
from softphone.app.sip_sockets import (
    SipSockets,
    destinations_of,
    hop_towards,
    main_transport,
    open_sip_sockets,
    outbound_route,
)
from softphone.app.traced_socket import opened_trace
from softphone.call.events import CallEvent, IncomingCall
from softphone.call.manager import CallManager
from softphone.config import AccountOptions, Address
from softphone.errors import UsageError
from softphone.io.driver import DatagramDriver
from softphone.io.ids import ShortIds, SystemIds, seeded_rng
from softphone.io.media_clock import MediaClock
from softphone.io.udp import bind_udp, local_host_towards
from softphone.sip.auth import Challenger
from softphone.sip.endpoint import SipEndpoint, SipStyle
from softphone.sip.events import NO_CALLS, PublicAddressLearnt
from softphone.sip.events import Address as SipAddress
from softphone.sip.grammar import format_host_port
from softphone.sip.reach import SECURE, transport_of
from softphone.sip.timers import Timers
from softphone.sip.uri import NameAddr, SipUri

if TYPE_CHECKING:
    import random

    from softphone.io.trace import Trace

T = TypeVar("T")

USER_AGENT = "softphone/0.1"
RESULT_TYPE = "application/vnd.softphone.result+json"
"""Media type of the RESULT that travels in the BYE exchange between two of ours (`docs/peer-result.md`)."""
SETTLE_T1 = 8
"""Patience of `Station.settle`, in units of T1: four transmissions of a request."""
LINGER_T1 = 1.5
"""A peer whose BYE we answered would send it again after T1, had the answer got lost."""
SETTLE_POLL_S = 0.05


class CallOwner(Protocol):
    """Who is told of a call's events."""

    def on_event(self, event: CallEvent) -> None:
        """Take an event of this owner's call."""


class Station:
    """Places and takes calls on one UDP address.

    Must be made by `open`, inside a running event loop, and closed.
    """

    def __init__(
        self, manager: CallManager, host: str, identity: NameAddr, *, t1_s: float, style: SipStyle
    ) -> None:
        self.manager = manager
        self.style = style
        """How SIP is written here, and SDP."""
        self.host = host
        """Address of ours that goes into SIP and SDP."""
        self.identity = identity
        self.clock = MediaClock()
        self.writer = ThreadPoolExecutor(1, "recorder")
        """Writes the recordings of all calls, so that they share its wake-ups."""
        self.owners: dict[int, CallOwner] = {}
        """Who owns each call, by its number."""
        self.on_stranger: Callable[[CallEvent], None] | None = None
        """Told of events of calls nobody owns yet: incoming ones."""
        self.on_sip: list[Callable[[NO_CALLS], None]] = []
        """Each told of what is of no call: registrations, other requests, what was dropped."""
        self.on_moved: list[Callable[[], None]] = []
        """Each told that `host` is another one now."""
        self.trace: Trace | None = None
        """Told what SIP and media pass; None: nobody asked."""
        self._t1_s = t1_s
        self._stay_until = now()
        self._driver: DatagramDriver[CallEvent | NO_CALLS] | None = None
        self._sockets: SipSockets | None = None
        self._account = AccountOptions()
        self._rng: random.Random | None = None
        self._known: dict[str, list[SipAddress]] = {}
        """By URI, what was looked up while it was opened."""
        self.public_host: str | None = None
        """Our address as others see it, told by the owner or by a peer; None where there is no sign of a NAT."""

    @classmethod
    async def open(
        cls,
        listen: Address | None,
        account: AccountOptions,
        *,
        default_user: str,
        challenge: bool = False,
        compact: bool = False,
        towards: SipUri | None = None,
        answers: bool = False,
        trace: "Trace | None" = None,
    ) -> "Station":
        """Bind *listen* and start to drive SIP over it.

        Args:
            listen: None: the address that faces *towards*, any port.
            towards: whom this station is to talk to, if that is known: it decides the transport where the account does not, and
                no certificate is needed to be called over TLS.
            answers: be there to be called, whomever it is to talk to.
            trace: told what passes, and closed with the station; None: the one that *account* asks for, if any.
            default_user: user part of our address where the account names none.
            challenge: callers must authenticate as the account's user.
            compact: write SIP and SDP short; no RESULT travels with BYE then.

        Raises:
            EnvironmentProblem: if the address cannot be bound, or the trace not written.
            UnreachableError: the name of *towards* does not resolve, or there is no route.
            UsageError: a certificate cannot be used.
        """
        rng = seeded_rng()
        known: dict[str, list[SipAddress]] = {}
        if towards is not None:
            known[str(towards)] = await destinations_of(towards, account, family=family_of(listen), rng=rng)
        first = next(iter(known.values()), [])
        if listen is None or not listen[0]:
            faced = local_host_towards((first[0][0], first[0][1])) if first else ""
            listen = (faced, 0 if listen is None else listen[1])
        transport = main_transport(account, first)
        sockets = await open_sip_sockets(
            listen, account, transport=transport, answers=answers or towards is None
        )
        try:
            return await cls._over(
                sockets, account, rng, known,
                default_user=default_user, challenge=challenge, compact=compact, trace=trace,
            )  # fmt: skip
        except BaseException:
            sockets.discard()
            raise

    @classmethod
    async def _over(
        cls,
        sockets: SipSockets,
        account: AccountOptions,
        rng: "random.Random",
        known: dict[str, list[SipAddress]],
        *,
        default_user: str,
        challenge: bool,
        compact: bool,
        trace: "Trace | None",
    ) -> "Station":
        """A station that speaks through *sockets*, which are its own when it is there; see `open`."""
        host, port = sockets.host, sockets.port
        transport = sockets.transport
        contact = SipUri(scheme="sip", user=account.user or default_user, host=host, port=port)
        plain = contact
        if transport == "TLS":
            contact = replace(contact, params={"transport": "tls"})
        challenger = None
        if challenge and account.password is not None and account.digest_user is not None:
            challenger = Challenger(
                realm="softphone",
                users={account.digest_user: account.password},
                algorithms=account.auth_algorithms,
            )
        style = SipStyle(compact=compact, dictionary=account.sip_dictionary)
        endpoint = SipEndpoint(
            contact=contact,
            via_address=(host, port),
            ids=ShortIds() if style.is_compact else SystemIds(),
            timers=Timers(t1=account.sip_t1_ms / 1000),
            user_agent=USER_AGENT,
            accept=("application/sdp", RESULT_TYPE),
            challenger=challenger,
            transport="TLS" if transport == "TLS" else "UDP",
            others=sockets.others,
            public_host=account.public_address,
            outbound_route=outbound_route(account),
            session_expires_s=account.session_expires_s,
            style=style,
            rng=rng,
            guard=guard_of(account),
        )
        identity = NameAddr(plain) if account.registrar is None else aor_of(account)
        manager = CallManager(endpoint, identity=identity, result_type=RESULT_TYPE)
        station = cls(manager, host, identity, t1_s=account.sip_t1_ms / 1000, style=style)
        station.trace = trace = opened_trace(account) if trace is None else trace
        station.on_sip.append(DroppedLog().note)
        station._sockets, station._account, station._rng, station._known = sockets, account, rng, known
        station.public_host = account.public_address
        station._expect_names()
        try:
            station._driver = await DatagramDriver.open(
                manager,
                station._dispatch,
                sockets.udp,
                tap=None if trace is None else station._tap,
                streams=sockets.streams,
            )
        except BaseException:
            if trace is not None:
                trace.close()
            raise
        return station

    @property
    def uri(self) -> str:
        """Where this station can be called."""
        if self._sockets is None or self._sockets.transport == "UDP" or self._account.registrar is not None:
            return str(self.identity.uri)
        return str(self.manager.endpoint.contact_for((self.host, 0, self._sockets.transport)))

    @property
    def account(self) -> AccountOptions:
        """Who calls, and by whose help."""
        return self._account

    @property
    def media_host(self) -> str:
        """Address of ours that goes into SDP."""
        return self.host if self.public_host is None else self.public_host

    async def destinations(self, uri: SipUri) -> list[SipAddress]:
        """Where a request to *uri* is sent, the first address to be tried first: the outbound proxy's, where there is one.

        Raises:
            UnreachableError: no address is found.
        """
        found = self._known.pop(str(uri), None)
        if found is None:
            family = family_of((self.host, 0))
            found = await destinations_of(uri, self._account, family=family, rng=self._rng)
            self._expect(uri, found)
        return [each for each in found if self._can_send_to(each)] or found

    async def ways_to(self, target: SipUri) -> list[SipAddress]:
        """Where a call to *target* goes first: the registrar's addresses, where there is one, else as `destinations`.

        Raises:
            UnreachableError: no address is found.
            UsageError: *target* is a sips URI, and the way there is none of TLS.
        """
        way = way_to(target, self._account)
        found = await self.destinations(way)
        if target.scheme == "sips" and any(transport_of(each) not in SECURE for each in found):
            hop = hop_towards(way, self._account)  # RFC 3261 section 26.2.2: each hop is by TLS
            raise UsageError(
                f"{target} goes over TLS alone, and {hop} does not: name it sips:{hop.host}, or give --transport tls"
            )
        return found

    def _can_send_to(self, addr: SipAddress) -> bool:
        """Whether a socket of ours leads to *addr*: of its family, and for UDP one at all."""
        if (":" in addr[0]) != (":" in self.host):
            return False
        return len(addr) == 3 or self._sockets is None or self._sockets.udp is not None

    def signalling(self, peer: SipAddress) -> dict[str, Any]:
        """What a RESULT says of how SIP went to *peer*."""
        verified = None
        if self._sockets is not None and transport_of(peer) == "TLS":
            verified = self._sockets.streams.verified(peer)
        where = format_host_port(peer[0], peer[1])
        return {"transport": transport_of(peer).lower(), "verified": verified, "peer": where}

    def _expect_names(self) -> None:
        for uri, found in self._known.items():
            self._expect(SipUri.parse(uri), found)

    def _expect(self, uri: SipUri, found: list[SipAddress]) -> None:
        """Check certificates against the domain that was asked for, not against what DNS made of it (RFC 5922 section 7.3)."""
        if self._sockets is not None:
            domain = hop_towards(uri, self._account).host
            for each in found:
                if transport_of(each) == "TLS":
                    self._sockets.streams.expect(each, domain)

    def _tap(self, way: str, data: bytes, addr: SipAddress) -> None:
        if self.trace is not None and self._sockets is not None:
            local: SipAddress = (self._sockets.host, self._sockets.port)
            if len(addr) == 3:
                near = self._sockets.streams.local_of(addr) or local
                local = (near[0], near[1], addr[2])
            self.trace.sip(way, data, local, addr)

    async def move(self, host: str) -> None:
        """Go on from *host*, an address of this machine that has taken the place of ours.

        Raises:
            EnvironmentProblem: our port is taken there.
        """
        if self._driver is None or self._sockets is None or host == self.host:
            return
        if self._sockets.udp is not None:
            sock = bind_udp(host, self._sockets.port)
            await self._driver.rebind(sock)
            self._sockets.udp = sock
        self._sockets.streams.move(host)
        self._sockets.host = self.host = host
        self.public_host = self._account.public_address
        self.manager.endpoint.move(host)
        for listener in (*self.on_moved,):
            listener()

    def pump(self) -> None:
        """Let SIP send and tell what the last call to the manager led to."""
        if self._driver is not None:
            self._driver.pump()

    def refuse(self, event: CallEvent, *, status: int) -> None:
        """Reject the call that *event* brings; other events of strangers need nothing."""
        if isinstance(event, IncomingCall):
            self.manager.reject(event.call, status, now=now())

    def background(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run *work* in a thread, and *then* with its result in the event loop; an exception of either is the loop's."""
        task = asyncio.get_running_loop().run_in_executor(None, work)
        task.add_done_callback(lambda done: then(done.result()))

    def note_bye(self) -> None:
        """A peer hangs up, and we are about to answer."""
        self._stay_until = now() + LINGER_T1 * self._t1_s

    async def settle(self) -> None:
        """Wait, for a while, until what we said last has arrived; what got lost is sent again meanwhile."""
        await asyncio.sleep(self._stay_until - now())
        for _ in range(round(SETTLE_T1 * self._t1_s / SETTLE_POLL_S)):
            if not self.manager.endpoint.unsettled:
                break
            await asyncio.sleep(SETTLE_POLL_S)

    def close(self) -> None:
        """Close the socket; recordings have been closed by then."""
        self.writer.shutdown()
        if self._driver is not None:
            self._driver.close()
            self._driver = None
        if self._sockets is not None:
            self._sockets.close()
        if self.trace is not None:
            self.trace.close()

    def _note_public(self, host: str) -> None:
        """Keep what a peer says that it sees us as, where it could be true for all peers."""
        if self._account.public_address is None and ipaddress.ip_address(host).is_global:
            self.public_host = host

    def _dispatch(self, event: CallEvent | NO_CALLS) -> None:
        if isinstance(event, NO_CALLS):
            if isinstance(event, PublicAddressLearnt):
                self._note_public(event.address[0])
            for listener in self.on_sip:
                listener(event)
            return
        owner = self.owners.get(event.call)
        if owner is not None:
            owner.on_event(event)
        elif self.on_stranger is not None:
            self.on_stranger(event)


def family_of(listen: Address | None) -> int:
    """The family of addresses that can be reached from *listen*."""
    if listen is None or not listen[0]:
        return socket.AF_UNSPEC
    return socket.AF_INET6 if ":" in listen[0] else socket.AF_INET


def now() -> float:
    """The clock all cores are driven by, in seconds."""
    return time.monotonic()
