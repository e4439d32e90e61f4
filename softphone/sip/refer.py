"""REFER: asking a peer to call somebody else, and being asked (RFC 3515, 3891, 3892, 4488)."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from softphone.sip.dialog import Dialog, as_request_uri
from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.events import ReferAnswered, ReferProgress, ReferReceived
from softphone.sip.exchange import Exchange, Exchanges
from softphone.sip.grammar import parse_uint
from softphone.sip.leg import ON_THE_WAY_OUT, STANDING, Cause, Leg, LegAction, LegInput, LegState
from softphone.sip.legs import LegBook
from softphone.sip.local import REASONS
from softphone.sip.message import Request, Response
from softphone.sip.responder import Responder, content_type
from softphone.sip.server_transaction import ServerTransaction
from softphone.sip.sipfrag import SIPFRAG_TYPE, read_status, status_fragment
from softphone.sip.uri import NameAddr, SipUri

SUBSCRIPTION_S = 180
"""How long the peer is told that news may come, and how long we wait for the next."""
MAX_REFERRED_BY = 512


class ReferState(enum.Enum):
    """Where a transfer stands, on either side."""

    ASKED = "asked the peer"
    """Our REFER is out."""
    WATCHING = "watching the peer"
    """The peer took it and tells how its call stands."""
    DECIDING = "asked by the peer"
    """The owner has yet to take the peer's REFER, or to refuse it."""
    NOTIFYING = "telling the peer"
    """We took it and tell how our call stands."""
    OVER = "over"


class ReferInput(enum.Enum):
    """What can happen to it."""

    ACCEPTED = "2xx to REFER received"
    ACCEPTED_QUIETLY = "2xx to REFER received, without a subscription"
    REFUSED = "REFER refused, or no answer can come"
    NOTIFIED = "NOTIFY received"
    NOTIFIED_LAST = "last NOTIFY received"
    SILENCE = "nothing was heard for too long"
    ACCEPT = "accept"
    ACCEPT_QUIETLY = "accept, the peer wants no news"
    REJECT = "reject"
    TELL = "tell"
    TELL_LAST = "tell the end"
    LOST = "NOTIFY refused, or no answer can come"


class ReferAction(enum.Enum):
    """What is done then."""

    TELL_ANSWERED = "tell ReferAnswered"
    TELL_TAKEN = "tell ReferAnswered 202"
    TELL_PROGRESS = "tell ReferProgress"
    TELL_SILENCE = "tell ReferProgress 408, the last one"
    SEND_ACCEPTED = "send 202"
    SEND_REFUSAL = "send final answer"
    SEND_TRYING = "send NOTIFY with 100"
    SEND_NOTIFY = "send NOTIFY"


RS, RI, RA = ReferState, ReferInput, ReferAction

# A missing pair: for an input of the owner, moot; for one of the peer or of a timer, absorbed. A NOTIFY may overtake the
# 202 (RFC 6665 section 4.1.2.4): it says the same.
REFER: Mapping[tuple[ReferState, ReferInput], tuple[ReferState, tuple[ReferAction, ...]]] = {
    (RS.ASKED, RI.ACCEPTED): (RS.WATCHING, (RA.TELL_ANSWERED,)),
    (RS.ASKED, RI.ACCEPTED_QUIETLY): (RS.OVER, (RA.TELL_ANSWERED,)),
    (RS.ASKED, RI.REFUSED): (RS.OVER, (RA.TELL_ANSWERED,)),
    (RS.ASKED, RI.NOTIFIED): (RS.WATCHING, (RA.TELL_TAKEN, RA.TELL_PROGRESS)),
    (RS.ASKED, RI.NOTIFIED_LAST): (RS.OVER, (RA.TELL_TAKEN, RA.TELL_PROGRESS)),
    (RS.WATCHING, RI.NOTIFIED): (RS.WATCHING, (RA.TELL_PROGRESS,)),
    (RS.WATCHING, RI.NOTIFIED_LAST): (RS.OVER, (RA.TELL_PROGRESS,)),
    (RS.WATCHING, RI.SILENCE): (RS.OVER, (RA.TELL_SILENCE,)),
    (RS.DECIDING, RI.ACCEPT): (RS.NOTIFYING, (RA.SEND_ACCEPTED, RA.SEND_TRYING)),
    (RS.DECIDING, RI.ACCEPT_QUIETLY): (RS.OVER, (RA.SEND_ACCEPTED,)),
    (RS.DECIDING, RI.REJECT): (RS.OVER, (RA.SEND_REFUSAL,)),
    (RS.NOTIFYING, RI.TELL): (RS.NOTIFYING, (RA.SEND_NOTIFY,)),
    (RS.NOTIFYING, RI.TELL_LAST): (RS.OVER, (RA.SEND_NOTIFY,)),
    (RS.NOTIFYING, RI.LOST): (RS.OVER, ()),
}


