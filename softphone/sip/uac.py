"""The client half of a user agent: INVITE, CANCEL, BYE, OPTIONS of ours (RFC 3261 sections 9, 13, 15)."""

from dataclasses import replace
from typing import TYPE_CHECKING

from softphone.sip.auth import AuthAttempts, Credentials
from softphone.sip.client_transaction import ClientTransaction
from softphone.sip.dialog import Dialog, path_to
from softphone.sip.events import (
    Address,
    Answered,
    ByeAnswered,
    OptionsAnswered,
    Provisional,
    Redirected,
    Refused,
)
from softphone.sip.exchange import Exchange, Exchanges
from softphone.sip.layer import TransactionLayer
from softphone.sip.leg import Cause, Leg, LegAction, LegInput, LegState
from softphone.sip.legs import Handler, LegBook
from softphone.sip.local import REASONS, LocalAgent
from softphone.sip.message import Request, Response
from softphone.sip.prack import MAX_FORKS, Acknowledger, is_reliable
from softphone.sip.reach import SECURE, transport_of
from softphone.sip.redirect import Search, destination_of
from softphone.sip.reinvite import Reinvitation, Reinviter
from softphone.sip.session_timer import SessionTimers
from softphone.sip.strangers import know
from softphone.sip.transaction import Action
from softphone.sip.uri import NameAddr, SipUri

if TYPE_CHECKING:
    import random

MAX_ALTERNATIVES = 16
"""Addresses of one target that are tried."""

SEEKING = frozenset({LegState.CALLING, LegState.PROCEEDING})
"""States of a leg that looks for somebody who answers."""


