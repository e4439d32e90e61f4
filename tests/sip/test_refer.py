"""Transfers: REFER, and the news of them by NOTIFY (RFC 3515, 3892, 4488)."""

import pytest
from support.sip_calls import Call
from support.sip_dialogs import Standing
from support.sip_peers import ALICE, BOB, uri_of
from support.virtual_link import Line

from softphone.sip.errors import LocalSipError
from softphone.sip.events import ReferAnswered, ReferProgress, ReferReceived
from softphone.sip.refer import REFER, SUBSCRIPTION_S, ReferAction, ReferInput, ReferState

CAROL = uri_of("carol", ("192.0.2.3", 5060))


class Transferring(Standing):
    """Bob takes each REFER."""

    takes = True

    def on_bob(self, event):
        super().on_bob(event)
        if isinstance(event, ReferReceived) and self.takes:
            self.at(0.0, self.bob.accept_refer, event.leg)


def test_a_blind_transfer_is_taken_and_told_to_its_end():
    call = Transferring()
    call.of(call.alice, "refer", 1, CAROL)
    call.net.run_for(1.0)
    assert call.bobs(ReferReceived) == [ReferReceived(1, CAROL, None, "<sip:alice@192.0.2.1:5060>")]
    assert call.alices(ReferAnswered) == [ReferAnswered(1, 202, "Accepted")]
    call.of(call.bob, "notify_refer", 1, 180, "Ringing", over=False)
    call.net.run_for(1.0)
    call.of(call.bob, "notify_refer", 1, 200, "OK", over=True)
    call.net.run_for(1.0)
    assert call.alices(ReferProgress) == [
        ReferProgress(1, 100, "Trying", False),
        ReferProgress(1, 180, "Ringing", False),
        ReferProgress(1, 200, "OK", True),
    ]
    notify = call.said(BOB, "NOTIFY")
    assert [each.headers.get("Event") for each in notify] == ["refer"] * 3
    assert notify[0].headers.get("Subscription-State").startswith("active;expires=")
    assert notify[-1].headers.get("Subscription-State").startswith("terminated")
    assert notify[-1].body == b"SIP/2.0 200 OK\r\n"
    assert notify[-1].headers.get("Content-Type").startswith("message/sipfrag")


def test_an_attended_transfer_names_the_dialog_whose_place_is_taken():
    call = Transferring()
    value = "call-9@host;to-tag=a;from-tag=b"
    call.of(call.alice, "refer", 1, CAROL, replaces=value)
    call.net.run_for(1.0)
    refer_to = call.said(ALICE, "REFER")[0].headers.get("Refer-To")
    assert refer_to == f"<{CAROL}?Replaces=call-9%40host%3Bto-tag%3Da%3Bfrom-tag%3Db>"
    assert [(event.target, event.replaces) for event in call.bobs(ReferReceived)] == [(CAROL, value)]


def test_a_refusal_is_told_and_another_transfer_may_follow():
    call = Transferring()
    call.takes = False
    call.of(call.alice, "refer", 1, CAROL)
    call.net.run_for(0.1)
    with pytest.raises(LocalSipError, match="being transferred already"):
        call.alice.refer(1, CAROL, now=call.net.now)
    call.of(call.bob, "reject_refer", 1, 603)
    call.net.run_for(1.0)
    assert call.alices(ReferAnswered) == [ReferAnswered(1, 603, "Decline")]
    assert call.alices(ReferProgress) == []
    call.takes = True
    call.of(call.alice, "refer", 1, CAROL)
    call.net.run_for(1.0)
    # News of a second REFER say of which one they are (RFC 3515 section 2.4.6).
    number = call.said(ALICE, "REFER")[-1].cseq.number
    assert call.said(BOB, "NOTIFY")[-1].headers.get("Event") == f"refer;id={number}"
    assert call.alices(ReferProgress) == [ReferProgress(1, 100, "Trying", False)]


def test_news_that_overtake_the_202_count_as_it():
    held = []

    def hold_202(sent):
        if sent.start_line.startswith("SIP/2.0 202") and not held:
            held.append(sent)
            return True
        return False

    call = Transferring(line=Line(delay_s=0.01, drop=hold_202))
    call.of(call.alice, "refer", 1, CAROL)
    call.net.run_for(5.0)
    assert call.alices(ReferAnswered) == [ReferAnswered(1, 202, "Accepted")]
    assert call.alices(ReferProgress) == [ReferProgress(1, 100, "Trying", False)]


def test_silence_ends_it():
    call = Transferring()
    call.of(call.alice, "refer", 1, CAROL)
    call.net.run_for(SUBSCRIPTION_S + 5.0)
    assert call.alices(ReferProgress)[-1] == ReferProgress(1, 408, "Request Timeout", True)
    call.of(call.bob, "notify_refer", 1, 200, "OK", over=True)
    call.net.run_for(1.0)
    assert call.statuses(ALICE, "NOTIFY")[-1] == 481


