"""One endpoint against scripted peers that do what peers should not, or may but rarely do."""

import pytest
from support.sip_peers import (
    ALICE,
    ALICE_NAME,
    ANSWER,
    BOB,
    BOB_URI,
    OFFER,
    ScriptedPeer,
    answer_to,
    make_endpoint,
)
from support.virtual_link import Line, VirtualNetwork

from softphone.sip.auth import Credentials
from softphone.sip.events import Answered, ByeAnswered, InviteReceived, Refused
from softphone.sip.message import Request, parse_message
from softphone.sip.uri import SipUri

BOB_CONTACT = "<sip:bob@192.0.2.2:5060>"
PROXY = ("192.0.2.3", 5070)


class Caller:
    """Alice's endpoint calls a scripted peer at BOB."""

    def __init__(self, script=None, *, line=None, peers=None):
        self.net = VirtualNetwork(line=line)
        self.alice = make_endpoint("alice", ALICE)
        self.events = self.net.attach(ALICE, self.alice)
        self.bob = ScriptedPeer(script)
        self.net.attach(BOB, self.bob)
        for address, peer in (peers or {}).items():
            self.net.attach(address, peer)

    def invite(self, **options):
        leg = self.alice.invite(
            BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, **options, now=self.net.now
        )
        self.net.pump()
        return leg

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def statuses(self):
        return [event.status for event in self.of(Refused)]

    def say(self, message):
        self.bob.send(message, ALICE)
        self.net.pump()

    def assert_nothing_left(self):
        self.net.run_until()
        assert self.alice.legs == ()
        assert self.alice.transactions == 0


def accept(request, **headers):
    headers.setdefault("Contact", BOB_CONTACT)
    return answer_to(request, 200, **headers)


class TestNeverAnswers:
    def test_the_invite_goes_out_seven_times_and_timer_b_ends_it(self):
        call = Caller()
        leg = call.invite()
        call.net.run_until()
        assert [item.at for item in call.net.log] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert len({item.data for item in call.net.log}) == 1
        assert call.events == [Refused(leg, 408, "Request Timeout", None, True)]
        assert call.net.now == 32.0
        call.assert_nothing_left()

    def test_giving_up_meanwhile_sends_no_cancel(self):
        call = Caller()
        leg = call.invite()
        call.alice.cancel(leg, now=0.0)
        call.net.run_until()
        assert call.net.sent(ALICE, "CANCEL") == []
        assert call.statuses() == [408]

    def test_a_bye_ends_by_timer_f(self):
        def script(message, now):
            return [accept(message)] if isinstance(message, Request) and message.method == "INVITE" else None

        call = Caller(script)
        leg = call.invite()
        call.net.run_for(1.0)
        started = call.net.now
        call.alice.bye(leg, now=started)
        call.net.run_until(condition=lambda: call.of(ByeAnswered))
        assert call.events[-1] == ByeAnswered(leg, None)
        assert call.net.now == started + 32.0
        assert len(call.bob.requests("BYE")) == 11
        call.assert_nothing_left()

    def test_a_cancel_nobody_heeds_ends_after_64_t1(self):
        def script(message, now):
            return [answer_to(message, 180)] if message.method == "INVITE" else None

        call = Caller(script)
        leg = call.invite()
        call.net.run_for(1.0)
        call.alice.cancel(leg, now=call.net.now)
        call.net.run_until(32.9)
        assert call.of(Refused) == []
        call.net.run_until()
        assert call.of(Refused) == [Refused(leg, 487, "Request Terminated", None, True)]
        call.assert_nothing_left()


