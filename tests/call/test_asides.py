"""Digits by INFO, transfers, and calls that take the place of others, in virtual time (RFC 6086, RFC 3515, RFC 3891)."""

import pytest
from support.phones import Pair, Phone, Stranger, media
from support.sip_peers import ALICE, BOB, uri_of
from support.virtual_link import Line, VirtualNetwork

from softphone.call.asides import MAX_DIGITS, digits_in
from softphone.call.errors import LocalCallError
from softphone.call.events import (
    DigitsReceived,
    DigitsRefused,
    IncomingCall,
    TransferAsked,
    TransferProgress,
)
from softphone.sip.events import InviteReceived

CAROL = ("192.0.2.3", 5060)
RELAY, PLAIN = "application/dtmf-relay", "application/dtmf"


@pytest.mark.parametrize(
    ("content_type", "body", "digits"),
    [
        (RELAY, b"Signal=5\r\nDuration=160\r\n", "5"),
        (RELAY, b"Signal= *\nDuration= 250", "*"),
        (RELAY, b"signal=#", "#"),
        (RELAY, b"Signal=11\r\nDuration=100", "#"),
        (RELAY, b"Signal=d\r\n", "D"),
        (RELAY, b"Signal=16\r\n", ""),
        (RELAY, b"Signal=55x\r\n", ""),
        (RELAY, b"Duration=160\r\n", ""),
        (RELAY, b"\xff\xfe", ""),
        (PLAIN, b"7", "7"),
        (PLAIN, b" c\r\n", "C"),
        (PLAIN, b"77", ""),
        (PLAIN, b"\xc2\xb2", ""),
        (PLAIN, b"", ""),
        ("text/plain", b"Signal=5", ""),
    ],
)
def test_what_digit_a_body_brings(content_type, body, digits):
    assert digits_in(content_type, body) == digits


def digits(phone):
    return "".join(event.digits for event in phone.events if isinstance(event, DigitsReceived))


def test_digits_by_info_come_in_their_order():
    pair = Pair()
    pair.talk()
    pair.alice.manager.send_digits(1, "12a", now=pair.net.now)
    pair.alice.manager.send_digits(1, "#", now=pair.net.now)
    assert pair.alice.info.digits_waiting == "12A#"
    pair.net.run_for(2.0)
    assert digits(pair.bob) == "12A#"
    assert pair.alice.info.digits_waiting == ""


def test_no_digit_overtakes_one_that_was_lost():
    lost = ["INFO"]
    pair = Pair(line=Line(drop=lambda sent: sent.start_line.startswith("INFO") and lost and lost.pop()))
    pair.talk()
    pair.alice.manager.send_digits(1, "123", now=pair.net.now)
    pair.net.run_for(4.0)
    assert digits(pair.bob) == "123"


@pytest.mark.parametrize(
    ("wanted", "said"), [("", "got ''"), ("1x", "got 'X'"), ("1" * (MAX_DIGITS + 1), "at most")]
)
def test_what_is_no_digit_is_not_sent(wanted, said):
    pair = Pair()
    pair.talk()
    with pytest.raises(LocalCallError, match=said):
        pair.alice.manager.send_digits(1, wanted, now=pair.net.now)


def test_digits_are_for_a_call_that_stands():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    with pytest.raises(LocalCallError, match="is for a call that stands"):
        pair.alice.manager.send_digits(1, "1", now=pair.net.now)


def test_a_peer_that_is_gone_takes_no_digits():
    pair = Pair()
    pair.talk()
    pair.net.line.drop = lambda sent: sent.start_line.startswith("INFO")
    pair.alice.manager.send_digits(1, "12", now=pair.net.now)
    pair.net.run_for(40.0)
    (refused,) = (event for event in pair.alice.events if isinstance(event, DigitsRefused))
    assert (refused.digits, refused.sip_status) == ("12", 408)


class Three:
    """Alice talks to Bob; Carol answers who calls her. Bob calls whom he is asked to."""

    def __init__(self, *, follows=True, carol_answers=True):
        self.net = VirtualNetwork()
        self.alice = Phone(self.net, "alice", ALICE)
        self.bob = Phone(self.net, "bob", BOB)
        self.carol = Phone(self.net, "carol", CAROL, answers=carol_answers)
        self.follows = follows
        self.alice.call(self.bob)
        self.net.run_for(1.0)

    def step(self, seconds=1.0):
        self.net.run_for(seconds)

    def progress(self):
        return [
            (each.sip_status, each.over) for each in self.alice.events if isinstance(each, TransferProgress)
        ]

    def asked(self):
        (event,) = (event for event in self.bob.events if isinstance(event, TransferAsked))
        return event

    def follow(self):
        """Bob does as he was asked."""
        event = self.asked()
        self.bob.manager.accept_transfer(event.call, now=self.net.now)
        number = self.bob.manager.place(
            event.target,
            media(BOB, port=7600),
            destination=CAROL if event.target.host == CAROL[0] else ALICE,
            headers=event.headers,
            now=self.net.now,
        )
        self.step()
        return number


