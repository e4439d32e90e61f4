"""The driver over real loopback sockets: datagrams, timer, events, and what ICMP says."""

import asyncio
import errno
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from softphone.errors import EnvironmentProblem, UnreachableError
from softphone.io import udp
from softphone.io.driver import DatagramDriver
from softphone.sip.events import Address

TIMEOUT_S = 5.0
linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells which destination ICMP is about"
)


class EchoCore:
    """Answers every datagram with the same bytes, and reports all that it is told."""

    def __init__(self) -> None:
        self.out: list[tuple[bytes, Address]] = []
        self.events: list[Any] = []
        self.deadline: float | None = None
        self.told: list[Address] = []

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        self.events.append(("received", data, addr))
        if not data.startswith(b"echo "):
            self.out.append((b"echo " + data, addr))

    def datagrams_to_send(self, *, now: float) -> list[tuple[bytes, Address]]:
        out, self.out = self.out, []
        return out

    def handle_timeout(self, *, now: float) -> None:
        if self.deadline is not None and now >= self.deadline:
            self.events.append(("timeout", now, self.deadline))
            self.deadline = None

    def next_timeout(self) -> float | None:
        return self.deadline

    def next_event(self) -> Any:
        return self.events.pop(0) if self.events else None

    def transport_error(self, addr: Address, *, reason: str, closed: bool, now: float) -> None:
        self.events.append(("unreachable", addr))


class Peer:
    """A core, its driver, and a queue of its events."""

    core: EchoCore
    driver: DatagramDriver[Any]
    events: asyncio.Queue[Any]

    @classmethod
    async def open(cls, host: str = "127.0.0.1", **options: Any) -> "Peer":
        peer = cls()
        peer.core, peer.events = EchoCore(), asyncio.Queue()
        sock = udp.bind_udp(host, 0)
        peer.driver = await DatagramDriver.open(peer.core, peer.events.put_nowait, sock, **options)
        return peer

    async def event(self) -> Any:
        return await asyncio.wait_for(self.events.get(), TIMEOUT_S)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def closed_port(host: str = "127.0.0.1") -> Address:
    sock = udp.bind_udp(host, 0)
    address = udp.address_of(sock)
    sock.close()
    return address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_datagrams_go_both_ways_and_are_counted(host: str) -> None:
    async def scenario() -> None:
        try:
            a, b = await Peer.open(host), await Peer.open(host)
        except EnvironmentProblem:
            pytest.skip(f"no {host} here")
        a.core.out.append((b"hello", b.driver.address))
        a.driver.pump()
        assert await b.event() == ("received", b"hello", a.driver.address)
        assert await a.event() == ("received", b"echo hello", b.driver.address)
        assert (a.driver.stats.datagrams_sent, a.driver.stats.bytes_sent) == (1, 5)
        assert (a.driver.stats.datagrams_received, a.driver.stats.bytes_received) == (1, 10)
        a.driver.close()
        b.driver.close()

    run(scenario)


def test_the_tap_sees_both_directions() -> None:
    async def scenario() -> None:
        seen: list[tuple[str, bytes, Address]] = []
        a, b = await Peer.open(tap=lambda *what: seen.append(what)), await Peer.open()
        a.core.out.append((b"hi", b.driver.address))
        a.driver.pump()
        await a.event()
        assert seen == [(">", b"hi", b.driver.address), ("<", b"echo hi", b.driver.address)]
        a.driver.close()
        b.driver.close()

    run(scenario)


def test_a_timeout_is_never_handled_before_it_is_due() -> None:
    async def scenario() -> None:
        a = await Peer.open()
        a.core.deadline = asyncio.get_running_loop().time() + 0.002
        a.driver.pump()
        kind, now, deadline = await a.event()
        assert kind == "timeout"
        assert now >= deadline
        a.driver.close()

    run(scenario)


def test_a_deadline_moved_forward_replaces_the_timer() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        a = await Peer.open()
        a.core.deadline = loop.time() + 3600.0
        a.driver.pump()
        a.core.deadline = loop.time()
        a.driver.pump()
        assert (await a.event())[0] == "timeout"
        a.driver.close()

    run(scenario)


def test_an_event_handler_may_pump_again() -> None:
    async def scenario() -> None:
        order: list[str] = []
        core = EchoCore()

        def on_event(event: Any) -> None:
            order.append(event)
            if event == "first":
                core.events.append("second")
                driver.pump()
                order.append("first is done")

        driver = await DatagramDriver.open(core, on_event, udp.bind_udp("127.0.0.1", 0))
        core.events.append("first")
        driver.pump()
        assert order == ["first", "first is done", "second"]
        driver.close()
        driver.pump()

    run(scenario)


def test_a_handler_that_fails_does_not_keep_the_core_from_sending() -> None:
    async def scenario() -> None:
        peer = await Peer.open()
        core = EchoCore()

        def on_event(event: Any) -> None:
            raise LookupError(event)

        driver = await DatagramDriver.open(core, on_event, udp.bind_udp("127.0.0.1", 0))
        core.events.append("fatal")
        core.out.append((b"still here", peer.driver.address))
        with pytest.raises(LookupError, match="fatal"):
            driver.pump()
        assert await peer.event() == ("received", b"still here", driver.address)
        peer.driver.close()
        driver.close()

    run(scenario)


