"""The console: calls that others place, take and steer from a page, recorded and scored, in one process; perhaps a live filter."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softphone.app.audio import CallAudio
from softphone.app.call_desk import MAX_CALLS, Entry
from softphone.app.call_filters import checked_filters
from softphone.app.call_keys import check_srtp
from softphone.app.caller import placed, target_of
from softphone.app.codec_choice import CodecInUse, carrying, chosen_codecs, header_bytes_of
from softphone.app.media_ends import (
    MediaEnds,
    ends_of_incoming,
    ends_of_placed,
    needs_gathering,
    open_ends,
)
from softphone.app.modes import is_sparing
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.recording_folder import RecordedFiles, RecordingFolder, default_folder
from softphone.app.recordings import Recordings
from softphone.app.registering import Registering
from softphone.app.result import Result
from softphone.app.served_calls import ServedCalls
from softphone.app.serving import OnServing
from softphone.app.station import Station
from softphone.call.events import CallEvent, IncomingCall
from softphone.control.desk import Desk
from softphone.control_config import ConsoleOptions
from softphone.errors import SoftphoneError, UsageError
from softphone.io.control.tickets import Tickets
from softphone.io.ice_socket import check_ice
from softphone.memo_config import RecordOptions
from softphone.sip.uri import SipUri

if TYPE_CHECKING:
    from softphone.app.voice_desk import VoiceDesk

log = logging.getLogger(__name__)

OnEvent = Callable[[dict[str, Any]], None]
"""Told ``{"event": "listening", "uri": ...}``, ``{"event": "error", "error": ...}``, and each RESULT when its call is over."""

RING_S = 180.0
"""A call that nobody takes for so long is given up: the least that a proxy waits (RFC 3261 section 16.6, Timer C)."""
MAX_RESULTS = 1000
"""That are returned; each was told."""


def run_console(
    options: ConsoleOptions, on_event: OnEvent, *, on_serving: OnServing | None = None
) -> list[Result]:
    """Run the console until Ctrl-C; return the RESULTs of its newest calls.

    Args:
        on_event: see `OnEvent`.
        on_serving: told where it is steered from, once it can be.

    Raises:
        UsageError: what was asked for cannot be.
        EnvironmentProblem: an address is taken, a folder cannot be written, or a device is not there.
    """
    from softphone.app.runner import run

    return run(lambda stop: console(options, on_event, stop=stop, on_serving=on_serving))


async def console(
    options: ConsoleOptions,
    on_event: OnEvent,
    *,
    stop: asyncio.Event,
    on_serving: OnServing | None = None,
) -> list[Result]:
    """As `run_console`, inside a running loop, until *stop* is set."""
    own = Console(options, on_event, stop)
    try:
        await own.open(on_serving)
        await stop.wait()
        return await own.end()
    finally:
        await own.close()


class Console:
    """Everything of one console; a `softphone.app.call_desk.Switchboard`.

    Raises:
        UsageError, EnvironmentProblem: filters or codecs that cannot be, a folder that cannot be written.
    """

    def __init__(self, options: ConsoleOptions, on_event: OnEvent, stop: asyncio.Event) -> None:
        self._options = options
        self._on_event = on_event
        self._stop = stop
        self._results: deque[Result] = deque(maxlen=MAX_RESULTS)
        self._tasks: dict[asyncio.Task[None], OneCall | None] = {}
        self._gathering: set[asyncio.Task[None]] = set()
        self._ringing: dict[int, OneCall] = {}
        taken = self._codecs(options.listen[0], answers=True)
        filters = checked_filters(options.audio, taken)
        self._plan = CallPlan(
            audio=options.audio,
            media=options.media,
            line=options.line,
            chosen=taken,
            seconds=None,
            until_played=False,
            private=options.account.transport == "tls",
        )
        check_srtp(options.media, private=self._plan.private)
        if options.account.uses_ice:
            check_ice()
        self._tickets = Tickets()
        self._recordings: Recordings | None = None
        if not options.no_record:
            folder = default_folder() if options.out is None else Path(options.out)
            self._recordings = Recordings(RecordingFolder(folder), self._tickets, expect=options.audio.expect)
        self._voice: VoiceDesk | None = None
        self._served = ServedCalls(filters)
        self._served.calls.switchboard = self
        if self._recordings is not None:
            self._served.calls.folders.add(str(self._recordings.folder.path))
        self._station: Station | None = None
        self._registering: Registering | None = None
        self._begins: asyncio.Task[None] | None = None
        self._live: LiveDesk | None = None

    async def open(self, on_serving: OnServing | None) -> None:
        """Listen for calls, and let others in."""
        options = self._options
        station = self._station = await Station.open(
            options.listen, options.account, default_user="console", compact=is_sparing(options.media)
        )
        station.on_stranger = self._on_incoming
        self._served.calls.uri = station.uri
        # What is wrong with files and devices is said now, not at the first call.
        CallAudio(options.audio, loop=True, writer=station.writer).discard()
        desks: Sequence[Desk] = ()
        if options.live_options is not None:
            self._live = LiveDesk(options, self._served)
            desks = (self._live.desk,)
        if self._recordings is not None:
            await self._recordings.open()
        self._voice = await self._voice_desk()
        beside = (self._recordings, self._voice)
        await self._served.open(
            options.serve,
            on_serving=on_serving,
            desks=desks,
            domains=[each for each in beside if each is not None],
            tickets=self._tickets,
            title="softphone console",
        )
        if self._live is not None:
            self._live.start()
        self._on_event({"event": "listening", "uri": station.uri})
        if options.account.registrar is not None:
            self._registering = Registering(station, options.account, self._on_event)
            self._begins = asyncio.create_task(self._register(self._registering))

    async def _register(self, registering: Registering) -> None:
        """Have calls sent here; a registrar that refuses is said, and keeps nobody from calling."""
        try:
            await registering.start(self._stop)
        except SoftphoneError as error:
            self._on_event({"event": "error", "error": str(error)})

    async def _voice_desk(self) -> "VoiceDesk | None":
        """Voice memos; None where they cannot be kept, which is said and keeps nobody from calling."""
        from softphone.app.voice_page import voice_desk

        options = self._options
        memos = RecordOptions(folder=options.memos, device=options.memo_device)
        try:
            desk = await asyncio.to_thread(voice_desk, memos, self._tickets)
            await asyncio.to_thread(desk.open)
        except SoftphoneError as error:
            log.warning("no voice memos: %s", error)
            return None
        return desk

    async def end(self) -> list[Result]:
        """Hang up, wait until all is recorded and scored, and return the RESULTs."""
        assert self._station is not None
        self._station.on_stranger = partial(self._station.refuse, status=480)
        for task, one in list(self._tasks.items()):
            if one is None:
                task.cancel()
            else:
                one.hang_up()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._results and self._results[-1]["ended_by"] != "network":
            await self._station.settle()
        return list(self._results)

    async def close(self) -> None:
        """Release everything."""
        running = [*self._gathering, *self._tasks]  # of the latter none, unless something went wrong
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._live is not None:
            await self._live.stop()
        if self._recordings is not None:
            await self._recordings.close()
        if self._voice is not None:
            await asyncio.to_thread(self._voice.close)
        await self._served.close()
        if self._begins is not None:
            self._begins.cancel()
            await asyncio.gather(self._begins, return_exceptions=True)
        if self._registering is not None:
            await self._registering.stop()
        if self._station is not None:
            self._station.close()

    # ---- what others may do

    def dial(self, uri: str) -> int:
        """Call *uri*; see `softphone.app.call_desk.Switchboard`."""
        self._need_time()
        target = target_of(uri)
        entry = self._served.calls.add(None, direction="outgoing", peer=str(target))
        self._start(self._dial(entry, target), None)
        return entry.number

    def answer(self, number: int) -> None:
        """Take a call that rings here."""
        self._need_time()
        self._ringing[number].accept(self._options.account.headers)

    def reject(self, number: int, status: int) -> None:
        """Refuse a call that rings here."""
        self._ringing[number].reject(status)

    def _need_time(self) -> None:
        if self._stop.is_set():
            raise UsageError("the console is about to end")

    # ---- calls

    async def _dial(self, entry: Entry, target: SipUri) -> None:
        files = None
        try:
            assert self._station is not None
            destination, *others = await self._station.ways_to(target)
            files = self._begin()
            plan = replace(self._planned(entry, files), chosen=self._codecs(target.host), answers=False)
            one = placed(
                self._station,
                plan,
                target,
                destination,
                alternatives=tuple(others),
                account=self._options.account,
                ring_timeout_s=RING_S,
                ends=await ends_of_placed(self._station, plan),
            )
        except (SoftphoneError, asyncio.CancelledError) as error:
            self._failed(entry, files, str(error) or "the console ends")
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = one
        if self._stop.is_set():
            one.hang_up()
        await self._finish(one, entry, files)

    def _on_incoming(self, event: CallEvent) -> None:
        if not isinstance(event, IncomingCall):
            return
        assert self._station is not None
        calls = self._served.calls
        if calls.running >= MAX_CALLS:
            self._station.refuse(event, status=486)  # RFC 3261 section 21.4.24: busy here
            return
        if needs_gathering(self._station.account):
            task = asyncio.get_running_loop().create_task(self._gather(event))
            self._gathering.add(task)
            task.add_done_callback(self._gathering.discard)
        else:
            self._ring(event, None)

    async def _gather(self, event: IncomingCall) -> None:
        assert self._station is not None
        ends = await ends_of_incoming(self._station, replace(self._plan, answers=True), event)
        if ends is not None:
            self._ring(event, ends)
            self._station.pump()

    def _ring(self, event: IncomingCall, ends: MediaEnds | None) -> None:
        assert self._station is not None
        entry = self._served.calls.add(None, direction="incoming", peer=str(event.from_.uri))
        files = None
        try:
            files = self._begin()
            plan = replace(self._planned(entry, files), answers=True)
            ends = open_ends(self._station, plan, caller=event.source[0]) if ends is None else ends
            one = OneCall(self._station, plan, ends)
        except SoftphoneError as error:
            self._station.refuse(event, status=500)
            self._failed(entry, files, str(error))
            return
        one.attach(event.call)
        entry.call = one
        self._ringing[entry.number] = one
        giving_up = asyncio.get_running_loop().call_later(RING_S, one.reject, 480)

        def ended(_: object) -> None:
            giving_up.cancel()
            del self._ringing[entry.number]

        one.ended.add_done_callback(ended)
        self._start(self._finish(one, entry, files), one)
        if self._options.auto_answer:
            one.accept(self._options.account.headers)
        else:
            one.ring()

    def _begin(self) -> RecordedFiles | None:
        return None if self._recordings is None else self._recordings.begin()

    def _planned(self, entry: Entry, files: RecordedFiles | None) -> CallPlan:
        """The plan of one call: recorded, if so, listed, and following the desks."""
        plan = self._plan
        if files is not None:
            entry.recording = files.name
            # What the peer is known to send is for the recording, which is scored by `Recordings`.
            audio = replace(plan.audio, record=str(files.heard), record_sent=str(files.sent), expect=None)
            plan = replace(plan, audio=audio, on_running=lambda one: self._tell_recording())
        return self._served.plan(plan, entry=entry)

    def _tell_recording(self) -> None:
        if self._recordings is not None:
            self._recordings.running()

    async def _finish(self, one: OneCall, entry: Entry, files: RecordedFiles | None) -> None:
        result = await one.finish(self._stop)
        if files is not None and self._recordings is not None:
            await self._recordings.keep(
                files,
                result,
                direction=entry.direction,
                heard_codecs=one.heard_codecs,
                stop=self._stop,
            )
            if result["recording"] is None:
                entry.recording = None
        self._served.calls.end(entry, result)
        self._results.append(result)
        self._on_event(result)

    def _failed(self, entry: Entry, files: RecordedFiles | None, why: str) -> None:
        """A call that never was."""
        if files is not None and self._recordings is not None:
            self._recordings.drop(files)
        entry.recording = None
        self._served.calls.end(entry, {"outcome": "failed", "ended_by": "local", "reason": why})
        self._on_event({"event": "error", "error": why})

    def _start(self, work: Coroutine[Any, Any, None], one: OneCall | None) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = one
        task.add_done_callback(self._on_done)

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        del self._tasks[task]
        if not task.cancelled():
            task.result()  # a fault of ours must not go unseen

    def _codecs(self, host: str, *, answers: bool = False) -> tuple[CodecInUse, ...]:
        chosen = chosen_codecs(self._options.media, header_bytes=header_bytes_of(host), answers=answers)
        return carrying(chosen, self._options.audio.tone_hz)


class LiveDesk:
    """A filter from a sound device to another, beside the calls.

    Raises:
        UsageError, EnvironmentProblem: a preset or a device that cannot be.
    """

    def __init__(self, options: ConsoleOptions, served: ServedCalls) -> None:
        from softphone.app.live_filter import EngineRunner, open_engine

        assert options.live_options is not None
        self._engine = open_engine(options.live_options, presets=served.presets)
        chain = self._engine.chain
        self.desk = Desk("main", "Sound device", chain.preset, chain.setting)
        self.desk.attach(EngineRunner(self._engine))

    def start(self) -> None:
        """Begin; raises EnvironmentProblem."""
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.call_soon_threadsafe(self._on_end)

        self._engine.start(ended)

    async def stop(self) -> None:
        """End it."""
        await asyncio.to_thread(self._engine.stop)

    def _on_end(self) -> None:
        fault = self._engine.fault
        if fault is not None:
            log.error("the live filter ended: %s", fault)
