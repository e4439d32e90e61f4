"""The RTP socket pair over loopback."""

import asyncio
import random
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from softphone.errors import EnvironmentProblem, UnreachableError, UsageError
from softphone.io import rtp_socket
from softphone.io.rtp_socket import RtpSocket
from softphone.io.udp import bind_udp

RTP = bytes([0x80, 96]) + bytes(10)
RTCP = bytes([0x80, 201]) + bytes(6)


class Clock:
    """Stands in for the time module: both clocks advance together, the wall clock can be set."""

    def __init__(self) -> None:
        self.offset_s = 0.0
        self.set_by_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.offset_s

    def time(self) -> float:
        return time.time() + self.offset_s + self.set_by_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rtp_socket, "time", clock)
    return clock


@pytest.fixture
def pair(clock: Clock) -> Iterator[RtpSocket]:
    pair = RtpSocket.open("127.0.0.1", random.Random(1))
    yield pair
    pair.close()


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with bind_udp("127.0.0.1", 0) as sock:
        yield sock


def arrived(sock: socket.socket) -> None:
    assert select.select([sock], [], [], 5.0)[0]


def test_rtp_is_even_and_rtcp_the_next_port(pair: RtpSocket) -> None:
    rtp, rtcp = pair.ports
    assert rtp % 2 == 0
    assert rtcp == rtp + 1


def free_ports(count: int) -> int:
    """The first of *count* free ports in a row, an even one, below those the system gives out."""
    for low in range(20000, 30000, 2 * count):
        with ExitStack() as stack:
            try:
                for port in range(low, low + count):
                    stack.enter_context(bind_udp("127.0.0.1", port))
            except EnvironmentProblem:
                continue
            return low
    pytest.fail(f"no {count} free ports in a row")


def test_the_first_free_pair_is_taken_and_a_full_range_is_an_error() -> None:
    low = free_ports(4)
    taken = [RtpSocket.open("127.0.0.1", random.Random(0), (low, low + 1))]
    taken.append(RtpSocket.open("127.0.0.1", random.Random(0), (low, low + 3)))
    assert [each.ports[0] for each in taken] == [low, low + 2]
    with pytest.raises(EnvironmentProblem, match=f"between {low} and {low + 3}.*found none"):
        RtpSocket.open("127.0.0.1", random.Random(0), (low, low + 3))
    for each in taken:
        each.close()


def test_a_pair_whose_rtcp_port_is_taken_is_passed_over() -> None:
    low = free_ports(4)
    with bind_udp("127.0.0.1", low + 1):
        pair = RtpSocket.open("127.0.0.1", random.Random(0), (low, low + 3))
    assert pair.ports == (low + 2, low + 3)
    pair.close()


@pytest.mark.parametrize("ports", [(7001, 7001), (7001, 7002), (7000, 7000), (7010, 7000), (65534, 65540)])
def test_a_range_without_a_pair_is_refused(ports: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=f"{ports[0]}-{ports[1]}"):
        RtpSocket.open("127.0.0.1", random.Random(0), ports)


def test_an_address_of_another_machine_is_said_so() -> None:
    with pytest.raises(EnvironmentProblem, match=r"no address 192\.0\.2\.1"):
        RtpSocket.open("192.0.2.1", random.Random(0))


def test_the_search_starts_where_the_generator_says() -> None:
    pairs = [RtpSocket.open("127.0.0.1", random.Random(seed)) for seed in range(4)]
    assert len({pair.ports for pair in pairs}) == 4
    assert not any(pairs[i].ports[0] + 2 == pairs[i + 1].ports[0] for i in range(3))
    for pair in pairs:
        pair.close()


def test_nothing_there_is_an_empty_list(pair: RtpSocket) -> None:
    assert pair.drain() == []


def test_all_waiting_datagrams_come_at_once_with_their_source(pair: RtpSocket, peer: socket.socket) -> None:
    for sequence_number in range(5):
        peer.sendto(RTP + bytes([sequence_number]), ("127.0.0.1", pair.ports[0]))
    arrived(pair._rtp)
    arrivals = pair.drain()
    assert [(data, addr) for data, addr, _ in arrivals] == [
        (RTP + bytes([n]), peer.getsockname()) for n in range(5)
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="kernel time stamps are read on Linux only")
def test_a_late_reader_still_learns_when_a_datagram_arrived(
    pair: RtpSocket, peer: socket.socket, clock: Clock
) -> None:
    before = clock.monotonic()
    peer.sendto(RTP, ("127.0.0.1", pair.ports[0]))
    arrived(pair._rtp)
    after = clock.monotonic()
    time.sleep(0.02)
    [(_, _, at)] = pair.drain()
    assert before - 0.001 <= at <= after + 0.001
    assert clock.monotonic() - at >= 0.02


