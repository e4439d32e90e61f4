"""Session timers: a call whose other end has vanished does not stand for ever (RFC 4028)."""

from dataclasses import dataclass

from softphone.sip.auth import AuthAttempts
from softphone.sip.errors import SipParseError
from softphone.sip.events import SessionExpired
from softphone.sip.grammar import parse_params, parse_uint
from softphone.sip.leg import Cause, Leg, LegAction, LegInput
from softphone.sip.legs import LegBook
from softphone.sip.local import LocalAgent
from softphone.sip.message import Request, Response
from softphone.sip.responder import Responder
from softphone.sip.server_transaction import ServerTransaction

LEAST_MIN_SE_S = 90
"""No interval may be shorter (section 5)."""
LONGEST_HEADROOM_S = 32.0
"""Who does not refresh hangs up so long before the end of the interval, or a third of it (section 10)."""
RETRY_SHARE = 8
"""A refresh that came to nothing is tried again after this part of the interval."""
MAX_TOO_BRIEF = 8
"""So many 422 are followed: each proxy on the way may want a longer interval than the one before."""
LAST_CHANCE_S = 1.0
"""A refresh that begins later would come too late."""

HeaderList = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What both ends agreed on."""

    interval_s: int
    we_refresh: bool
    min_se_s: int = LEAST_MIN_SE_S
    """The least that somebody on the way has asked for."""


def session_expires(message: Request | Response) -> tuple[int, str | None] | None:
    """Return interval and refresher ("uac" or "uas") of Session-Expires (section 4); None without a good one."""
    value, _, rest = (message.headers.get("Session-Expires") or "").partition(";")
    try:
        params = parse_params(rest, "Session-Expires") if rest else {}
        refresher = (params.get("refresher") or "").lower()
        return parse_uint(value.strip(), "Session-Expires"), refresher if refresher in (
            "uac",
            "uas",
        ) else None
    except SipParseError:
        return None


def min_se(message: Request | Response) -> int:
    """Return Min-SE (section 5), its least value where there is no good one."""
    try:
        value = parse_uint((message.headers.get("Min-SE") or "").partition(";")[0].strip(), "Min-SE")
    except SipParseError:
        return LEAST_MIN_SE_S
    return max(value, LEAST_MIN_SE_S)


def knows_timers(request: Request) -> bool:
    """Whether the sender of *request* can refresh."""
    return "timer" in {tag.lower() for tag in request.headers.get_all("Supported")}


class SessionTimers:
    """Agrees on intervals, refreshes, and ends what is not refreshed.

    Args:
        wanted_s: what we ask for; None: only peers ask.
        least_s: the least that we take.
    """

    def __init__(
        self,
        agent: LocalAgent,
        book: LegBook,
        responder: Responder,
        *,
        wanted_s: float | None,
        least_s: float,
    ) -> None:
        self._agent = agent
        self._book = book
        self._responder = responder
        self._wanted = None if wanted_s is None else round(wanted_s)
        self._least = round(least_s)
        book.serve({LegAction.TELL_SESSION_EXPIRED: self._tell_expired})

    def asked(self, leg: Leg | None, *, method: str) -> HeaderList:
        """Return what our INVITE or UPDATE asks for; for a leg that has terms already, those (section 7.4)."""
        terms = None if leg is None else leg.session
        if terms is not None:
            value = f"{terms.interval_s};refresher={'uac' if terms.we_refresh else 'uas'}"
            least = terms.min_se_s
        elif self._wanted is not None:
            value, least = str(max(self._wanted, self._least)), self._least
        else:
            return ()
        headers: HeaderList = (("Session-Expires", value),)
        if least != LEAST_MIN_SE_S:
            headers = (*headers, ("Min-SE", str(least)))
        if method != "INVITE" or self._agent.style.is_compact:
            headers = (*headers, ("Supported", "timer"))
        return headers

    def lengthen(self, request: Request, response: Response, attempts: AuthAttempts) -> bool:
        """Ask again as the 422 *response* wants it (section 7.3).

        False if that is no more than was asked for, or would go on for ever.
        """
        before = session_expires(request)
        least = max(min_se(response), min_se(request))
        if before is None or before[0] >= least or attempts.too_brief >= MAX_TOO_BRIEF:
            return False
        attempts.too_brief += 1
        _, semicolon, rest = (request.headers.get("Session-Expires") or "").partition(";")
        request.headers.set("Session-Expires", f"{least}{semicolon}{rest}")
        request.headers.set("Min-SE", str(least))
        return True

    def is_too_brief(self, leg: Leg | None, transaction: ServerTransaction, now: float) -> bool:
        """Whether a request of the peer asks for too short an interval; then it is answered 422 (section 9)."""
        request = transaction.request
        asked = session_expires(request)
        if asked is None or asked[0] >= self._least or not knows_timers(request):
            return False
        self._responder.refuse(transaction, 422, now, headers=(("Min-SE", str(self._least)),))
        return True

    def answered(self, leg: Leg, request: Request, now: float) -> HeaderList:
        """Agree on terms in our 2xx to *request*; return what it says of them (section 9)."""
        asked, capable = session_expires(request), knows_timers(request)
        known = LEAST_MIN_SE_S if leg.session is None else leg.session.min_se_s
        least = max(self._least, min_se(request), known)
        if asked is None and (self._wanted is None or not capable):
            self._restart(leg, None, now)
            return ()
        interval = least if self._wanted is None else max(self._wanted, least)
        if asked is not None:
            # What is asked for may be made shorter, never longer; too short it is only from a proxy (section 9).
            interval = max(min(asked[0], interval) if self._wanted is not None else asked[0], least)
        # Table 2: who cannot refresh is not asked to.
        refresher = "uas" if not capable else (asked[1] if asked is not None else None) or "uac"
        self._restart(leg, SessionTerms(interval, refresher == "uas", max(min_se(request), known)), now)
        told: HeaderList = (("Session-Expires", f"{interval};refresher={refresher}"),)
        return (*told, ("Require", "timer")) if refresher == "uac" else told

    def agreed(
        self, leg: Leg, request: Request, response: Response, now: float, *, since: float | None = None
    ) -> None:
        """Take the terms of the peer's 2xx to our *request* (section 7.2); without any, the session does not expire."""
        terms, agreed = session_expires(response), None
        if terms is not None:
            interval = max(terms[0], self._least)
            agreed = SessionTerms(interval, terms[1] != "uas", min_se(request))
        self._restart(leg, agreed, now if since is None else since)

    def retry(self, leg: Leg, now: float) -> None:
        """Refresh again in a while, for this time nothing came of it."""
        terms = leg.session
        end = leg.deadlines.get(LegInput.SESSION_EXPIRE, now)
        if terms is not None and terms.we_refresh:
            again = now + terms.interval_s / RETRY_SHARE
            if again < end - LAST_CHANCE_S:
                leg.deadlines[LegInput.SESSION_REFRESH] = again

    def _restart(self, leg: Leg, terms: SessionTerms | None, now: float) -> None:
        leg.session = terms
        for signal in (LegInput.SESSION_REFRESH, LegInput.SESSION_EXPIRE):
            leg.deadlines.pop(signal, None)
        if terms is None:
            return
        interval = float(terms.interval_s)
        if terms.we_refresh:
            leg.deadlines[LegInput.SESSION_REFRESH] = now + interval / 2  # section 7.2
            leg.deadlines[LegInput.SESSION_EXPIRE] = now + interval
        else:
            leg.deadlines[LegInput.SESSION_EXPIRE] = now + interval - min(LONGEST_HEADROOM_S, interval / 3)

    def _tell_expired(self, leg: Leg, cause: Cause, now: float) -> None:
        self._book.events.append(SessionExpired(leg.id))