def test_only_the_newest_news_wait_for_the_answer_to_those_before():
    call = Transferring()
    call.of(call.alice, "refer", 1, CAROL)
    call.net.run_for(0.015)  # the first NOTIFY is on its way
    for status, over in ((180, False), (183, False), (200, True)):
        call.of(call.bob, "notify_refer", 1, status, "x", over=over)
    call.net.run_for(5.0)
    assert [event.status for event in call.alices(ReferProgress)] == [100, 200]


def test_a_peer_that_wants_no_news_gets_none():
    call = Transferring()
    headers = f"Refer-To: <{CAROL}>\r\nRefer-Sub: false\r\n"
    call.net.inject(call.within("REFER", headers=headers), ALICE, BOB)
    call.net.run_for(1.0)
    (answer,) = call.answered(BOB, "REFER")
    assert (answer.status, answer.headers.get("Refer-Sub")) == (202, "false")
    call.of(call.bob, "notify_refer", 1, 200, "OK", over=True)
    assert call.said(BOB, "NOTIFY") == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("", 400),
        ("Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n", 400),
        ("Refer-To: <tel:123>\r\n", 416),
        ("Refer-To: <sip:a@b;method=SUBSCRIBE>\r\n", 501),
        ("Refer-To: <<\r\n", 400),
        ("Refer-To: <sip:a@b?Replaces=x%0D%0AEvil%3A1>\r\n", 400),
        (f"Refer-To: <sip:a@b?Replaces={'x' * 600}>\r\n", 400),
    ],
)
def test_a_refer_to_that_is_no_call_is_refused(headers, status):
    call = Transferring()
    call.net.inject(call.within("REFER", headers=headers), ALICE, BOB)
    assert call.statuses(BOB, "REFER") == [status]
    assert call.bobs(ReferReceived) == []


def test_a_stranger_who_is_in_no_call_moves_none():
    call = Call(bob_does="nothing")
    text = call_less_refer()
    call.net.inject(text, ALICE, BOB)
    assert call.net.log[-1].start_line.startswith("SIP/2.0 403")
    assert call.bobs(ReferReceived) == []


def call_less_refer():
    return (
        b"REFER sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKr\r\nMax-Forwards: 70\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:bob@192.0.2.2>\r\nCall-ID: r\r\nCSeq: 1 REFER\r\n"
        b"Contact: <sip:alice@192.0.2.1>\r\nRefer-To: <sip:premium@192.0.2.66>\r\nContent-Length: 0\r\n\r\n"
    )


def test_a_second_refer_while_one_stands_is_491():
    call = Transferring()
    for cseq in (50, 51):
        call.net.inject(call.within("REFER", cseq=cseq, headers=f"Refer-To: <{CAROL}>\r\n"), ALICE, BOB)
    call.net.run_for(1.0)
    assert sorted(call.statuses(BOB, "REFER")) == [202, 491]


def test_referred_by_that_is_no_address_is_not_copied():
    call = Transferring()
    headers = f"Refer-To: <{CAROL}>\r\nReferred-By: not an address >\r\n"
    call.net.inject(call.within("REFER", headers=headers), ALICE, BOB)
    assert [event.referred_by for event in call.bobs(ReferReceived)] == [None]


def test_news_of_something_else_are_489_and_uninvited_ones_481():
    call = Transferring()
    state = "Subscription-State: active\r\n"
    for cseq, event in ((50, "message-summary"), (51, "refer")):
        call.net.inject(call.within("NOTIFY", cseq=cseq, headers=f"Event: {event}\r\n{state}"), ALICE, BOB)
    assert call.statuses(BOB, "NOTIFY") == [489, 481]


def test_hanging_up_answers_the_refer_that_the_owner_has_not():
    call = Transferring()
    call.takes = False
    call.of(call.alice, "refer", 1, CAROL)
    call.net.run_for(0.1)
    call.of(call.bob, "bye", 1)
    call.net.run_until()
    assert 487 in call.statuses(BOB, "REFER")
    call.assert_all_over()


@pytest.mark.parametrize("seed", range(4))
def test_a_lossy_line_brings_the_last_news(seed):
    call = Transferring(seed=seed, line=Line(loss=0.25, duplicate=0.25, jitter_s=0.2))
    call.net.run_for(60.0)
    call.of(call.alice, "refer", 1, CAROL)
    call.net.run_for(20.0)
    call.of(call.bob, "notify_refer", 1, 180, "Ringing", over=False)
    call.of(call.bob, "notify_refer", 1, 200, "OK", over=True)
    call.net.run_for(60.0)
    assert len(call.alices(ReferAnswered)) == 1
    assert call.alices(ReferProgress)[-1] == ReferProgress(1, 200, "OK", True)


def test_every_state_and_input_and_action_of_the_table_is_used():
    assert {state for state, _ in REFER} | {to for to, _ in REFER.values()} == set(ReferState)
    assert {signal for _, signal in REFER} == set(ReferInput)
    assert {action for _, actions in REFER.values() for action in actions} == set(ReferAction)