class TestBusy:
    def test_486_is_acked_each_time_it_comes(self):
        def script(message, now):
            return [answer_to(message, 486)] if message.method == "INVITE" else None

        call = Caller(script)
        call.invite()
        call.net.run_for(0.1)
        for _ in range(3):
            call.say(answer_to(call.bob.requests("INVITE")[0], 486))
            call.net.run_for(1.0)
        acks = call.bob.requests("ACK")
        assert len(acks) == 4
        invite = call.bob.requests("INVITE")[0]
        assert {ack.via.branch for ack in acks} == {invite.via.branch}
        assert {str(ack.cseq) for ack in acks} == {"1 ACK"}
        assert {ack.to.tag for ack in acks} == {"peer"}
        assert call.statuses() == [486]
        call.assert_nothing_left()

    @pytest.mark.parametrize("status", [302, 404, 480, 503, 600, 699])
    def test_every_other_final_answer_is_acked_and_told(self, status):
        def script(message, now):
            return [answer_to(message, status)] if message.method == "INVITE" else None

        call = Caller(script)
        call.invite()
        call.net.run_for(1.0)
        assert len(call.bob.requests("ACK")) == 1
        assert call.statuses() == [status]
        assert call.of(Refused)[0].response.status == status


class TestTryingFirst:
    """Most servers say 100 before anything else."""

    def test_a_refusal_after_it_is_told(self):
        call = Caller(lambda m, now: [answer_to(m, 100), answer_to(m, 603)] if m.method == "INVITE" else None)
        call.invite()
        call.net.run_for(0.1)
        assert [type(event).__name__ for event in call.events] == ["Refused"]
        assert len(call.bob.requests("ACK")) == 1

    def test_a_challenge_after_it_is_answered(self):
        def script(message, now):
            if message.method != "INVITE":
                return None
            if message.headers.get("Proxy-Authorization"):
                return [answer_to(message, 100), accept(message)]
            value = 'Digest realm="p", nonce="n"'
            return [answer_to(message, 100), answer_to(message, 407, Proxy_Authenticate=value)]

        call = Caller(script)
        leg = call.invite(credentials=Credentials("alice", "secret"))
        call.net.run_for(0.1)
        assert len(call.of(Answered)) == 1
        call.alice.bye(leg, now=call.net.now)
        call.net.run_for(0.1)
        assert 'realm="p"' in call.bob.requests("BYE")[0].headers.get("Proxy-Authorization")


class TestDropsTheFirstCopy:
    def test_a_whole_call_stands_and_ends(self):
        seen = set()

        def first_copy(item):
            key = (item.source, item.data)
            fresh = key not in seen
            seen.add(key)
            return fresh

        net = VirtualNetwork(line=Line(drop=first_copy))
        alice, bob = make_endpoint("alice", ALICE), make_endpoint("bob", BOB)

        def on_bob(event):
            match event:
                case InviteReceived(leg):
                    bob.answer(leg, body=ANSWER, now=net.now)

        heard, told = net.attach(ALICE, alice), net.attach(BOB, bob, on_bob)
        leg = alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=0.0)
        net.run_until(20.0)
        assert [type(event).__name__ for event in heard] == ["Answered"]
        assert [type(event).__name__ for event in told] == ["InviteReceived", "Acked"]
        # INVITE again at 0.5; its 200 again 0.5 s later; the ACK again with the 200 that missed it.
        assert [item.at for item in net.sent(ALICE, "ACK")] == pytest.approx([1.02, 2.02])
        alice.bye(leg, now=net.now)
        net.run_for(1.0)
        bob.answer_bye(1, now=net.now)
        net.run_until()
        assert heard[-1].response.status == 200
        assert alice.legs == bob.legs == ()


