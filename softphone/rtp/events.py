"""What an RTP session tells its owner."""

from dataclasses import dataclass

from softphone.rtp.wish import ModeWish

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class FirstPacket:
    """The peer's first RTP packet was accepted."""

    at: float
    """Its arrival, monotonic seconds."""


@dataclass(frozen=True, slots=True)
class DtmfDigit:
    """The peer pressed and released a key (RFC 4733)."""

    digit: str
    """One of 0-9 * # A-D."""
    duration_ms: float
    """As far as it was reported; shorter than the truth when the packets of its end were lost."""


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """The peer ended its stream with an RTCP BYE."""

    reason: str


@dataclass(frozen=True, slots=True)
class StrangerDropped:
    """Somebody who is not the negotiated peer sent to us; told once for each address."""

    addr: Address


@dataclass(frozen=True, slots=True)
class SourceLearnt:
    """The peer is behind a NAT: it sends from another address than it signalled, and is sent to there (RFC 4961)."""

    addr: Address


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """The peer goes on under another synchronisation source, or restarted its sequence numbers."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class CollisionResolved:
    """The peer used our SSRC: we said BYE with it and go on with another (RFC 3550 section 8.2)."""

    old_ssrc: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class ModeWished:
    """The peer wishes to receive something else from now on; told once for each wish."""

    wish: ModeWish


@dataclass(frozen=True, slots=True)
class WishConfirmed:
    """The peer has our newest wish."""

    wish: ModeWish


@dataclass(frozen=True, slots=True)
class WishUnanswered:
    """The peer did not confirm our newest wish however often it was sent."""

    wish: ModeWish


RtpEvent = (
    FirstPacket
    | DtmfDigit
    | PeerLeft
    | StrangerDropped
    | SourceLearnt
    | SourceChanged
    | CollisionResolved
    | ModeWished
    | WishConfirmed
    | WishUnanswered
)
