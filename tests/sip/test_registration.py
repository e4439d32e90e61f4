"""Registrations in virtual time, against a registrar that keeps the rules and one that does not."""

import random

import pytest
from support.registrar import Binding, Registrar
from support.sip_peers import ALICE, ALICE_NAME, BOB, make_endpoint, uri_of
from support.virtual_link import VirtualNetwork

from softphone.sip.auth import Credentials
from softphone.sip.errors import LocalSipError
from softphone.sip.events import (
    PublicAddressLearnt,
    Registered,
    RegistrationFailed,
    RequestAnswered,
    Unregistered,
)
from softphone.sip.message import parse_message
from softphone.sip.registration import MAX_REGISTRATIONS
from softphone.sip.registration_state import REGISTRATION, RegInput, RegState
from softphone.sip.uri import SipUri

HOME = SipUri("sip", host="192.0.2.2")
OTHER = ("192.0.2.3", 5060)
AWAY = SipUri("sip", "alice", host="198.51.100.7", port=6000)
PASSWORD = Credentials("alice", "wonder")


class Line:
    """Alice and her registrar."""

    def __init__(self, *, endpoint=(), **options):
        self.net = VirtualNetwork()
        self.alice = make_endpoint("alice", ALICE, **dict(endpoint))
        self.events = self.net.attach(ALICE, self.alice)
        self.registrar = Registrar(BOB, **options)
        self.net.attach(BOB, self.registrar)

    def register(self, **options):
        options.setdefault("destination", BOB)
        number = self.alice.register(HOME, aor=ALICE_NAME, now=self.net.now, **options)
        self.net.pump()
        return number

    def unregister(self, number):
        self.alice.unregister(number, now=self.net.now)
        self.net.run_for(5.0)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def asked(self):
        """REGISTERs, each once."""
        unique = {}
        for sent in self.net.sent(ALICE, "REGISTER"):
            message = parse_message(sent.data)
            unique.setdefault((message.call_id, message.cseq.number), message)
        return list(unique.values())


def test_a_registration_is_refreshed_before_it_expires():
    line = Line(max_expires=120)
    number = line.register(expires_s=600.0)
    line.net.run_for(400.0)
    assert line.events[0] == Registered(
        number, 120.0, ("sip:alice@192.0.2.1:5060",), "sip:alice@192.0.2.1:5060"
    )
    # 120 s were granted; a REGISTER that nobody answers takes 32 s to be given up.
    assert [round(at) for at in line.registrar.times()] == [0, 88, 176, 264, 352]
    assert line.alice.registrations == (number,)


def test_all_registers_share_call_id_and_from_tag_and_count_up():
    line = Line(max_expires=60)
    line.register()
    line.net.run_for(100.0)
    asked = line.asked()
    assert len(asked) == 4
    assert len({message.call_id for message in asked}) == 1
    assert len({message.from_.tag for message in asked}) == 1
    assert [message.cseq.number for message in asked] == [1, 2, 3, 4]
    assert {message.uri for message in asked} == {"sip:192.0.2.2"}
    assert all(message.to.tag is None for message in asked)


def test_it_is_taken_back_at_the_end_and_only_ours():
    line = Line()
    line.registrar.bindings["alice"] = [Binding("sip:alice@192.0.2.99", 1e9, OTHER)]
    number = line.register()
    line.net.run_for(1.0)
    assert line.of(Registered)[0].contacts == ("sip:alice@192.0.2.99", "sip:alice@192.0.2.1:5060")
    line.unregister(number)
    assert line.of(Unregistered) == [Unregistered(number, True)]
    assert line.registrar.contacts("alice") == ["sip:alice@192.0.2.99"]
    assert line.alice.registrations == ()
    line.net.run_until(100.0)
    assert line.alice.next_timeout() is None


def test_a_challenge_is_answered_once_and_its_nonce_counted_on():
    line = Line(users={"alice": "wonder"}, max_expires=60)
    line.register(credentials=PASSWORD)
    line.net.run_for(100.0)
    assert line.registrar.statuses() == [401, 200, 200, 200, 200]
    counts = [(m.headers.get("Authorization") or "nc=0").rpartition("nc=")[2] for m in line.asked()]
    assert [int(count, 16) for count in counts] == [0, 1, 2, 3, 4]


def test_a_nonce_for_the_next_time_is_used():
    line = Line(users={"alice": "wonder"}, max_expires=60, next_nonce=True)
    line.register(credentials=PASSWORD)
    line.net.run_for(100.0)
    assert line.registrar.statuses() == [401, 200, 200, 200, 200]
    nonces = [
        m.headers.get("Authorization").partition('nonce="')[2].partition('"')[0] for m in line.asked()[1:]
    ]
    assert len(set(nonces)) == 4


