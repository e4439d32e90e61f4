"""Session timers: what nobody refreshes comes to an end (RFC 4028)."""

import pytest
from support.sip_calls import Call, Server, request
from support.sip_dialogs import Standing
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

from softphone.sip.endpoint import SipStyle
from softphone.sip.events import (
    Answered,
    ReferReceived,
    RefreshWanted,
    Refused,
    ReinviteReceived,
    SessionExpired,
    UpdateAnswered,
    UpdateReceived,
)
from softphone.sip.message import Request


def test_nothing_is_asked_for_by_itself():
    call = Standing()
    assert "Session-Expires" not in call.said(ALICE, "INVITE")[0].headers
    assert "Session-Expires" not in call.answered(BOB, "INVITE")[-1].headers
    assert call.alice.next_timeout() is not None
    call.net.run_for(10_000.0)
    assert call.alice.legs == call.bob.legs == (1,)


def test_the_caller_refreshes_by_update_at_half_the_interval():
    call = Standing(alice={"session_expires_s": 300})
    accepted = call.answered(BOB, "INVITE")[-1]
    assert accepted.headers.get("Session-Expires") == "300;refresher=uac"
    assert accepted.headers.get_all("Require") == ["timer"]
    start = next(item.at for item in call.net.sent(BOB, "SIP/2.0 200"))
    call.net.run_for(1_000.0)
    times = [round(item.at - start) for item in call.net.sent(ALICE, "UPDATE")]
    assert times == [150, 300, 450, 600, 750, 900]
    first = call.said(ALICE, "UPDATE")[0]
    assert (first.body, first.headers.get("Session-Expires")) == (b"", "300;refresher=uac")
    assert call.alice.legs == call.bob.legs == (1,)
    # The owners hear nothing of it.
    assert call.alices(UpdateAnswered) == call.bobs(UpdateReceived) == []


def test_the_callee_refreshes_where_it_is_asked_to():
    call = Standing(bob={"session_expires_s": 120}, alice={"style": SipStyle(compact=True)})
    assert "Session-Expires" not in call.answered(BOB, "INVITE")[-1].headers  # Alice did not say that she can
    call = Standing(bob={"session_expires_s": 120})
    assert call.answered(BOB, "INVITE")[-1].headers.get("Session-Expires") == "120;refresher=uac"
    server = Server()
    server.ask(request("INVITE", headers="Supported: timer\r\nSession-Expires: 200;refresher=uas\r\n"))
    server.bob.answer(1, body=ANSWER, now=server.net.now)
    server.net.run_for(0.1)
    assert server.peer.heard[-1][1].headers.get("Session-Expires") == "200;refresher=uas"


def test_a_short_invite_says_no_more_than_it_must():
    call = Standing(alice={"style": SipStyle(compact=True), "session_expires_s": 1800})
    invite = call.said(ALICE, "INVITE")[0]
    assert invite.headers.get_all("Supported") == ["timer"]
    assert "Min-SE" not in invite.headers


def test_a_peer_that_vanishes_ends_the_call_on_both_sides():
    call = Standing(alice={"session_expires_s": 300})
    call.net.line.drop = lambda sent: True
    call.net.run_for(400.0)
    assert len(call.alices(SessionExpired)) == len(call.bobs(SessionExpired)) == 1
    # Who watches hangs up 32 s, or a third, before the end (section 10); who refreshes sooner, as nobody answers.
    (bye,) = {item.data for item in call.net.sent(BOB, "BYE")}
    at = call.net.sent(BOB, "BYE")[0].at - call.net.sent(BOB, "SIP/2.0 200")[0].at
    assert round(at) == 300 - 32
    assert bye
    call.net.run_for(100.0)
    assert call.alice.legs == call.bob.legs == ()


def test_an_interval_below_the_least_is_422_and_asked_for_again():
    call = Call(alice={"session_expires_s": 100}, bob={"min_se_s": 600})
    call.invite()
    call.net.run_for(5.0)
    (answered,) = call.alices(Answered)
    assert answered.response.headers.get("Session-Expires") == "600;refresher=uac"
    invites = call.net.sent(ALICE, "INVITE")
    assert len(invites) == 2
    assert b"Min-SE: 600" in invites[1].data
    assert b"CSeq: 2 INVITE" in invites[1].data


def test_a_refresh_of_the_peer_stays_as_long_as_somebody_on_the_way_wants_it():
    call = Standing(alice={"session_expires_s": 100}, bob={"min_se_s": 600})
    asked = "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n"
    call.net.inject(call.within("UPDATE", of=BOB, headers=asked), BOB, ALICE)
    assert call.answered(ALICE, "UPDATE")[0].headers.get("Session-Expires") == "600;refresher=uac"


def test_422_that_asks_for_no_more_than_was_offered_is_a_refusal():
    net = VirtualNetwork()
    alice = make_endpoint("alice", ALICE, session_expires_s=100)
    net.attach(ALICE, alice)
    peer = ScriptedPeer(
        lambda message, now: (
            [answer_to(message, 422, Min_SE="90")]
            if isinstance(message, Request) and message.method == "INVITE"
            else None
        )
    )
    net.attach(BOB, peer)
    alice.invite(BOB_URI, from_=ALICE_NAME, destination=BOB, body=OFFER, now=0.0)
    net.run_until()
    assert len(peer.requests("INVITE")) == 1
    assert alice.legs == ()


