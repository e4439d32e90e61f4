"""Re-INVITE of ours in virtual time (RFC 3261 sections 12.2.1 and 14.1)."""

import random

import pytest
from support.sip_calls import Call, kinds, request
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

from softphone.sip.auth import Challenger, Credentials
from softphone.sip.errors import LocalSipError
from softphone.sip.events import ReinviteAnswered, ReinviteReceived, ReinviteRefused
from softphone.sip.message import Request, parse_message
from softphone.sip.reinvite import MAX_CROSSINGS


class Changing(Call):
    """A call that stands; each side accepts a re-INVITE after `takes_s`."""

    takes_s = 0.05

    def __init__(self, *, credentials=None, **options):
        seed = options.get("seed", 0)
        rngs = {"alice": {"rng": random.Random(seed + 1)}, "bob": {"rng": random.Random(seed + 100)}}
        for side, rng in rngs.items():
            options[side] = {**rng, **dict(options.get(side, ()))}
        super().__init__(**options)
        self.answers_with = {"alice": b"of alice", "bob": b"of bob"}
        self.leg = self.invite(**({} if credentials is None else {"credentials": credentials}))
        self.net.run_for(5.0)
        assert self.alices(ReinviteAnswered) == []

    def on_alice(self, event):
        super().on_alice(event)
        self.consider("alice", self.alice, event)

    def on_bob(self, event):
        super().on_bob(event)
        self.consider("bob", self.bob, event)

    def consider(self, name, endpoint, event):
        if isinstance(event, ReinviteReceived) and name in self.answers_with:
            body = self.answers_with[name]
            self.at(self.takes_s, endpoint.answer_reinvite, event.leg, body=body)

    def change(self, endpoint, body=b"new", leg=1):
        endpoint.reinvite(leg, lambda: body, now=self.net.now)
        self.net.pump()

    def requests(self, source, method):
        found = [parse_message(sent.data) for sent in self.net.sent(source, method)]
        return [each for each in found if isinstance(each, Request)]

    def reinvites(self, source):
        return [each for each in self.requests(source, "INVITE") if each.to.tag]

    def statuses(self, source):
        return [
            message.status
            for message in (parse_message(sent.data) for sent in self.net.sent(source, "SIP/2.0"))
            if message.cseq.method == "INVITE" and message.status >= 200
        ]


def test_a_2xx_is_acknowledged_and_its_body_told():
    call = Changing()
    call.change(call.alice, b"offer")
    call.net.run_for(1.0)
    (answered,) = call.alices(ReinviteAnswered)
    assert answered.response.body == b"of bob"
    (received,) = call.bobs(ReinviteReceived)
    assert received.request.body == b"offer"
    assert received.request.cseq.number == 2
    assert [ack.cseq.number for ack in call.requests(ALICE, "ACK")] == [1, 2]
    assert kinds(call.heard_by_bob).count("Acked") == 2
    assert len(call.reinvites(ALICE)) == 1


def test_the_callee_changes_the_session_as_well():
    call = Changing()
    call.change(call.bob, b"offer")
    call.net.run_for(1.0)
    (answered,) = call.bobs(ReinviteAnswered)
    assert answered.response.body == b"of alice"
    assert call.requests(BOB, "ACK")[0].cseq.number == call.reinvites(BOB)[0].cseq.number


def test_each_repetition_of_the_2xx_gets_the_same_ack():
    lost = []

    def lose_two_acks(sent):
        if sent.start_line.startswith("ACK") and b"CSeq: 2 ACK" in sent.data and len(lost) < 2:
            lost.append(sent.data)
            return True
        return False

    call = Changing(line=Line(delay_s=0.01, drop=lose_two_acks))
    call.change(call.alice)
    call.net.run_for(5.0)
    acks = [sent.data for sent in call.net.sent(ALICE, "ACK") if b"CSeq: 2 ACK" in sent.data]
    assert acks == [acks[0]] * 3
    assert len(call.alices(ReinviteAnswered)) == 1
    assert call.bob.unsettled == 0


@pytest.mark.parametrize("status", [302, 400, 488, 500, 503, 603])
def test_a_refusal_is_told_and_leaves_the_call_as_it_was(status):
    call = Changing()
    del call.answers_with["bob"]
    call.change(call.alice)
    call.net.run_for(0.1)
    call.bob.reject_reinvite(1, status, now=call.net.now)
    call.net.run_for(1.0)
    (refused,) = call.alices(ReinviteRefused)
    assert (refused.status, refused.local) == (status, False)
    assert call.alice.legs == call.bob.legs == (1,)
    assert call.requests(ALICE, "BYE") == []
    call.answers_with["bob"] = b"now"
    call.change(call.alice)
    call.net.run_for(1.0)
    assert len(call.alices(ReinviteAnswered)) == 1


