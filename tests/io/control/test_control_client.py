"""The Python client: five lines do, errors have their type, and it comes back by itself."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.control_bench import TOKEN, run, serving
from support.desk_bench import Bench

from softphone.control.client import RemoteError, connect, connect_async
from softphone.errors import UnreachableError, UsageError
from softphone.io.control.dialling import Place
from softphone.io.control.server import ControlServer
from softphone.io.control.websocket import text_frame


@contextmanager
def elsewhere(web: Path, bench: Bench) -> Iterator[ControlServer]:
    """A server in another thread, as it is in another program."""
    there: list[ControlServer] = []
    ready, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def work() -> None:
        loops.append(asyncio.get_running_loop())
        async with serving(web, bench) as server:
            there.append(server)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=run, args=(work,))
    thread.start()
    try:
        assert ready.wait(10)
        yield there[0]
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()


def test_five_lines_connect_set_and_read_levels(tmp_path: Path) -> None:
    bench = Bench()
    bench.runners[0].play(0.5)
    with elsewhere(tmp_path, bench) as server:
        at = f"127.0.0.1:{server.address[1]}"
        with connect(at, token=TOKEN) as desk:
            desk.set("low-cut.freq_hz", 200)
            levels = desk.levels()
    assert levels is not None
    assert levels["in"]["peak_dbfs"] == pytest.approx(-12.0, abs=0.1)  # 0.25 of full scale
    assert bench.runners[0].chain.preset.slots[0].params.freq_hz == 200


def test_every_method_of_the_blocking_client_does_what_it_says(tmp_path: Path) -> None:
    bench = Bench()
    with (
        elsewhere(tmp_path, bench) as server,
        connect(server.pairing_url("control"), name="Anna") as desk,
        connect(server.pairing_url("view"), name="Vera") as viewer,
    ):
        assert (desk.welcome["role"], viewer.welcome["role"]) == ("control", "view")
        assert desk.patch({"low-cut.freq_hz": 400, "gain.gain_db": -3})["revision"] == 1
        assert desk.get("gain.gain_db") == -3
        assert desk.undo()["revision"] == 2
        assert desk.redo()["revision"] == 3
        assert desk.get()["can_undo"]
        desk.preset("louder")
        assert desk.get()["preset"]["filter"][0]["gain_db"] == 6
        desk.load({"filter": [{"type": "gain", "gain_db": 1}]})
        desk.save("mine")
        assert "mine" in [each["name"] for each in desk.presets()]
        desk.bypass(True, matched=False)
        assert bench.runners[0].chain.bypassed
        assert "gain" in desk.schema()["filters"]
        assert {"Anna", "Vera"} <= {each["name"] for each in desk.clients()}
        assert desk.ask("ping") == {}
        events = viewer.watch("changes")
        first = threading.Thread(target=lambda: got.append(next(events)))
        got: list[Any] = []
        first.start()
        while not server.dispatcher.sessions.wanted(server.clients[-1]):
            first.join(0.01)
        desk.set("gain.gain_db", 2)
        first.join()
        assert (got[0]["event"], got[0]["who"]) == ("changes", "Anna")
        events.close()


def test_refusals_are_errors_with_a_code_and_what_the_server_added(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server, await connect_async(server.pairing_url("control")) as desk:
            with pytest.raises(RemoteError) as raised:
                await desk.set("low-cut.freq_hz", 1e9)
            assert raised.value.code == "out-of-range"
            assert raised.value.details["unit"] == "Hz"
            with pytest.raises(RemoteError) as raised:
                await desk.set("low-cut.frq_hz", 100)
            assert raised.value.code == "unknown-path"
            assert raised.value.details["nearest"] == "low-cut.freq_hz"
            with pytest.raises(RemoteError) as raised:
                await connect_async(server.urls[0], token="wrong-token")
            assert (raised.value.code, raised.value.exit_status) == ("unauthorized", 4)

    run(work)


def test_nobody_there_or_no_address_or_no_token_is_told_in_one_line(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            address = f"127.0.0.1:{server.address[1]}"
        with pytest.raises(UnreachableError, match=r"nobody answers at 127\.0\.0\.1"):
            await connect_async(address, token=TOKEN)
        for at in ("", "ftp://127.0.0.1", "127.0.0.1:x", "http://user:word@127.0.0.1/"):
            with pytest.raises(UsageError, match=r"wanted HOST:PORT"):
                await connect_async(at, token=TOKEN)
        with pytest.raises(UsageError, match=r"a token is needed"):
            await connect_async(address)

    run(work)


def test_addresses_are_read_with_and_without_their_parts() -> None:
    assert Place.parse("studio.local") == Place("studio.local", 8765, False, None)
    assert Place.parse("[::1]:9").uri == "ws://[::1]:9/control"
    assert Place.parse("https://192.0.2.1:9/#token=abc") == Place("192.0.2.1", 9, True, "abc")


def test_it_comes_back_when_the_server_does_and_watches_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("softphone.io.control.client.FIRST_RETRY_S", 0.01)

    async def work() -> None:
        async with serving(tmp_path, Bench()) as server:
            address = server.address
            desk = await connect_async(server.pairing_url("control"), name="Anna", reconnect=True)
            events = desk.watch("changes")
            waiting = asyncio.create_task(anext(events))
            assert await desk.ask("ping") == {}
        assert await waiting == {"event": "connection", "state": "away"}
        bench = Bench()
        async with serving(tmp_path, bench, address=address) as server:
            assert await anext(events) == {"event": "connection", "state": "here"}
            assert (await desk.set("low-cut.freq_hz", 250))["revision"] == 1
            async with await connect_async(server.pairing_url("control"), name="Ben") as ben:
                await ben.set("low-cut.freq_hz", 260)
            assert (await anext(events))["who"] == "Ben"
            await events.aclose()
            await desk.close()

    run(work)


def test_without_reconnect_all_that_waits_ends_when_the_server_goes(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            desk = await connect_async(server.pairing_url("control"))
            events = desk.watch("changes")
            waiting = asyncio.create_task(anext(events))
            assert await desk.ask("ping") == {}
        with pytest.raises(RemoteError) as raised:
            await waiting
        assert raised.value.code == "away"
        with pytest.raises(RemoteError):
            await desk.get()
        await desk.close()

    run(work)


def test_a_server_that_says_what_is_no_message_is_told_as_such_and_nobody_waits_on(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            desk = await connect_async(server.pairing_url("control"), reconnect=True)
            waiting = asyncio.create_task(anext(desk.watch("changes")))
            assert await desk.ask("ping") == {}
            (connection,) = server._sessions
            connection.send(text_frame("{no JSON"))
            with pytest.raises(RemoteError) as raised:
                await asyncio.wait_for(waiting, 10)
            assert raised.value.code == "bad-message"
            await desk.close()

    run(work)


def test_one_that_does_not_take_levels_gets_the_newest(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server, await connect_async(server.pairing_url("view")) as desk:
            events = desk.watch("levels", rate_hz=50)
            await anext(events)
            watcher = desk._watchers[0]
            for number in range(100):
                watcher.take({"event": "levels", "number": number})
            assert [each["number"] for each in watcher.waiting] == [99]
            await events.aclose()
            assert not server.dispatcher.sessions.wanted(server.clients[-1])

    run(work)
