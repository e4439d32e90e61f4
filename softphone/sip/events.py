"""What a `SipEndpoint` tells its owner; a leg is one dialog or dialog-to-be, by its number."""

from dataclasses import dataclass

from softphone.sip.message import Request, Response
from softphone.sip.uri import SipUri

Address = tuple[str, int] | tuple[str, int, str]
"""Host (a literal address, or a name for the shell to look up) and port: UDP. With a third part, ``"TCP"`` or ``"TLS"``: a
connection, known by its far end."""


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """A peer invited us; `ring`, `answer` or `reject` the leg."""

    leg: int
    request: Request
    source: Address
    """Where it came from."""
    replaces: int | None = None
    """The leg that it is to take the place of (RFC 3891): the owner answers this one, then ends that."""


@dataclass(frozen=True, slots=True)
class Provisional:
    """A 101 to 199 came for our INVITE (100 says nothing to a user and is not told).

    A reliable one has been acknowledged (RFC 3262).
    """

    leg: int
    response: Response
    reliable: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx came for our INVITE; it has been acknowledged."""

    leg: int
    response: Response


@dataclass(frozen=True, slots=True)
class Redirected:
    """Our INVITE was redirected, and goes to another target now (section 8.1.3.4)."""

    leg: int
    status: int
    """300, 301 or 302; another one where an earlier target of a redirect refused, and the next one is tried."""
    target: SipUri


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
class ProgressAcked:
    """The PRACK for a reliable provisional answer of ours came (RFC 3262 section 3)."""

    leg: int
    status: int
    """Of the provisional answer."""
    body: bytes
    """The peer's answer, where our provisional answer carried the offer."""


@dataclass(frozen=True, slots=True)
class UpdateReceived:
    """The peer wants to change the session by UPDATE (RFC 3311), or by a PRACK with an offer (RFC 3262 section 5).

    `answer_update` or `reject_update` follows.

    One without a body only refreshed the dialog and has been answered.
    """

    leg: int
    request: Request


@dataclass(frozen=True, slots=True)
class UpdateAnswered:
    """A 2xx came for our UPDATE."""

    leg: int
    response: Response


@dataclass(frozen=True, slots=True)
class UpdateRefused:
    """Our UPDATE changed nothing; after 408 and 481 there is no dialog any more and BYE has been sent."""

    leg: int
    status: int
    reason: str
    local: bool


@dataclass(frozen=True, slots=True)
class RefreshWanted:
    """The session is to be refreshed by a re-INVITE now (RFC 4028 section 7.2), for the peer takes no UPDATE.

    The owner calls `reinvite` with the description as it stands.
    """

    leg: int


@dataclass(frozen=True, slots=True)
class SessionExpired:
    """Nobody refreshed the session; BYE has been sent (RFC 4028 section 10)."""

    leg: int


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """The peer sent an INFO (RFC 6086; digits in application/dtmf-relay); it has been answered."""

    leg: int
    content_type: str
    """In lower case, without parameters."""
    body: bytes


@dataclass(frozen=True, slots=True)
class InfoAnswered:
    """Our INFO came to its end."""

    leg: int
    status: int
    """408 and 503 may be of our making."""


@dataclass(frozen=True, slots=True)
class ReferReceived:
    """The peer asks us to call somebody else (RFC 3515); `accept_refer` or `reject_refer`."""

    leg: int
    target: SipUri
    """Refer-To, without its headers."""
    replaces: str | None
    """Value of the Replaces header for the new INVITE (RFC 3891), unescaped: an attended transfer."""
    referred_by: str | None
    """To be copied into the new INVITE (RFC 3892)."""


@dataclass(frozen=True, slots=True)
class ReferAnswered:
    """The peer took our REFER (202), or refused it."""

    leg: int
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReferProgress:
    """The peer tells by NOTIFY how the call we asked for stands (RFC 3515 section 2.4.4)."""

    leg: int
    status: int
    """Of the message/sipfrag."""
    reason: str
    over: bool
    """Whether this was the last word (Subscription-State: terminated, or nobody told anything for too long)."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The registrar took our contact (RFC 3261 section 10.3)."""

    id: int
    expires_s: float
    contacts: tuple[str, ...]
    """All that it has for us, ours included."""
    contact: str = ""
    """Ours."""


@dataclass(frozen=True, slots=True)
class RegistrationFailed:
    """The registrar refused, or nobody answered; tried again where *retry_in_s* says so."""

    id: int
    status: int
    reason: str
    local: bool
    retry_in_s: float | None
    """None: it makes no sense to try again (the password is wrong, the user unknown)."""


@dataclass(frozen=True, slots=True)
class Unregistered:
    """Our contact is gone from the registrar, or the registrar could not be told."""

    id: int
    told: bool


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """A request of ours outside of any dialog came to its end."""

    id: int
    response: Response | None
    """None: nobody answered, or the peer could not be reached."""


@dataclass(frozen=True, slots=True)
class PublicAddressLearnt:
    """A peer sees us at another address than we know ourselves by (received and rport, RFC 3581): there is a NAT between us."""

    address: Address
    """Ours as the peer sees it."""
    peer: Address


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
    | Redirected
    | Refused
    | Acked
    | AckMissing
    | Cancelled
    | ByeReceived
    | ByeAnswered
    | ReinviteReceived
    | ReinviteAnswered
    | ReinviteRefused
    | ProgressAcked
    | UpdateReceived
    | UpdateAnswered
    | UpdateRefused
    | RefreshWanted
    | SessionExpired
    | InfoReceived
    | InfoAnswered
    | ReferReceived
    | ReferAnswered
    | ReferProgress
    | Registered
    | RegistrationFailed
    | Unregistered
    | RequestAnswered
    | PublicAddressLearnt
    | OptionsAnswered
    | MessageDropped
)

NO_CALLS = (
    Registered
    | RegistrationFailed
    | Unregistered
    | RequestAnswered
    | PublicAddressLearnt
    | OptionsAnswered
    | MessageDropped
)
"""What is of no leg."""
