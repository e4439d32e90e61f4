"""UPDATE on both sides, and what becomes of two changes at once (RFC 3311)."""

import pytest
from support.sip_calls import Call
from support.sip_dialogs import Standing
from support.sip_peers import ALICE, ANSWER, BOB
from support.virtual_link import Line

from softphone.sip.errors import LocalSipError
from softphone.sip.events import (
    InviteReceived,
    Provisional,
    ReinviteAnswered,
    ReinviteReceived,
    UpdateAnswered,
    UpdateReceived,
    UpdateRefused,
)


class Updating(Standing):
    """Each side accepts what the other wants after `takes_s`; None: never."""

    takes_s = 0.05

    def on_alice(self, event):
        super().on_alice(event)
        self.consider(self.alice, event, b"of alice")

    def on_bob(self, event):
        super().on_bob(event)
        self.consider(self.bob, event, b"of bob")

    def consider(self, endpoint, event, body):
        if self.takes_s is None:
            return
        if isinstance(event, UpdateReceived):
            self.at(self.takes_s, endpoint.answer_update, event.leg, body=body)
        elif isinstance(event, ReinviteReceived):
            self.at(self.takes_s, endpoint.answer_reinvite, event.leg, body=body)

    def update(self, endpoint, body=b"new"):
        self.of(endpoint, "update", 1, lambda: body)


def test_an_update_is_two_messages_and_both_bodies_are_told():
    call = Updating()
    before = len(call.net.log)
    call.update(call.alice, b"offer")
    call.net.run_for(1.0)
    assert [item.start_line.split()[0] for item in call.net.log[before:]] == ["UPDATE", "SIP/2.0"]
    assert [event.request.body for event in call.bobs(UpdateReceived)] == [b"offer"]
    assert [event.response.body for event in call.alices(UpdateAnswered)] == [b"of bob"]
    call.update(call.bob, b"back")
    call.net.run_for(1.0)
    assert [event.response.body for event in call.bobs(UpdateAnswered)] == [b"of alice"]


def test_a_refusal_leaves_the_call_as_it_was_and_another_update_may_follow():
    call = Updating()
    call.takes_s = None
    call.update(call.alice)
    call.net.run_for(0.1)
    with pytest.raises(LocalSipError):
        call.alice.update(1, lambda: b"two", now=call.net.now)
    call.of(call.bob, "reject_update", 1, 488)
    call.net.run_for(1.0)
    (refused,) = call.alices(UpdateRefused)
    assert (refused.status, refused.local) == (488, False)
    call.takes_s = 0.0
    call.update(call.alice)
    call.net.run_for(1.0)
    assert len(call.alices(UpdateAnswered)) == 1


def test_an_update_moves_the_target_of_the_dialog():
    call = Updating()
    elsewhere = ("192.0.2.77", 5060)
    call.net.inject(call.within("UPDATE", contact="<sip:alice@192.0.2.77>"), ALICE, BOB)
    assert call.statuses(BOB, "UPDATE") == [200]
    assert call.answered(BOB, "UPDATE")[0].contact.uri.host == BOB[0]
    assert call.bobs(UpdateReceived) == []  # without a body there is nothing to decide
    call.of(call.bob, "info", 1, b"7", "application/dtmf")
    assert call.net.log[-1].destination == elsewhere


def test_two_updates_that_cross_are_both_carried_out_in_the_end():
    call = Updating()
    call.update(call.alice, b"alice wants")
    call.update(call.bob, b"bob wants")
    call.net.run_for(10.0)
    assert 491 in [*call.statuses(ALICE, "UPDATE"), *call.statuses(BOB, "UPDATE")]
    assert len(call.alices(UpdateAnswered)) == len(call.bobs(UpdateAnswered)) == 1
    assert call.alices(UpdateReceived)[-1].request.body == b"bob wants"


def test_an_update_that_crosses_a_re_invite_gets_491_and_is_tried_again():
    call = Updating()
    call.of(call.alice, "reinvite", 1, lambda: b"by INVITE")
    call.update(call.bob, b"by UPDATE")
    call.net.run_for(10.0)
    assert 491 in [*call.statuses(ALICE, "UPDATE"), *call.statuses(BOB, "INVITE")]
    assert len(call.alices(ReinviteAnswered)) == len(call.bobs(UpdateAnswered)) == 1