@dataclass(slots=True, eq=False)
class Referral:
    """One REFER, ours or the peer's."""

    state: ReferState
    transaction: ServerTransaction | None = None
    """Of the peer's REFER while that is unanswered."""
    is_quiet: bool = False
    """Whether the peer wants no news (RFC 4488)."""
    id: int = 0
    """CSeq of the REFER (RFC 3515 section 2.4.6); of ours the first one, before a challenge."""
    is_named: bool = False
    """Whether its NOTIFY must say of which REFER they are, for it is not the first."""
    waiting: "News | None" = None
    """What is to be told once the NOTIFY that is out is answered; only the newest counts."""
    is_telling: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What one NOTIFY tells, or the answer to a REFER."""

    status: int = 0
    reason: str = ""
    over: bool = False


class Referrals:
    """Sends and takes REFER and NOTIFY."""

    def __init__(self, exchanges: Exchanges, book: LegBook, responder: Responder) -> None:
        self._exchanges = exchanges
        self._book = book
        self._responder = responder
        self._actions: Mapping[ReferAction, Callable[[Leg, Referral, News, float], None]] = {
            RA.TELL_ANSWERED: self._tell_answered,
            RA.TELL_TAKEN: self._tell_taken,
            RA.TELL_PROGRESS: self._tell_progress,
            RA.TELL_SILENCE: self._tell_silence,
            RA.SEND_ACCEPTED: self._send_accepted,
            RA.SEND_REFUSAL: self._send_refusal,
            RA.SEND_TRYING: self._send_trying,
            RA.SEND_NOTIFY: self._send_notify,
        }
        book.serve({LegAction.TELL_REFER_SILENCE: self._silence})
        book.at_end(self._close)

    def refer(self, leg_id: int, target: SipUri, *, replaces: str | None, now: float) -> None:
        """Ask the peer to call *target*, in place of the dialog that *replaces* names.

        Raises:
            LocalSipError: if the leg does not stand, or a transfer is under way.
        """
        leg = self._book.of_owner(leg_id)
        if leg is None:
            return
        dialog = _standing(leg, "REFER")
        if leg.referral is not None and leg.referral.state is not RS.OVER:
            raise LocalSipError(f"leg {leg_id} is being transferred already")
        uri = replace(target, headers=())
        if replaces is not None:
            uri = replace(uri, headers=(("Replaces", quote(replaces, safe="-_.!~*'()")),))
        referral = leg.referral = Referral(RS.ASKED, id=dialog.local_cseq + 1)

        def over(exchange: Exchange, response: Response | None, at: float) -> None:
            status, reason = exchange.outcome(response)
            signal = RI.REFUSED
            if response is not None and status < 300:
                quiet = (response.headers.get("Refer-Sub") or "").strip().lower() == "false"
                signal = RI.ACCEPTED_QUIETLY if quiet else RI.ACCEPTED
            self._fire(leg, referral, signal, News(status, reason), at)

        local = replace(dialog.local, params={}, display="")
        headers = (("Refer-To", f"<{uri}>"), ("Referred-By", str(local)))
        self._exchanges.within(leg, dialog, "REFER", over, headers=headers, now=now)

    def received(self, leg: Leg, dialog: Dialog, transaction: ServerTransaction, now: float) -> None:
        """Take a REFER of the peer."""
        request = transaction.request
        values = request.headers.get_all("Refer-To")
        try:
            target = NameAddr.parse(values[0]).uri if len(values) == 1 else None
        except SipParseError:
            target = None
        names = {} if target is None else {name.lower(): unquote(value) for name, value in target.headers}
        replaces = names.get("replaces")
        if target is None or (replaces is not None and _one_line(replaces) is None):
            self._responder.refuse(transaction, 400, now)  # RFC 3515 section 2.4.2
        elif target.scheme not in ("sip", "sips") or target.params.get("method") not in (None, "INVITE"):
            self._responder.refuse(transaction, 416 if target.scheme not in ("sip", "sips") else 501, now)
        elif leg.state not in STANDING | {LegState.ANSWERED}:
            self._responder.refuse_for_now(transaction, 500, now)
        elif leg.referred is not None and leg.referred.state is not RS.OVER:
            self._responder.refuse(transaction, 491, now)
        else:
            quiet = (request.headers.get("Refer-Sub") or "").strip().lower() == "false"
            number, again = request.cseq.number, leg.referred is not None
            leg.referred = Referral(RS.DECIDING, transaction, quiet, number, again)
            where = replace(as_request_uri(target), headers=())
            self._book.events.append(ReferReceived(leg.id, where, replaces, _referred_by(request)))

    def accept(self, leg_id: int, *, now: float) -> None:
        """Take the peer's REFER; it will be told how our call stands."""
        leg, referral = self._referred(leg_id)
        if leg is not None and referral is not None:
            signal = RI.ACCEPT_QUIETLY if referral.is_quiet else RI.ACCEPT
            self._fire(leg, referral, signal, News(100, REASONS[100]), now)

    def reject(self, leg_id: int, status: int, *, now: float) -> None:
        """Refuse the peer's REFER."""
        leg, referral = self._referred(leg_id)
        if leg is not None and referral is not None:
            self._fire(leg, referral, RI.REJECT, News(status), now)

    def notify(self, leg_id: int, status: int, reason: str, *, over: bool, now: float) -> None:
        """Tell the peer how the call stands that it asked for."""
        leg, referral = self._referred(leg_id)
        if leg is not None and referral is not None:
            signal = RI.TELL_LAST if over else RI.TELL
            self._fire(leg, referral, signal, News(status, reason, over), now)

    def notified(self, leg: Leg, transaction: ServerTransaction, now: float) -> None:
        """Take a NOTIFY of the peer (RFC 3515 section 2.4.5)."""
        request, referral = transaction.request, leg.referral
        event, _, params = (request.headers.get("Event") or "").partition(";")
        if event.strip().lower() != "refer":
            self._responder.refuse(transaction, 489, now, headers=(("Allow-Events", "refer"),))
            return
        if referral is None or referral.state not in (RS.ASKED, RS.WATCHING):
            self._responder.refuse(transaction, 481, now)
            return
        if (named := _event_id(params)) is not None and named < referral.id:
            self._responder.refuse(transaction, 481, now)  # of an earlier REFER of ours
            return
        if not self._responder.can_read(transaction, (SIPFRAG_TYPE,), now):
            return
        self._responder.refuse(transaction, 200, now)
        status = read_status(request.body) if content_type(request) == SIPFRAG_TYPE else None
        ended = (request.headers.get("Subscription-State") or "").partition(";")[0].strip().lower()
        over = ended == "terminated" or (status is not None and status[0] >= 200)
        if status is None and not over:
            return
        news = News(*(status or (487, "the peer tells no more")), over=over)
        self._fire(leg, referral, RI.NOTIFIED_LAST if over else RI.NOTIFIED, news, now)

    def _referred(self, leg_id: int) -> tuple[Leg | None, Referral | None]:
        leg = self._book.of_owner(leg_id)
        return leg, None if leg is None else leg.referred

    def _fire(self, leg: Leg, referral: Referral, signal: ReferInput, news: News, now: float) -> None:
        entry = REFER.get((referral.state, signal))
        if entry is None:
            return
        referral.state, actions = entry
        if referral is leg.referral:
            leg.deadlines.pop(LegInput.REFER_SILENCE, None)
            if referral.state is RS.WATCHING:
                leg.deadlines[LegInput.REFER_SILENCE] = now + SUBSCRIPTION_S
            self._book.schedule(leg)
        for action in actions:
            self._actions[action](leg, referral, news, now)

    def _silence(self, leg: Leg, cause: Cause, now: float) -> None:
        if leg.referral is not None:
            self._fire(leg, leg.referral, RI.SILENCE, News(), now)

    def _tell_answered(self, leg: Leg, referral: Referral, news: News, now: float) -> None:
        self._book.events.append(ReferAnswered(leg.id, news.status, news.reason))

    def _tell_taken(self, leg: Leg, referral: Referral, news: News, now: float) -> None:
        self._book.events.append(ReferAnswered(leg.id, 202, REASONS[202]))

    def _tell_progress(self, leg: Leg, referral: Referral, news: News, now: float) -> None:
        self._book.events.append(ReferProgress(leg.id, news.status, news.reason, news.over))

    def _tell_silence(self, leg: Leg, referral: Referral, news: News, now: float) -> None:
        self._book.events.append(ReferProgress(leg.id, 408, REASONS[408], True))

    def _send_accepted(self, leg: Leg, referral: Referral, news: News, now: float) -> None:
        headers = (("Refer-Sub", "false"),) if referral.is_quiet else ()
        self._answer(leg, referral, 202, headers, now)

    def _send_refusal(self, leg: Leg, referral: Referral, news: News, now: float) -> None:
        self._answer(leg, referral, news.status, (), now)

    def _answer(
        self, leg: Leg, referral: Referral, status: int, headers: tuple[tuple[str, str], ...], now: float
    ) -> None:
        if referral.transaction is not None:
            transaction, referral.transaction = referral.transaction, None
            self._responder.respond(transaction, Cause(status=status, headers=headers), leg.local_tag, now)

    def _send_trying(self, leg: Leg, referral: Referral, news: News, now: float) -> None:
        # RFC 3515 section 2.4.4: one at once, whatever there is to tell.
        self._send_notify(leg, referral, News(100, REASONS[100]), now)

    def _send_notify(self, leg: Leg, referral: Referral, news: News, now: float) -> None:
        dialog = leg.dialog
        # Behind our BYE nothing may follow: what overtakes it on the way has its CSeq refused (RFC 3261 section 12.2.2).
        if dialog is None or leg.state in ON_THE_WAY_OUT:
            return
        if referral.is_telling:
            referral.waiting = news
            return
        referral.is_telling = True

        def over(exchange: Exchange, response: Response | None, at: float) -> None:
            referral.is_telling = False
            following, referral.waiting = referral.waiting, None
            if response is None or response.status >= 300:
                self._fire(leg, referral, RI.LOST, News(), at)
            elif following is not None:
                self._send_notify(leg, referral, following, at)

        state = "terminated;reason=noresource" if news.over else f"active;expires={SUBSCRIPTION_S}"
        event = f"refer;id={referral.id}" if referral.is_named else "refer"
        headers = (("Event", event), ("Subscription-State", state))
        self._exchanges.within(
            leg,
            dialog,
            "NOTIFY",
            over,
            body=status_fragment(news.status, news.reason or None),
            content_type=f"{SIPFRAG_TYPE};version=2.0",
            headers=headers,
            now=now,
        )

    def _close(self, leg: Leg, now: float) -> None:
        """Answer what the owner has not, for the dialog is over."""
        if leg.referred is not None:
            self._answer(leg, leg.referred, 487, (), now)


def _standing(leg: Leg, method: str) -> Dialog:
    if leg.dialog is None or leg.state not in STANDING | {LegState.ANSWERED}:
        raise LocalSipError(f"leg {leg.id} is {leg.state.value}: cannot send {method}")
    return leg.dialog


def _event_id(params: str) -> int | None:
    """Return the number of the REFER that an Event names."""
    for item in params.split(";"):
        name, _, value = item.partition("=")
        if name.strip().lower() == "id":
            try:
                return parse_uint(value.strip(), "Event")
            except SipParseError:
                return 0
    return None


def _referred_by(request: Request) -> str | None:
    """Return Referred-By as it may be copied into an INVITE (RFC 3892 section 2.2); None where it is none."""
    value = _one_line(request.headers.get("Referred-By"))
    try:
        NameAddr.parse(value or "")
    except SipParseError:
        return None
    return value


def _one_line(value: str | None) -> str | None:
    if value is None or not value.isprintable() or len(value) > MAX_REFERRED_BY:
        return None
    return value
