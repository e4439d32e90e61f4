"""Calls over TCP, TLS and IPv6, as a user makes them; host names through a name server of the test's own."""

import asyncio
import contextlib
import socket

import pytest
from support.certificates import Authority
from support.command import Answering, softphone

from softphone.errors import UnreachableError
from softphone.io.dns import SystemNames, find
from softphone.sip.uri import SipUri

pytestmark = pytest.mark.e2e
BRIEF = ("--codec", "pcmu", "--seconds", "0.6")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return True
    return False


def both_say(status, result, results, transport, verified):
    """That the call went well, and what it went over."""
    assert (status, result["outcome"], result["verdict"]) == (0, "completed", ["ok"]), result
    signalling = result["signalling"]
    assert (signalling["transport"], signalling["verified"]) == (transport, verified)
    assert (results[0]["signalling"]["transport"], results[0]["outcome"]) == (transport, "completed")


def test_the_callee_of_a_call_over_tcp_hangs_up():
    with Answering("--transport", "tcp", "--calls", "1", "--codec", "pcmu", "--seconds", "0.5") as callee:
        assert callee.uri.endswith(";transport=tcp")
        status, result, _ = softphone("call", callee.uri, "--codec", "pcmu", "--seconds", "20")
        _, results, _ = callee.finish()
    both_say(status, result, results, "tcp", None)
    assert (result["ended_by"], results[0]["ended_by"]) == ("peer", "local")
    assert (result["peer_result"]["outcome"], results[0]["peer_result"]["outcome"]) == 2 * ("completed",)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_over_ipv6(transport):
    options = ("--transport", transport, "--calls", "1", "--codec", "pcmu")
    with Answering(*options, listen="[::1]:0") as callee:
        assert callee.uri.startswith("sip:answer@[::1]:")
        status, result, _ = softphone("call", callee.uri, *BRIEF)
        _, results, _ = callee.finish()
    both_say(status, result, results, transport, None)


class TestTls:
    def test_a_certificate_that_is_good_is_checked_and_said(self, authority):
        cert, key = authority.issue("127.0.0.1")
        options = ("--transport", "tls", "--sip-cert", cert, "--sip-key", key)
        with Answering(*options, "--calls", "1", "--codec", "pcmu") as callee:
            status, result, _ = softphone("call", callee.uri, "--tls-ca", authority.ca, *BRIEF)
            _, results, _ = callee.finish()
        both_say(status, result, results, "tls", True)

    def test_one_made_for_the_occasion_is_refused_and_taken_only_when_told_to(self):
        pytest.importorskip("cryptography", reason="certificates are made with cryptography")
        with Answering("--transport", "tls", "--calls", "1", "--codec", "pcmu") as callee:
            status, result, _ = softphone("call", callee.uri, *BRIEF)
            assert (status, result["outcome"], result["sip_status"]) == (3, "unreachable", 503)
            assert "not trusted: self-signed certificate" in result["reason"]
            status, result, _ = softphone("call", callee.uri, "--tls-insecure", *BRIEF)
            _, results, _ = callee.finish()
        both_say(status, result, results, "tls", False)

    def test_one_for_another_name_is_refused(self, authority):
        cert, key = authority.issue("sip.example.com")
        with Answering("--transport", "tls", "--sip-cert", cert, "--sip-key", key) as callee:
            status, result, _ = softphone("call", callee.uri, "--tls-ca", authority.ca, *BRIEF)
        assert (status, result["outcome"]) == (3, "unreachable")
        assert result["reason"] == "TLS certificate is for sip.example.com, not for 127.0.0.1"

    def test_a_sips_uri_goes_over_tls_and_the_callee_can_hang_up(self, authority):
        cert, key = authority.issue("127.0.0.1")
        options = ("--transport", "tls", "--sip-cert", cert, "--sip-key", key, "--seconds", "0.5")
        with Answering(*options, "--calls", "1", "--codec", "pcmu") as callee:
            uri = callee.uri.replace("sip:", "sips:").partition(";")[0]
            status, result, _ = softphone(
                "call", uri, "--tls-ca", authority.ca, "--codec", "pcmu", "--seconds", "20"
            )
            _, results, _ = callee.finish()
        both_say(status, result, results, "tls", True)
        assert result["ended_by"] == "peer"


def test_where_nobody_takes_connections_the_reason_says_so():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    status, result, _ = softphone("call", f"sip:bob@127.0.0.1:{port}", "--transport", "tcp", *BRIEF)
    assert (status, result["outcome"]) == (3, "unreachable")
    assert result["reason"] == f"connection refused: nobody takes TCP at 127.0.0.1:{port}"


def test_a_call_through_an_outbound_proxy_carries_its_route(tmp_path):
    with Answering("--calls", "1", "--codec", "pcmu", "--any-user") as callee:
        trace = tmp_path / "call.txt"
        proxy = callee.uri.replace("answer@", "")
        status, result, _ = softphone(
            "call", "sip:bob@somewhere.invalid", "--proxy", proxy, "--trace", str(trace), *BRIEF
        )
    assert (status, result["outcome"]) == (0, "completed")
    assert f"Route: <{proxy};lr>" in trace.read_text()


class NameServer(asyncio.DatagramProtocol):
    """Answers from a zone."""

    def __init__(self, zone):
        self.zone = zone

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        import dns.message
        import dns.rcode
        import dns.rrset

        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        question = query.question[0]
        lines = self.zone.get((question.name.to_text(), question.rdtype.name), [])
        if lines:
            answer.answer = [dns.rrset.from_text(question.name, 60, "IN", question.rdtype.name, *lines)]
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)


def looked_up(uri, zone):
    """Where a request to *uri* goes, with a name server that knows *zone*."""
    pytest.importorskip("dns", reason="dnspython is not installed")

    async def scenario():
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: NameServer(zone), ("127.0.0.1", 0))
        names = SystemNames(server=transport.get_extra_info("sockname"))
        try:
            return await find(SipUri.parse(uri), names, transports=("UDP", "TCP", "TLS"))
        finally:
            transport.close()

    return asyncio.run(scenario())


def test_naptr_and_srv_are_asked_of_the_name_server():
    zone = {
        ("example.test.", "NAPTR"): ['10 10 "s" "SIP+D2T" "" _sip._tcp.example.test.'],
        ("_sip._tcp.example.test.", "SRV"): ["20 0 5062 localhost.", "10 0 5061 localhost."],
    }
    expected = [("127.0.0.1", 5061, "TCP"), ("127.0.0.1", 5062, "TCP")]
    assert [each for each in looked_up("sip:bob@example.test", zone) if each[0] == "127.0.0.1"] == expected


def test_a_name_that_nobody_knows_is_said_in_one_line():
    with pytest.raises(UnreachableError, match="host name 'nobody\\.invalid'"):
        looked_up("sip:bob@nobody.invalid", {})


def test_a_call_to_such_a_name_says_it():
    status, result, _ = softphone("call", "sip:bob@nobody.invalid", *BRIEF)
    assert status == 3
    assert "no address found for the host name 'nobody.invalid'" in result["error"]
