"""Calls of a capture, as SIP and SDP tell of them: who called whom, what became of it, and where which media goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from softphone.capture.flows import Address
from softphone.sdp.description import MediaDescription, SessionDescription
from softphone.sdp.errors import SdpError
from softphone.sdp.formats import (
    Format,
    connection_of,
    flows_of,
    formats_of,
    takes_short_rtp,
)
from softphone.sip.message import Request, Response

MAX_CALLS = 100_000
EARLY_S = 5.0
"""Media may come before the SDP that describes it: the answer comes with the 200, sound before that."""
AFTER_S = 10.0
"""Media of a call may come for so long after its BYE."""


@dataclass(frozen=True, slots=True)
class MediaEnd:
    """One stream of one side's SDP: where it takes media, and under which numbers."""

    call_id: str
    at: float
    kind: str
    """``audio``, ``video``, ..."""
    address: Address
    formats: Mapping[int, Format]
    sends: bool
    receives: bool
    encrypted: tuple[str, ...]
    """How media can be: ``sdes``, ``dtls``, or ``srtp`` where no key is told; empty: not at all."""
    demands: bool
    """Whether it must be; an offer that may be taken in the clear says so, too (RFC 8643)."""
    short: bool
    """Takes RTP headers of two bytes."""


@dataclass(slots=True)
class SipCall:
    """One call, by its Call-ID."""

    call_id: str
    from_uri: str
    to_uri: str
    first_at: float
    invited_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    status: int | None = None
    """Final status of the first INVITE."""
    reason: str = ""
    ended_by: str | None = None
    """``caller`` or ``callee``, whose BYE came first; ``cancel``; None: the capture has no end of it."""
    ends: list[MediaEnd] = field(default_factory=list)
    caller_tag: str | None = None


class CallBook:
    """SIP messages -> calls and media."""

    def __init__(self) -> None:
        self.calls: dict[str, SipCall] = {}
        self.unreadable_sdp = 0
        self._by_address: dict[Address, list[MediaEnd]] = {}
        self._by_port: dict[int, list[MediaEnd]] = {}

    def add(self, at: float, message: Request | Response) -> list[MediaEnd]:
        """Take a message; the ends of media that its SDP describes."""
        call_id = message.call_id
        call = self.calls.get(call_id)
        if call is None:
            if message.cseq.method != "INVITE" or len(self.calls) >= MAX_CALLS:
                return []
            call = SipCall(call_id, str(message.from_.uri), str(message.to.uri), at)
            self.calls[call_id] = call
        self._follow(call, at, message)
        return self._describe(call, at, message)

    def ends_at(self, address: Address, at: float) -> list[MediaEnd]:
        """Ends of the call whose SDP named *address* as its own when a stream began at *at*, oldest first."""
        return self._of_one_call(self._by_address.get(address, []), at)

    def ends_at_port(self, port: int, at: float) -> list[MediaEnd]:
        """The same by the port alone, behind a NAT; nothing where several hosts use it."""
        found = self._of_one_call(self._by_port.get(port, []), at)
        return found if len({end.address for end in found}) == 1 else []

    def _of_one_call(self, ends: list[MediaEnd], at: float) -> list[MediaEnd]:
        before = [end for end in ends if end.at <= at + EARLY_S]
        for end in reversed(before):
            ended = self.calls[end.call_id].ended_at
            if ended is None or at <= ended + AFTER_S:
                return [each for each in before if each.call_id == end.call_id]
        return []

    def _follow(self, call: SipCall, at: float, message: Request | Response) -> None:
        method = message.cseq.method
        if isinstance(message, Request):
            if method == "INVITE" and call.invited_at is None:
                call.invited_at = at
                call.caller_tag = message.from_.params.get("tag")
            elif method == "BYE" and call.ended_at is None:
                call.ended_at = at
                tag = message.from_.params.get("tag")
                call.ended_by = "caller" if tag == call.caller_tag else "callee"
            elif method == "CANCEL" and call.ended_at is None and call.answered_at is None:
                call.ended_at, call.ended_by = at, "cancel"
            return
        if method != "INVITE" or call.answered_at is not None:
            return
        if 101 <= message.status < 200 and call.ringing_at is None:
            call.ringing_at = at
        elif 200 <= message.status < 300:
            call.answered_at, call.status, call.reason = at, message.status, message.reason
        # A challenge is answered with another INVITE (RFC 3261 section 22).
        elif message.status >= 300:
            call.status, call.reason = message.status, message.reason

    def _describe(self, call: SipCall, at: float, message: Request | Response) -> list[MediaEnd]:
        body = _sdp_in(message.body)
        if body is None:
            return []
        try:
            description = SessionDescription.parse(body)
        except SdpError:
            self.unreadable_sdp += 1
            return []
        known = {number: each for end in call.ends for number, each in end.formats.items()}
        found = [
            end for media in description.media if (end := _end(call.call_id, at, description, media, known))
        ]
        for end in found:
            call.ends.append(end)
            self._by_address.setdefault(end.address, []).append(end)
            self._by_port.setdefault(end.address[1], []).append(end)
        return found


def _end(
    call_id: str,
    at: float,
    description: SessionDescription,
    media: MediaDescription,
    known: Mapping[int, Format],
) -> MediaEnd | None:
    if media.port == 0 or not media.protocol.upper().startswith(("RTP/", "UDP/TLS/RTP/")):
        return None
    try:
        host = connection_of(description, media).host
        sends, receives = flows_of(description, media)
    except SdpError:
        return None
    demands = "SAVP" in media.protocol.upper()
    encrypted = ("sdes",) if media.values("crypto") else ()
    if media.values("fingerprint") or description.values("fingerprint"):
        encrypted = (*encrypted, "dtls")
    return MediaEnd(
        call_id, at, media.kind, (host.lower(), media.port),
        {each.payload_type: each for each in formats_of(media, known)},
        sends, receives, encrypted or ("srtp",) * demands, demands, takes_short_rtp(media),
    )  # fmt: skip


def _sdp_in(body: bytes) -> bytes | None:
    """The session description in a body, which may have several parts."""
    start = body.find(b"v=0")
    if start < 0 or (start and body[start - 1 : start] != b"\n"):
        return None
    end = body.find(b"\r\n--", start)
    return body[start:] if start == 0 or end < 0 else body[start : end + 2]


def encryption_of(receiver: list[MediaEnd], sender: list[MediaEnd]) -> str | None:
    """How the media between them is encrypted, as far as SDP tells; None: it is not, for what one side offered the other left."""
    newest = [ends[-1] for ends in (receiver, sender) if ends]
    if len(newest) == 2:
        both = [kind for kind in newest[0].encrypted if kind in newest[1].encrypted]
        if both:
            return both[0]
    demanded = [each.encrypted[0] for each in newest if each.demands]
    return demanded[0] if demanded else None


def described(ends: list[MediaEnd], others: list[MediaEnd]) -> dict[int, Format]:
    """Payload type -> what it means to the side of *ends*; what it leaves open, as *others* explain it."""
    formats: dict[int, Format] = {}
    for end in (*others, *ends):
        formats.update(end.formats)
    return formats
