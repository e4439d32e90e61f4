"""A SIP user agent without I/O: time, datagrams and wishes in, datagrams and events out (RFC 3261)."""

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from softphone.sip.auth import Challenger, Credentials
from softphone.sip.errors import LocalSipError
from softphone.sip.events import Address, SipEvent
from softphone.sip.layer import MAX_SERVER_TRANSACTIONS, TransactionLayer
from softphone.sip.leg import Cause, LegInput
from softphone.sip.legs import MAX_LEGS, LegBook
from softphone.sip.local import IdSource, LocalAgent
from softphone.sip.reinvite import MakeBody
from softphone.sip.stats import SipStats
from softphone.sip.style import SipStyle
from softphone.sip.timers import Timers
from softphone.sip.uac import Uac
from softphone.sip.uas import Uas
from softphone.sip.uri import NameAddr, SipUri

if TYPE_CHECKING:
    import random

__all__ = ["IdSource", "SipEndpoint", "SipStats", "SipStyle"]

UNRELIABLE = ("UDP",)
"""Transports that may lose messages."""

HeaderList = tuple[tuple[str, str], ...]


class SipEndpoint:
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
        max_legs: Further INVITEs are answered 503.
        max_transactions: Requests remembered; further ones are answered 503, too.
        rng: For the wait after two re-INVITEs that crossed (section 14.1); None: the middle of its range.
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
        max_legs: int = MAX_LEGS,
        max_transactions: int = MAX_SERVER_TRANSACTIONS,
        rng: "random.Random | None" = None,
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
            transport=transport,
            style=style,
        )
        self._events: deque[SipEvent] = deque()
        self._layer = TransactionLayer(agent, self._events, max_server_transactions=max_transactions)
        self._book = LegBook(self._events, max_legs=max_legs)
        self._uac = Uac(agent, self._layer, self._book, rng)
        self._uas = Uas(agent, self._layer, self._book, challenger)
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

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due, or None."""
        return min(
            (at for at in (self._layer.next_timeout(), self._book.next_timeout()) if at is not None),
            default=None,
        )

    def next_event(self) -> SipEvent | None:
        """Take the oldest event, or None."""
        return self._events.popleft() if self._events else None

    def transport_error(self, addr: Address, *, now: float) -> None:
        """Take the network's word that *addr* is unreachable (ICMP): what waits for it ends as if by 503."""
        self._layer.transport_error((addr[0], addr[1]), now=now)

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

        Raises:
            LocalSipError: for another status, or a leg that does not wait for an answer of ours.
        """
        if not 101 <= status <= 199:
            raise LocalSipError(f"progress must have a status of 101 to 199, got {status}")
        cause = _cause(status, reason, body, content_type, headers)
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

        Raises:
            LocalSipError: if the leg does not wait for an answer of ours.
        """
        self._book.command(leg, LegInput.ANSWER, _cause(200, None, body, content_type, headers), now=now)

    def reject(
        self, leg: int, status: int, reason: str | None = None, *, headers: HeaderList = (), now: float
    ) -> None:
        """Refuse the peer's INVITE; the leg is over.

        Raises:
            LocalSipError: for a status outside 300 to 699, or a leg that does not wait for an answer of ours.
        """
        self._check_refusal(status)
        self._book.command(
            leg, LegInput.REJECT, Cause(status=status, reason=reason, headers=headers), now=now
        )

    def bye(
        self,
        leg: int,
        *,
        body: bytes = b"",
        content_type: str | None = None,
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Hang up; `ByeAnswered` will tell. Before the ACK of our 2xx the BYE waits for it (section 15).

        On a leg that still calls this is `cancel`; a leg that waits for our own answer wants `reject`.
        """
        self._book.command(
            leg, LegInput.HANG_UP, Cause(body=body, content_type=content_type, headers=headers), now=now
        )

    def answer_bye(
        self,
        leg: int,
        *,
        body: bytes = b"",
        content_type: str | None = None,
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Answer the peer's BYE 200 after `ByeReceived`; the leg is over."""
        self._book.command(
            leg, LegInput.ANSWER_BYE, Cause(body=body, content_type=content_type, headers=headers), now=now
        )

    def reinvite(
        self,
        leg: int,
        make_body: MakeBody,
        *,
        content_type: str = "application/sdp",
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Change the session; `ReinviteAnswered` or `ReinviteRefused` will tell (section 14.1).

        While a re-INVITE of the peer is under way ours waits; two that cross are tried again after a random time. The one
        refusal that is told and ends the leg, too, is 408 or 481: `ByeAnswered` follows.

        Args:
            leg: A leg that stands.
            make_body: Makes the offer, each time it is about to be sent: while it waited the session may have changed.
            content_type: Of what it makes.
            headers: Added as they are.
            now: Monotonic seconds.

        Raises:
            LocalSipError: if the leg does not stand, or a re-INVITE of ours is under way.
        """
        self._uac.reinviter.reinvite(leg, make_body, content_type=content_type, headers=headers, now=now)

    def answer_reinvite(
        self,
        leg: int,
        *,
        body: bytes,
        content_type: str = "application/sdp",
        headers: HeaderList = (),
        now: float,
    ) -> None:
        """Accept the peer's re-INVITE: 200 until the ACK comes."""
        cause = _cause(200, None, body, content_type, headers)
        self._uas.answer_reinvite(leg, cause, now=now)

    def reject_reinvite(
        self, leg: int, status: int, reason: str | None = None, *, headers: HeaderList = (), now: float
    ) -> None:
        """Refuse the peer's re-INVITE; the call goes on as it was.

        Raises:
            LocalSipError: for a status outside 300 to 699.
        """
        self._check_refusal(status)
        cause = Cause(status=status, reason=reason, headers=headers)
        self._uas.reject_reinvite(leg, cause, now=now)

    def options(
        self,
        target: SipUri,
        *,
        from_: NameAddr,
        destination: Address,
        credentials: Credentials | None = None,
        now: float,
    ) -> int:
        """Ask *target* what it can do; `OptionsAnswered` with the number returned will tell."""
        return self._uac.options(
            target, from_=from_, destination=destination, credentials=credentials, now=now
        )

    @staticmethod
    def _check_refusal(status: int) -> None:
        if not 300 <= status <= 699:
            raise LocalSipError(f"refusal must have a status of 300 to 699, got {status}")


def _cause(status: int, reason: str | None, body: bytes, content_type: str, headers: HeaderList) -> Cause:
    return Cause(status=status, reason=reason, body=body, content_type=content_type, headers=headers)


class _User:
    """The user agent as the transaction layer sees it: answers to one half, requests to the other."""

    def __init__(self, uac: Uac, uas: Uas) -> None:
        self.response_received = uac.response_received
        self.transaction_failed = uac.transaction_failed
        self.request_received = uas.request_received
        self.ack_received = uas.ack_received
