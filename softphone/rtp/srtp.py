"""SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714): what is sent is protected, what comes in is checked and opened.

libsrtp does the work; it is loaded when the first key is used, so that a call in the clear does without.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from softphone.rtp.errors import LocalRtpError
from softphone.rtp.packet import is_rtcp

if TYPE_CHECKING:
    from pylibsrtp import Policy, Session

MAX_PACKET_BYTES = 5_632
"""Of a packet with its trailer: as long as the socket reads, and what protection adds."""
MAX_SOURCES = 16
"""SSRCs of one key that are kept apart; the one that was silent longest gives way to another."""
WINDOW_PACKETS = 128
"""How far behind the newest a packet may come (RFC 3711 section 3.3.2 asks for 64)."""

_LAYOUT_OF_AES_CM_128_80 = (1, 30, 3, 20, 10, 3)
"""libsrtp's policy of that profile: cipher, its key and salt, hash, its key, tag, services."""
_AES_CM_256 = (5, 32 + 14)
"""The same of the cipher and its key and salt with 256 bits."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One protection, by libsrtp's profile."""

    profile: str
    """Its name in `pylibsrtp.Policy`."""
    key_bytes: int
    salt_bytes: int
    tag_bytes: int
    """What is added to an RTP packet."""
    is_long_cm: bool = False
    """AES-CM with a key of 256 bits (RFC 6188), which has no profile."""


SUITES: dict[str, Suite] = {
    "AES_CM_128_HMAC_SHA1_80": Suite("SRTP_PROFILE_AES128_CM_SHA1_80", 16, 14, 10),
    "AES_CM_128_HMAC_SHA1_32": Suite("SRTP_PROFILE_AES128_CM_SHA1_32", 16, 14, 4),
    "AES_256_CM_HMAC_SHA1_80": Suite("SRTP_PROFILE_AES128_CM_SHA1_80", 32, 14, 10, is_long_cm=True),
    "AES_256_CM_HMAC_SHA1_32": Suite("SRTP_PROFILE_AES128_CM_SHA1_32", 32, 14, 4, is_long_cm=True),
    "AEAD_AES_128_GCM": Suite("SRTP_PROFILE_AEAD_AES_128_GCM", 16, 12, 16),
    "AEAD_AES_256_GCM": Suite("SRTP_PROFILE_AEAD_AES_256_GCM", 32, 12, 16),
}
"""By their names in SDP (RFC 4568 section 6.2, RFC 6188, RFC 7714)."""


@dataclass(slots=True)
class SrtpStats:
    """What was dropped on the way."""

    unauthenticated: int = 0
    """Packets that the peer's key did not make: somebody else's, damaged, or in the clear."""
    replayed: int = 0
    """Packets that had come before, or so late that this cannot be told."""
    unsent: int = 0
    """Packets of ours that could not be protected."""


class SrtpSender:
    """Protects what is sent.

    Args:
        suite: one of `SUITES`.
        key: master key and master salt.
        stats: counts what is lost here.

    Raises:
        LocalRtpError: no such suite, or a key of another length.
    """

    def __init__(self, suite: str, key: bytes, stats: SrtpStats) -> None:
        self.suite, self.key = suite, key
        self._stats = stats
        self._session = _session(suite, key, "SSRC_ANY_OUTBOUND")
        self._faults = _faults()

    def protect(self, packet: bytes) -> bytes | None:
        """Protect an RTP or RTCP packet; None: it cannot be, and must not go out."""
        try:
            if is_rtcp(packet):
                return self._session.protect_rtcp(packet)
            return self._session.protect(packet)
        except self._faults:
            self._stats.unsent += 1
            return None