def test_a_nonce_that_has_become_stale_is_replaced_without_a_word():
    line = Line(users={"alice": "wonder"}, max_expires=800)
    line.register(credentials=PASSWORD, expires_s=800.0)  # the registrar's nonces live for 300 s
    line.net.run_for(1500.0)
    assert line.registrar.statuses() == [401, 200, 401, 200, 401, 200]
    assert line.of(RegistrationFailed) == []


@pytest.mark.parametrize("password", ["guess", None])
def test_a_wrong_password_is_told_once_and_not_tried_again(password):
    line = Line(users={"alice": "wonder"})
    number = line.register(credentials=password and Credentials("alice", password))
    line.net.run_for(10_000.0)
    status = 403 if password else 401
    assert line.events == [RegistrationFailed(number, status, "Said", False, None)]
    assert line.alice.registrations == ()
    assert len(line.registrar.statuses()) <= 2


def test_a_registration_too_brief_is_asked_for_as_long_as_the_registrar_wants():
    line = Line(min_expires=600)
    number = line.register(expires_s=60.0)
    line.net.run_for(1.0)
    assert line.registrar.statuses() == [423, 200]
    assert line.of(Registered)[0].expires_s == 600.0
    assert line.alice.registrations == (number,)


def test_a_registrar_that_says_too_brief_to_anything_is_given_up():
    line = Line()
    line.registrar.answers = [(423, {"Min-Expires": "60"})]
    number = line.register(expires_s=60.0)
    line.net.run_for(1.0)
    assert line.events == [RegistrationFailed(number, 423, "Said", False, None)]


def test_a_registrar_that_wants_ever_longer_times_is_followed_no_further_than_a_time_goes():
    line = Line()
    line.registrar.answers = [(423, {"Min-Expires": str(10**power)}) for power in range(4, 40)]
    line.register(expires_s=60.0)
    line.net.run_for(10.0)
    assert len(line.registrar.statuses()) == 7
    assert line.of(RegistrationFailed)[0].retry_in_s is None


def test_a_registrar_that_is_away_is_tried_again_ever_later():
    line = Line(endpoint={"rng": random.Random(1)})
    line.net.detach(BOB)
    line.register()
    line.net.run_for(20_000.0)
    failed = line.of(RegistrationFailed)
    assert {(one.status, one.local) for one in failed} == {(408, True)}
    # RFC 5626 section 4.5: 30 s doubled with each failure, up to 1800 s, of which half to all is waited.
    for number, one in enumerate(failed, 1):
        longest = min(1800.0, 30.0 * 2**number)
        assert longest / 2 <= one.retry_in_s <= longest
    assert len({round(one.retry_in_s, 3) for one in failed}) == len(failed) > 10


def test_what_came_back_is_registered_again_and_the_count_of_failures_begins_anew():
    line = Line(max_expires=120)
    line.registrar.answers = [(500, {}), (503, {}), (0, {}), (500, {})]
    line.register()
    line.net.run_for(300.0)
    waits = [one.retry_in_s for one in line.of(RegistrationFailed)]
    assert waits == pytest.approx([45.0, 90.0, 45.0])
    assert line.registrar.statuses() == [500, 503, 200, 500, 200]


def test_a_registrar_says_itself_when_it_wants_to_be_asked_again():
    line = Line()
    line.registrar.answers = [(503, {"Retry-After": "7 (out for lunch)"})]
    line.register()
    line.net.run_for(10.0)
    (failed,) = line.of(RegistrationFailed)
    assert (failed.status, failed.retry_in_s) == (503, 7.0)
    assert len(line.of(Registered)) == 1


@pytest.mark.parametrize("status", [403, 404, 405, 420, 485, 604, 606, 301])
def test_a_refusal_that_means_it_ends_the_registration(status):
    line = Line()
    line.registrar.answers = [(status, {})]
    number = line.register()
    line.net.run_for(10_000.0)
    assert line.events == [RegistrationFailed(number, status, "Said", False, None)]
    assert len(line.registrar.statuses()) == 1


def test_a_registrar_that_took_us_once_may_have_forgotten_us_for_a_while():
    line = Line(max_expires=120)
    line.registrar.answers = [(0, {}), (404, {}), (403, {})]
    line.register()
    line.net.run_for(300.0)
    assert line.registrar.statuses() == [200, 404, 403, 200]
    assert [round(one.retry_in_s) for one in line.of(RegistrationFailed)] == [45, 90]


