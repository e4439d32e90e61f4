"""Provisional answers that are sure to arrive: 100rel and PRACK (RFC 3262)."""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from softphone.sip.dialog import Dialog
from softphone.sip.errors import SipParseError
from softphone.sip.events import ProgressAcked
from softphone.sip.exchange import Exchange, Exchanges
from softphone.sip.grammar import parse_uint
from softphone.sip.layer import TransactionLayer
from softphone.sip.leg import Cause, Leg, LegAction, LegInput, LegState
from softphone.sip.legs import LegBook
from softphone.sip.local import LocalAgent
from softphone.sip.message import Request, Response
from softphone.sip.responder import Responder
from softphone.sip.server_transaction import ServerTransaction
from softphone.sip.update import Updates

if TYPE_CHECKING:
    import random

TAG = "100rel"
MAX_FORKS = 16
"""Peers whose answers to one INVITE are remembered; more than these are an attack."""
MAX_WAITING = 8
"""Provisional answers that wait for the PRACK of an earlier one; the oldest goes first."""
MAX_PRACKS = 4
"""That wait for an answer of one peer, who may send one reliable answer after another, but should not (section 3)."""
MAX_FIRST_RSEQ = 2**31 - 1


@dataclass(slots=True, eq=False)
class Early:
    """A dialog that a provisional answer to our INVITE has made (RFC 3261 section 12.1)."""

    dialog: Dialog
    rseq: int | None = None
    """Of the newest reliable answer."""
    is_agreed: bool = False
    """Whether a reliable answer has brought a session description."""
    pracks: int = 0
    """Of ours that are not answered yet."""


@dataclass(slots=True, eq=False)
class ReliableProgress:
    """Our reliable answers to one INVITE, one at a time (section 3)."""

    rseq: int
    """Of the newest one."""
    status: int = 0
    data: bytes = b""
    interval: float = 0.0
    is_out: bool = False
    """Whether its PRACK is missing."""
    holds_description: bool = False
    """Whether it has one."""
    is_agreed: bool = False
    """Whether offer and answer have been exchanged."""
    waiting: deque[Cause] = field(default_factory=lambda: deque(maxlen=MAX_WAITING))


def is_reliable(response: Response) -> bool:
    """Whether a provisional *response* wants a PRACK (section 4)."""
    return (
        100 < response.status < 200
        and TAG in {tag.lower() for tag in response.headers.get_all("Require")}
        and "RSeq" in response.headers
    )


def _rseq(response: Response) -> int | None:
    try:
        return parse_uint(response.headers.get("RSeq") or "", "RSeq")
    except SipParseError:
        return None


def _rack(request: Request) -> tuple[int, int, str] | None:
    """Return the numbers of RSeq and CSeq, and the method, that a PRACK names (section 7.2)."""
    parts = (request.headers.get("RAck") or "").split()
    if len(parts) != 3:
        return None
    try:
        return parse_uint(parts[0], "RAck"), parse_uint(parts[1], "RAck"), parts[2]
    except SipParseError:
        return None


class Acknowledger:
    """The caller's half: a PRACK for each reliable answer, in their order (section 4)."""

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges

    def provisional_received(self, leg: Leg, invite: Request, response: Response, *, now: float) -> bool:
        """Take a provisional answer; False if it came before, or before an earlier one, and is not to be told."""
        tag = response.to.tag
        if tag is None or response.status == 100:
            return True
        early = leg.early.get(tag)
        if early is None:
            if len(leg.early) >= MAX_FORKS:
                return False
            early = leg.early[tag] = Early(Dialog.from_response(invite, response))
        if not is_reliable(response):
            return True
        rseq = _rseq(response)
        # A gap is left to be filled by repetition; what came before has its PRACK under way.
        if rseq is None or (early.rseq is not None and rseq != early.rseq + 1):
            return False
        if early.pracks >= MAX_PRACKS:
            return False  # a peer that takes no PRACK has no cause to send more; it may be aiming ours at somebody else
        early.rseq = rseq
        early.is_agreed = early.is_agreed or bool(response.body)
        early.dialog.refresh_target(response)
        rack = ("RAck", f"{rseq} {invite.cseq.number} INVITE")
        early.pracks += 1

        def over(exchange: Exchange, response: Response | None, at: float) -> None:
            early.pracks -= 1  # whether it was taken shows in the final answer to the INVITE

        self._exchanges.within(leg, early.dialog, "PRACK", over, headers=(rack,), now=now)
        return True