def test_a_blind_transfer_is_told_from_trying_to_the_answer():
    three = Three()
    three.alice.manager.transfer(1, uri_of("carol", CAROL), now=three.net.now)
    three.step()
    assert three.asked().target == uri_of("carol", CAROL)
    three.follow()
    three.bob.manager.tell_transfer(1, 180, "Ringing", over=False, now=three.net.now)
    three.bob.manager.tell_transfer(1, 200, "OK", over=True, now=three.net.now)
    three.step()
    assert three.progress()[0] == (202, False)
    assert three.progress()[-2:] == [(180, False), (200, True)]
    assert "Established" in three.carol.names()


def test_a_transfer_that_is_refused_is_over_and_the_call_goes_on():
    three = Three()
    three.alice.manager.transfer(1, uri_of("carol", CAROL), now=three.net.now)
    three.step()
    three.bob.manager.reject_transfer(1, 603, now=three.net.now)
    three.step()
    assert three.progress() == [(603, True)]
    assert three.alice.info.phase.value == "established"
    assert three.carol.names() == []


def test_a_transfer_is_for_a_call_that_stands():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    with pytest.raises(LocalCallError, match="is for a call that stands"):
        pair.alice.manager.transfer(1, uri_of("carol", CAROL), now=pair.net.now)


def test_an_attended_transfer_puts_the_peer_in_our_place():
    three = Three()
    three.alice.call(three.carol)
    three.step()
    three.alice.manager.transfer_to(1, 2, now=three.net.now)
    three.step()
    event = three.asked()
    (replaces,) = (value for name, value in event.headers if name == "Replaces")
    assert replaces.split(";")[0] == three.alice.manager.info(2).call_id
    assert event.target == uri_of("carol", CAROL)
    three.follow()
    incoming = [each for each in three.carol.events if isinstance(each, IncomingCall)]
    assert [each.replaces for each in incoming] == [None, incoming[0].call]
    assert three.carol.names().count("Established") == 2


def test_a_call_cannot_be_transferred_to_itself():
    three = Three()
    with pytest.raises(LocalCallError, match="two calls"):
        three.alice.manager.transfer_to(1, 1, now=three.net.now)


def test_a_call_that_stands_can_be_named_for_others():
    pair = Pair()
    pair.talk()
    assert pair.alice.info.dialog_id.startswith(pair.alice.info.call_id + ";")
    pair.alice.hang_up()
    pair.net.run_for(1.0)
    assert pair.alice.info.dialog_id.startswith(pair.alice.info.call_id + ";")


def test_a_redirect_is_followed_and_noted():
    net = VirtualNetwork()
    alice = Phone(net, "alice", ALICE)
    Phone(net, "carol", CAROL)

    def on_event(endpoint, event, now):
        if isinstance(event, InviteReceived):
            contact = (("Contact", f"<sip:carol@{CAROL[0]}:{CAROL[1]}>"),)
            endpoint.reject(event.leg, 302, headers=contact, now=now)

    alice.call(Stranger(net, "bob", BOB, on_event=on_event))
    net.run_for(1.0)
    assert alice.established.sip_status == 200
    assert alice.info.redirected_to == str(uri_of("carol", CAROL))


def test_without_a_redirect_nothing_is_noted():
    pair = Pair()
    pair.talk()
    assert pair.alice.info.redirected_to is None


@pytest.mark.parametrize("command", ["send_digits", "transfer"])
def test_while_our_200_waits_for_a_prack_nothing_is_sent_and_later_all_is(command):
    lost = []

    def lose(sent):
        lost.append(sent.start_line.startswith("PRACK"))
        return lost[-1] and sum(lost) == 1

    pair = Pair(bob={"answers": False}, line=Line(delay_s=0.01, drop=lose))
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.bob.manager.progress(1, media(BOB), now=pair.net.now)
    pair.bob.manager.accept(1, media(BOB), now=pair.net.now)
    what = "5" if command == "send_digits" else uri_of("carol", CAROL)
    with pytest.raises(LocalCallError, match="try again later"):
        getattr(pair.bob.manager, command)(1, what, now=pair.net.now)
    pair.net.run_for(3.0)
    getattr(pair.bob.manager, command)(1, what, now=pair.net.now)
    pair.net.pump()
    pair.net.run_for(1.0)
    assert digits(pair.alice) == "5" if command == "send_digits" else "TransferAsked" in pair.alice.names()