def test_no_route_to_the_registrar_is_told_at_once():
    line = Line()
    number = line.register()
    line.alice.transport_error(BOB, now=line.net.now)
    line.net.pump()
    (failed,) = line.events
    assert (failed.id, failed.status, failed.local) == (number, 503, True)
    assert failed.retry_in_s == pytest.approx(45.0)


def test_the_next_address_of_the_registrar_is_asked_where_the_first_is_silent_or_unavailable():
    line = Line()
    second = Registrar(OTHER)
    line.net.attach(OTHER, second)
    line.registrar.answers = [(503, {})]
    line.register(alternatives=(OTHER,))
    line.net.run_for(1.0)
    assert (line.registrar.statuses(), second.statuses()) == ([503], [200])
    line.net.detach(BOB)
    line.register(alternatives=(OTHER,))
    line.net.run_for(40.0)
    assert second.statuses() == [200, 200]
    assert len(line.of(Registered)) == 2


def test_a_registrar_that_has_moved_is_asked_where_it_is_now():
    line = Line()
    second = Registrar(OTHER)
    line.net.attach(OTHER, second)
    line.registrar.answers = [(500, {})]
    number = line.register()
    line.net.run_for(1.0)
    line.alice.relocate_registrar(number, (OTHER,))
    line.net.run_for(60.0)
    assert (line.registrar.statuses(), second.statuses()) == ([500], [200])


def test_a_new_contact_takes_the_place_of_the_old_one_in_one_request():
    line = Line()
    number = line.register()
    line.net.run_for(1.0)
    line.alice.renew_registration(number, contact=AWAY, now=line.net.now)
    line.net.run_for(1.0)
    assert line.registrar.contacts("alice") == [str(AWAY)]
    assert [str(c) for c in line.asked()[-1].contacts] == [
        "<sip:alice@198.51.100.7:6000>;expires=300",
        "<sip:alice@192.0.2.1:5060>;expires=0",
    ]
    assert [event.contact for event in line.of(Registered)] == ["sip:alice@192.0.2.1:5060", str(AWAY)]
    line.unregister(number)
    assert line.registrar.contacts("alice") == []


def test_behind_a_nat_the_address_that_the_registrar_sees_is_registered():
    class Nat(Registrar):
        """Sees everybody elsewhere."""

        def receive_datagram(self, data, addr, *, now):
            super().receive_datagram(data, ("198.51.100.9", 40_000), now=now)

        def datagrams_to_send(self, *, now):
            return [(data, ALICE) for data, _ in super().datagrams_to_send(now=now)]

    line = Line()
    line.registrar = Nat(BOB)
    line.net.attach(BOB, line.registrar)
    number = line.register()
    line.net.run_for(1.0)
    (learnt,) = line.of(PublicAddressLearnt)
    assert (learnt.address, learnt.peer) == (("198.51.100.9", 40_000), BOB)
    line.alice.renew_registration(number, now=line.net.now)  # as the owner does who hears of it
    line.net.run_for(1.0)
    assert line.registrar.contacts("alice") == ["sip:alice@198.51.100.9:40000"]
    line.net.run_for(600.0)
    assert len(line.of(PublicAddressLearnt)) == 1


def test_a_machine_that_has_moved_says_so_and_takes_the_old_contact_back():
    line = Line()
    number = line.register()
    line.net.run_for(1.0)
    line.alice.move("192.0.2.77")
    line.alice.renew_registration(number, now=line.net.now)
    line.net.run_for(1.0)
    assert line.registrar.contacts("alice") == ["sip:alice@192.0.2.77:5060"]
    assert line.asked()[-1].via.host == "192.0.2.77"


def test_a_contact_that_changes_while_a_register_is_out_waits_for_its_answer():
    line = Line()
    number = line.register()
    line.alice.renew_registration(number, contact=AWAY, now=line.net.now)
    line.net.pump()
    assert len(line.asked()) == 1  # section 10.2: one at a time
    line.net.run_for(1.0)
    assert line.registrar.contacts("alice") == [str(AWAY)]
    assert len(line.of(Registered)) == 1


def test_a_contact_of_ones_own_choice_is_registered_as_it_is():
    line = Line()
    line.register(contact=AWAY)
    line.net.run_for(1.0)
    assert line.registrar.contacts("alice") == [str(AWAY)]


