"""Calls between two stations of ours in one process, with a say in who they take the caller for."""

import asyncio
from dataclasses import replace
from typing import Any

from softphone.app.caller import placed, target_of
from softphone.app.codec_choice import chosen_codecs
from softphone.app.media_ends import ends_of_incoming, ends_of_placed, open_ends
from softphone.app.one_call import CallPlan, OneCall
from softphone.app.result import Result
from softphone.app.station import Station
from softphone.call.events import CallEvent, IncomingCall
from softphone.config import AccountOptions, AudioOptions, CodecChoice, LineOptions, MediaOptions
from softphone.io.media_clock import new_media_loop

MEDIA = MediaOptions(codecs=(CodecChoice("pcmu"),))
LOOPBACK = ("127.0.0.1", 0)


def plan_of(media: MediaOptions, **changes: Any) -> CallPlan:
    base = CallPlan(
        audio=AudioOptions(tone_hz=440.0),
        media=media,
        line=LineOptions(),
        chosen=chosen_codecs(media),
        seconds=None,
        until_played=False,
    )
    return replace(base, **changes)


async def one_call(
    ours: AccountOptions, theirs: AccountOptions, media: MediaOptions, seconds: float, caller: str | None
) -> list[Result]:
    stop = asyncio.Event()
    here = await Station.open(LOOPBACK, ours, default_user="caller")
    there = await Station.open(LOOPBACK, theirs, default_user="callee")
    tasks: list[asyncio.Task[Result]] = []

    async def take(event: IncomingCall) -> None:
        plan = plan_of(media, answers=True)
        if theirs.uses_ice:
            ends = await ends_of_incoming(there, plan, event)
            assert ends is not None
        else:
            ends = open_ends(there, plan, caller=event.source[0] if caller is None else caller)
        one = OneCall(there, plan, ends)
        one.attach(event.call)
        tasks.append(asyncio.create_task(one.finish(stop)))
        one.accept()

    def on_incoming(event: CallEvent) -> None:
        if isinstance(event, IncomingCall):
            taking.append(asyncio.create_task(take(event)))

    taking: list[asyncio.Task[None]] = []
    there.on_stranger = on_incoming
    try:
        target = target_of(there.uri)
        plan = plan_of(media, seconds=seconds)
        destination = (await here.destinations(target))[0]
        ends = await ends_of_placed(here, plan)
        one = placed(here, plan, target, destination, account=ours, ring_timeout_s=5, ends=ends)
        result = await asyncio.wait_for(one.finish(stop), 20)
        return [result, *await asyncio.wait_for(asyncio.gather(*tasks), 10)]
    finally:
        here.close()
        there.close()


def call(
    ours: AccountOptions | None = None,
    theirs: AccountOptions | None = None,
    *,
    media: MediaOptions = MEDIA,
    seconds: float = 1.0,
    caller: str | None = None,
) -> list[Result]:
    """RESULTs of both sides of a call; *caller*: where the callee is to believe that it comes from."""
    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        return runner.run(
            one_call(ours or AccountOptions(), theirs or AccountOptions(), media, seconds, caller)
        )


def is_heard(result: Result) -> bool:
    """Whether audio went both ways, however busy the machine was."""
    return result["outcome"] == "completed" and not {"one-way", "silent"} & set(result["verdict"])
