"""Open Sound Control over a real UDP socket on loopback, with the operations of a real dispatcher."""

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from dsp.chain import FilterChain
from dsp.filters import Setting
from dsp.live_meter import LiveMeter
from dsp.preset import Preset
from softphone.control import Client, Desk, Dispatcher, Event, Reply, Request
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.control.limits import FREE_FAILURES, Guesses
from softphone.io.control.osc_mirror import MAX_DATAGRAM, MAX_PEERS, OscMirror, check_packet
from softphone.io.control.stats import ServerStats
from softphone.io.control.tokens import TokenPair
from softphone.io.control.workers import Workers
from softphone.serve_config import ServeOptions

pythonosc = pytest.importorskip("pythonosc.osc_message_builder", reason="python-osc is not installed")
osc_message = pytest.importorskip("pythonosc.osc_message")
osc_bundle_builder = pytest.importorskip("pythonosc.osc_bundle_builder")

PRESET = Preset.parse(
    {
        "about": "",
        "filter": [
            {"type": "gain"},
            {"type": "butterworth", "slot": "low-cut", "kind": "highpass", "freq_hz": 100.0},
        ],
    },
    "test",
)
TOKENS = TokenPair.make("a-token-of-22-letters-x")
Sent = tuple[str, list[Any]]


class NoPresets:
    def names(self) -> Sequence[dict[str, Any]]:
        return []

    def load(self, name: str) -> Preset:
        raise UsageError(name)

    def save(self, preset: Preset, name: str, *, force: bool) -> None:
        raise UsageError(name)


class Host:
    """What the server gives the mirror."""

    def __init__(self) -> None:
        self.dispatcher = Watched([Desk("main", "Main", PRESET, Setting(16_000))], NoPresets())
        self.dispatcher.on_event = self.on_event
        self.loop = asyncio.get_running_loop()
        self.stats = ServerStats()
        self.workers = Workers(self.dispatcher, self.stats)
        self.tokens = TOKENS
        self.guesses = Guesses()
        self.listeners: list[Callable[[Event], None]] = []
        self.wanted_listeners: list[Callable[[], None]] = []
        self.faders: list[Fader] = []

    @property
    def handled(self) -> list[Request]:
        return self.dispatcher.handled

    async def handle(self, client: Client, request: Request) -> Reply:
        return await self.workers.perform(client, request)

    def on_event(self) -> None:
        self.loop.call_soon_threadsafe(self.tell)

    def tell(self) -> None:
        for event in self.dispatcher.take_events():
            for listener in self.listeners:
                listener(event)


class Watched(Dispatcher):
    """Remembers what was asked."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.handled: list[Request] = []

    def handle(self, client: Client, request: Request, *, now: float) -> Reply:
        self.handled.append(request)
        return super().handle(client, request, now=now)


class Fader(asyncio.DatagramProtocol):
    """A device that sends and hears OSC."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Sent] = asyncio.Queue()
        self.transport: Any = None

    @classmethod
    async def open(cls, host: Host, mirror: OscMirror) -> "Fader":
        fader = cls()
        host.faders.append(fader)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: fader, remote_addr=mirror.bound)
        return fader

    @property
    def address(self) -> Any:
        return self.transport.get_extra_info("sockname")

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        message = osc_message.OscMessage(data)
        self.heard.put_nowait((message.address, message.params))

    def send(self, address: str, *arguments: Any) -> None:
        self.transport.sendto(packet(address, *arguments))

    async def next(self) -> Sent:
        async with asyncio.timeout(5):
            return await self.heard.get()

    async def ask(self, address: str, *arguments: Any) -> Sent:
        self.send(address, *arguments)
        return await self.next()

    async def hello(self, token: str = TOKENS.control) -> Sent:
        return await self.ask("/softphone/hello", token)


def packet(address: str, *arguments: Any) -> bytes:
    builder = pythonosc.OscMessageBuilder(address)
    for each in arguments:
        builder.add_arg(each)
    return bytes(builder.build().dgram)


def with_mirror(scene: Callable[[Host, OscMirror], Awaitable[None]]) -> None:
    async def run() -> None:
        host = Host()
        mirror = await OscMirror.open(host, ("127.0.0.1", 0))
        try:
            await scene(host, mirror)
        finally:
            await mirror.close()
            host.workers.close()
            for fader in host.faders:
                fader.transport.close()
            await asyncio.sleep(0)
        assert host.listeners == []
        assert host.dispatcher.sessions.clients == ()

    asyncio.run(run())