def test_it_is_taken_back_while_the_first_register_is_out():
    line = Line()
    number = line.register()
    line.unregister(number)
    assert line.registrar.contacts("alice") == []
    assert line.events == [Unregistered(number, True)]


def test_what_was_never_taken_is_forgotten_at_once():
    line = Line()
    line.registrar.answers = [(500, {})]
    number = line.register()
    line.net.run_for(1.0)
    line.unregister(number)
    assert line.of(Unregistered) == [Unregistered(number, False)]
    assert len(line.asked()) == 1


def test_a_registrar_that_is_gone_at_the_end_is_not_waited_for_longer_than_a_request_lives():
    line = Line()
    number = line.register()
    line.net.run_for(1.0)
    line.net.detach(BOB)
    line.alice.unregister(number, now=line.net.now)
    line.net.run_for(33.0)
    assert line.of(Unregistered) == [Unregistered(number, False)]


def test_a_registrar_that_grants_no_time_or_next_to_none_does_not_get_a_flood():
    for granted, least in (("0", 1), ("1", 20)):
        line = Line()
        contact = f"<sip:alice@192.0.2.1:5060>;expires={granted}"
        line.registrar.answers = [(200, {"Contact": contact})] * 100
        line.register()
        line.net.run_for(20.0)
        assert least <= len(line.registrar.statuses()) <= 21


def test_expires_of_the_answer_counts_where_our_contact_has_none_of_its_own():
    for headers, granted in (
        ({"Expires": "77"}, 77.0),
        ({"Contact": "<sip:alice@192.0.2.1:5060>", "Expires": "88"}, 88.0),
        ({"Contact": "<sip:alice@192.0.2.1:5060;ob>;expires=99", "Expires": "88"}, 99.0),
        ({}, 300.0),
    ):
        line = Line()
        line.registrar.answers = [(200, headers)]
        line.register()
        line.net.run_for(1.0)
        assert line.of(Registered)[0].expires_s == granted


def test_loss_doubling_and_reordering_change_nothing():
    for seed in range(20):
        line = Line(users={"alice": "wonder"}, max_expires=100)
        line.net._rng.seed(seed)
        line.net.line.loss, line.net.line.duplicate, line.net.line.jitter_s = 0.3, 0.3, 0.5
        number = line.register(credentials=PASSWORD)
        line.net.run_for(1000.0)
        assert line.registrar.contacts("alice") == ["sip:alice@192.0.2.1:5060"]
        assert line.of(RegistrationFailed) == []
        line.alice.unregister(number, now=line.net.now)
        line.net.run_for(40.0)
        assert line.alice.registrations == ()
        assert line.alice.transactions == 0


def test_too_many_registrations_and_impossible_times_are_refused_here():
    line = Line()
    for _ in range(MAX_REGISTRATIONS):
        line.register()
    with pytest.raises(LocalSipError, match="at most 64 registrations"):
        line.register()
    with pytest.raises(LocalSipError, match="lasts 1 to"):
        Line().register(expires_s=0)


def test_the_table_leads_every_registration_to_its_end():
    reachable = {RegState.REGISTERING}
    while more := {to for (state, _), (to, _) in REGISTRATION.items() if state in reachable} - reachable:
        reachable |= more
    assert reachable == set(RegState)
    for state in set(RegState) - {RegState.ENDED, RegState.LEAVING, RegState.LEAVING_LATER}:
        assert (state, RegInput.REMOVE) in REGISTRATION


def test_a_request_outside_of_dialogs_is_challenged_answered_and_told():
    line = Line(users={"alice": "wonder"})
    line.register(credentials=PASSWORD)
    line.net.run_for(1.0)
    number = line.alice.request(
        "MESSAGE",
        uri_of("nobody", BOB),
        from_=ALICE_NAME,
        destination=BOB,
        body=b"hello",
        content_type="text/plain",
        now=line.net.now,
    )
    line.net.run_for(1.0)
    (told,) = line.of(RequestAnswered)
    assert (told.id, told.response.status) == (number, 404)
    (sent,) = line.net.sent(ALICE, "MESSAGE")
    assert parse_message(sent.data).body == b"hello"
    with pytest.raises(LocalSipError, match="cannot be BYE"):
        line.alice.request("BYE", HOME, from_=ALICE_NAME, destination=BOB, now=0.0)


def test_a_request_that_nobody_answers_is_told_without_an_answer():
    line = Line()
    line.net.detach(BOB)
    number = line.alice.request("OPTIONS", HOME, from_=ALICE_NAME, destination=BOB, now=0.0)
    line.net.run_for(40.0)
    assert line.events == [RequestAnswered(number, None)]
