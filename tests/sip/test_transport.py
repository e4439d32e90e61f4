"""SIP over connections beside datagrams, in virtual time (RFC 3261 section 18)."""

import pytest
from support.registrar import Registrar
from support.sip_calls import Call, kinds
from support.sip_peers import ALICE, ALICE_NAME, BOB, BOB_URI, OFFER, make_endpoint
from support.stream_link import StreamNetwork
from support.virtual_link import Line

from softphone.sip.events import Acked, Answered, ByeAnswered, PublicAddressLearnt, Refused, ReinviteReceived
from softphone.sip.matching import address_of
from softphone.sip.message import Request, parse_message
from softphone.sip.uri import SipUri
from softphone.stun import StunMessage, binding_request, binding_success

TCP_BOB = (*BOB, "TCP")
TLS_BOB = (BOB[0], 5061, "TLS")
LARGE = OFFER + b"a=x-padding:" + 1400 * b"x" + b"\r\n"


class Mixed(Call):
    """Alice and Bob, with TCP and TLS beside UDP."""

    def __init__(self, *, delay_s=0.01, bob_has_tcp=True, **options):
        super().__init__(**options)
        self.net = StreamNetwork(line=Line(delay_s=delay_s))
        self.alice = make_endpoint("alice", ALICE, others=reached(ALICE), **dict(options.get("alice", ())))
        self.bob = make_endpoint("bob", BOB, others=reached(BOB), **dict(options.get("bob", ())))
        self.heard_by_alice = self.net.attach(ALICE, self.alice, self.on_alice)
        self.heard_by_bob = self.net.attach(BOB, self.bob, self.on_bob)
        self.net.also = {(host, 5061): (host, 5060) for host, _ in (ALICE, BOB)}
        if not bob_has_tcp:
            self.net.refuses.add(BOB)

    def call(self, destination=TCP_BOB, *, body=OFFER, target=BOB_URI, **options):
        leg = self.alice.invite(
            target, from_=ALICE_NAME, body=body, destination=destination, now=self.net.now, **options
        )
        self.net.pump()
        return leg

    def requests(self, method):
        return [parse_message(sent.data) for sent in self.net.log if sent.data.startswith(method.encode())]

    def over(self, method):
        """What each request of *method* went over."""
        log = [sent.destination for sent in self.net.log if sent.data.startswith(method.encode())]
        return [each[2] if len(each) == 3 else "UDP" for each in log]


def reached(address):
    return {"TCP": address, "TLS": (address[0], 5061)}


