"""Session descriptions of a call as SIP carries them, and the offers of its re-INVITEs (RFC 3264 section 8)."""

from dataclasses import replace

from softphone.call.errors import LocalCallError
from softphone.call.record import CallRecord
from softphone.call.state import State
from softphone.sdp.description import SessionDescription
from softphone.sdp.errors import Incompatible, SdpError, SdpParseError
from softphone.sdp.media import DIRECTIONS, LocalMedia, Negotiated
from softphone.sdp.negotiate import make_offer, redirected, revised
from softphone.sip.message import Request, Response

SDP_TYPE = "application/sdp"


def reoffer(call: CallRecord) -> bytes:
    """Return the offer of a re-INVITE of ours: what was said last, but for the direction (hold, resume) or for what is wanted.

    A stream that only came in, since the peer holds us or we never sent, goes from there to inactive (RFC 3264 section 8.4).
    """
    if call.media is None or call.ours is None or call.negotiated is None:
        raise LocalCallError("a re-INVITE comes after an answer")
    if call.state in (State.CHANGING, State.HELD_CHANGING):
        if call.wanted is None:
            return call.body  # RFC 4028 section 7.4: a refresh offers what was said before
        media = replace(call.wanted, session_id=call.media.session_id, direction=call.media.direction)
        offer = make_offer(renumbered(media, call.negotiated))
        call.offering, ours = media, _in_place_of(call.ours, offer)
    else:
        direction = call.direction
        if call.state is State.HOLDING:
            direction = DIRECTIONS[call.negotiated.sends, False]
        call.offering = replace(call.media, direction=direction)
        ours = redirected(call.ours, direction, compact=call.media.compact)
    call.ours = revised(ours, call.ours)
    return call.body


def _in_place_of(before: SessionDescription, offer: SessionDescription) -> SessionDescription:
    """Put the one stream of *offer* where ours stands in *before*.

    Streams that were refused keep their places (RFC 3264 section 8).
    """
    place = next((number for number, each in enumerate(before.media) if each.port != 0), 0)
    media = tuple(offer.media[0] if number == place else each for number, each in enumerate(before.media))
    return replace(offer, origin=replace(offer.origin, version=before.origin.version), media=media)


def description_in(message: Request | Response) -> SessionDescription | None:
    """Return the session description of *message*, None if it has none; raises SdpError for what cannot be read."""
    if not message.body:
        return None
    kind = (message.headers.get("Content-Type") or SDP_TYPE).partition(";")[0].strip().lower()
    if kind != SDP_TYPE:
        if "handling=optional" in (message.headers.get("Content-Disposition") or "").lower():
            return None  # RFC 3261 section 20.11
        raise SdpParseError(f"a body of type {SDP_TYPE}, got {ascii(kind)[1:60]}")
    return SessionDescription.parse(message.body)


def renumbered(media: LocalMedia, agreed: Negotiated | None) -> LocalMedia:
    """Keep the payload types of the session in an offer of ours (RFC 3264 section 8.3.2)."""
    numbers = {}
    for each in reversed(agreed.receive if agreed is not None else ()):
        numbers[each.name, each.clock_rate_hz, each.channels] = each.payload_type
    capabilities = (
        replace(
            each, payload_type=numbers.get((each.name, each.clock_rate_hz, each.channels), each.payload_type)
        )
        for each in media.capabilities
    )
    return replace(media, capabilities=tuple(capabilities))


def status_for(error: SdpError) -> int:
    """Return what a description is refused with."""
    return 488 if isinstance(error, Incompatible) else 400
