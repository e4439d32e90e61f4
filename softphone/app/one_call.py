"""The life of one call, in either role: its audio while it stands, its RESULT when it has ended."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dsp.errors import DspError
from softphone.app.audio import CallAudio
from softphone.app.call_ending import note_problem, packed_for_peer, result_of, score_call
from softphone.app.call_plan import CallPlan, local_media_of
from softphone.app.call_status import StatusBoard, progress_of
from softphone.app.leg import LegEvents, LegFacts, MediaLeg
from softphone.app.line import open_socket
from softphone.app.result import Result, read_peer_result, utc_text
from softphone.app.station import Station, now
from softphone.call.errors import CallError
from softphone.call.events import (
    CallEvent,
    Ended,
    Established,
    HoldChanged,
    HoldRefused,
    MediaChanged,
    PeerHungUp,
    Ringing,
)
from softphone.call.outcome import EndedBy, Ending, Outcome
from softphone.errors import SoftphoneError, UsageError
from softphone.io.ids import seeded_rng
from softphone.rtp.errors import LocalRtpError
from softphone.sdp.negotiate import LocalMedia

__all__ = ["CallPlan", "OneCall"]

log = logging.getLogger(__name__)

TAIL_S = 0.3
"""After what was played has ended, so that its last packets are heard before the BYE."""
DTMF_AFTER_S = 0.5
"""After the answer, when both sides have found each other's audio."""


