"""The life of one call, in either role: its audio while it stands, its RESULT when it has ended."""

import asyncio
import logging
import time
from typing import Any

from softphone.app.call_ending import note_diagnosis, note_problem, packed_for_peer, result_of, score_call
from softphone.app.call_media import CallWithMedia
from softphone.app.call_plan import CallPlan
from softphone.app.call_status import StatusBoard, progress_of
from softphone.app.call_steering import told_to_the_user
from softphone.app.media_ends import MediaEnds
from softphone.app.result import Result, read_peer_result, utc_text
from softphone.app.station import Station, now
from softphone.call.events import (
    CallEvent,
    ChangeRefused,
    DigitsReceived,
    DigitsRefused,
    EarlyMedia,
    Ended,
    Established,
    HoldChanged,
    HoldRefused,
    MediaChanged,
    PeerHungUp,
    Ringing,
    TransferAsked,
    TransferProgress,
)
from softphone.call.outcome import EndedBy, Ending, Outcome
from softphone.errors import UsageError
from softphone.sip.events import Address

__all__ = ["CallPlan", "OneCall"]

log = logging.getLogger(__name__)

TAIL_S = 0.3
"""After what was played has ended, so that its last packets are heard before the BYE."""
DTMF_AFTER_S = 0.5
"""After the answer, when both sides have found each other's audio."""


