"""Forged requests: tags that were overheard do not end a call (RFC 3261 sections 9.2, 12.2.2, 26.1.3)."""

import pytest
from support.sip_calls import Call, request
from support.sip_dialogs import Standing
from support.sip_peers import ALICE, BOB

from softphone.sip.auth import Challenger, Credentials
from softphone.sip.dialog import Dialog
from softphone.sip.events import (
    ByeReceived,
    Cancelled,
    InfoReceived,
    MessageDropped,
    ReferReceived,
    ReinviteReceived,
)
from softphone.sip.leg import Leg, LegState
from softphone.sip.message import parse_message
from softphone.sip.strangers import host_key, is_stranger, know

MALLORY = ("192.0.2.66", 5060)


@pytest.mark.parametrize("method", ["BYE", "INFO", "REFER", "NOTIFY", "OPTIONS", "PRACK"])
def test_a_request_in_the_dialog_from_another_host_is_481_and_counted(method):
    call = Standing()
    headers = "Refer-To: <sip:x@192.0.2.66>\r\nEvent: refer\r\nContent-Type: application/dtmf\r\n"
    call.net.inject(call.within(method, headers=headers, body=b"1"), MALLORY, BOB)
    assert call.statuses(BOB, method) == [481]
    assert call.bob.stats.spoofed == 1
    assert [(event.reason, event.addr) for event in call.bobs(MessageDropped)] == [
        (f"forged {method}: its host has no part in the call", MALLORY)
    ]
    for kind in (ByeReceived, InfoReceived, ReferReceived):
        assert call.bobs(kind) == []
    # Nor does it use up a CSeq of the peer.
    call.of(call.alice, "bye", 1)
    call.net.run_until()
    call.assert_all_over()


def test_the_caller_refuses_a_forged_bye_as_well():
    call = Standing()
    call.net.inject(call.within("BYE", of=BOB), MALLORY, ALICE)
    assert call.statuses(ALICE, "BYE") == [481]
    assert call.alice.stats.spoofed == 1
    assert call.alice.legs == (1,)


def test_the_hosts_of_invite_answers_contact_and_route_may_speak():
    call = Standing()
    body = {"headers": "Content-Type: application/dtmf\r\n", "body": b"1"}
    call.net.inject(
        call.within("INFO", cseq=50, **body), (ALICE[0], 40_000), BOB
    )  # another port behind a NAT
    call.net.inject(call.within("INFO", cseq=51, of=BOB, **body), BOB, ALICE)
    assert (len(call.bobs(InfoReceived)), len(call.alices(InfoReceived))) == (1, 1)


def test_a_peer_that_has_moved_may_say_so_and_then_hang_up():
    call = Standing()
    moved = ("192.0.2.99", 5060)
    call.net.inject(call.within("BYE", cseq=50), moved, BOB)
    assert call.bob.stats.spoofed == 1
    kind = {"headers": "Content-Type: application/sdp\r\n", "body": b"from elsewhere"}
    call.net.inject(call.within("INVITE", cseq=51, contact="<sip:alice@192.0.2.99>", **kind), moved, BOB)
    assert len(call.bobs(ReinviteReceived)) == 1
    call.net.inject(call.within("BYE", cseq=52), moved, BOB)
    assert len(call.bobs(ByeReceived)) == 1


def test_moving_takes_the_right_tags_and_a_new_cseq():
    call = Standing()
    kind = {"headers": "Content-Type: application/sdp\r\n", "body": b"x"}
    call.net.inject(call.within("INVITE", cseq=1, **kind), MALLORY, BOB)
    call.net.inject(call.within("UPDATE", cseq=60, tag="guessed", **kind), MALLORY, BOB)
    assert call.statuses(BOB, "UPDATE") == [481]
    assert call.bobs(ReinviteReceived) == []
    call.net.inject(call.within("BYE", cseq=61), MALLORY, BOB)
    assert call.bob.legs == (1,)


def test_cancel_comes_from_where_its_invite_came():
    call = Call(bob_does="ring")
    call.invite()
    call.net.run_for(0.5)
    (invite,) = call.net.sent(ALICE, "INVITE")
    forged = invite.data.replace(b"INVITE sip", b"CANCEL sip").replace(b"1 INVITE", b"1 CANCEL")
    call.net.inject(forged, MALLORY, BOB)
    assert call.bob.stats.spoofed == 1
    assert call.bobs(Cancelled) == []
    call.alice.cancel(1, now=call.net.now)
    call.net.run_for(1.0)
    assert len(call.bobs(Cancelled)) == 1


def test_spellings_of_one_address_are_one():
    assert host_key("[2001:DB8::1]") == host_key("2001:db8:0::1%eth0") == "2001:db8::1"
    assert host_key("::ffff:192.0.2.1") == host_key("192.0.2.1")
    assert host_key("example.com") is None


def test_where_contact_or_proxy_are_names_any_host_may_be_theirs():
    invite = parse_message(request("INVITE", contact="<sip:alice@pc33.example.com>"))
    dialog = Dialog.from_request(invite, local_tag="b")
    leg = Leg(1, LegState.ESTABLISHED, ALICE, invite, "b")
    know(leg, ALICE)
    assert not is_stranger(leg, dialog, MALLORY)
    named = parse_message(request("INVITE", headers="Record-Route: <sip:192.0.2.8;lr>\r\n"))
    dialog = Dialog.from_request(named, local_tag="b")
    assert not is_stranger(leg, dialog, ("192.0.2.8", 5060))
    assert is_stranger(leg, dialog, MALLORY)


def test_an_invite_that_was_overheard_with_its_credentials_starts_no_second_call():
    call = Call(bob_does="ring", bob={"challenger": Challenger("r", {"alice": "secret"})})
    call.invite(credentials=Credentials("alice", "secret"))
    call.net.run_for(1.0)
    overheard = call.net.sent(ALICE, "INVITE")[-1].data
    assert b"Authorization" in overheard
    again = overheard.replace(b"z9hG4bK", b"z9hG4bKx").replace(b"Call-ID: ", b"Call-ID: x")
    call.net.inject(again, MALLORY, BOB)
    answer = call.net.log[-1]
    assert answer.start_line.startswith("SIP/2.0 401")
    assert b"stale=true" in answer.data
    assert call.bob.legs == (1,)
