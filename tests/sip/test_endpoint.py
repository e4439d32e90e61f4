"""Calls between two endpoints in virtual time, and what their owners may do."""

import pytest
from support.sip_calls import Call, kinds
from support.sip_peers import ALICE, ALICE_NAME, ANSWER, BOB, BOB_URI, OFFER, make_endpoint
from support.virtual_link import Line

from softphone.sip.endpoint import SipStyle
from softphone.sip.errors import LocalSipError
from softphone.sip.events import (
    Answered,
    ByeAnswered,
    ByeReceived,
    Cancelled,
    InviteReceived,
    OptionsAnswered,
    Provisional,
    Refused,
)
from softphone.sip.timers import Timers
from softphone.sip.uri import NameAddr


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
        call = Call(talk_s=1.0, bye_answer={"body": b"{2}", "content_type": "application/x"})
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
        no_ack = Line(drop=lambda item: item.start_line.startswith("ACK") and item.at < 5)
        call = Call(bob_does="nothing", line=no_ack)
        call.invite()
        call.net.run_for(0.1)
        call.bob.answer(1, body=ANSWER, now=call.net.now)
        call.bob.bye(1, now=call.net.now)
        call.net.run_for(4.0)
        assert call.net.sent(BOB, "BYE") == []
        assert len(call.net.sent(BOB, "SIP/2.0 200")) == 4
        call.net.run_until()
        (bye,) = call.net.sent(BOB, "BYE")
        assert 5.0 < bye.at < 10.0
        assert kinds(call.heard_by_bob) == ["InviteReceived", "ByeAnswered"]
        call.assert_all_over()

    def test_hanging_up_without_ever_an_ack_sends_bye_in_the_end(self):
        call = Call(bob_does="nothing", line=Line(drop=lambda item: item.start_line.startswith("ACK")))
        call.invite()
        call.net.run_for(0.1)
        call.bob.answer(1, body=ANSWER, now=call.net.now)
        call.bob.bye(1, now=call.net.now)
        call.net.run_until()
        assert call.net.sent(BOB, "BYE")[0].at == pytest.approx(0.1 + 32.0)
        assert kinds(call.heard_by_bob) == ["InviteReceived", "ByeAnswered"]
        call.assert_all_over()

    @pytest.mark.parametrize("ending", [False, True])
    def test_a_bye_that_overtakes_the_ack_ends_the_call(self, ending):
        call = Call(bob_does="nothing", line=Line(drop=lambda item: item.start_line.startswith("ACK")))
        leg = call.invite()
        call.net.run_for(0.1)
        call.bob.answer(1, body=ANSWER, now=call.net.now)
        if ending:
            call.bob.bye(1, now=call.net.now)
        call.net.run_for(0.1)
        call.alice.bye(leg, now=call.net.now)
        call.net.run_for(0.1)
        assert call.alices(ByeAnswered)[0].response.status == 200
        assert kinds(call.heard_by_bob) == ["InviteReceived", "ByeAnswered" if ending else "ByeReceived"]
        assert len(call.net.sent(BOB, "SIP/2.0 200")) == 2
        call.net.run_until()
        call.assert_all_over()

    @pytest.mark.parametrize("ringing", [False, True])
    def test_hanging_up_before_the_answer_cancels(self, ringing):
        call = Call(bob_does="ring" if ringing else "nothing")
        leg = call.invite()
        call.net.run_for(0.1 if ringing else 0.0)
        call.alice.bye(leg, now=call.net.now)
        call.net.run_until()
        assert len(call.net.sent(ALICE, "CANCEL")) == 1
        assert [event.status for event in call.alices(Refused)] == [487]

    def test_cancelling_a_call_that_stands_hangs_up(self):
        call = Call()
        leg = call.invite()
        call.net.run_for(1.0)
        call.alice.cancel(leg, now=call.net.now)
        call.net.run_until()
        assert kinds(call.heard_by_alice) == ["Provisional", "Answered", "ByeAnswered"]
        assert call.net.sent(ALICE, "CANCEL") == []

    def test_both_hang_up_at_once(self):
        call = Call(ring_s=0.1)
        leg = call.invite()
        call.net.run_for(1.0)
        call.alice.bye(leg, now=call.net.now)
        call.bob.bye(1, now=call.net.now)
        call.net.run_until()
        ends = call.alices(ByeAnswered) + call.bobs(ByeAnswered)
        assert [event.response.status for event in ends] == [200, 200]
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
        for style in (SipStyle(), SipStyle(compact=True)):
            call = Call(talk_s=1.0, alice={"style": style}, bob={"style": style})
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

    def test_a_peer_that_dies_while_ringing_ends_the_call(self):
        call = Call(bob_does="ring")
        call.invite()
        call.net.run_for(1.0)
        call.alice.transport_error(BOB, now=call.net.now)
        assert [event.status for event in [call.alice.next_event()]] == [503]

    def test_an_answer_that_cannot_be_delivered_is_not_repeated(self):
        call = Call(bob_does="reject")
        call.invite()
        call.net.run_for(0.01)
        call.bob.transport_error(ALICE, now=call.net.now)
        assert call.bob.transactions == 0
        assert call.bob.next_timeout() is None

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
        [
            {"headers": (("X", "a\r\nVia: evil"),)},
            {"headers": (("a b", "c"),)},
            {"content_type": "a\nb"},
        ],
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


def test_what_cannot_be_sent_makes_no_leg():
    alice = make_endpoint("alice", ALICE)
    with pytest.raises(LocalSipError):
        alice.invite(BOB_URI, from_=NameAddr(BOB_URI, display="\ud800"), body=OFFER, destination=BOB, now=0.0)
    assert alice.legs == ()
    assert alice.next_timeout() is None


def test_the_bytes_of_a_call_that_stands_are_known_however_many_came_after_it(monkeypatch):
    monkeypatch.setattr("softphone.sip.legs.MAX_RECORDS", 2)
    call = Call()
    leg = call.invite()
    call.net.run_for(1.0)
    sent, received = call.alice.leg_bytes(leg)
    for _ in range(3):
        call.invite()
    assert call.alice.leg_bytes(leg) == (sent, received)
    assert call.alice.call_id(leg) == call.bobs(InviteReceived)[0].request.call_id
