"""The life of one call, in either role: its audio while it stands, its RESULT when it has ended."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dsp.errors import DspError
from softphone.app.audio import CallAudio
from softphone.app.codec_choice import CodecInUse, fixed_ptime_ms, longest_of, stated_ptime_ms
from softphone.app.leg import LegEvents, LegFacts, MediaLeg
from softphone.app.line import open_socket
from softphone.app.modes import agrees_to_short, is_sparing
from softphone.app.report import media_report
from softphone.app.result import Result, brief, make_result, read_peer_result, utc_text
from softphone.app.score_trust import PARAMETRIC
from softphone.app.scored_call import add_score
from softphone.app.station import Station, now
from softphone.app.stop import unless_stopped
from softphone.call.events import CallEvent, Ended, Established, MediaChanged, PeerHungUp, Ringing
from softphone.call.outcome import EndedBy, Ending, Outcome
from softphone.config import AudioOptions, LineOptions, MediaOptions
from softphone.errors import SoftphoneError, UsageError
from softphone.io.ids import seeded_rng
from softphone.io.scoring import score_in_child
from softphone.rtp.errors import LocalRtpError
from softphone.sdp.negotiate import LocalMedia

log = logging.getLogger(__name__)

SCORE_TIMEOUT_S = 300.0
"""A long recording takes long; a child that hangs is killed."""
TAIL_S = 0.3
"""After what was played has ended, so that its last packets are heard before the BYE."""
DTMF_AFTER_S = 0.5
"""After the answer, when both sides have found each other's audio."""


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What both roles need to know of a call."""

    audio: AudioOptions
    media: MediaOptions
    line: LineOptions
    chosen: tuple[CodecInUse, ...]
    seconds: float | None
    """Hang up so long after the answer."""
    until_played: bool
    """Hang up when what is played has ended."""
    dtmf: str = ""
    answers: bool = False
    """Whether these are calls that come in."""
    on_running: Callable[["OneCall"], None] | None = None
    """Told the call when its audio runs."""


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

    @property
    def local_media(self) -> LocalMedia:
        """What SDP is told of us."""
        rtp_port, rtcp_port = self._socket.ports
        media = self._plan.media
        return LocalMedia(
            host=self._station.host,
            port=rtp_port,
            rtcp_port=rtcp_port,
            capabilities=tuple(one.capability for one in self._plan.chosen),
            ptime_ms=stated_ptime_ms(media, self._plan.chosen),
            max_ptime_ms=longest_of(self._plan.chosen),
            bandwidth_as_kbps=None if media.max_wire_bps is None else media.max_wire_bps // 1000,
            ptime_fixed=fixed_ptime_ms(media) is not None or media.max_wire_bps is not None,
            session_id=seeded_rng().getrandbits(31),
            compact=self._station.style.is_compact,
            short_rtp=agrees_to_short(media),
            reduced_rtcp=agrees_to_short(media) if self._plan.answers else is_sparing(media),
        )

    def attach(self, call: int) -> None:
        """Own the events of *call* from now on."""
        self._call = call
        self._station.owners[call] = self

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
        if self._leg is None or self._facts is not None:
            raise UsageError(f"mode {mode} is for a call whose audio runs, this one is not there yet or over")
        self._leg.set_mode(mode, direction=direction)

    def progress(self) -> dict[str, Any] | None:
        """Figures of the running call for a person, None when there is no audio yet."""
        if self._leg is None or self._established_at is None:
            return None
        return {
            "elapsed_s": now() - self._established_at,
            "total_s": self._plan.seconds,
            **self._leg.progress(),
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
        assert self._ending is not None
        result = self._make_result(self._ending)
        result["peer_result"] = self._peer_result
        problem = self._fault or self._audio.problem
        if problem is not None:
            result["error"] = str(problem)
        if isinstance(problem, UsageError):
            result["exit_status"] = problem.exit_status
        if self._facts is not None and recording is not None and self._plan.audio.expect is not None:
            scoring = score_in_child(
                self._plan.audio.expect,
                recording,
                far=self._plan.audio.record_sent,
                timeout_s=SCORE_TIMEOUT_S,
                trusted=not PARAMETRIC.intersection(self._facts.heard_codecs),
            )
            add_score(result, await unless_stopped(scoring, stop))
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
            case MediaChanged(negotiated=negotiated):
                if self._leg is not None:
                    self._leg.retarget(negotiated)
            case PeerHungUp():
                self._stop_audio()
                self._station.note_bye()
                self._station.manager.answer_bye(event.call, self._result_for_peer("peer"), now=now())
                self._loop.call_soon(self._station.pump)
            case Ended():
                self._on_ended(event)

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

    def _make_result(self, ending: Ending) -> Result:
        assert self._call is not None
        info = self._station.manager.info(self._call)
        media = None
        if self._facts is not None:
            plan = self._plan
            media = media_report(self._facts, info, recording=plan.audio.record, radio=plan.media.radio)
        return make_result(info, ending, started_at=self._started_at, media=media, peer_result=None)

    def _result_for_peer(self, ended_by: EndedBy) -> bytes:
        """Our RESULT so far, as the BYE exchange carries it: without a score, which takes longer than a BYE may."""
        if self._facts is None:
            return b""
        ending = Ending(Outcome.COMPLETED, ended_by, 200, "OK")
        if self._dropped:
            ending = Ending(Outcome.DROPPED, "network", 200, "OK")
        result = self._make_result(ending)
        del result["recording"], result["peer_result"]  # of no use elsewhere
        if self._station.style.is_compact:
            result = brief(result)
        return json.dumps(result, separators=(",", ":")).encode()

    def _later(self, delay_s: float, action: Any) -> None:
        self._timers.append(self._loop.call_later(delay_s, action))


def _send_dtmf(leg: MediaLeg, digits: str) -> None:
    try:
        leg.session.send_dtmf(digits)
    except LocalRtpError as error:  # a re-INVITE has taken telephone-event away meanwhile
        log.warning("%s", error)
