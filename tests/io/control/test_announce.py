"""Names on the local network, tried on loopback alone: real multicast DNS between two sockets of this machine."""

import asyncio
import builtins
import socket
import struct
from collections.abc import Coroutine
from typing import Any

import pytest

from softphone.errors import EnvironmentProblem
from softphone.io.control.announce import Announcer, Found, find
from softphone.serve_config import ServeOptions

LOOPBACK = ("127.0.0.1",)
AT = ("127.0.0.1", 8765)


def _why_not() -> str | None:
    """Why multicast cannot be tried here, where it cannot."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sent,
    ):
        try:
            heard.bind(("", 0))
            group = struct.pack("=4s4s", socket.inet_aton("224.0.0.251"), socket.inet_aton("127.0.0.1"))
            heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
            heard.settimeout(2)
            sent.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            sent.sendto(b"?", ("224.0.0.251", heard.getsockname()[1]))
            heard.recv(1)
        except OSError as error:
            return f"multicast does not work on loopback here: {error}"
    return None


WHY_NOT = _why_not()
multicast = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")


def run(scene: Coroutine[Any, Any, None]) -> None:
    pytest.importorskip("zeroconf", reason="zeroconf is not installed")
    asyncio.run(scene)


@multicast
def test_servers_are_found_by_their_names_with_address_port_and_tls_and_no_more_when_they_are_gone() -> None:
    async def scene() -> None:
        first, second = await asyncio.gather(
            Announcer.open(ServeOptions(announce="Studio 1", tls_self_signed=True), AT),
            Announcer.open(ServeOptions(announce="Studio 2"), ("127.0.0.1", 8766)),
        )
        try:
            assert Found("Studio 1", *AT, secure=True) in await find(
                "Studio 1", seconds=20, interfaces=LOOPBACK
            )
            assert Found("Studio 2", "127.0.0.1", 8766, secure=False) in await find(
                "Studio 2", seconds=20, interfaces=LOOPBACK
            )
        finally:
            await asyncio.gather(first.close(), second.close())
        assert await find("Studio 1", seconds=0.3, interfaces=LOOPBACK) == []

    run(scene())


def test_without_zeroconf_both_ways_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "zeroconf":
            raise ImportError(name)
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        EnvironmentProblem, match=r'--announce needs zeroconf: pip install "softphone\[discovery\]"'
    ):
        asyncio.run(Announcer.open(ServeOptions(announce="x"), AT))
    with pytest.raises(EnvironmentProblem, match=r"finding servers by name needs zeroconf"):
        asyncio.run(find("x"))


def test_the_name_gives_a_host_name_that_browsers_may_ask_for() -> None:
    assert ServeOptions(announce="Anna's Studio 1", names=("Mixer.LAN",)).host_names == (
        "mixer.lan",
        "anna-s-studio-1.local",
    )
    assert ServeOptions(announce="…").announced_host == "softphone.local"
    assert ServeOptions().host_names == ()
