"""The callee: answers what comes in, as many calls at once as come."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from softphone.app.audio import CallAudio, numbered
from softphone.app.call_filters import checked_filters
from softphone.app.codec_choice import carrying, chosen_codecs, header_bytes_of
from softphone.app.modes import is_sparing
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.result import Result, exit_status
from softphone.app.serving import OnServing, serve_calls
from softphone.app.station import Station, now
from softphone.call.events import CallEvent, IncomingCall
from softphone.config import AnswerOptions
from softphone.errors import SoftphoneError

if TYPE_CHECKING:
    from softphone.app.served_calls import ServedCalls

MAX_RESULTS = 1000
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
    ) -> None:
        self.results: deque[Result] = deque(maxlen=MAX_RESULTS if options.calls is None else options.calls)
        self._worst_of_older: Result | None = None
        self._station = station
        self._options = options
        self._on_serving = on_serving
        self._served: ServedCalls | None = None
        self._on_event = on_event
        self._stop = stop
        self._refuse = partial(station.refuse, status=480)  # RFC 3261 section 21.4.18: not to be had now
        self._running: dict[asyncio.Task[None], OneCall] = {}
        self._taken = 0
        chosen = carrying(
            chosen_codecs(options.media, header_bytes=header_bytes_of(options.listen[0]), answers=True),
            options.audio.tone_hz,
        )
        self._filters = checked_filters(options.audio, chosen)
        self._plan = CallPlan(
            audio=options.audio,
            media=options.media,
            line=options.line,
            chosen=chosen,
            chains=self._filters,
            seconds=options.seconds,
            until_played=False,
            answers=True,
            on_running=self._on_running,
        )
        self._told_running = on_running

    async def run(self) -> list[Result]:
        """Take calls; return their RESULTs when the last has ended."""
        self._served = await serve_calls(self._options.serve, self._filters, self._on_serving)
        try:
            return await self._run()
        finally:
            if self._served is not None:
                await self._served.close()

    async def _run(self) -> list[Result]:
        self._station.on_stranger = self._on_incoming
        self._on_event({"event": "listening", "uri": self._station.uri})
        try:
            await self._stop.wait()
            return await self._end()
        finally:
            self._station.on_stranger = self._refuse
            running = list(self._running)  # none, unless this is cancelled
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _end(self) -> list[Result]:
        self._station.on_stranger = self._refuse
        for one in self._running.values():
            one.hang_up()
        if self._running:
            await asyncio.wait(self._running)
        older = [] if self._worst_of_older is None else [self._worst_of_older]
        return [*older, *self.results]

    def _on_incoming(self, event: CallEvent) -> None:
        if not isinstance(event, IncomingCall):
            return
        options, manager = self._options, self._station.manager
        if options.calls is not None and self._taken >= options.calls:
            self._refuse(event)
            return
        self._taken += 1
        try:
            one = OneCall(self._station, self._plan_for(self._taken))
        except SoftphoneError as error:
            manager.reject(event.call, 500, now=now())
            self._on_event({"event": "error", "error": str(error)})
            self._taken -= 1
            return
        one.attach(event.call)
        task = asyncio.get_running_loop().create_task(self._finish(one))
        self._running[task] = one
        task.add_done_callback(self._on_done)
        if options.reject is not None:
            manager.reject(event.call, options.reject, now=now())
        elif options.ring_s > 0:
            manager.ring(event.call, now=now())
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

    async def _finish(self, one: OneCall) -> None:
        result = await one.finish(self._stop)
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
    """
    challenge = options.account.password is not None
    station = await Station.open(
        options.listen,
        options.account,
        default_user="answer",
        challenge=challenge,
        compact=is_sparing(options.media),
    )
    try:
        # What is wrong with files and devices is said now, not to each caller.
        CallAudio(options.audio, loop=True, writer=station.writer).discard()
        results = await Callee(station, options, on_event, stop, on_running, on_serving).run()
        if results and results[-1]["ended_by"] != "network":
            await station.settle()
        return results
    finally:
        station.close()
