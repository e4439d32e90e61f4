"""Who may take the place of a call, how often, and what the calls that came of it mean for the exit status."""

import itertools

import pytest

from softphone.app.result import exit_status
from softphone.app.succession import DECLINED, MAX_DEPTH, Successions, Telling
from softphone.app.transfers import CallTransfer
from softphone.call.events import IncomingCall, TransferAsked
from softphone.config import AccountOptions
from softphone.sip.uri import NameAddr, SipUri

TARGET = SipUri("sip", "carol", host="192.0.2.3")


class Manager:
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def reject_transfer(self, call, status, *, now):
        self.told.append(("reject", call, status))

    def tell_transfer(self, call, status, reason, *, over, now):
        self.told.append((status, over))


class Station:
    def __init__(self):
        self.manager, self.owners = Manager(), {}

    def pump(self):
        pass


class One:
    """A call that has a transfer."""

    def __init__(self):
        self.transfer, self.number = CallTransfer(), 1


def successions(station, *, follows=True):
    return Successions(station, AccountOptions(), chains=None, follows=follows)


@pytest.mark.parametrize(("follows", "depth"), [(False, 0), (True, MAX_DEPTH)])
def test_a_transfer_that_may_not_be_is_declined_and_noted(follows, depth):
    station, one = Station(), One()
    one.transfer.depth = depth
    successions(station, follows=follows).on_transfer(one, TransferAsked(1, TARGET, ()))
    assert station.manager.told == [("reject", 1, DECLINED)]
    assert one.transfer.report() == {
        "asked": "peer",
        "target": str(TARGET),
        "status": DECLINED,
        "result": None,
    }


def test_a_second_wish_leaves_the_first_as_it_is():
    station, one = Station(), One()
    one.transfer.begin("sip:dave@192.0.2.4", asked="peer")
    one.transfer.waits = object()
    successions(station).on_transfer(one, TransferAsked(1, TARGET, ()))
    assert station.manager.told == [("reject", 1, DECLINED)]
    assert one.transfer.target == "sip:dave@192.0.2.4"


def test_each_successor_is_one_deeper():
    calls = [One() for _ in range(3)]
    for before, after in itertools.pairwise(calls):
        before.transfer.succeed(after)
    assert [each.transfer.depth for each in calls] == [0, 1, 2]
    assert not calls[0].transfer.may_be_succeeded(MAX_DEPTH)
    assert calls[2].transfer.may_be_succeeded(MAX_DEPTH)


@pytest.mark.parametrize("replaces", [None, 7])
def test_a_call_that_replaces_none_of_ours_is_a_call_like_others(replaces):
    event = IncomingCall(2, NameAddr(TARGET), NameAddr(TARGET), ("192.0.2.9", 5060), None, replaces)
    assert not successions(Station()).take_over(event)


def test_the_peer_is_told_each_stage_once_and_nothing_after_the_last_word():
    station, one = Station(), One()
    one.transfer.begin(str(TARGET), asked="peer")
    telling = Telling(station, one)
    for status, over in ((180, False), (180, False), (486, True), (200, True)):
        telling.tell(status, "", over=over)
    assert station.manager.told == [(180, False), (486, True)]
    assert one.transfer.status == 486


def result(outcome="completed", **more):
    return {"outcome": outcome, "verdict": ["ok"], "error": None, **more}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 0),
        ({"transfer": {"result": None}}, 0),
        ({"transfer": {"result": result("busy")}}, 4),
        ({"other_calls": {"second": result("unreachable")}}, 3),
        ({"transfer": {"result": result(transfer={"result": result("dropped")})}}, 5),
        ({"exit_status": 0, "script": [{}], "other_calls": {"second": result("busy")}}, 0),
        ({"exit_status": 6, "script": [{}], "other_calls": None}, 6),
    ],
)
def test_calls_that_came_of_a_call_count_unless_a_script_has_the_last_word(more, status):
    assert exit_status([result(**more)]) == status


@pytest.mark.parametrize(("own", "status"), [(0, 0), (6, 6), (None, 4)])
def test_a_script_says_what_a_refusal_means(own, status):
    more = {} if own is None else {"exit_status": own}
    assert exit_status([result("busy", script=[{"ok": True}], **more)]) == status
