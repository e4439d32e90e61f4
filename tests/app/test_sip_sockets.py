"""What a station opens for each transport, and where it sends to."""

import asyncio
import logging
import socket

import pytest

from softphone.app.sip_sockets import destinations_of, main_transport, outbound_route
from softphone.app.station import Station
from softphone.config import AccountOptions, CallOptions
from softphone.errors import EnvironmentProblem, UnreachableError, UsageError
from softphone.sip.uri import SipUri

HOST = "127.0.0.1"
BOB = SipUri.parse(f"sip:bob@{HOST}:5999")


def opened(listen=(HOST, 0), *, then=lambda station: None, **options):
    """What *then* finds in a station."""

    async def scenario():
        towards = options.pop("towards", None)
        station = await Station.open(listen, AccountOptions(**options), default_user="x", towards=towards)
        try:
            found = then(station)
            return await found if asyncio.iscoroutine(found) else found
        finally:
            station.close()
            for _ in range(5):
                await asyncio.sleep(0)

    return asyncio.run(scenario())


def held_tcp_port():
    sock = socket.socket()
    sock.bind((HOST, 0))
    return sock, sock.getsockname()[1]


def test_udp_and_tcp_share_a_port():
    def look(station):
        return station.manager.endpoint.transports, station.uri

    transports, uri = opened(then=look)
    assert transports == ("UDP", "TCP")
    assert "transport" not in uri


def test_where_the_port_is_taken_for_tcp_a_line_says_that_udp_alone_is_left(caplog):
    sock, port = held_tcp_port()
    with sock, caplog.at_level(logging.WARNING):
        assert opened((HOST, port), then=lambda station: station.manager.endpoint.transports) == ("UDP",)
    (line,) = [each.getMessage() for each in caplog.records if "UDP alone" in each.getMessage()]
    assert f"TCP port {port}" in line


def test_who_wants_tcp_at_a_port_that_is_taken_is_told():
    sock, port = held_tcp_port()
    with sock, pytest.raises(EnvironmentProblem, match=f"TCP port {port} on {HOST}, which is in use"):
        opened((HOST, port), transport="tcp")


def test_the_uri_of_a_station_names_its_transport():
    assert opened(transport="tcp", then=lambda station: station.uri).endswith(";transport=tcp")
    tls = SipUri.parse(f"sips:bob@{HOST}")
    transports, uri = opened(
        towards=tls, then=lambda station: (station.manager.endpoint.transports, station.uri)
    )
    assert transports == ("TLS",)
    assert uri.endswith(";transport=tls")


def test_two_callers_over_tls_have_two_ports():
    async def scenario():
        tls = SipUri.parse(f"sips:bob@{HOST}")
        both = [
            await Station.open((HOST, 0), AccountOptions(), default_user="x", towards=tls) for _ in range(2)
        ]
        uris = {station.uri for station in both}
        for station in both:
            station.close()
        return uris

    assert len(asyncio.run(scenario())) == 2


def test_a_station_sends_to_addresses_of_its_family_and_through_its_proxy():
    async def asked(station):
        return await station.destinations(SipUri.parse("sip:bob@localhost:5070"))

    assert opened(then=asked) == [(HOST, 5070)]
    assert opened(then=asked, proxy=f"sip:{HOST}:5071;transport=tcp") == [(HOST, 5071, "TCP")]
    assert opened(then=asked, transport="tcp") == [(HOST, 5070, "TCP")]


def test_without_an_address_it_listens_where_it_faces_its_peer():
    assert opened(None, towards=BOB, then=lambda station: station.host) == HOST


def test_a_public_address_stands_in_sdp_and_contact():
    def look(station):
        return station.media_host, str(station.manager.endpoint.contact_for(("198.51.100.1", 5060)).host)

    assert opened(then=look, public_address="203.0.113.5") == ("203.0.113.5", "203.0.113.5")
    assert opened(then=look) == (HOST, HOST)


def test_the_first_address_decides_what_is_spoken_unless_the_account_does():
    tcp = [(HOST, 5060, "TCP"), (HOST, 5060)]
    assert main_transport(AccountOptions(), tcp) == "TCP"
    assert main_transport(AccountOptions(transport="udp"), tcp) == "UDP"
    assert main_transport(AccountOptions(), []) == "UDP"


def test_a_proxy_is_a_loose_router():
    assert outbound_route(AccountOptions(proxy="proxy.example.com")) == ("<sip:proxy.example.com;lr>",)
    assert outbound_route(AccountOptions()) == ()


def test_a_name_without_an_address_is_unreachable():
    with pytest.raises(UnreachableError, match="no address found"):
        asyncio.run(destinations_of(SipUri.parse("sip:bob@nobody.invalid:5060"), AccountOptions()))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"transport": "sctp"}, "--transport must be one of udp, tcp, tls"),
        ({"transport": "tcp", "sip_dictionary": True}, "--sip-dictionary packs datagrams"),
        ({"proxy": "mailto:x"}, "--proxy"),
        ({"public_address": "a:b@c"}, "--public-address"),
        ({"public_address": "sip:pbx"}, "--public-address must be a host"),
        ({"public_address": "192.0.2.1:5060"}, "--public-address must be a host, without a port"),
        ({"tls_ca": "ca.pem", "tls_insecure": True}, "exclude each other"),
        ({"sip_key": "key.pem"}, "--sip-cert"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(options, said):
    with pytest.raises(UsageError, match=said) as error:
        AccountOptions(**options)
    assert "\n" not in str(error.value)


def test_files_of_tls_are_looked_at_before_anything_is_sent(tmp_path):
    for options in ({"tls_ca": str(tmp_path / "none")}, {"sip_cert": str(tmp_path / "none")}):
        with pytest.raises(UsageError, match="cannot be used"):
            opened(transport="tls", **options)
    with pytest.raises(UsageError, match="cannot be used"):
        opened(sip_cert=str(tmp_path / "none"))


def no_certificate(*_):
    raise EnvironmentProblem('needs cryptography: pip install "softphone[tls]"')


def test_who_is_called_by_tls_needs_a_certificate_but_for_those_that_come_through_a_registrar(monkeypatch):
    monkeypatch.setattr("softphone.io.sip_tls.made_certificate", no_certificate)
    with pytest.raises(EnvironmentProblem, match="softphone\\[tls\\]"):
        opened(transport="tls")
    registered = opened(
        transport="tls", user="x", registrar="sip:127.0.0.1", then=lambda station: station.manager.endpoint
    )
    assert registered.transports == ("TLS",)


def test_a_sips_uri_can_be_called():
    assert CallOptions(uri="sips:bob@example.com").uri.startswith("sips:")


@pytest.mark.parametrize("hop", [{"proxy": f"sip:{HOST}:5998"}, {"registrar": f"{HOST}:5998"}])
def test_a_sips_uri_is_called_by_no_hop_without_tls(hop):
    sips = SipUri.parse(f"sips:bob@{HOST}:5999")

    def ways(station):
        return station.ways_to(sips)

    with pytest.raises(UsageError, match=rf"goes over TLS alone, and sip:{HOST}:5998 does not"):
        opened(then=ways, user="x", **hop)
    assert opened(then=ways, user="x", transport="tls", **hop) == [(HOST, 5998, "TLS")]


def test_a_call_goes_to_the_registrar_whatever_host_its_uri_names():
    assert opened(then=lambda station: station.ways_to(BOB), user="x", registrar=f"{HOST}:5998") == [
        (HOST, 5998)
    ]
