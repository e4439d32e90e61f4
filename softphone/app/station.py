"""The SIP side of one process: socket, endpoint, call manager and media clock, shared by all its calls."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from softphone.call.events import CallEvent, IncomingCall
from softphone.call.manager import CallManager
from softphone.config import AccountOptions, Address
from softphone.errors import UnreachableError
from softphone.io.driver import DatagramDriver
from softphone.io.ids import ShortIds, SystemIds, seeded_rng
from softphone.io.media_clock import MediaClock
from softphone.io.udp import bind_udp, local_host_towards
from softphone.sip.auth import Challenger
from softphone.sip.endpoint import SipEndpoint, SipStyle
from softphone.sip.timers import Timers
from softphone.sip.uri import NameAddr, SipUri

T = TypeVar("T")

USER_AGENT = "softphone/0.1"
RESULT_TYPE = "application/vnd.softphone.result+json"
"""Media type of the RESULT that travels in the BYE exchange between two of ours (`docs/peer-result.md`)."""
SETTLE_T1 = 8
"""Patience of `Station.settle`, in units of T1: four transmissions of a request."""
LINGER_T1 = 1.5
"""A peer whose BYE we answered would send it again after T1, had the answer got lost."""
SETTLE_POLL_S = 0.05
UNSPECIFIED = ("0.0.0.0", "::", "")
SOMEWHERE = {False: ("192.0.2.1", 9), True: ("2001:db8::1", 9)}
"""Addresses of documentation (RFC 5737, RFC 3849), to ask the system which of ours faces the world."""


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
        self._t1_s = t1_s
        self._stay_until = now()
        self._driver: DatagramDriver[CallEvent] | None = None

    @classmethod
    async def open(
        cls,
        listen: Address,
        account: AccountOptions,
        *,
        default_user: str,
        challenge: bool = False,
        compact: bool = False,
    ) -> "Station":
        """Bind *listen* and start to drive SIP over it.

        Args:
            default_user: user part of our address where the account names none.
            challenge: callers must authenticate as the account's user.
            compact: write SIP and SDP short; no RESULT travels with BYE then.

        Raises:
            EnvironmentProblem: if the address cannot be bound.
        """
        sock = bind_udp(*listen)
        bound_host, port = sock.getsockname()[:2]
        host = bound_host if bound_host not in UNSPECIFIED else _outward_host(":" in bound_host)
        contact = SipUri(scheme="sip", user=account.user or default_user, host=host, port=port)
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
            style=style,
            rng=seeded_rng(),
        )
        identity = NameAddr(display="", uri=contact, params={})
        manager = CallManager(endpoint, identity=identity, result_type=RESULT_TYPE)
        station = cls(manager, host, identity, t1_s=account.sip_t1_ms / 1000, style=style)
        station._driver = await DatagramDriver.open(manager, station._dispatch, sock)
        return station

    @property
    def uri(self) -> str:
        """Where this station can be called."""
        return str(self.identity.uri)

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

    def _dispatch(self, event: CallEvent) -> None:
        owner = self.owners.get(event.call)
        if owner is not None:
            owner.on_event(event)
        elif self.on_stranger is not None:
            self.on_stranger(event)


def now() -> float:
    """The clock all cores are driven by, in seconds."""
    return time.monotonic()


def _outward_host(ipv6: bool) -> str:
    try:
        return local_host_towards(SOMEWHERE[ipv6])
    except UnreachableError:
        return "::1" if ipv6 else "127.0.0.1"