@linux_only
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_icmp_port_unreachable_reaches_the_core_with_its_destination(host: str) -> None:
    async def scenario() -> None:
        try:
            nobody = closed_port(host)
        except EnvironmentProblem:
            pytest.skip(f"no {host} here")
        a = await Peer.open(host)
        a.core.out.append((b"anybody?", nobody))
        a.driver.pump()
        assert await a.event() == ("unreachable", nobody)
        assert a.driver.stats.unreachable == 1
        a.driver.close()

    run(scenario)


@linux_only
def test_the_error_of_one_destination_does_not_cost_another_its_datagram() -> None:
    async def scenario() -> None:
        nobody = closed_port()
        a, b = await Peer.open(), await Peer.open()
        # On loopback ICMP is back before the next sendto, which therefore meets the error.
        a.core.out += [(b"anybody?", nobody), (b"you?", b.driver.address)]
        a.driver.pump()
        assert await b.event() == ("received", b"you?", a.driver.address)
        assert await a.event() == ("unreachable", nobody)
        assert (await a.event())[:2] == ("received", b"echo you?")
        a.driver.close()
        b.driver.close()

    run(scenario)


def test_a_datagram_the_system_refuses_is_told_and_the_loop_comes_to_rest() -> None:
    async def scenario() -> None:
        a = await Peer.open()
        a.core.out.append((bytes(70000), ("127.0.0.1", 9)))
        a.driver.pump()
        assert await a.event() == ("unreachable", ("127.0.0.1", 9))
        assert a.driver.stats.send_errors == 1
        assert udp.take_unreachable(a.driver._socket) == []
        a.driver.close()

    run(scenario)


def test_a_host_name_is_looked_up_before_sending() -> None:
    async def scenario() -> None:
        a, b = await Peer.open(), await Peer.open()
        for _ in range(2):
            a.core.out.append((b"hello", ("localhost", b.driver.address[1])))
            a.driver.pump()
            assert (await b.event())[:2] == ("received", b"hello")
        a.driver.close()
        b.driver.close()

    run(scenario)


@linux_only
def test_a_destination_known_by_name_is_unreachable_by_that_name() -> None:
    async def scenario() -> None:
        port = closed_port()[1]
        a = await Peer.open()
        a.core.out.append((b"anybody?", ("localhost", port)))
        a.driver.pump()
        assert {await a.event(), await a.event()} == {
            ("unreachable", ("127.0.0.1", port)),
            ("unreachable", ("localhost", port)),
        }
        a.driver.close()

    run(scenario)


def test_a_host_name_that_is_none_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async def no_such_host(*args: Any, **options: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_host)
        a = await Peer.open()
        a.core.out.append((b"hello", ("no-such-host.invalid", 5060)))
        a.driver.pump()
        assert await a.event() == ("unreachable", ("no-such-host.invalid", 5060))
        with pytest.raises(UnreachableError, match=r"no-such-host\.invalid"):
            await udp.resolve("no-such-host.invalid", 5060)
        a.driver.close()

    run(scenario)


def test_of_two_families_a_name_gives_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        v6 = (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("2001:db8::1", 5060, 0, 0))
        v4 = (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.1", 5060))
        found: list[Any] = [v6, v4]

        async def look_up(*args: Any, **options: Any) -> Any:
            return found

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        assert await udp.resolve("host.example", 5060) == ("192.0.2.1", 5060)
        found.remove(v4)
        assert await udp.resolve("host.example", 5060) == ("2001:db8::1", 5060)

    run(scenario)


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    taken = udp.bind_udp("127.0.0.1", 0)
    port = udp.address_of(taken)[1]
    with pytest.raises(EnvironmentProblem, match=f"UDP port {port} on 127.0.0.1.*in use.*choose another"):
        udp.bind_udp("127.0.0.1", port)
    taken.close()


def test_an_address_of_another_machine_is_refused_by_name() -> None:
    with pytest.raises(EnvironmentProblem, match=r"no address 192\.0\.2\.1"):
        udp.bind_udp("192.0.2.1", 5060)


def test_a_listen_address_that_is_none_is_refused() -> None:
    with pytest.raises(EnvironmentProblem, match="address of this machine, got 'no such host'"):
        udp.bind_udp("no such host", 5060)


def test_too_many_open_files_are_a_problem_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(udp.socket, "socket", exhausted)
    with pytest.raises(EnvironmentProblem, match="Too many open files"):
        udp.bind_udp("127.0.0.1", 0)
    with pytest.raises(UnreachableError, match="Too many open files"):
        udp.local_host_towards(("127.0.0.1", 5060))


def test_the_local_address_towards_loopback_is_loopback() -> None:
    assert udp.local_host_towards(("127.0.0.1", 5060)) == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "numeric"), [("192.0.2.1", True), ("2001:db8::1", True), ("host", False), ("1.2", False)]
)
def test_numeric_addresses_are_told_from_names(host: str, numeric: bool) -> None:
    assert udp.is_numeric(host) is numeric
