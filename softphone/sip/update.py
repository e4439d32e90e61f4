"""UPDATE of the peer: another session without an INVITE, also before the call is accepted (RFC 3311)."""

from softphone.sip.dialog import Dialog
from softphone.sip.events import UpdateReceived
from softphone.sip.leg import OPEN, STANDING, Cause, Leg, LegInput, LegState
from softphone.sip.legs import LegBook
from softphone.sip.local import LocalAgent
from softphone.sip.responder import Responder
from softphone.sip.server_transaction import ServerTransaction
from softphone.sip.session_timer import SessionTimers


class Updates:
    """Judges them, and answers when the owner has."""

    def __init__(
        self, agent: LocalAgent, book: LegBook, responder: Responder, sessions: SessionTimers
    ) -> None:
        self._agent = agent
        self._book = book
        self._responder = responder
        self._sessions = sessions
        book.at_end(self._close)

    def received(self, leg: Leg, dialog: Dialog, transaction: ServerTransaction, now: float) -> None:
        """Take an UPDATE in *dialog* of *leg*, early or not."""
        request = transaction.request
        if self._sessions.is_too_brief(leg, transaction, now):
            return
        if not request.body:
            dialog.refresh_target(request)
            leg.note_abilities(request)
            self._accept(leg, transaction, Cause(status=200), now)
            return
        if (status := self._glare(leg)) is not None:
            if status == 500:
                self._responder.refuse_for_now(transaction, status, now)
            else:
                self._responder.refuse(transaction, status, now)
        elif self._responder.can_read(transaction, self._agent.accept, now):
            dialog.refresh_target(request)
            leg.note_abilities(request)
            self.offered(leg, transaction)

    def offered(self, leg: Leg, transaction: ServerTransaction) -> None:
        """Hand an offer in UPDATE or PRACK to the owner."""
        leg.update = transaction
        self._book.events.append(UpdateReceived(leg.id, transaction.request))

    def answer(self, leg_id: int, cause: Cause, *, now: float) -> None:
        """Answer the one that waits; nothing happens where there is none any more."""
        leg = self._book.of_owner(leg_id)
        if leg is None or leg.update is None:
            return
        transaction, leg.update = leg.update, None
        if cause.status < 300:
            self._accept(leg, transaction, cause, now)
        else:
            self._responder.respond(transaction, cause, leg.local_tag, now)
        self._book.fire(leg, LegInput.REINVITE_TURN, Cause(), now=now)

    def _accept(self, leg: Leg, transaction: ServerTransaction, cause: Cause, now: float) -> None:
        headers = cause.headers
        if transaction.request.method == "UPDATE" and leg.state in STANDING | {LegState.ANSWERED}:
            headers = (*headers, *self._sessions.answered(leg, transaction.request, now))
            self._book.schedule(leg)
        told = Cause(status=200, body=cause.body, content_type=cause.content_type, headers=headers)
        self._responder.respond(transaction, told, leg.local_tag, now)

    @staticmethod
    def _glare(leg: Leg) -> int | None:
        """Return what an offer of the peer is refused with because another one is under way (section 5.2), None if none is."""
        match leg.state:
            case LegState.INCOMING:
                if leg.update is not None:
                    return 500
                progress = leg.progress
                if progress is not None and progress.is_agreed:
                    return None
                ours = progress is not None and progress.holds_description and not leg.invite.body
                return 491 if ours else 500
            case LegState.CALLING | LegState.PROCEEDING | LegState.CANCEL_WANTED | LegState.CANCELLING:
                if not any(early.is_agreed for early in leg.early.values()):
                    return 491  # our INVITE has the offer, and no answer came that counts
                return 500 if leg.update is not None else None
            case LegState.REINVITING | LegState.REINVITE_CANCELLING:
                change = leg.reinvitation
                return 491 if change is None or not change.is_refresh else 500 if leg.update else None
            case LegState.ANSWER_WAITING | LegState.ANSWERED_ENDING:
                return 500
        if leg.update is not None:
            return 500
        if leg.unacknowledged is not None:
            return None if leg.unacknowledged.transaction.request.body else 491
        return 500 if leg.server is not None and leg.state in OPEN else None

    def _close(self, leg: Leg, now: float) -> None:
        """Answer what the owner has not, for the dialog is over (RFC 3261 section 15.1.2)."""
        if leg.update is not None:
            transaction, leg.update = leg.update, None
            self._responder.respond(transaction, Cause(status=487), leg.local_tag, now)