class TestAnotherContactAndRecordRoute:
    def call(self, *routes):
        def script(message, now):
            if not isinstance(message, Request) or message.method != "INVITE":
                return None
            return [accept(message, Contact="<sip:elsewhere@192.0.2.9:5099>", Record_Route=", ".join(routes))]

        self.proxy, self.elsewhere = ScriptedPeer(), ScriptedPeer()
        call = Caller(script, peers={PROXY: self.proxy, ("192.0.2.9", 5099): self.elsewhere})
        leg = call.invite()
        call.net.run_for(1.0)
        call.alice.bye(leg, now=call.net.now)
        call.net.run_for(0.1)
        return call

    def test_loose_routing_keeps_the_target_and_goes_through_the_proxy(self):
        self.call("<sip:far.example.com;lr>", "<sip:192.0.2.3:5070;lr>")
        assert self.proxy.methods() == ["ACK", "BYE"]
        for _, message in self.proxy.heard:
            assert message.uri == "sip:elsewhere@192.0.2.9:5099"
            routes = ["<sip:192.0.2.3:5070;lr>", "<sip:far.example.com;lr>"]
            assert message.headers.get_all("Route") == routes
            assert message.to.tag == "peer"

    def test_strict_routing_puts_the_proxy_in_the_request_uri(self):
        self.call("<sip:far.example.com;lr>", "<sip:192.0.2.3:5070>")
        assert self.proxy.methods() == ["ACK", "BYE"]
        for _, message in self.proxy.heard:
            assert message.uri == "sip:192.0.2.3:5070"
            routes = ["<sip:far.example.com;lr>", "<sip:elsewhere@192.0.2.9:5099>"]
            assert message.headers.get_all("Route") == routes

    def test_without_record_route_the_contact_is_the_next_hop(self):
        call = Caller(
            lambda m, now: [accept(m, Contact="<sip:x@192.0.2.9:5099>")] if m.method == "INVITE" else None
        )
        elsewhere = ScriptedPeer()
        call.net.attach(("192.0.2.9", 5099), elsewhere)
        call.invite()
        call.net.run_for(1.0)
        assert elsewhere.methods() == ["ACK"]
        assert call.bob.methods() == ["INVITE"]

    def test_a_contact_with_a_name_is_reached_where_the_invite_went(self):
        call = Caller(
            lambda m, now: [accept(m, Contact="<sip:x@host.example.com>")] if m.method == "INVITE" else None
        )
        call.invite()
        call.net.run_for(1.0)
        assert call.bob.methods() == ["INVITE", "ACK"]
        assert call.bob.requests("ACK")[0].uri == "sip:x@host.example.com"


class TestRouteOfOurs:
    def test_a_preloaded_loose_route_goes_into_the_invite_and_its_cancel(self):
        call = Caller(lambda m, now: [answer_to(m, 180)] if m.method == "INVITE" else None)
        leg = call.invite(route=("<sip:192.0.2.2;lr>",))
        call.net.run_for(1.0)
        call.alice.cancel(leg, now=call.net.now)
        call.net.run_for(0.1)
        for method in ("INVITE", "CANCEL"):
            (request,) = call.bob.requests(method)
            assert request.uri == str(BOB_URI)
            assert request.headers.get_all("Route") == ["<sip:192.0.2.2;lr>"]


