"""What the events of the SIP endpoint, and the session descriptions in them, mean for a call.

Each function notes in the record what was learnt and returns the input for the state machine.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from softphone.call.events import IncomingCall
from softphone.call.exchange import accepts, unpack
from softphone.call.offers import description_in, renumbered, status_for
from softphone.call.outcome import Ending, Outcome, outcome_of_status, refused
from softphone.call.record import CallRecord, bye_header_bytes
from softphone.call.state import Input, State
from softphone.sdp.description import SessionDescription
from softphone.sdp.errors import Incompatible, SdpError, SdpParseError
from softphone.sdp.media import FLOWS, LocalMedia
from softphone.sdp.negotiate import make_answer, make_offer, read_answer, revised
from softphone.sip import events as sip
from softphone.sip.message import Request, Response
from softphone.sip.prack import MAX_FORKS
from softphone.sip.reinvite import GONE

_OFFERING: Mapping[State, Input] = {
    State.CALLING: Input.ANSWER,
    State.RINGING: Input.ANSWER,
    State.EARLY: Input.ANSWER,
    State.HOLDING: Input.ANSWER,
    State.RESUMING: Input.ANSWER,
    State.CHANGING: Input.ANSWER,
    State.HELD_CHANGING: Input.ANSWER,
    State.ANSWERED_OFFERING: Input.ACK_ANSWER,
    State.REOFFERED: Input.ACK_ANSWER,
    State.HELD_REOFFERED: Input.ACK_ANSWER,
}
"""States in which the peer's answer is awaited, and the input it makes."""
_CHANGING = frozenset({State.HOLDING, State.RESUMING, State.CHANGING, State.HELD_CHANGING})
"""States in which a re-INVITE of ours is under way, or waits for one of the peer's."""
_UNANSWERED = frozenset({State.ANSWERED_OFFERING, State.REOFFERED, State.HELD_REOFFERED})
"""States in which a 2xx of ours holds an offer that the peer has not answered."""
_CAUSE = re.compile(r"\s*SIP\s*(?:;[^;,]*)*?;\s*cause\s*=\s*([0-9]{3})\s*(?:[;,].*)?", re.IGNORECASE)

_WARNING = re.compile(r'(?:3[0-7][0-9]|399)\s+\S+\s+"([^"]+)"')
"""Codes 300 to 379 and 399; 392 is kamailio's, for whoever looks for faults in it."""


def call_of(event: sip.InviteReceived, *, result_type: str, now: float) -> CallRecord:
    """Return the record of a call that came in."""
    request = event.request
    call = CallRecord(
        number=event.leg,
        placed=False,
        state=State.INCOMING,
        call_id=request.call_id,
        local_uri=str(request.to.uri),
        peer_uri=str(request.from_.uri),
        invited_at=now,
        phase_since=now,
    )
    _meet(call, request, result_type)
    try:
        call.theirs = description_in(request)
    except SdpError as error:
        call.offer_problem = str(error)
    return call


def incoming(call: CallRecord, event: sip.InviteReceived) -> IncomingCall:
    """Return what is told of a call that came in."""
    request = event.request
    return IncomingCall(
        call.number, request.from_, request.to, event.source, call.offer_problem, event.replaces
    )


def note_ringing(call: CallRecord, now: float) -> None:
    """Note when the caller was first told that its call waits for us."""
    if call.state is State.INCOMING and call.ringing_at is None:
        call.ringing_at = now


def accept(call: CallRecord, media: LocalMedia, now: float) -> Input:
    """Answer the INVITE of *call* with *media*, or refuse it for want of anything in common.

    What a 183 of ours has said of us stands.
    """
    signal = Input.ACCEPT if call.state is State.INCOMING_EARLY else _describe(call, media)
    if signal is not Input.REJECT:
        call.status, call.reason, call.answered_at = 200, "OK", now
    return signal


def progress(call: CallRecord, media: LocalMedia) -> Input:
    """Answer the offer of *call* with *media* before the call itself is, or refuse it for want of anything in common.

    To an INVITE without an offer there is nothing to be said yet.
    """
    if call.offer_problem is None and call.theirs is None:
        return Input.RING
    signal = _describe(call, media)
    return Input.EARLY if signal is Input.ACCEPT else signal


def _describe(call: CallRecord, media: LocalMedia) -> Input:
    """Make what we say of ourselves to the INVITE of *call*."""
    try:
        if call.offer_problem is not None:
            raise SdpParseError(call.offer_problem)
        if call.theirs is None:
            ours, signal = make_offer(media), Input.ACCEPT_OFFERING
        else:
            ours, call.proposed = make_answer(call.theirs, media)
            signal = Input.ACCEPT
        bytes(ours)  # raises while the call can still be accepted otherwise
    except (SdpParseError, Incompatible) as error:
        # RFC 3261 section 20.43: 305 incompatible media format, 399 miscellaneous.
        code = 305 if isinstance(error, Incompatible) else 399
        text = ascii(str(error)[:120])[1:-1].replace("\\", "/").replace('"', "'")
        call.refusal_headers = (("Warning", f'{code} softphone "{text}"'),)
        return refuse(call, status_for(error), why=str(error))
    call.media, call.ours = media, ours
    return signal