def test_a_peer_that_wants_ever_more_is_not_asked_for_ever():
    net = VirtualNetwork()
    alice = make_endpoint("alice", ALICE, session_expires_s=90)
    events = net.attach(ALICE, alice)

    def wants_more(message, now):
        if isinstance(message, Request) and message.method == "INVITE":
            return [answer_to(message, 422, Min_SE=str(100 + message.cseq.number))]
        return None

    peer = ScriptedPeer(wants_more)
    net.attach(BOB, peer)
    alice.invite(BOB_URI, from_=ALICE_NAME, destination=BOB, body=OFFER, now=0.0)
    net.run_for(10.0)
    assert len(peer.requests("INVITE")) == 9
    assert [event.status for event in events if isinstance(event, Refused)] == [422]


def test_a_caller_that_cannot_refresh_is_not_asked_to():
    server = Server()
    server.ask(request("INVITE", headers="Session-Expires: 10\r\n"))  # put there by a proxy
    server.bob.answer(1, body=ANSWER, now=server.net.now)
    server.net.run_for(0.1)
    answer = server.peer.heard[-1][1]
    assert answer.headers.get("Session-Expires") == "90;refresher=uas"
    assert "Require" not in answer.headers


class Silent:
    """Alice in a call with a scripted peer that says what it takes."""

    def __init__(self, allow):
        self.net = VirtualNetwork()
        self.alice = make_endpoint("alice", ALICE, session_expires_s=200)
        self.events = self.net.attach(ALICE, self.alice, self.on_event)
        self.answers, self.reinvites = 200, True

        def script(message, now):
            if not isinstance(message, Request) or message.method == "ACK":
                return None
            headers = {"Contact": f"<{BOB_URI}>", "Allow": allow, "Session_Expires": "200;refresher=uac"}
            return [answer_to(message, 200 if message.method == "INVITE" else self.answers, **headers)]

        self.peer = ScriptedPeer(script)
        self.net.attach(BOB, self.peer)
        self.alice.invite(BOB_URI, from_=ALICE_NAME, destination=BOB, body=OFFER, now=0.0)
        self.net.run_for(1.0)

    def on_event(self, event):
        if isinstance(event, RefreshWanted) and self.reinvites:
            self.alice.reinvite(event.leg, lambda: OFFER, now=self.net.now)


def test_a_peer_that_takes_no_update_is_refreshed_by_the_owners_re_invite():
    call = Silent("INVITE, ACK, BYE")
    call.net.run_for(500.0)
    again = call.peer.requests("INVITE")[1:]
    assert len(again) == 5
    assert again[0].headers.get("Session-Expires") == "200;refresher=uac"
    assert call.peer.requests("UPDATE") == []


def test_an_owner_that_does_not_refresh_is_asked_again_and_then_the_call_ends():
    call = Silent("INVITE, ACK, BYE")
    call.reinvites = False
    call.net.run_for(300.0)
    assert len([event for event in call.events if isinstance(event, RefreshWanted)]) == 4
    assert len([event for event in call.events if isinstance(event, SessionExpired)]) == 1
    assert len(call.peer.requests("BYE")) == 1


def test_a_refresh_that_is_refused_is_tried_again_and_then_the_call_ends():
    call = Silent("INVITE, ACK, BYE, UPDATE")
    call.answers = 500
    call.net.run_for(300.0)
    assert len(call.peer.requests("UPDATE")) == 4
    assert [type(event) for event in call.events if isinstance(event, SessionExpired)] == [SessionExpired]


def test_a_refresh_of_a_dialog_that_is_gone_ends_the_call_at_once():
    call = Silent("INVITE, ACK, BYE, UPDATE")
    call.answers = 481
    call.net.run_for(110.0)
    assert len([event for event in call.events if isinstance(event, SessionExpired)]) == 1
    assert len(call.peer.requests("BYE")) == 1


def test_what_the_owner_wants_during_a_refresh_comes_after_it():
    call = Standing(alice={"session_expires_s": 200}, line=Line(delay_s=0.1))
    call.net.run_until(200.0, condition=lambda: bool(call.net.sent(ALICE, "UPDATE")))
    call.of(call.alice, "update", 1, lambda: b"hold")
    call.net.run_for(0.35)
    assert [each.body for each in call.said(ALICE, "UPDATE")] == [b"", b"hold"]
    assert [event.request.body for event in call.bobs(UpdateReceived)] == [b"hold"]
    call.of(call.bob, "answer_update", 1, body=b"held")
    call.net.run_for(1.0)
    assert [event.response.body for event in call.alices(UpdateAnswered)] == [b"held"]


@pytest.mark.parametrize("seed", range(4))
def test_a_lossy_line_keeps_a_session_alive(seed):
    call = Standing(seed=seed, alice={"session_expires_s": 90}, line=Line(loss=0.3, duplicate=0.2))
    call.net.run_for(3_000.0)
    assert call.alice.legs == call.bob.legs == (1,)
    assert not {ReinviteReceived, ReferReceived} & {type(event) for event in call.heard_by_bob}