def test_a_fader_with_the_token_sets_a_value_and_reads_it_back() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        fader = await Fader.open(host, mirror)
        assert await fader.hello() == ("/softphone/hello", ["control", "softphone"])
        fader.send("/softphone/main/gain/gain_db", -6.5)
        assert await fader.ask("/softphone/main/gain/gain_db") == ("/softphone/main/gain/gain_db", [-6.5])
        assert host.dispatcher.desk().preset.slots[0].params.gain_db == -6.5

    with_mirror(scene)


def test_nothing_is_done_for_who_has_shown_no_token_or_a_wrong_one() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        fader = await Fader.open(host, mirror)
        address, words = await fader.ask("/softphone/main/gain/gain_db", 6.0)
        assert (address, words[0], words[2]) == (
            "/softphone/error",
            "unauthorized",
            "/softphone/main/gain/gain_db",
        )
        assert (await fader.hello("wrong"))[1][0] == "unauthorized"
        assert host.handled == []
        assert (mirror.stats.strangers, host.stats.wrong_tokens) == (1, 1)

    with_mirror(scene)


def test_tokens_that_are_wrong_too_often_have_to_wait_the_right_one_too() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        fader = await Fader.open(host, mirror)
        for _ in range(FREE_FAILURES + 1):
            assert (await fader.hello("guess"))[1][0] == "unauthorized"
        assert (await fader.hello())[1][0] == "rate-limited"

    with_mirror(scene)


def test_the_view_token_looks_and_may_not_set() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        fader = await Fader.open(host, mirror)
        assert (await fader.hello(TOKENS.view))[1][0] == "view"
        assert (await fader.ask("/softphone/main/gain/gain_db", 6.0))[1][0] == "forbidden"
        assert await fader.ask("/softphone/main/gain/gain_db") == ("/softphone/main/gain/gain_db", [0.0])

    with_mirror(scene)


def test_what_one_changes_the_others_are_told_and_it_is_not() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        one, other = await Fader.open(host, mirror), await Fader.open(host, mirror)
        await one.hello()
        await other.hello()
        one.send("/softphone/main/low-cut/freq_hz", 250.0)
        assert await other.next() == ("/softphone/main/low-cut/freq_hz", [250.0])
        assert await one.ask("/softphone/ping") == ("/softphone/ping", [])
        assert one.heard.empty()

    with_mirror(scene)


def test_what_is_refused_is_said_with_its_code_and_range() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        fader = await Fader.open(host, mirror)
        await fader.hello()
        _, words = await fader.ask("/softphone/main/low-cut/freq_hz", 1e6)
        assert words[0] == "out-of-range"
        assert "low-cut.freq_hz must be" in words[1]
        assert (await fader.ask("/softphone/main/low-cut/frequency", 100.0))[1][0] == "unknown-path"
        assert (await fader.ask("/other/main"))[1][0] == "bad-message"

    with_mirror(scene)


def test_a_fader_moved_fast_counts_with_its_newest_value_and_order_is_kept() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        fader = await Fader.open(host, mirror)
        await fader.hello()
        for step in range(100):
            mirror.datagram_received(packet("/softphone/main/gain/gain_db", step / 10), fader.address)
        assert await fader.ask("/softphone/main/gain/gain_db") == (
            "/softphone/main/gain/gain_db",
            [pytest.approx(9.9)],
        )
        values = [request.arguments["value"] for request in host.handled if request.op == "set"]
        assert values == [9.9], "those that nobody would hear are left out"

    with_mirror(scene)


def test_a_bundle_is_done_message_by_message() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        fader = await Fader.open(host, mirror)
        await fader.hello()
        bundle = osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY)
        for address, value in (
            ("/softphone/main/gain/gain_db", -3.0),
            ("/softphone/main/low-cut/freq_hz", 300.0),
        ):
            message = pythonosc.OscMessageBuilder(address)
            message.add_arg(value)
            bundle.add_content(message.build())
        fader.transport.sendto(bundle.build().dgram)
        await fader.ask("/softphone/ping")
        assert [request.arguments["path"] for request in host.handled if request.op == "set"] == [
            "gain.gain_db",
            "low-cut.freq_hz",
        ]

    with_mirror(scene)


class Runs:
    """A running chain, as far as a desk asks."""

    def __init__(self) -> None:
        self.chain = FilterChain(PRESET, Setting(16_000))

    def levels(self) -> dict[str, Any]:
        heard = replace(LiveMeter(16_000, 1).read(), peak_dbfs=-12.5)
        return {"in": heard, "out": heard, "load_pct": 3.0}

    def spectrum(self) -> None:
        return None

    def reset_meters(self) -> None:
        return None


