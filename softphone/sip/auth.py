"""Digest authentication, the client's side, and what both are set up with (RFC 3261 section 22, RFC 8760).

The client keeps what servers challenged it with and answers ahead of the next challenge, counting each use
of a nonce.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from softphone.sip.digest import digest_response, strength
from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.grammar import quote
from softphone.sip.headers import parse_auth_params
from softphone.sip.message import Request, Response

MAX_STALE_RETRIES = 2
"""So many times in a row a nonce may be called stale before the request counts as refused."""
MAX_REALMS = 8
"""So many protection spaces are answered at a time; a chain of proxies and a server has a few."""

_PROTECTION: Mapping[int, tuple[str, str]] = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a server."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if any(ord(char) < 0x20 or ord(char) == 0x7F for char in self.username):
            raise LocalSipError(f"user name must be one line of text, got {self.username!r}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One digest challenge."""

    realm: str
    nonce: str
    algorithm: str = ""
    """As written; empty means MD5 (RFC 7616 section 3.3)."""
    qop: str = ""
    """The protection to use of those offered: "auth", else "auth-int", else none."""
    opaque: str | None = None
    stale: bool = False
    credentials_header: str = "Authorization"

    @classmethod
    def parse(cls, value: str, credentials_header: str = "Authorization") -> "Challenge":
        """Parse one WWW-Authenticate or Proxy-Authenticate value.

        Raises:
            SipParseError: if it is no digest challenge that can be answered.
        """
        scheme, params = parse_auth_params(value)
        if scheme.lower() != "digest":
            raise SipParseError(f"challenge must be Digest, got {scheme[:20]!r}")
        if "realm" not in params or "nonce" not in params:
            raise SipParseError("digest challenge must have realm and nonce")
        algorithm = params.get("algorithm", "")
        if strength(algorithm or "MD5") < 0:
            raise SipParseError(f"digest algorithm must be one we compute, got {algorithm[:20]!r}")
        offered = [item.strip().lower() for item in params.get("qop", "").split(",") if item.strip()]
        if offered and "auth" not in offered and "auth-int" not in offered:
            raise SipParseError("digest challenge must offer qop auth or auth-int")
        qop = "" if not offered else "auth" if "auth" in offered else "auth-int"
        return cls(
            params["realm"],
            params["nonce"],
            algorithm,
            qop,
            params.get("opaque"),
            params.get("stale", "").lower() == "true",
            credentials_header,
        )


def strongest(response: Response) -> dict[tuple[str, str], Challenge]:
    """Return the best challenge *response* holds for each (credentials header, realm).

    Challenges we cannot answer are passed over, as RFC 8760 section 2.4 says.
    """
    best: dict[tuple[str, str], Challenge] = {}
    challenge_header, credentials_header = _PROTECTION.get(response.status, ("", ""))
    for value in response.headers.get_all(challenge_header) if challenge_header else ():
        try:
            challenge = Challenge.parse(value, credentials_header)
        except SipParseError:
            continue
        key = (credentials_header, challenge.realm)
        if key not in best or strength(challenge.algorithm or "MD5") > strength(best[key].algorithm or "MD5"):
            best[key] = challenge
    return best


@dataclass(slots=True)
class _Session:
    challenge: Challenge
    nonce_count: int = 0


@dataclass(slots=True)
class AuthAttempts:
    """What one request, through all its repetitions, has been asked for already."""

    stale_retries: dict[tuple[str, str], int] = field(default_factory=dict)
    too_brief: int = 0
    """Answers that wanted a longer session interval (RFC 4028 section 7.3)."""