@pytest.mark.parametrize("status", [408, 481])
def test_a_peer_without_the_dialog_ends_the_call_by_bye(status):
    call = Changing()
    del call.answers_with["bob"]
    call.change(call.alice)
    call.net.run_for(0.1)
    call.bob.reject_reinvite(1, status, now=call.net.now)
    call.net.run_for(1.0)
    assert kinds(call.heard_by_alice)[-2:] == ["ReinviteRefused", "ByeAnswered"]
    assert call.alice.legs == ()


def test_no_answer_at_all_ends_the_call_after_64_t1():
    call = Changing()
    call.net.detach(BOB)
    start = call.net.now
    call.change(call.alice)
    call.net.run_for(31.9)
    assert call.alices(ReinviteRefused) == []
    call.net.run_for(0.2)
    (refused,) = call.alices(ReinviteRefused)
    assert (refused.status, refused.local) == (408, True)
    assert [sent.at - start for sent in call.net.sent(ALICE, "BYE")][:1] == [pytest.approx(32.0)]


def test_an_unreachable_network_changes_nothing():
    call = Changing()
    call.net.detach(BOB)
    call.change(call.alice)
    call.alice.transport_error(BOB, now=call.net.now)
    call.net.pump()
    (refused,) = call.alices(ReinviteRefused)
    assert (refused.status, refused.local) == (503, True)
    assert call.alice.legs == (1,)


@pytest.mark.parametrize("seed", range(8))
def test_two_that_cross_are_refused_491_and_tried_again_by_the_one_that_did_not_call_first(seed):
    call = Changing(seed=seed, line=Line(delay_s=0.05))
    start = call.net.now
    call.change(call.alice, b"from alice")
    call.change(call.bob, b"from bob")
    call.net.run_for(10.0)
    assert call.statuses(ALICE)[0] == 491
    assert 491 in call.statuses(BOB)
    at = {name: [sent.at - start for sent in call.net.sent(name, "INVITE")][-1] for name in (ALICE, BOB)}
    # Section 14.1: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other, after the 491 that takes 0.1 s.
    assert 2.2 <= at[ALICE] <= 4.1 + 0.25  # the peer's own may be under way at that time
    assert 0.1 <= at[BOB] <= 2.1
    assert [e.response.body for e in call.alices(ReinviteAnswered)] == [b"of bob"]
    assert [e.response.body for e in call.bobs(ReinviteAnswered)] == [b"of alice"]
    assert [e.request.body for e in call.bobs(ReinviteReceived)] == [b"from alice"]


def test_the_waits_after_491_are_spread_over_their_range():
    waits = []
    for seed in range(40):
        call = Changing(seed=seed, line=Line(delay_s=0.001))
        call.change(call.alice)
        call.change(call.bob)
        start = call.net.now
        call.net.run_for(6.0)
        waits.append([sent.at - start for sent in call.net.sent(BOB, "INVITE")][-1])
    assert min(waits) < 0.3
    assert max(waits) > 1.7
    assert all(
        abs(100 * (wait - 0.002) - round(100 * (wait - 0.002))) < 1e-3 for wait in waits
    )  # steps of 10 ms


def test_ours_waits_until_the_peers_is_acknowledged():
    call = Changing(line=Line(delay_s=0.05))
    del call.answers_with["bob"]
    call.change(call.alice, b"first")
    call.net.run_for(0.1)
    call.change(call.bob, b"second")
    call.net.run_for(1.0)
    assert call.reinvites(BOB) == []
    call.bob.answer_reinvite(1, body=b"yes", now=call.net.now)
    call.net.run_for(0.09)
    assert call.reinvites(BOB) == []
    call.net.run_for(1.0)
    (sent,) = call.reinvites(BOB)
    assert sent.body == b"second"
    assert len(call.bobs(ReinviteAnswered)) == 1


