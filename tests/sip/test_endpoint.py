"""Two endpoints, and an endpoint against single requests, in virtual time."""

from functools import partial

import pytest

from softphone.sip.auth import Challenger, Credentials
from softphone.sip.errors import LocalSipError
from softphone.sip.events import (
    Acked,
    Answered,
    ByeAnswered,
    ByeReceived,
    Cancelled,
    InviteReceived,
    MessageDropped,
    OptionsAnswered,
    Provisional,
    Refused,
    ReinviteReceived,
)
from softphone.sip.message import Request, parse_message
from softphone.sip.timers import Timers
from tests.support.sip_peers import (
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
from tests.support.virtual_link import Line, VirtualNetwork


def kinds(events):
    return [type(event).__name__ for event in events]


class Call:
    """Alice and Bob on a line; Bob does with a call what the test says."""

    def __init__(self, *, bob_does="answer", seed=0, line=None, alice=(), bob=(), ring_s=0.5, talk_s=None):
        self.net = VirtualNetwork(seed=seed, line=line)
        self.alice = make_endpoint("alice", ALICE, **dict(alice))
        self.bob = make_endpoint("bob", BOB, **dict(bob))
        self.bob_does, self.ring_s, self.talk_s = bob_does, ring_s, talk_s
        self.heard_by_alice = self.net.attach(ALICE, self.alice, self.on_alice)
        self.heard_by_bob = self.net.attach(BOB, self.bob, self.on_bob)

    def at(self, delay, command, *args, **options):
        self.net.call_at(self.net.now + delay, lambda: command(*args, **options, now=self.net.now))

    def on_alice(self, event):
        match event:
            case Answered(leg) if self.talk_s is not None:
                self.at(self.talk_s, self.alice.bye, leg)
            case ByeReceived(leg):
                self.alice.answer_bye(leg, now=self.net.now)

    def on_bob(self, event):
        match event:
            case InviteReceived(leg):
                if self.bob_does in ("answer", "ring"):
                    self.bob.ring(leg, now=self.net.now)
                if self.bob_does == "answer":
                    self.at(self.ring_s, self.bob.answer, leg, body=ANSWER)
                elif self.bob_does == "reject":
                    self.bob.reject(leg, 486, now=self.net.now)
            case ByeReceived(leg):
                self.bob.answer_bye(leg, now=self.net.now)

    def invite(self, **options):
        leg = self.alice.invite(
            BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, **options, now=self.net.now
        )
        self.net.pump()
        return leg

    def bobs(self, kind):
        return [event for event in self.heard_by_bob if isinstance(event, kind)]

    def alices(self, kind):
        return [event for event in self.heard_by_alice if isinstance(event, kind)]

    def assert_all_over(self):
        assert self.alice.legs == self.bob.legs == ()
        assert self.alice.transactions == self.bob.transactions == 0
        assert self.alice.next_timeout() is None
        assert self.bob.next_timeout() is None


class TestCall:
    def test_a_call_is_six_messages(self):
        call = Call(talk_s=5.0)
        leg = call.invite()
        call.net.run_until()
        lines = [item.start_line.removesuffix(" SIP/2.0") for item in call.net.log]
        assert lines == [
            f"INVITE {BOB_URI}",
            "SIP/2.0 180 Ringing",
            "SIP/2.0 200 OK",
            f"ACK {BOB_URI}",
            f"BYE {BOB_URI}",
            "SIP/2.0 200 OK",
        ]
        assert kinds(call.heard_by_alice) == ["Provisional", "Answered", "ByeAnswered"]
        assert kinds(call.heard_by_bob) == ["InviteReceived", "Acked", "ByeReceived"]
        assert call.alices(Answered)[0].response.body == ANSWER
        assert call.bobs(InviteReceived)[0].request.body == OFFER
        assert call.bobs(InviteReceived)[0].source == ALICE
        call.assert_all_over()
        assert call.alice.leg_bytes(leg) == (call.alice.stats.bytes_sent, call.bob.stats.bytes_sent)
        assert call.bob.leg_bytes(1) == call.alice.leg_bytes(leg)[::-1]
        assert call.alice.stats.retransmissions == call.bob.stats.retransmissions == 0

    def test_the_callee_hangs_up_and_bodies_travel_in_bye_and_its_answer(self):
        call = Call(bob_does="nothing")
        call.invite()
        call.net.run_for(0.1)
        call.bob.answer(1, body=ANSWER, now=call.net.now)
        call.net.run_for(1.0)
        call.bob.bye(1, body=b"{1}", content_type="application/x", now=call.net.now)
        call.net.run_until()
        assert call.alices(ByeReceived)[0].request.body == b"{1}"
        assert call.alices(ByeReceived)[0].request.headers.get("Content-Type") == "application/x"
        call.assert_all_over()

    def test_the_answer_to_bye_carries_a_body(self):
        call = Call(talk_s=1.0)
        call.on_bob_bye = partial(call.bob.answer_bye, body=b"{2}", content_type="application/x")
        original = call.on_bob
        call.net._nodes[BOB].on_event = lambda event: (
            call.on_bob_bye(event.leg, now=call.net.now)
            if isinstance(event, ByeReceived)
            else original(event)
        )
        call.invite()
        call.net.run_until()
        assert call.alices(ByeAnswered)[0].response.body == b"{2}"

    def test_busy_is_refused_and_acked(self):
        call = Call(bob_does="reject")
        leg = call.invite()
        call.net.run_until()
        (event,) = call.heard_by_alice
        assert (event.leg, event.status, event.reason, event.local) == (leg, 486, "Busy Here", False)
        assert len(call.net.sent(ALICE, "ACK")) == 1
        call.assert_all_over()

    def test_cancel_while_ringing(self):
        call = Call(bob_does="ring")
        leg = call.invite()
        call.net.run_for(2.0)
        call.alice.cancel(leg, now=call.net.now)
        call.net.run_until()
        (refused,) = call.alices(Refused)
        assert (refused.status, refused.local) == (487, False)
        assert kinds(call.heard_by_bob) == ["InviteReceived", "Cancelled"]
        assert call.bobs(Cancelled)[0].leg == 1
        call.assert_all_over()

    def test_cancel_waits_for_the_first_provisional(self):
        call = Call(bob_does="nothing", line=Line(delay_s=0.3))
        leg = call.invite()
        call.alice.cancel(leg, now=call.net.now)
        call.net.run_for(0.49)
        assert call.net.sent(ALICE, "CANCEL") == []
        call.net.run_until()
        cancel, *_ = call.net.sent(ALICE, "CANCEL")
        assert cancel.at == pytest.approx(0.3 + 0.2 + 0.3)
        assert [event.status for event in call.alices(Refused)] == [487]
        call.assert_all_over()

    def test_hanging_up_before_the_ack_waits_for_it(self):
        call = Call(
            bob_does="nothing", line=Line(drop=lambda item: item.start_line.startswith("ACK") and item.at < 5)
        )
        call.invite()
        call.net.run_for(0.1)
        call.bob.answer(1, body=ANSWER, now=call.net.now)
        call.bob.bye(1, now=call.net.now)
        call.net.run_for(4.0)
        assert call.net.sent(BOB, "BYE") == []
        call.net.run_until()
        (bye,) = call.net.sent(BOB, "BYE")
        assert bye.at > 5.0
        assert kinds(call.heard_by_bob) == ["InviteReceived", "ByeAnswered"]
        call.assert_all_over()

    def test_both_hang_up_at_once(self):
        call = Call(ring_s=0.1)
        leg = call.invite()
        call.net.run_for(1.0)
        call.alice.bye(leg, now=call.net.now)
        call.bob.bye(1, now=call.net.now)
        call.net.run_until()
        assert [event.response.status for event in call.alices(ByeAnswered) + call.bobs(ByeAnswered)] == [
            200,
            200,
        ]
        call.assert_all_over()

    def test_ringing_is_repeated_each_minute(self):
        call = Call(ring_s=150.0)
        call.invite()
        call.net.run_until(151.0)
        rings = [item.at for item in call.net.sent(BOB, "SIP/2.0 180")]
        assert rings == pytest.approx([0.01, 60.01, 120.01])
        assert len(call.alices(Answered)) == 1

    def test_a_progress_with_body_and_its_own_reason_is_told(self):
        call = Call(bob_does="nothing")
        call.invite()
        call.net.run_for(0.05)
        call.bob.progress(1, 183, "Early", body=ANSWER, now=call.net.now)
        call.net.run_for(0.05)
        (event,) = call.alices(Provisional)
        assert (event.response.status, event.response.reason, event.response.body) == (183, "Early", ANSWER)

    def test_many_calls_at_once_share_the_endpoint(self):
        call = Call(talk_s=3.0)
        legs = [call.invite() for _ in range(20)]
        call.net.run_until()
        assert len(set(legs)) == 20
        assert sorted(event.leg for event in call.alices(ByeAnswered)) == sorted(legs)
        call.assert_all_over()

    def test_short_header_names_save_bytes_and_work(self):
        sizes = []
        for compact in (False, True):
            call = Call(talk_s=1.0, alice={"compact": compact}, bob={"compact": compact})
            leg = call.invite()
            call.net.run_until()
            assert len(call.alices(ByeAnswered)) == 1
            sizes.append(sum(call.alice.leg_bytes(leg)))
        assert sizes[1] < sizes[0] - 150

    def test_a_reliable_transport_waits_for_nothing_but_the_2xx(self):
        call = Call(talk_s=1.0, alice={"transport": "TCP"}, bob={"transport": "TCP"})
        call.invite()
        call.net.run_until(1.6)
        assert len(call.alices(ByeAnswered)) == 1
        # What is left is timers L and M of the accepted INVITE (RFC 6026).
        assert (call.alice.transactions, call.bob.transactions) == (1, 1)
        call.net.run_until()
        call.assert_all_over()


class TestLossyLine:
    @pytest.mark.parametrize("seed", range(25))
    def test_calls_over_a_bad_line_end_in_the_same_state_on_both_sides(self, seed):
        line = Line(delay_s=0.02, jitter_s=0.4, loss=0.25, duplicate=0.2)
        call = Call(seed=seed, line=line, talk_s=4.0, ring_s=1.0)
        legs = [call.invite() for _ in range(3)]
        call.net.run_until()
        for leg in legs:
            ends = [
                e
                for e in call.heard_by_alice
                if isinstance(e, Refused | ByeAnswered | ByeReceived) and e.leg == leg
            ]
            assert len(ends) == 1
            assert len([e for e in call.alices(Answered) if e.leg == leg]) <= 1
        for event in call.bobs(InviteReceived):
            ends = [
                type(e)
                for e in call.heard_by_bob
                if isinstance(e, ByeReceived | ByeAnswered | Cancelled) and e.leg == event.leg
            ]
            assert len(ends) == 1
            assert len([e for e in call.bobs(Acked) if e.leg == event.leg]) <= 1
        assert len(call.bobs(InviteReceived)) <= len(legs)
        assert call.net.lost > 0
        call.assert_all_over()

    @pytest.mark.parametrize("seed", range(10))
    def test_a_call_survives_loss_of_one_in_seven_with_exactly_one_of_each_event(self, seed):
        call = Call(seed=seed, line=Line(delay_s=0.02, jitter_s=0.05, loss=1 / 7, duplicate=0.1), talk_s=4.0)
        call.invite()
        call.net.run_until()
        told = [kind for kind in kinds(call.heard_by_alice) if kind not in ("MessageDropped", "Provisional")]
        assert told == ["Answered", "ByeAnswered"]
        told = [kind for kind in kinds(call.heard_by_bob) if kind != "MessageDropped"]
        assert told == ["InviteReceived", "Acked", "ByeReceived"]
        call.assert_all_over()

    @pytest.mark.parametrize("seed", range(10))
    def test_cancelled_calls_over_a_bad_line_leave_nothing_behind(self, seed):
        line = Line(delay_s=0.02, jitter_s=0.4, loss=0.2, duplicate=0.2)
        call = Call(seed=seed, line=line, ring_s=1.0)
        leg = call.invite()
        call.at(0.8, call.alice.cancel, leg)
        call.net.run_until()
        ends = [e for e in call.heard_by_alice if isinstance(e, Refused | ByeAnswered)]
        assert len(ends) == 1
        call.assert_all_over()

    def test_the_same_seed_gives_the_same_run(self):
        logs = []
        for _ in range(2):
            call = Call(seed=7, line=Line(jitter_s=0.4, loss=0.3, duplicate=0.2), talk_s=2.0)
            call.invite()
            call.net.run_until()
            logs.append(call.net.log)
        assert logs[0] == logs[1]


class TestReinvite:
    def setup_method(self):
        self.net = VirtualNetwork()
        self.bob = make_endpoint("bob", BOB)
        self.events = self.net.attach(BOB, self.bob, self.on_bob)
        self.peer = ScriptedPeer()
        self.net.attach(ALICE, self.peer)
        self.say(request("INVITE", cseq=1))
        self.net.run_for(0.1)
        self.bob.answer(1, body=ANSWER, now=self.net.now)
        self.net.run_for(0.1)
        self.tag = self.peer.responses("INVITE")[-1].to.tag
        self.say(request("ACK", cseq=1, to_tag=self.tag))
        self.net.run_for(0.1)
        self.accept = True

    def on_bob(self, event):
        if isinstance(event, ByeReceived):
            self.bob.answer_bye(event.leg, now=self.net.now)

    def say(self, data):
        self.peer.send(data, BOB)
        self.net.pump()

    def status(self, method="INVITE"):
        return self.peer.responses(method)[-1].status

    def test_is_answered_until_its_ack_and_moves_the_target(self):
        self.say(request("INVITE", cseq=2, to_tag=self.tag, contact="<sip:alice@192.0.2.1:5060;moved=1>"))
        self.net.run_for(0.1)
        (event,) = [e for e in self.events if isinstance(e, ReinviteReceived)]
        assert event.request.body == OFFER
        self.bob.answer_reinvite(1, body=b"again", now=self.net.now)
        self.net.run_for(2.0)
        oks = [m for m in self.peer.responses("INVITE") if m.status == 200 and m.cseq.number == 2]
        assert [m.body for m in oks] == [b"again"] * 3  # at 0, 0.5 and 1.5 s
        self.say(request("ACK", cseq=2, to_tag=self.tag))
        self.net.run_for(40.0)
        assert [type(e).__name__ for e in self.events].count("Acked") == 2
        self.bob.bye(1, now=self.net.now)
        self.net.run_for(0.1)
        assert self.peer.requests("BYE")[0].uri == "sip:alice@192.0.2.1:5060;moved=1"

    def test_refused_leaves_the_call_as_it_was(self):
        self.say(request("INVITE", cseq=2, to_tag=self.tag))
        self.net.run_for(0.1)
        self.bob.reject_reinvite(1, 488, now=self.net.now)
        self.net.run_for(0.1)
        assert self.status() == 488
        assert self.bob.legs == (1,)

    def test_without_ack_ends_the_call(self):
        self.say(request("INVITE", cseq=2, to_tag=self.tag))
        self.net.run_for(0.1)
        self.bob.answer_reinvite(1, body=ANSWER, now=self.net.now)
        self.net.run_for(33.0)
        assert "AckMissing" in kinds(self.events)
        assert len(self.peer.requests("BYE")) >= 1

    def test_a_second_one_before_the_answer_is_refused_500_with_retry_after(self):
        self.say(request("INVITE", cseq=2, to_tag=self.tag))
        self.say(request("INVITE", cseq=3, to_tag=self.tag))
        self.net.run_for(0.1)
        assert self.status() == 500
        assert 0 <= int(self.peer.responses("INVITE")[-1].headers.get("Retry-After")) <= 10

    def test_a_second_one_before_the_ack_is_refused_491(self):
        self.say(request("INVITE", cseq=2, to_tag=self.tag))
        self.net.run_for(0.1)
        self.bob.answer_reinvite(1, body=ANSWER, now=self.net.now)
        self.say(request("INVITE", cseq=3, to_tag=self.tag))
        self.net.run_for(0.05)
        assert self.status() == 491

    def test_cancelled_gets_487_and_a_late_answer_does_nothing(self):
        self.say(request("INVITE", cseq=2, to_tag=self.tag, branch="z9hG4bKre"))
        self.net.run_for(0.1)
        self.say(request("CANCEL", cseq=2, to_tag=self.tag, branch="z9hG4bKre"))
        self.net.run_for(0.1)
        assert (self.status("CANCEL"), self.status()) == (200, 487)
        self.bob.answer_reinvite(1, body=ANSWER, now=self.net.now)
        self.net.run_for(0.1)
        assert self.status() == 487
        assert self.bob.legs == (1,)

    def test_pending_when_the_call_ends_gets_487(self):
        self.say(request("INVITE", cseq=2, to_tag=self.tag))
        self.say(request("BYE", cseq=3, to_tag=self.tag))
        self.net.run_for(0.1)
        assert (self.status(), self.status("BYE")) == (487, 200)

    def test_pending_when_we_hang_up_gets_487(self):
        self.say(request("INVITE", cseq=2, to_tag=self.tag))
        self.net.run_for(0.1)
        self.bob.bye(1, now=self.net.now)
        self.net.run_for(0.1)
        assert self.status() == 487
        assert len(self.peer.requests("BYE")) == 1

    @pytest.mark.parametrize("cseq", [0, 1])
    def test_a_cseq_that_went_back_is_refused_500(self, cseq):
        self.say(request("INVITE", cseq=cseq, to_tag=self.tag))
        self.net.run_for(0.1)
        assert self.status() == 500
        assert "ReinviteReceived" not in kinds(self.events)

    def test_a_bye_with_a_foreign_tag_is_refused_481(self):
        self.say(request("BYE", cseq=2, to_tag="guess"))
        self.say(request("BYE", cseq=2, to_tag=self.tag, from_tag="guess"))
        self.net.run_for(0.1)
        assert [m.status for m in self.peer.responses("BYE")] == [481, 481]
        assert self.bob.legs == (1,)

    def test_a_bye_the_owner_forgets_is_answered_in_the_end(self):
        self.net._nodes[BOB].on_event = None
        self.say(request("BYE", cseq=2, to_tag=self.tag))
        self.net.run_for(31.0)
        assert self.peer.responses("BYE") == []
        self.net.run_for(2.0)
        assert self.status("BYE") == 200
        assert self.bob.legs == ()


def request(
    method,
    *,
    cseq=1,
    to_tag="",
    from_tag="alice1",
    branch=None,
    contact="<sip:alice@192.0.2.1:5060>",
    uri="sip:bob@192.0.2.2",
    call_id="c1",
    via="192.0.2.1:5060",
    headers="",
    body=None,
):
    """A request from a scripted peer at ALICE."""
    request.count += 1
    branch = branch or f"z9hG4bKr{request.count}"
    body = (OFFER if method == "INVITE" else b"") if body is None else body
    kind = "Content-Type: application/sdp\r\n" if body and "Content-Type" not in headers else ""
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch={branch}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:alice@192.0.2.1>;tag={from_tag}\r\n"
        f"To: <sip:bob@192.0.2.2>{';tag=' + to_tag if to_tag else ''}\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: {contact}\r\n{headers}{kind}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


request.count = 0


class Server:
    """Bob's endpoint and a scripted peer that sends him single requests."""

    def __init__(self, **options):
        self.net = VirtualNetwork()
        self.bob = make_endpoint("bob", BOB, **options)
        self.events = self.net.attach(BOB, self.bob)
        self.peer = ScriptedPeer()
        self.net.attach(ALICE, self.peer)

    def ask(self, *messages):
        for message in messages:
            self.peer.send(message, BOB)
        self.net.run_for(0.1)
        return [m for _, m in self.peer.heard if not isinstance(m, Request)]


class TestRequests:
    def test_options_says_what_we_can_do(self):
        (answer,) = Server(accept=("application/sdp", "application/x")).ask(request("OPTIONS"))
        assert answer.status == 200
        assert answer.headers.get_all("Allow") == ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"]
        assert answer.headers.get_all("Accept") == ["application/sdp", "application/x"]
        assert "Supported" in answer.headers
        assert answer.to.tag

    def test_a_method_we_do_not_serve_is_405_with_allow(self):
        for method in ("SUBSCRIBE", "FROBNICATE", "REGISTER"):
            (answer,) = Server().ask(request(method))
            assert answer.status == 405
            assert "INVITE" in answer.headers.get_all("Allow")

    def test_an_extension_we_lack_is_420_and_named(self):
        (answer,) = Server().ask(request("INVITE", headers="Require: 100rel, foo\r\n"))
        assert answer.status == 420
        assert answer.headers.get_all("Unsupported") == ["100rel", "foo"]

    @pytest.mark.parametrize(
        ("headers", "named"),
        [
            ("Content-Type: text/plain\r\n", "Accept"),
            ("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "Accept-Encoding"),
        ],
    )
    def test_a_body_we_cannot_read_is_415(self, headers, named):
        (answer,) = Server().ask(request("INVITE", headers=headers))
        assert answer.status == 415
        assert named in answer.headers

    def test_a_body_we_need_not_read_is_let_pass(self):
        server = Server()
        server.ask(
            request(
                "INVITE", headers="Content-Type: image/png\r\nContent-Disposition: icon;handling=optional\r\n"
            )
        )
        assert kinds(server.events) == ["InviteReceived"]

    def test_a_foreign_uri_scheme_is_416(self):
        (answer,) = Server().ask(request("INVITE", uri="tel:+15551234"))
        assert answer.status == 416

    @pytest.mark.parametrize("method", ["BYE", "CANCEL"])
    def test_what_belongs_to_nothing_is_481(self, method):
        (answer,) = Server().ask(request(method))
        assert answer.status == 481

    def test_an_invite_into_an_unknown_dialog_is_481(self):
        (answer,) = Server().ask(request("INVITE", to_tag="long-gone"))
        assert answer.status == 481

    def test_a_request_that_comes_by_two_ways_is_merged_482(self):
        server = Server()
        answers = server.ask(request("INVITE"), request("INVITE"))
        assert [answer.status for answer in answers] == [482]
        assert kinds(server.events) == ["InviteReceived", "MessageDropped"]

    def test_the_same_request_again_is_no_merge(self):
        server = Server()
        message = request("INVITE")
        answers = server.ask(message, message)
        assert [answer.status for answer in answers] == [100]
        assert kinds(server.events) == ["InviteReceived"]
        assert server.bob.stats.retransmissions_received == 1

    def test_a_broken_request_is_answered_and_counted(self):
        server = Server()
        (answer,) = server.ask(request("OPTIONS", contact="<sip:alice"))
        assert answer.status == 400
        assert answer.to.tag
        assert server.bob.stats.parse_errors == 1
        assert kinds(server.events) == ["MessageDropped"]

    def test_keep_alives_are_taken_in_silence(self):
        server = Server()
        server.net.inject(b"\r\n\r\n", ALICE, BOB)
        server.net.inject(b"\x00", ALICE, BOB)
        assert server.events == []
        assert server.bob.stats.dropped == 0

    def test_stray_acks_and_answers_are_dropped_and_told(self):
        server = Server()
        server.ask(request("ACK"))
        stray = answer_to(parse_message(request("OPTIONS", via="192.0.2.2:5060")), 200)
        server.ask(bytes(stray))
        foreign = answer_to(parse_message(request("OPTIONS")), 200)
        server.ask(bytes(foreign))
        assert [event.reason for event in server.events] == [
            "ACK belongs to no dialog",
            "response belongs to no transaction",
            "response is for another",
        ]
        assert {event.addr for event in server.events} == {ALICE}
        assert server.bob.stats.dropped == 3

    def test_record_route_is_copied_into_what_makes_a_dialog(self):
        server = Server()
        server.ask(request("INVITE", headers="Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n"))
        server.bob.ring(1, now=server.net.now)
        server.bob.answer(1, body=ANSWER, now=server.net.now)
        answers = server.ask()
        for answer in answers:
            assert answer.headers.get_all("Record-Route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
            assert answer.contact.uri.user == "bob"

    def test_bye_before_the_answer_ends_the_invite_too(self):
        server = Server()
        server.ask(request("INVITE"))
        server.bob.ring(1, now=server.net.now)
        (ringing,) = server.ask()
        server.ask(request("BYE", cseq=2, to_tag=ringing.to.tag))
        assert [(m.cseq.method, m.status) for _, m in server.peer.heard] == [
            ("INVITE", 180),
            ("BYE", 200),
            ("INVITE", 487),
        ]
        assert kinds(server.events) == ["InviteReceived", "Cancelled"]

    def test_a_cancel_after_the_answer_changes_nothing(self):
        server = Server()
        server.ask(request("INVITE", branch="z9hG4bKx"))
        server.bob.answer(1, body=ANSWER, now=server.net.now)
        answers = server.ask(request("CANCEL", branch="z9hG4bKx"))
        assert [(m.cseq.method, m.status) for m in answers] == [("INVITE", 200), ("CANCEL", 200)]
        assert answers[0].to.tag == answers[1].to.tag
        assert server.bob.legs == (1,)

    def test_a_peer_older_than_rfc_3261_is_served(self):
        server = Server()
        server.ask(request("INVITE", branch="1"))
        server.bob.reject(1, 486, now=server.net.now)
        (refusal,) = server.ask()
        server.ask(request("ACK", branch="1", to_tag=refusal.to.tag))
        server.net.run_for(3.0)
        assert len(server.peer.heard) == 1


class TestWhereAnswersGo:
    """RFC 3261 section 18.2 and RFC 3581: the source port is 7000, the Via says 5060."""

    NAT = ("198.51.100.7", 7000)

    def answer(self, via, destination):
        server = Server()
        nat, target = ScriptedPeer(), ScriptedPeer()
        server.net.attach(self.NAT, nat)
        if destination != self.NAT:
            server.net.attach(destination, target)
        server.net.inject(request("OPTIONS", via=via), self.NAT, BOB)
        server.net.run_for(0.1)
        peer = nat if destination == self.NAT else target
        ((_, answer),) = peer.heard
        return answer.via

    def test_with_rport_to_the_source_port_and_the_via_says_so(self):
        via = self.answer("10.0.0.1:5060;rport", self.NAT)
        assert (via.received, via.rport) == ("198.51.100.7", 7000)

    def test_with_rport_received_is_said_even_if_the_via_is_right(self):
        assert self.answer("198.51.100.7:7000;rport", self.NAT).received == "198.51.100.7"

    def test_without_rport_to_the_source_host_and_the_port_in_the_via(self):
        via = self.answer("10.0.0.1:5082", ("198.51.100.7", 5082))
        assert via.received == "198.51.100.7"
        assert via.rport is None

    def test_without_a_port_in_the_via_to_5060(self):
        self.answer("198.51.100.7", ("198.51.100.7", 5060))


class TestDigest:
    USERS = {"bob": "", "alice": "wonder"}

    def call(self, password="wonder", methods=("INVITE", "BYE"), **options):
        challenger = Challenger("test", self.USERS, methods=methods, **options)
        return Call(bob={"challenger": challenger}, talk_s=1.0), Credentials("alice", password)

    def test_a_call_is_challenged_once_and_bye_reuses_the_nonce(self):
        call, credentials = self.call()
        call.invite(credentials=credentials)
        call.net.run_until()
        assert kinds(call.heard_by_alice) == ["Provisional", "Answered", "ByeAnswered"]
        assert len(call.net.sent(BOB, "SIP/2.0 401")) == 1
        asked = [parse_message(item.data) for item in call.net.sent(ALICE)]
        counts = [
            (m.method, m.cseq.number, (m.headers.get("Authorization") or "nc=none").rpartition("nc=")[2])
            for m in asked
        ]
        assert counts == [
            ("INVITE", 1, "none"),
            ("ACK", 1, "none"),
            ("INVITE", 2, "00000001"),
            ("ACK", 2, "00000001"),
            ("BYE", 3, "00000002"),
        ]
        call.assert_all_over()

    def test_the_next_call_needs_no_challenge(self):
        call, credentials = self.call()
        call.invite(credentials=credentials)
        call.net.run_until(5.0)
        call.invite(credentials=credentials)
        call.net.run_until()
        assert len(call.net.sent(BOB, "SIP/2.0 401")) == 1
        assert len(call.alices(Answered)) == 2

    def test_an_expired_nonce_is_replaced_without_the_owner_noticing(self):
        call, credentials = self.call(nonce_lifetime_s=2.0)
        call.invite(credentials=credentials)
        call.net.run_until(5.0)
        call.invite(credentials=credentials)
        call.net.run_until()
        stale = [item for item in call.net.sent(BOB, "SIP/2.0 401") if b"stale=true" in item.data]
        assert len(stale) == 1
        assert len(call.alices(Answered)) == len(call.alices(ByeAnswered)) == 2

    def test_a_wrong_password_is_refused_after_one_try(self):
        call, credentials = self.call(password="guess")
        call.invite(credentials=credentials)
        call.net.run_until()
        (refused,) = call.heard_by_alice
        assert (refused.status, refused.local) == (401, False)
        assert len(call.net.sent(ALICE, "INVITE")) == 2
        assert call.heard_by_bob == []
        call.assert_all_over()

    def test_without_credentials_the_challenge_is_the_answer(self):
        call, _ = self.call()
        call.invite()
        call.net.run_until()
        assert [event.status for event in call.alices(Refused)] == [401]

    def test_options_is_challenged_and_answered(self):
        call, credentials = self.call(methods=("OPTIONS",))
        number = call.alice.options(
            BOB_URI, from_=ALICE_NAME, destination=BOB, credentials=credentials, now=0.0
        )
        call.net.run_until()
        (event,) = call.heard_by_alice
        assert (event.id, event.response.status) == (number, 200)

    def test_a_call_cancelled_during_the_challenge_is_not_tried_again(self):
        call, credentials = self.call()
        leg = call.invite(credentials=credentials)
        call.alice.cancel(leg, now=0.0)
        call.net.run_until()
        assert [event.status for event in call.alices(Refused)] == [401]
        assert len(call.net.sent(ALICE, "INVITE")) == 1


class TestOptionsOut:
    def test_is_answered(self):
        call = Call()
        number = call.alice.options(BOB_URI, from_=ALICE_NAME, destination=BOB, now=0.0)
        call.net.run_until()
        (event,) = call.heard_by_alice
        assert isinstance(event, OptionsAnswered)
        assert (event.id, event.response.status) == (number, 200)
        call.assert_all_over()

    def test_ends_without_an_answer(self):
        call = Call()
        call.net.detach(BOB)
        number = call.alice.options(BOB_URI, from_=ALICE_NAME, destination=BOB, now=0.0)
        call.net.run_until()
        assert call.heard_by_alice == [OptionsAnswered(number, None)]
        assert call.net.now == 32.0


class TestTransportErrors:
    def test_an_unreachable_peer_ends_the_call_as_503(self):
        call = Call()
        call.net.detach(BOB)
        leg = call.invite()
        call.net.run_for(0.1)
        call.alice.transport_error(BOB, now=call.net.now)
        call.net.pump()
        assert call.heard_by_alice == [Refused(leg, 503, "Service Unavailable", None, True)]
        assert call.alice.next_timeout() is None

    def test_only_what_goes_there_is_hit(self):
        call = Call()
        call.invite()
        call.alice.transport_error(("192.0.2.77", 5060), now=0.0)
        call.alice.transport_error((BOB[0], 5061), now=0.0)
        call.net.run_for(1.0)
        assert len(call.alices(Answered)) == 1

    def test_a_bye_to_a_peer_that_is_gone_is_over_at_once(self):
        call = Call()
        leg = call.invite()
        call.net.run_for(2.0)
        call.net.detach(BOB)
        call.alice.bye(leg, now=call.net.now)
        call.alice.transport_error(BOB, now=call.net.now)
        call.net.pump()
        assert call.heard_by_alice[-1] == ByeAnswered(leg, None)
        assert call.alice.legs == ()


class TestBounds:
    def test_legs_are_bounded(self):
        server = Server(max_legs=3)
        answers = server.ask(*[request("INVITE", call_id=f"c{n}") for n in range(5)])
        assert [answer.status for answer in answers] == [503, 503]
        assert answers[0].headers.get("Retry-After")
        assert len(server.bob.legs) == 3

    def test_transactions_are_bounded_and_the_rest_is_answered_without_being_remembered(self):
        server = Server(max_transactions=10)
        messages = [request("OPTIONS", call_id=f"c{n}") for n in range(12)]
        answers = server.ask(*messages)
        assert [answer.status for answer in answers] == [200] * 10 + [503] * 2
        assert server.bob.transactions == 10
        assert server.bob.stats.overloads == 2
        again = server.ask(messages[-1])[-1]
        assert (again.status, again.to.tag) == (503, answers[-1].to.tag)
        server.net.run_for(32.0)
        assert server.bob.transactions == 0

    def test_news_of_dropped_messages_is_bounded(self):
        bob = make_endpoint("bob", BOB)
        for _ in range(5000):
            bob.receive_datagram(b"garbage", ALICE, now=0.0)
        assert bob.stats.dropped == 5000
        count = 0
        while isinstance(bob.next_event(), MessageDropped):
            count += 1
        assert count == 4096


class TestOwnersMistakes:
    def test_a_leg_that_never_was(self):
        bob = make_endpoint("bob", BOB)
        for command in (bob.cancel, bob.bye, bob.ring, bob.leg_bytes, bob.call_id):
            options = {} if command in (bob.leg_bytes, bob.call_id) else {"now": 0.0}
            with pytest.raises(LocalSipError, match="no leg has the number 7"):
                command(7, **options)

    def test_what_the_state_does_not_allow(self):
        call = Call(bob_does="nothing")
        leg = call.invite()
        call.net.run_for(0.1)
        with pytest.raises(LocalSipError, match="leg 1 is calling: cannot answer"):
            call.alice.answer(leg, body=ANSWER, now=0.2)
        with pytest.raises(LocalSipError, match="leg 1 is incoming: cannot hang up"):
            call.bob.bye(1, now=0.2)

    @pytest.mark.parametrize("status", [99, 100, 200, 299, 700])
    def test_statuses_out_of_range(self, status):
        bob = make_endpoint("bob", BOB)
        with pytest.raises(LocalSipError, match="refusal must have a status"):
            bob.reject(1, status, now=0.0)
        with pytest.raises(LocalSipError, match="progress must have a status"):
            bob.progress(1, status, now=0.0)

    def test_a_command_to_a_leg_that_just_ended_does_nothing(self):
        call = Call(bob_does="reject")
        leg = call.invite()
        call.net.run_until(1.0)
        call.alice.cancel(leg, now=1.0)
        call.alice.bye(leg, now=1.0)
        call.bob.answer(1, body=ANSWER, now=1.0)
        assert call.alice.datagrams_to_send(now=1.0) == call.bob.datagrams_to_send(now=1.0) == []
        assert call.alice.call_id(leg) == call.bob.call_id(1)

    @pytest.mark.parametrize(
        "options",
        [{"headers": (("X", "a\r\nVia: evil"),)}, {"headers": (("a b", "c"),)}, {"content_type": "a\nb"}],
    )
    def test_what_cannot_be_sent_is_refused_and_leaves_no_leg(self, options):
        alice = make_endpoint("alice", ALICE)
        with pytest.raises(LocalSipError):
            alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, **options, now=0.0)
        assert alice.legs == ()
        assert alice.datagrams_to_send(now=0.0) == []

    def test_slow_links_choose_their_timers(self):
        call = Call(bob_does="nothing", alice={"timers": Timers(t1=2.0)})
        call.net.detach(BOB)
        call.invite()
        call.net.run_until()
        assert [item.at for item in call.net.log] == [0, 2, 6, 14, 30, 62, 126]
        assert [event.status for event in call.alices(Refused)] == [408]