@pytest.mark.parametrize("set_by_s", [3600.0, -3600.0])
def test_a_wall_clock_that_is_set_moves_no_arrival_out_of_its_interval(
    pair: RtpSocket, peer: socket.socket, clock: Clock, set_by_s: float
) -> None:
    pair.drain()
    emptied_at = clock.monotonic()
    peer.sendto(RTP, ("127.0.0.1", pair.ports[0]))
    arrived(pair._rtp)
    clock.set_by_s = set_by_s
    [(_, _, at)] = pair.drain()
    assert emptied_at - 0.01 <= at <= clock.monotonic()


def test_without_kernel_stamps_the_time_of_reading_is_taken(
    peer: socket.socket, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtp_socket, "_HAS_TIMESTAMPS", False)
    pair = RtpSocket.open("127.0.0.1", random.Random(2))
    peer.sendto(RTP, ("127.0.0.1", pair.ports[0]))
    arrived(pair._rtp)
    read_at = clock.monotonic()
    [(data, addr, at)] = pair.drain()
    assert (data, addr) == (RTP, peer.getsockname())
    assert at >= read_at
    pair.close()


def test_one_drain_is_bounded(pair: RtpSocket, peer: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtp_socket, "DATAGRAMS_PER_DRAIN", 3)
    for _ in range(5):
        peer.sendto(RTP, ("127.0.0.1", pair.ports[0]))
    arrived(pair._rtp)
    assert [len(pair.drain()) for _ in range(3)] == [3, 2, 0]


def test_rtcp_is_looked_for_every_half_second_only(
    pair: RtpSocket, peer: socket.socket, clock: Clock
) -> None:
    peer.sendto(RTCP, ("127.0.0.1", pair.ports[1]))
    arrived(pair._rtcp)
    assert pair.drain() == []
    clock.offset_s += rtp_socket.RTCP_DRAIN_INTERVAL_S
    assert [data for data, _, _ in pair.drain()] == [RTCP]


def test_rtp_leaves_from_the_even_port_and_rtcp_from_the_odd(pair: RtpSocket, peer: socket.socket) -> None:
    for data, port in ((RTP, pair.ports[0]), (RTCP, pair.ports[1])):
        pair.send(data, peer.getsockname())
        arrived(peer)
        assert peer.recvfrom(100) == (data, ("127.0.0.1", port))


def test_on_a_shared_port_rtcp_leaves_from_the_even_one_and_is_taken_there(
    pair: RtpSocket, peer: socket.socket, clock: Clock
) -> None:
    report = b"\x80\xc9\0\1" + bytes(4)
    pair.shares_port = True
    pair.send(report, peer.getsockname())
    assert peer.recvfrom(99) == (report, ("127.0.0.1", pair.ports[0]))
    for port in pair.ports:
        peer.sendto(report, ("127.0.0.1", port))
    clock.offset_s += 1.0
    assert [data for data, *_ in pair.drain()] == [report]


def test_a_refused_datagram_is_counted_not_raised(pair: RtpSocket, peer: socket.socket) -> None:
    nobody = peer.getsockname()
    peer.close()
    # Only a connected socket hears of ICMP without asking; Windows tells every one.
    pair._rtp.connect(nobody)
    pair._rtp.send(RTP)
    assert pair.drain() == []
    assert pair.stats.refused == 1
    pair._rtp.send(RTP)
    pair.send(RTP, nobody)
    assert pair.stats.refused == 2


def test_a_datagram_that_cannot_be_sent_is_counted(pair: RtpSocket) -> None:
    pair.send(RTP + bytes(70000), ("127.0.0.1", 9))
    assert pair.stats.send_errors == 1


def test_ipv6_pairs_work_alike() -> None:
    try:
        a, b = (RtpSocket.open("::1", random.Random(seed)) for seed in (3, 4))
    except EnvironmentProblem:
        pytest.skip("no ::1 here")
    a.send(RTP, ("::1", b.ports[0]))
    arrived(b._rtp)
    assert [(data, addr) for data, addr, _ in b.drain()] == [(RTP, ("::1", a.ports[0]))]
    a.close()
    b.close()


def test_a_stun_server_that_fails_one_port_leaves_nobody_reading_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = []

    async def mapped_address(sock, _server):
        if sock is pair._rtp:
            raise UnreachableError("no answer")
        reading.append(sock)
        await asyncio.sleep(0.01)
        reading.remove(sock)
        return "192.0.2.1", 4001

    monkeypatch.setattr(rtp_socket, "mapped_address", mapped_address)
    pair = RtpSocket.open("127.0.0.1", random.Random(1), (20000, 30000))

    async def ask():
        with pytest.raises(UnreachableError):
            await pair.mapped_by(("192.0.2.9", 3478))
        return list(reading)

    try:
        assert asyncio.run(ask()) == []
    finally:
        pair.close()
