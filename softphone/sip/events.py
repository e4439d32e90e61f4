"""What a `SipEndpoint` tells its owner; a leg is one dialog or dialog-to-be, by its number."""

from dataclasses import dataclass

from softphone.sip.message import Request, Response

Address = tuple[str, int]
"""Host (a literal address) and port."""


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """A peer invited us; `ring`, `answer` or `reject` the leg."""

    leg: int
    request: Request
    source: Address
    """Where the datagram came from."""


@dataclass(frozen=True, slots=True)
class Provisional:
    """A 101 to 199 came for our INVITE (100 says nothing to a user and is not told)."""

    leg: int
    response: Response


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx came for our INVITE; it has been acknowledged."""

    leg: int
    response: Response


@dataclass(frozen=True, slots=True)
class Refused:
    """Our INVITE ended without a dialog; the leg is over."""

    leg: int
    status: int
    reason: str
    response: Response | None
    """The final answer, where the peer gave one."""
    local: bool
    """We made the status: 408 nobody answered in time, 503 the network refused, 487 our CANCEL prevailed
    although the peer answered 200 (the dialog was ended by BYE) or nothing at all."""


@dataclass(frozen=True, slots=True)
class Acked:
    """The ACK for our 2xx came; once for an INVITE and once for each re-INVITE."""

    leg: int
    body: bytes
    """The peer's answer where our 2xx carried the offer."""


@dataclass(frozen=True, slots=True)
class AckMissing:
    """No ACK came for our 2xx within 64*T1; BYE has been sent (RFC 3261 section 13.3.1.4)."""

    leg: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up, or its INVITE expired, before we answered; the leg is over."""

    leg: int


@dataclass(frozen=True, slots=True)
class ByeReceived:
    """The peer hung up; the owner calls `answer_bye`."""

    leg: int
    request: Request


@dataclass(frozen=True, slots=True)
class ByeAnswered:
    """Our BYE came to its end; the leg is over."""

    leg: int
    response: Response | None
    """None: the peer never answered, or could not be reached."""


@dataclass(frozen=True, slots=True)
class ReinviteReceived:
    """The peer wants to change the session; `answer_reinvite` or `reject_reinvite`."""

    leg: int
    request: Request


@dataclass(frozen=True, slots=True)
class ReinviteAnswered:
    """A 2xx came for our re-INVITE; it has been acknowledged."""

    leg: int
    response: Response


@dataclass(frozen=True, slots=True)
class ReinviteRefused:
    """Our re-INVITE changed nothing; after 408 and 481 there is no dialog any more and BYE has been sent (section 14.1)."""

    leg: int
    status: int
    reason: str
    local: bool
    """We made the status: 408 nobody answered in time, 503 the network refused."""


@dataclass(frozen=True, slots=True)
class OptionsAnswered:
    """Our OPTIONS came to its end."""

    id: int
    response: Response | None
    """None: nobody answered, or the peer could not be reached."""


@dataclass(frozen=True, slots=True)
class MessageDropped:
    """A datagram was of no use; where RFC 3261 wants it answered, it has been."""

    reason: str
    addr: Address


SipEvent = (
    InviteReceived
    | Provisional
    | Answered
    | Refused
    | Acked
    | AckMissing
    | Cancelled
    | ByeReceived
    | ByeAnswered
    | ReinviteReceived
    | ReinviteAnswered
    | ReinviteRefused
    | OptionsAnswered
    | MessageDropped
)
