"""The server half of a user agent: requests of peers (RFC 3261 sections 8.2, 9.2, 12.2.2, 13.3, 15.1.2)."""

from softphone.sip.auth import Challenger
from softphone.sip.auth_server import DigestServer, Verdict
from softphone.sip.dialog import Dialog
from softphone.sip.errors import SipParseError
from softphone.sip.events import (
    Acked,
    AckMissing,
    Address,
    ByeReceived,
    Cancelled,
    InviteReceived,
    ReinviteReceived,
)
from softphone.sip.grammar import parse_uint
from softphone.sip.layer import TransactionLayer
from softphone.sip.leg import OPEN, Cause, Leg, LegAction, LegInput, LegState, Unacknowledged
from softphone.sip.legs import LegBook
from softphone.sip.local import ALLOW, SUPPORTED, LocalAgent
from softphone.sip.message import KNOWN_METHODS, Request
from softphone.sip.server_transaction import ServerTransaction
from softphone.sip.timers import Timer
from softphone.sip.transaction import Account

BUSY_RETRY_AFTER_S = 5
"""Said with 500 and 503, in the range section 14.2 gives."""


def _expires(request: Request) -> float | None:
    """Return for how many seconds the caller wants an INVITE to stand, None where it does not say."""
    try:
        return float(parse_uint(request.headers.get("Expires") or "", "Expires"))
    except SipParseError:
        return None


def _takes(request: Request, media_types: tuple[str, ...]) -> bool:
    """Return whether the sender of an INVITE takes one of *media_types* (section 20.1); silence means SDP."""
    if "Accept" not in request.headers:
        return True
    ranges = {value.partition(";")[0].strip().lower() for value in request.headers.get_all("Accept")}
    return any(
        {"*/*", media_type, f"{media_type.partition('/')[0]}/*"} & ranges for media_type in media_types
    )


