"""What a call holds is released on every way out, and a callee that answers for days holds no more than on its first."""

import asyncio
import errno
import gc
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest

from dsp.chain import FilterChain
from softphone.app import answer_calls_async, callee, media_ends, place_call_async
from softphone.app.audio import CallAudio
from softphone.app.chain_runner import StageRunner
from softphone.app.leg import MediaLeg
from softphone.app.one_call import OneCall
from softphone.app.registering import Registering
from softphone.app.station import Station
from softphone.call.manager import CallManager
from softphone.config import AccountOptions, AnswerOptions, AudioOptions, CallOptions
from softphone.control.client import connect_async
from softphone.errors import EnvironmentProblem, SoftphoneError, UnreachableError
from softphone.serve_config import ServeOptions
from softphone.sip.errors import LocalSipError

NOBODY = "sip:nobody@127.0.0.1:9"
SCORED = AudioOptions(expect="builtin:man")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def open_sockets():
    gc.collect()
    links = (os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd"))
    return sum("socket:" in link for link in links)


@pytest.mark.parametrize(
    "wrong", [{"record_sent": "/no/such/folder/sent.wav"}, {"play": "/no/such/file.wav"}]
)
def test_what_cannot_be_opened_leaves_no_temporary_recording(temporary, wrong):
    with ThreadPoolExecutor(1) as writer, pytest.raises(ValueError, match="no/such"):
        CallAudio(AudioOptions(expect="builtin:man", **wrong), loop=False, writer=writer)
    assert list(temporary.iterdir()) == []


def test_no_room_for_a_temporary_recording_is_a_problem_of_the_system(monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    with ThreadPoolExecutor(1) as writer, pytest.raises(EnvironmentProblem, match="No space left"):
        CallAudio(SCORED, loop=False, writer=writer)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted under /proc")
def test_a_call_that_cannot_be_placed_holds_nothing(temporary, monkeypatch):
    def refuse(*_, **__):
        raise LocalSipError("cannot be sent")

    monkeypatch.setattr(CallManager, "place", refuse)
    before = open_sockets()
    with pytest.raises(LocalSipError):
        asyncio.run(place_call_async(CallOptions(NOBODY, audio=SCORED)))
    assert list(temporary.iterdir()) == []
    assert open_sockets() == before


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted under /proc")
@pytest.mark.parametrize("wrong", ["trace", "name", "registrar"])
def test_a_caller_that_gets_nowhere_holds_no_socket_and_no_file(tmp_path, monkeypatch, wrong):
    async def nowhere(*_):
        raise UnreachableError("no such name")

    account = AccountOptions()
    match wrong:
        case "trace":
            account = AccountOptions(trace="/no/such/folder/trace.txt")
        case "name":
            monkeypatch.setattr(Station, "destinations", nowhere)
        case "registrar":
            monkeypatch.setattr(Registering, "start", nowhere)
            account = AccountOptions(user="alice", registrar="127.0.0.1:9")
    gc.collect()
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(SoftphoneError):
        asyncio.run(place_call_async(CallOptions(NOBODY, account=account, out=str(tmp_path / "out"))))
    gc.disable()
    try:
        assert set(os.listdir("/proc/self/fd")) == before
    finally:
        gc.enable()


def test_a_caller_is_told_when_the_callee_ends_while_it_looks_for_its_own_address(monkeypatch):
    async def calls():
        stop, listening = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def asks_for_ever(*_, **__):
            stop.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(media_ends, "open_media", asks_for_ever)
        options = AnswerOptions(listen=("127.0.0.1", 0), account=AccountOptions(stun="127.0.0.1:9"))
        answering = asyncio.create_task(answer_calls_async(options, listening.set_result, stop=stop))
        (result,) = await place_call_async(CallOptions((await listening)["uri"]))
        assert await answering == []
        return result["sip_status"]

    assert asyncio.run(calls()) == 480


def test_a_caller_that_gives_up_is_not_kept_until_it_would_have_been_answered():
    async def calls():
        stop, listening = asyncio.Event(), asyncio.get_running_loop().create_future()

        def on_event(event):
            if "event" in event:
                listening.set_result(event["uri"])

        options = AnswerOptions(listen=("127.0.0.1", 0), ring_s=3600)
        answering = asyncio.create_task(answer_calls_async(options, on_event, stop=stop))
        await place_call_async(CallOptions(await listening, ring_timeout_s=0.1))
        gc.collect()
        kept = sum(isinstance(each, OneCall) for each in gc.get_objects())
        stop.set()
        await answering
        return kept

    assert asyncio.run(calls()) == 0


def test_calls_that_were_steered_leave_no_leg_and_no_filters_behind():
    async def calls():
        loop = asyncio.get_running_loop()
        stop, listening, serving = asyncio.Event(), loop.create_future(), loop.create_future()

        def on_event(event):
            if event.get("event") == "listening":
                listening.set_result(event["uri"])

        serve = ServeOptions(("127.0.0.1", 0), token="a-token-for-tests")
        answering = asyncio.create_task(
            answer_calls_async(
                AnswerOptions(listen=("127.0.0.1", 0), serve=serve),
                on_event,
                stop=stop,
                on_serving=serving.set_result,
            )
        )
        address = (await serving).urls[0]
        async with await connect_async(address, token="a-token-for-tests") as client:
            async with aclosing(client.watch("calls", "levels", chain="sent", rate_hz=50)) as told:
                calling = asyncio.create_task(place_call_async(CallOptions(await listening, seconds=0.5)))
                async for event in told:
                    if event["event"] == "levels":
                        await client.preset("telephone", chain="sent")
                        break
                await calling
                async for event in told:
                    if event["event"] == "calls" and event["calls"][0]["state"] == "ended":
                        break
            await client.preset(
                "no-filter", chain="sent"
            )  # done after what the end of the call had done there
            gc.collect()
            kept = [
                each
                for each in gc.get_objects()
                if isinstance(each, (OneCall, MediaLeg, StageRunner, FilterChain))
            ]
        stop.set()
        await answering
        return [type(each).__name__ for each in kept]

    assert asyncio.run(calls()) == []


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted under /proc")
@pytest.mark.parametrize("cancelled", ["caller", "callee"])
def test_a_cancelled_coroutine_hangs_up_and_holds_nothing(cancelled):
    async def calls():
        loop = asyncio.get_running_loop()
        stop, listening, talking, told = asyncio.Event(), loop.create_future(), asyncio.Event(), []

        def on_event(event):
            if "event" in event:
                listening.set_result(event["uri"])
            else:
                told.append(event)

        answering = asyncio.create_task(
            answer_calls_async(AnswerOptions(listen=("127.0.0.1", 0), calls=1), on_event, stop=stop)
        )
        options = CallOptions(await listening, seconds=60)
        calling = asyncio.create_task(place_call_async(options, lambda _: talking.set()))
        await asyncio.wait_for(talking.wait(), 20)
        end, other = (calling, answering) if cancelled == "caller" else (answering, calling)
        end.cancel()
        (result,) = await asyncio.wait_for(other, 20)
        assert (result["outcome"], result["ended_by"]) == ("completed", "peer")
        with pytest.raises(asyncio.CancelledError):
            await end
        assert asyncio.all_tasks() == {asyncio.current_task()}

    before = open_sockets()
    asyncio.run(calls())
    assert open_sockets() == before


def test_a_callee_without_end_keeps_its_newest_results_and_the_worst_of_the_others(monkeypatch):
    monkeypatch.setattr(callee, "MAX_RESULTS", 2)

    async def calls():
        stop, listening, told = asyncio.Event(), asyncio.get_running_loop().create_future(), []

        def on_event(event):
            if "event" in event:
                listening.set_result(event["uri"])
            else:
                told.append(event["call_id"])

        options = AnswerOptions(listen=("127.0.0.1", 0), reject=486)
        answering = asyncio.create_task(answer_calls_async(options, on_event, stop=stop))
        await place_call_async(CallOptions(await listening, repeat=4))
        stop.set()
        return told, [result["call_id"] for result in await answering]

    told, kept = asyncio.run(calls())
    assert len(told) == 4
    assert kept == [told[0], *told[2:]]
