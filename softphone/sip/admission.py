"""Whether a request of a peer is served at all: its credentials, its body, what it takes (RFC 3261 sections 8.2.3 and 22)."""

from softphone.sip.auth import Challenger
from softphone.sip.auth_server import DigestServer, Verdict
from softphone.sip.errors import SipParseError
from softphone.sip.grammar import parse_uint
from softphone.sip.local import LocalAgent
from softphone.sip.message import Request
from softphone.sip.responder import Responder
from softphone.sip.server_transaction import ServerTransaction


def expires(request: Request) -> float | None:
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


class Admission:
    """Refuses what cannot be served."""

    def __init__(self, agent: LocalAgent, responder: Responder, challenger: Challenger | None) -> None:
        self._agent = agent
        self._responder = responder
        self._digest = None if challenger is None else DigestServer(challenger, make_nonce=agent.ids.nonce)

    def is_challenged(self, transaction: ServerTransaction, now: float) -> bool:
        """Whether a request needs credentials and did not bring good ones; then it is answered 401."""
        request = transaction.request
        if self._digest is None or request.method not in self._digest.config.methods:
            return False
        verdict = self._digest.check(request, now=now)
        if verdict is Verdict.ACCEPTED:
            return False
        headers = self._digest.challenges(stale=verdict is Verdict.STALE, now=now)
        self._responder.refuse(transaction, 401, now, headers=tuple(headers))
        return True

    def is_acceptable(self, transaction: ServerTransaction, now: float) -> bool:
        """Whether we can read a request, and its sender our answer; else it is refused (section 8.2.3)."""
        if not _takes(transaction.request, self._agent.accept):
            self._responder.refuse(transaction, 406, now)
            return False
        return self._responder.can_read(transaction, self._agent.accept, now)
