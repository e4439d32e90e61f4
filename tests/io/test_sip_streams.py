"""SIP connections over real loopback sockets: framing, limits, keep-alives, certificates."""

import asyncio
import contextlib
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from support.certificates import Authority

from softphone.errors import UsageError
from softphone.io import sip_connection, sip_streams
from softphone.io.sip_streams import SipStreams
from softphone.io.sip_tls import TlsTerms, identities, server_context, wrong_name

TIMEOUT_S = 5.0
HOST = "127.0.0.1"
MESSAGE = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"


class Peer:
    """Streams, and what they told."""

    def __init__(self, terms=None):
        self.streams = SipStreams(terms or TlsTerms(), local_host=HOST)
        self.told = asyncio.Queue()
        self.streams.attach(
            lambda data, addr: self.told.put_nowait(("message", data, addr)),
            lambda addr, reason, closed: self.told.put_nowait(
                ("closed" if closed else "failed", reason, addr)
            ),
        )

    async def next(self):
        return await asyncio.wait_for(self.told.get(), TIMEOUT_S)


@asynccontextmanager
async def listening(transport="TCP", terms=None):
    """A peer that listens, and where."""
    peer = Peer(terms)
    _, port = await peer.streams.listen(HOST, 0, transport)
    try:
        yield peer, (HOST, port, transport)
    finally:
        peer.streams.close()


@asynccontextmanager
async def raw(addr):
    """A connection of no SIP agent."""
    reader, writer = await asyncio.open_connection(addr[0], addr[1])
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def is_closed(reader):
    return await asyncio.wait_for(reader.read(1), TIMEOUT_S) == b""


def run(test):
    """Run *test*, and let what it closed get closed."""

    async def settled():
        outcome = await test
        for _ in range(20):
            await asyncio.sleep(0)
        return outcome

    return asyncio.run(settled())


def test_messages_go_both_ways_by_one_connection():
    async def scenario():
        async with listening() as (server, addr):
            client = Peer()
            client.streams.send(MESSAGE, addr)
            client.streams.send(MESSAGE + MESSAGE, addr)
            heard = [await server.next() for _ in range(3)]
            assert {data for _, data, _ in heard} == {MESSAGE}
            (source,) = {source for _, _, source in heard}
            server.streams.send(MESSAGE, source)
            assert await client.next() == ("message", MESSAGE, addr)
            assert (client.streams.stats.opened, server.streams.stats.accepted) == (1, 1)
            assert client.streams.local_of(addr) == source[:2]
            client.streams.close()
            assert (await server.next())[0] == "closed"

    run(scenario())


def test_nobody_there_is_told_with_the_reason():
    async def scenario():
        async with listening() as (_, addr):
            pass
        client = Peer()
        client.streams.send(MESSAGE, addr)
        kind, reason, where = await client.next()
        assert (kind, where) == ("failed", addr)
        assert reason == f"connection refused: nobody takes TCP at {HOST}:{addr[1]}"

    run(scenario())


def test_a_host_name_that_does_not_exist_is_told():
    async def scenario():
        client = Peer()
        client.streams.send(MESSAGE, ("no-such-host.invalid", 5060, "TCP"))
        assert "no address found for the host name" in (await client.next())[1]

    run(scenario())


def test_a_transport_that_we_lack_is_told():
    async def scenario():
        client = Peer()
        client.streams.send(MESSAGE, (HOST, 5060, "SCTP"))
        assert (await client.next())[1].startswith("no transport SCTP here")

    run(scenario())


def test_authorities_that_cannot_be_read_are_told(tmp_path):
    async def scenario():
        client = Peer(TlsTerms(ca=str(tmp_path / "none.pem")))
        for _ in range(2):  # nothing waits for ever
            client.streams.send(MESSAGE, (HOST, 5061, "TLS"))
            assert "--tls-ca" in (await client.next())[1]

    run(scenario())


def test_a_ping_gets_its_pong():
    async def scenario():
        async with listening() as (_, addr), raw(addr) as (reader, writer):
            writer.write(b"\r\n\r\n")
            assert await asyncio.wait_for(reader.readexactly(2), TIMEOUT_S) == b"\r\n"

    run(scenario())


def test_we_ping_what_we_opened_and_give_up_what_stops_to_answer(monkeypatch):
    monkeypatch.setattr(sip_connection, "PING_S", 0.05)
    monkeypatch.setattr(sip_connection, "PONG_S", 0.05)

    async def scenario():
        pings = 0

        async def serve(reader, writer):
            nonlocal pings
            await reader.readuntil(MESSAGE)
            while await reader.readexactly(4) == b"\r\n\r\n":
                pings += 1
                if pings == 1:
                    writer.write(b"\r\n")
                elif pings == 2:
                    break
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, HOST, 0)
        async with server:
            addr = (HOST, server.sockets[0].getsockname()[1], "TCP")
            client = Peer()
            client.streams.send(MESSAGE, addr)
            assert (await client.next())[0] == "closed"
            assert (pings, client.streams.stats.dead) == (2, 1)

    run(scenario())


