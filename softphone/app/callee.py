"""The callee: answers what comes in, as many calls at once as come."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from softphone.app.account import registrar_of
from softphone.app.audio import LIKELY_RATE_HZ, CallAudio, numbered
from softphone.app.call_filters import checked_filters
from softphone.app.call_keys import check_srtp
from softphone.app.codec_choice import carrying, chosen_codecs, header_bytes_of
from softphone.app.media_ends import MediaEnds, ends_of_incoming, needs_gathering, open_ends
from softphone.app.mobility import Mobility, follows
from softphone.app.modes import is_sparing
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.registering import Registering
from softphone.app.result import Result, exit_status
from softphone.app.script_sounds import sounds_of
from softphone.app.serving import OnServing, serve_calls
from softphone.app.station import Station, now
from softphone.app.succession import Successions
from softphone.call.events import CallEvent, IncomingCall
from softphone.config import AnswerOptions
from softphone.errors import SoftphoneError
from softphone.io.audio.wavfile import open_source
from softphone.io.ice_socket import check_ice

if TYPE_CHECKING:
    from softphone.app.script_run import ScriptRun
    from softphone.app.served_calls import ServedCalls

MAX_RESULTS = 20
"""Of a callee without end, which has told each of them: of the older ones only the worst is kept."""

OnEvent = Callable[[dict[str, Any]], None]
"""Told {"event": "listening", "uri": ...} and then each RESULT, as they come."""


class Callee:
    """Takes calls until it has had as many as asked for."""

    def __init__(
        self,
        station: Station,
        options: AnswerOptions,
        on_event: OnEvent,
        stop: asyncio.Event,
        on_running: Callable[[OneCall], None] | None = None,
        on_serving: OnServing | None = None,
        registering: Registering | None = None,
    ) -> None:
        self._registering = registering
        self.results: deque[Result] = deque(maxlen=MAX_RESULTS if options.calls is None else options.calls)
        self._worst_of_older: Result | None = None
        self._station = station
        self._options = options
        self._on_serving = on_serving
        self._served: ServedCalls | None = None
        self._on_event = on_event
        self._stop = stop
        self._refuse = partial(station.refuse, status=480)  # RFC 3261 section 21.4.18: not to be had now
        self._gathering: set[asyncio.Task[None]] = set()
        self._running: dict[asyncio.Task[None], OneCall] = {}
        self._taken = 0
        chosen = carrying(
            chosen_codecs(options.media, header_bytes=header_bytes_of(station.host), answers=True),
            options.audio.tone_hz,
        )
        self._filters = checked_filters(options.audio, chosen)
        check_srtp(options.media, private=options.account.transport == "tls")
        if options.account.uses_ice:
            check_ice()
        self._sounds = None if options.script is None else sounds_of(options.script, chosen, answers=True)
        self._successions = Successions(
            station, options.account, chains=self._filters, follows=options.transfers == "follow"
        )
        if options.early_media is not None:
            open_source(options.early_media, LIKELY_RATE_HZ).close()  # one that is not there is told now
        self._plan = CallPlan(
            audio=options.audio,
            media=options.media,
            line=options.line,
            chosen=chosen,
            chains=self._filters,
            seconds=options.seconds,
            until_played=False,
            answers=True,
            private=options.account.transport == "tls",
            early_media=options.early_media if self._sounds is None else self._sounds.early_media,
            announces=self._sounds is not None,
            on_running=self._on_running,
            on_transfer=self._successions.on_transfer,
        )
        self._told_running = on_running

    async def run(self) -> list[Result]:
        """Take calls; return their RESULTs when the last has ended."""
        try:
            self._served = await serve_calls(self._options.serve, self._filters, self._on_serving)
            return await self._run()
        finally:
            if self._served is not None:
                await self._served.close()
            if self._sounds is not None:
                self._sounds.close()

    async def _run(self) -> list[Result]:
        self._station.on_stranger = self._on_incoming
        self._on_event({"event": "listening", "uri": self._station.uri})
        try:
            if self._registering is not None:
                await self._registering.start(self._stop)
            await self._stop.wait()
            return await self._end()
        finally:
            self._station.on_stranger = self._refuse
            running = [*self._gathering, *self._running]  # none, unless this is cancelled
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _end(self) -> list[Result]:
        self._station.on_stranger = self._refuse
        for gathering in self._gathering:
            gathering.cancel()
        for one in self._running.values():
            one.hang_up()
        if self._running:
            await asyncio.wait(self._running)
        older = [] if self._worst_of_older is None else [self._worst_of_older]
        return [*older, *self.results]

    def _on_incoming(self, event: CallEvent) -> None:
        if not isinstance(event, IncomingCall):
            return
        options = self._options
        if self._successions.take_over(event):
            return
        if options.calls is not None and self._taken >= options.calls:
            self._refuse(event)
            return
        if options.max_calls is not None and len(self._running) + len(self._gathering) >= options.max_calls:
            self._station.refuse(event, status=486)  # RFC 3261 section 21.4.24: busy here
            return
        self._taken += 1
        plan = self._plan_for(self._taken)
        if needs_gathering(self._station.account):
            task = asyncio.get_running_loop().create_task(self._gather(event, plan))
            self._gathering.add(task)
            task.add_done_callback(self._gathering.discard)
        else:
            self._begin(event, plan, None)

    async def _gather(self, event: IncomingCall, plan: CallPlan) -> None:
        ends = await ends_of_incoming(self._station, plan, event)
        if ends is None:
            self._taken -= 1
        elif self._stop.is_set():
            ends.close()
            self._refuse(event)
        else:
            self._begin(event, plan, ends)
        self._station.pump()

    def _begin(self, event: IncomingCall, plan: CallPlan, ends: MediaEnds | None) -> None:
        options, manager = self._options, self._station.manager
        try:
            ends = open_ends(self._station, plan, caller=event.source[0]) if ends is None else ends
            one = OneCall(self._station, plan, ends)
        except SoftphoneError as error:
            manager.reject(event.call, 500, now=now())
            self._on_event({"event": "error", "error": str(error)})
            self._taken -= 1
            return
        one.attach(event.call)
        run = None
        if self._sounds is not None:
            from softphone.app.script_run import ScriptRun

            run = ScriptRun(self._sounds.script, one, self._station, self._plan, options.account, self._stop)
        task = asyncio.get_running_loop().create_task(self._finish(one, run))
        self._running[task] = one
        task.add_done_callback(self._on_done)
        if run is not None:
            return
        if options.reject is not None:
            manager.reject(event.call, options.reject, now=now())
        elif options.ring_s > 0:
            if options.early_media is None:
                manager.ring(event.call, now=now())
            else:
                manager.progress(event.call, one.local_media, now=now())
            accepting = asyncio.get_running_loop().call_later(options.ring_s, self._accept, event.call, one)
            task.add_done_callback(lambda _: accepting.cancel())
        else:
            self._take(event.call, one)

    def _on_running(self, one: OneCall) -> None:
        if self._filters is not None and not self._filters.is_ready:
            self._station.background(self._filters.make_ready, lambda _: None)
        if self._told_running is not None:
            self._told_running(one)

    def _plan_for(self, number: int) -> CallPlan:
        plan = replace(self._plan, audio=numbered(self._plan.audio, number))
        return plan if self._served is None else self._served.plan(plan)

    def _accept(self, call: int, one: OneCall) -> None:
        if not one.ended.done():
            self._take(call, one)
            self._station.pump()

    def _take(self, call: int, one: OneCall) -> None:
        headers = self._options.account.headers
        self._station.manager.accept(call, one.local_media, headers=headers, now=now())

    async def _finish(self, one: OneCall, run: "ScriptRun | None") -> None:
        try:
            result = await one.finish(self._stop)
            if run is not None:
                await run.conclude(result)
        finally:
            if run is not None:
                run.cancel()
        if len(self.results) == self.results.maxlen:
            older = [each for each in (self._worst_of_older, self.results[0]) if each is not None]
            worst = exit_status(older)
            self._worst_of_older = next(each for each in older if exit_status([each]) == worst)
        self.results.append(result)
        self._on_event(result)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled():
            task.result()  # a fault of ours must not go unseen
        if self._options.calls is not None and len(self.results) >= self._options.calls:
            self._stop.set()


async def answer(
    options: AnswerOptions,
    on_event: OnEvent,
    *,
    stop: asyncio.Event,
    on_running: Callable[[OneCall], None] | None = None,
    on_serving: OnServing | None = None,
) -> list[Result]:
    """Answer calls until *stop* is set or ``options.calls`` have ended.

    Args:
        on_running: told each call when its audio runs.
        on_serving: told where others can steer, once they can; see `AnswerOptions.serve`.

    Raises:
        UsageError: what was asked for cannot be.
        EnvironmentProblem: the address is taken, a recording cannot be written, or a device is not there.
        UnreachableError, RefusedError: the registrar, where there is one, does not take the first registration.
    """
    registrar = None if options.account.registrar is None else registrar_of(options.account)
    challenge = options.account.password is not None and registrar is None  # else it is for the registrar
    station = await Station.open(
        options.listen,
        options.account,
        default_user="answer",
        challenge=challenge,
        compact=is_sparing(options.media),
        towards=registrar,
        answers=True,
    )
    async with contextlib.AsyncExitStack() as held:
        held.callback(station.close)
        registering: Registering | None = None
        if registrar is not None:
            registering = Registering(station, options.account, on_event)
            held.push_async_callback(registering.stop)
            if follows(options.listen):
                first, *_ = await station.destinations(registrar)
                held.push_async_callback(Mobility(station, first).stop)
        # What is wrong with files and devices is said now, not to each caller.
        CallAudio(options.audio, loop=True, writer=station.writer).discard()
        callee = Callee(station, options, on_event, stop, on_running, on_serving, registering)
        results = await callee.run()
        if results and results[-1]["ended_by"] != "network":
            await station.settle()
        return results