class TestStaleNonce:
    def challenge(self, request, nonce, stale):
        value = f'Digest realm="r", nonce="{nonce}", qop="auth", opaque="o"' + (
            ", stale=true" if stale else ""
        )
        return answer_to(request, 401, WWW_Authenticate=value)

    def test_401_with_a_stale_nonce_is_tried_again_with_the_new_one(self):
        def script(message, now):
            if message.method != "INVITE":
                return None
            authorization = message.headers.get("Authorization") or ""
            if not authorization:
                return [self.challenge(message, "old", False)]
            if 'nonce="old"' in authorization:
                return [self.challenge(message, "new", True)]
            return [accept(message)]

        call = Caller(script)
        call.invite(credentials=Credentials("alice", "secret"))
        call.net.run_for(1.0)
        assert len(call.of(Answered)) == 1
        invites = call.bob.requests("INVITE")
        assert [m.cseq.number for m in invites] == [1, 2, 3]
        assert len({m.via.branch for m in invites}) == 3
        assert len({(m.call_id, m.from_.tag, m.to.tag) for m in invites}) == 1
        assert 'nonce="new"' in invites[2].headers.get("Authorization")
        assert 'opaque="o"' in invites[2].headers.get("Authorization")
        assert len(invites[2].headers.get_all("Authorization")) == 1
        (ack,) = [m for m in call.bob.requests("ACK") if m.cseq.number == 3]
        assert ack.headers.get("Authorization") == invites[2].headers.get("Authorization")

    def test_a_server_that_calls_every_nonce_stale_is_given_up(self):
        count = iter(range(100))

        def script(message, now):
            return [self.challenge(message, f"n{next(count)}", True)] if message.method == "INVITE" else None

        call = Caller(script)
        call.invite(credentials=Credentials("alice", "secret"))
        call.net.run_for(5.0)
        assert call.statuses() == [401]
        assert len(call.bob.requests("INVITE")) == 4
        call.assert_nothing_left()

    def test_a_challenged_bye_is_sent_again_with_the_next_cseq(self):
        def script(message, now):
            if not isinstance(message, Request) or message.method == "ACK":
                return None
            if message.method == "INVITE":
                return [accept(message)]
            known = message.headers.get("Authorization")
            return [answer_to(message, 200) if known else self.challenge(message, "n", False)]

        call = Caller(script)
        leg = call.invite(credentials=Credentials("alice", "secret"))
        call.net.run_for(1.0)
        call.alice.bye(leg, now=call.net.now)
        call.net.run_for(1.0)
        assert [m.cseq.number for m in call.bob.requests("BYE")] == [2, 3]
        assert call.of(ByeAnswered)[0].response.status == 200


class TestLongRinging:
    def test_40_s_of_ringing_is_not_a_timeout(self):
        def script(message, now):
            return [answer_to(message, 180)] if message.method == "INVITE" else None

        call = Caller(script)
        call.invite()
        call.net.run_until(40.0)
        assert call.alice.next_timeout() is None
        call.say(accept(call.bob.requests("INVITE")[0]))
        call.net.run_for(0.1)
        assert len(call.bob.requests("INVITE")) == 1
        assert len(call.of(Answered)) == 1
        assert call.of(Refused) == []


class TestCancelCrossedBy200:
    def test_the_200_is_acked_and_the_call_ended_by_bye(self):
        def script(message, now):
            if not isinstance(message, Request):
                return None
            match message.method:
                case "INVITE":
                    return [answer_to(message, 180)]
                case "CANCEL":
                    # The peer had answered already: the 200 to CANCEL and the 200 to INVITE leave together.
                    return [accept(call.bob.requests("INVITE")[0]), answer_to(message, 200)]
                case "BYE":
                    return [answer_to(message, 200)]
            return None

        call = Caller(script)
        leg = call.invite()
        call.net.run_for(1.0)
        call.alice.cancel(leg, now=call.net.now)
        call.net.run_for(1.0)
        assert [m.method for _, m in call.bob.heard] == ["INVITE", "CANCEL", "ACK", "BYE"]
        (refused,) = call.of(Refused)
        assert (refused.leg, refused.status, refused.local) == (leg, 487, True)
        assert refused.response.status == 200
        assert call.of(Answered) == []
        # The 200 again, although the leg is over: it still wants its ACK (section 13.2.2.4).
        call.say(accept(call.bob.requests("INVITE")[0]))
        call.net.run_for(0.1)
        assert len(call.bob.requests("ACK")) == 2
        call.assert_nothing_left()

    def test_a_200_before_any_provisional_does_the_same(self):
        call = Caller(lambda m, now: [accept(m)] if m.method == "INVITE" else None)
        leg = call.invite()
        call.alice.cancel(leg, now=0.0)
        call.net.run_for(0.1)
        assert call.bob.methods()[:3] == ["INVITE", "ACK", "BYE"]
        assert call.statuses() == [487]