class OneCall(CallWithMedia):
    """A call of *station*; `owner` of the call's events from `attach` on.

    Args:
        ends: where its media comes and goes, which it closes; None: ports that nobody was asked about.

    Raises (when made):
        EnvironmentProblem: no ports, or a recording cannot be written.
    """

    def __init__(self, station: Station, plan: CallPlan, ends: MediaEnds | None = None) -> None:
        super().__init__(station, plan, ends)
        self._started_at = utc_text(time.time())
        self._ending: Ending | None = None
        self._dropped = False
        self._peer_result: Result | None = None
        self._board: StatusBoard | None = None
        self._peer_address: Address | None = None

    def attach(self, call: int) -> None:
        """Own the events of *call* from now on."""
        self._call = call
        self._station.owners[call] = self
        self._station.on_moved.append(self._on_moved)
        self._peer_address = self._station.manager.endpoint.peer_of(call)
        self._board = StatusBoard(call, placed=not self._plan.answers, radio=self._plan.media.radio)
        self._tell_changed()

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it has not."""
        return self._ending

    @property
    def heard_codecs(self) -> tuple[str, ...]:
        """Names of what was received, known when the audio has ended."""
        return () if self._facts is None else self._facts.heard_codecs

    def ring(self) -> None:
        """Tell the caller of an incoming call that it rings here; `accept` or `reject` follow."""
        if self._call is not None:
            self._station.manager.ring(self._call, now=now())
            self._station.pump()

    def send_early(self) -> None:
        """Send, and take, audio before an incoming call is answered (183); `accept` or `reject` follow."""
        if self._call is not None:
            self._station.manager.progress(self._call, self.local_media, now=now())
            self._station.pump()

    def accept(self, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Answer an incoming call; one that has ended meanwhile stays so.

        Args:
            headers: more headers of the 200.
        """
        if self._call is not None and not self.ended.done():
            self._station.manager.accept(self._call, self.local_media, headers=headers, now=now())
            self._station.pump()

    def reject(self, status: int = 486) -> None:
        """Refuse an incoming call with *status*, 300 to 699; one that has been answered or has ended stays as it is.

        Raises:
            UsageError: a status that refuses nothing.
        """
        if self._call is not None and not self.ended.done():
            with told_to_the_user():
                self._station.manager.reject(self._call, status, now=now())
            self._station.pump()

    def hang_up(self) -> None:
        """End the call, whatever state it is in; a second time does nothing."""
        if self._call is None or self.ended.done():
            return
        self._stop_audio()
        result = self._result_for_peer("local")
        self._station.manager.hang_up(self._call, result=result, now=now())
        self._station.pump()

    def status(self) -> dict[str, Any]:
        """How the call stands: docs/calls.md defines the keys. Cheap enough for ten times a second.

        Raises:
            UsageError: it has been neither placed nor taken yet.
        """
        if self._call is None or self._board is None:
            raise UsageError("a call has a status when it has been placed or has come in")
        leg = self.leg
        return self._board.read(
            self._station.manager.info(self._call),
            None if leg is None else leg.reading(),
            started_at=self._established_at,
            hold_refused=self._hold_refused,
            now=now(),
        )

    @property
    def established_at(self) -> float | None:
        """When it was answered; None: it was not."""
        return self._established_at

    @property
    def digits(self) -> str:
        """What the peer has keyed so far."""
        if self.leg is not None:
            return self.leg.digits
        return "" if self._facts is None else self._facts.dtmf

    @property
    def plan(self) -> CallPlan:
        """What was decided before it."""
        return self._plan

    def progress(self) -> dict[str, Any] | None:
        """Figures of the running call for a person, None when there is no audio yet."""
        leg = self.leg
        if leg is None or self._established_at is None:
            return None
        return {
            "elapsed_s": now() - self._established_at,
            "total_s": self._plan.seconds,
            **progress_of(leg.reading(), radio=self._plan.media.radio),
        }

    async def finish(self, stop: asyncio.Event) -> Result:
        """Wait for the end of the call; close recordings, score unless *stop* is requested, and return the RESULT."""
        try:
            await asyncio.shield(self.ended)
            result = await self._closed(stop)
            await self.transfer.succeeded(stop)
            result["transfer"] = self.transfer.report()
            return result
        except asyncio.CancelledError:
            self.hang_up()  # the peer hears of it; nobody waits for its answer
            raise
        finally:
            self.discard()

    def discard(self) -> None:
        """Release what the call holds; it has ended, or was never placed."""
        self._stop_audio()
        self._close_media()
        self._audio.close()
        self._audio.discard_temporary()
        if self._on_moved in self._station.on_moved:
            self._station.on_moved.remove(self._on_moved)

    async def _closed(self, stop: asyncio.Event) -> Result:
        self._stop_audio()
        self._close_media()
        await self._ends.settle()
        recording = self._audio.close()
        result = self._make_result()
        result["peer_result"] = self._peer_result
        result["early_media_s"] = self._early_s
        note_problem(result, self._fault or self._audio.problem)
        peer_host = None if self._peer_address is None else self._peer_address[0]
        note_diagnosis(
            result, self._plan, self._station.account, media_host=self._ends.host, peer_host=peer_host
        )
        if self._facts is not None and self._negotiated is not None and self._station.account.quality_report:
            from softphone.app.quality_reports import publish, report_of

            assert self._call is not None
            report = report_of(
                self._station.manager.info(self._call), self._facts, self._ends, self._negotiated,
                placed=not self._plan.answers, started_at=self._started_at,
            )  # fmt: skip
            if report is not None:
                await publish(self._station, report)
        if self._facts is not None and recording is not None:
            await score_call(result, self._plan.audio, recording, self._facts, stop)
        return result

    def on_event(self, event: CallEvent) -> None:
        """Take an event of this call."""
        match event:
            case Ringing():
                log.info("ringing")
            case EarlyMedia(negotiated=negotiated):
                self._take_media(negotiated, answered=False)
            case Established(negotiated=negotiated):
                # A redirect, or an address that did not answer, may have led elsewhere.
                self._peer_address = self._station.manager.endpoint.peer_of(event.call)
                self._take_media(negotiated, answered=True)
            case MediaChanged(negotiated=negotiated) | HoldChanged(negotiated=negotiated):
                self._negotiated = negotiated
                on_hold = self._station.manager.info(event.call).on_hold
                if self._secure is not None:
                    self._secure.follow(negotiated, then=None, failed=self._on_insecure)
                if self.leg is not None:
                    self.leg.retarget(negotiated, on_hold=on_hold)
                    self._follow(self.leg, negotiated)
            case HoldRefused():
                self._hold_refused = f"{event.sip_status} {event.reason}"
                log.warning("the peer refused a change of hold: %s", self._hold_refused)
            case ChangeRefused():
                self._change_refused = f"{event.sip_status} {event.reason}"
                log.warning("the peer refused another codec or address: %s", self._change_refused)
            case DigitsReceived(digits=digits):
                if self.leg is not None:
                    self.leg.note_digits(digits)
            case DigitsRefused(digits=digits):
                self._dtmf_refused = f"{digits}: {event.sip_status}"
                log.warning("the peer refused DTMF by INFO, %s", self._dtmf_refused)
            case TransferProgress(sip_status=status, over=over):
                self.transfer.note(status, over=over)
                if over and 200 <= status < 300:
                    self._loop.call_soon(self.hang_up)  # RFC 5589 section 6.1: the peer is where it was sent
            case TransferAsked() if self._plan.on_transfer is not None:
                self._plan.on_transfer(self, event)
                self._loop.call_soon(self._station.pump)
            case TransferAsked():
                self._station.manager.reject_transfer(event.call, 603, now=now())
                self._loop.call_soon(self._station.pump)
            case PeerHungUp():
                self._stop_audio()
                self._station.note_bye()
                self._station.manager.answer_bye(event.call, self._result_for_peer("peer"), now=now())
                self._loop.call_soon(self._station.pump)
            case Ended():
                self._on_ended(event)
        self._tell_changed()

    def _tell_changed(self) -> None:
        if self._plan.on_changed is not None:
            self._loop.call_soon(self._plan.on_changed, self)

    def _on_answered(self) -> None:
        plan = self._plan
        self.established = True
        self._established_at = now()
        self._audio.begin(self._established_at)
        if plan.seconds is not None:
            self._later(plan.seconds, self.hang_up)
        if plan.dtmf:
            self._later(DTMF_AFTER_S, self._send_planned_dtmf)
        if plan.on_running is not None:
            self._loop.call_soon(plan.on_running, self)

    def _send_planned_dtmf(self) -> None:
        try:
            self.send_dtmf(self._plan.dtmf)
        except UsageError as error:
            log.warning("%s", error)

    def _on_source_ended(self) -> None:
        if self._plan.until_played:
            self._later(TAIL_S, self._hang_up_after_dtmf)

    def _hang_up_after_dtmf(self) -> None:
        if self.dtmf_pending:
            self._later(TAIL_S, self._hang_up_after_dtmf)
        else:
            self.hang_up()

    def _on_timed_out(self) -> None:
        if not self.established:
            return  # who calls may say nothing before the answer
        self._dropped = True
        self.hang_up()

    def _on_ended(self, event: Ended) -> None:
        if self.ended.done():
            return
        self._stop_audio()
        outcome, ended_by, reason = event.outcome, event.ended_by, event.reason
        if self._dropped:
            outcome, ended_by = Outcome.DROPPED, "network"
            reason = f"nothing was heard for {self._plan.media.rtp_timeout_s:g} s"
        if self._fault is not None:
            outcome, reason = Outcome.FAILED, str(self._fault)
        self._ending = Ending(outcome, ended_by, event.sip_status, reason)
        self._peer_result = read_peer_result(event.peer_result)
        self._station.owners.pop(event.call, None)
        self.ended.set_result(None)

    def _make_result(self) -> Result:
        assert self._call is not None
        assert self._ending is not None
        result = result_of(
            self._station.manager.info(self._call), self._ending, self._facts, self._plan, self._started_at
        )
        if self._peer_address is not None:
            result["signalling"] = self._station.signalling(self._peer_address)
        result["ice"] = self._ends.path()
        return result

    @property
    def _early_s(self) -> float | None:
        """How long audio ran before the answer, or before the end of a call without one."""
        if self._early_at is None or self._call is None:
            return None
        end = self._established_at or self._station.manager.info(self._call).ended_at
        return None if end is None else round(end - self._early_at, 2)

    def _result_for_peer(self, ended_by: EndedBy) -> bytes:
        """Our RESULT so far, as the BYE exchange carries it: without a score, which takes longer than a BYE may."""
        if self._facts is None:
            return b""
        assert self._call is not None
        ending = Ending(Outcome.COMPLETED, ended_by, 200, "OK")
        if self._dropped:
            ending = Ending(Outcome.DROPPED, "network", 200, "OK")
        info = self._station.manager.info(self._call)
        result = result_of(info, ending, self._facts, self._plan, self._started_at)
        return packed_for_peer(result, is_brief=self._station.style.is_compact)
