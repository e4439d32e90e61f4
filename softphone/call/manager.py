"""Calls of one SIP endpoint: offer and answer, who may do what when, and how each call ended."""

from collections import deque

from softphone.call import signals
from softphone.call.asides import Asides
from softphone.call.doing import Doer
from softphone.call.errors import LocalCallError, UnknownCall
from softphone.call.events import CallEvent
from softphone.call.facts import note_bytes, note_dialog
from softphone.call.offers import SDP_TYPE
from softphone.call.outcome import HUNG_UP, Ending, Outcome
from softphone.call.patience import Patience
from softphone.call.record import CallInfo, CallRecord
from softphone.call.state import PHASES, TRANSITIONS, Input, Phase, State
from softphone.sdp.media import LocalMedia
from softphone.sdp.negotiate import make_offer
from softphone.sip import events as sip
from softphone.sip.auth import Credentials
from softphone.sip.endpoint import SipEndpoint
from softphone.sip.events import Address
from softphone.sip.uri import NameAddr, SipUri

__all__ = ["CallInfo", "CallManager", "Patience"]

RESULT_TYPE = "application/vnd.softphone.result+json"
MAX_ENDED = 100
"""Ended calls that can still be asked for; older ones are forgotten."""
_WAITING = (State.INCOMING, State.INCOMING_EARLY)
"""States in which an incoming call waits for our answer."""
_HOLDING = (State.HOLDING, State.HELD, State.HELD_REOFFERED, State.HELD_CHANGING)
_NOT_HOLDING = (State.RESUMING, State.ESTABLISHED, State.REOFFERED, State.CHANGING)
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
        self._events: deque[CallEvent | sip.NO_CALLS] = deque()
        self._doer = Doer(endpoint, self._events, result_type=result_type)
        self._asides = Asides(endpoint, self._events)

    def place(
        self,
        target: SipUri,
        media: LocalMedia,
        *,
        destination: Address,
        alternatives: tuple[Address, ...] = (),
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
            alternatives: where it is sent instead, one after the other, when nobody is there (RFC 3263 section 4.3).
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
            alternatives=alternatives,
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
            offer=offer,
            ours=offer,
            authenticated=credentials is not None,
        )
        self._active[number] = call
        self._drain(now)
        return number

    def ring(self, call: int, *, now: float) -> None:
        """Tell the caller that we are being alerted (180)."""
        record = self._record(call)
        signals.note_ringing(record, now)
        self._fire(record, Input.RING, now)

    def progress(self, call: int, media: LocalMedia, *, now: float) -> None:
        """Answer the offer of an incoming call before the call itself is: audio may flow both ways (183, RFC 3960).

        `EarlyMedia` follows. To an INVITE without an offer 180 is sent instead. With nothing in common the call is refused.

        Raises:
            LocalSdpError: if *media* makes no description.
        """
        record = self._record(call)
        if record.state is State.INCOMING:
            signals.note_ringing(record, now)
            self._fire(record, signals.progress(record, media), now)
            self._drain(now)

    def accept(
        self, call: int, media: LocalMedia, *, headers: tuple[tuple[str, str], ...] = (), now: float
    ) -> None:
        """Answer an incoming call with what *media* has in common with its offer.

        After `progress` what that said stands, and *media* is not looked at. With nothing in common the call is refused,
        and ends as incompatible. An INVITE without an offer gets
        ours; then `Established` follows with the caller's answer. *headers* are more headers of the 200.

        Raises:
            LocalSdpError: if *media* makes no description.
            LocalSipError: if *headers* make no answer.
        """
        record = self._record(call)
        if record.state in _WAITING:
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
        if record.state in _WAITING:
            self._fire(record, signals.refuse(record, status, why="refused"), now)
            self._drain(now)

    def hang_up(self, call: int, *, result: bytes = b"", now: float) -> None:
        """End a call in whatever state it is; *result* travels with the BYE to a peer that is one of ours."""
        record = self._record(call)
        record.result = result
        if record.state in _WAITING:
            self.reject(call, 480, now=now)  # RFC 3261 section 21.4.18
            return
        if record.ending is None:
            if record.state in (State.CALLING, State.RINGING, State.EARLY):
                record.ending = Ending(Outcome.NO_ANSWER, "local", None, HUNG_UP)
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
        self._must_have(record, wanted)
        if on and record.media is not None:
            record.direction = record.media.direction
        self._fire(record, wanted, now)
        self._drain(now)

    def change(self, call: int, media: LocalMedia, *, now: float) -> None:
        """Offer *media*, another codec or address of ours, by a re-INVITE; `MediaChanged` or `ChangeRefused` will tell.

        Number and direction of the session stay as they are. Nothing is told where the peer's answer changes nothing. Once a
        call is ending nothing happens.

        Raises:
            LocalSdpError: if *media* makes no offer.
            LocalCallError: if the call does not stand yet, or another change of the session is under way.
        """
        record = self._record(call)
        if PHASES[record.state] in (Phase.ENDING, Phase.ENDED):
            return
        make_offer(media)
        self._must_have(record, Input.CHANGE)
        record.wanted = media
        self._fire(record, Input.CHANGE, now)
        self._drain(now)

    def send_digits(self, call: int, digits: str, *, now: float) -> None:
        """Send *digits*, of 0-9 * # A-D, by INFO, behind those that still wait; `DigitsRefused` may tell.

        Raises:
            LocalCallError: one of them is no key, there are too many, or the call does not stand for the peer, too.
        """
        self._asides.send_digits(self._record(call), digits, now)
        self._drain(now)

    def transfer(self, call: int, target: SipUri, *, now: float) -> None:
        """Ask the peer to call *target* in our stead (REFER); `TransferProgress` will tell.

        Raises:
            LocalCallError: the call does not stand, or is being transferred already.
        """
        self._asides.transfer(self._record(call), target, now)
        self._drain(now)

    def transfer_to(self, call: int, other: int, *, now: float) -> None:
        """Ask the peer of *call* to take our place in *other* (REFER with Replaces); `TransferProgress` will tell.

        Raises:
            LocalCallError: one of them does not stand, both are the same, or *call* is being transferred already.
        """
        self._asides.transfer_to(self._record(call), self._record(other), now)
        self._drain(now)

    def accept_transfer(self, call: int, *, now: float) -> None:
        """Say after `TransferAsked` that we call (202); `tell_transfer` follows."""
        self.endpoint.accept_refer(self._record(call).number, now=now)
        self._drain(now)

    def reject_transfer(self, call: int, status: int, *, now: float) -> None:
        """Refuse what `TransferAsked` brought."""
        self.endpoint.reject_refer(self._record(call).number, status, now=now)
        self._drain(now)

    def tell_transfer(self, call: int, status: int, reason: str, *, over: bool, now: float) -> None:
        """Tell the peer how the call that it asked for stands (NOTIFY)."""
        record = self._record(call)
        if PHASES[record.state] is Phase.ESTABLISHED:
            self.endpoint.notify_refer(record.number, status, reason, over=over, now=now)
            self._drain(now)

    def answer_bye(self, call: int, result: bytes = b"", *, now: float) -> None:
        """Let the peer go after `PeerHungUp`; *result* travels with the 200 to a peer that is one of ours."""
        record = self._record(call)
        record.result = result
        self._fire(record, Input.ANSWER_BYE, now)
        self._drain(now)

    def info(self, call: int) -> CallInfo:
        """Return the facts of a call; of an ended one until 100 more have ended.

        Raises:
            UnknownCall: if there is none of that number.
        """
        record = self._record(call)
        note_dialog(self.endpoint, record)
        return record.info(note_bytes(self.endpoint, record))

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        """Take a datagram from *addr*."""
        self.endpoint.receive_datagram(data, addr, now=now)
        self._drain(now)

    def transport_error(self, addr: Address, *, reason: str = "", closed: bool = False, now: float) -> None:
        """Take note that *addr* cannot be reached, or that a connection to it is *closed*; see `SipEndpoint`."""
        self.endpoint.transport_error(addr, reason=reason, closed=closed, now=now)
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
                signals.run_out(call, heard=self._heard(call), now=now)
                self._fire(call, Input.TIMEOUT, now)
        self._drain(now)

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is next due, or None."""
        times = [call.deadline for call in self._active.values() if call.deadline is not None]
        at = self.endpoint.next_timeout()
        return min(times if at is None else [*times, at], default=None)

    def next_event(self) -> CallEvent | sip.NO_CALLS | None:
        """Return the next event, or None; the endpoint's events that are of no call go by as they are."""
        return self._events.popleft() if self._events else None

    @staticmethod
    def _must_have(record: CallRecord, wanted: Input) -> None:
        if (record.state, wanted) not in TRANSITIONS:
            raise LocalCallError(
                f"{wanted.value} is for a call that stands, this one is {record.state.value}: try again later"
            )

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
                self._events.append(signals.incoming(call, event))
            elif isinstance(event, sip.NO_CALLS):
                self._events.append(event)
            else:
                self._take(event.leg, event, now)

    def _take(self, leg: int, event: sip.SipEvent, now: float) -> None:
        call = self._active.get(leg)
        if call is None or self._asides.take(call, event, now):
            return
        heard = self._heard(call)
        signal = signals.signal_of(call, event, heard=heard, result_type=self._result_type, now=now)
        if signal is not None:
            self._fire(call, signal, now)

    def _heard(self, call: CallRecord) -> bool:
        """Whether the peer, or a proxy for it, sent anything."""
        return note_bytes(self.endpoint, call)[1] > 0

    def _fire(self, call: CallRecord, signal: Input, now: float) -> None:
        try:
            state, actions = TRANSITIONS[call.state, signal]
        except KeyError:
            return
        if state is not call.state:
            if PHASES[state] is not PHASES[call.state]:
                note_dialog(self.endpoint, call)
                call.phase_since = now
            call.state = state
            if state not in (State.RINGING, State.EARLY):  # which go on with the patience of the call
                patience_s = self._patience.in_state(state, heard=self._heard(call))
                call.deadline = None if patience_s is None else now + patience_s
        for action in actions:
            self._doer.do(call, action, now)
        if state is State.ENDED:
            self._forget(call)

    def _forget(self, call: CallRecord) -> None:
        """Keep the facts of a call that has ended, for a while."""
        note_bytes(self.endpoint, call)
        del self._active[call.number]
        call.forget_bodies()
        self._ended[call.number] = call
        if len(self._ended) > MAX_ENDED:
            del self._ended[next(iter(self._ended))]