class Uac:
    """Carries out the leg actions of the caller, and BYE for both sides."""

    def __init__(
        self,
        agent: LocalAgent,
        layer: TransactionLayer,
        book: LegBook,
        sessions: SessionTimers,
        rng: "random.Random | None",
    ) -> None:
        self._agent = agent
        self._layer = layer
        self._book = book
        self._events = book.events
        self.exchanges = Exchanges(agent, layer)
        self._sessions = sessions
        self._acknowledger = Acknowledger(self.exchanges)
        self.reinviter = Reinviter(agent, layer, book, sessions, self.exchanges, rng)
        handlers: dict[LegAction, Handler] = {
            LegAction.SEND_INVITE_AGAIN: self._send_invite_again,
            LegAction.SEND_INVITE_ELSEWHERE: self._send_invite_elsewhere,
            LegAction.SEND_INVITE_LONGER: self._send_invite_again,
            LegAction.SEND_CANCEL: self._send_cancel,
            LegAction.SEND_ACK: self._send_ack,
            LegAction.SEND_BYE: self._send_bye,
            LegAction.TELL_PROVISIONAL: self._tell_provisional,
            LegAction.TELL_ANSWERED: self._tell_answered,
            LegAction.TELL_REFUSED: self._tell_refused,
            LegAction.TELL_CANCEL_PREVAILED: self._tell_cancel_prevailed,
            LegAction.TELL_BYE_ANSWERED: self._tell_bye_answered,
        }
        book.serve(handlers)

    def invite(
        self,
        target: SipUri,
        *,
        from_: NameAddr,
        body: bytes,
        content_type: str,
        headers: tuple[tuple[str, str], ...],
        credentials: Credentials | None,
        destination: Address,
        alternatives: tuple[Address, ...],
        route: tuple[str, ...],
        now: float,
    ) -> int:
        """Call *target* and return the new leg."""
        ids = self._agent.ids
        local_tag = ids.tag()
        request = self._agent.request(
            "INVITE",
            path_to(target, [NameAddr.parse(value) for value in route]),
            from_=from_.with_tag(local_tag),
            to=NameAddr(replace(target, headers=())),
            call_id=ids.call_id(),
            cseq=1,
            body=body,
            content_type=content_type,
            headers=(*self._sessions.asked(None, method="INVITE"), *headers),
        )
        leg = Leg(self._book.new_id(), LegState.CALLING, destination, request, local_tag)
        leg.credentials = credentials
        leg.digest = self.exchanges.digest_client(credentials, destination)
        leg.search = Search(
            target,
            list(alternatives[:MAX_ALTERNATIVES]),
            fixed=bool(request.routes),
            secure=transport_of(destination) in SECURE,
        )
        self._send_invite(leg, now)
        self._book.add(leg)  # what cannot be sent has made no leg
        return leg.id

    def options(
        self,
        target: SipUri,
        *,
        from_: NameAddr,
        destination: Address,
        credentials: Credentials | None,
        now: float,
    ) -> int:
        """Ask *target* what it can do and return the number of the question."""
        ids = self._agent.ids
        request = self._agent.request(
            "OPTIONS",
            path_to(target, ()),
            from_=from_.with_tag(ids.tag()),
            to=NameAddr(replace(target, headers=())),
            call_id=ids.call_id(),
            cseq=1,
        )
        number = self._book.new_id()
        cseq = request.cseq.number

        def next_cseq() -> int:
            nonlocal cseq
            cseq += 1
            return cseq

        def tell(response: Response | None, _now: float) -> None:
            self._events.append(OptionsAnswered(number, response))

        digest = self.exchanges.digest_client(credentials, destination)
        self.exchanges.start(request, Exchange(destination, tell, next_cseq, digest), now=now)
        return number

    def response_received(self, transaction: ClientTransaction, response: Response, *, now: float) -> None:
        """Take an answer from the transaction layer."""
        match transaction.owner:
            case Leg() as leg:
                self._invite_answered(leg, transaction, response, now)
            case Reinvitation() as asked:
                self.reinviter.response_received(asked, transaction, response, now=now)
            case Exchange() as exchange:
                self.exchanges.response_received(exchange, transaction.request, response, now=now)

    def transaction_failed(self, transaction: ClientTransaction, failure: Action, *, now: float) -> None:
        """Take the news that no answer can come; it counts as 408 or 503 (section 8.1.3.1)."""
        match transaction.owner:
            case Leg() as leg if leg.client is transaction:
                status = 408 if failure is Action.REPORT_TIMEOUT else 503
                told = Cause(status=status, reason=transaction.reason or None)
                self._refused(leg, told, now)
            case Reinvitation() as asked:
                self.reinviter.failed(asked, transaction, failure, now=now)
            case Exchange() as exchange:
                status = 408 if failure is Action.REPORT_TIMEOUT else 503
                exchange.failure = (status, transaction.reason or REASONS[status])
                exchange.on_final(None, now)

    def _invite_answered(
        self, leg: Leg, transaction: ClientTransaction, response: Response, now: float
    ) -> None:
        cause = Cause(response=response)
        know(leg, transaction.source)
        if response.status < 300:
            leg.note_abilities(response)
        if response.status < 200:
            if not self._acknowledger.provisional_received(leg, transaction.request, response, now=now):
                return
            self._book.fire(leg, LegInput.RECEIVE_PROVISIONAL, cause, now=now)
        elif response.status < 300:
            self._accepted(leg, transaction.request, response, now)
        elif leg.client is transaction:
            answerable = (
                response.status in (401, 407)
                and leg.digest is not None
                and leg.digest.learn(response, leg.attempts)
            )
            if answerable and self._book.fire(leg, LegInput.RECEIVE_CHALLENGE, cause, now=now):
                return
            if (
                response.status == 422
                and leg.state in SEEKING
                and self._sessions.lengthen(leg.invite, response, leg.attempts)
            ):
                self._book.fire(leg, LegInput.RECEIVE_TOO_BRIEF, cause, now=now)
                return
            self._refused(leg, cause, now)

    def _refused(self, leg: Leg, cause: Cause, now: float) -> None:
        """Go on elsewhere, or tell."""
        response = cause.response
        status = cause.status if response is None else response.status
        on = leg.search is not None and leg.state in SEEKING and leg.search.choose(status, response)
        self._book.fire(leg, LegInput.RECEIVE_ELSEWHERE if on else LegInput.RECEIVE_REFUSAL, cause, now=now)

    def _accepted(self, leg: Leg, invite: Request, response: Response, now: float) -> None:
        tag = response.to.tag or ""
        known = leg.acks.get(tag)
        if known is not None:
            # Section 13.2.2.4: each repetition of the 2xx gets the same ACK.
            self.exchanges.acknowledge_again(leg, known)
            return
        if len(leg.acks) >= MAX_FORKS:
            return
        dialog = Dialog.from_response(invite, response)
        if (early := leg.early.get(tag)) is not None:
            # Section 13.2.2.4: route set and target are those of the 2xx, all else goes on.
            dialog.local_cseq, dialog.remote_cseq = early.dialog.local_cseq, early.dialog.remote_cseq
        if leg.acks:
            # A fork of the call was answered, too: acknowledged and ended (section 13.2.2.4).
            leg.acks[tag] = self.exchanges.acknowledge(leg, dialog, invite)
            self._end_dialog(leg, dialog, Cause(), now)
            return
        leg.dialog = dialog
        self._sessions.agreed(leg, invite, response, now)
        if leg.digest is not None:
            leg.digest.learn_next(response)
        self._book.fire(leg, LegInput.RECEIVE_ACCEPTANCE, Cause(response=response), now=now)

    def _send_invite(self, leg: Leg, now: float) -> None:
        if leg.digest is not None:
            leg.digest.authorize(leg.invite)
        leg.client = self._layer.start(leg.invite, leg.peer, owner=leg, account=leg.account, now=now)

    def _send_invite_again(self, leg: Leg, cause: Cause, now: float) -> None:
        leg.invite = self._agent.repeated(leg.invite, cseq=leg.invite.cseq.number + 1)
        leg.early.clear()  # section 12.3: the refusal has ended them
        self._send_invite(leg, now)

    def _send_invite_elsewhere(self, leg: Leg, cause: Cause, now: float) -> None:
        search = leg.search
        if search is None or search.chosen is None:
            return
        place, only, number = search.chosen, None, leg.invite.cseq.number
        if leg.digest is not None:
            search.realms |= leg.digest.realms
        if isinstance(place, SipUri):
            # Section 8.1.3.4: To, From and Call-ID stay.
            invite = self._agent.repeated(leg.invite, cseq=number + 1)
            invite.uri = str(place)
            if not search.fixed:
                leg.peer = destination_of(place, secure=search.secure)
            # Whoever a redirect names may ask in the name of whoever has asked before, and in no other.
            only = None if search.knows(place) else search.realms
            status = cause.status if cause.response is None else cause.response.status
            self._events.append(Redirected(leg.id, status, place))
        else:
            # RFC 3263 section 4.3: the same request, in a transaction of its own.
            invite, leg.peer = self._agent.repeated(leg.invite, cseq=number), place
        for name in ("Authorization", "Proxy-Authorization"):
            invite.headers.remove(name)
        leg.invite = invite
        leg.early.clear()
        leg.digest = self.exchanges.digest_client(leg.credentials, leg.peer, only=only)
        leg.attempts = AuthAttempts()
        self._send_invite(leg, now)

    def _send_cancel(self, leg: Leg, cause: Cause, now: float) -> None:
        to = leg.invite.headers.get("To") or ""
        cancel = self._agent.hop_request("CANCEL", leg.invite, to=to)
        peer = leg.peer if leg.client is None else leg.client.peer
        self._layer.start(cancel, peer, owner=None, account=leg.account, now=now)
        # Section 9.1: without a final answer by then, the INVITE counts as cancelled.
        leg.deadlines[LegInput.CANCEL_TIMEOUT] = now + self._agent.timers.transaction_timeout

    def _send_ack(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.dialog is not None:
            tag = leg.dialog.remote.tag or ""
            leg.acks[tag] = self.exchanges.acknowledge(leg, leg.dialog, leg.invite)

    def _send_bye(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.dialog is not None:
            self._end_dialog(leg, leg.dialog, cause, now)

    def _end_dialog(self, leg: Leg, dialog: Dialog, cause: Cause, now: float) -> None:
        def over(exchange: Exchange, response: Response | None, at: float) -> None:
            if dialog is leg.dialog:
                self._book.fire(leg, LegInput.BYE_OVER, Cause(response=response), now=at)

        body, content_type, headers = cause.body, cause.content_type, cause.headers
        self.exchanges.within(
            leg, dialog, "BYE", over, body=body, content_type=content_type, headers=headers, now=now
        )

    def _tell_provisional(self, leg: Leg, cause: Cause, now: float) -> None:
        if cause.response is not None and cause.response.status > 100:
            self._events.append(Provisional(leg.id, cause.response, is_reliable(cause.response)))

    def _tell_answered(self, leg: Leg, cause: Cause, now: float) -> None:
        if cause.response is not None:
            self._events.append(Answered(leg.id, cause.response))

    def _tell_refused(self, leg: Leg, cause: Cause, now: float) -> None:
        response = cause.response
        if response is None:
            reason = cause.reason or REASONS[cause.status]
            self._events.append(Refused(leg.id, cause.status, reason, None, True))
        else:
            self._events.append(Refused(leg.id, response.status, response.reason, response, False))

    def _tell_cancel_prevailed(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.client is not None and cause.response is None:
            self._layer.abandon(leg.client)
        self._events.append(Refused(leg.id, 487, REASONS[487], cause.response, True))

    def _tell_bye_answered(self, leg: Leg, cause: Cause, now: float) -> None:
        self._events.append(ByeAnswered(leg.id, cause.response))