class DigestClient:
    """Answers the challenges of one server, or of a chain of proxies and a server, for one user.

    Args:
        credentials: Of the user.
        make_cnonce: Gives another value each time.
        sparing: Credentials go only with methods that were challenged before; a request is dear, and many a
            server wants them with INVITE and not with BYE.
        only: Realms whose challenges are answered; None: all.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        make_cnonce: Callable[[], str],
        sparing: bool = False,
        only: frozenset[str] | None = None,
    ) -> None:
        self.credentials = credentials
        self._make_cnonce = make_cnonce
        self._sparing = sparing
        self._challenged: set[str] = set()
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._only = only

    @property
    def realms(self) -> frozenset[str]:
        """Realms that have challenged us."""
        return frozenset(realm for _, realm in self._sessions)

    def learn(self, response: Response, attempts: AuthAttempts) -> bool:
        """Take the challenges of a 401 or 407; True if sending the request once more makes sense.

        It does not where the very challenge was answered already and was not called stale: then the password
        is wrong (RFC 3261 section 22.1).
        """
        challenges = strongest(response)
        if self._only is not None:
            challenges = {key: each for key, each in challenges.items() if key[1] in self._only}
        if self._sparing:
            self._challenged.add(response.cseq.method)
        for key, challenge in challenges.items():
            if key not in attempts.stale_retries and len(attempts.stale_retries) < MAX_REALMS:
                attempts.stale_retries[key] = 0
            elif key not in attempts.stale_retries:
                return False  # a server that names another realm each time would go on for ever
            elif challenge.stale and attempts.stale_retries[key] < MAX_STALE_RETRIES:
                attempts.stale_retries[key] += 1
            else:
                self._sessions.pop(key, None)
                return False
            self._sessions.pop(key, None)
            self._sessions[key] = _Session(challenge)
            while len(self._sessions) > MAX_REALMS:
                del self._sessions[next(iter(self._sessions))]
        return bool(challenges)

    def learn_next(self, response: Response) -> None:
        """Take the nonce for the next request that a successful answer may bring (RFC 7616 section 3.5)."""
        value = response.headers.get("Authentication-Info")
        if value is None:
            return
        try:
            _, params = parse_auth_params(f"Digest {value}")
        except SipParseError:
            return
        if nonce := params.get("nextnonce"):
            for key, session in self._sessions.items():
                if key[0] == "Authorization":
                    old = session.challenge
                    self._sessions[key] = _Session(
                        Challenge(old.realm, nonce, old.algorithm, old.qop, old.opaque, False, key[0])
                    )

    def authorize(self, request: Request) -> None:
        """Add credentials for every challenge known, each nonce counted one up."""
        for name in ("Authorization", "Proxy-Authorization"):
            if name in request.headers:
                request.headers.remove(name)
        if self._sparing and request.method not in self._challenged:
            return
        for session in self._sessions.values():
            session.nonce_count += 1
            request.headers.add(session.challenge.credentials_header, self._answer(session, request))

    def _answer(self, session: _Session, request: Request) -> str:
        challenge, user = session.challenge, self.credentials
        algorithm = challenge.algorithm or "MD5"
        wants_cnonce = bool(challenge.qop) or algorithm.upper().endswith("-SESS")
        cnonce = self._make_cnonce() if wants_cnonce else ""
        response = digest_response(
            algorithm=algorithm,
            username=user.username,
            realm=challenge.realm,
            password=user.password,
            method=request.method,
            uri=request.uri,
            nonce=challenge.nonce,
            qop=challenge.qop,
            nonce_count=session.nonce_count,
            cnonce=cnonce,
            body=request.body,
        )
        fields = [
            f"username={quote(user.username)}",
            f"realm={quote(challenge.realm)}",
            f"nonce={quote(challenge.nonce)}",
            f"uri={quote(request.uri)}",
            f'response="{response}"',
        ]
        if challenge.algorithm:
            fields.append(f"algorithm={challenge.algorithm}")
        if wants_cnonce:
            fields.append(f"cnonce={quote(cnonce)}")
        if challenge.opaque is not None:
            fields.append(f"opaque={quote(challenge.opaque)}")
        if challenge.qop:
            fields.append(f"qop={challenge.qop}")
            fields.append(f"nc={session.nonce_count:08x}")
        return "Digest " + ", ".join(fields)


@dataclass(frozen=True, slots=True)
class Challenger:
    """How the server side asks for credentials."""

    realm: str
    users: Mapping[str, str] = field(repr=False)
    """User name -> password."""
    nonce_lifetime_s: float = 300.0
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    """In order of preference, the order they are offered in (RFC 8760 section 2.3).

    Peers from before that RFC may give up at a challenge they do not know instead of passing over it: sipp
    3.6 wants MD5 first, baresip 1.0 wants MD5 alone.
    """
    methods: tuple[str, ...] = ("INVITE",)
    """Requests that need credentials. ACK and CANCEL never do (RFC 3261 section 22.1)."""
