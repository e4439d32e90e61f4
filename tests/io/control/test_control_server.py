"""The control server as clients and browsers meet it: hello, requests, events, levels, pages, files."""

import asyncio
import json
import logging
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from support.control_bench import TOKEN, Wire, fetch, frame, joined, run, serving, status, until
from support.desk_bench import Bench

from softphone.control import Client, Domain, Op
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.control import connection
from softphone.io.control.server import PING_S, ControlServer
from softphone.io.control.session import _MOST_WAITING
from softphone.io.control.tickets import Tickets
from softphone.serve_config import ServeOptions


def test_a_client_says_hello_and_changes_what_is_heard(tmp_path: Path) -> None:
    bench = Bench()

    async def work() -> None:
        async with serving(tmp_path, bench) as server:
            wire = await Wire.open(server)
            await wire.upgrade(server)
            wire.say({"id": 1, "op": "hello", "token": TOKEN, "name": "Anna's phone"})
            result = (await wire.reply(1))["result"]
            assert result["role"] == "control"
            assert {"id": result["client"], "name": "Anna's phone", "role": "control"} in result["clients"]
            assert result["limits"]["message_bytes"] == 65536
            reply = await wire.ask("set", path="low-cut.freq_hz", value=200)
            assert reply["result"]["changes"] == {"low-cut.freq_hz": 200}
            assert bench.runners[0].chain.preset.slots[0].params.freq_hz == 200
            assert (await wire.ask("get", path="low-cut.freq_hz"))["result"]["value"] == 200
            await wire.close()

    run(work)


