"""The media of one call: its ends, keys and devices, what SDP is told of them, and its audio from the first word to the last."""

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import Any

from dsp.errors import DspError
from softphone.app.audio import CallAudio
from softphone.app.call_plan import CallPlan, local_media_of
from softphone.app.call_steering import SteeredCall
from softphone.app.leg import LegEvents, LegFacts, MediaLeg
from softphone.app.media_ends import MediaEnds, open_ends
from softphone.app.secure_socket import secured
from softphone.app.station import Station, now
from softphone.call.errors import CallError
from softphone.errors import SoftphoneError
from softphone.io.ids import seeded_rng
from softphone.io.rtp_socket import RtpSocket
from softphone.sdp.media import LocalMedia, Negotiated

log = logging.getLogger(__name__)

MOVE_AGAIN_S = 0.5
"""While another change of the session is under way, an address of ours that has changed waits so long."""


class CallWithMedia(SteeredCall):
    """A call of *station* whose audio can run.

    Args:
        ends: where its media comes and goes, which it closes; None: ports that nobody was asked about.

    Raises (when made):
        EnvironmentProblem: no ports, or a recording cannot be written.
    """

    def __init__(self, station: Station, plan: CallPlan, ends: MediaEnds | None) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.established = False
        self._loop = asyncio.get_running_loop()
        self._ends = open_ends(station, plan) if ends is None else ends
        self._socket = self._ends.socket
        self._secure = secured(self._socket, plan.media, answers=plan.answers)
        try:
            audio = CallAudio(
                plan.audio,
                loop=not plan.until_played,
                writer=station.writer,
                early=plan.early_media,
                announces=plan.announces,
            )
        except BaseException:
            self._socket.close()
            raise
        super().__init__(station, plan, audio)
        self._facts: LegFacts | None = None
        self._fault: SoftphoneError | DspError | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._early_at: float | None = None
        self._established_at: float | None = None

    def hang_up(self) -> None:
        """End the call."""
        raise NotImplementedError

    def _on_answered(self) -> None:
        """Audio runs, and the call is answered."""
        raise NotImplementedError

    def _on_source_ended(self) -> None:
        """What is played has ended."""

    def _on_timed_out(self) -> None:
        """Nothing has been heard for too long."""

    @property
    def local_media(self) -> LocalMedia:
        """What SDP is told of us."""
        if self._local_media is None:
            local = local_media_of(
                self._plan,
                host=self._ends.host,
                ports=self._ends.ports,
                session_id=seeded_rng().getrandbits(31),
                compact=self._station.style.is_compact,
            )
            self._local_media = self._ends.described(local)
        return self._local_media

    def _on_moved(self) -> None:
        """Go on from the station's new address, and tell the peer by a re-INVITE."""
        if self.ended.done():
            return
        base = self._ends.base
        if isinstance(base, RtpSocket):
            try:
                base.rebind(self._station.host)
            except SoftphoneError as error:
                log.warning("the call's audio cannot follow: %s", error)
                return
            self._ends.host = self._station.media_host
            self._tell_move()

    def _tell_move(self) -> None:
        local, call = self._local_media, self._call
        if self.ended.done() or local is None or call is None or local.host == self._ends.host:
            return
        moved = replace(local, host=self._ends.host)
        try:
            self._station.manager.change(call, moved, now=now())
        except CallError:  # it does not stand yet, or another change is under way
            self._later(MOVE_AGAIN_S, self._tell_move)
        else:
            self._local_media = moved
            self._loop.call_soon(self._station.pump)

    def _take_media(self, negotiated: Negotiated, *, answered: bool) -> None:
        """Let audio flow as was agreed on, when there are keys for it."""
        self._negotiated = negotiated
        if self._secure is None:
            self._run_media(negotiated, answered=answered)
            return
        self._ends.follow(negotiated)  # a handshake goes where media goes
        self._secure.follow(
            negotiated,
            then=lambda: self._run_media(self._negotiated or negotiated, answered=answered),
            failed=self._on_insecure,
        )

    def _on_insecure(self, error: SoftphoneError) -> None:
        self._fault = error
        self._loop.call_soon(self.hang_up)

    def _run_media(self, negotiated: Negotiated, *, answered: bool) -> None:
        """Let audio flow now; before the answer (early media) what the call is for is not sent yet."""
        try:
            if self.leg is not None:
                self.leg.retarget(negotiated)
                self._follow(self.leg, negotiated)
            elif self._facts is None:
                self._start_audio(negotiated, waits=not answered)
        except (SoftphoneError, DspError) as error:
            self._fault = error
            self._loop.call_soon(self.hang_up)
            return
        if answered and not self.established:
            self._on_answered()

    def _start_audio(self, negotiated: Negotiated, *, waits: bool) -> None:
        if waits:
            self._early_at = now()
        plan = self._plan
        leg = self._running_leg = MediaLeg(
            self._socket if self._secure is None else self._secure,
            negotiated,
            plan.chosen,
            plan.media,
            clock=self._station.clock,
            make_device=partial(self._audio.open_device, waits=waits),
            events=LegEvents(source_ended=self._on_source_ended, timed_out=self._on_timed_out),
            background=self._station.background,
            chains=plan.chains,
        )
        self._follow(leg, negotiated)
        self._audio.open_recordings(leg.sample_rate_hz)
        leg.add_taps(heard=self._audio.heard_tap, sent=self._audio.sent_tap)

    def _follow(self, leg: MediaLeg, negotiated: Negotiated) -> None:
        """Let our ends know where the peer is, and the session whom to believe."""
        self._ends.follow(negotiated)
        self._ends.guard(leg.session, negotiated, ptime_ms=leg.codec.settings.ptime_ms)

    def _stop_audio(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._running_leg is not None:
            self._facts = self._running_leg.stop()
            self._running_leg = (
                None  # it refers to this call: its buffers need not wait for the garbage collector
            )

    def _close_media(self) -> None:
        if self._secure is not None:
            self._secure.stop()
        self._socket.close()

    def _later(self, delay_s: float, action: Any) -> None:
        self._timers.append(self._loop.call_later(delay_s, action))
