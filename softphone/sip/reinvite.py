"""Re-INVITE and UPDATE of ours: another session in the dialog that stands (RFC 3261 sections 12.2.1 and 14.1, RFC 3311)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from softphone.sip.auth import AuthAttempts
from softphone.sip.client_transaction import ClientTransaction
from softphone.sip.dialog import Dialog
from softphone.sip.errors import SipParseError
from softphone.sip.events import (
    RefreshWanted,
    ReinviteAnswered,
    ReinviteRefused,
    SessionExpired,
    UpdateAnswered,
    UpdateRefused,
)
from softphone.sip.exchange import Exchanges
from softphone.sip.grammar import parse_uint
from softphone.sip.layer import TransactionLayer
from softphone.sip.leg import Acknowledgement, Cause, Leg, LegAction, LegInput, LegState
from softphone.sip.legs import LegBook
from softphone.sip.local import REASONS, LocalAgent
from softphone.sip.matching import address_of
from softphone.sip.message import Request, Response
from softphone.sip.session_timer import SessionTimers
from softphone.sip.transaction import Action

if TYPE_CHECKING:
    import random

OWNER_BACK_OFF_S, OTHER_BACK_OFF_S = (2.1, 4.0), (0.0, 2.0)
"""Least and longest wait after a 491: of the one whose Call-ID it is, and of the other (section 14.1)."""
BACK_OFF_STEP_S = 0.01
"""Waits are a whole number of these."""
MAX_CROSSINGS = 10
"""So many times a re-INVITE that gets 491 is tried again; a peer that always says so would keep us at it for ever."""
GONE = frozenset({408, 481})
"""What says that the peer has no such dialog (section 12.2.1.2)."""

MAX_RETRY_AFTER_S = 10

MakeBody = Callable[[], bytes]
"""Makes the body of a re-INVITE that is about to be sent: while it waited the session may have changed."""


@dataclass(slots=True, eq=False)
class Reinvitation:
    """One re-INVITE or UPDATE, through all its repetitions."""

    leg: Leg
    make_body: MakeBody | None
    """None: an UPDATE that only refreshes the session, of which the owner knows nothing."""
    content_type: str
    headers: tuple[tuple[str, str], ...]
    method: str = "INVITE"
    request: Request | None = None
    """As it was sent last."""
    client: ClientTransaction | None = None
    attempts: AuthAttempts = field(default_factory=AuthAttempts)
    sent_at: float = 0.0
    crossings: int = 0
    ack: Acknowledgement | None = None
    """What its 2xx, and each repetition of that, gets."""

    @property
    def is_refresh(self) -> bool:
        """Whether it changes nothing (RFC 4028 section 7.4)."""
        return self.make_body is None


def _retry_after(response: Response) -> float | None:
    """Return when a peer that is busy with another change wants to be asked again (section 14.2: up to 10 s); None if it is not."""
    if response.status != 500:
        return None
    try:
        seconds = parse_uint(
            (response.headers.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip(),
            "Retry-After",
        )
    except SipParseError:
        return None
    return float(seconds) if seconds <= MAX_RETRY_AFTER_S else None


class Reinviter:
    """Carries out what a leg does for a re-INVITE or UPDATE of ours.

    Args:
        rng: for the wait after re-INVITEs that crossed.
    """

    def __init__(
        self,
        agent: LocalAgent,
        layer: TransactionLayer,
        book: LegBook,
        sessions: SessionTimers,
        exchanges: Exchanges,
        rng: "random.Random | None",
    ) -> None:
        self._agent = agent
        self._layer = layer
        self._book = book
        self._sessions = sessions
        self._exchanges = exchanges
        self._rng = rng
        book.serve(
            {
                LegAction.TAKE_TURN: self._take_turn,
                LegAction.SEND_REINVITE: self._send,
                LegAction.SEND_REINVITE_AGAIN: self._send_again,
                LegAction.BACK_OFF: self._back_off,
                LegAction.CANCEL_REINVITE: self._cancel,
                LegAction.FORGET_REINVITE: self._forget,
                LegAction.TELL_REINVITE_ANSWERED: self._tell_answered,
                LegAction.TELL_REINVITE_REFUSED: self._tell_refused,
                LegAction.REFRESH_SESSION: self._refresh,
            }
        )

    def reinvite(
        self,
        leg_id: int,
        make_body: MakeBody,
        *,
        content_type: str,
        headers: tuple[tuple[str, str], ...],
        method: str = "INVITE",
        now: float,
    ) -> None:
        """Begin a re-INVITE or UPDATE of *leg_id*."""
        leg = self._book.of_owner(leg_id)
        if leg is None:
            return
        before, change = leg.reinvitation, Reinvitation(leg, make_body, content_type, headers, method)
        if before is not None and before.is_refresh and leg.next_change is None:
            if leg.state in (LegState.REINVITE_WAITING, LegState.REINVITE_BACKED_OFF):
                leg.reinvitation = change  # which refreshes the session as well
                return
            if leg.state is LegState.REINVITING:
                leg.next_change = change
                return
        leg.reinvitation = change
        try:
            self._book.command(leg_id, LegInput.REINVITE, Cause(), now=now)
        except BaseException:
            leg.reinvitation = before
            raise

    def response_received(
        self, asked: Reinvitation, transaction: ClientTransaction, response: Response, *, now: float
    ) -> None:
        """Take an answer to *asked*."""
        leg, cause = asked.leg, Cause(response=response)
        if response.status < 200:
            return
        if response.status < 300:
            self._accepted(asked, transaction.request, response, now)
            return
        if not self._is_awaited(asked, transaction):
            return
        if response.status in (401, 407):
            answerable = leg.digest is not None and leg.digest.learn(response, asked.attempts)
            signal = LegInput.REINVITE_CHALLENGED if answerable else LegInput.REINVITE_REFUSED
        elif response.status == 422 and asked.request is not None:
            longer = self._sessions.lengthen(asked.request, response, asked.attempts)
            signal = LegInput.REINVITE_CHALLENGED if longer else LegInput.REINVITE_REFUSED
        elif asked.crossings < MAX_CROSSINGS and (
            response.status == 491 or _retry_after(response) is not None
        ):
            signal = LegInput.REINVITE_CROSSED
        else:
            signal = LegInput.REINVITE_LOST if response.status in GONE else LegInput.REINVITE_REFUSED
        self._book.fire(leg, signal, cause, now=now)

    def failed(
        self, asked: Reinvitation, transaction: ClientTransaction, failure: Action, *, now: float
    ) -> None:
        """Take the news that no answer to *asked* can come."""
        if not self._is_awaited(asked, transaction):
            return
        timed_out = failure is Action.REPORT_TIMEOUT
        signal = LegInput.REINVITE_LOST if timed_out else LegInput.REINVITE_REFUSED
        self._book.fire(asked.leg, signal, Cause(status=408 if timed_out else 503), now=now)

    def _accepted(self, asked: Reinvitation, request: Request, response: Response, now: float) -> None:
        leg = asked.leg
        if asked.ack is not None:
            # Section 13.2.2.4: each repetition of the 2xx gets the same ACK.
            self._exchanges.acknowledge_again(leg, asked.ack)
            return
        dialog = leg.dialog
        if dialog is None or (asked.method == "UPDATE" and leg.reinvitation is not asked):
            return
        dialog.refresh_target(response)
        leg.note_abilities(response)
        if asked.method == "INVITE":
            asked.ack = self._exchanges.acknowledge(leg, dialog, request)
        if leg.digest is not None:
            leg.digest.learn_next(response)
        if leg.reinvitation is asked:
            # The peer counts from when it heard us, however late its answer is here.
            self._sessions.agreed(leg, request, response, now, since=asked.sent_at)
            self._book.fire(leg, LegInput.REINVITE_ACCEPTED, Cause(response=response), now=now)

    @staticmethod
    def _is_awaited(asked: Reinvitation, transaction: ClientTransaction) -> bool:
        """Whether an answer to *transaction* is the one that the leg waits for."""
        return asked.leg.reinvitation is asked and asked.client is transaction

    def _take_turn(self, leg: Leg, cause: Cause, now: float) -> None:
        # Section 14.1, RFC 3311 section 5.1: none of ours while one of the peer's is not over.
        if leg.server is None and leg.unacknowledged is None and leg.update is None:
            self._book.fire(leg, LegInput.REINVITE_TURN, Cause(), now=now)

    def _send(self, leg: Leg, cause: Cause, now: float) -> None:
        asked, dialog = leg.reinvitation, leg.dialog
        if asked is None or dialog is None:
            return
        asked.request = self._agent.request(
            asked.method,
            dialog.path,
            from_=dialog.local,
            to=dialog.remote,
            call_id=dialog.call_id,
            cseq=dialog.next_cseq(),
            body=b"" if asked.make_body is None else asked.make_body(),
            content_type=asked.content_type,
            headers=(*self._sessions.asked(leg, method=asked.method), *asked.headers),
        )
        self._start(asked, dialog, asked.request, now)

    def _send_again(self, leg: Leg, cause: Cause, now: float) -> None:
        asked, dialog = leg.reinvitation, leg.dialog
        if asked is None or dialog is None or asked.request is None:
            return
        asked.request = self._agent.repeated(asked.request, cseq=dialog.next_cseq())
        self._start(asked, dialog, asked.request, now)

    def _start(self, asked: Reinvitation, dialog: Dialog, request: Request, now: float) -> None:
        leg, asked.sent_at = asked.leg, now
        if leg.digest is not None:
            leg.digest.authorize(request)
        if request.method == "INVITE":  # an UPDATE has Timer F
            leg.deadlines[LegInput.REINVITE_TIMEOUT] = now + self._agent.timers.transaction_timeout
        peer = address_of(dialog.path.next_hop, leg.peer)
        asked.client = self._layer.start(request, peer, owner=asked, account=leg.account, now=now)

    def _back_off(self, leg: Leg, cause: Cause, now: float) -> None:
        self._settle(leg)
        if leg.next_change is not None:
            leg.reinvitation, leg.next_change = leg.next_change, None  # which refreshes the session as well
        elif leg.reinvitation is not None:
            leg.reinvitation.crossings += 1
        low, high = OWNER_BACK_OFF_S if leg.client is not None else OTHER_BACK_OFF_S
        if cause.response is not None and (asked_s := _retry_after(cause.response)) is not None:
            low = high = asked_s
        share = 0.5 if self._rng is None else self._rng.random()
        steps = round((low + share * (high - low)) / BACK_OFF_STEP_S)
        leg.deadlines[LegInput.REINVITE_RETRY] = now + steps * BACK_OFF_STEP_S

    def _cancel(self, leg: Leg, cause: Cause, now: float) -> None:
        asked = leg.reinvitation
        if asked is None or asked.client is None or asked.request is None:
            return
        cancel = self._agent.hop_request("CANCEL", asked.request, to=asked.request.headers.get("To") or "")
        self._layer.start(cancel, asked.client.peer, owner=None, account=leg.account, now=now)
        leg.deadlines[LegInput.CANCEL_TIMEOUT] = now + self._agent.timers.transaction_timeout

    def _forget(self, leg: Leg, cause: Cause, now: float) -> None:
        self._settle(leg)
        change = leg.reinvitation
        if change is not None and change.client is not None and change.method == "INVITE":
            self._layer.limit(change.client, now=now)

    def _tell_answered(self, leg: Leg, cause: Cause, now: float) -> None:
        self._settle(leg)
        change = leg.reinvitation
        if cause.response is not None and change is not None and not change.is_refresh:
            tell = ReinviteAnswered if change.method == "INVITE" else UpdateAnswered
            self._book.events.append(tell(leg.id, cause.response))
        self._begin_next(leg, now)

    def _tell_refused(self, leg: Leg, cause: Cause, now: float) -> None:
        self._settle(leg)
        self._sessions.retry(leg, now)
        change, response = leg.reinvitation, cause.response
        if change is not None and change.is_refresh:
            if leg.state is LegState.BYE_SENT:
                self._book.events.append(SessionExpired(leg.id))
        else:
            tell = UpdateRefused if change is not None and change.method == "UPDATE" else ReinviteRefused
            if response is None:
                status = cause.status or 408
                self._book.events.append(tell(leg.id, status, REASONS[status], local=True))
            else:
                self._book.events.append(tell(leg.id, response.status, response.reason, local=False))
        self._begin_next(leg, now)

    def _begin_next(self, leg: Leg, now: float) -> None:
        """Begin what had to wait for a refresh."""
        change, leg.next_change = leg.next_change, None
        if change is not None and leg.state is LegState.ESTABLISHED:
            leg.reinvitation = change
            self._book.fire(leg, LegInput.REINVITE, Cause(), now=now)

    def _refresh(self, leg: Leg, cause: Cause, now: float) -> None:
        if "UPDATE" in leg.peer_allow:
            leg.reinvitation = Reinvitation(leg, None, "", (), "UPDATE")
            self._book.fire(leg, LegInput.REINVITE, Cause(), now=now)
        else:
            self._sessions.retry(leg, now)
            self._book.events.append(RefreshWanted(leg.id))

    @staticmethod
    def _settle(leg: Leg) -> None:
        """No answer is waited for any more."""
        for signal in (LegInput.REINVITE_TIMEOUT, LegInput.CANCEL_TIMEOUT):
            leg.deadlines.pop(signal, None)