class TestConnections:
    def test_a_call_over_tcp_opens_one_connection_and_repeats_nothing_however_slow_it_is(self):
        call = Mixed(delay_s=1.2, ring_s=3.0, talk_s=5.0)
        call.call()
        call.net.run_until()
        assert [len(call.requests(method)) for method in ("INVITE", "BYE")] == [1, 1]
        assert call.net.opened == [(ALICE, TCP_BOB)]
        assert len(call.alices(ByeAnswered)) == 1
        call.assert_all_over()

    def test_via_and_contact_say_tcp(self):
        call = Mixed()
        call.call()
        call.net.run_for(0.2)
        (invite,) = call.requests("INVITE")
        assert (invite.via.transport, invite.via.host, invite.via.port) == ("TCP", *ALICE)
        assert str(invite.contact.uri) == "sip:alice@192.0.2.1:5060;transport=tcp"
        assert "alias" in invite.via.params  # RFC 5923 section 5

    def test_the_callee_hangs_up_by_the_connection_of_the_caller(self):
        call = Mixed()
        call.call()
        call.net.run_for(1.0)
        assert kinds(call.bobs(Acked)) == ["Acked"]
        call.bob.bye(call.bobs(Acked)[0].leg, now=call.net.now)
        call.net.run_until()
        assert call.net.opened == [(ALICE, TCP_BOB)]
        assert call.over("BYE") == ["TCP"]
        call.assert_all_over()

    def test_an_answer_whose_connection_is_gone_goes_to_where_via_says(self):
        call = Mixed(ring_s=2.0)
        call.call()
        call.net.run_for(1.0)
        call.net.cut(ALICE)
        call.net.run_for(3.0)
        assert len(call.alices(Answered)) == 1
        assert call.net.opened[:2] == [(ALICE, TCP_BOB), (BOB, (*ALICE, "TCP"))]

    def test_after_its_connection_is_gone_a_call_is_ended_by_a_new_one(self):
        call = Mixed()
        leg = call.call()
        call.net.run_for(1.0)
        call.net.cut(ALICE)
        call.net.run_for(1.0)
        call.alice.bye(leg, now=call.net.now)
        call.net.run_until()
        assert call.net.opened == 2 * [(ALICE, TCP_BOB)]
        assert call.alices(ByeAnswered)[0].response is not None
        call.assert_all_over()

    def test_a_connection_that_closes_before_any_answer_ends_the_call_with_the_reason(self):
        call = Mixed(delay_s=0.5)
        call.call()
        call.net.run_for(0.1)
        call.net.cut(BOB)
        call.net.run_for(1.0)
        (refused,) = call.alices(Refused)
        assert (refused.status, refused.local, refused.reason) == (503, True, "connection reset")

    def test_who_takes_no_connection_is_told_as_the_reason(self):
        call = Mixed(bob_has_tcp=False)
        call.call()
        call.net.run_until()
        assert [event.reason for event in call.alices(Refused)] == ["connection refused"]
        call.assert_all_over()

    def test_a_connection_serves_no_host_but_its_own(self):
        call = Mixed()
        invite = request_by_tcp(contact="<sip:x@198.51.100.7:5060;transport=tcp>", via="198.51.100.7:5060")
        call.bob.receive_datagram(invite, (ALICE[0], 49_152, "TCP"), now=0.0)
        call.bob.options(
            SipUri.parse("sip:x@198.51.100.7"),
            from_=ALICE_NAME,
            destination=("198.51.100.7", 5060, "TCP"),
            now=0.0,
        )
        sent = [addr for data, addr in call.bob.datagrams_to_send(now=0.0) if data.startswith(b"OPTIONS")]
        assert sent == [("198.51.100.7", 5060, "TCP")]

    @pytest.mark.parametrize("port", [5060, 49_000])
    def test_nobody_becomes_the_alias_of_a_connection_that_stands(self, port):
        # RFC 5923 section 8.2: another user of the same host, or somebody behind the same NAT.
        call = Mixed()
        first, thief = (ALICE[0], 49_000, "TCP"), (ALICE[0], 49_666, "TCP")
        said = {"contact": f"<sip:x@{ALICE[0]}:{port}>", "via": f"{ALICE[0]}:{port}"}
        for source in (first, thief):
            number = 1 if source == first else 2
            call.bob.receive_datagram(request_by_tcp(**said, number=number), source, now=0.0)
        call.bob.datagrams_to_send(now=0.0)
        assert asks(call.bob, (ALICE[0], port, "TCP")) == first

    def test_over_tls_a_connection_of_the_peer_serves_its_own_dialog_alone(self):
        # Whom we call ourselves has to show a certificate (RFC 5922 section 7); who calls us has shown none.
        call = Mixed()
        source, known = (ALICE[0], 49_000, "TLS"), (ALICE[0], 5061, "TLS")
        invite = request_by_tcp(contact=f"<sip:x@{ALICE[0]}:5061;transport=tls>", via=f"{ALICE[0]}:5061")
        call.bob.receive_datagram(invite.replace(b"/TCP", b"/TLS"), source, now=0.0)
        assert asks(call.bob, known) == known
        call.bob.progress(1, 183, now=0.1)
        call.bob.answer(1, body=OFFER, now=0.1)
        call.bob.handle_timeout(now=40.0)  # no ACK: BYE follows
        sent = call.bob.datagrams_to_send(now=40.0)
        assert [addr for data, addr in sent if data.startswith(b"BYE")] == [source]

    def test_a_caller_is_reached_by_the_connection_that_it_opened_last(self):
        call = Mixed()
        call.call()
        call.net.run_for(1.0)
        leg = next(iter(call.bob._book))
        before = leg.peer
        call.net.cut(ALICE)
        call.net.run_for(0.1)
        call.alice.info(1, b"1", "application/dtmf", now=call.net.now)
        call.net.pump()
        call.net.run_for(0.1)
        assert leg.peer != before
        assert leg.peer[0] == ALICE[0]

    def test_over_tls_the_contact_names_tls_and_the_dialog_stays_on_it(self):
        call = Mixed(talk_s=1.0)
        call.call(TLS_BOB)
        call.net.run_until()
        (invite,) = call.requests("INVITE")
        assert (invite.via.transport, invite.via.port) == ("TLS", 5061)
        assert str(invite.contact.uri) == "sip:alice@192.0.2.1:5061;transport=tls"
        assert set(call.over("ACK") + call.over("BYE")) == {"TLS"}

    def test_a_sips_uri_gets_a_sips_contact_both_ways(self):
        call = Mixed(talk_s=1.0)
        call.call(TLS_BOB, target=SipUri.parse("sips:bob@192.0.2.2"))
        call.net.run_until()
        (invite,) = call.requests("INVITE")
        (answered,) = call.alices(Answered)
        assert str(invite.contact.uri) == "sips:alice@192.0.2.1:5061"
        assert str(answered.response.contact.uri) == "sips:bob@192.0.2.2:5061"
        assert set(call.over("ACK") + call.over("BYE")) == {"TLS"}


