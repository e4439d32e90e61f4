"""Media over ICE, between two sockets on loopback."""

import asyncio
import builtins
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.ice_socket import IceSocket
from softphone.io.udp import bind_udp
from softphone.nat_config import TurnServer
from softphone.sdp.media import Ice

RTP, RTCP = b"\x80\x00" + bytes(20), b"\x80\xc8\x00\x01" + bytes(24)
PLACE = {"rtp": ("192.0.2.1", 4000), "rtcp": ("192.0.2.1", 4001)}
"""Where the description says the peer is; what comes over ICE seems to come from there."""


def ice_of(socket: IceSocket, **changes: Any) -> Ice:
    return Ice(
        **{"ufrag": socket.ufrag, "password": socket.password, "candidates": socket.candidates} | changes
    )


async def until(wanted: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not wanted():  # noqa: ASYNC110 - a socket tells nobody
            await asyncio.sleep(0.01)


def run(body: Callable[[IceSocket, IceSocket], Awaitable[None]]) -> None:
    async def main() -> None:
        caller = await IceSocket.gather("127.0.0.1", controlling=True)
        callee = await IceSocket.gather("127.0.0.1", controlling=False)
        try:
            await body(caller, callee)
        finally:
            caller.close()
            callee.close()
            await asyncio.sleep(0)
            await asyncio.gather(
                *(t for t in asyncio.all_tasks() if t is not asyncio.current_task()), return_exceptions=True
            )

    pytest.importorskip("aioice", reason="ICE needs softphone[ice]")
    asyncio.run(main())


async def connected(caller: IceSocket, callee: IceSocket) -> None:
    caller.begin(ice_of(callee), **PLACE)
    callee.begin(ice_of(caller), **PLACE)
    await until(lambda: caller.path.state == callee.path.state == "connected")


def received(socket: IceSocket) -> list[tuple[bytes, tuple[str, int]]]:
    now = asyncio.get_running_loop().time()
    return [(data, addr) for data, addr, at in socket.drain(now)]


def test_rtp_and_rtcp_go_both_ways_once_the_checks_have_found_a_way() -> None:
    async def body(caller: IceSocket, callee: IceSocket) -> None:
        caller.send(RTP, PLACE["rtp"])
        assert caller.unsent == 1
        await connected(caller, callee)
        assert (caller.path.local, caller.path.remote) == ("host", "host")
        for one, other in ((caller, callee), (callee, caller)):
            one.send(RTP, PLACE["rtp"])
            one.send(RTCP, PLACE["rtcp"])
            got: list[Any] = []
            await until(lambda got=got, other=other: got.extend(received(other)) or len(got) == 2)
            assert sorted(got) == [(RTP, PLACE["rtp"]), (RTCP, PLACE["rtcp"])]

    run(body)


def test_on_one_port_rtcp_takes_the_way_of_rtp_and_seems_to_come_from_its_own_place() -> None:
    async def body(caller: IceSocket, callee: IceSocket) -> None:
        caller.shares_port = callee.shares_port = True
        only_rtp = tuple(value for value in callee.candidates if value.split()[1] == "1")
        caller.begin(ice_of(callee, candidates=only_rtp), **PLACE)
        callee.begin(ice_of(caller), **PLACE)
        await until(lambda: caller.path.state == "connected" and callee.path.local is not None)
        caller.send(RTCP, PLACE["rtp"])
        got: list[Any] = []
        await until(lambda: bool(got.extend(received(callee)) or got))
        assert got == [(RTCP, PLACE["rtcp"])]

    run(body)


def test_what_a_stranger_sends_to_a_candidate_keeps_its_own_source() -> None:
    async def body(caller: IceSocket, callee: IceSocket) -> None:
        await connected(caller, callee)
        with bind_udp("127.0.0.1", 0) as stranger:
            stranger.sendto(RTP, ("127.0.0.1", callee.ports[0]))
            got: list[Any] = []
            await until(lambda: bool(got.extend(received(callee)) or got))
            assert got == [(RTP, stranger.getsockname())]

    run(body)


def test_a_wrong_password_finds_no_way_and_nothing_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    async def body(caller: IceSocket, callee: IceSocket) -> None:
        caller.begin(
            ice_of(callee, password="x" * 24, candidates=("nonsense", *callee.candidates[:1])), **PLACE
        )
        callee.begin(ice_of(caller, candidates=()), **PLACE)
        await until(lambda: callee.path.state == "failed")
        callee.send(RTP, PLACE["rtp"])
        assert callee.unsent == 1

    run(body)
    assert "ICE found no way to the peer" in caplog.text


def test_a_peer_without_ice_is_sent_to_where_its_description_says() -> None:
    async def body(caller: IceSocket, _: IceSocket) -> None:
        with bind_udp("127.0.0.1", 0) as peer:
            place = peer.getsockname()
            caller.begin(None, rtp=place, rtcp=place)
            caller.send(RTP, place)
            loop = asyncio.get_running_loop()
            data, source = await asyncio.wait_for(loop.sock_recvfrom(peer, 99), 5)
            assert (data, source[1]) == (RTP, caller.ports[0])
            assert caller.path.state == "unused"

    run(body)


def test_a_relay_that_does_not_answer_is_named_with_what_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aioice", reason="ICE needs softphone[ice]")
    monkeypatch.setattr("softphone.io.ice_socket.GATHER_S", 1)

    async def main() -> None:
        with bind_udp("127.0.0.1", 0) as deaf:
            turn = TurnServer("127.0.0.1", deaf.getsockname()[1], "a", "b")
            await IceSocket.gather("127.0.0.1", controlling=True, turn=turn)

    with pytest.raises(EnvironmentProblem, match=r"TURN server 127.0.0.1:\d+ relays nothing for us"):
        asyncio.run(main())


def test_without_the_library_one_line_says_which_extra_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "aioice":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'softphone\[ice\]'"):
        asyncio.run(IceSocket.gather(None, controlling=True))
