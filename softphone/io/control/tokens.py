"""The two tokens of a server: who has the one may control, who has the other may look."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from softphone.control.op import Role

TOKEN_BYTES = 16
"""128 bits: what a token that is made here holds."""

_STRONG = 22
"""Characters of base64 that hold 128 bits; a shorter token is taken to be one that somebody thought of."""
_ROUNDS = 200_000
"""A view token shall not be a quick way to try out what a short control token may be (PBKDF2, RFC 8018 section 5.2)."""
_PURPOSE = b"softphone.control.v1 view"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """Tokens of the roles ``control`` and ``view``; neither is shown by `repr`."""

    control: str = field(repr=False)
    view: str = field(repr=False)

    @classmethod
    def make(cls, seed: str | None = None) -> "TokenPair":
        """Return a pair whose control token is *seed*; None: 128 random bits.

        The view token follows from the control token by HMAC-SHA256 (RFC 2104), so that links to look stay valid as long as
        the control token does; the way back is closed.
        """
        control = _text(secrets.token_bytes(TOKEN_BYTES)) if seed is None else seed
        key = control.encode()
        if len(control) < _STRONG:
            key = hashlib.pbkdf2_hmac("sha256", key, _PURPOSE, _ROUNDS)
        return cls(control, _text(hmac.digest(key, _PURPOSE, "sha256")[:TOKEN_BYTES]))

    def role_of(self, token: str) -> Role | None:
        """Return the role *token* stands for, None for none; takes as long whichever it is, and however much of it is right."""
        given = token.encode("utf-8", "surrogatepass")
        may_control = hmac.compare_digest(given, self.control.encode())
        may_view = hmac.compare_digest(given, self.view.encode())
        roles: tuple[Role, Role] = ("control", "view")
        return roles[0] if may_control else roles[1] if may_view else None


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