class SrtpReceiver:
    """Checks and opens what comes in; arguments and errors as of `SrtpSender`."""

    def __init__(self, suite: str, key: bytes, stats: SrtpStats) -> None:
        self.suite, self.key = suite, key
        self._stats = stats
        self._session = _session(suite, key, "SSRC_ANY_INBOUND")
        self._faults = _faults()
        self._sources: OrderedDict[bytes, None] = OrderedDict()
        self._last_source = b""

    def open(self, packet: bytes) -> bytes | None:
        """Open an SRTP or SRTCP packet; None: it is none of this key, or not the first of its number, and is counted."""
        try:
            if is_rtcp(packet):
                return self._session.unprotect_rtcp(packet)
            opened = self._session.unprotect(packet)
        except self._faults as error:
            if "replay" in str(error):
                self._stats.replayed += 1
            else:
                self._stats.unauthenticated += 1
            return None
        if (source := packet[8:12]) != self._last_source:
            self._note(source)
        return opened

    def try_open(self, packet: bytes) -> bytes | None:
        """The same, but that a packet which is none of this key is not counted: another key may fit."""
        stats, self._stats = self._stats, SrtpStats()
        try:
            return self.open(packet)
        finally:
            self._stats = stats

    def _note(self, source: bytes) -> None:
        """Another SSRC speaks with this key; only who has the key can do so, but there is an end to it."""
        self._last_source = source
        self._sources[source] = None
        self._sources.move_to_end(source)
        if len(self._sources) > MAX_SOURCES:
            oldest, _ = self._sources.popitem(last=False)
            self._session.remove_stream(int.from_bytes(oldest, "big"))


def key_bytes(suite: str) -> int:
    """Length of master key and master salt of *suite*.

    Raises:
        LocalRtpError: there is no such suite.
    """
    known = _suite(suite)
    return known.key_bytes + known.salt_bytes


def tag_bytes(suite: str) -> int:
    """What *suite* adds to an RTP packet."""
    return _suite(suite).tag_bytes


def _suite(name: str) -> Suite:
    if name not in SUITES:
        raise LocalRtpError(f"a suite of SRTP is one of {', '.join(SUITES)}, got {name!r}")
    return SUITES[name]


def _faults() -> tuple[type[Exception], ...]:
    from pylibsrtp import Error

    return Error, ValueError


def _session(name: str, key: bytes, ssrc_type: str) -> "Session":
    """A session of libsrtp with *key*."""
    from pylibsrtp import Policy, Session

    suite = _suite(name)
    if len(key) != key_bytes(name):
        raise LocalRtpError(f"{name} has a key and salt of {key_bytes(name)} bytes, got {len(key)}")
    policy = Policy(srtp_profile=getattr(Policy, suite.profile))
    if suite.is_long_cm:
        _lengthen(policy)
    policy.key = key
    policy.ssrc_type = getattr(Policy, ssrc_type)
    policy.window_size = WINDOW_PACKETS
    session = Session(policy)
    _widen(session)
    return session


def _lengthen(policy: "Policy") -> None:
    """Give the AES-CM of *policy* a key of 256 bits, for which pylibsrtp has no name (`srtp_crypto_policy_t` of libsrtp)."""
    from pylibsrtp import Policy
    from pylibsrtp._binding import ffi

    known = Policy(srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80)
    layout: Any = ffi.cast("int *", ffi.addressof(known._policy.rtp))
    if tuple(layout[index] for index in range(6)) != _LAYOUT_OF_AES_CM_128_80:
        raise LocalRtpError("this pylibsrtp has no AES-CM with 256 bits: use another suite")
    for part in (policy._policy.rtp, policy._policy.rtcp):
        fields: Any = ffi.cast("int *", ffi.addressof(part))
        fields[0], fields[1] = _AES_CM_256


def _widen(session: "Session") -> None:
    """Let *session* work on packets of any length we send, not only those of one Ethernet frame."""
    from pylibsrtp._binding import ffi

    buffer = ffi.new("char[]", MAX_PACKET_BYTES)
    session._cdata, session._buffer = buffer, ffi.buffer(buffer)