def test_what_waits_is_made_when_it_is_sent():
    call = Changing()
    del call.answers_with["bob"]
    call.change(call.alice)
    call.net.run_for(0.1)
    bodies = [b"old"]
    call.bob.reinvite(1, lambda: bodies[0], now=call.net.now)
    bodies[0] = b"new"
    call.bob.reject_reinvite(1, 488, now=call.net.now)
    call.net.run_for(1.0)
    assert [each.body for each in call.reinvites(BOB)] == [b"new"]


def test_ours_goes_on_when_the_peers_is_cancelled():
    net = VirtualNetwork()
    bob = make_endpoint("bob", BOB)
    net.attach(BOB, bob)
    peer = ScriptedPeer()
    net.attach(ALICE, peer)

    def say(data):
        peer.send(data, BOB)
        net.run_for(0.1)

    say(request("INVITE", cseq=1))
    bob.answer(1, body=ANSWER, now=net.now)
    net.run_for(0.1)
    tag = peer.responses("INVITE")[-1].to.tag
    say(request("ACK", cseq=1, to_tag=tag))
    say(request("INVITE", cseq=2, to_tag=tag, branch="z9hG4bKre"))
    bob.reinvite(1, lambda: OFFER, now=net.now)
    net.run_for(0.1)
    assert peer.requests("INVITE") == []
    say(request("CANCEL", cseq=2, to_tag=tag, branch="z9hG4bKre"))
    assert len(peer.requests("INVITE")) == 1
    say(request("INVITE", cseq=3, to_tag=tag))
    assert peer.responses("INVITE")[-1].status == 491


def test_a_peer_that_says_491_for_ever_is_given_up():
    call = Changing()
    del call.answers_with["bob"]
    call.net._nodes[BOB].on_event = lambda event: (
        call.bob.reject_reinvite(1, 491, now=call.net.now) if isinstance(event, ReinviteReceived) else None
    )
    call.change(call.alice)
    call.net.run_for(60.0)
    assert [refused.status for refused in call.alices(ReinviteRefused)] == [491]
    assert len(call.reinvites(ALICE)) == MAX_CROSSINGS + 1
    assert call.alice.legs == (1,)


def test_a_challenge_is_answered():
    challenger = Challenger(
        realm="here", users={"alice": "secret"}, nonce_lifetime_s=1.0, methods=("INVITE",)
    )
    call = Changing(bob={"challenger": challenger}, credentials=Credentials("alice", "secret"))
    call.net.run_for(5.0)  # the nonce is stale by now
    call.change(call.alice)
    call.net.run_for(1.0)
    first, second = call.reinvites(ALICE)
    assert second.cseq.number == first.cseq.number + 1
    assert call.statuses(BOB) == [401, 200, 401, 200]
    assert len(call.alices(ReinviteAnswered)) == 1
    ack = call.requests(ALICE, "ACK")[-1]
    assert ack.headers.get("Authorization") == second.headers.get("Authorization")


def test_a_challenge_that_cannot_be_answered_is_a_refusal():
    call = Changing()
    del call.answers_with["bob"]
    call.change(call.alice)
    call.net.run_for(0.1)
    call.bob.reject_reinvite(1, 401, now=call.net.now)
    call.net.run_for(0.1)
    assert [refused.status for refused in call.alices(ReinviteRefused)] == [401]


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_bye_while_it_is_unanswered_ends_everything(who):
    call = Changing(line=Line(delay_s=0.05))
    del call.answers_with["bob"]
    call.change(call.alice)
    call.net.run_for(0.3)
    endpoint = getattr(call, who)
    endpoint.bye(1, now=call.net.now)
    call.net.run_for(120.0)
    assert 487 in call.statuses(BOB)
    assert call.alices(ReinviteAnswered) == []
    # Bob's 487 comes before his BYE.
    assert [each.status for each in call.alices(ReinviteRefused)] == ([487] if who == "bob" else [])
    call.assert_all_over()


def test_a_2xx_that_crosses_our_bye_is_acknowledged():
    call = Changing(line=Line(delay_s=0.1))
    call.change(call.alice)
    call.net.run_for(0.16)
    call.alice.bye(1, now=call.net.now)
    call.net.run_for(60.0)
    assert [ack.cseq.number for ack in call.requests(ALICE, "ACK")] == [1, 2]
    assert "ReinviteAnswered" not in kinds(call.heard_by_alice)
    call.assert_all_over()


