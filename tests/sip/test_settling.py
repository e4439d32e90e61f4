"""When a program may leave: `SipEndpoint.unsettled` counts what is sent again until the peer answers."""

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

from softphone.sip.auth import MAX_REALMS, Credentials
from softphone.sip.events import InviteReceived, Refused
from softphone.sip.message import Request


def caller_of(script):
    net, alice, bob = VirtualNetwork(), make_endpoint("alice", ALICE), ScriptedPeer(script)
    events = net.attach(ALICE, alice)
    net.attach(BOB, bob)
    return net, alice, bob, events


def invite(alice, net, **options):
    leg = alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=net.now, **options)
    net.pump()
    return leg


def test_an_invite_counts_until_anything_comes_back():
    net, alice, bob, _ = caller_of(None)
    invite(alice, net)
    net.run_for(0.1)
    assert alice.unsettled == 1
    bob.send(answer_to(bob.requests("INVITE")[0], 180), ALICE)
    net.run_for(0.1)
    assert alice.unsettled == 0


def test_the_bye_after_a_crossed_cancel_counts_until_its_answer_although_the_leg_is_over():
    def script(message, now):
        if not isinstance(message, Request):
            return None
        match message.method:
            case "INVITE":
                return [answer_to(message, 180)]
            case "CANCEL":
                ok = answer_to(bob.requests("INVITE")[0], 200, Contact="<sip:bob@192.0.2.2:5060>")
                return [ok, answer_to(message, 200)]
            case "BYE" if len(bob.requests("BYE")) == 3:
                return [answer_to(message, 200)]
        return None

    net, alice, bob, events = caller_of(script)
    leg = invite(alice, net)
    net.run_for(0.1)
    alice.cancel(leg, now=net.now)
    net.run_for(0.2)
    assert isinstance(events[-1], Refused)
    assert (alice.legs, alice.unsettled) == ((), 1)
    net.run_for(2.0)
    assert len(bob.requests("BYE")) == 3
    assert alice.unsettled == 0


def test_a_refusal_of_ours_counts_until_its_ack():
    net, alice, bob = VirtualNetwork(), make_endpoint("alice", ALICE), make_endpoint("bob", BOB)
    net.attach(ALICE, alice)

    def on_bob(event):
        if isinstance(event, InviteReceived):
            bob.reject(event.leg, 486, now=net.now)
            assert bob.unsettled == 1

    net.attach(BOB, bob, on_bob)
    invite(alice, net)
    net.run_for(0.5)
    assert (alice.unsettled, bob.unsettled) == (0, 0)
    assert bob.transactions > 0  # it would repeat its answers still


def test_a_call_that_stands_has_nothing_unsettled():
    def script(message, now):
        if isinstance(message, Request) and message.method == "INVITE":
            ok = answer_to(message, 200, Contact="<sip:bob@192.0.2.2:5060>")
            ok.body = ANSWER
            return [ok]
        return None

    net, alice, _, _ = caller_of(script)
    invite(alice, net)
    net.run_for(0.5)
    assert alice.unsettled == 0


def test_a_server_that_names_another_realm_each_time_is_given_up():
    def script(message, now):
        if not isinstance(message, Request) or message.method != "INVITE":
            return None
        challenge = f'Digest realm="realm{len(bob.requests("INVITE"))}", nonce="n"'
        return [answer_to(message, 401, WWW_Authenticate=challenge)]

    net, alice, bob, events = caller_of(script)
    for calls in (1, 2):
        bob.heard.clear()
        invite(alice, net, credentials=Credentials("alice", "secret"))
        net.run_for(5.0)
        assert [event.status for event in events if isinstance(event, Refused)] == [401] * calls
        assert 2 <= len(bob.requests("INVITE")) <= MAX_REALMS + 1
        assert (
            max(len(each.headers.get_all("Authorization")) for each in bob.requests("INVITE")) <= MAX_REALMS
        )
