"""Whatever a peer sends, in whatever state a call is, nothing raises and nothing is left behind."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sip_peers import ALICE, ALICE_NAME, ANSWER, BOB, BOB_URI, OFFER, make_endpoint
from support.virtual_link import Line, VirtualNetwork

from softphone.sip.auth import Challenger, Credentials
from softphone.sip.events import ByeReceived, InviteReceived, ReinviteReceived

TORTURE = sorted(Path(__file__).with_name("rfc4475").glob("*.dat"))
STRANGER = ("203.0.113.5", 5060)


def recorded_call():
    """Every datagram of challenged calls, one cancelled, and of OPTIONS: (source, destination, data)."""
    net = VirtualNetwork()
    alice = make_endpoint("alice", ALICE)
    bob = make_endpoint("bob", BOB, challenger=Challenger("r", {"alice": "secret"}))
    net.attach(ALICE, alice)
    net.attach(BOB, bob, lambda event: react(bob, event, net))
    for cancelled in (False, True):
        leg = alice.invite(
            BOB_URI,
            from_=ALICE_NAME,
            body=OFFER,
            destination=BOB,
            credentials=Credentials("alice", "secret"),
            now=net.now,
        )
        net.run_for(0.045 if cancelled else 2.0)
        (alice.cancel if cancelled else alice.bye)(leg, now=net.now)
        net.run_for(2.0)
    alice.options(BOB_URI, from_=ALICE_NAME, destination=BOB, now=net.now)
    net.run_for(2.0)
    return [(item.source, item.destination, item.data) for item in net.log]


def react(endpoint, event, net):
    match event:
        case InviteReceived(leg):
            endpoint.ring(leg, now=net.now)
            net.call_at(net.now + 0.5, lambda: endpoint.answer(leg, body=ANSWER, now=net.now))
        case ReinviteReceived(leg):
            endpoint.answer_reinvite(leg, body=ANSWER, now=net.now)
        case ByeReceived(leg):
            endpoint.answer_bye(leg, now=net.now)


CALL = recorded_call()


def test_the_recording_holds_what_it_should():
    methods = {data.split(b" ")[0] for _, _, data in CALL}
    assert methods == {b"INVITE", b"SIP/2.0", b"ACK", b"BYE", b"CANCEL", b"OPTIONS"}


class Stage:
    """A call in progress; datagrams are thrown in from the side."""

    def __init__(self):
        self.net = VirtualNetwork(line=Line(delay_s=0.01))
        self.alice = make_endpoint("alice", ALICE)
        self.bob = make_endpoint("bob", BOB)
        self.net.attach(ALICE, self.alice)
        self.net.attach(BOB, self.bob, lambda event: react(self.bob, event, self.net))
        self.leg = self.alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=0.0)
        self.net.pump()

    def throw(self, data, source, destination):
        self.net.inject(data, source, destination)
        self.net.run_for(0.05)

    def finish(self):
        """Everything ends: legs by BYE or reject, transactions by their timers."""
        for endpoint in (self.alice, self.bob):
            for leg in endpoint.legs:
                self.net.call_at(self.net.now + 1.0, lambda e=endpoint, n=leg: self.end(e, n))
        self.net.run_for(120.0)
        assert self.alice.transactions == self.bob.transactions == 0
        assert self.alice.next_timeout() is None
        assert self.bob.next_timeout() is None
        assert self.alice.legs == self.bob.legs == ()

    def end(self, endpoint, leg):
        endpoint.bye(leg, now=self.net.now)


headers = st.sampled_from(
    [
        "Via",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Contact",
        "Route",
        "Record-Route",
        "Require",
        "Content-Type",
        "Content-Length",
        "Max-Forwards",
        "Authorization",
        "WWW-Authenticate",
        "Proxy-Authenticate",
        "Expires",
        "Timestamp",
    ]
)
junk = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            ",",
            ";",
            "<",
            "<sip:>",
            "*",
            "sip:",
            "sip:x@[::1",
            "0 INVITE",
            "99999999999 BYE",
            '"',
            "\\",
        ]
    ),
    st.text(st.characters(exclude_characters="\r\n", max_codepoint=0x2FF), max_size=20),
)


@st.composite
def mutated(draw):
    source, destination, data = draw(st.sampled_from(CALL))
    kind = draw(st.integers(0, 4))
    if kind == 0:
        data = data[: draw(st.integers(0, len(data)))]
    elif kind == 1:
        at = draw(st.integers(0, len(data) - 1))
        data = data[:at] + draw(st.binary(max_size=6)) + data[at + draw(st.integers(0, 6)) :]
    elif kind == 2:
        name, value = draw(headers), draw(junk)
        line = f"{name}: {value}\r\n".encode("utf-8", "replace")
        pattern = re.compile(rb"(?m)^" + name.encode() + rb":[^\n]*\n")
        if pattern.search(data):
            data = pattern.sub(lambda _: line, data, count=1)
        else:
            data = data.replace(b"\r\n", b"\r\n" + line, 1)
    elif kind == 3:
        status = str(draw(st.integers(0, 999))).encode()
        data = re.sub(rb"^SIP/2.0 \d+", b"SIP/2.0 " + status, data)
    if draw(st.booleans()):
        source = STRANGER
    return data, source, destination


@settings(deadline=None, max_examples=150)
@given(st.lists(mutated(), max_size=8), st.booleans())
def test_messages_of_a_call_spoiled_and_thrown_into_a_call(messages, early):
    stage = Stage()
    if not early:
        stage.net.run_for(1.0)
    for data, source, destination in messages:
        stage.throw(data, source, destination)
    stage.finish()


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes(data):
    endpoint = make_endpoint("bob", BOB)
    endpoint.receive_datagram(data, STRANGER, now=0.0)
    assert endpoint.stats.bytes_received == len(data)
    assert endpoint.legs == ()


def test_every_message_of_a_call_cut_at_every_byte():
    endpoint = make_endpoint("bob", BOB, max_transactions=100_000, max_legs=100_000)
    for _, _, data in CALL:
        for end in range(0, len(data), 3):
            endpoint.receive_datagram(data[:end], STRANGER, now=0.0)
    assert endpoint.stats.parse_errors > 100


@pytest.mark.skipif(not TORTURE, reason="the torture messages of RFC 4475 are not there")
def test_torture_messages_are_answered_or_dropped():
    assert len(TORTURE) > 20
    endpoint = make_endpoint("bob", BOB)
    for number, path in enumerate(TORTURE):
        endpoint.receive_datagram(path.read_bytes(), STRANGER, now=float(number))
    while (at := endpoint.next_timeout()) is not None:
        endpoint.handle_timeout(now=at)
        for leg in endpoint.legs:
            endpoint.reject(leg, 486, now=at)
    assert endpoint.legs == ()
    assert endpoint.transactions == 0
