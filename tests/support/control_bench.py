"""A control server on 127.0.0.1 over a desk whose chain a paced thread runs, and raw connections to attack it with."""

import asyncio
import json
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from support.desk_bench import Bench

from softphone.io.control.server import ControlServer
from softphone.io.control.tickets import Tickets
from softphone.io.media_clock import new_media_loop
from softphone.serve_config import ServeOptions

TOKEN = "a-control-token-of-the-tests"
LOCAL = ("127.0.0.1", 0)


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run *work* on the kind of loop that calls run on; a fault in a callback fails the test."""
    faults: list[Mapping[str, Any]] = []

    async def body() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        async with asyncio.timeout(30):
            await work()

    with asyncio.Runner(loop_factory=new_media_loop) as runner:
        runner.run(body())
    assert faults == []


class Player(threading.Thread):
    """Runs the bench's chain block after block, as an engine does; a pause between blocks stands for the device."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(name="player", daemon=True)
        self.blocks = 0
        self._bench = bench
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.01):
            self._bench.runners[0].play(0.01)
            self.blocks += 1

    def close(self) -> None:
        self._over.set()
        self.join()


@asynccontextmanager
async def serving(
    web: Path,
    bench: Bench | None = None,
    *,
    files: Tickets | None = None,
    tls_folder: Path | None = None,
    faults: int = 0,
    **options: Any,
) -> AsyncIterator[ControlServer]:
    """A server of a bench; closed, and with no more than *faults* of its own, in the end."""
    (web / "index.html").write_text("<!doctype html><title>page</title>" + "<p>hello" * 50)
    (web / "app.js").write_text("export const here = true;\n")
    (web / "notes.txt").write_text("nobody's business")
    bench = Bench() if bench is None else bench
    wanted = ServeOptions(**{"address": LOCAL, "token": TOKEN, **options})
    server = await ControlServer.open(
        bench.dispatcher,
        wanted,
        files=Tickets() if files is None else files,
        tls_folder=tls_folder,
        web=web,
    )
    try:
        yield server
    finally:
        await server.close()
    assert server.stats.faults == faults


class Wire:
    """A TCP connection whose bytes the test writes itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, server: ControlServer, **more: Any) -> Self:
        return cls(*await asyncio.open_connection(*server.address, **more))

    def send(self, data: bytes | str) -> None:
        self.writer.write(data.encode() if isinstance(data, str) else data)

    async def rest(self) -> bytes:
        """All that still comes; nothing where the connection is reset."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    # ---- WebSocket, by hand (RFC 6455)

    async def upgrade(self, server: ControlServer, **headers: str | None) -> bytes:
        """Send a handshake; the head of the answer."""
        self.send(handshake(server, **headers))
        return await self.reader.readuntil(b"\r\n\r\n")

    def say(self, message: Mapping[str, Any] | str | bytes, opcode: int = 1) -> None:
        """Send one masked frame."""
        text = json.dumps(message) if isinstance(message, Mapping) else message
        self.send(frame(text.encode() if isinstance(text, str) else text, opcode))

    async def hear(self) -> dict[str, Any] | int:
        """The next message, or the code that the connection is closed with."""
        while True:
            first, second = await self.reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
            data = await self.reader.readexactly(length)
            if first & 0x0F == 8:
                return int.from_bytes(data[:2], "big")
            if first & 0x0F == 1:
                return dict(json.loads(data))

    async def reply(self, number: Any) -> dict[str, Any]:
        """The reply to the request of that id; events before it are passed over."""
        while True:
            heard = await self.hear()
            assert isinstance(heard, dict), heard
            if heard.get("id") == number and "ok" in heard:
                return heard

    async def close_code(self) -> int:
        """The code the connection is closed with; messages before it are passed over."""
        while True:
            heard = await self.hear()
            if isinstance(heard, int):
                return heard

    async def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        self.say({"id": op, "op": op, **arguments})
        return await self.reply(op)


def handshake(server: ControlServer, **headers: str | None) -> str:
    """A WebSocket handshake; a header of None is left out."""
    given = {
        "Host": f"{server.address[0]}:{server.address[1]}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "softphone.control.v1",
        **headers,
    }
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join(("GET /control HTTP/1.1", *lines, "", ""))


def frame(data: bytes, opcode: int = 1, *, length: int | None = None, fin: bool = True) -> bytes:
    """A masked frame (the mask is zero); *length* may lie."""
    size = len(data) if length is None else length
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += b"\xfe" + struct.pack("!H", size)
    else:
        head += b"\xff" + struct.pack("!Q", size)
    return head + bytes(4) + data


async def joined(server: ControlServer, token: str = TOKEN, name: str = "Anna") -> Wire:
    """A client that has said hello."""
    wire = await Wire.open(server)
    assert b" 101 " in await wire.upgrade(server)
    wire.say({"id": 0, "op": "hello", "token": token, "name": name})
    assert (await wire.reply(0))["ok"]
    return wire


async def fetch(
    server: ControlServer, target: str = "/", *, method: str = "GET", **headers: str | None
) -> bytes:
    """What comes back for one request."""
    wire = await Wire.open(server)
    given = {"Host": f"{server.address[0]}:{server.address[1]}", **headers}
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    wire.send("\r\n".join((f"{method} {target} HTTP/1.1", *lines, "", "")))
    answer = await wire.rest()
    await wire.close()
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what others do."""
    while not condition():  # noqa: ASYNC110 - nobody could set an event for what is looked at from outside
        await asyncio.sleep(0.001)
