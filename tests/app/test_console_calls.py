"""The console and its callers in one event loop: who is taken, who is not, and what is left of it."""

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import pytest

from softphone.app import place_call_async
from softphone.app.call_desk import MAX_CALLS
from softphone.app.console import console
from softphone.config import AudioOptions, CallOptions, MediaOptions
from softphone.control.client import RemoteError, connect_async
from softphone.control_config import ConsoleOptions
from softphone.errors import EnvironmentProblem
from softphone.io.speech import speech_path
from softphone.serve_config import ServeOptions

ANY = ("127.0.0.1", 0)
TOKEN = "a-token-for-tests"


@dataclass
class Running:
    """A console with a client."""

    uri: str
    client: object
    stop: asyncio.Event
    events: asyncio.Queue

    async def calls(self):
        return (await self.client.ask("calls"))["calls"]

    async def until(self, what):
        """The calls as soon as *what* holds for them."""
        async with asyncio.timeout(10), aclosing(self.client.watch("calls")) as told:
            async for event in told:
                if what(event["calls"]):
                    return event["calls"]

    def caller(self, **options):
        """Somebody who calls, and the wish to stop."""
        stop = asyncio.Event()
        media = MediaOptions(codecs=MediaOptions().codecs[1:2])  # PCMU: quick to load
        call = CallOptions(self.uri, media=media, audio=AudioOptions(tone_hz=500), **options)
        return asyncio.create_task(place_call_async(call, stop=stop)), stop


@asynccontextmanager
async def running(folder, **options):
    stop, events = asyncio.Event(), asyncio.Queue()
    serving = asyncio.get_running_loop().create_future()
    options = ConsoleOptions(
        listen=ANY,
        serve=ServeOptions(address=ANY, token=TOKEN),
        **({"out": str(folder)} if not options.get("no_record") else {}),
        **options,
    )
    task = asyncio.create_task(console(options, events.put_nowait, stop=stop, on_serving=serving.set_result))
    await asyncio.wait((task, serving), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    address = serving.result().urls[0].split("//")[1].strip("/")
    async with await connect_async(address, token=TOKEN) as client:
        yield Running((await events.get())["uri"], client, stop, events)
        stop.set()
        await asyncio.wait_for(task, 20)


def test_a_caller_who_gives_up_leaves_a_line_in_the_list_and_no_file(tmp_path):
    async def scenario():
        async with running(tmp_path) as here:
            calling, stop = here.caller()
            await here.until(lambda calls: calls and calls[0]["state"] == "incoming")
            stop.set()
            await calling
            (call,) = await here.until(lambda calls: calls[0]["state"] == "ended" and "outcome" in calls[0])
            assert call["recording"] is None
            assert (await here.events.get())["outcome"] == "no-answer"
        assert list(tmp_path.iterdir()) == []

    asyncio.run(scenario())


def test_the_ninth_caller_hears_that_we_are_busy(tmp_path):
    async def scenario():
        async with running(tmp_path, no_record=True) as here:
            callers = [here.caller() for _ in range(MAX_CALLS)]
            await here.until(lambda calls: [each["state"] for each in calls] == ["incoming"] * MAX_CALLS)
            late, _ = here.caller()
            (result,) = await late
            assert (result["outcome"], result["sip_status"]) == ("busy", 486)
            with pytest.raises(RemoteError) as caught:
                await here.client.ask("dial", uri="sip:bob@127.0.0.1")
            assert caught.value.code == "too-many"
            here.stop.set()  # whoever still rings is told that nobody is here
            results = await asyncio.gather(*(calling for calling, _ in callers))
            assert {one["sip_status"] for (one,) in results} == {480}

    asyncio.run(scenario())


def test_auto_answer_takes_calls_at_once_and_nothing_is_recorded_unless_wanted(tmp_path):
    async def scenario():
        async with running(tmp_path, no_record=True, auto_answer=True) as here:
            calling, stop = here.caller()
            await here.until(lambda calls: calls and calls[0]["state"] == "established")
            assert (await here.calls())[0]["recording"] is None
            stop.set()
            (result,) = await calling
            assert result["setup_s"] is not None
        assert (await here.events.get())["recording"] is None

    asyncio.run(scenario())


def test_without_recordings_what_is_expected_is_scored_all_the_same(tmp_path):
    async def scenario():
        audio = AudioOptions(expect=str(speech_path("builtin:woman")))
        async with running(tmp_path, no_record=True, auto_answer=True, audio=audio) as here:
            media = MediaOptions(codecs=MediaOptions().codecs[1:2])
            say = AudioOptions(play="builtin:woman")
            await place_call_async(CallOptions(here.uri, seconds=2.5, media=media, audio=say))
            result = await here.events.get()
            assert result["score"]["value"] > 3.5
            assert result["recording"] is None

    asyncio.run(scenario())


def test_a_name_that_does_not_resolve_ends_its_call_and_says_why(tmp_path):
    async def scenario():
        async with running(tmp_path) as here:
            reply = await here.client.ask("dial", uri="sip:bob@nowhere.invalid")
            assert reply["call"]["state"] == "calling"
            (call,) = await here.until(lambda calls: calls[0]["state"] == "ended")
            assert "nowhere.invalid" in call["reason"]
            assert "nowhere.invalid" in (await here.events.get())["error"]
        assert list(tmp_path.iterdir()) == []

    asyncio.run(scenario())


def test_a_folder_that_is_gone_costs_the_call_and_not_the_console(tmp_path):
    async def scenario():
        async with running(tmp_path / "rec") as here:
            (tmp_path / "rec").rmdir()
            (result,) = await here.caller()[0]
            assert (result["outcome"], result["sip_status"]) == ("declined", 500)
            assert (await here.events.get())["event"] == "error"
            (tmp_path / "rec").mkdir()
            calling, stop = here.caller()
            await here.until(lambda calls: calls[0]["state"] == "incoming")
            stop.set()
            await calling

    asyncio.run(scenario())


def test_a_port_that_is_taken_ends_it_before_it_began(tmp_path):
    async def scenario():
        async with running(tmp_path, no_record=True) as here:
            host, _, port = here.uri.rpartition("@")[2].partition(":")
            options = ConsoleOptions(
                listen=(host, int(port)), serve=ServeOptions(address=ANY), no_record=True
            )
            with pytest.raises(EnvironmentProblem):
                await console(options, here.events.put_nowait, stop=asyncio.Event())

    asyncio.run(scenario())


def test_what_nobody_takes_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("softphone.app.console.RING_S", 0.2)

    async def scenario():
        async with running(tmp_path, no_record=True) as here:
            (result,) = await here.caller()[0]
            assert result["sip_status"] == 480

    asyncio.run(scenario())


def test_a_console_that_is_torn_down_hangs_up_all_the_same(tmp_path):
    async def scenario():
        stop, events = asyncio.Event(), asyncio.Queue()
        options = ConsoleOptions(
            listen=ANY, serve=ServeOptions(address=ANY), out=str(tmp_path), auto_answer=True
        )
        task = asyncio.create_task(console(options, events.put_nowait, stop=stop))
        uri, runs = (await events.get())["uri"], asyncio.Event()
        call = CallOptions(uri, audio=AudioOptions(tone_hz=500))
        calling = asyncio.create_task(place_call_async(call, on_running=lambda one: runs.set()))
        await asyncio.wait_for(runs.wait(), 10)
        task.cancel()
        (result,) = await calling
        assert result["ended_by"] == "peer"
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