def test_byes_that_cross_a_reinvite_that_nobody_hears_of_again_leave_nothing_behind():
    call = Changing()
    del call.answers_with["bob"]
    call.change(call.alice)
    call.net.run_for(1.0)
    call.net.detach(BOB)
    call.alice.bye(1, now=call.net.now)
    call.net.run_for(120.0)
    assert call.alice.transactions == 0
    assert call.alice.next_timeout() is None


def test_a_peer_that_hears_and_never_answers_is_sent_cancel_and_the_call_goes_on():
    call = Changing()
    del call.answers_with["bob"]
    call.change(call.alice)
    call.net.run_for(31.9)
    assert call.net.sent(ALICE, "CANCEL") == []
    call.net.run_for(1.0)
    assert [refused.status for refused in call.alices(ReinviteRefused)] == [487]
    assert call.alice.legs == (1,)
    call.net.run_for(120.0)
    assert call.alice.next_timeout() is None
    assert call.alice.transactions == 0


def test_a_peer_that_does_not_answer_cancel_either_changes_nothing():
    call = Changing()
    del call.answers_with["bob"]
    call.change(call.alice)
    call.net.run_for(1.0)
    call.net.detach(BOB)
    call.net.run_for(64.0)
    assert [(each.status, each.local) for each in call.alices(ReinviteRefused)] == [(408, True)]
    assert call.alice.legs == (1,)
    call.net.run_for(60.0)
    assert call.alice.transactions == 0
    assert len(call.alices(ReinviteRefused)) == 1


def test_through_a_proxy_the_request_and_its_ack_take_the_recorded_route():
    net = VirtualNetwork()
    alice = make_endpoint("alice", ALICE)
    events = net.attach(ALICE, alice)
    proxy = ("192.0.2.9", 5070)
    heard = []

    def script(message, now):
        if not isinstance(message, Request) or message.method == "ACK":
            return None
        heard.append(message)
        return [
            answer_to(
                message,
                200,
                Contact=f"<sip:bob@192.0.2.2:5060;n={len(heard)}>",
                Record_Route="<sip:192.0.2.9:5070;lr>",
            )
        ]

    peer = ScriptedPeer(script)
    net.attach(BOB, peer)
    net.attach(proxy, peer)
    leg = alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=0.0)
    net.run_for(0.1)
    alice.reinvite(leg, lambda: OFFER, now=net.now)
    net.run_for(0.1)
    sent = [item for item in net.sent(ALICE) if item.destination == proxy]
    assert [item.start_line.split()[0] for item in sent] == ["ACK", "INVITE", "ACK"]
    reinvite, ack = (parse_message(item.data) for item in sent[1:])
    assert reinvite.headers.get_all("Route") == ["<sip:192.0.2.9:5070;lr>"]
    assert reinvite.uri == "sip:bob@192.0.2.2:5060;n=1"
    assert ack.uri == "sip:bob@192.0.2.2:5060;n=2"  # the 2xx is a target refresh (section 12.2.1.2)
    assert kinds(events) == ["Answered", "ReinviteAnswered"]


@pytest.mark.parametrize("seed", range(10))
def test_on_a_bad_line_every_change_comes_to_one_end_and_nothing_is_left(seed):
    call = Changing(seed=seed)
    call.net.line = Line(delay_s=0.05, jitter_s=0.1, loss=0.25, duplicate=0.2)
    call.change(call.alice, b"a")
    call.change(call.bob, b"b")
    call.net.run_for(90.0)
    for heard in (call.heard_by_alice, call.heard_by_bob):
        names = kinds(heard)
        assert names.count("ReinviteAnswered") + names.count("ReinviteRefused") == 1
    call.net.line = Line(delay_s=0.01)
    if call.alice.legs:
        call.alice.bye(1, now=call.net.now)
    call.net.run_for(120.0)
    call.assert_all_over()


def test_a_leg_that_does_not_stand_or_is_being_changed_cannot_be_changed():
    call = Changing(line=Line(delay_s=0.05))
    call.change(call.alice)
    with pytest.raises(LocalSipError, match="re-INVITE sent: cannot re-INVITE"):
        call.change(call.alice)
    call.net.run_for(1.0)
    assert len(call.alices(ReinviteAnswered)) == 1
    waiting = call.alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=call.net.now)
    with pytest.raises(LocalSipError, match="calling"):
        call.change(call.alice, leg=waiting)
    call.alice.bye(1, now=call.net.now)
    call.change(call.alice)
    call.net.run_for(1.0)
    call.change(call.alice)
    assert len(call.reinvites(ALICE)) == 1
