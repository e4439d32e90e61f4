"""INFO: digits and the like within a call (RFC 6086)."""

from softphone.sip.dialog import Dialog
from softphone.sip.errors import LocalSipError
from softphone.sip.events import InfoAnswered, InfoReceived
from softphone.sip.exchange import Exchange, Exchanges
from softphone.sip.leg import STANDING, Leg, LegState
from softphone.sip.legs import LegBook
from softphone.sip.message import Response
from softphone.sip.responder import Responder, content_type
from softphone.sip.server_transaction import ServerTransaction

INFO_TYPES = ("application/dtmf-relay", "application/dtmf")
"""What we read: digits as it has become usual to send them, without an Info-Package (RFC 6086 section 4.2.2 lets that live on)."""


class Infos:
    """Sends and takes them."""

    def __init__(self, exchanges: Exchanges, book: LegBook, responder: Responder) -> None:
        self._exchanges = exchanges
        self._book = book
        self._responder = responder

    def info(self, leg_id: int, body: bytes, content_type: str, *, now: float) -> None:
        """Send one in the dialog of *leg_id*.

        Raises:
            LocalSipError: if the leg does not stand.
        """
        leg = self._book.of_owner(leg_id)
        if leg is None:
            return
        if leg.dialog is None or leg.state not in STANDING | {LegState.ANSWERED}:
            raise LocalSipError(f"leg {leg_id} is {leg.state.value}: cannot send INFO")

        def tell(exchange: Exchange, response: Response | None, _now: float) -> None:
            self._book.events.append(InfoAnswered(leg_id, exchange.outcome(response)[0]))

        self._exchanges.within(leg, leg.dialog, "INFO", tell, body=body, content_type=content_type, now=now)

    def received(self, leg: Leg, dialog: Dialog, transaction: ServerTransaction, now: float) -> None:
        """Take one of the peer."""
        request = transaction.request
        if (request.headers.get("Info-Package") or "").strip():
            # RFC 6086 section 4.2.2: a package that we did not ask for.
            self._responder.refuse(transaction, 469, now, headers=(("Recv-Info", ""),))
        elif self._responder.can_read(transaction, INFO_TYPES, now):
            self._responder.refuse(transaction, 200, now)
            if request.body:
                self._book.events.append(InfoReceived(leg.id, content_type(request), request.body))