class TestLargeRequests:
    def test_more_than_1300_bytes_go_over_tcp_and_the_call_stands(self):
        call = Mixed(talk_s=1.0)
        call.call(BOB, body=LARGE)
        call.net.run_until()
        assert call.over("INVITE") == ["TCP"]
        assert call.requests("INVITE")[0].via.transport == "TCP"
        assert call.alice.stats.switched_to_tcp == 1
        assert len(call.alices(ByeAnswered)) == 1
        call.assert_all_over()

    def test_a_request_of_usual_size_stays_with_udp(self):
        call = Mixed(talk_s=1.0)
        call.call(BOB)
        call.net.run_until()
        assert {*call.over("INVITE"), *call.over("BYE")} == {"UDP"}

    def test_where_tcp_is_refused_it_goes_by_udp_after_all_and_the_next_one_at_once(self):
        call = Mixed(talk_s=1.0, bob_has_tcp=False)
        for expected in (["TCP", "UDP"], ["TCP", "UDP", "UDP"]):
            call.call(BOB, body=LARGE)
            call.net.run_for(5.0)
            assert call.over("INVITE") == expected
        assert [each.via.transport for each in call.requests("INVITE")] == ["TCP", "UDP", "UDP"]
        assert len(call.alices(ByeAnswered)) == 2
        assert call.alice.stats.fallbacks == 1

    def test_a_cancel_goes_where_its_invite_went(self):
        call = Mixed(ring_s=60.0)
        leg = call.call(BOB, body=LARGE)
        call.net.run_for(1.0)
        call.alice.cancel(leg, now=call.net.now)
        call.net.run_until(40.0)
        (invite,), (cancel,) = call.requests("INVITE"), call.requests("CANCEL")
        assert call.over("CANCEL") == ["TCP"]
        assert str(cancel.via) == str(invite.via)
        assert [event.status for event in call.alices(Refused)] == [487]


