"""Calls of one SIP endpoint: offer and answer, who may do what when, and how each call ended."""

import contextlib
from collections import deque
from functools import partial

from softphone.call import signals
from softphone.call.errors import LocalCallError, UnknownCall
from softphone.call.events import (
    CallEvent,
    Ended,
    Established,
    HoldChanged,
    HoldRefused,
    IncomingCall,
    MediaChanged,
    PeerHungUp,
    Ringing,
)
from softphone.call.exchange import MAX_MESSAGE_BYTES, Packed, pack
from softphone.call.outcome import Ending, Outcome
from softphone.call.patience import Patience
from softphone.call.record import CallInfo, CallRecord
from softphone.call.signals import SDP_TYPE
from softphone.call.state import ON_HOLD, PHASES, TRANSITIONS, Action, Input, Phase, State
from softphone.sdp.media import LocalMedia
from softphone.sdp.negotiate import make_offer
from softphone.sip import events as sip
from softphone.sip.auth import Credentials
from softphone.sip.endpoint import SipEndpoint
from softphone.sip.errors import LocalSipError
from softphone.sip.events import Address
from softphone.sip.uri import NameAddr, SipUri

__all__ = ["CallInfo", "CallManager", "Patience"]

RESULT_TYPE = "application/vnd.softphone.result+json"
MAX_ENDED = 1_000
"""Ended calls that can still be asked for; older ones are forgotten."""
_HOLDING = (State.HOLDING, State.HELD, State.HELD_REOFFERED)
_NOT_HOLDING = (State.RESUMING, State.ESTABLISHED, State.REOFFERED)
"""States in which a call is on hold, or is not, or is about to be."""