def test_an_offer_while_another_waits_for_our_answer_is_500_with_a_time():
    call = Updating()
    call.takes_s = None
    kind = "Content-Type: application/sdp\r\n"
    call.net.inject(call.within("UPDATE", cseq=50, headers=kind, body=b"one"), ALICE, BOB)
    call.net.inject(call.within("UPDATE", cseq=51, headers=kind, body=b"two!"), ALICE, BOB)
    call.net.inject(call.within("INVITE", cseq=52, headers=kind, body=b"three"), ALICE, BOB)
    (update,), (invite,) = call.answered(BOB, "UPDATE"), call.answered(BOB, "INVITE")[-1:]
    assert update.status == invite.status == 500
    assert 0 <= int(update.headers.get("Retry-After")) <= 10
    assert [event.request.body for event in call.bobs(UpdateReceived)] == [b"one"]


def test_an_update_that_is_500_for_now_is_tried_again_when_the_peer_wants_it():
    call = Updating()
    call.takes_s = None
    call.update(call.alice, b"one")
    call.net.run_for(0.1)
    call.of(call.bob, "reject_update", 1, 500, headers=(("Retry-After", "7"),))
    call.takes_s = 0.0
    call.net.run_for(6.8)
    assert len(call.said(ALICE, "UPDATE")) == 1
    call.net.run_for(1.0)
    assert len(call.alices(UpdateAnswered)) == 1
    assert call.alices(UpdateRefused) == []


def test_ours_waits_until_the_peers_is_answered():
    call = Updating()
    call.takes_s = 0.3
    call.update(call.alice, b"first")
    call.net.run_for(0.1)
    call.update(call.bob, b"second")
    call.net.run_for(5.0)
    assert call.statuses(ALICE, "UPDATE") == call.statuses(BOB, "UPDATE") == [200]


def test_a_peer_without_the_dialog_ends_the_call_by_bye():
    call = Updating()
    call.takes_s = None
    call.update(call.alice)
    call.net.run_for(0.1)
    call.of(call.bob, "reject_update", 1, 481)
    call.net.run_for(1.0)
    assert [event.status for event in call.alices(UpdateRefused)] == [481]
    assert len(call.said(ALICE, "BYE")) == 1
    assert call.alice.legs == ()


def test_hanging_up_answers_the_update_that_the_owner_has_not():
    call = Updating()
    call.takes_s = None
    call.update(call.alice)
    call.net.run_for(0.1)
    call.of(call.bob, "bye", 1)
    call.net.run_until()
    assert 487 in call.statuses(BOB, "UPDATE")
    call.assert_all_over()


def test_an_offer_before_the_call_is_answered_is_refused_until_that_of_the_invite_is():
    call = Call(bob_does="nothing")
    call.invite()
    call.net.run_for(0.1)
    invite = call.bobs(InviteReceived)[0].request

    def update(cseq):
        return (
            f"UPDATE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKearly{cseq}\r\n"
            f"From: {invite.from_}\r\nTo: {provisional.to}\r\nCall-ID: {invite.call_id}\r\nCSeq: {cseq} UPDATE\r\n"
            "Contact: <sip:alice@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\noffer"
        ).encode()

    call.bob.ring(1, now=call.net.now)
    call.net.run_for(0.1)
    provisional = call.alices(Provisional)[0].response
    call.net.inject(update(50), ALICE, BOB)
    assert call.bobs(UpdateReceived) == []
    assert call.net.log[-1].start_line.startswith("SIP/2.0 500")
    call.bob.progress(1, 183, body=ANSWER, now=call.net.now)  # reliable, for Alice supports that
    call.net.run_for(0.1)
    call.net.inject(update(51), ALICE, BOB)
    assert [event.request.body for event in call.bobs(UpdateReceived)] == [b"offer"]
    call.bob.answer_update(1, body=b"answer", now=call.net.now)
    call.net.pump()
    assert call.net.log[-1].start_line.startswith("SIP/2.0 200")


@pytest.mark.parametrize("seed", range(4))
def test_a_lossy_line_carries_updates_of_both_sides(seed):
    call = Updating(seed=seed, line=Line(loss=0.25, duplicate=0.2, jitter_s=0.05))
    call.net.run_for(60.0)
    if call.alice.legs and call.bob.legs:
        call.update(call.alice)
        call.update(call.bob)
        call.net.run_for(120.0)
        assert len(call.alices(UpdateAnswered)) + len(call.alices(UpdateRefused)) == 1
        assert len(call.bobs(UpdateAnswered)) + len(call.bobs(UpdateRefused)) == 1
