"""Re-INVITE and other requests of a scripted peer inside a dialog."""

import pytest
from support.sip_calls import kinds, request
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
from support.virtual_link import VirtualNetwork

from softphone.sip.events import ByeReceived, ReinviteReceived


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
        assert kinds(self.events).count("Acked") == 2
        assert self.bob.next_timeout() is None
        assert len([m for m in self.peer.responses("INVITE") if m.cseq.number == 2]) == 3
        self.bob.bye(1, now=self.net.now)
        self.net.run_for(0.1)
        assert self.peer.requests("BYE")[0].uri == "sip:alice@192.0.2.1:5060;moved=1"

    def test_answered_twice_is_answered_once(self):
        self.say(request("INVITE", cseq=2, to_tag=self.tag))
        self.net.run_for(0.1)
        self.bob.answer_reinvite(1, body=b"first", now=self.net.now)
        self.bob.answer_reinvite(1, body=b"second", now=self.net.now)
        self.bob.reject_reinvite(1, 488, now=self.net.now)
        self.net.run_for(0.1)
        assert [(m.status, m.body) for m in self.peer.responses("INVITE")][-1] == (200, b"first")
        self.say(request("ACK", cseq=2, to_tag=self.tag))
        self.net.run_for(0.1)
        assert kinds(self.events)[-2:] == ["ReinviteReceived", "Acked"]

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

    def test_a_second_bye_does_not_take_the_place_of_the_first(self):
        self.net._nodes[BOB].on_event = None
        self.say(request("BYE", cseq=2, to_tag=self.tag))
        self.say(request("BYE", cseq=3, to_tag=self.tag))
        self.net.run_for(0.1)
        self.bob.answer_bye(1, body=b"result", content_type="text/plain", now=self.net.now)
        self.net.run_for(0.1)
        answers = [(m.cseq.number, m.status, m.body) for m in self.peer.responses("BYE")]
        assert answers == [(3, 481, b""), (2, 200, b"result")]

    def test_a_bye_the_owner_forgets_is_answered_in_the_end(self):
        self.net._nodes[BOB].on_event = None
        self.say(request("BYE", cseq=2, to_tag=self.tag))
        self.net.run_for(31.0)
        assert self.peer.responses("BYE") == []
        self.net.run_for(2.0)
        assert self.status("BYE") == 200
        assert self.bob.legs == ()


class TestTowardsTheCaller:
    """The callee, scripted at BOB, changes a call that we placed."""

    def setup_method(self):
        self.net = VirtualNetwork()
        self.alice = make_endpoint("alice", ALICE)
        self.events = self.net.attach(ALICE, self.alice)
        self.peer = ScriptedPeer()
        self.net.attach(BOB, self.peer)
        self.leg = self.alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=0.0)
        self.net.run_for(0.1)
        (invite,) = self.peer.requests("INVITE")
        self.tags = {"from_tag": "peer", "to_tag": invite.from_.tag, "call_id": invite.call_id}
        self.invite = invite

    def say(self, method, **options):
        self.peer.send(request(method, via="192.0.2.2:5060", **self.tags, **options), ALICE)
        self.net.run_for(0.1)
        return self.peer.responses(method)[-1].status

    def accept(self):
        self.peer.send(answer_to(self.invite, 200, Contact="<sip:bob@192.0.2.2:5060>"), ALICE)
        self.net.run_for(0.1)

    def test_a_first_request_of_the_callee_may_have_any_cseq(self):
        self.accept()
        self.peer.send(request("INVITE", via="192.0.2.2:5060", cseq=900, **self.tags), ALICE)
        self.net.run_for(0.1)
        assert kinds(self.events) == ["Answered", "ReinviteReceived"]
        self.alice.answer_reinvite(self.leg, body=ANSWER, now=self.net.now)
        self.net.run_for(0.1)
        assert self.peer.responses("INVITE")[-1].status == 200
        assert self.say("BYE", cseq=899) == 500

    def test_before_the_200_the_callee_has_no_dialog_to_speak_in(self):
        assert self.say("BYE", cseq=1) == 481
        self.accept()
        assert kinds(self.events) == ["Answered"]

    def test_options_in_the_dialog_is_answered(self):
        self.accept()
        assert self.say("OPTIONS", cseq=5) == 200
