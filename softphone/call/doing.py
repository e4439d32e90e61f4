"""What a call does on a transition: the SIP it sends and the events it tells."""

from collections import deque
from functools import partial

from softphone.call.events import (
    CallEvent,
    ChangeRefused,
    EarlyMedia,
    Ended,
    Established,
    HoldChanged,
    HoldRefused,
    MediaChanged,
    PeerHungUp,
    Ringing,
)
from softphone.call.exchange import MAX_MESSAGE_BYTES, MAX_STREAM_BYTES, Packed, pack
from softphone.call.offers import SDP_TYPE, reoffer
from softphone.call.outcome import Ending, Outcome
from softphone.call.record import CallRecord
from softphone.call.state import ON_HOLD, Action
from softphone.sip import events as sip
from softphone.sip.endpoint import SipEndpoint


class Doer:
    """Carries out actions of the calls of one *endpoint*; tells its *events*.

    Args:
        result_type: media type of the RESULT that travels with BYE.
    """

    def __init__(
        self, endpoint: SipEndpoint, events: deque[CallEvent | sip.NO_CALLS], *, result_type: str
    ) -> None:
        self._endpoint = endpoint
        self._events = events
        self._result_type = result_type

    def do(self, call: CallRecord, action: Action, now: float) -> None:
        """Do *action* for *call*."""
        endpoint, leg = self._endpoint, call.number
        match action:
            case Action.SEND_CANCEL:
                endpoint.cancel(leg, now=now)
            case Action.SEND_RINGING:
                endpoint.ring(leg, now=now)
            case Action.SEND_PROGRESS:
                endpoint.progress(leg, 183, body=call.body, content_type=SDP_TYPE, now=now)
            case Action.SEND_ANSWER:
                body = b"" if call.answer_taken else call.body  # RFC 3262 section 5: said once
                headers = call.answer_headers
                endpoint.answer(leg, body=body, content_type=SDP_TYPE, headers=headers, now=now)
            case Action.SEND_REFUSAL:
                endpoint.reject(leg, call.refusal_status, headers=call.refusal_headers, now=now)
            case Action.SEND_BYE:
                body, content_type, headers = self._result_body(call)
                endpoint.bye(leg, body=body, content_type=content_type, headers=headers, now=now)
            case Action.SEND_BYE_BARE:
                endpoint.bye(leg, headers=(("Reason", "SIP;cause=488"),), now=now)  # RFC 3326
            case Action.ANSWER_BYE:
                body, content_type, headers = self._result_body(call)
                endpoint.answer_bye(leg, body=body, content_type=content_type, headers=headers, now=now)
            case Action.ANSWER_REINVITE if call.by_update:
                endpoint.answer_update(leg, body=call.body, now=now)
            case Action.ANSWER_REINVITE:
                endpoint.answer_reinvite(leg, body=call.body, now=now)
            case Action.REFUSE_REINVITE if call.by_update:
                endpoint.reject_update(leg, call.refusal_status, now=now)
            case Action.REFUSE_REINVITE:
                endpoint.reject_reinvite(leg, call.refusal_status, now=now)
            case Action.SEND_REINVITE:
                endpoint.reinvite(leg, partial(reoffer, call), content_type=SDP_TYPE, now=now)
            case _:
                self._tell(call, action, now)

    def _tell(self, call: CallRecord, action: Action, now: float) -> None:
        leg, events = call.number, self._events
        match action:
            case Action.TELL_HELD | Action.TELL_RESUMED:
                call.settle()
                if call.negotiated is not None:
                    events.append(HoldChanged(leg, action is Action.TELL_HELD, call.negotiated))
            case Action.TELL_HOLD_REFUSED:
                on_hold = call.state in ON_HOLD
                events.append(HoldRefused(leg, on_hold, call.change_status, call.change_reason))
            case Action.TELL_CHANGE_REFUSED:
                events.append(ChangeRefused(leg, call.change_status, call.change_reason))
            case Action.TELL_RINGING:
                events.append(Ringing(leg, call.status or 0, call.reason))
            case Action.TELL_EARLY:
                if (negotiated := call.settle()) is not None:
                    events.append(EarlyMedia(leg, negotiated))
            case Action.TELL_ESTABLISHED:
                call.settle()
                if call.negotiated is not None:
                    events.append(Established(leg, call.negotiated, call.placed, call.status or 0))
            case Action.TELL_CHANGED:
                if (negotiated := call.settle()) is not None:
                    events.append(MediaChanged(leg, negotiated))
            case Action.TELL_PEER_HUNG_UP:
                events.append(PeerHungUp(leg, call.peer_result))
            case Action.TELL_ENDED:
                self._tell_ended(call, now)

    def _tell_ended(self, call: CallRecord, now: float) -> None:
        call.ended_at = now
        ending = call.ending or Ending(Outcome.FAILED, "local", call.status, "ended without a cause")
        outcome, ended_by, status, reason = (
            ending.outcome, ending.ended_by, ending.sip_status, ending.reason,
        )  # fmt: skip
        self._events.append(Ended(call.number, outcome, ended_by, status, reason, call.peer_result))

    def _result_body(self, call: CallRecord) -> tuple[bytes, str | None, tuple[tuple[str, str], ...]]:
        """Return body, content type and headers of our half of the BYE exchange."""
        peer = self._endpoint.peer_of(call.number)
        longest = MAX_MESSAGE_BYTES if peer is None or len(peer) == 2 else MAX_STREAM_BYTES
        room = max(0, longest - call.header_bytes)
        packed = pack(call.result, room=room) if call.peer_is_ours else Packed()
        return packed.body, self._result_type if packed.body else None, packed.headers
