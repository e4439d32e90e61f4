"""What a `CallManager` tells its owner; a call is known by its number, the leg of its SIP endpoint."""

from dataclasses import dataclass

from softphone.call.outcome import EndedBy, Outcome
from softphone.sdp.media import Negotiated
from softphone.sip.events import Address
from softphone.sip.uri import NameAddr, SipUri


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A peer calls; the owner may `ring`, then calls `accept` or `reject`."""

    call: int
    from_: NameAddr
    to: NameAddr
    source: Address
    """Where the INVITE came from."""
    offer_problem: str | None
    """Why `accept` will refuse the call: its session description cannot be read."""
    replaces: int | None = None
    """The call that it takes the place of (RFC 3891)."""


@dataclass(frozen=True, slots=True)
class Ringing:
    """The peer reported progress (a status of 101 to 199); told once."""

    call: int
    sip_status: int
    reason: str


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    """Audio may flow before the call is answered: both descriptions are known (RFC 3960); again where a fork says another."""

    call: int
    negotiated: Negotiated


@dataclass(frozen=True, slots=True)
class Established:
    """Media may flow: both descriptions are known."""

    call: int
    negotiated: Negotiated
    placed: bool
    """Whether we placed the call, not took it."""
    sip_status: int
    """Of the 2xx that answered the INVITE."""


@dataclass(frozen=True, slots=True)
class MediaChanged:
    """The peer changed the session (hold, resume, another address or codec)."""

    call: int
    negotiated: Negotiated


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """We hold the call, or do not any more: the peer has agreed."""

    call: int
    on_hold: bool
    negotiated: Negotiated


@dataclass(frozen=True, slots=True)
class HoldRefused:
    """The peer did not agree to a hold, or to its end; the session is as it was."""

    call: int
    on_hold: bool
    """Whether we hold the call, still."""
    sip_status: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeRefused:
    """The peer did not agree to another codec or address of ours; the session is as it was."""

    call: int
    sip_status: int
    reason: str


@dataclass(frozen=True, slots=True)
class DigitsReceived:
    """Digits came by INFO."""

    call: int
    digits: str


@dataclass(frozen=True, slots=True)
class DigitsRefused:
    """The peer did not take digits that we sent by INFO; those behind them are not sent."""

    call: int
    digits: str
    sip_status: int


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """The peer asks us to call somebody else in its stead; `accept_transfer` or `reject_transfer`."""

    call: int
    target: SipUri
    headers: tuple[tuple[str, str], ...]
    """For the INVITE of the new call: Replaces, Referred-By."""


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How a transfer that we asked for stands."""

    call: int
    sip_status: int
    reason: str
    over: bool


@dataclass(frozen=True, slots=True)
class PeerHungUp:
    """The peer sent BYE; the owner calls `answer_bye`, at once."""

    call: int
    peer_result: bytes | None
    """The RESULT that came with it, from one of ours."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over; nothing more is told of it."""

    call: int
    outcome: Outcome
    ended_by: EndedBy
    sip_status: int | None
    """Final status of the INVITE; None: there was none."""
    reason: str
    peer_result: bytes | None
    """The RESULT of a peer that is one of ours, as it came."""


CallEvent = (
    IncomingCall
    | Ringing
    | EarlyMedia
    | Established
    | MediaChanged
    | HoldChanged
    | HoldRefused
    | ChangeRefused
    | DigitsReceived
    | DigitsRefused
    | TransferAsked
    | TransferProgress
    | PeerHungUp
    | Ended
)
