"""The server half of a user agent: requests of peers (RFC 3261 sections 8.2, 9.2, 12.2.2, 13.3, 15.1.2)."""

from dataclasses import replace
from typing import TYPE_CHECKING

from softphone.sip.admission import Admission, expires
from softphone.sip.auth import Challenger
from softphone.sip.dialog import Dialog
from softphone.sip.events import (
    Acked,
    AckMissing,
    Address,
    ByeReceived,
    Cancelled,
    InviteReceived,
    ReinviteReceived,
)
from softphone.sip.exchange import Exchanges
from softphone.sip.info import Infos
from softphone.sip.layer import TransactionLayer
from softphone.sip.leg import OPEN, Cause, Leg, LegAction, LegInput, LegState, Unacknowledged
from softphone.sip.legs import LegBook
from softphone.sip.local import ALLOW, LocalAgent
from softphone.sip.message import KNOWN_METHODS, Request
from softphone.sip.prack import ReliableAnswers
from softphone.sip.refer import Referrals
from softphone.sip.replaces import replaced
from softphone.sip.responder import Responder
from softphone.sip.server_transaction import ServerTransaction
from softphone.sip.session_timer import SessionTimers
from softphone.sip.strangers import has_moved, is_stranger, know, same_host
from softphone.sip.timers import Timer
from softphone.sip.transaction import Account
from softphone.sip.update import Updates

if TYPE_CHECKING:
    import random

MOVING = ("INVITE", "UPDATE")
"""What a peer may send from an address that nobody has named: it says where the peer is now (section 12.2)."""


