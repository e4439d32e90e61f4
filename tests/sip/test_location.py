"""From a URI to addresses (RFC 3263 section 4, RFC 2782), with the name server's answers in a table."""

import random
from collections import Counter

import pytest

from softphone.sip.location import Naptr, Question, Srv, in_order, locate
from softphone.sip.uri import SipUri

ALL = ("UDP", "TCP", "TLS")
ZONE = {
    Question("NAPTR", "example.com"): [
        Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com."),
        Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com."),
        Naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com."),
        Naptr(10, 1, "u", "E2U+sip", "!^.*$!sip:x@example.com!"),
    ],
    Question("SRV", "_sips._tcp.example.com"): [Srv(1, 0, 5061, "tls.example.com")],
    Question("SRV", "_sip._tcp.example.com"): [Srv(1, 0, 5060, "tcp.example.com")],
    Question("SRV", "_sip._udp.example.com"): [
        Srv(2, 0, 5060, "second.example.com"),
        Srv(1, 0, 5090, "first.example.com"),
    ],
    Question("SRV", "_sip._udp.plain.example"): [Srv(1, 0, 5099, "first.example.com")],
    Question("SRV", "_sip._udp.none.example"): [Srv(0, 0, 0, ".")],
    Question("HOST", "tls.example.com"): ["192.0.2.3"],
    Question("HOST", "tcp.example.com"): ["192.0.2.4"],
    Question("HOST", "first.example.com"): ["192.0.2.5", "2001:db8::5"],
    Question("HOST", "second.example.com"): ["192.0.2.6"],
    Question("HOST", "bare.example"): ["192.0.2.7"],
    Question("HOST", "example.com"): ["192.0.2.8"],
    Question("HOST", "none.example"): ["192.0.2.9"],
    Question("HOST", "pbx"): ["192.0.2.10"],
}

UDP_OF_EXAMPLE = [("192.0.2.5", 5090), ("2001:db8::5", 5090), ("192.0.2.6", 5060)]


def asked(uri, *, transports=ALL, preferred="UDP", rng=None):
    """Addresses of *uri*, and the questions that it took."""
    questions = []
    search = locate(SipUri.parse(uri), transports=transports, preferred=preferred, rng=rng)
    try:
        question = next(search)
        while True:
            questions.append(question)
            question = search.send(ZONE.get(question, []))
    except StopIteration as found:
        return found.value, questions


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sip:bob@192.0.2.1", ("192.0.2.1", 5060)),
        ("sip:bob@192.0.2.1:5070", ("192.0.2.1", 5070)),
        ("sip:bob@[2001:db8::1]", ("2001:db8::1", 5060)),
        ("sip:bob@192.0.2.1;transport=tcp", ("192.0.2.1", 5060, "TCP")),
        ("sip:bob@192.0.2.1;transport=tls", ("192.0.2.1", 5061, "TLS")),
        ("sips:bob@192.0.2.1", ("192.0.2.1", 5061, "TLS")),
        ("sips:bob@192.0.2.1;transport=tcp", ("192.0.2.1", 5061, "TLS")),
        ("sip:bob@example.com;maddr=192.0.2.99", ("192.0.2.99", 5060)),
    ],
)
def test_an_address_asks_nobody(uri, address):
    assert asked(uri) == ([address], [])


def test_a_port_leaves_only_the_address_to_be_asked_for():
    assert asked("sip:bob@example.com:5070") == ([("192.0.2.8", 5070)], [Question("HOST", "example.com")])


def test_a_name_without_a_dot_is_no_domain():
    assert asked("sip:bob@pbx") == ([("192.0.2.10", 5060)], [Question("HOST", "pbx")])


def test_naptr_orders_the_transports():
    found, _ = asked("sip:bob@example.com")
    assert found == [("192.0.2.3", 5061, "TLS"), ("192.0.2.4", 5060, "TCP"), *UDP_OF_EXAMPLE]


def test_of_naptr_only_what_we_can_speak_counts():
    assert asked("sip:bob@example.com", transports=("UDP",))[0] == UDP_OF_EXAMPLE


def test_a_sips_uri_is_never_sent_in_the_clear():
    found, questions = asked("sips:bob@example.com")
    assert found == [("192.0.2.3", 5061, "TLS")]
    assert not any("_sip._" in question.name for question in questions)


def test_without_naptr_srv_is_asked_for_each_transport_the_preferred_one_first():
    found, questions = asked("sip:bob@plain.example")
    assert found == [("192.0.2.5", 5099), ("2001:db8::5", 5099)]
    assert [question.name for question in questions[1:3]] == ["_sip._udp.plain.example", "first.example.com"]


def test_without_srv_it_is_the_address_of_the_domain():
    assert asked("sip:bob@bare.example")[0] == [("192.0.2.7", 5060)]
    assert asked("sip:bob@bare.example", preferred="TCP")[0] == [("192.0.2.7", 5060, "TCP")]


def test_a_named_transport_asks_srv_of_it_alone():
    found, questions = asked("sip:bob@example.com;transport=tcp")
    assert found == [("192.0.2.4", 5060, "TCP")]
    assert questions == [Question("SRV", "_sip._tcp.example.com"), Question("HOST", "tcp.example.com")]


def test_a_target_of_a_dot_says_that_there_is_no_such_service():
    assert Question("HOST", "") not in asked("sip:bob@none.example")[1]


def test_priorities_come_before_weights_and_weights_share():
    records = [Srv(1, 75, 1, "a"), Srv(1, 25, 1, "b"), Srv(2, 100, 1, "c"), Srv(1, 0, 1, "d")]
    rng = random.Random(4)
    first = Counter(in_order(records, rng)[0].target for _ in range(2000))
    assert {each[-1].target for each in (in_order(records, rng) for _ in range(50))} == {"c"}
    # RFC 2782: in proportion to the weights, and a weight of 0 almost never while others are there.
    assert first["a"] / 2000 == pytest.approx(0.75, abs=0.04)
    assert first["b"] / 2000 == pytest.approx(0.25, abs=0.04)
    assert first["d"] < 60


def test_a_name_server_gone_mad_costs_little():
    ZONE[Question("SRV", "_sip._udp.mad.example")] = [
        Srv(1, 1, port, f"h{port}.mad.example") for port in range(1000)
    ]
    try:
        found, questions = asked("sip:bob@mad.example", transports=("UDP",))
    finally:
        del ZONE[Question("SRV", "_sip._udp.mad.example")]
    assert found == []
    assert len(questions) < 20