class TestRepeated200:
    def test_each_gets_the_very_same_ack(self):
        call = Caller(lambda m, now: [accept(m)] if m.method == "INVITE" else None)
        leg = call.invite()
        call.net.run_for(1.0)
        for _ in range(4):
            call.say(accept(call.bob.requests("INVITE")[0]))
            call.net.run_for(1.0)
        acks = call.net.sent(ALICE, "ACK")
        assert len(acks) == 5
        assert len({ack.data for ack in acks}) == 1
        assert parse_message(acks[0].data).via.branch != call.bob.requests("INVITE")[0].via.branch
        assert len(call.of(Answered)) == 1
        assert call.alice.stats.retransmissions == 4
        assert call.alice.legs == (leg,)


class TestForks:
    def test_the_first_2xx_wins_and_another_one_is_acked_and_ended(self):
        def script(message, now):
            if not isinstance(message, Request):
                return None
            if message.method == "INVITE":
                return [
                    answer_to(message, 180, tag="desk"),
                    answer_to(message, 180, tag="cell"),
                    accept(message, tag="cell"),
                    accept(message, tag="desk"),
                    accept(message, tag="desk"),
                ]
            return [answer_to(message, 200)] if message.method == "BYE" else None

        call = Caller(script)
        leg = call.invite()
        call.net.run_for(1.0)
        assert [m.to.tag for m in call.bob.requests("ACK")] == ["cell", "desk", "desk"]
        assert [m.to.tag for m in call.bob.requests("BYE")] == ["desk"]
        assert [event.response.to.tag for event in call.of(Answered)] == ["cell"]
        assert call.of(ByeAnswered) == []
        assert call.alice.legs == (leg,)

    def test_a_flood_of_forks_is_not_followed_for_ever(self):
        call = Caller(lambda m, now: [answer_to(m, 180)] if m.method == "INVITE" else None)
        call.invite()
        call.net.run_for(0.1)
        for n in range(50):
            call.say(accept(call.bob.requests("INVITE")[0], tag=f"t{n}"))
        call.net.run_for(0.2)
        assert len(call.bob.requests("ACK")) == 16


class Callee:
    """A scripted peer at ALICE calls Bob's endpoint."""

    def __init__(self):
        self.net = VirtualNetwork()
        self.bob = make_endpoint("bob", BOB)
        self.events = self.net.attach(BOB, self.bob)
        self.alice = ScriptedPeer()
        self.net.attach(ALICE, self.alice)
        caller = make_endpoint("alice", ALICE)
        caller.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=0.0)
        ((self.invite, _),) = caller.datagrams_to_send(now=0.0)
        self.alice.send(self.invite, BOB)
        self.net.run_for(0.05)

    def names(self):
        return [type(event).__name__ for event in self.events]


class TestMissingAck:
    def test_200_is_repeated_up_to_t2_then_bye(self):
        call = Callee()
        call.bob.answer(1, body=ANSWER, now=call.net.now)
        call.net.run_until(70.0)
        oks = [item.at - 0.05 for item in call.net.sent(BOB, "SIP/2.0 200")]
        assert oks == pytest.approx([0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5])
        byes = call.net.sent(BOB, "BYE")
        assert byes[0].at == pytest.approx(32.05)
        assert call.names() == ["InviteReceived", "AckMissing", "ByeAnswered"]
        call.net.run_until()
        assert call.bob.legs == ()
        assert call.bob.transactions == 0

    def test_an_ack_stops_the_200(self):
        call = Callee()
        call.bob.answer(1, body=ANSWER, now=call.net.now)
        call.net.run_until(2.0)
        ok = call.alice.responses("INVITE")[-1]
        invite = parse_message(call.invite)
        ack = Request("ACK", "sip:bob@192.0.2.2", invite.headers.copy(), b"late answer")
        ack.headers.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKack")
        ack.headers.set("To", ok.headers.get("To"))
        ack.headers.set("CSeq", "1 ACK")
        for _ in range(2):
            call.alice.send(ack, BOB)
            call.net.run_for(0.1)
        call.net.run_until(60.0)
        assert len(call.net.sent(BOB, "SIP/2.0 200")) == 3
        assert call.names() == ["InviteReceived", "Acked"]
        assert call.events[1].body == b"late answer"
        assert call.bob.legs == (1,)

    def test_an_ack_of_another_cseq_does_not(self):
        call = Callee()
        call.bob.answer(1, body=ANSWER, now=call.net.now)
        call.net.run_until(0.2)
        ok = call.alice.responses("INVITE")[-1]
        ack = Request("ACK", "sip:bob@192.0.2.2", parse_message(call.invite).headers.copy())
        ack.headers.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKack")
        ack.headers.set("To", ok.headers.get("To"))
        ack.headers.set("CSeq", "9 ACK")
        call.alice.send(ack, BOB)
        call.net.run_until(40.0)
        assert "AckMissing" in call.names()