class Uas:
    """Judges requests, and carries out the leg actions of the callee."""

    def __init__(
        self, agent: LocalAgent, layer: TransactionLayer, book: LegBook, challenger: Challenger | None
    ) -> None:
        self._agent = agent
        self._layer = layer
        self._book = book
        self._events = book.events
        self._digest = None if challenger is None else DigestServer(challenger, make_nonce=agent.ids.nonce)
        book.serve(
            {
                LegAction.SEND_PROVISIONAL: self._send_provisional,
                LegAction.RESEND_PROVISIONAL: self._resend_provisional,
                LegAction.SEND_ACCEPTANCE: self._send_acceptance,
                LegAction.RESEND_ACCEPTANCE: self._resend_acceptance,
                LegAction.SEND_REFUSAL: self._send_refusal,
                LegAction.SEND_TERMINATED: self._send_terminated,
                LegAction.CLOSE_INVITE: self._close_invite,
                LegAction.ANSWER_BYE: self._answer_bye,
                LegAction.TELL_ACKED: self._tell_acked,
                LegAction.TELL_ACK_MISSING: self._tell_ack_missing,
                LegAction.TELL_CANCELLED: self._tell_cancelled,
                LegAction.TELL_BYE_RECEIVED: self._tell_bye_received,
            }
        )

    def request_received(
        self, request: Request, transaction: ServerTransaction, source: Address, *, now: float
    ) -> None:
        """Take a new request from the transaction layer."""
        if request.method == "CANCEL":
            self._cancel(request, transaction, now)
            return
        if request.method not in ALLOW:
            # Section 8.2.1; section 21.5.2: 501 for a method that is no method to us.
            status = 405 if request.method in KNOWN_METHODS else 501
            self._refuse(transaction, status, now, headers=(("Allow", ", ".join(ALLOW)),))
            return
        unknown = [tag for tag in request.headers.get_all("Require") if tag not in SUPPORTED]
        if unknown:
            self._refuse(transaction, 420, now, headers=(("Unsupported", ", ".join(unknown)),))
            return
        if request.to.tag is not None:
            self._in_dialog(request, transaction, now)
        elif not request.uri.lower().startswith(("sip:", "sips:")):
            self._refuse(transaction, 416, now)  # section 8.2.2.1
        elif request.method == "INVITE":
            self._invite(request, transaction, source, now)
        elif request.method == "OPTIONS":
            self._answer_options(transaction, now)
        else:
            self._refuse(transaction, 481, now)

    def ack_received(self, request: Request, *, now: float) -> Account | None:
        """Take an ACK for a 2xx."""
        leg = self._book.of_request(request)
        if leg is None:
            return None
        waiting = leg.unacknowledged
        if waiting is not None and request.cseq.number == waiting.cseq:
            self._book.fire(leg, LegInput.RECEIVE_ACK, Cause(request=request), now=now)
        return leg.account

    def answer_reinvite(self, leg_id: int, cause: Cause, *, now: float) -> None:
        """Accept the peer's pending re-INVITE; nothing happens where it was cancelled meanwhile."""
        leg = self._with_reinvite(leg_id)
        if leg is not None:
            self._accept(leg, cause, now)
            self._book.schedule(leg)

    def reject_reinvite(self, leg_id: int, cause: Cause, *, now: float) -> None:
        """Refuse the peer's pending re-INVITE; the session stays as it was (section 14.2)."""
        leg = self._with_reinvite(leg_id)
        if leg is not None and leg.server is not None:
            transaction, leg.server = leg.server, None
            self._respond(transaction, cause, leg.local_tag, now)
            self._book.fire(leg, LegInput.REINVITE_TURN, Cause(), now=now)

    def _with_reinvite(self, leg_id: int) -> Leg | None:
        """Return the leg if it has a re-INVITE that waits for the owner."""
        leg = self._book.of_owner(leg_id)
        if leg is None or leg.state not in OPEN:
            return None
        return None if leg.server is None or leg.unacknowledged is not None else leg

    def _invite(self, request: Request, transaction: ServerTransaction, source: Address, now: float) -> None:
        if self._is_challenged(request, transaction, now):
            return
        if not self._is_acceptable(request, transaction, now):
            return
        if self._book.is_full:
            retry = (("Retry-After", str(BUSY_RETRY_AFTER_S)),)
            self._refuse(transaction, 503, now, headers=retry)
            return
        tag = self._agent.ids.tag()
        leg = Leg(self._book.new_id(), LegState.INCOMING, source, request, tag)
        leg.dialog = Dialog.from_request(request, local_tag=tag)
        leg.server = transaction
        transaction.owner, transaction.account = leg, leg.account
        if (expires_s := _expires(request)) is not None:
            leg.deadlines[LegInput.EXPIRE] = now + expires_s  # section 13.3.1
        self._book.add(leg)
        self._events.append(InviteReceived(leg.id, request, source))

    def _in_dialog(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        leg = self._book.of_request(request)
        if leg is None or leg.dialog is None:
            self._refuse(transaction, 481, now)
            return
        transaction.owner, transaction.account = leg, leg.account
        if request.method != "BYE" and leg.state in (LegState.BYE_SENT, LegState.BYE_RECEIVED):
            self._refuse(transaction, 481, now)
        elif self._is_challenged(request, transaction, now):
            return
        elif not leg.dialog.takes_cseq(request.cseq.number):
            self._refuse(transaction, 500, now)  # section 12.2.2
        elif request.method == "BYE":
            earlier, leg.bye = leg.bye, transaction
            if not self._book.fire(leg, LegInput.RECEIVE_BYE, Cause(request=request), now=now):
                leg.bye = earlier
                self._refuse(transaction, 481, now)
        elif request.method == "OPTIONS":
            self._answer_options(transaction, now)
        else:
            self._reinvite(leg, leg.dialog, request, transaction, now)

    def _reinvite(
        self, leg: Leg, dialog: Dialog, request: Request, transaction: ServerTransaction, now: float
    ) -> None:
        if leg.state is LegState.INCOMING or (leg.server is not None and leg.unacknowledged is None):
            # Section 14.2: one INVITE at a time, and the first one is not answered yet.
            retry = (("Retry-After", str(BUSY_RETRY_AFTER_S)),)
            self._refuse(transaction, 500, now, headers=retry)
        elif leg.state not in OPEN or leg.unacknowledged is not None:
            self._refuse(transaction, 491, now)  # section 14.2: one of ours is under way
        elif self._is_acceptable(request, transaction, now):
            leg.server = transaction
            dialog.refresh_target(request)
            self._events.append(ReinviteReceived(leg.id, request))

    def _cancel(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        invite = self._layer.invite_to_cancel(request)
        if invite is None:
            self._refuse(transaction, 481, now)
            return
        leg = invite.owner if isinstance(invite.owner, Leg) else None
        if leg is not None:
            transaction.account = leg.account
        # Section 9.2: the tag is that of the answer to the INVITE.
        tag = self._agent.ids.tag() if leg is None else leg.local_tag
        self._respond(transaction, Cause(status=200), tag, now)
        if leg is None or leg.server is not invite:
            return
        if leg.state in OPEN and leg.unacknowledged is None:
            leg.server = None
            self._respond(invite, Cause(status=487), leg.local_tag, now)
            self._book.fire(leg, LegInput.REINVITE_TURN, Cause(), now=now)
        else:
            self._book.fire(leg, LegInput.RECEIVE_CANCEL, Cause(request=request), now=now)

    def _is_challenged(self, request: Request, transaction: ServerTransaction, now: float) -> bool:
        """Whether *request* needs credentials and did not bring good ones; then it is answered 401."""
        if self._digest is None or request.method not in self._digest.config.methods:
            return False
        verdict = self._digest.check(request, now=now)
        if verdict is Verdict.ACCEPTED:
            return False
        headers = self._digest.challenges(stale=verdict is Verdict.STALE, now=now)
        self._refuse(transaction, 401, now, headers=tuple(headers))
        return True

    def _is_acceptable(self, request: Request, transaction: ServerTransaction, now: float) -> bool:
        """Whether we can read *request*, and its sender our answer; else it is refused (section 8.2.3)."""
        if not _takes(request, self._agent.accept):
            self._refuse(transaction, 406, now)
            return False
        if not request.body:
            return True
        media_type = (request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        encoding = (request.headers.get("Content-Encoding") or "identity").strip().lower()
        disposition = (request.headers.get("Content-Disposition") or "").lower().replace(" ", "")
        if "handling=optional" in disposition:
            return True
        if encoding != "identity":
            self._refuse(transaction, 415, now, headers=(("Accept-Encoding", "identity"),))
            return False
        if media_type not in self._agent.accept:
            self._refuse(transaction, 415, now, headers=(("Accept", ", ".join(self._agent.accept)),))
            return False
        return True

    def _answer_options(self, transaction: ServerTransaction, now: float) -> None:
        self._respond(transaction, Cause(status=200), self._agent.ids.tag(), now)

    def _refuse(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        cause = Cause(status=status, headers=headers)
        self._respond(transaction, cause, self._agent.ids.tag(), now)

    def _respond(self, transaction: ServerTransaction, cause: Cause, to_tag: str, now: float) -> bytes:
        data = self._agent.render(
            self._agent.response(
                transaction.request,
                cause.status,
                cause.reason,
                to_tag=to_tag,
                body=cause.body,
                content_type=cause.content_type,
                headers=cause.headers,
            )
        )
        self._layer.respond(transaction, cause.status, data, now=now)
        return data

    def _send_provisional(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.server is None:
            return
        data = self._respond(leg.server, cause, leg.local_tag, now)
        leg.provisional = (cause.status, data)
        leg.deadlines[LegInput.REFRESH] = now + self._agent.timers.provisional_refresh

    def _resend_provisional(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.server is None or leg.provisional is None:
            return
        status, data = leg.provisional
        self._layer.respond(leg.server, status, data, now=now)
        leg.deadlines[LegInput.REFRESH] = now + self._agent.timers.provisional_refresh

    def _send_acceptance(self, leg: Leg, cause: Cause, now: float) -> None:
        self._accept(leg, cause, now)

    def _accept(self, leg: Leg, cause: Cause, now: float) -> None:
        """Answer the leg's INVITE or re-INVITE 2xx and repeat that until its ACK (section 13.3.1.4)."""
        if leg.server is None:
            return
        timers = self._agent.timers
        data = self._respond(leg.server, cause, leg.local_tag, now)
        leg.unacknowledged = Unacknowledged(leg.server, leg.server.request.cseq.number, data, timers.t1)
        leg.deadlines.pop(LegInput.REFRESH, None)
        leg.deadlines.pop(LegInput.EXPIRE, None)
        leg.deadlines[LegInput.RESEND] = now + timers.t1
        leg.deadlines[LegInput.ACK_TIMEOUT] = now + timers.transaction_timeout

    def _resend_acceptance(self, leg: Leg, cause: Cause, now: float) -> None:
        waiting = leg.unacknowledged
        if waiting is None:
            return
        self._layer.respond(waiting.transaction, 200, waiting.data, now=now)
        waiting.interval = self._agent.timers.after(Timer.G, waiting.interval)
        leg.deadlines[LegInput.RESEND] = now + waiting.interval

    def _close_invite(self, leg: Leg, cause: Cause, now: float) -> None:
        leg.deadlines.pop(LegInput.RESEND, None)
        leg.deadlines.pop(LegInput.ACK_TIMEOUT, None)
        if leg.unacknowledged is None and leg.server is not None:
            # Section 15.1.2: what is still pending in a dialog that ends is answered, too.
            self._respond(leg.server, Cause(status=487), leg.local_tag, now)
        leg.unacknowledged = leg.server = None

    def _send_refusal(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.server is not None:
            self._respond(leg.server, cause, leg.local_tag, now)

    def _send_terminated(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.server is not None:
            self._respond(leg.server, Cause(status=487), leg.local_tag, now)

    def _answer_bye(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.bye is None:
            return
        transaction, leg.bye = leg.bye, None
        answer = Cause(status=200, body=cause.body, content_type=cause.content_type, headers=cause.headers)
        self._respond(transaction, answer, leg.local_tag, now)

    def _tell_acked(self, leg: Leg, cause: Cause, now: float) -> None:
        self._events.append(Acked(leg.id, b"" if cause.request is None else cause.request.body))

    def _tell_ack_missing(self, leg: Leg, cause: Cause, now: float) -> None:
        self._events.append(AckMissing(leg.id))

    def _tell_cancelled(self, leg: Leg, cause: Cause, now: float) -> None:
        self._events.append(Cancelled(leg.id))

    def _tell_bye_received(self, leg: Leg, cause: Cause, now: float) -> None:
        # The caller's Timer F runs as long; an answer after that would reach nobody.
        leg.deadlines[LegInput.OWNER_TIMEOUT] = now + self._agent.timers.transaction_timeout
        if cause.request is not None:
            self._events.append(ByeReceived(leg.id, cause.request))
