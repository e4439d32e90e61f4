"""Keys of SRTP in descriptions: a=crypto (RFC 4568), a=fingerprint (RFC 8122) a=setup (RFC 4145), and which two sides use.

What is preferred but not demanded is offered over RTP/AVP (RFC 8643); what is demanded, over a profile that has no clear form.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from softphone.sdp.description import Attribute, MediaDescription, SessionDescription
from softphone.sdp.errors import Incompatible
from softphone.sdp.media import Crypto, Dtls, Fingerprint, LocalMedia, Sdes

PLAIN = ("RTP/AVP", "RTP/AVPF")
SAVP = ("RTP/SAVP", "RTP/SAVPF")
TLS_SAVP = ("UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF")
PROTOCOLS = (*PLAIN, *SAVP, *TLS_SAVP)

SUITES: dict[str, int] = {
    "AES_CM_128_HMAC_SHA1_80": 16 + 14,  # RFC 4568 section 6.2
    "AES_CM_128_HMAC_SHA1_32": 16 + 14,
    "AES_256_CM_HMAC_SHA1_80": 32 + 14,  # RFC 6188
    "AES_256_CM_HMAC_SHA1_32": 32 + 14,
    "AEAD_AES_128_GCM": 16 + 12,  # RFC 7714 section 14.2
    "AEAD_AES_256_GCM": 32 + 12,
}
"""Suite -> bytes of its master key and master salt."""
DIGESTS: dict[str, int] = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}
"""Hash of a fingerprint -> its bytes; RFC 8122 section 5 forbids MD2 and MD5."""
MAX_LINES = 16
"""a=crypto or a=fingerprint lines of one stream that are looked at."""

# RFC 4568 section 9.1: tag, suite, key parameters, session parameters.
_CRYPTO = re.compile(r"\s*([0-9]{1,9})\s+([A-Za-z0-9_]+)\s+(\S+)(?:\s+(.*\S))?\s*")
_LIFETIME = re.compile(r"2\^[0-9]{1,2}|[1-9][0-9]{0,15}")
_FINGERPRINT = re.compile(r"\s*(\S+)\s+([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)\s*")
_SETUPS = ("active", "passive", "actpass", "holdconn")


@dataclass(frozen=True, slots=True)
class Keys:
    """What one description says of keys for one stream."""

    cryptos: tuple[Crypto, ...]
    fingerprints: tuple[Fingerprint, ...]
    setup: str | None
    """One of active, passive, actpass, holdconn."""

    def __bool__(self) -> bool:
        return bool(self.cryptos or self.fingerprints)


def keys_of(description: SessionDescription, media: MediaDescription) -> Keys:
    """Read the keys of *media*; lines that cannot be used are as if they were not there."""
    # RFC 8122 section 5 and RFC 4145 section 4: what is said of the whole session counts where the stream says nothing.
    fingerprints = media.values("fingerprint") or description.values("fingerprint")
    setups = [*media.values("setup"), *description.values("setup")]
    return Keys(
        tuple(filter(None, map(parse_crypto, media.values("crypto")[:MAX_LINES]))),
        tuple(filter(None, map(parse_fingerprint, fingerprints[:MAX_LINES]))),
        next((each for value in setups if (each := value.strip().lower()) in _SETUPS), None),
    )


def parse_crypto(value: str) -> Crypto | None:
    """Read the value of an a=crypto line; None: a suite, or a way to use it, that we have not.

    The lifetime bounds what the sender of the line sends; so it needs only to be one. A key with an identifier (MKI) is not taken:
    its packets would carry that.
    """
    match = _CRYPTO.fullmatch(value)
    if match is None or match[2].upper() not in SUITES:
        return None
    suite = match[2].upper()
    method, _, info = match[3].partition(":")
    coded, *limits = info.split("|")
    if method.lower() != "inline" or len(limits) > 1 or not all(map(_LIFETIME.fullmatch, limits)):
        return None  # several keys are joined by ";", which is in none of these
    # RFC 4568 section 6.3.7: a parameter that is not known makes the line useless, unless it begins with "-"; the window
    # size is a hint, and each other one asks for less protection or another rate of keys.
    if not all(each.startswith("-") or each.upper().startswith("WSH=") for each in (match[4] or "").split()):
        return None
    try:
        key = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return Crypto(int(match[1]), suite, key) if len(key) == SUITES[suite] else None


def crypto_line(crypto: Crypto) -> Attribute:
    """Write *crypto*."""
    # RFC 7714 section 14.2 and RFC 4568 section 6.1: no line breaks, padding included.
    return Attribute(
        "crypto", f"{crypto.tag} {crypto.suite} inline:{base64.b64encode(crypto.key).decode('ascii')}"
    )


def parse_fingerprint(value: str) -> Fingerprint | None:
    """Read the value of an a=fingerprint line; None: it is none, or of a hash that we do not trust or know."""
    match = _FINGERPRINT.fullmatch(value)
    if match is None:
        return None
    algorithm, digest = match[1].lower(), bytes.fromhex(match[2].replace(":", ""))
    return Fingerprint(algorithm, digest) if DIGESTS.get(algorithm) == len(digest) else None


def fingerprint_line(fingerprint: Fingerprint) -> Attribute:
    """Write *fingerprint*."""
    return Attribute("fingerprint", f"{fingerprint.algorithm} {fingerprint.digest.hex(':').upper()}")


def offered_protocol(local: LocalMedia) -> str:
    """The profile of an offer: one without a clear form where encryption is demanded."""
    if local.srtp != "require":
        return "RTP/AVP"  # RFC 8643 section 3.1
    return "RTP/SAVP" if local.sdes else "UDP/TLS/RTP/SAVP"


def offered_lines(local: LocalMedia) -> Iterator[Attribute]:
    """The key lines of an offer."""
    if local.srtp == "off":
        return
    yield from map(crypto_line, local.sdes)
    if local.fingerprint is not None:
        yield fingerprint_line(local.fingerprint)
        yield Attribute("setup", "actpass")  # RFC 5763 section 5


def answered_lines(local: LocalMedia, security: Sdes | Dtls | None) -> Iterator[Attribute]:
    """The key lines of an answer that chose *security*."""
    match security:
        case Sdes(send=ours):
            yield crypto_line(ours)
        case Dtls(is_client=is_client):
            if local.fingerprint is not None:
                yield fingerprint_line(local.fingerprint)
            yield Attribute("setup", "active" if is_client else "passive")


def chosen(
    protocol: str, theirs: Keys, local: LocalMedia, *, current: Sdes | Dtls | None = None
) -> Sdes | Dtls | None:
    """Choose how to answer an offer.

    Args:
        protocol: of the stream offered.
        theirs: its keys.
        local: ours.
        current: what is in use; a handshake that was made keeps its roles (RFC 8842 section 5.3).

    Raises:
        Incompatible: there must be keys, and none suit.
    """
    found: Sdes | Dtls | None = None
    if local.srtp != "off":
        # RFC 8643 section 3.1 leaves the choice to us: keys that no proxy has seen come first.
        found = _dtls_for(theirs, local, current) or (
            None if protocol.upper() in TLS_SAVP else _sdes_for(theirs, local)
        )
    return _as_demanded(found, protocol, theirs, local)


def confirmed(
    protocols: tuple[str, str],
    ours: Keys,
    theirs: Keys,
    local: LocalMedia,
    *,
    current: Sdes | Dtls | None = None,
) -> Sdes | Dtls | None:
    """Read which of *ours*, that were offered, an answer with *theirs* has chosen; see `chosen`.

    Args:
        protocols: of the stream in the offer and in the answer.
        ours: keys of the offer.
        theirs: keys of the answer.
        local: what we bring.
        current: what is in use.

    Raises:
        Incompatible: there must be keys, and none suit.
    """
    found: Sdes | Dtls | None = None
    if ours.fingerprints and theirs.fingerprints and theirs.setup != "holdconn":
        # RFC 4145 section 4: an answer that says nothing is active; one that repeats actpass is taken so, too.
        is_client = theirs.setup == "passive"
        if isinstance(current, Dtls) and current.fingerprints == theirs.fingerprints:
            is_client = current.is_client
        found = Dtls(theirs.fingerprints, is_client)
    else:
        offered = {(each.tag, each.suite): each for each in ours.cryptos}
        # RFC 4568 section 5.1.2: the answer holds one line, with the tag and suite of the offer's.
        for each in theirs.cryptos[:1]:
            if (send := offered.get((each.tag, each.suite))) is not None:
                found = Sdes(send, each)
    # An answer repeats the offer's profile; one that does not must make up for it.
    return _as_demanded(found, max(protocols, key=lambda each: each.upper() not in PLAIN), theirs, local)


def reoffered_lines(attributes: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
    """Make what was said in an answer fit to be said in an offer: the role is open again (RFC 8842 section 5.2)."""
    return tuple(Attribute("setup", "actpass") if each.name == "setup" else each for each in attributes)


def _dtls_for(theirs: Keys, local: LocalMedia, current: Sdes | Dtls | None) -> Dtls | None:
    if local.fingerprint is None or not theirs.fingerprints or theirs.setup == "holdconn":
        return None
    # RFC 5763 section 5: active is RECOMMENDED, for then the handshake begins with the answer.
    is_client = theirs.setup in ("actpass", "passive")
    if (
        theirs.setup == "actpass"
        and isinstance(current, Dtls)
        and current.fingerprints == theirs.fingerprints
    ):
        is_client = current.is_client
    return Dtls(theirs.fingerprints, is_client)


def _sdes_for(theirs: Keys, local: LocalMedia) -> Sdes | None:
    ours = {each.suite: each for each in local.sdes}
    for each in theirs.cryptos:  # RFC 4568 section 5.1.2: the offer's order of preference
        if each.suite in ours:
            return Sdes(replace(ours[each.suite], tag=each.tag), each)
    return None


def _as_demanded(
    found: Sdes | Dtls | None, protocol: str, theirs: Keys, local: LocalMedia
) -> Sdes | Dtls | None:
    if found is None and (local.srtp == "require" or protocol.upper() not in PLAIN):
        raise Incompatible("encryption", wanted=_of_ours(local), got=_of_theirs(protocol, theirs))
    return found


def _of_ours(local: LocalMedia) -> str:
    if local.srtp == "off":
        return "none"
    dtls = [] if local.fingerprint is None else ["DTLS-SRTP"]
    return ", ".join([*dtls, *(each.suite for each in local.sdes)]) or "none"


def _of_theirs(protocol: str, theirs: Keys) -> str:
    said = [*(f"fingerprint {each.algorithm}" for each in theirs.fingerprints)]
    said += [each.suite for each in theirs.cryptos]
    return f"{ascii(protocol[:40])[1:-1]} with {', '.join(said[:8]) or 'no key that we know'}"