def refuse(call: CallRecord, status: int, *, why: str) -> Input:
    """Refuse the INVITE of *call* with *status*."""
    if call.ending is None:
        outcome = Outcome.INCOMPATIBLE if call.refusal_headers else outcome_of_status(status)
        call.refusal_status, call.ending = status, Ending(outcome, "local", status, why)
    return Input.REJECT


def signal_of(
    call: CallRecord, event: sip.SipEvent, *, heard: bool, result_type: str, now: float
) -> Input | None:
    """Read *event* of the leg of *call*; None: it says nothing to a call.

    Args:
        call: changed by what is learnt.
        event: from the endpoint.
        heard: whether anything at all came from the peer.
        result_type: media type of a RESULT.
        now: time.
    """
    match event:
        case sip.Provisional(response=response, reliable=reliable):
            return _provisional(call, response, reliable, now)
        case sip.Answered(response=response):
            call.status, call.reason, call.answered_at = response.status, shown(response.reason), now
            _note_status(call, now)
            _meet(call, response, result_type)
            return _final_answer(call, response)
        case sip.Refused():
            return _refused(call, event, heard, now)
        case sip.Acked(body=body):
            return _answer(call, body) if _OFFERING.get(call.state) is Input.ACK_ANSWER else Input.ACK
        case sip.AckMissing():
            end_by_network(call, "the peer did not acknowledge our 200")
            return Input.ACK_MISSING
        case sip.Cancelled():
            call.ending = Ending(Outcome.NO_ANSWER, "peer", 487, "the caller gave up")
            return Input.CANCEL
        case sip.ByeReceived(request=request):
            _read_result(call, request, result_type)
            call.ending = call.ending or _ending_by_peer(call, request)
            return Input.BYE
        case sip.ByeAnswered(response=None):
            end_by_network(call, "nobody answered our BYE")
            return Input.BYE_OVER
        case sip.ByeAnswered(response=Response() as response):
            _read_result(call, response, result_type)
            return Input.BYE_OVER
        case sip.Redirected(target=target):
            call.redirected_to = str(target)
        case sip.ProgressAcked():
            call.answer_taken = True
        case sip.ReinviteReceived(request=request):
            return _reoffered(call, request, by_update=False)
        case sip.UpdateReceived(request=request):
            return _reoffered(call, request, by_update=True)
        case sip.ReinviteAnswered(response=response):
            return _answer(call, response.body)
        case sip.ReinviteRefused(status=status, reason=reason):
            call.change_status, call.change_reason, call.offering = status, shown(reason), None
            if status not in GONE:
                return Input.CHANGE_REFUSED
            end_by_network(call, f"the peer does not know the call any more: {status} to our re-INVITE")
            return Input.CHANGE_LOST
        case sip.UpdateRefused(status=status) if status in GONE:
            end_by_network(call, f"the peer does not know the call any more: {status} to our UPDATE")
            return Input.CHANGE_LOST
        case sip.RefreshWanted():
            call.wanted = None
            return Input.CHANGE
        case sip.SessionExpired():
            end_by_network(call, "nobody refreshed the session in time (RFC 4028)")
            return Input.CHANGE_LOST
    return None


def end_by_network(call: CallRecord, reason: str) -> None:
    """Note that the peer vanished, unless the call was over for another cause."""
    if call.ending is None or call.ending.outcome is Outcome.COMPLETED:
        call.ending = Ending(Outcome.DROPPED, "network", call.status, reason)


def run_out(call: CallRecord, *, heard: bool, now: float) -> None:
    """Note what it means that patience of the state of *call* ran out."""
    waited = f"{now - call.invited_at:.0f} s"
    if call.state is State.LEAVING:
        end_by_network(call, "nobody answered our BYE")
    elif call.state is State.ANSWERED_LEAVING:
        end_by_network(call, "the peer did not acknowledge our 200")
    elif call.ending is None and heard:
        call.ending = Ending(Outcome.NO_ANSWER, "local", None, f"no answer in {waited}")
    elif call.ending is None:
        call.ending = Ending(Outcome.UNREACHABLE, "network", 408, f"no response at all in {waited}")


def _provisional(call: CallRecord, response: Response, reliable: bool, now: float) -> Input:
    if call.ringing_at is None:
        call.ringing_at = now
        call.status, call.reason = response.status, shown(response.reason)
    _note_status(call, now)
    tag, bodies = response.to.tag or "", call.early_bodies
    if tag == call.settled_tag or call.offer is None or call.media is None:
        return Input.PROGRESS
    try:
        answer = description_in(response)
        if answer is None:
            return Input.PROGRESS
        if tag in bodies or len(bodies) < MAX_FORKS:
            bodies[tag] = response.body
        call.proposed = read_answer(call.offer, answer, call.media)
    except SdpError:
        return Input.PROGRESS  # what the call comes to is for the 2xx to say
    if reliable:
        call.settled_tag, call.ours = tag, call.offer
    return Input.EARLY_ANSWER