class TestNat:
    def learnt(self):
        """Alice behind a NAT that makes 203.0.113.9:1024 of her address."""
        call = Call()
        seen = ("203.0.113.9", 1024)
        call.net.attach(seen, call.alice)
        call.alice.options(BOB_URI, from_=ALICE_NAME, destination=BOB, now=0.0)
        ((data, _),) = call.alice.datagrams_to_send(now=0.0)
        call.bob.receive_datagram(data, seen, now=0.0)
        ((answer, back),) = call.bob.datagrams_to_send(now=0.0)
        assert back == seen  # RFC 3581 section 4
        call.alice.receive_datagram(answer, BOB, now=0.0)
        return call, seen

    def test_where_a_peer_sees_us_is_told_once_and_stands_in_contact_for_that_peer(self):
        call, seen = self.learnt()
        told = [
            event for event in iter(call.alice.next_event, None) if isinstance(event, PublicAddressLearnt)
        ]
        assert told == [PublicAddressLearnt(seen, BOB)]
        assert str(call.alice.contact_for(BOB)) == "sip:alice@203.0.113.9:1024"
        assert str(call.alice.contact_for(("192.0.2.99", 5060))) == "sip:alice@192.0.2.1:5060"

    def test_the_next_request_carries_it(self):
        call, _ = self.learnt()
        call.alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=1.0)
        ((data, _),) = call.alice.datagrams_to_send(now=1.0)
        assert str(parse_message(data).contact.uri) == "sip:alice@203.0.113.9:1024"

    def held_through_a_nat(self, *, speaks_stun):
        """Alice in a call through a NAT, and what she sends besides SIP in two minutes: (when, data)."""
        call, seen = self.learnt()
        leg = call.alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=0.0)
        beside = []
        for second in range(120):
            call.alice.handle_timeout(now=float(second))
            for data, addr in call.alice.datagrams_to_send(now=float(second)):
                if data[:1] not in (b"\0", b"\r"):
                    continue
                beside.append((second, data))
                if data.startswith(b"\0") and speaks_stun:
                    answer = binding_success(
                        StunMessage.parse(data).transaction_id, (seen[0], seen[1] + second)
                    )
                    call.alice.receive_datagram(answer, addr, now=float(second))
            if second == 1:
                ringing = next(each for each in call.alice._book if each.id == leg)
                assert ringing.peer == BOB
        return call, beside

    def test_while_a_call_stands_its_flow_is_kept_open_by_stun_which_tells_where_it_comes_out(self):
        call, beside = self.held_through_a_nat(speaks_stun=True)
        assert [second for second, _ in beside] == [25]  # until nobody answers the INVITE: 64*T1
        assert str(call.alice.contact_for(BOB)) == "sip:alice@203.0.113.9:1049"

    def test_where_nobody_answers_stun_line_ends_keep_it_open(self):
        _, beside = self.held_through_a_nat(speaks_stun=False)
        assert [second for second, data in beside if data.startswith(b"\0")] == [25, 27, 29]
        assert [(second, data) for second, data in beside if data.startswith(b"\r")] == [(31, b"\r\n\r\n")]

    def test_stun_is_answered_to_those_we_talk_to_and_to_nobody_else(self):
        call = Call(ring_s=60.0)
        call.invite()
        call.net.run_for(0.2)
        asked = binding_request(bytes(12))
        call.bob.receive_datagram(asked, ("198.51.100.7", 5060), now=call.net.now)
        assert call.bob.datagrams_to_send(now=call.net.now) == []
        call.bob.receive_datagram(asked, ALICE, now=call.net.now)
        ((answer, addr),) = call.bob.datagrams_to_send(now=call.net.now)
        assert (StunMessage.parse(answer).mapped_address, addr) == (ALICE, ALICE)

    def test_a_public_address_that_is_given_stands_in_every_contact(self):
        alice = make_endpoint("alice", ALICE, public_host="198.51.100.1", others=reached(ALICE))
        for destination, contact in (
            (BOB, "sip:alice@198.51.100.1:5060"),
            (TCP_BOB, "sip:alice@198.51.100.1:5060;transport=tcp"),
        ):
            alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=destination, now=0.0)
            ((data, _),) = alice.datagrams_to_send(now=0.0)
            message = parse_message(data)
            assert str(message.contact.uri) == contact
            assert message.via.host == ALICE[0]


@pytest.mark.parametrize(
    ("contact", "came_from", "goes_to"),
    [
        ("sip:a@192.168.1.7:5060", ("203.0.113.9", 1024), ("203.0.113.9", 1024)),
        ("sip:a@10.0.0.7;transport=tcp", ("203.0.113.9", 1024, "TCP"), ("203.0.113.9", 1024, "TCP")),
        ("sip:a@192.168.1.7:5060", ("192.168.1.1", 5060), ("192.168.1.7", 5060)),
        ("sip:a@198.51.100.7", ("203.0.113.9", 1024), ("198.51.100.7", 5060)),
        ("sip:a@198.51.100.7;transport=tcp", ("203.0.113.9", 5060), ("198.51.100.7", 5060, "TCP")),
        ("sip:a@203.0.113.9:5070", ("203.0.113.9", 1024, "TLS"), ("203.0.113.9", 5070, "TLS")),
        ("sips:a@203.0.113.9;transport=udp", ("203.0.113.9", 1024), ("203.0.113.9", 5061, "TLS")),
        ("sip:a@pbx.example.com", ("203.0.113.9", 1024), ("203.0.113.9", 1024)),
        # Section 26.2.2: no Contact takes TLS from a dialog that has it.
        ("sip:a@198.51.100.7", ("203.0.113.9", 1024, "TLS"), ("203.0.113.9", 1024, "TLS")),
        ("sip:a@203.0.113.9;transport=udp", ("203.0.113.9", 1024, "TLS"), ("203.0.113.9", 1024, "TLS")),
        ("sips:a@198.51.100.7", ("203.0.113.9", 1024, "TLS"), ("198.51.100.7", 5061, "TLS")),
    ],
)
def test_where_a_request_in_a_dialog_goes(contact, came_from, goes_to):
    assert address_of(SipUri.parse(contact), came_from) == goes_to


