"""The arithmetic of digest authentication (RFC 7616 section 3.4, RFC 8760 for SIP)."""

import hashlib
from collections.abc import Mapping

_HASHES: Mapping[str, str] = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_SESSION = "-SESS"

# Weakest first.
_STRENGTH = ("MD5", "MD5-SESS", "SHA-256", "SHA-256-SESS", "SHA-512-256", "SHA-512-256-SESS")


def strength(algorithm: str) -> int:
    """Rank *algorithm* among those this library computes: greater is stronger, -1 is one it does not know."""
    name = algorithm.upper()
    known = name in _STRENGTH and _HASHES[name.removesuffix(_SESSION)] in hashlib.algorithms_available
    return _STRENGTH.index(name) if known else -1


def _h(algorithm: str, data: bytes) -> str:
    return hashlib.new(_HASHES[algorithm], data, usedforsecurity=False).hexdigest()


def _bytes(text: str) -> bytes:
    # Texts of a peer may hold bytes that are no UTF-8, as lone surrogates; ours hold none.
    return text.encode("utf-8", "surrogateescape")


def digest_response(
    *,
    algorithm: str,
    username: str,
    realm: str,
    password: str,
    method: str,
    uri: str,
    nonce: str,
    qop: str = "",
    nonce_count: int = 0,
    cnonce: str = "",
    body: bytes = b"",
) -> str:
    """Return the `response` of a digest credential.

    Args:
        algorithm: One that `strength` knows, in any case of letters.
        username: As it goes on the wire, without quotes; likewise the other texts.
        realm: From the challenge.
        password: The shared secret.
        method: Of the request.
        uri: The digest-uri, for SIP the Request-URI.
        nonce: From the challenge.
        qop: "auth", "auth-int", or "" for the form of RFC 2069 that some peers still ask for.
        nonce_count: How often this nonce was used, this time included; meaningless without qop.
        cnonce: The client's own nonce; meaningless without qop, except to the "-sess" algorithms.
        body: The message body; counts with "auth-int" only.
    """
    name = algorithm.upper()
    base = name.removesuffix(_SESSION)
    ha1 = _h(base, _bytes(f"{username}:{realm}:{password}"))
    if name != base:
        ha1 = _h(base, _bytes(f"{ha1}:{nonce}:{cnonce}"))  # section 3.4.2
    a2 = f"{method}:{uri}"
    if qop == "auth-int":
        a2 = f"{a2}:{_h(base, body)}"  # section 3.4.3
    ha2 = _h(base, _bytes(a2))
    if not qop:
        return _h(base, _bytes(f"{ha1}:{nonce}:{ha2}"))
    return _h(base, _bytes(f"{ha1}:{nonce}:{nonce_count:08x}:{cnonce}:{qop}:{ha2}"))
