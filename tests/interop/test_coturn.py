"""Media through coturn's relay, and the address that its STUN side tells, over loopback."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.media_calls import MEDIA, call, is_heard

import softphone.io.ice_socket as ice_socket
from softphone.config import AccountOptions
from softphone.errors import EnvironmentProblem, UnreachableError
from softphone.io.ice_socket import IceSocket
from softphone.io.ids import seeded_rng
from softphone.io.rtp_socket import RtpSocket
from softphone.nat_config import TurnServer
from softphone.sdp.media import Ice

aioice = pytest.importorskip("aioice", reason="ICE and TURN need softphone[ice]")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("turnserver") is None, reason="needs coturn: apt-get install coturn"),
]

RTP = b"\x80\x00" + bytes(160)
PLACE = {"rtp": ("192.0.2.1", 4000), "rtcp": ("192.0.2.1", 4001)}
RELAYS = (52_000, 52_200)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a coturn that knows alice."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        number = int(probe.getsockname()[1])
    folder = tmp_path_factory.mktemp("coturn")
    command = (
        f"turnserver -n -L 127.0.0.1 -p {number} --no-cli --no-tls --no-dtls -u alice:secret -r example.org --lt-cred-mech "
        f"--allow-loopback-peers --min-port {RELAYS[0]} --max-port {RELAYS[1]} --log-file stdout --simple-log "
        f"--pidfile {folder}/pid --userdb {folder}/turndb"
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command.split(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                asyncio.run(_seen(number, patience_s=0.3))
                break
            except UnreachableError:
                assert server.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
        yield number
    finally:
        server.terminate()
        server.wait(10)


async def _seen(port: int, patience_s: float = 3.0) -> Any:
    from softphone.io.stun_client import mapped_address
    from softphone.io.udp import bind_udp

    with bind_udp("127.0.0.1", 0) as sock:
        found = await mapped_address(sock, ("127.0.0.1", port), patience_s=patience_s)
        return found, sock.getsockname()


@pytest.mark.feature("coturn", "STUN: our address")
def test_coturn_tells_the_addresses_of_both_ports(port: int) -> None:
    pair = RtpSocket.open("127.0.0.1", seeded_rng())
    try:
        rtp, rtcp = asyncio.run(pair.mapped_by(("127.0.0.1", port)))
        assert (rtp, rtcp) == tuple(("127.0.0.1", each) for each in pair.ports)
    finally:
        pair.close()


@pytest.mark.feature("coturn", "STUN: a call that says the mapped address")
def test_a_call_that_asks_for_its_address_has_audio_both_ways(port: int) -> None:
    results = call(AccountOptions(stun=f"127.0.0.1:{port}"))
    assert all(map(is_heard, results))


@pytest.mark.feature("coturn", "TURN: a peer without ICE hears us through the relay")
def test_all_audio_goes_through_the_relay_to_a_peer_that_does_no_ice(port: int) -> None:
    account = AccountOptions(turn=f"turn:alice@127.0.0.1:{port}", turn_password="secret")
    results = call(account, media=MEDIA, seconds=1.5)
    assert all(map(is_heard, results))
    assert results[0]["ice"]["state"] == "unused"
    assert results[1]["received"]["strangers"] == 0


@pytest.mark.feature("coturn", "TURN: ICE over a relay candidate")
def test_checks_find_the_way_over_the_relay_where_there_is_no_other(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ice_socket._connection

    def relayed_only(*given: Any, turn: TurnServer | None, **named: Any) -> Any:
        connection = real(*given, turn=turn, **named)
        if turn is not None:
            connection._transport_policy = aioice.TransportPolicy.RELAY
            connection.get_component_candidates = lambda component, addresses: (
                aioice.Connection.get_component_candidates(connection, component, [])
            )
        return connection

    monkeypatch.setattr(ice_socket, "_connection", relayed_only)

    async def main() -> None:
        turn = TurnServer("127.0.0.1", port, "alice", "secret")
        caller = await IceSocket.gather("127.0.0.1", controlling=True, turn=turn)
        callee = await IceSocket.gather("127.0.0.1", controlling=False)
        try:
            assert [value.split()[7] for value in caller.candidates] == ["relay", "relay"]
            assert all(RELAYS[0] <= each <= RELAYS[1] for each in caller.ports)
            caller.begin(Ice(callee.ufrag, callee.password, callee.candidates), **PLACE)
            callee.begin(Ice(caller.ufrag, caller.password, caller.candidates), **PLACE)
            async with asyncio.timeout(10):
                while not caller.path.state == callee.path.state == "connected":  # noqa: ASYNC110 - tells nobody
                    await asyncio.sleep(0.02)
            assert (caller.path.local, caller.path.remote) == ("relay", "host")
            for one, other in ((caller, callee), (callee, caller)):
                got: list[Any] = []
                async with asyncio.timeout(5):
                    while not got:
                        one.send(RTP, PLACE["rtp"])
                        await asyncio.sleep(0.02)
                        got += other.drain(time.monotonic())
                assert got[0][:2] == (RTP, PLACE["rtp"])
        finally:
            caller.close()
            callee.close()
            await caller.settle()
            await callee.settle()

    asyncio.run(main())


@pytest.mark.feature("coturn", "TURN: a wrong password is said")
def test_a_wrong_password_is_said_before_the_call(port: int) -> None:
    turn = TurnServer("127.0.0.1", port, "alice", "wrong")
    with pytest.raises(EnvironmentProblem, match="user and password"):
        asyncio.run(IceSocket.gather("127.0.0.1", controlling=True, turn=turn))
