"""A SIP user agent without I/O: time, datagrams and wishes in, datagrams and events out (RFC 3261)."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from softphone.sip.auth import Challenger, Credentials
from softphone.sip.dialog_commands import DialogCommands, HeaderList, check_refusal, told
from softphone.sip.errors import LocalSipError
from softphone.sip.events import Address, SipEvent
from softphone.sip.flows import Flows
from softphone.sip.guard import Guard
from softphone.sip.layer import MAX_SERVER_TRANSACTIONS, TransactionLayer
from softphone.sip.leg import Cause, LegInput
from softphone.sip.legs import MAX_LEGS, LegBook
from softphone.sip.local import SUPPORTED, IdSource, LocalAgent
from softphone.sip.prack import TAG
from softphone.sip.reach import UNRELIABLE, Reach
from softphone.sip.registration import Registrations
from softphone.sip.request_commands import RequestCommands
from softphone.sip.requests import Requests
from softphone.sip.responder import Responder
from softphone.sip.session_timer import LEAST_MIN_SE_S, SessionTimers
from softphone.sip.stats import SipStats
from softphone.sip.style import SipStyle
from softphone.sip.timers import Timers
from softphone.sip.uac import Uac
from softphone.sip.uas import Uas
from softphone.sip.uri import NameAddr, SipUri

if TYPE_CHECKING:
    import random

__all__ = ["IdSource", "SipEndpoint", "SipStats", "SipStyle"]


class SipEndpoint(DialogCommands, RequestCommands):
    """Any number of calls through one socket, both ways.

    A *leg* is one dialog or dialog-to-be, by a number that is never used again. After any call drain
    `datagrams_to_send` and `next_event`, then call `handle_timeout` at `next_timeout`. A command to a leg
    that has ended, or is ending, does nothing: the news may not have reached the owner. A command that makes
    no sense in the leg's state raises `LocalSipError`. Nothing a peer sends raises.

    Args:
        contact: Our address as peers reach it, for Contact.
        via_address: The address answers come back to, for Via.
        ids: Where tags, branches, Call-IDs and nonces come from.
        timers: Timer values; which transports are reliable is added from *transport*.
        user_agent: For User-Agent and Server.
        accept: Media types we take in INVITE and what follows it.
        challenger: Whom to let in; None lets everybody in.
        transport: For Via: UDP, TCP or TLS.
        style: How messages are written; packing is for UDP only.
        others: By transport: where we are reached, too. What is sent to an `Address` of three parts goes over its transport.
        public_host: Stands in Contact in place of our own host.
        outbound_route: Route values that every request outside of dialogs starts with, `<sip:proxy;lr>` (section 8.1.2).
        max_legs: Further INVITEs are answered 503.
        max_transactions: Requests remembered; further ones are answered 503, too.
        rng: For the wait after two re-INVITEs that crossed (section 14.1); None: the middle of its range.
        session_expires_s: How long a call of ours stands without a refresh (RFC 4028); None: only peers ask for that.
        min_se_s: The least such interval that a peer may ask for.
        reliable_provisional: Whether session descriptions before the 2xx go out reliably to callers that support that
            (RFC 3262), and whether we say that we support it.
        guard: Who is heard; None: everybody, as much as they send.
    """

    def __init__(
        self,
        *,
        contact: SipUri,
        via_address: Address,
        ids: IdSource,
        timers: Timers | None = None,
        user_agent: str,
        accept: tuple[str, ...],
        challenger: Challenger | None = None,
        transport: str = "UDP",
        style: SipStyle | None = None,
        others: Mapping[str, tuple[str, int]] | None = None,
        public_host: str | None = None,
        outbound_route: tuple[str, ...] = (),
        max_legs: int = MAX_LEGS,
        max_transactions: int = MAX_SERVER_TRANSACTIONS,
        rng: "random.Random | None" = None,
        session_expires_s: float | None = None,
        min_se_s: float = LEAST_MIN_SE_S,
        reliable_provisional: bool = True,
        guard: Guard | None = None,
    ) -> None:
        base = Timers() if timers is None else timers
        transport = transport.upper()
        style = SipStyle() if style is None else style
        if style.dictionary and transport not in UNRELIABLE:
            raise LocalSipError(f"a packed message is one UDP datagram: no dictionary over {transport}")
        agent = LocalAgent(
            contact=contact,
            via_address=via_address,
            ids=ids,
            timers=replace(base, reliable=transport not in UNRELIABLE),
            user_agent=user_agent,
            accept=accept,
            supported=tuple(tag for tag in SUPPORTED if reliable_provisional or tag != TAG),
            transport=transport,
            style=style,
            reach=Reach({} if others is None else others, public_host=public_host, route=outbound_route),
        )
        self._agent = agent
        self._events: deque[SipEvent] = deque()
        self._layer = TransactionLayer(
            agent, self._events, max_server_transactions=max_transactions, guard=guard
        )
        self._book = LegBook(self._events, max_legs=max_legs)
        responder = Responder(agent, self._layer, rng)
        sessions = SessionTimers(agent, self._book, responder, wanted_s=session_expires_s, least_s=min_se_s)
        self._uac = Uac(agent, self._layer, self._book, sessions, rng)
        self._uas = Uas(
            agent,
            self._layer,
            self._book,
            challenger,
            exchanges=self._uac.exchanges,
            sessions=sessions,
            responder=responder,
            reliable_provisional=reliable_provisional,
            rng=rng,
        )
        DialogCommands.__init__(self, self._book, self._uac, self._uas)
        requests = Requests(agent, self._uac.exchanges, self._book)
        registrations = Registrations(agent, requests, self._book, rng)
        RequestCommands.__init__(self, self._uac, requests, registrations)
        self._flows = self._layer.flows = Flows(
            agent, in_use=self._peers, send=self._layer.send_raw, on_mapped=self._layer.note_mapped
        )
        self._layer.attach(_User(self._uac, self._uas))

    @property
    def stats(self) -> SipStats:
        """Counters since the start."""
        return self._layer.stats

    @property
    def legs(self) -> tuple[int, ...]:
        """Legs that have not ended."""
        return tuple(leg.id for leg in self._book)

    @property
    def transactions(self) -> int:
        """Transactions that have not ended, those that only wait for repetitions included."""
        return len(self._layer)

    @property
    def unsettled(self) -> int:
        """Requests and refusals that are sent again and again until the peer answers them.

        A program that leaves before there are none leaves peers behind that may not know that a call is over.
        """
        return self._layer.repeating

    def leg_bytes(self, leg: int) -> tuple[int, int]:
        """Return the bytes of SIP (sent, received) of *leg*, also after its end.

        Raises:
            LocalSipError: if there never was such a leg, or too long ago.
        """
        account = self._book.account(leg)
        return account.bytes_sent, account.bytes_received

    def call_id(self, leg: int) -> str:
        """Return the Call-ID of *leg*, also after its end.

        Raises:
            LocalSipError: if there never was such a leg, or too long ago.
        """
        return self._book.call_id(leg)

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        """Take a datagram of a peer."""
        self._layer.receive_datagram(data, addr, now=now)

    def datagrams_to_send(self, *, now: float) -> list[tuple[bytes, Address]]:
        """Take what is to be sent, oldest first."""
        return self._layer.datagrams_to_send()

    def handle_timeout(self, *, now: float) -> None:
        """Do what is due."""
        self._layer.handle_timeout(now=now)
        self._book.handle_timeout(now=now)
        self._registrations.handle_timeout(now=now)
        self._flows.handle_timeout(now=now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due, or None."""
        parts = (self._layer, self._book, self._registrations, self._flows)
        return min((at for part in parts if (at := part.next_timeout()) is not None), default=None)

    def next_event(self) -> SipEvent | None:
        """Take the oldest event, or None."""
        return self._events.popleft() if self._events else None

    def transport_error(self, addr: Address, *, reason: str = "", closed: bool = False, now: float) -> None:
        """Take the network's word that *addr* is unreachable: what waits for it goes another way, or ends as if by 503.

        Args:
            addr: where something was sent to.
            reason: why, in a line for a person; it becomes the reason of what ends.
            closed: only a connection that stood is no more.
            now: Monotonic seconds.
        """
        self._layer.transport_error(addr, reason=reason, closed=closed, now=now)
        if closed:
            self._registrations.connection_closed(addr, now=now)

    def _peers(self) -> set[Address]:
        """Whom we still want to hear from."""
        return {leg.peer for leg in self._book}.union(*(each.destinations for each in self._registrations))

    def contact_for(self, peer: Address, *, secure: bool = False) -> SipUri:
        """Where *peer* reaches us: over its transport, and from outside of a NAT where it told us that there is one.

        Args:
            peer: whom the Contact is for.
            secure: it is to be a sips URI.
        """
        return self._agent.contact_for(peer, secure=secure)

    def peer_of(self, leg: int) -> Address | None:
        """Where the INVITE of *leg* went to or came from; None once it has ended.

        Raises:
            LocalSipError: if there never was such a leg.
        """
        found = self._book.of_owner(leg)
        if found is None:
            return None
        return found.peer if found.client is None else found.client.peer

    @property
    def transports(self) -> tuple[str, ...]:
        """Over what requests can be sent, in upper case."""
        return (self._agent.transport, *self._agent.reach.others)

    def invite(
        self,
        target: SipUri,
        *,
        from_: NameAddr,
        body: bytes,
        content_type: str = "application/sdp",
        headers: HeaderList = (),
        credentials: Credentials | None = None,
        destination: Address,
        alternatives: tuple[Address, ...] = (),
        route: tuple[str, ...] = (),
        now: float,
    ) -> int:
        """Call *target*; `Provisional`, then `Answered` or `Refused` will tell.

        Args:
            target: Whom.
            from_: Who we are; its tag is set here.
            body: The offer. Without one the peer offers, and our ACK, which leaves before the owner hears,
                has no answer: for probes of how a peer takes that.
            content_type: Of *body*.
            headers: Added as they are.
            credentials: For 401 and 407.
            destination: Where the INVITE is sent.
            alternatives: Where it is sent next, after 503, or where nobody answers (RFC 3263 section 4.3).
            route: Route values the INVITE starts with, `<sip:proxy;lr>`.
            now: Monotonic seconds.

        Returns:
            The new leg.

        Raises:
            LocalSipError: if something given cannot be sent.
        """
        return self._uac.invite(
            target,
            from_=from_,
            body=body,
            content_type=content_type,
            headers=headers,
            credentials=credentials,
            destination=destination,
            alternatives=alternatives,
            route=route,
            now=now,
        )

    def cancel(self, leg: int, *, now: float) -> None:
        """Give up an INVITE of ours; `Refused` will tell (with 487 as a rule).

        CANCEL waits for a provisional answer (RFC 3261 section 9.1). A 2xx that crosses it is acknowledged
        and the dialog ended; if the call stood already, this hangs up.
        """
        self._book.command(leg, LegInput.CANCEL, Cause(), now=now)

    def ring(self, leg: int, *, now: float) -> None:
        """Answer the peer's INVITE 180, and again each minute."""
        self.progress(leg, 180, now=now)

    def progress(
        self,
        leg: int,
        status: int,
        reason: str | None = None,
        *,
        body: bytes = b"",
        content_type: str = "application/sdp",
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Answer the peer's INVITE 101 to 199, and again each minute.

        With a *body*, to a caller that supports that, reliably: sent again until its PRACK comes (`ProgressAcked`), and before
        that no 2xx leaves. Where no PRACK comes the leg ends as `Cancelled`.

        Raises:
            LocalSipError: for another status, or a leg that does not wait for an answer of ours.
        """
        if not 101 <= status <= 199:
            raise LocalSipError(f"progress must have a status of 101 to 199, got {status}")
        cause = told(status, reason, body, content_type, headers)
        self._book.command(leg, LegInput.PROGRESS, cause, now=now)

    def answer(
        self,
        leg: int,
        *,
        body: bytes,
        content_type: str = "application/sdp",
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Accept the peer's INVITE: 200 until the ACK comes; `Acked` or `AckMissing` will tell.

        The 200 waits for the PRACK of a session description sent before; until then `Cancelled` may come as well.

        Raises:
            LocalSipError: if the leg does not wait for an answer of ours.
        """
        self._uas.answer(leg, told(200, None, body, content_type, headers), now=now)

    def reject(
        self, leg: int, status: int, reason: str | None = None, *, headers: HeaderList = (), now: float
    ) -> None:
        """Refuse the peer's INVITE; the leg is over.

        Raises:
            LocalSipError: for a status outside 300 to 699, or a leg that does not wait for an answer of ours.
        """
        check_refusal(status)
        self._book.command(
            leg, LegInput.REJECT, Cause(status=status, reason=reason, headers=headers), now=now
        )

    def move(self, host: str) -> None:
        """Take note that this machine is at *host* now: requests say so, and dialogs learn it with the next re-INVITE."""
        self._agent.reach.moved = host
        self._agent.reach.seen.clear()


class _User:
    """The user agent as the transaction layer sees it: answers to one half, requests to the other."""

    def __init__(self, uac: Uac, uas: Uas) -> None:
        self.response_received = uac.response_received
        self.transaction_failed = uac.transaction_failed
        self.request_received = uas.request_received
        self.ack_received = uas.ack_received
        self.standing = uas.standing
        self.is_of_call = uas.is_of_call
        self.is_full = uas.is_full