def _final_answer(call: CallRecord, response: Response) -> Input:
    """Take the 2xx to our INVITE."""
    tag = response.to.tag or ""
    if tag == call.settled_tag and call.negotiated is not None:
        call.proposed = call.negotiated  # RFC 3261 section 13.2.1: any further description is ignored
        return Input.ANSWER
    call.ours = call.offer
    return _answer(call, response.body or call.early_bodies.get(tag) or _only(call.early_bodies))


def _only(bodies: Mapping[str, bytes]) -> bytes:
    """The one description that came before a 2xx without any, from a peer that changed its tag."""
    return next(iter(bodies.values())) if len(bodies) == 1 else b""


def _refused(call: CallRecord, event: sip.Refused, heard: bool, now: float) -> Input:
    if not event.local and event.status not in (401, 407):
        _note_status(call, now)  # RFC 6076 section 4.3.2: a challenge is no status of the session
    if call.ending is None or not (event.local or event.status == 487):
        call.ending = refused(event.status, _explained(event), made_here=event.local, heard=heard)
    elif call.ending.sip_status is None:
        call.ending = replace(call.ending, sip_status=event.status)
    return Input.REFUSAL


def _explained(event: sip.Refused) -> str:
    """The reason phrase, and after it what a Warning says of the session (RFC 3261 section 20.43)."""
    warning = None if event.response is None else event.response.headers.get("Warning")
    found = _WARNING.match((warning or "")[:400])
    return shown(event.reason if found is None else f"{event.reason}: {found[1]}")


def _reoffered(call: CallRecord, request: Request, *, by_update: bool) -> Input:
    """Take the peer's wish to change the session."""
    call.by_update = by_update
    if request.contact is not None:
        call.target = request.contact.uri  # RFC 3261 section 12.2.2
    if call.state in _UNANSWERED or call.state is State.RINGING:
        call.refusal_status = 491  # RFC 3311 section 5.2: an offer of ours is not answered yet
        return Input.REINVITE_UNSUITABLE
    try:
        offer = description_in(request)
        if call.media is None:
            raise SdpParseError("a re-INVITE comes after an answer")
        if offer is None and call.state in _CHANGING:
            call.refusal_status = 491  # both would offer
            return Input.REINVITE_UNSUITABLE
        if offer is None:
            call.ours = revised(make_offer(renumbered(call.media, call.negotiated)), call.ours)
            return Input.REINVITE_EMPTY
        answer, call.proposed = make_answer(offer, call.media, current=call.negotiated)
    except (SdpParseError, Incompatible) as error:
        call.refusal_status = status_for(error)
        return Input.REINVITE_UNSUITABLE
    call.ours = revised(answer, call.ours)
    return Input.REOFFER


def _answer(call: CallRecord, body: bytes) -> Input:
    """Take the peer's answer to our offer, in a 2xx or an ACK."""
    media, call.offering = call.offering or call.media, None
    if call.ours is None or media is None or call.state not in _OFFERING:
        return Input.UNSUITABLE
    try:
        found = read_answer(call.ours, SessionDescription.parse(body), media, current=call.negotiated)
    except SdpError as error:
        call.ending = Ending(Outcome.INCOMPATIBLE, "local", call.status, f"no suitable answer: {error}")
        return Input.UNSUITABLE
    if call.negotiated is not None and not FLOWS[media.direction][0]:
        # To an offer to send nothing no answer can tell whether the peer would take something.
        found = replace(found, peer_receives=call.negotiated.peer_receives)
    call.media, call.proposed = media, found
    return _OFFERING[call.state]


def _meet(call: CallRecord, message: Request | Response, result_type: str) -> None:
    """Learn from the INVITE or the 2xx who the peer is."""
    if message.contact is not None:
        call.target = message.contact.uri
    call.peer_is_ours = accepts(message.headers.get_all("Accept"), result_type)
    call.header_bytes = bye_header_bytes(message, authenticated=call.authenticated)


def _note_status(call: CallRecord, now: float) -> None:
    if call.first_status_at is None:
        call.first_status_at = now


def _read_result(call: CallRecord, message: Request | Response, result_type: str) -> None:
    if call.peer_is_ours and call.peer_result is None:
        call.peer_result = unpack(
            message.body,
            content_type=message.headers.get("Content-Type"),
            content_encoding=message.headers.get("Content-Encoding"),
            media_type=result_type,
        )


def _ending_by_peer(call: CallRecord, request: Request) -> Ending:
    """Return the ending that the peer's BYE makes; its Reason may say that we were unsuitable (RFC 3326)."""
    cause = _CAUSE.fullmatch((request.headers.get("Reason") or "")[:200])
    if cause and outcome_of_status(int(cause[1])) is Outcome.INCOMPATIBLE:
        return Ending(Outcome.INCOMPATIBLE, "peer", call.status, f"the peer ended the call with {cause[1]}")
    return Ending(Outcome.COMPLETED, "peer", call.status, call.reason)


def shown(text: str) -> str:
    """Return a peer's words so that any terminal and log can show them."""
    return "".join(char if char.isprintable() else "?" for char in text[:100])
