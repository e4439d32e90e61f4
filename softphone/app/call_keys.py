"""What one call brings to SRTP: keys for SDP, the certificate for a handshake, and whether that will do."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from softphone.config import SRTP_SUITES, MediaOptions
from softphone.errors import UsageError
from softphone.io.dtls import EXTRA, PROFILES, has_dtls, own_certificate
from softphone.rtp.srtp import key_bytes
from softphone.sdp.media import Crypto, Fingerprint, Srtp
from softphone.sip.events import Address


@dataclass(frozen=True, slots=True)
class LocalKeys:
    """What SDP is told."""

    sdes: tuple[Crypto, ...] = ()
    fingerprint: Fingerprint | None = None


def srtp_of(media: MediaOptions) -> Srtp:
    """`MediaOptions.srtp` as SDP has it."""
    match media.srtp:
        case "prefer" | "require":
            return media.srtp
    return "off"


def suites_of(media: MediaOptions, *, answers: bool) -> tuple[str, ...]:
    """What may protect media, the best first; an offer of everything would be too long for a datagram of SIP."""
    return media.srtp_suites or (SRTP_SUITES if answers else SRTP_SUITES[:1])


def _in_handshake(media: MediaOptions) -> bool:
    """Whether a handshake can agree on one of the suites asked for."""
    return not media.srtp_suites or not set(PROFILES).isdisjoint(media.srtp_suites)


def is_private(addresses: Iterable[Address]) -> bool:
    """Whether SIP goes encrypted to each of *addresses*, so that keys may stand in it."""
    return all(each[2:] == ("TLS",) for each in addresses)


def check_srtp(media: MediaOptions, *, private: bool) -> None:
    """Refuse what was asked for and cannot be kept.

    Args:
        media: what was asked for.
        private: whether SIP is encrypted.

    Raises:
        UsageError: keys would go in the clear, or a library for those that would not is missing.
    """
    if media.srtp == "off":
        return
    if find_spec("pylibsrtp") is None:
        raise UsageError(f"--srtp {media.srtp} needs libsrtp: pip install pylibsrtp")
    if media.srtp_keys == "sdes":
        if media.srtp == "require" and not private:
            raise UsageError(
                "--srtp require with keys in SDP wants signalling that nobody reads: "
                "use --transport tls, or DTLS-SRTP: --srtp-keys dtls"
            )
        return
    if media.srtp_keys == "any" and (media.srtp == "prefer" or private):
        return
    if not has_dtls():
        other = "" if private or media.srtp == "prefer" else "; or use --transport tls, with keys in SDP"
        raise UsageError(f"--srtp {media.srtp} makes its keys by DTLS-SRTP here: {EXTRA}{other}")
    if not _in_handshake(media):
        raise UsageError(
            f"DTLS-SRTP agrees on one of {', '.join(PROFILES)}, got {', '.join(media.srtp_suites)}"
        )


def local_keys(media: MediaOptions, *, private: bool, answers: bool) -> LocalKeys:
    """Make the keys of one call.

    Args:
        media: what was asked for.
        private: whether SIP is encrypted.
        answers: whether the call comes in: then each suite has a key, for the caller chooses.

    Raises:
        UsageError: see `check_srtp`.
    """
    if media.srtp == "off":
        return LocalKeys()
    check_srtp(media, private=private)
    in_sdp = media.srtp_keys != "dtls" and (private or media.srtp != "require")
    sdes = tuple(
        Crypto(tag, suite, secrets.token_bytes(key_bytes(suite)))
        for tag, suite in enumerate(suites_of(media, answers=answers), 1)
    )
    by_handshake = media.srtp_keys != "sdes" and _in_handshake(media) and has_dtls()
    return LocalKeys(sdes if in_sdp else (), own_certificate().fingerprint if by_handshake else None)