def test_who_never_answers_a_ping_keeps_the_connection(monkeypatch):
    monkeypatch.setattr(sip_connection, "PING_S", 0.02)
    monkeypatch.setattr(sip_connection, "PONG_S", 0.02)

    async def scenario():
        heard = bytearray()
        enough = asyncio.Event()

        async def serve(reader, writer):
            while data := await reader.read(100):
                heard.extend(data)
                if heard.count(b"\r\n\r\n", len(MESSAGE)) >= 4:
                    enough.set()
            writer.close()

        server = await asyncio.start_server(serve, HOST, 0)
        async with server:
            client = Peer()
            client.streams.send(MESSAGE, (HOST, server.sockets[0].getsockname()[1], "TCP"))
            await asyncio.wait_for(enough.wait(), TIMEOUT_S)
            assert client.streams.stats.dead == 0
            client.streams.close()

    run(scenario())


@pytest.mark.parametrize("said", [b"", MESSAGE[:20], MESSAGE + MESSAGE[:-1]])
def test_who_drips_or_says_nothing_loses_the_connection(monkeypatch, said):
    monkeypatch.setattr(sip_connection, "MESSAGE_S", 0.1)

    async def scenario():
        async with listening() as (server, addr), raw(addr) as (reader, writer):
            writer.write(said)
            assert await is_closed(reader)
            assert server.streams.stats.broken == 1

    run(scenario())


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02",
        b"X" * 20_000,
        b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
        b"A: b\r\nContent-Length: 70000\r\n\r\n",
    ],
)
def test_what_cannot_be_framed_ends_the_connection(said):
    async def scenario():
        async with listening() as (server, addr), raw(addr) as (reader, writer):
            writer.write(said)
            with contextlib.suppress(ConnectionResetError):
                assert await is_closed(reader)
            assert server.streams.stats.broken == 1

    run(scenario())


def test_one_host_gets_so_many_connections_and_no_more(monkeypatch):
    monkeypatch.setattr(sip_streams, "MAX_PER_HOST", 3)

    async def scenario():
        async with listening() as (server, addr):
            held = [await asyncio.open_connection(addr[0], addr[1]) for _ in range(4)]
            with contextlib.suppress(ConnectionResetError):
                assert await is_closed(held[3][0])
            assert (server.streams.stats.accepted, server.streams.stats.refused) == (3, 1)
            held[0][1].write(MESSAGE)
            assert (await server.next())[1] == MESSAGE
            for _, writer in held:
                writer.transport.abort()

    run(scenario())


def test_keep_alives_alone_hold_no_connection(monkeypatch):
    monkeypatch.setattr(sip_connection, "MESSAGE_S", 0.15)

    async def scenario():
        async with listening() as (server, addr), raw(addr) as (reader, writer):

            async def drip():
                while True:
                    writer.write(b"\r\n\r\n")
                    await asyncio.sleep(0.03)

            task = asyncio.create_task(drip())
            with contextlib.suppress(ConnectionResetError):
                while await asyncio.wait_for(reader.read(100), TIMEOUT_S):
                    continue
            task.cancel()
            assert server.streams.stats.broken == 1

    run(scenario())


def test_a_connection_to_us_takes_the_place_of_none_that_stands():
    async def scenario():
        streams, addr = Peer().streams, (HOST, 5061, "TLS")
        assert streams.made(SimpleNamespace(was_accepted=False), addr)
        return streams.made(SimpleNamespace(was_accepted=True), addr)

    assert not run(scenario())


def test_a_connection_that_came_to_us_and_closed_is_not_dialled_back():
    async def scenario():
        async with listening() as (server, addr):
            client = Peer()
            client.streams.send(MESSAGE, addr)
            _, _, source = await server.next()
            client.streams.close()
            assert (await server.next())[0] == "closed"
            server.streams.send(MESSAGE, source)
            kind, reason, _ = await server.next()
            assert (kind, reason.endswith("has closed its connection")) == ("failed", True)

    run(scenario())


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