def test_levels_come_while_subscribed_to_and_no_longer() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        host.dispatcher.desk().attach(Runs())
        fader = await Fader.open(host, mirror)
        await fader.hello()
        fader.send("/softphone/levels", 50.0)
        first = await fader.next()
        assert first == ("/softphone/levels/main/in/peak_dbfs", [-12.5])
        while (await fader.next()) != first:
            pass
        fader.send("/softphone/levels", 0.0)
        while (await fader.ask("/softphone/ping"))[0] != "/softphone/ping":
            pass
        while not fader.heard.empty():
            fader.heard.get_nowait()
        await fader.ask("/softphone/ping")
        assert fader.heard.empty()

    with_mirror(scene)


def test_a_flood_is_dropped_and_counted_and_who_is_known_is_still_served() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        fader = await Fader.open(host, mirror)
        await fader.hello()
        flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(200):
            flood.sendto(packet("/softphone/main/gain/gain_db", 1.0), mirror.bound)
        flood.close()
        assert await fader.ask("/softphone/ping") == ("/softphone/ping", [])
        assert mirror.stats.dropped >= 150
        assert host.handled == [host.handled[0]]

    with_mirror(scene)


def test_no_more_than_a_few_senders_are_known_at_once() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        for _ in range(MAX_PEERS):
            assert (await (await Fader.open(host, mirror)).hello())[0] == "/softphone/hello"
        assert (await (await Fader.open(host, mirror)).hello())[1][0] == "too-many"

    with_mirror(scene)


def test_any_bytes_are_dropped_without_a_word_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Fuzz: 3,000 packets of random and of damaged bytes change nothing, log nothing, and the next right one is served."""
    rng = random.Random(6)
    right = packet("/softphone/main/gain/gain_db", -6.0, "x", 3)
    odd = [
        rng.randbytes(rng.randrange(64)) if rng.random() < 0.3 else _damaged(right, rng) for _ in range(3000)
    ]
    odd += [b"", b"/", b"#bundle\0", b"/a\0\0,z\0\0", b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xff"]

    async def scene(host: Host, mirror: OscMirror) -> None:
        for data in odd:
            mirror.datagram_received(data, ("127.0.0.1", 9))
            mirror._strangers.level = 20.0
        assert host.handled == []
        assert mirror.stats.faults == 0
        assert mirror.stats.malformed > 1000
        fader = await Fader.open(host, mirror)
        assert (await fader.hello())[0] == "/softphone/hello"

    with caplog.at_level(logging.INFO):
        with_mirror(scene)
    assert {each.name for each in caplog.records} <= {"asyncio", "softphone.io.control.reception"}


def _damaged(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.choice((len(changed), len(changed), rng.randrange(len(changed))))])


@pytest.mark.parametrize(
    "data", [b"/a\0\0,m\0\0" + bytes(4), b"a\0\0\0", b"/a\0", b"#bundle\0" + bytes(8) + b"\0\0\0\4/a\0"]
)
def test_what_the_library_would_log_or_choke_on_is_refused_before_it(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check_packet(data)


def test_bundles_in_bundles_have_an_end() -> None:
    data = packet("/softphone/ping")
    for _ in range(50):
        data = b"#bundle\0" + bytes(8) + len(data).to_bytes(4, "big") + data
    with pytest.raises(ValueError, match="nested too deep"):
        check_packet(data)


def test_what_came_nowhere_is_counted_and_the_others_are_still_served() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        mirror.error_received(ConnectionRefusedError())
        assert mirror.stats.lost == 1
        assert (await (await Fader.open(host, mirror)).hello())[0] == "/softphone/hello"

    with_mirror(scene)


def test_a_packet_that_is_too_long_is_dropped() -> None:
    async def scene(host: Host, mirror: OscMirror) -> None:
        mirror.datagram_received(packet("/softphone/ping", "x" * MAX_DATAGRAM), ("127.0.0.1", 9))
        assert mirror.stats.dropped == 1

    with_mirror(scene)


def test_a_port_that_is_taken_is_one_line() -> None:
    async def run() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            with pytest.raises(
                EnvironmentProblem, match=r"--osc wants UDP port \d+ on 127.0.0.1, which is in use"
            ):
                await OscMirror.open(Host(), taken.getsockname())

    asyncio.run(run())


def test_beyond_loopback_it_is_refused_without_allow_lan() -> None:
    with pytest.raises(UsageError, match=r"--osc 0\.0\.0\.0 would let others on the network in"):
        ServeOptions(osc=("0.0.0.0", 8766))
    assert ServeOptions(osc=("0.0.0.0", 8766), allow_lan=True).osc == ("0.0.0.0", 8766)