class CallManager:
    """The calls of *endpoint*; has the five verbs of every core.

    A method of the owner that comes too late, because the peer was faster, does nothing.

    Args:
        endpoint: owned by the manager from now on.
        identity: From of the calls we place.
        result_type: media type of the RESULT that travels with BYE; the endpoint's Accept must name it.
        patience: see there.
    """

    def __init__(
        self,
        endpoint: SipEndpoint,
        *,
        identity: NameAddr,
        result_type: str = RESULT_TYPE,
        patience: Patience | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._identity = identity
        self._result_type = result_type
        self._patience = patience if patience is not None else Patience()
        self._active: dict[int, CallRecord] = {}
        self._ended: dict[int, CallRecord] = {}
        self._events: deque[CallEvent] = deque()

    def place(
        self,
        target: SipUri,
        media: LocalMedia,
        *,
        destination: Address,
        credentials: Credentials | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        route: tuple[str, ...] = (),
        ring_timeout_s: float | None = None,
        now: float,
    ) -> int:
        """Call *target*; return the number of the call.

        Args:
            target: whom.
            media: what we offer.
            destination: where the INVITE is sent.
            credentials: for a peer that challenges us.
            headers: more headers of the INVITE.
            route: Route values of the INVITE.
            ring_timeout_s: give up when the call is not answered after so long; None: never.
            now: time.

        Raises:
            LocalSdpError: if *media* makes no offer.
            LocalSipError: if target or headers make no request.
        """
        offer = make_offer(media)
        number = self.endpoint.invite(
            target,
            from_=self._identity,
            body=bytes(offer),
            content_type=SDP_TYPE,
            headers=headers,
            credentials=credentials,
            destination=destination,
            route=route,
            now=now,
        )
        call = CallRecord(
            number=number,
            placed=True,
            state=State.CALLING,
            call_id=self.endpoint.call_id(number),
            local_uri=str(self._identity.uri),
            peer_uri=str(target),
            invited_at=now,
            phase_since=now,
            deadline=None if ring_timeout_s is None else now + ring_timeout_s,
            media=media,
            ours=offer,
            authenticated=credentials is not None,
        )
        self._active[number] = call
        self._drain(now)
        return number

    def ring(self, call: int, *, now: float) -> None:
        """Tell the caller that we are being alerted (180)."""
        record = self._record(call)
        if record.state is State.INCOMING and record.ringing_at is None:
            record.ringing_at = now
        self._fire(record, Input.RING, now)

    def accept(
        self, call: int, media: LocalMedia, *, headers: tuple[tuple[str, str], ...] = (), now: float
    ) -> None:
        """Answer an incoming call with what *media* has in common with its offer.

        With nothing in common the call is refused, and ends as incompatible. An INVITE without an offer gets
        ours; then `Established` follows with the caller's answer. *headers* are more headers of the 200.

        Raises:
            LocalSdpError: if *media* makes no description.
            LocalSipError: if *headers* make no answer.
        """
        record = self._record(call)
        if record.state is State.INCOMING:
            record.answer_headers = headers
            self._fire(record, signals.accept(record, media, now), now)
            self._drain(now)

    def reject(self, call: int, status: int, *, now: float) -> None:
        """Refuse an incoming call with *status*.

        Raises:
            LocalCallError: if *status* refuses nothing, being outside 300 to 699.
        """
        if not 300 <= status <= 699:
            raise LocalCallError(f"a call is refused with a status of 300 to 699, got {status}")
        record = self._record(call)
        if record.state is State.INCOMING:
            self._fire(record, signals.refuse(record, status, why=f"refused with {status}"), now)
            self._drain(now)

    def hang_up(self, call: int, *, result: bytes = b"", now: float) -> None:
        """End a call in whatever state it is; *result* travels with the BYE to a peer that is one of ours."""
        record = self._record(call)
        record.result = result
        if record.state is State.INCOMING:
            self.reject(call, 480, now=now)  # RFC 3261 section 21.4.18
            return
        if record.ending is None:
            if record.state in (State.CALLING, State.RINGING):
                record.ending = Ending(Outcome.NO_ANSWER, "local", None, "hung up before an answer")
            else:
                record.ending = Ending(Outcome.COMPLETED, "local", record.status, record.reason)
        self._fire(record, Input.HANG_UP, now)
        self._drain(now)

    def hold(self, call: int, on: bool, *, now: float) -> None:
        """Put the peer on hold, or take it back, by a re-INVITE (RFC 3264 section 8.4); `HoldChanged` or `HoldRefused` will tell.

        What is on hold already, or on its way there, stays so. Once a call is ending nothing happens.

        Raises:
            LocalCallError: if the call does not stand yet, or another change of the session is under way.
        """
        record = self._record(call)
        if PHASES[record.state] in (Phase.ENDING, Phase.ENDED):
            return
        wanted, there = (Input.HOLD, _HOLDING) if on else (Input.RESUME, _NOT_HOLDING)
        if record.state in there:
            return
        if (record.state, wanted) not in TRANSITIONS:
            raise LocalCallError(
                f"{wanted.value} is for a call that stands, this one is {record.state.value}: try again later"
            )
        if on and record.media is not None:
            record.direction = record.media.direction
        self._fire(record, wanted, now)
        self._drain(now)

    def answer_bye(self, call: int, result: bytes = b"", *, now: float) -> None:
        """Let the peer go after `PeerHungUp`; *result* travels with the 200 to a peer that is one of ours."""
        record = self._record(call)
        record.result = result
        self._fire(record, Input.ANSWER_BYE, now)
        self._drain(now)

    def info(self, call: int) -> CallInfo:
        """Return the facts of a call; of an ended one until 1,000 more have ended.

        Raises:
            UnknownCall: if there is none of that number.
        """
        record = self._record(call)
        return record.info(self._sip_bytes(record))

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        """Take a datagram from *addr*."""
        self.endpoint.receive_datagram(data, addr, now=now)
        self._drain(now)

    def transport_error(self, addr: Address, *, now: float) -> None:
        """Take note that *addr* cannot be reached (ICMP)."""
        self.endpoint.transport_error(addr, now=now)
        self._drain(now)

    def datagrams_to_send(self, *, now: float) -> list[tuple[bytes, Address]]:
        """Return what is to go on the wire, oldest first."""
        return self.endpoint.datagrams_to_send(now=now)

    def handle_timeout(self, *, now: float) -> None:
        """Do all that is due at *now*."""
        self.endpoint.handle_timeout(now=now)
        self._drain(now)
        for call in list(self._active.values()):
            if call.deadline is not None and call.deadline <= now:
                call.deadline = None
                self._run_out(call, now)
        self._drain(now)

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is next due, or None."""
        times = [call.deadline for call in self._active.values() if call.deadline is not None]
        at = self.endpoint.next_timeout()
        return min(times if at is None else [*times, at], default=None)

    def next_event(self) -> CallEvent | None:
        """Return the next event, or None."""
        return self._events.popleft() if self._events else None

    def _record(self, number: int) -> CallRecord:
        record = self._active.get(number) or self._ended.get(number)
        if record is None:
            raise UnknownCall(f"a number that `place` or IncomingCall gave, got {number}")
        return record

    def _drain(self, now: float) -> None:
        while (event := self.endpoint.next_event()) is not None:
            if isinstance(event, sip.InviteReceived):
                call = signals.call_of(event, result_type=self._result_type, now=now)
                self._active[call.number] = call
                self._events.append(_incoming(call, event))
            elif not isinstance(event, sip.OptionsAnswered | sip.MessageDropped):
                self._take(event.leg, event, now)

    def _take(self, leg: int, event: sip.SipEvent, now: float) -> None:
        call = self._active.get(leg)
        if call is None:
            return
        heard = self._heard(call)
        signal = signals.signal_of(call, event, heard=heard, result_type=self._result_type, now=now)
        if signal is not None:
            self._fire(call, signal, now)

    def _run_out(self, call: CallRecord, now: float) -> None:
        """Patience of the call's state ran out."""
        waited = f"{now - call.invited_at:.0f} s"
        if call.state is State.LEAVING:
            signals.end_by_network(call, "nobody answered our BYE")
        elif call.state is State.ANSWERED_LEAVING:
            signals.end_by_network(call, "the peer did not acknowledge our 200")
        elif call.ending is None and self._heard(call):
            call.ending = Ending(Outcome.NO_ANSWER, "local", None, f"no answer in {waited}")
        elif call.ending is None:
            call.ending = Ending(Outcome.UNREACHABLE, "network", 408, f"no response at all in {waited}")
        self._fire(call, Input.TIMEOUT, now)

    def _sip_bytes(self, call: CallRecord) -> tuple[int, int]:
        """Return the bytes of SIP sent and received; the last known ones where the endpoint has forgotten."""
        with contextlib.suppress(LocalSipError):
            call.sip_bytes = self.endpoint.leg_bytes(call.number)
        return call.sip_bytes

    def _heard(self, call: CallRecord) -> bool:
        """Whether the peer, or a proxy for it, sent anything."""
        return self._sip_bytes(call)[1] > 0

    def _result_body(self, call: CallRecord) -> tuple[bytes, str | None, tuple[tuple[str, str], ...]]:
        """Return body, content type and headers of our half of the BYE exchange."""
        room = max(0, MAX_MESSAGE_BYTES - call.header_bytes)
        packed = pack(call.result, room=room) if call.peer_is_ours else Packed()
        return packed.body, self._result_type if packed.body else None, packed.headers

    def _fire(self, call: CallRecord, signal: Input, now: float) -> None:
        try:
            state, actions = TRANSITIONS[call.state, signal]
        except KeyError:
            return
        if state is not call.state:
            if PHASES[state] is not PHASES[call.state]:
                call.phase_since = now
            call.state = state
            if state is not State.RINGING:  # which goes on with the patience of the call
                patience_s = self._patience.in_state(state, heard=self._heard(call))
                call.deadline = None if patience_s is None else now + patience_s
        for action in actions:
            self._do(call, action, now)

    def _do(self, call: CallRecord, action: Action, now: float) -> None:
        endpoint, leg = self.endpoint, call.number
        match action:
            case Action.SEND_CANCEL:
                endpoint.cancel(leg, now=now)
            case Action.SEND_RINGING:
                endpoint.ring(leg, now=now)
            case Action.SEND_ANSWER:
                headers = call.answer_headers
                endpoint.answer(leg, body=call.body, content_type=SDP_TYPE, headers=headers, now=now)
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
            case Action.ANSWER_REINVITE:
                endpoint.answer_reinvite(leg, body=call.body, now=now)
            case Action.REFUSE_REINVITE:
                endpoint.reject_reinvite(leg, call.refusal_status, now=now)
            case Action.SEND_REINVITE:
                endpoint.reinvite(leg, partial(signals.reoffer, call), content_type=SDP_TYPE, now=now)
            case Action.TELL_HELD | Action.TELL_RESUMED:
                call.settle()
                if call.negotiated is not None:
                    self._events.append(HoldChanged(leg, action is Action.TELL_HELD, call.negotiated))
            case Action.TELL_HOLD_REFUSED:
                on_hold = call.state in ON_HOLD
                self._events.append(HoldRefused(leg, on_hold, call.change_status, call.change_reason))
            case Action.TELL_RINGING:
                self._events.append(Ringing(leg, call.status or 0, call.reason))
            case Action.TELL_ESTABLISHED:
                if (negotiated := call.settle()) is not None:
                    self._events.append(Established(leg, negotiated, call.placed, call.status or 0))
            case Action.TELL_CHANGED:
                if (negotiated := call.settle()) is not None:
                    self._events.append(MediaChanged(leg, negotiated))
            case Action.TELL_PEER_HUNG_UP:
                self._events.append(PeerHungUp(leg, call.peer_result))
            case Action.TELL_ENDED:
                self._end(call, now)

    def _end(self, call: CallRecord, now: float) -> None:
        call.ended_at = now
        self._sip_bytes(call)
        ending = call.ending or Ending(Outcome.FAILED, "local", call.status, "ended without a cause")
        self._events.append(
            Ended(
                call.number,
                ending.outcome,
                ending.ended_by,
                ending.sip_status,
                ending.reason,
                call.peer_result,
            )
        )
        del self._active[call.number]
        call.forget_bodies()
        self._ended[call.number] = call
        if len(self._ended) > MAX_ENDED:
            del self._ended[next(iter(self._ended))]


def _incoming(call: CallRecord, event: sip.InviteReceived) -> IncomingCall:
    request = event.request
    return IncomingCall(call.number, request.from_, request.to, event.source, call.offer_problem)
