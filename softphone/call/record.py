"""What a `CallManager` remembers of one call, and what it tells of it."""

from dataclasses import dataclass, field

from softphone.call.outcome import Ending
from softphone.call.state import ON_HOLD, PHASES, Phase, State
from softphone.sdp.description import SessionDescription
from softphone.sdp.media import Direction, LocalMedia, Negotiated
from softphone.sip.message import Request, Response
from softphone.sip.uri import SipUri


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Facts of one call; times are of the clock that drives the manager."""

    call_id: str
    local_uri: str
    peer_uri: str
    invited_at: float
    ringing_at: float | None
    """First 101 to 199, sent or received."""
    answered_at: float | None
    """2xx to the INVITE, sent or received."""
    ended_at: float | None
    srd_s: float | None
    """Session request delay (RFC 6076 section 4.3): INVITE to the first status, seen by the caller.

    None: there was none, or the peer placed the call."""
    setup_s: float | None
    """INVITE to 2xx."""
    sip_bytes_sent: int
    sip_bytes_received: int
    phase: Phase = Phase.ENDED
    phase_since: float = 0.0
    """When it came to be in that phase."""
    on_hold: bool = False
    """Whether we hold the call."""
    peer_holds: bool = False
    """Whether the peer wants nothing sent."""
    dialog_id: str = ""
    """Value of a Replaces header that names this call (RFC 3891); empty where there is no dialog."""
    digits_waiting: str = ""
    """What is yet to be sent by INFO."""
    redirected_to: str | None = None
    """Where the call went after a redirect, the newest; None: there was none."""
    session_expires_s: int | None = None
    """Within how long the session is refreshed (RFC 4028); None: it stands without that."""


@dataclass(slots=True, eq=False)
class CallRecord:
    """One call."""

    number: int
    placed: bool
    state: State
    call_id: str
    local_uri: str
    peer_uri: str
    invited_at: float
    deadline: float | None = None
    """When the patience of `state` runs out."""
    media: LocalMedia | None = None
    wanted: LocalMedia | None = None
    """What a change of ours is to make of `media`; None: the session is only refreshed."""
    offering: LocalMedia | None = None
    """What our re-INVITE makes of `media`, if the peer agrees."""
    direction: Direction = "sendrecv"
    """Of `media` while the call is not on hold."""
    offer: SessionDescription | None = None
    """The offer of our INVITE."""
    ours: SessionDescription | None = None
    """The newest description that we have sent."""
    theirs: SessionDescription | None = None
    """The offer of the peer's INVITE."""
    offer_problem: str | None = None
    early_bodies: dict[str, bytes] = field(default_factory=dict)
    """Descriptions in provisional answers, by the tag of who sent them, for a 2xx that repeats none."""
    settled_tag: str | None = None
    """Of the peer whose reliable provisional answer held the answer: its 2xx says nothing more (RFC 3262 section 5)."""
    answer_taken: bool = False
    """Whether the peer has acknowledged the answer in our 183: our 200 needs none."""
    by_update: bool = False
    """Whether the peer's change that is being handled came by UPDATE."""
    target: SipUri | None = None
    """The peer's Contact."""
    digits: str = ""
    """What is yet to be sent by INFO; the first of it is under way."""
    redirected_to: str | None = None
    dialog_id: str = ""
    session_expires_s: int | None = None
    """Of the dialog, as last known."""
    negotiated: Negotiated | None = None
    proposed: Negotiated | None = None
    """What the description that is being handled leads to."""
    peer_is_ours: bool = False
    """Whether the peer takes a RESULT, said by Accept."""
    header_bytes: int = 0
    """Estimate of a BYE's size without its body."""
    authenticated: bool = False
    """Whether our requests carry credentials."""
    result: bytes = b""
    """Our RESULT."""
    peer_result: bytes | None = None
    status: int | None = None
    """Final status of the INVITE."""
    reason: str = ""
    answer_headers: tuple[tuple[str, str], ...] = ()
    """More headers of our 200."""
    refusal_status: int = 480
    refusal_headers: tuple[tuple[str, str], ...] = ()
    change_status: int = 0
    change_reason: str = ""
    """Why our re-INVITE was refused."""
    ending: Ending | None = None
    """The first cause of the end."""
    phase_since: float = 0.0
    ringing_at: float | None = None
    answered_at: float | None = None
    first_status_at: float | None = None
    ended_at: float | None = None
    sip_bytes: tuple[int, int] = (0, 0)
    """Sent and received, when the call ended."""

    @property
    def body(self) -> bytes:
        """Our newest description as it is sent."""
        return b"" if self.ours is None else bytes(self.ours)

    def settle(self) -> Negotiated | None:
        """Let what was proposed count; return it, or None if nothing changed."""
        changed = self.proposed != self.negotiated
        self.negotiated = self.proposed
        return self.negotiated if changed else None

    def forget_bodies(self) -> None:
        """Let go, at the end, of what no `CallInfo` needs: it can be tens of kilobytes."""
        self.media = self.wanted = self.offering = self.offer = self.ours = self.theirs = None
        self.negotiated = self.proposed = self.peer_result = self.target = None
        self.early_bodies.clear()
        self.result = b""

    def info(self, sip_bytes: tuple[int, int]) -> CallInfo:
        """Return the facts, *sip_bytes* sent and received so far."""
        srd_at = self.first_status_at if self.placed else None
        return CallInfo(
            call_id=self.call_id,
            local_uri=self.local_uri,
            peer_uri=self.peer_uri,
            invited_at=self.invited_at,
            ringing_at=self.ringing_at,
            answered_at=self.answered_at,
            ended_at=self.ended_at,
            srd_s=None if srd_at is None else srd_at - self.invited_at,
            setup_s=None if self.answered_at is None else self.answered_at - self.invited_at,
            sip_bytes_sent=sip_bytes[0],
            sip_bytes_received=sip_bytes[1],
            phase=PHASES[self.state],
            phase_since=self.phase_since,
            on_hold=self.state in ON_HOLD,
            peer_holds=self.negotiated is not None and not self.negotiated.peer_receives,
            dialog_id=self.dialog_id,
            digits_waiting=self.digits,
            redirected_to=self.redirected_to,
            session_expires_s=self.session_expires_s,
        )


def bye_header_bytes(message: Request | Response, *, authenticated: bool) -> int:
    """Estimate, rather too high, how long the headers of a BYE in the dialog of *message* are."""
    names = [str(message.from_), str(message.to), message.call_id]
    if message.contact is not None:
        names.append(str(message.contact))
    routes = [str(route) for route in message.record_routes]
    fixed = 350  # request line, Via, Max-Forwards, CSeq, the three of the body, names of the others, our tag
    return fixed + sum(map(len, names)) + sum(len(route) + 2 for route in routes) + 400 * authenticated
