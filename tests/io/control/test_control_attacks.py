"""Attacks on the control port over real sockets: each is refused with its code, while a chain plays on and a client is served."""

import asyncio
import json
import logging
import random
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.control_bench import (
    TOKEN,
    Player,
    Wire,
    fetch,
    frame,
    handshake,
    joined,
    run,
    serving,
    status,
    until,
)
from support.desk_bench import Bench

from softphone.io.control import connection, limits
from softphone.io.control.door import MAX_PENDING_PER_ADDRESS
from softphone.io.control.server import ControlServer
from softphone.io.control.tickets import PREFIX, Tickets


@asynccontextmanager
async def attacked(web: Path, **options: object) -> AsyncIterator[ControlServer]:
    """A server whose chain plays; in the end it plays still, and a client that was there all the time is served."""
    bench = Bench()
    player = Player(bench)
    player.start()
    try:
        async with serving(web, bench, **options) as server:
            guest = await joined(server, name="guest")
            yield server
            before = player.blocks
            reply = await guest.ask("set", path="low-cut.freq_hz", value=321)
            assert reply["ok"], reply
            assert bench.runners[0].chain.preset.slots[0].params.freq_hz == 321
            await until(lambda: player.blocks >= before + 3)
            await guest.close()
    finally:
        player.close()


async def opened(server: ControlServer) -> Wire:
    """A WebSocket on which nothing has been said."""
    wire = await Wire.open(server)
    assert b" 101 " in await wire.upgrade(server)
    return wire


# ---- who may come in