class OneCall:
    """A call of *station*; `owner` of the call's events from `attach` on.

    Raises (when made):
        EnvironmentProblem: no ports, or a recording cannot be written.
    """

    def __init__(self, station: Station, plan: CallPlan) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.established = False
        self._station = station
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._started_at = utc_text(time.time())
        self._socket = open_socket(station.host, plan.media.rtp_ports, plan.line)
        try:
            self._audio = CallAudio(plan.audio, loop=not plan.until_played, writer=station.writer)
        except BaseException:
            self._socket.close()
            raise
        self._call: int | None = None
        self._leg: MediaLeg | None = None
        self._facts: LegFacts | None = None
        self._ending: Ending | None = None
        self._dropped = False
        self._fault: SoftphoneError | DspError | None = None
        self._peer_result: Result | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._established_at: float | None = None
        self._board: StatusBoard | None = None
        self._hold_refused: str | None = None

    @property
    def number(self) -> int | None:
        """By which its station knows it; None before `attach`."""
        return self._call

    @property
    def leg(self) -> MediaLeg | None:
        """Its audio while that runs."""
        return None if self._facts is not None else self._leg

    @property
    def local_media(self) -> LocalMedia:
        """What SDP is told of us."""
        return local_media_of(
            self._plan,
            host=self._station.host,
            ports=self._socket.ports,
            session_id=seeded_rng().getrandbits(31),
            compact=self._station.style.is_compact,
        )

    def attach(self, call: int) -> None:
        """Own the events of *call* from now on."""
        self._call = call
        self._station.owners[call] = self
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
            with _told_to_the_user():
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

    @property
    def modes(self) -> tuple[str, ...]:
        """Modes that the running call can be sent in; none before its audio runs and after its end."""
        return () if self._leg is None else self._leg.modes

    def set_mode(self, mode: str, *, direction: str = "both") -> None:
        """Change the mode of the running call, without a re-INVITE: see `softphone.app.leg.MediaLeg.set_mode`.

        Raises:
            UsageError: the call has no audio, or not this mode.
        """
        self._running(f"mode {mode}").set_mode(mode, direction=direction)

    def mute(self, on: bool) -> None:
        """Send silence, or what is captured again; see `softphone.media.paths.TransmitPath.mute`.

        Raises:
            UsageError: the call has no audio.
        """
        self._running("mute").transmit.mute(on)
        self._tell_changed()

    def hold(self, on: bool) -> None:
        """Put the peer on hold, or take it back; `status` tells when the peer has agreed, or why it did not.

        Raises:
            UsageError: the call has no audio, or a change of it is under way.
        """
        self._running("hold")
        assert self._call is not None
        self._hold_refused = None
        with _told_to_the_user():
            self._station.manager.hold(self._call, on, now=now())
        self._station.pump()

    def send_dtmf(self, digits: str) -> None:
        """Send *digits*, of 0-9 * # A-D, in place of the audio (RFC 4733), behind those that still wait.

        Raises:
            UsageError: the call has no audio or is on hold, the peer takes none, or one of them is no key.
        """
        leg = self._running("DTMF")
        if not digits:
            raise UsageError("DTMF wants digits of 0-9 * # A-D, got none")
        if not leg.transmit.enabled:
            raise UsageError(f"DTMF {digits} cannot be sent while the call is on hold: nothing is")
        with _told_to_the_user():
            leg.session.send_dtmf(digits.upper())

    def _running(self, what: str) -> MediaLeg:
        leg = self.leg
        if leg is None:
            raise UsageError(f"{what} is for a call whose audio runs, this one is not there yet or over")
        return leg

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

    def progress(self) -> dict[str, Any] | None:
        """Figures of the running call for a person, None when there is no audio yet."""
        if self._leg is None or self._established_at is None:
            return None
        return {
            "elapsed_s": now() - self._established_at,
            "total_s": self._plan.seconds,
            **progress_of(self._leg.reading(), radio=self._plan.media.radio),
        }

    async def finish(self, stop: asyncio.Event) -> Result:
        """Wait for the end of the call; close recordings, score unless *stop* is requested, and return the RESULT."""
        try:
            await asyncio.shield(self.ended)
            return await self._closed(stop)
        except asyncio.CancelledError:
            self.hang_up()  # the peer hears of it; nobody waits for its answer
            raise
        finally:
            self.discard()

    def discard(self) -> None:
        """Release what the call holds; it has ended, or was never placed."""
        self._stop_audio()
        self._socket.close()
        self._audio.close()
        self._audio.discard_temporary()
        self._leg = None  # it refers to this call: its buffers need not wait for the garbage collector

    async def _closed(self, stop: asyncio.Event) -> Result:
        self._stop_audio()
        self._socket.close()
        recording = self._audio.close()
        result = self._make_result()
        result["peer_result"] = self._peer_result
        note_problem(result, self._fault or self._audio.problem)
        if self._facts is not None and recording is not None:
            await score_call(result, self._plan.audio, recording, self._facts, stop)
        return result

    def on_event(self, event: CallEvent) -> None:
        """Take an event of this call."""
        match event:
            case Ringing():
                log.info("ringing")
            case Established(negotiated=negotiated):
                try:
                    self._start_audio(negotiated)
                except (SoftphoneError, DspError) as error:
                    self._fault = error
                    self._loop.call_soon(self.hang_up)
            case MediaChanged(negotiated=negotiated) | HoldChanged(negotiated=negotiated):
                on_hold = self._station.manager.info(event.call).on_hold
                if self._leg is not None:
                    self._leg.retarget(negotiated, on_hold=on_hold)
            case HoldRefused():
                self._hold_refused = f"{event.sip_status} {event.reason}"
                log.warning("the peer refused a change of hold: %s", self._hold_refused)
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

    def _start_audio(self, negotiated: Any) -> None:
        if self._leg is not None:
            return
        self.established = True
        self._established_at = now()
        plan = self._plan
        leg = self._leg = MediaLeg(
            self._socket,
            negotiated,
            plan.chosen,
            plan.media,
            clock=self._station.clock,
            make_device=self._audio.open_device,
            events=LegEvents(source_ended=self._on_source_ended, timed_out=self._on_timed_out),
            background=self._station.background,
            chains=plan.chains,
        )
        self._audio.open_recordings(leg.sample_rate_hz)
        leg.add_taps(heard=self._audio.heard_tap, sent=self._audio.sent_tap)
        if plan.seconds is not None:
            self._later(plan.seconds, self.hang_up)
        if plan.dtmf:
            if negotiated.send_dtmf_payload_type is None:
                log.warning("the peer takes no telephone-event (RFC 4733): DTMF is not sent")
            else:
                self._later(DTMF_AFTER_S, lambda: _send_dtmf(leg, plan.dtmf))
        if plan.on_running is not None:
            self._loop.call_soon(plan.on_running, self)

    def _on_source_ended(self) -> None:
        if self._plan.until_played:
            self._later(TAIL_S, self._hang_up_after_dtmf)

    def _hang_up_after_dtmf(self) -> None:
        if self._leg is not None and self._leg.session.dtmf_pending:
            self._later(TAIL_S, self._hang_up_after_dtmf)
        else:
            self.hang_up()

    def _on_timed_out(self) -> None:
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

    def _stop_audio(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._leg is not None and self._facts is None:
            self._facts = self._leg.stop()

    def _make_result(self) -> Result:
        assert self._call is not None
        assert self._ending is not None
        return result_of(
            self._station.manager.info(self._call), self._ending, self._facts, self._plan, self._started_at
        )

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

    def _later(self, delay_s: float, action: Any) -> None:
        self._timers.append(self._loop.call_later(delay_s, action))


@contextmanager
def _told_to_the_user() -> Iterator[None]:
    """Turn what a core refuses into a `UsageError`."""
    try:
        yield
    except (CallError, LocalRtpError) as error:
        raise UsageError(str(error)) from None


def _send_dtmf(leg: MediaLeg, digits: str) -> None:
    try:
        leg.session.send_dtmf(digits)
    except LocalRtpError as error:  # a re-INVITE has taken telephone-event away meanwhile
        log.warning("%s", error)