class Uas:
    """Judges requests, and carries out the leg actions of the callee."""

    def __init__(
        self,
        agent: LocalAgent,
        layer: TransactionLayer,
        book: LegBook,
        challenger: Challenger | None,
        *,
        exchanges: Exchanges,
        sessions: SessionTimers,
        responder: Responder,
        reliable_provisional: bool,
        rng: "random.Random | None",
    ) -> None:
        self._agent = agent
        self._layer = layer
        self._book = book
        self._events = book.events
        self._sessions = sessions
        self._responder = responder
        self._refuse, self._respond = responder.refuse, responder.respond
        self.updates = Updates(agent, book, responder, sessions)
        self.infos = Infos(exchanges, book, responder)
        self.referrals = Referrals(exchanges, book, responder)
        self._reliable = ReliableAnswers(
            agent, layer, book, responder, self.updates, enabled=reliable_provisional, rng=rng
        )
        self._admission = Admission(agent, responder, challenger)
        book.serve(
            {
                LegAction.SEND_PROVISIONAL: self._send_provisional,
                LegAction.RESEND_PROVISIONAL: self._resend_provisional,
                LegAction.KEEP_ACCEPTANCE: self._keep_acceptance,
                LegAction.SEND_ACCEPTANCE: self._send_acceptance,
                LegAction.RESEND_ACCEPTANCE: self._resend_acceptance,
                LegAction.SEND_REFUSAL: self._send_refusal,
                LegAction.SEND_TERMINATED: self._send_terminated,
                LegAction.SEND_UNACKNOWLEDGED: self._send_unacknowledged,
                LegAction.SEND_WITHDRAWN: self._send_withdrawn,
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
            self._cancel(request, transaction, source, now)
            return
        if request.method not in ALLOW:
            # Section 8.2.1; section 21.5.2: 501 for a method that is no method to us.
            status = 405 if request.method in KNOWN_METHODS else 501
            self._refuse(transaction, status, now, headers=(("Allow", ", ".join(ALLOW)),))
            return
        unknown = [
            tag for tag in request.headers.get_all("Require") if tag.lower() not in self._agent.supported
        ]
        if unknown:
            self._refuse(transaction, 420, now, headers=(("Unsupported", ", ".join(unknown)),))
            return
        if request.to.tag is not None:
            self._in_dialog(request, transaction, source, now)
        elif not request.uri.lower().startswith(("sip:", "sips:")):
            self._refuse(transaction, 416, now)  # section 8.2.2.1
        elif request.method == "INVITE":
            self._invite(request, transaction, source, now)
        elif request.method == "OPTIONS":
            self._answer_options(transaction, now)
        else:
            # Nobody who is not in a call with us has a call moved (RFC 3515 section 5.1).
            self._refuse(transaction, 403 if request.method == "REFER" else 481, now)

    def ack_received(self, request: Request, *, now: float) -> Account | None:
        """Take an ACK for a 2xx."""
        leg = self._book.of_request(request)
        if leg is None:
            return None
        waiting = leg.unacknowledged
        if waiting is not None and request.cseq.number == waiting.cseq:
            self._book.fire(leg, LegInput.RECEIVE_ACK, Cause(request=request), now=now)
        return leg.account

    def standing(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return hosts and Call-IDs of the calls that stand, and of those we place ourselves."""
        return self._book.standing()

    def is_full(self, source: Address) -> bool:
        """Whether no further call of *source* is to be taken on."""
        return self._book.is_full(source)

    def is_of_call(self, request: Request) -> bool:
        """Whether *request* is in a dialog of ours."""
        return self._book.of_request(request) is not None

    def answer(self, leg_id: int, cause: Cause, *, now: float) -> None:
        """Accept the peer's INVITE, at once or when it has acknowledged what must come before."""
        leg = self._book.of_owner(leg_id)
        waits = leg is not None and leg.state is LegState.INCOMING and self._reliable.must_wait(leg)
        self._book.command(leg_id, LegInput.ANSWER_LATER if waits else LegInput.ANSWER, cause, now=now)

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
        if self._admission.is_challenged(transaction, now):
            return
        if not self._admission.is_acceptable(transaction, now):
            return
        if self._sessions.is_too_brief(None, transaction, now):
            return
        instead_of, status = replaced(request, self._book)
        if status:
            self._refuse(transaction, status, now)
            return
        tag = self._agent.ids.tag()
        leg = Leg(self._book.new_id(), LegState.INCOMING, source, request, tag)
        leg.dialog = Dialog.from_request(request, local_tag=tag)
        leg.server = transaction
        leg.note_abilities(request)
        know(leg, source)
        transaction.owner, transaction.account = leg, leg.account
        if (expires_s := expires(request)) is not None:
            leg.deadlines[LegInput.EXPIRE] = now + expires_s  # section 13.3.1
        self._book.add(leg)
        replaces = None if instead_of is None else instead_of.id
        self._events.append(InviteReceived(leg.id, request, source, replaces))

    def _in_dialog(
        self, request: Request, transaction: ServerTransaction, source: Address, now: float
    ) -> None:
        leg = self._book.of_request(request)
        dialog = None if leg is None else leg.dialog_with(request.from_.tag)
        if leg is None or dialog is None:
            self._refuse(transaction, 481, now)
            return
        if request.method not in MOVING and is_stranger(leg, dialog, source):
            self._refuse_forged(transaction, source, now)
            return
        transaction.owner, transaction.account = leg, leg.account
        if request.method != "BYE" and leg.state in (LegState.BYE_SENT, LegState.BYE_RECEIVED):
            self._refuse(transaction, 481, now)
        elif self._admission.is_challenged(transaction, now):
            return
        elif not dialog.takes_cseq(request.cseq.number):
            self._refuse(transaction, 500, now)  # section 12.2.2
        else:
            if has_moved(leg, dialog, source):
                leg.peer = source
            know(leg, source)
            self._serve(leg, dialog, transaction, now)

    def _serve(self, leg: Leg, dialog: Dialog, transaction: ServerTransaction, now: float) -> None:
        """Do what a request in *dialog* that is in order asks for."""
        request = transaction.request
        match request.method:
            case "BYE":
                earlier, leg.bye = leg.bye, transaction
                if not self._book.fire(leg, LegInput.RECEIVE_BYE, Cause(request=request), now=now):
                    leg.bye = earlier
                    self._refuse(transaction, 481, now)
            case "OPTIONS":
                self._answer_options(transaction, now)
            case "PRACK":
                self._reliable.acknowledged(leg, transaction, now)
            case "UPDATE":
                self.updates.received(leg, dialog, transaction, now)
            case "INFO":
                self.infos.received(leg, dialog, transaction, now)
            case "REFER":
                self.referrals.received(leg, dialog, transaction, now)
            case "NOTIFY":
                self.referrals.notified(leg, transaction, now)
            case _:
                self._reinvite(leg, dialog, request, transaction, now)

    def _reinvite(
        self, leg: Leg, dialog: Dialog, request: Request, transaction: ServerTransaction, now: float
    ) -> None:
        if leg.update is not None or (leg.server is not None and leg.unacknowledged is None):
            # Section 14.2, RFC 3311 section 5.2: one offer at a time, and the first one is not answered yet.
            self._responder.refuse_for_now(transaction, 500, now)
        elif leg.state not in OPEN or leg.unacknowledged is not None:
            self._refuse(transaction, 491, now)  # section 14.2: one of ours is under way
        elif self._sessions.is_too_brief(leg, transaction, now):
            return
        elif self._admission.is_acceptable(transaction, now):
            leg.server = transaction
            dialog.refresh_target(request)
            leg.note_abilities(request)
            self._events.append(ReinviteReceived(leg.id, request))

    def _cancel(self, request: Request, transaction: ServerTransaction, source: Address, now: float) -> None:
        invite = self._layer.invite_to_cancel(request)
        if invite is not None and not same_host(invite.source, source):
            # Section 9.2: CANCEL goes the way of its INVITE, hop by hop.
            self._refuse_forged(transaction, source, now)
            transaction.stop()  # the true one has the same branch, and is no repetition of this one
            return
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

    def _refuse_forged(self, transaction: ServerTransaction, source: Address, now: float) -> None:
        """Refuse what comes from a host that has nothing to do with the call, as if there were none, and say so here."""
        self._layer.stats.spoofed += 1
        self._layer.drop(f"forged {transaction.request.method}: its host has no part in the call", source)
        self._refuse(transaction, 481, now)

    def _answer_options(self, transaction: ServerTransaction, now: float) -> None:
        self._respond(transaction, Cause(status=200), self._agent.ids.tag(), now)

    def _send_provisional(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.server is None:
            return
        if self._reliable.is_wanted(leg, cause):
            self._reliable.send(leg, cause, now)
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

    def _keep_acceptance(self, leg: Leg, cause: Cause, now: float) -> None:
        leg.acceptance = cause

    def _send_acceptance(self, leg: Leg, cause: Cause, now: float) -> None:
        kept, leg.acceptance = leg.acceptance, None
        self._accept(leg, kept or cause, now)

    def _accept(self, leg: Leg, cause: Cause, now: float) -> None:
        """Answer the leg's INVITE or re-INVITE 2xx and repeat that until its ACK (section 13.3.1.4)."""
        if leg.server is None:
            return
        timers = self._agent.timers
        self._reliable.stop(leg)
        headers = (*cause.headers, *self._sessions.answered(leg, leg.server.request, now))
        data = self._respond(leg.server, replace(cause, headers=headers), leg.local_tag, now)
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

    def _send_unacknowledged(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.server is not None:
            self._respond(leg.server, Cause(status=504), leg.local_tag, now)

    def _send_withdrawn(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.server is not None:
            self._respond(leg.server, Cause(status=480), leg.local_tag, now)

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