def test_when_the_connection_of_a_registration_closes_it_is_made_anew_but_not_too_often():
    net = StreamNetwork()
    alice = make_endpoint("alice", ALICE, others=reached(ALICE))
    net.attach(ALICE, alice)
    net.attach(BOB, Registrar(BOB))
    alice.register(SipUri("sip", host=BOB[0]), aor=ALICE_NAME, destination=TCP_BOB, expires_s=3600.0, now=0.0)
    net.run_until(100.0)
    net.cut(ALICE)
    net.run_until(105.0)
    net.cut(ALICE)
    net.run_until(200.0)
    assert [round(sent.at) for sent in net.sent(ALICE, "REGISTER")] == [0, 101, 131]
    assert net.opened == 3 * [(ALICE, TCP_BOB)]


def test_with_an_outbound_proxy_every_first_request_is_routed_through_it():
    proxy = "<sip:proxy.example.com;lr>"
    alice = make_endpoint("alice", ALICE, outbound_route=(proxy,))
    alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=("192.0.2.200", 5060), now=0.0)
    alice.options(BOB_URI, from_=ALICE_NAME, destination=("192.0.2.200", 5060), now=0.0)
    for data, _ in alice.datagrams_to_send(now=0.0):
        message = parse_message(data)
        assert isinstance(message, Request)
        assert message.headers.get_all("Route") == [proxy]
        assert message.uri == str(BOB_URI)


def test_a_re_invite_of_a_call_over_tcp_says_tcp():
    call = Mixed()
    leg = call.call()
    call.net.run_for(1.0)
    call.alice.reinvite(leg, lambda: OFFER, now=call.net.now)
    call.net.run_for(0.1)
    (again,) = call.bobs(ReinviteReceived)
    assert again.request.via.transport == "TCP"
    assert again.request.contact.uri.params == {"transport": "tcp"}


def test_an_ipv6_call_has_brackets_where_they_belong_and_none_elsewhere():
    # RFC 5118 sections 4.1 and 4.5.
    ours, theirs = ("2001:db8::1", 5060), ("2001:db8::2", 5060)
    alice = make_endpoint("alice", ours, others={"TCP": ours})
    bob = make_endpoint("bob", theirs, others={"TCP": theirs})
    target = SipUri.parse("sip:bob@[2001:db8::2]")
    alice.invite(target, from_=ALICE_NAME, body=OFFER, destination=(*theirs, "TCP"), now=0.0)
    ((data, addr),) = alice.datagrams_to_send(now=0.0)
    assert addr == ("2001:db8::2", 5060, "TCP")
    assert b"Via: SIP/2.0/TCP [2001:db8::1]:5060;" in data
    assert b"<sip:alice@[2001:db8::1]:5060;transport=tcp>" in data
    bob.receive_datagram(data, ("2001:db8::9", 40_000, "TCP"), now=0.0)
    bob.handle_timeout(now=0.5)
    ((answer, back),) = bob.datagrams_to_send(now=0.5)
    assert back == ("2001:db8::9", 40_000, "TCP")
    assert b";received=2001:db8::9" in answer


@pytest.mark.parametrize("connections", [2000])
def test_what_is_kept_of_connections_is_bounded(connections):
    call = Mixed()
    for number in range(connections):
        source = (f"198.51.{number // 250}.{number % 250}", 40_000, "TCP")
        invite = request_by_tcp(contact=f"<sip:x@{source[0]}:5060>", via=f"{source[0]}:5060", number=number)
        call.bob.receive_datagram(invite, source, now=0.0)
    assert len(call.bob._layer.ways) == 1024


def asks(endpoint, destination):
    """Where a question to *destination* goes."""
    target = SipUri.parse(f"sip:x@{destination[0]}:{destination[1]}")
    endpoint.options(target, from_=ALICE_NAME, destination=destination, now=0.0)
    (where,) = [addr for data, addr in endpoint.datagrams_to_send(now=0.0) if data.startswith(b"OPTIONS")]
    return where


def request_by_tcp(*, contact, via, number=1):
    return (
        f"INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/TCP {via};branch=z9hG4bKx{number};alias\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:x@192.0.2.9>;tag=x{number}\r\nTo: <sip:bob@192.0.2.2>\r\n"
        f"Call-ID: c{number}\r\nCSeq: 1 INVITE\r\nContact: {contact}\r\nContent-Length: 0\r\n\r\n"
    ).encode()