class TestOddAnswers:
    def test_a_200_without_contact_is_acked_at_the_uri_called(self):
        call = Caller(lambda m, now: [answer_to(m, 200)] if m.method == "INVITE" else None)
        call.invite()
        call.net.run_for(0.1)
        assert call.bob.requests("ACK")[0].uri == str(BOB_URI)

    def test_a_200_without_a_tag_makes_a_dialog_all_the_same(self):
        def script(message, now):
            if message.method == "INVITE":
                answer = accept(message)
                answer.headers.set("To", message.headers.get("To"))
                return [answer]
            return [answer_to(message, 200)] if message.method == "BYE" else None

        call = Caller(script)
        leg = call.invite()
        call.net.run_for(0.1)
        call.alice.bye(leg, now=call.net.now)
        call.net.run_for(0.1)
        assert call.bob.requests("BYE")[0].to.tag is None
        assert call.of(ByeAnswered)[0].response.status == 200

    def test_a_481_to_bye_ends_the_leg_too(self):
        def script(message, now):
            if message.method == "INVITE":
                return [accept(message)]
            return [answer_to(message, 481)] if message.method == "BYE" else None

        call = Caller(script)
        leg = call.invite()
        call.net.run_for(0.1)
        call.alice.bye(leg, now=call.net.now)
        call.net.run_for(0.1)
        assert call.of(ByeAnswered)[0].response.status == 481
        call.assert_nothing_left()

    def test_provisionals_without_end_are_told_and_cost_nothing(self):
        call = Caller(lambda m, now: [answer_to(m, 100), answer_to(m, 183)] if m.method == "INVITE" else None)
        call.invite()
        call.net.run_for(0.1)
        for _ in range(100):
            call.say(answer_to(call.bob.requests("INVITE")[0], 180))
        call.net.run_for(0.1)
        assert len(call.events) == 101
        assert call.alice.transactions == 1

    def test_an_answer_after_everything_is_over_is_dropped(self):
        call = Caller(lambda m, now: [answer_to(m, 486)] if m.method == "INVITE" else None)
        call.invite()
        call.net.run_until()
        call.say(accept(call.bob.requests("INVITE")[0]))
        call.net.run_until()
        assert type(call.events[-1]).__name__ == "MessageDropped"
        assert call.alice.legs == ()

    def test_a_call_to_an_ipv6_address_goes_there(self):
        six = make_endpoint("alice", ("2001:db8::1", 5060))
        net = VirtualNetwork()
        peer = ScriptedPeer(
            lambda m, now: (
                [accept(m, Contact="<sip:bob@[2001:db8::2]:5060>")] if m.method == "INVITE" else None
            )
        )
        events = net.attach(("2001:db8::1", 5060), six)
        net.attach(("2001:db8::2", 5060), peer)
        target = SipUri.parse("sip:bob@[2001:db8::2]")
        six.invite(target, from_=ALICE_NAME, body=OFFER, destination=("2001:db8::2", 5060), now=0.0)
        net.run_for(0.1)
        assert [type(event).__name__ for event in events] == ["Answered"]
        assert peer.methods() == ["INVITE", "ACK"]
