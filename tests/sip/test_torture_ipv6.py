"""The twelve messages of RFC 5118, accepted or refused as that document says.

The vectors are `rfc5118/NAME.dat`, NAME being the one the RFC gives. Content-Length is that of the bodies, which the RFC
miscounts in sections 4.6, 4.8 and 4.9; what a wrong one leads to is shown by RFC 4475.
"""

import pathlib

import pytest
from support.sip_peers import BOB, make_endpoint

from softphone.sdp.description import SessionDescription
from softphone.sip.errors import SipParseError
from softphone.sip.events import InviteReceived
from softphone.sip.message import Request, parse_message
from softphone.sip.uri import SipUri

VECTORS = {path.stem: path.read_bytes() for path in (pathlib.Path(__file__).parent / "rfc5118").glob("*.dat")}
SOURCE = ("2001:db8::9:1", 5060)

ANSWERS = {
    "ipv6-good": ("4.1", 405),
    "ipv6-bad": ("4.2", 400),
    "port-ambiguous": ("4.3", 405),
    "port-unambiguous": ("4.4", 405),
    "via-received-param-with-delim": ("4.5", 481),
    "via-received-param-no-delim": ("4.5", 200),
    "ipv6-in-sdp": ("4.6", 100),
    "mult-ip-in-header": ("4.7", 481),
    "mult-ip-in-sdp": ("4.8", 100),
    "ipv4-mapped-ipv6": ("4.9", 100),
    "ipv6-bug-abnf-3-colons": ("4.10", 200),
    "ipv6-correct-abnf-2-colons": ("4.10", 200),
}
"""name -> (section, status of our answer; 100: the owner is asked)."""


def test_all_twelve_are_here():
    assert VECTORS.keys() == ANSWERS.keys()
    assert len(VECTORS) == 12


def parsed(name: str) -> Request:
    message = parse_message(VECTORS[name])
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize("name", ANSWERS)
def test_each_is_answered_as_it_should(name):
    bob = make_endpoint("bob", BOB)
    bob.receive_datagram(VECTORS[name], SOURCE, now=0.0)
    told = [event for event in iter(bob.next_event, None) if isinstance(event, InviteReceived)]
    sent = [parse_message(data).status for data, _ in bob.datagrams_to_send(now=0.0)]
    status = ANSWERS[name][1]
    if status == 100:
        assert len(told) == 1
    else:
        assert (sent, told) == ([status], [])


def test_an_address_without_brackets_is_none():
    with pytest.raises(SipParseError, match="port"):
        parsed("ipv6-bad")


def test_what_stands_inside_the_brackets_is_the_address_and_a_port_follows_them():
    inside, outside = (SipUri.parse(parsed(name).uri) for name in ("port-ambiguous", "port-unambiguous"))
    assert (inside.host, inside.port) == ("2001:db8::10:5070", None)
    assert (outside.host, outside.port) == ("2001:db8::10", 5070)


def test_received_is_taken_with_brackets_and_without():
    for name in ("via-received-param-with-delim", "via-received-param-no-delim"):
        assert parsed(name).via.received == "2001:db8::9:255"


def test_received_is_written_without_brackets():
    bob = make_endpoint("bob", BOB)
    bob.receive_datagram(VECTORS["via-received-param-no-delim"], ("2001:db8::77", 5060), now=0.0)
    [(data, _)] = bob.datagrams_to_send(now=0.0)
    assert b"received=2001:db8::77" in data


def test_addresses_of_both_families_stand_beside_each_other_in_via():
    hosts = [(via.host, via.port, via.received) for via in parsed("mult-ip-in-header").vias]
    assert hosts == [
        ("2001:db8::9:1", 6050, None),
        ("192.0.2.1", None, None),
        ("2001:db8::9:255", None, "192.0.2.200"),
    ]


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("ipv6-in-sdp", ["2001:db8::20", "2001:db8::20"]),
        ("mult-ip-in-sdp", ["192.0.2.1", "2001:db8::1"]),
        ("ipv4-mapped-ipv6", ["::ffff:192.0.2.2", "::ffff:192.0.2.2"]),
    ],
)
def test_addresses_of_both_families_stand_beside_each_other_in_sdp(name, hosts):
    described = SessionDescription.parse(parsed(name).body)
    found = [(media.connection or described.connection).host for media in described.media]
    assert found == hosts


def test_mapped_addresses_are_addresses():
    request = parsed("ipv4-mapped-ipv6")
    assert [via.host for via in request.vias] == ["::ffff:192.0.2.10", "::ffff:192.0.2.2"]
    assert request.contacts[0].uri.host == "::ffff:192.0.2.2"


def test_the_third_colon_that_rfc_3261_allows_by_mistake_is_passed_over():
    wrong, right = (
        SipUri.parse(parsed(f"ipv6-{name}-colons").uri) for name in ("bug-abnf-3", "correct-abnf-2")
    )
    assert wrong.host == right.host == "2001:db8::192.0.2.1"
    for text in ("sip:[2001:db8:::10]", "sip:[2001:db8::::192.0.2.1]", "sip:[1::2:::192.0.2.1]"):
        with pytest.raises(SipParseError):
            SipUri.parse(text)