class ReliableAnswers:
    """The callee's half: reliable answers are sent again and again until their PRACK comes (section 3).

    Args:
        enabled: whether a caller that only supports this gets session descriptions that way.
        rng: for the first RSeq; None: 1.
    """

    def __init__(
        self,
        agent: LocalAgent,
        layer: TransactionLayer,
        book: LegBook,
        responder: Responder,
        updates: Updates,
        *,
        enabled: bool,
        rng: "random.Random | None",
    ) -> None:
        self._agent = agent
        self._layer = layer
        self._book = book
        self._responder = responder
        self._updates = updates
        self._enabled = enabled
        self._rng = rng
        book.serve({LegAction.RESEND_PROGRESS: self._resend})

    def is_wanted(self, leg: Leg, cause: Cause) -> bool:
        """Whether the provisional answer *cause* is to be sent reliably."""
        headers = leg.invite.headers
        if TAG in {tag.lower() for tag in headers.get_all("Require")}:
            return True
        supports = TAG in {tag.lower() for tag in headers.get_all("Supported")}
        return self._enabled and supports and bool(cause.body)

    def must_wait(self, leg: Leg) -> bool:
        """Whether a 2xx must wait, for a session description of ours is not acknowledged (section 3)."""
        progress = leg.progress
        if progress is None or not progress.is_out:
            return False
        return progress.holds_description or any(cause.body for cause in progress.waiting)

    def send(self, leg: Leg, cause: Cause, now: float) -> None:
        """Send *cause*, once what was sent before is acknowledged."""
        if leg.progress is None:
            first = 1 if self._rng is None else self._rng.randint(1, MAX_FIRST_RSEQ)
            leg.progress = ReliableProgress(first - 1)
        if leg.progress.is_out:
            leg.progress.waiting.append(cause)
        else:
            self._send(leg, leg.progress, cause, now)

    def stop(self, leg: Leg) -> None:
        """Send none any more: a final answer is on its way (section 3)."""
        for signal in (LegInput.PROGRESS_RESEND, LegInput.PRACK_TIMEOUT):
            leg.deadlines.pop(signal, None)
        if leg.progress is not None:
            leg.progress.waiting.clear()

    def acknowledged(self, leg: Leg, transaction: ServerTransaction, now: float) -> None:
        """Take a PRACK of the peer."""
        request, progress = transaction.request, leg.progress
        wanted = None if progress is None else (progress.rseq, leg.invite.cseq.number, "INVITE")
        if progress is None or not progress.is_out or _rack(request) != wanted:
            self._responder.refuse(transaction, 481, now)
            return
        if not self._responder.can_read(transaction, self._agent.accept, now):
            return
        progress.is_out = False
        for signal in (LegInput.PROGRESS_RESEND, LegInput.PRACK_TIMEOUT):
            leg.deadlines.pop(signal, None)
        offers = bool(request.body) and (bool(leg.invite.body) or not progress.holds_description)
        progress.is_agreed = progress.is_agreed or (progress.holds_description and bool(request.body))
        self._book.events.append(ProgressAcked(leg.id, progress.status, b"" if offers else request.body))
        if offers and leg.update is None:
            self._updates.offered(leg, transaction)
        else:
            self._responder.refuse(transaction, 488 if offers else 200, now)
        if progress.waiting:
            self._send(leg, progress, progress.waiting.popleft(), now)
        else:
            if leg.state is LegState.INCOMING:
                leg.deadlines[LegInput.REFRESH] = now + self._agent.timers.provisional_refresh
            self._book.fire(leg, LegInput.RECEIVE_LAST_PRACK, Cause(), now=now)
        self._book.schedule(leg)

    def _send(self, leg: Leg, progress: ReliableProgress, cause: Cause, now: float) -> None:
        if leg.server is None:
            return
        progress.rseq += 1
        told = Cause(
            status=cause.status,
            reason=cause.reason,
            body=cause.body,
            content_type=cause.content_type,
            headers=(("Require", TAG), ("RSeq", str(progress.rseq)), *cause.headers),
        )
        progress.status, progress.holds_description = cause.status, bool(cause.body)
        progress.is_agreed = progress.is_agreed or (bool(cause.body) and bool(leg.invite.body))
        progress.data = self._responder.respond(leg.server, told, leg.local_tag, now)
        progress.is_out, progress.interval = True, self._agent.timers.t1
        leg.provisional = (cause.status, progress.data)
        leg.deadlines.pop(LegInput.REFRESH, None)
        leg.deadlines[LegInput.PROGRESS_RESEND] = now + progress.interval
        leg.deadlines[LegInput.PRACK_TIMEOUT] = now + self._agent.timers.transaction_timeout

    def _resend(self, leg: Leg, cause: Cause, now: float) -> None:
        progress = leg.progress
        if progress is None or leg.server is None or not progress.is_out:
            return
        self._layer.respond(leg.server, progress.status, progress.data, now=now)
        progress.interval *= 2  # section 3: without end, unlike Timer G
        leg.deadlines[LegInput.PROGRESS_RESEND] = now + progress.interval
