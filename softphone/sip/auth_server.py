"""Digest authentication, the server's side (RFC 3261 section 22, RFC 7616, RFC 8760).

Nonces live for a while, and each count of each nonce is taken once.
"""

import enum
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from softphone.sip.auth import Challenger
from softphone.sip.digest import digest_response
from softphone.sip.errors import SipParseError
from softphone.sip.grammar import quote
from softphone.sip.headers import parse_auth_params
from softphone.sip.message import Request
from softphone.sip.uri import SipUri

MAX_NONCES = 1024
"""Nonces remembered; the oldest goes first."""


class Verdict(enum.Enum):
    """What the server side thinks of a request's credentials."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    """None for our realm."""
    STALE = "stale"
    """The password is right; the nonce is too old, forgotten, or this count of it was used."""
    WRONG = "wrong"


@dataclass(slots=True)
class _Nonce:
    issued_at: float
    highest_count: int = 0


class DigestServer:
    """Challenges requests and checks their credentials, for one `Challenger`."""

    def __init__(self, config: Challenger, *, make_nonce: Callable[[], str]) -> None:
        self.config = config
        self._make_nonce = make_nonce
        self._nonces: dict[str, _Nonce] = {}

    def challenges(self, *, stale: bool, now: float) -> list[tuple[str, str]]:
        """Return the headers of a 401 with a fresh nonce."""
        nonce = self._make_nonce()
        self._nonces[nonce] = _Nonce(now)
        while len(self._nonces) > MAX_NONCES:
            del self._nonces[next(iter(self._nonces))]
        suffix = ", stale=true" if stale else ""
        return [
            (
                "WWW-Authenticate",
                f"Digest realm={quote(self.config.realm)}, nonce={quote(nonce)}, "
                f'algorithm={algorithm}, qop="auth"{suffix}',
            )
            for algorithm in self.config.algorithms
        ]

    def check(self, request: Request, *, now: float) -> Verdict:
        """Judge the credentials of *request*; accepting them uses up their nonce count."""
        for value in request.headers.get_all("Authorization"):
            try:
                scheme, params = parse_auth_params(value)
            except SipParseError:
                return Verdict.WRONG
            if scheme.lower() == "digest" and params.get("realm") == self.config.realm:
                return self._check(request, params, now=now)
        return Verdict.MISSING

    def _check(self, request: Request, params: Mapping[str, str], *, now: float) -> Verdict:
        algorithm = params.get("algorithm", "MD5").upper()
        qop = params.get("qop", "").lower()
        username, nonce, uri = params.get("username", ""), params.get("nonce", ""), params.get("uri", "")
        if (
            algorithm not in self.config.algorithms
            or qop not in ("", "auth")
            or not _same_server(uri, request.uri)
        ):
            return Verdict.WRONG
        try:
            count = int(params.get("nc", "0"), 16)
        except ValueError:
            return Verdict.WRONG
        if not 0 <= count <= 0xFFFFFFFF or (qop and not count):
            return Verdict.WRONG
        # The digest of an unknown user is computed, too: how long an answer takes tells no names.
        expected = digest_response(
            algorithm=algorithm,
            username=username,
            realm=self.config.realm,
            password=self.config.users.get(username, ""),
            method=request.method,
            uri=uri,
            nonce=nonce,
            qop=qop,
            nonce_count=count,
            cnonce=params.get("cnonce", ""),
        )
        got = params.get("response", "").lower().encode("utf-8", "replace")
        if not hmac.compare_digest(expected.encode(), got) or username not in self.config.users:
            return Verdict.WRONG
        # RFC 7616 section 3.3: stale is said only to one whose digest is right.
        known = self._nonces.get(nonce)
        if known is None or now - known.issued_at > self.config.nonce_lifetime_s:
            self._nonces.pop(nonce, None)
            return Verdict.STALE
        # Without qop there is no count to tell a replay by: such a nonce serves once (RFC 7616 section 5.12).
        count = max(count, 1)
        if count <= known.highest_count:
            return Verdict.STALE
        known.highest_count = count
        return Verdict.ACCEPTED


def _same_server(given: str, request_uri: str) -> bool:
    """Whether the digest-uri names the server that the Request-URI names.

    The user part may differ, as it does with sipp: each count of a nonce serves once, so credentials cannot
    be turned against another user of ours anyway.
    """
    if given == request_uri:
        return True
    try:
        one, other = SipUri.parse(given), SipUri.parse(request_uri)
    except SipParseError:
        return False
    return (one.scheme, one.host.lower(), one.port) == (other.scheme, other.host.lower(), other.port)