class TestCertificates:
    def outcome(self, authority, *, shown, terms, name=None):
        """What a client hears that sends a message to a server that shows the certificate *shown*."""

        async def scenario():
            async with listening("TLS", TlsTerms(server=server_context(*shown))) as (server, addr):
                client = Peer(terms)
                if name is not None:
                    client.streams.expect(addr, name)
                client.streams.send(MESSAGE, addr)
                heard = [asyncio.create_task(peer.next()) for peer in (client, server)]
                done, waiting = await asyncio.wait(heard, return_when=asyncio.FIRST_COMPLETED)
                for task in waiting:
                    task.cancel()
                verified = client.streams.verified(addr)
                client.streams.close()
                kind, what, _ = next(task for task in heard if task in done).result()
                return kind, what, verified

        return run(scenario())

    def test_a_certificate_of_a_trusted_authority_for_the_name_is_taken(self, authority):
        shown = authority.issue("sip.example.com", HOST)
        for name in ("sip.example.com", "SIP.example.com", None):
            heard = self.outcome(authority, shown=shown, terms=TlsTerms(ca=authority.ca), name=name)
            assert heard == ("message", MESSAGE, True)

    def test_one_of_an_unknown_authority_is_not(self, authority):
        kind, reason, verified = self.outcome(authority, shown=authority.issue(HOST), terms=TlsTerms())
        assert (kind, verified) == ("failed", None)
        assert reason.startswith("TLS certificate of 127.0.0.1:")
        assert "not trusted: " in reason

    def test_one_for_another_name_is_not(self, authority):
        shown = authority.issue("other.example.com")
        terms = TlsTerms(ca=authority.ca)
        kind, reason, _ = self.outcome(authority, shown=shown, terms=terms, name="sip.example.com")
        assert (kind, reason) == (
            "failed",
            "TLS certificate is for other.example.com, not for sip.example.com",
        )

    def test_insecure_takes_any_and_says_so(self, authority):
        shown = authority.issue("other.example.com")
        terms = TlsTerms(insecure=True)
        assert self.outcome(authority, shown=shown, terms=terms) == ("message", MESSAGE, False)

    def test_a_handshake_that_does_not_come_counts_as_a_connection_and_ends(self, authority, monkeypatch):
        monkeypatch.setattr(sip_connection, "MESSAGE_S", 0.2)
        monkeypatch.setattr(sip_streams, "MAX_PER_HOST", 2)

        async def scenario():
            terms = TlsTerms(server=server_context(*authority.issue(HOST)))
            async with listening("TLS", terms) as (server, addr):
                held = [await asyncio.open_connection(addr[0], addr[1]) for _ in range(3)]
                for reader, _ in held:
                    with contextlib.suppress(ConnectionResetError):
                        assert await is_closed(reader)
                assert (server.streams.stats.refused, server.streams.stats.accepted) == (1, 0)
                for _, writer in held:
                    writer.transport.abort()

        run(scenario())

    def test_who_speaks_no_tls_is_told(self):
        async def scenario():
            async with listening("TCP") as (_, addr):
                client = Peer(TlsTerms())
                client.streams.send(MESSAGE, (HOST, addr[1], "TLS"))
                kind, reason, _ = await client.next()
                assert kind == "failed"
                assert reason.startswith(f"no TLS connection to {HOST}:")
                client.streams.close()

        run(scenario())

    def test_files_that_cannot_be_used_are_refused_in_one_line(self, authority, tmp_path):
        cert, _ = authority.issue(HOST)
        _, other = authority.issue(HOST)
        with pytest.raises(UsageError, match="--sip-cert"):
            server_context(cert, other)
        with pytest.raises(UsageError, match="--tls-ca"):
            TlsTerms(ca=str(tmp_path / "none.pem")).client()


class TestNamesOfCertificates:
    """RFC 5922 sections 7.1 and 7.2."""

    def test_a_sip_uri_comes_before_names(self):
        shown = {"subjectAltName": (("URI", "sip:example.com"), ("DNS", "pbx.example.com"))}
        assert identities(shown) == ["example.com"]
        assert wrong_name(shown, "pbx.example.com") is not None
        assert wrong_name(shown, "Example.com") is None

    def test_a_sip_uri_with_a_user_names_no_domain(self):
        assert identities({"subjectAltName": (("URI", "sip:bob@example.com"),)}) == []

    def test_a_wildcard_names_nobody(self):
        shown = {"subjectAltName": (("DNS", "*.example.com"),)}
        assert wrong_name(shown, "a.example.com") == "TLS certificate names nobody, not for a.example.com"

    def test_the_common_name_counts_only_alone(self):
        subject = ((("commonName", "example.com"),),)
        assert identities({"subject": subject}) == ["example.com"]
        assert identities({"subject": subject, "subjectAltName": (("DNS", "other.example"),)}) == [
            "other.example"
        ]

    def test_an_ipv6_address_is_known_however_it_is_written(self):
        shown = {"subjectAltName": (("IP Address", "2001:DB8:0:0:0:0:0:1"),)}
        assert wrong_name(shown, "2001:db8::1") is None