def test_a_wrong_token_is_refused_and_closed_4401(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FREE_FAILURES", 100)

    async def work() -> None:
        async with attacked(tmp_path) as server:
            for token in ["", "wrong", TOKEN[:-1], TOKEN + "a", TOKEN.upper(), "\u00e9" * 8]:
                wire = await opened(server)
                wire.say({"id": 7, "op": "hello", "token": token})
                reply = await wire.reply(7)
                assert (token, reply["error"]["code"]) == (token, "unauthorized")
                assert await wire.close_code() == 4401
                await wire.close()
            assert server.stats.wrong_tokens == 6

    run(work)


def test_wrong_tokens_make_the_next_of_that_address_wait_right_or_not(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            for _ in range(limits.FREE_FAILURES + 1):
                wire = await opened(server)
                wire.say({"id": 1, "op": "hello", "token": "guess"})
                assert await wire.close_code() == 4401
                await wire.close()
            wire = await opened(server)
            wire.say({"id": 1, "op": "hello", "token": TOKEN})
            error = (await wire.reply(1))["error"]
            assert error["code"] == "rate-limited"
            assert 0 < error["retry_s"] <= limits.FIRST_WAIT_S
            assert await wire.close_code() == 4429
            assert server.stats.slowed == 1
            await wire.close()

    run(work)


def test_the_wait_after_wrong_tokens_doubles_up_to_eight_seconds_and_is_forgotten() -> None:
    guesses = limits.Guesses()
    waits = []
    now = 0.0
    for _ in range(12):
        guesses.failed("192.0.2.1", now)
        waits.append(guesses.wait_s("192.0.2.1", now))
        now += waits[-1]
    assert waits == [0, 0, 0, 0, 0, 0.5, 1, 2, 4, 8, 8, 8]
    assert guesses.wait_s("192.0.2.2", now) == 0
    guesses.failed("192.0.2.1", now + limits.FORGET_S + 1)
    assert guesses.wait_s("192.0.2.1", now + limits.FORGET_S + 1) == 0


def test_an_ipv6_host_counts_by_its_network_so_that_it_cannot_guess_from_many_addresses() -> None:
    assert limits.address_key("2001:db8:1:2::3") == limits.address_key("2001:db8:1:2:ffff::9")
    assert limits.address_key("2001:db8:1:2::3") != limits.address_key("2001:db8:1:3::3")
    assert limits.address_key("::ffff:192.0.2.1") == limits.address_key("192.0.2.1") == "192.0.2.1"


def test_guessers_are_remembered_only_so_many() -> None:
    guesses = limits.Guesses()
    for number in range(5000):
        guesses.failed(f"192.0.{number // 256}.{number % 256}", 0.0)
    assert len(guesses._guessers) == 1024


FIRST = [
    '{"id": 1, "op": "get"}',
    '{"id": 1, "op": "ping"}',
    "[]",
    "{",
    '{"op": "hello"}',
    "",
    '{"id":1,"op":"hello"}',
]


def test_who_says_anything_but_hello_first_is_closed_4400(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            for first in FIRST:
                wire = await opened(server)
                wire.say(first)
                error = await wire.hear()
                assert isinstance(error, dict)
                assert error["error"]["code"] in ("unauthorized", "bad-message")
                assert (first, await wire.close_code()) == (first, 4400)
                await wire.close()
            assert server.stats.no_hello == len(FIRST)

    run(work)


def test_who_says_nothing_is_closed_4408(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            monkeypatch.setattr(connection, "OPEN_S", 0.05)
            wire = await opened(server)
            assert await wire.close_code() == 4408
            assert server.stats.late == 1
            await wire.close()

    run(work)


def test_who_may_look_may_not_set(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            wire = await joined(server, token=server.view_token)
            for op, arguments in (
                ("set", {"path": "low-cut.freq_hz", "value": 99}),
                ("patch", {"changes": {"low-cut.freq_hz": 99}}),
                ("preset", {"name": "louder"}),
                ("bypass", {"on": True}),
                ("undo", {}),
                ("save", {"name": "mine"}),
            ):
                assert (await wire.ask(op, **arguments))["error"]["code"] == "forbidden"
            assert (await wire.ask("get", path="low-cut.freq_hz"))["result"]["value"] == 300
            await wire.close()

    run(work)


def test_nobody_gets_a_place_beyond_the_last_and_one_address_never_has_them_all(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path, max_clients=4) as server:
            wires = [await joined(server) for _ in range(2)]  # with the guest three of four
            late = await opened(server)
            late.say({"id": 1, "op": "hello", "token": TOKEN})
            assert (await late.reply(1))["error"]["code"] == "too-many"
            assert await late.close_code() == 4503
            other = await Wire.open(server, local_addr=("127.0.0.2", 0))
            await other.upgrade(server)
            other.say({"id": 1, "op": "hello", "token": TOKEN})
            assert (await other.reply(1))["ok"]
            for wire in (*wires, late, other):
                await wire.close()

    run(work)


# ---- pages of others


ORIGINS = [
    "http://evil.example",
    "null",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "https://127.0.0.1:{port}",
    "http://localhost:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1:{port}/",
    "",
]


def test_a_page_of_another_origin_gets_no_websocket(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            for origin in ORIGINS:
                wire = await Wire.open(server)
                head = await wire.upgrade(server, Origin=origin.format(port=server.address[1]))
                assert (origin, status(head)) == (origin, 403)
                assert (await wire.rest()).startswith(b"wanted a request of this server's own page")
                await wire.close()

    run(work)


def test_the_page_itself_gets_one(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            wire = await Wire.open(server)
            port = server.address[1]
            assert status(await wire.upgrade(server, Origin=f"http://127.0.0.1:{port}")) == 101
            await wire.close()

    run(work)


HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "192.0.2.7:{port}",
    "0.0.0.0:{port}",
    "127.0.0.1.nip.io",
    "localhost.",
    "[fe80::1]",
    "",
    "a b",
]


def test_a_name_that_was_made_to_mean_this_machine_is_refused(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            for host in HOSTS:
                named = host.format(port=server.address[1])
                for path in ("/", "/control", "/app.js"):
                    assert (host, status(await fetch(server, path, Host=named))) == (host, 403)
                wire = await Wire.open(server)
                assert status(await wire.upgrade(server, Host=named, Origin=f"http://{named}")) == 403
                await wire.close()

    run(work)


def test_our_own_names_and_addresses_are_served(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path, names=("Studio.local",)) as server:
            port = server.address[1]
            for host in (
                f"127.0.0.1:{port}",
                "127.0.0.1",
                f"localhost:{port}",
                f"[::1]:{port}",
                f"studio.local:{port}",
            ):
                assert status(await fetch(server, Host=host)) == 200

    run(work)


def test_a_request_without_a_host_is_refused(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            assert status(await fetch(server, Host=None)) == 400
            wire = await Wire.open(server)
            assert status(await wire.upgrade(server, Host=None)) == 400
            await wire.close()

    run(work)


HANDSHAKES: list[tuple[dict[str, str | None], int]] = [
    ({"Sec-WebSocket-Protocol": None}, 400),
    ({"Sec-WebSocket-Protocol": "softphone.control.v2, chat"}, 400),
    ({"Sec-WebSocket-Version": "8"}, 400),
    ({"Sec-WebSocket-Key": "short"}, 400),
    ({"Sec-WebSocket-Key": None}, 400),
    ({"Connection": "keep-alive"}, 400),
    ({"Upgrade": None}, 426),
    ({"Upgrade": "h2c"}, 426),
]


def test_a_handshake_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            for headers, code in HANDSHAKES:
                wire = await Wire.open(server)
                assert (headers, status(await wire.upgrade(server, **headers))) == (headers, code)
                await wire.close()

    run(work)


# ---- HTTP


REQUEST_LINES = [
    ("GET /../../etc/passwd HTTP/1.1", 404),
    ("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1", 404),
    ("GET /..%2f..%2fetc%2fpasswd HTTP/1.1", 404),
    ("GET //etc/passwd HTTP/1.1", 404),
    ("GET /files/../index.html HTTP/1.1", 404),
    ("GET /files//etc/passwd HTTP/1.1", 404),
    ("GET /notes.txt HTTP/1.1", 404),
    ("GET /index.html%00.js HTTP/1.1", 404),
    ("GET /index.html\0.js HTTP/1.1", 400),
    ("GET C:\\secret HTTP/1.1", 400),
    ("GET /\xe9 HTTP/1.1", 400),
    ("GET file:///etc/passwd HTTP/1.1", 400),
    ("GET http://127.0.0.1/ HTTP/1.1", 400),
    ("POST / HTTP/1.1", 405),
    ("PUT /app.js HTTP/1.1", 405),
    ("DELETE / HTTP/1.1", 405),
    ("OPTIONS * HTTP/1.1", 405),
    ("HEAD / HTTP/1.1", 405),
    ("CONNECT evil.example:443 HTTP/1.1", 405),
    ("GET / HTTP/1.0", 505),
    ("GET / HTTP/2.0", 505),
    ("PRI * HTTP/2.0", 505),
    ("GET /", 400),
    ("GET  / HTTP/1.1", 400),
    ("hello", 400),
    ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
]


def test_a_request_for_what_is_not_of_the_page_is_refused(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            for line, code in REQUEST_LINES:
                wire = await Wire.open(server)
                wire.send(f"{line}\r\nHost: 127.0.0.1:{server.address[1]}\r\n\r\n".encode("latin-1"))
                answer = await wire.rest()
                assert (line, status(answer)) == (line, code)
                assert b"root:" not in answer
                assert b"passwd" not in answer
                await wire.close()

    run(work)


HEADERS = [
    (["Content-Length: 5"], 400),
    (["Transfer-Encoding: chunked"], 400),
    (["Host: 127.0.0.1"], 400),
    (["Origin: null", "Origin: null"], 400),
    (["Space : here"], 400),
    ([" folded"], 400),
    (["NoColon"], 400),
    (["X: \x01"], 400),
    (["X: a\nHost: evil.example"], 400),
    (["X: " + "a" * 20_000], 431),
    ([f"X-{n}: 1" for n in range(100)], 431),
]


def test_headers_that_could_be_read_in_two_ways_or_are_huge_are_refused(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            for lines, code in HEADERS:
                wire = await Wire.open(server)
                wire.send("\r\n".join(("GET / HTTP/1.1", "Host: 127.0.0.1", *lines, "", "")))
                assert (lines, status(await wire.rest())) == (lines, code)
                await wire.close()

    run(work)


def test_a_header_that_never_ends_is_refused_without_being_kept(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            wire = await Wire.open(server)
            wire.send(b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000)
            assert status(await wire.rest()) == 431
            await wire.close()

    run(work)


def test_a_request_that_drips_is_ended_408(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            monkeypatch.setattr(connection, "OPEN_S", 0.1)
            wire = await Wire.open(server)
            answer = asyncio.create_task(wire.rest())
            for each in b"GET / HTTP/1.1\r\nX-Slow: " + b"a" * 10_000:
                wire.send(bytes([each]))
                await asyncio.sleep(0.01)
                if answer.done() or server.stats.late:
                    break
            assert status(await answer) == 408
            await wire.close()

    run(work)


def test_two_hundred_who_stand_there_and_say_nothing_keep_nobody_out(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            idle = []
            for number in range(200):
                wire = await Wire.open(server)
                if number % 3 == 0:
                    wire.send("GET / HTTP/1.1\r\nHost:")
                idle.append(wire)
            await until(lambda: server.stats.connections >= 200)
            assert len(server._door.pending) <= MAX_PENDING_PER_ADDRESS
            assert server.stats.crowded >= 200 - MAX_PENDING_PER_ADDRESS
            assert status(await fetch(server)) == 200
            wire = await joined(server)
            assert (await wire.ask("ping"))["ok"]
            for each in (wire, *idle):
                await each.close()

    run(work)


def test_tickets_cannot_be_guessed_and_end_after_ten_minutes(tmp_path: Path) -> None:
    now = [0.0]
    files = Tickets(lambda: now[0])

    async def work() -> None:
        async with attacked(tmp_path, files=files) as server:
            link = files.issue(b"report", "text/plain", name="report.txt")
            assert link.startswith(PREFIX)
            assert len(link) - len(PREFIX) == 22  # 128 bits in base64
            assert link != files.issue(b"report", "text/plain", name="report.txt")
            for guess in ("", link[:-1], link + "a", link.swapcase(), PREFIX + "a" * 22, link + "/../app.js"):
                assert status(await fetch(server, guess or "/files/")) == 404
            assert status(await fetch(server, link)) == 200
            now[0] = 599.0
            assert status(await fetch(server, link)) == 200
            now[0] = 601.0
            assert status(await fetch(server, link)) == 404

    run(work)


def test_links_are_kept_only_so_many_and_so_large() -> None:
    files = Tickets()
    links = [files.issue(b"x", "text/plain", name="x") for _ in range(300)]
    assert files.find(links[-1]) is not None
    assert sum(files.find(link) is not None for link in links) == 256
    large = [files.issue(bytes(30 << 20), "audio/wav", name="x") for _ in range(3)]
    assert [files.find(link) is not None for link in large] == [False, True, True]


# ---- WebSocket


def test_a_binary_message_is_closed_1003(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            wire = await joined(server)
            wire.say(b'{"id": 1, "op": "ping"}', opcode=2)
            assert await wire.close_code() == 1003
            await wire.close()

    run(work)


def test_a_frame_of_100_mb_is_closed_1009_when_its_head_is_there_and_takes_no_memory(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            wire = await joined(server)
            tracemalloc.start()
            wire.send(frame(b"", length=100 << 20) + b"a" * 1000)
            assert await wire.close_code() == 1009
            for _ in range(50):
                wire.send(b"a" * 65536)
                await asyncio.sleep(0)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 8 << 20  # the test's own stream keeps 3 MB
            assert server.stats.too_long == 1
            await wire.close()

    run(work)


@pytest.mark.parametrize("parts", [[b"a" * 40_000, b"a" * 40_000], [b"a"] * 100, [b""] * 100])
def test_a_message_in_too_large_or_too_many_pieces_is_closed_1009(tmp_path: Path, parts: list[bytes]) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            wire = await joined(server)
            for number, part in enumerate(parts):
                wire.send(frame(part, 0 if number else 1, fin=False))
            assert await wire.close_code() == 1009
            await wire.close()

    run(work)


FRAMES = [
    (b"\x81\x02hi", 1002),  # not masked (RFC 6455 section 5.1)
    (b"\xf1\x80\0\0\0\0", 1002),  # reserved bits
    (b"\x83\x80\0\0\0\0", 1002),  # no such opcode
    (b"\x80\x80\0\0\0\0", 1002),  # a continuation of nothing
    (b"\x09\x80\0\0\0\0", 1002),  # a ping in pieces
    (frame(b"\xff\xfe"), 1007),
    (frame(b"\x03\xe8bye", 8), 1000),
]


def test_frames_that_are_none_are_closed_with_the_code_of_the_rfc(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            for data, code in FRAMES:
                wire = await joined(server)
                wire.send(data)
                assert (data, await wire.close_code()) == (data, code)
                await wire.close()

    run(work)


BROKEN = [
    "",
    "{",
    "[1]",
    "null",
    '"hello"',
    '{"id": 1}',
    '{"id": NaN, "op": "ping"}',
    "[" * 30_000,
    '{"a":' * 9_000,
    "\0",
    '{"id":1,"op":"set","path":"low-cut.freq_hz","value":1e999}',
    '{"id":1,"op":"save","name":"../../etc/passwd"}',
    '{"id":1,"op":"preset","name":"/etc/passwd"}',
    '{"id":1,"op":' + "9" * 60_000 + "}",
]
REFUSED = ("bad-message", "bad-value", "out-of-range", "unknown-preset", "not-possible")


def test_broken_json_is_answered_and_the_connection_stays(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            wire = await joined(server)
            for text in BROKEN:
                wire.say(text)
                heard = await wire.hear()
                assert isinstance(heard, dict)
                assert (text[:50], heard["ok"]) == (text[:50], False)
                assert heard["error"]["code"] in REFUSED
                assert (await wire.ask("ping"))["ok"]
            await wire.close()

    run(work)


def test_ten_thousand_random_messages_are_each_answered_or_the_connection_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any text from outside gets a reply, with a code where it is refused; nothing of it is a fault of ours."""
    monkeypatch.setattr(connection, "MESSAGES_PER_S", 1e9)
    monkeypatch.setattr(connection, "MESSAGE_BURST", 1e9)
    chance = random.Random(6)
    ops = [
        "get",
        "set",
        "patch",
        "preset",
        "load",
        "bypass",
        "undo",
        "redo",
        "subscribe",
        "validate",
        "hello",
        "xyz",
        7,
        None,
    ]
    values = [
        0,
        -1,
        1e300,
        "",
        "low-cut",
        "low-cut.freq_hz",
        "\u2603",
        None,
        True,
        [],
        {},
        [[]],
        {"a": 1},
        300,
        "main",
    ]
    keys = [
        "path",
        "value",
        "chain",
        "changes",
        "preset",
        "name",
        "on",
        "topics",
        "rate_hz",
        "if_revision",
        "token",
    ]

    def message() -> str:
        match chance.randrange(4):
            case 0:
                return "".join(chr(chance.randrange(32, 0x300)) for _ in range(chance.randrange(60)))
            case 1:
                text = json.dumps(
                    {"id": chance.randrange(99), "op": chance.choice(ops), "path": "low-cut.freq_hz"}
                )
                at = chance.randrange(len(text))
                return text[:at] + chr(chance.randrange(32, 127)) + text[at + chance.randrange(3) :]
            case _:
                body = {chance.choice(keys): chance.choice(values) for _ in range(chance.randrange(5))}
                return json.dumps(
                    {"id": chance.choice([1, "x", None, 2**80]), "op": chance.choice(ops), **body}
                )

    async def work() -> None:
        async with attacked(tmp_path) as server:
            wire = await joined(server)
            codes = set()
            for _ in range(200):
                for _ in range(50):
                    wire.say(message())
                answers = 0
                while answers < 50:
                    heard = await wire.hear()
                    assert isinstance(heard, dict), heard
                    if "ok" in heard:
                        answers += 1
                        codes.add("ok" if heard["ok"] else heard["error"]["code"])
            assert codes >= {"ok", "bad-message", "unknown-op", "unknown-path"}
            assert "internal" not in codes
            assert server.stats.faults == 0
            await wire.close()

    run(work)


def test_a_flood_is_told_rate_limited_and_then_closed_4429(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            wire = await joined(server)
            wire.send(b"".join(frame(json.dumps({"id": n, "op": "ping"}).encode()) for n in range(2000)))
            heard = []
            while isinstance(each := await wire.hear(), dict):
                heard.append("ok" if each["ok"] else each["error"]["code"])
            assert each == 4429
            assert heard.count("ok") >= 190
            assert "rate-limited" in heard
            assert server.stats.floods == 1
            assert server.stats.messages < 700
            await wire.close()

    run(work)


def test_a_flood_of_pings_and_of_long_messages_is_one_too(tmp_path: Path) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            for flood in (frame(b"", 9) * 5000, frame(b'{"id":1,"op":"' + b"a" * 60_000 + b'"}') * 300):
                wire = await joined(server)
                wire.send(flood)
                assert await wire.close_code() == 4429
                await wire.close()

    run(work)


def test_a_client_that_does_not_read_misses_levels_and_is_dropped_when_it_must_be_told_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with attacked(tmp_path) as server:
            deaf = await Wire.open(server)
            transport = deaf.writer.transport
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            deaf.send(handshake(server))
            deaf.say({"id": 1, "op": "hello", "token": TOKEN})
            deaf.say({"id": 2, "op": "subscribe", "topics": ["levels", "changes"], "rate_hz": 50})
            await until(lambda: len(server._sessions) == 2)
            session = next(each for each in server._sessions.values() if each.client.name != "guest")
            unread = session.connection
            while unread.unsent <= connection.SKIP_ABOVE:  # long replies fill what the kernel keeps for it
                asked = server.stats.messages
                deaf.say({"id": 3, "op": "schema"})
                await until(lambda asked=asked: server.stats.messages > asked and not session._slow)  # type: ignore[misc]
            skipped, made, levels = unread.skipped, [], server.dispatcher.levels
            monkeypatch.setattr(
                server.dispatcher, "levels", lambda chain=None: made.append(chain) or levels(chain)
            )
            await until(lambda: unread.skipped >= skipped + 3)
            assert made == []  # nobody reads them
            ben = await joined(server, name="Ben")
            assert (await ben.ask("subscribe", topics=["levels"], rate_hz=50))["ok"]
            skipped = unread.skipped
            await until(lambda: unread.skipped >= skipped + 3)
            waiting = unread.unsent
            for _ in range(3):
                assert isinstance(await ben.hear(), dict)
            await until(lambda: unread.skipped >= skipped + 6)
            assert unread.unsent <= waiting
            assert server.stats.slow == 0
            monkeypatch.setattr(connection, "DROP_ABOVE", connection.SKIP_ABOVE)
            server.dispatcher.publish("changes", {}, fleeting=True)  # the next one would say all anew
            assert (await ben.ask("ping"))["ok"]
            assert unread.phase is connection.Phase.OPEN
            assert (await ben.ask("set", path="low-cut.freq_hz", value=280))["ok"]
            await until(lambda: unread.phase is connection.Phase.CLOSED)
            assert server.stats.slow == 1
            assert server.stats.skipped >= 6
            transport.abort()
            await ben.close()

    run(work)


def test_a_browser_that_stops_reading_a_file_holds_no_more_than_a_piece_of_it(tmp_path: Path) -> None:
    files = Tickets()
    sound = tmp_path / "long.wav"
    with sound.open("wb") as file:
        file.truncate(64 << 20)

    async def work() -> None:
        async with attacked(tmp_path, files=files) as server:
            wire = await Wire.open(server, limit=1024)
            wire.send(
                f"GET {files.issue(sound, 'audio/wav', name='long.wav')} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            )
            await wire.reader.read(100)
            connected = next(iter(server._answers))
            for _ in range(50):
                await asyncio.sleep(0.002)
                assert connected.unsent < 1 << 20
            wire.writer.transport.abort()

    run(work)


# ---- what is written down


def test_neither_tokens_nor_messages_are_ever_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = Tickets()

    async def work() -> None:
        async with attacked(tmp_path, files=files) as server:
            link = files.issue(b"secret file", "text/plain", name="secret-name.txt")
            await fetch(server, link)
            await fetch(server, "/secret-path", **{"X-Secret-Header": "secret-value"})
            wire = await joined(server, name="secret-client")
            wire.say('{"id": 1, "op": "secret-op"}')
            wire.say({"id": 2, "op": "set", "path": "secret-slot.x", "value": "secret-value"})
            wire.say(b"secret-bytes", opcode=2)
            await wire.close_code()
            await wire.close()
            wire = await opened(server)
            wire.say({"id": 1, "op": "hello", "token": "secret-token"})
            await wire.close_code()
            await wire.close()
            view = await joined(server, token=server.view_token)
            await view.close()
            for token in (TOKEN, server.view_token, link):
                assert token not in repr(server.tokens)
                assert token not in caplog.text
            assert TOKEN not in repr(server._options)

    with caplog.at_level(logging.DEBUG):
        logging.getLogger("websockets").setLevel(logging.DEBUG)
        run(work)
    assert "wrong token from 127.0.0.1" in caplog.text
    assert "secret" not in caplog.text
    assert not [each for each in caplog.records if each.name.startswith("websockets")]


def test_random_bytes_on_the_port_are_no_fault_of_ours(tmp_path: Path) -> None:
    """Whatever bytes come, the connection is answered or closed, and nothing of ours fails."""
    chance = random.Random(7)

    async def work() -> None:
        async with attacked(tmp_path) as server:
            for number in range(150):
                wire = await Wire.open(server)
                if number % 2:
                    await wire.upgrade(server)
                    wire.say({"id": 0, "op": "hello", "token": TOKEN})
                    await wire.reply(0)
                    wire.send(chance.randbytes(chance.randrange(1, 400)))
                else:
                    wire.send(chance.randbytes(chance.randrange(1, 400)) + b"\r\n\r\n")
                wire.writer.write_eof()
                await wire.rest()
                await wire.close()

    run(work)
