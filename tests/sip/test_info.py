"""INFO within a call (RFC 6086)."""

import pytest
from support.sip_calls import Call
from support.sip_dialogs import Standing
from support.sip_peers import ALICE, BOB
from support.virtual_link import Line

from softphone.sip.errors import LocalSipError
from softphone.sip.events import InfoAnswered, InfoReceived

DIGIT = b"Signal=5\r\nDuration=160\r\n"


def test_an_info_is_answered_and_told_on_both_sides():
    call = Standing()
    call.of(call.alice, "info", 1, DIGIT, "application/dtmf-relay")
    call.of(call.bob, "info", 1, b"7", "application/dtmf")
    call.net.run_for(1.0)
    assert call.bobs(InfoReceived) == [InfoReceived(1, "application/dtmf-relay", DIGIT)]
    assert call.alices(InfoReceived) == [InfoReceived(1, "application/dtmf", b"7")]
    assert call.alices(InfoAnswered) == call.bobs(InfoAnswered) == [InfoAnswered(1, 200)]


def test_a_lossy_line_brings_each_info_once():
    call = Standing(seed=3, line=Line(loss=0.4, duplicate=0.3))
    call.net.run_for(60.0)
    for digit in b"123":
        call.of(call.alice, "info", 1, b"Signal=%c" % digit, "application/dtmf-relay")
        call.net.run_for(40.0)
    assert [event.body[-1:] for event in call.bobs(InfoReceived)] == [b"1", b"2", b"3"]


def test_what_we_cannot_read_is_415_and_an_info_package_469():
    call = Standing()
    call.net.inject(
        call.within("INFO", cseq=50, headers="Content-Type: text/plain\r\n", body=b"x"), ALICE, BOB
    )
    call.net.inject(call.within("INFO", cseq=51, headers="Info-Package: foo\r\n"), ALICE, BOB)
    call.net.inject(call.within("INFO", cseq=52), ALICE, BOB)
    assert call.statuses(BOB, "INFO") == [415, 469, 200]
    assert "application/dtmf-relay" in call.answered(BOB, "INFO")[0].headers.get_all("Accept")
    assert call.bobs(InfoReceived) == []


def test_a_peer_that_does_not_answer_is_told_as_408():
    call = Standing()
    call.net.detach(BOB)
    call.of(call.alice, "info", 1, DIGIT, "application/dtmf-relay")
    call.net.run_for(40.0)
    assert call.alices(InfoAnswered) == [InfoAnswered(1, 408)]
    assert call.alice.legs == (1,)


def test_a_leg_that_does_not_stand_sends_no_info():
    call = Call(bob_does="ring")
    leg = call.invite()
    with pytest.raises(LocalSipError, match="cannot send INFO"):
        call.alice.info(leg, DIGIT, "application/dtmf-relay", now=call.net.now)