def test_requests_of_one_client_are_answered_in_their_order(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            wire = await joined(server)
            for number in range(1, 41):
                wire.say({"id": number, "op": "set", "path": "low-cut.freq_hz", "value": 200 + number})
                wire.say({"id": -number, "op": "get", "path": "low-cut.freq_hz"})
            order = [await wire.hear() for _ in range(80)]
            assert [each["id"] for each in order if isinstance(each, dict)] == [
                each for number in range(1, 41) for each in (number, -number)
            ]
            got = [each["result"]["value"] for each in order[1::2] if isinstance(each, dict)]
            assert got == [200 + number for number in range(1, 41)]
            await wire.close()

    run(work)


def test_others_are_told_of_a_change_once_and_who_made_it_is_not(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            anna, ben = await joined(server, name="Anna"), await joined(server, name="Ben")
            for wire in (anna, ben):
                assert (await wire.ask("subscribe", topics=["changes"]))["ok"]
            anna.say({"id": "set", "op": "set", "path": "low-cut.freq_hz", "value": 250})
            reply, event = await anna.hear(), await ben.hear()
            assert isinstance(reply, dict)
            assert reply["ok"], reply
            assert isinstance(event, dict)
            assert event["event"] == "changes"
            assert event["changes"] == {"low-cut.freq_hz": 250}
            assert event["who"] == "Anna"
            anna.say({"id": "after", "op": "ping"})
            after = await anna.hear()
            assert isinstance(after, dict)
            assert after["id"] == "after"
            await anna.close()
            await ben.close()

    run(work)


def test_a_client_that_leaves_is_no_longer_there_for_others(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            anna, ben = await joined(server, name="Anna"), await joined(server, name="Ben")
            await anna.ask("subscribe", topics=["clients"])
            await ben.close()
            event = await anna.hear()
            assert isinstance(event, dict)
            assert "Ben" not in [each["name"] for each in event["clients"] if each["id"] > 3]
            await anna.close()

    run(work)


def test_levels_come_at_the_rates_asked_for_and_each_is_written_once(
    tmp_path: Path, monkeypatch: Any
) -> None:
    bench = Bench()
    made: list[float] = []
    levels = bench.dispatcher.levels

    def counted(chain: str | None = None) -> dict[str, Any] | None:
        made.append(asyncio.get_running_loop().time())
        return levels(chain)

    monkeypatch.setattr(bench.dispatcher, "levels", counted)

    async def work() -> None:
        async with serving(tmp_path, bench) as server:
            fast = [await joined(server) for _ in range(3)]
            slow = await joined(server)
            for wire in fast:
                await wire.ask("subscribe", topics=["levels"], rate_hz=50)
            await slow.ask("subscribe", topics=["levels"], rate_hz=10)
            before = len(made)
            heard = [await fast[0].hear() for _ in range(25)]
            assert all(isinstance(each, dict) and each["event"] == "levels" for each in heard)
            assert len(made) - before <= 30  # not one for each of four clients
            got = 0
            slow.say({"id": "end", "op": "ping"})
            while not (isinstance(each := await slow.hear(), dict) and each.get("id") == "end"):
                got += 1
            assert 1 <= got <= 10
            for wire in (*fast, slow):
                await wire.close()

    run(work)


def test_nothing_is_published_where_nobody_listens(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            wire = await joined(server)
            await wire.ask("subscribe", topics=["levels", "spectrum"])
            assert server._publisher._timer is not None
            await wire.ask("unsubscribe")
            assert server._publisher._timer is None
            await wire.ask("subscribe", topics=["spectrum"])
            await wire.close()
            await until(lambda: not server._sessions)
            assert server._publisher._timer is None

    run(work)


def test_a_spectrum_names_its_bands_once(tmp_path: Path) -> None:
    bench = Bench()
    bench.runners[0].play(0.5)

    async def work() -> None:
        async with serving(tmp_path, bench) as server:
            wire = await joined(server)
            first = (await wire.ask("subscribe", topics=["spectrum"], rate_hz=50))["result"]["first"][
                "spectrum"
            ]
            assert len(first["hz"]) == len(first["in_db"]) == len(first["out_db"])
            event = await wire.hear()
            assert isinstance(event, dict)
            assert "hz" not in event
            assert event["in_db"] == first["in_db"]
            await wire.close()

    run(work)


def test_a_spectrum_that_was_not_measured_yet_names_its_bands_when_it_comes_and_when_they_change(
    tmp_path: Path,
) -> None:
    bench = Bench()
    runner = bench.runners[0]
    runner.play(0.5)
    there = runner.spectrum()
    assert there is not None
    hz, before, after = there
    shown: list[Any] = [None]
    runner.spectrum = lambda: shown[0]  # type: ignore[method-assign]

    async def work() -> None:
        async with serving(tmp_path, bench) as server:
            wire = await joined(server)
            assert (await wire.ask("subscribe", topics=["spectrum"], rate_hz=50))["result"]["first"] == {}
            for bands in (hz, hz / 2):  # a call, and one at another rate
                shown[0] = (bands, before, after)
                while "hz" not in (event := await wire.hear()):
                    assert bands is not hz  # the very first has them
                assert event["hz"] == [round(float(each), 1) for each in bands]
                later = await wire.hear()
                assert isinstance(later, dict)
                assert "hz" not in later
                assert later["in_db"] == event["in_db"]
            await wire.close()

    run(work)


class Slow:
    """A domain whose one operation ends when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()

    def ops(self) -> tuple[Op, ...]:
        def wait(client: Client, given: Any) -> dict[str, Any]:
            assert self.let.wait(20)
            return {}

        def fail(client: Client, given: Any) -> dict[str, Any]:
            raise RuntimeError("what a client said: sesame")

        return (
            Op("wait", "Wait", "view", "aside", (), wait, "nothing"),
            Op("hold", "Wait where filters are built", "view", "chain", (), wait, "nothing"),
            Op("fail", "Fail", "view", "loop", (), fail, "nothing"),
            Op("fail-there", "Fail", "view", "chain", (), fail, "nothing"),
        )

    def topics(self) -> dict[str, str]:
        return {"calls": "calls"}

    def snapshot(self, topic: str) -> None:
        return None


def test_slow_requests_do_not_hold_up_others_and_may_not_be_many(tmp_path: Path) -> None:
    slow = Slow()
    domain: Domain = slow

    async def work() -> None:
        async with serving(tmp_path, Bench(domains=[domain])) as server:
            wire = await joined(server)
            for number in range(5):
                wire.say({"id": number, "op": "wait"})
            assert (await wire.reply(4))["error"]["code"] == "too-many"
            assert (await wire.ask("set", path="low-cut.freq_hz", value=222))["ok"]
            slow.let.set()
            ended = [await wire.hear() for _ in range(4)]
            assert sorted(each["id"] for each in ended if isinstance(each, dict) and each["ok"]) == [
                0,
                1,
                2,
                3,
            ]
            await wire.close()

    run(work)


def test_requests_that_wait_are_few_the_others_stay_with_the_sender(tmp_path: Path) -> None:
    slow = Slow()

    async def work() -> None:
        async with serving(tmp_path, Bench(domains=[slow])) as server:
            wire = await joined(server)
            session = next(iter(server._sessions.values()))
            wire.say({"id": "hold", "op": "hold"})
            for number in range(150):
                wire.say({"id": number, "op": "get", "path": "low-cut.freq_hz"})
            await until(lambda: len(session._waiting) > _MOST_WAITING)
            other = await joined(server)
            assert (await other.ask("ping"))["ok"]
            assert len(session._waiting) < _MOST_WAITING + 10
            slow.let.set()
            order = [await wire.hear() for _ in range(151)]
            assert [each["id"] for each in order if isinstance(each, dict)] == ["hold", *range(150)]
            for each in (wire, other):
                await each.close()

    run(work)


def test_many_messages_at_once_leave_the_loop_its_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            wire = await joined(server)
            turns: list[int] = [0]
            seen: set[int] = set()
            said = server.said

            def noted(*given: Any) -> None:
                seen.add(turns[0])
                said(*given)

            async def count() -> None:
                while True:
                    await asyncio.sleep(0)
                    turns[0] += 1

            monkeypatch.setattr(connection, "_TURN_S", 0.0)
            monkeypatch.setattr(server, "said", noted)
            counting = asyncio.create_task(count())
            wire.send(b"".join(frame(json.dumps({"id": n, "op": "ping"}).encode()) for n in range(100)))
            order = [await wire.hear() for _ in range(100)]
            assert [each["id"] for each in order if isinstance(each, dict)] == [*range(100)]
            assert len(seen) > 10  # 256 bytes, some seven messages, in each
            counting.cancel()
            await wire.close()

    run(work)


def test_a_fault_of_ours_is_told_and_logged_without_what_was_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with serving(tmp_path, Bench(domains=[Slow()]), faults=2) as server:
            wire = await joined(server)
            for op in ("fail", "fail-there"):
                assert (await wire.ask(op))["error"]["code"] == "internal"
            assert (await wire.ask("ping"))["ok"]
            assert server.stats.faults == 2
            await wire.close()

    with caplog.at_level(logging.DEBUG):
        run(work)
    assert "RuntimeError" in caplog.text
    assert "sesame" not in caplog.text


def test_events_of_a_domain_come_from_any_thread(tmp_path: Path) -> None:
    bench = Bench(domains=[Slow()])

    async def work() -> None:
        async with serving(tmp_path, bench) as server:
            told = []
            server.listeners.append(told.append)
            wire = await joined(server)
            await wire.ask("subscribe", topics=["calls"])
            await asyncio.to_thread(bench.dispatcher.publish, "calls", {"calls": ["one"]})
            assert await wire.hear() == {"event": "calls", "calls": ["one"]}
            assert [each.topic for each in told if each.topic == "calls"] == ["calls"]
            await wire.close()

    run(work)


def test_all_are_told_good_bye_when_it_closes(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            wire = await joined(server)
            closing = asyncio.create_task(server.close())
            assert await wire.hear() == {"event": "closing"}
            assert await wire.hear() == 1001
            await wire.close()
            await closing
            with pytest.raises(OSError, match=r".*"):
                await Wire.open(server)

    run(work)


def test_the_page_is_served_with_its_headers_and_only_what_is_of_the_page(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            head, _, body = (await fetch(server)).partition(b"\r\n\r\n")
            assert status(head) == 200
            assert body.startswith(b"<!doctype html>")
            for line in (
                b"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; ",
                b"frame-ancestors 'none'\r\n",
                b"X-Content-Type-Options: nosniff",
                b"Referrer-Policy: no-referrer",
                b"Cross-Origin-Opener-Policy: same-origin",
                b"Cross-Origin-Resource-Policy: same-origin",
                b"Cache-Control: no-cache",
            ):
                assert line in head + b"\r\n"
            assert b"unsafe" not in head
            tag = head.partition(b"ETag: ")[2].partition(b"\r\n")[0].decode()
            assert status(await fetch(server, **{"If-None-Match": tag})) == 304
            packed = await fetch(server, **{"Accept-Encoding": "gzip, br"})
            assert b"Content-Encoding: gzip" in packed
            assert len(packed) < len(head + body)
            assert b"text/javascript" in await fetch(server, "/app.js?v=2")
            assert status(await fetch(server, "/notes.txt")) == 404

    run(work)


def test_a_ticket_gives_its_file_whole_or_the_range_asked_for(tmp_path: Path) -> None:
    files = Tickets()
    data = bytes(range(256)) * 3000
    sound = tmp_path / "call.wav"
    sound.write_bytes(data)

    async def work() -> None:
        async with serving(tmp_path, files=files) as server:
            link = files.issue(sound, "audio/wav", name="Anna's call.wav")
            head, _, body = (await fetch(server, link)).partition(b"\r\n\r\n")
            assert status(head) == 200
            assert body == data
            assert b"Content-Security-Policy: sandbox; default-src 'none'" in head
            assert b"filename*=UTF-8''Anna%27s%20call.wav" in head
            for wanted, span in (
                ("bytes=0-", range(len(data))),
                ("bytes=1000-1999", range(1000, 2000)),
                ("bytes=-100", range(len(data) - 100, len(data))),
                ("bytes=767900-9999999", range(767_900, len(data))),
            ):
                head, _, body = (await fetch(server, link, Range=wanted)).partition(b"\r\n\r\n")
                assert status(head) == 206
                assert f"Content-Range: bytes {span.start}-{span.stop - 1}/{len(data)}".encode() in head
                assert body == data[span.start : span.stop]
            assert status(await fetch(server, link, Range="bytes=768000-")) == 416
            assert status(await fetch(server, link, Range="bytes=0-1,5-6")) == 200
            report = files.issue(b"<h1>Report", "text/html; charset=utf-8", name="report.html")
            assert (await fetch(server, report)).endswith(b"<h1>Report")
            sound.unlink()
            assert status(await fetch(server, link)) == 404

    run(work)


def test_two_servers_cannot_have_one_port_and_the_second_says_so(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            with pytest.raises(EnvironmentProblem, match=r"in use: choose another port"):
                await ControlServer.open(
                    Bench().dispatcher, ServeOptions(server.address), files=Tickets(), web=tmp_path
                )

    run(work)


def test_beyond_loopback_needs_leave_and_says_that_others_can_read_along(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--allow-lan"):
        ServeOptions(("0.0.0.0", 0))

    async def work() -> None:
        async with serving(tmp_path, address=("0.0.0.0", 0), allow_lan=True) as server:
            assert any("read along" in line for line in server.notices)
            assert not any(TOKEN in line for line in server.notices)
        async with serving(tmp_path) as server:
            assert server.notices == []

    run(work)


def test_a_page_that_is_missing_is_said_in_one_line(tmp_path: Path) -> None:
    async def work() -> None:
        with pytest.raises(EnvironmentProblem, match=r"the page is missing"):
            await ControlServer.open(Bench().dispatcher, ServeOptions(), files=Tickets(), web=tmp_path)

    run(work)


def test_pairing_puts_the_token_where_a_browser_keeps_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            url = f"http://127.0.0.1:{server.address[1]}/"
            assert list(server.urls) == [url]
            assert server.pairing_url("control") == f"{url}#token={TOKEN}"
            assert server.pairing_url("view") == f"{url}#token={server.view_token}"
            assert json.dumps([*server.urls]).find(TOKEN) < 0

    run(work)


def test_what_is_said_goes_out_at_once_and_the_kernel_keeps_little_for_who_does_not_read(
    tmp_path: Path,
) -> None:
    """Nagle's algorithm would hold a second message back until the first is acknowledged, 40 ms on Linux."""

    async def work() -> None:
        async with serving(tmp_path) as server:
            wire = await joined(server)
            sock = next(iter(server._sessions))._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 65536  # Linux tells the double
            await wire.close()

    run(work)


def test_a_client_that_answers_no_ping_is_dropped(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path) as server:
            wire = await joined(server)
            quiet = next(iter(server._sessions))
            now = asyncio.get_running_loop().time()
            quiet.heard_at = now - 0.6 * PING_S
            server._keep()
            assert await wire.reader.readexactly(2) == b"\x89\x00"  # a ping
            assert server.stats.silent == 0
            wire.send(frame(b"", 10))
            await until(lambda: quiet.heard_at >= now)
            quiet.heard_at = now - 2.1 * PING_S
            server._keep()
            await until(lambda: not server._sessions)
            assert server.stats.silent == 1
            await wire.close()

    run(work)


def test_ipv6_and_localhost_are_served(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(tmp_path, address=("localhost", 0)) as server:
            assert server.address[0] == "127.0.0.1"
            await (await joined(server)).close()
        if not socket.has_ipv6:
            return
        async with serving(tmp_path, address=("::1", 0)) as server:
            port = server.address[1]
            assert list(server.urls) == [f"http://[::1]:{port}/"]
            wire = await Wire.open(server)
            head = await wire.upgrade(server, Host=f"[::1]:{port}", Origin=f"http://[::1]:{port}")
            assert status(head) == 101
            await wire.close()

    run(work)
