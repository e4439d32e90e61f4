"""An INVITE that takes the place of a dialog (RFC 3891)."""

import pytest
from support.sip_calls import Call, request
from support.sip_dialogs import Standing
from support.sip_peers import ALICE, ALICE_NAME, ANSWER, BOB, OFFER, make_endpoint, uri_of
from support.virtual_link import VirtualNetwork

from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.events import Answered, ByeReceived, InviteReceived, ReferProgress, ReferReceived
from softphone.sip.replaces import Replaces
from softphone.sip.uri import NameAddr


def third(call, value, *, target=BOB):
    """An INVITE of somebody else that is to replace a dialog; its final answer."""
    invite = request("INVITE", call_id=f"third-{len(call.net.log)}", headers=f"Replaces: {value}\r\n")
    call.net.inject(invite, ("192.0.2.3", 5060), target)
    return call.net.log[-1].start_line if call.net.log else ""


def test_the_name_of_a_dialog_is_read_as_it_is_written():
    text = "a@b;to-tag=1;from-tag=2"
    assert Replaces.parse(text) == Replaces("a@b", "1", "2")
    assert str(Replaces.parse(text + ";early-only")) == text + ";early-only"
    for broken in ("", "a@b", "a@b;to-tag=1", ";to-tag=1;from-tag=2"):
        with pytest.raises(SipParseError):
            Replaces.parse(broken)


@pytest.mark.parametrize("side", ["alice", "bob"])
def test_each_end_names_the_dialog_so_that_the_other_finds_it(side):
    call = Standing()
    names, finds = (call.alice, call.bob) if side == "alice" else (call.bob, call.alice)
    at = BOB if side == "alice" else ALICE
    third(call, names.dialog_id(1), target=at)
    events = call.heard_by_bob if finds is call.bob else call.heard_by_alice
    invited = [event for event in events if isinstance(event, InviteReceived)]
    assert invited[-1].replaces == 1
    assert invited[-1].leg == 2
    assert 1 in finds.legs  # the owner ends it


def test_a_dialog_that_is_not_ours_is_481():
    call = Standing()
    assert third(call, "nobody;to-tag=1;from-tag=2").startswith("SIP/2.0 481")
    swapped = Replaces.parse(call.bob.dialog_id(1))  # as Alice would have to be told
    assert third(call, str(swapped)).startswith("SIP/2.0 481")
    assert len(call.bobs(InviteReceived)) == 1


def test_a_call_that_stands_is_not_replaced_by_who_wants_an_early_one():
    call = Standing()
    assert third(call, call.alice.dialog_id(1) + ";early-only").startswith("SIP/2.0 486")


def test_a_call_that_is_being_ended_is_603():
    call = Standing()
    name = call.alice.dialog_id(1)
    call.net.line.drop = lambda sent: sent.start_line.startswith("BYE")
    call.bob.bye(1, now=call.net.now)
    call.net.pump()
    assert third(call, name).startswith("SIP/2.0 603")


def test_a_call_that_rings_here_cannot_be_replaced_and_one_of_ours_can():
    call = Call(bob_does="ring")
    call.invite()
    call.net.run_for(1.0)
    (early,) = call.alice._book.of_owner(1).early.values()
    ends = Replaces(early.dialog.call_id, early.dialog.remote.tag, early.dialog.local.tag)
    assert third(call, str(ends)).startswith("SIP/2.0 481")
    swapped = Replaces(ends.call_id, ends.from_tag, ends.to_tag)
    third(call, str(swapped), target=ALICE)
    assert [event.replaces for event in call.alices(InviteReceived)] == [1]


@pytest.mark.parametrize("value", ["broken", "a;to-tag=1;from-tag=2\r\nReplaces: a;to-tag=1;from-tag=2"])
def test_what_cannot_be_read_or_comes_twice_is_400(value):
    assert third(Standing(), value).startswith("SIP/2.0 400")


def test_a_leg_without_a_dialog_has_no_name():
    call = Call(bob_does="ring")
    leg = call.invite()
    with pytest.raises(LocalSipError, match="no dialog"):
        call.alice.dialog_id(leg)


def test_an_attended_transfer_joins_the_two_whom_the_third_had_called():
    net = VirtualNetwork()
    carol_at = ("192.0.2.3", 5060)
    ends = {
        name: make_endpoint(name, at) for name, at in (("alice", ALICE), ("bob", BOB), ("carol", carol_at))
    }
    alice, bob, carol = ends.values()
    told = {}

    def react(endpoint, event):
        match event:
            case InviteReceived(leg, _, _, replaces):
                endpoint.answer(leg, body=ANSWER, now=net.now)
                if replaces is not None:
                    endpoint.bye(replaces, now=net.now)
            case ReferReceived(leg, target, replaces, referred_by):
                endpoint.accept_refer(leg, now=net.now)
                headers = (("Replaces", replaces), ("Referred-By", referred_by))
                told["refer"] = leg
                told["new"] = endpoint.invite(
                    target,
                    from_=NameAddr(uri_of("bob", BOB)),
                    body=OFFER,
                    headers=headers,
                    destination=carol_at,
                    now=net.now,
                )
            case Answered(leg) if leg == told.get("new"):
                endpoint.notify_refer(told["refer"], 200, "OK", over=True, now=net.now)
            case ReferProgress(leg, 200, _, True):
                endpoint.bye(leg, now=net.now)
            case ByeReceived(leg):
                endpoint.answer_bye(leg, now=net.now)

    for name, endpoint in ends.items():
        at = {"alice": ALICE, "bob": BOB, "carol": carol_at}[name]
        net.attach(at, endpoint, lambda event, endpoint=endpoint: react(endpoint, event))
    to_bob, to_carol = (
        alice.invite(uri_of(name, at), from_=ALICE_NAME, body=OFFER, destination=at, now=0.0)
        for name, at in (("bob", BOB), ("carol", carol_at))
    )
    net.run_for(1.0)
    alice.refer(to_bob, uri_of("carol", carol_at), replaces=alice.dialog_id(to_carol), now=net.now)
    net.run_for(5.0)
    assert alice.legs == ()
    assert len(bob.legs) == len(carol.legs) == 1
    assert bob.call_id(bob.legs[0]) == carol.call_id(carol.legs[0])
