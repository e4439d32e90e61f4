"""Who is heard: rates by source, scanners, users who are not here, callers that never acknowledge."""

import itertools
import random

import pytest
from support.sip_calls import Call
from support.sip_peers import ALICE, ALICE_NAME, BOB, BOB_URI, OFFER, answer_to, make_endpoint

from softphone.sip.auth import Challenger
from softphone.sip.events import InviteReceived, MessageDropped
from softphone.sip.guard import (
    MAX_NOTICES,
    MAX_SOURCES,
    NOTICES,
    SCANNERS,
    Concern,
    Guard,
    GuardLimits,
    Rate,
    network_of,
)
from softphone.sip.layer import REMEMBERED_AT_LEAST
from softphone.sip.legs import MAX_HALF_OPEN, MAX_HALF_OPEN_OF_ONE
from softphone.sip.message import parse_message

_numbers = itertools.count()
SOURCE = ("198.51.100.7", 5060)


def message(
    method: str = "OPTIONS",
    *,
    branch: str = "1",
    call_id: str = "one",
    user: str = "bob",
    agent: str = "phone",
    tag: str = "t",
    from_: str = "<sip:eve@198.51.100.7>",
    body: bytes = b"",
) -> bytes:
    return (
        f"{method} sip:{user}@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK{branch}\r\n"
        f"From: {from_};tag={tag}\r\nTo: <sip:{user}@192.0.2.2>\r\nCall-ID: {call_id}\r\n"
        f"CSeq: 1 {method}\r\nContact: <sip:eve@198.51.100.7>\r\nUser-Agent: {agent}\r\n"
        + ("Content-Type: application/sdp\r\n" if body else "")
        + f"Max-Forwards: 70\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def drain(endpoint):
    events = []
    while (event := endpoint.next_event()) is not None:
        events.append(event)
    return events, endpoint.datagrams_to_send(now=0.0)


class TestRates:
    def test_a_source_is_heard_up_to_its_rate_and_again_when_time_has_passed(self):
        guard = Guard(GuardLimits(source=Rate(10, 20)))
        heard = [guard.concern(message(), SOURCE, now=0.0) for _ in range(30)]
        assert heard == [None] * 20 + [Concern.LIMITED] * 10
        assert [guard.concern(message(), SOURCE, now=0.5) for _ in range(6)] == [None] * 5 + [Concern.LIMITED]

    def test_one_source_that_floods_leaves_the_others_heard(self):
        guard = Guard()
        for _ in range(10_000):
            guard.concern(message(), SOURCE, now=0.0)
        assert guard.concern(message(), ("198.51.100.8", 5060), now=0.0) is None

    def test_many_forged_sources_together_are_heard_up_to_one_rate(self):
        guard = Guard()
        heard = sum(
            guard.concern(message(), (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 5060), now=n / 5000)
            is None
            for n in range(50_000)
        )
        limit = guard.limits.all_sources
        assert heard == pytest.approx(limit.at_once + 10 * limit.per_s, abs=2)

    def test_a_network_of_ipv6_is_one_source(self):
        assert network_of("2001:db8::1") == network_of("2001:0DB8:0:0:ffff::2") == "2001:db8:0:0"
        assert network_of("2001:db8:0:1::1") != network_of("2001:db8::1")
        assert network_of("::1") == "0:0:0:0"
        assert network_of("192.0.2.1") == "192.0.2.1"

    def test_150_calls_a_second_of_one_caller_are_heard_whole(self):
        guard = Guard()
        assert all(guard.concern(message(), SOURCE, now=n / 450) is None for n in range(450 * 60))

    def test_tables_stay_small_whatever_comes(self):
        rng = random.Random(5)
        guard = Guard(GuardLimits(source=Rate(1, 1), all_sources=Rate(1e9, 1e9)))
        guard.know(frozenset(f"10.0.{n >> 8}.{n & 255}" for n in range(1000)), frozenset(), now=0.0)
        for number in range(60_000):
            source = (f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(256)}", 5060)
            concern = guard.concern(message(), source, now=number / 5000)
            guard.answers_stranger(source, now=number / 5000)
            if concern is not None:
                guard.reserves(message(), source, now=number / 5000)
                guard.tells(concern, source, now=number / 5000)
        assert guard.kept <= 3 * MAX_SOURCES + MAX_NOTICES


class TestReserve:
    def test_a_peer_in_a_call_is_heard_beside_a_flood(self):
        guard = Guard()
        guard.know(frozenset({"192.0.2.9"}), frozenset(), now=0.0)
        for number in range(10_000):
            guard.concern(message(), (f"10.1.{number >> 8}.{number & 255}", 5060), now=0.0)
        assert guard.concern(message(), ("192.0.2.9", 5060), now=0.0) is Concern.FLOODED
        assert guard.reserves(message(), ("192.0.2.9", 5060), now=0.0)
        assert not guard.reserves(message(), ("192.0.2.10", 5060), now=0.0)

    def test_what_names_the_call_id_is_heard_even_when_the_peers_own_address_is_forged_by_the_flood(self):
        guard = Guard(GuardLimits(source=Rate(1, 1), peer=Rate(1, 1)))
        guard.know(frozenset({SOURCE[0]}), frozenset({"secret"}), now=0.0)
        for _ in range(100):
            if guard.concern(message(), SOURCE, now=0.0):
                guard.reserves(message(), SOURCE, now=0.0)
        assert not guard.reserves(message(call_id="guessed"), SOURCE, now=0.0)
        assert guard.reserves(message("BYE", call_id="secret"), SOURCE, now=0.0)
        assert guard.reserves(message("BYE").replace(b"Call-ID: one", b"i:secret"), SOURCE, now=0.0)

    def test_a_flood_that_knows_the_call_id_is_limited_too(self):
        guard = Guard()
        guard.know(frozenset(), frozenset({"secret"}), now=0.0)
        heard = sum(guard.reserves(message(call_id="secret"), SOURCE, now=0.0) for _ in range(1000))
        assert heard == guard.limits.call.at_once

    def test_the_bye_of_a_standing_call_gets_through_a_flood_from_everywhere(self):
        call = Call(bob={"guard": Guard()}, talk_s=None)
        call.invite()
        call.net.run_for(2.0)
        for number in range(20_000):
            source = (f"10.2.{number >> 8}.{number & 255}", 5060)
            call.bob.receive_datagram(message(branch=str(number)), source, now=call.net.now)
        call.bob.datagrams_to_send(now=call.net.now)
        assert call.bob.stats.flooded > 10_000
        call.alice.bye(call.alice.legs[0], now=call.net.now)
        call.net.run_for(0.5)
        assert call.bob.legs == call.alice.legs == ()
        assert call.bob.transactions < 4000

    def test_the_bye_of_a_standing_call_is_served_when_no_further_transaction_is(self):
        call = Call(bob={"max_transactions": 10}, talk_s=None)
        call.invite()
        call.net.run_for(2.0)
        for number in range(50):
            call.bob.receive_datagram(message(branch=str(number)), SOURCE, now=call.net.now)
        call.bob.datagrams_to_send(now=call.net.now)
        assert call.bob.stats.overloads >= 40
        call.alice.bye(call.alice.legs[0], now=call.net.now)
        call.net.run_for(0.2)
        assert call.bob.legs == call.alice.legs == ()


class TestScanners:
    @pytest.mark.parametrize("name", SCANNERS)
    def test_what_calls_itself_a_scanner_gets_no_answer(self, name):
        bob = make_endpoint("bob", BOB, guard=Guard())
        bob.receive_datagram(message(agent=f"{name.decode().upper()} 0.9"), SOURCE, now=0.0)
        events, sent = drain(bob)
        assert sent == []
        assert bob.stats.scanners == 1
        assert bob.transactions == 0
        assert events == [MessageDropped(Concern.SCANNER.value, SOURCE)]

    def test_the_name_is_found_in_from_as_well_and_nowhere_else(self):
        guard = Guard()
        sipvicious = message(from_='"sipvicious"<sip:100@1.1.1.1>')
        assert guard.concern(sipvicious, SOURCE, now=0.0) is Concern.SCANNER
        assert guard.concern(message(user="sipvicious"), SOURCE, now=0.0) is None
        assert guard.concern(message(body=b"\r\nUser-Agent: sipcli\r\n" * 200), SOURCE, now=0.0) is None

    def test_the_same_source_is_told_of_once_a_minute(self):
        bob = make_endpoint("bob", BOB, guard=Guard())
        for second in range(121):
            bob.receive_datagram(
                message(agent="friendly-scanner", branch=str(second)), SOURCE, now=float(second)
            )
        events, sent = drain(bob)
        assert (len(events), sent, bob.stats.scanners, bob.stats.dropped) == (3, [], 121, 121)

    def test_a_flood_of_forged_scanners_fills_no_log(self):
        guard = Guard()
        told = sum(
            guard.tells(Concern.SCANNER, (f"10.0.{n >> 8}.{n & 255}", 1), now=n / 1000) for n in range(10_000)
        )
        assert told <= NOTICES.at_once + 10 * NOTICES.per_s + 1


class TestUnknownUsers:
    @pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "MESSAGE"])
    def test_whoever_is_not_here_is_answered_404_and_nothing_is_kept(self, method):
        bob = make_endpoint("bob", BOB, guard=Guard(users=frozenset({"bob"})))
        bob.receive_datagram(message(method, user="100"), SOURCE, now=0.0)
        events, sent = drain(bob)
        assert [parse_message(data).status for data, _ in sent] == [404]
        assert (bob.transactions, bob.stats.strangers, len(events)) == (0, 1, 1)

    def test_bob_himself_and_his_host_are_here(self):
        bob = make_endpoint("bob", BOB, guard=Guard(users=frozenset({"bob"})))
        bob.receive_datagram(message("INVITE", body=OFFER), SOURCE, now=0.0)
        bob.receive_datagram(message().replace(b"sip:bob@", b"sip:"), SOURCE, now=0.0)
        events, sent = drain(bob)
        assert [type(event) for event in events] == [InviteReceived]
        assert [parse_message(data).status for data, _ in sent] == [200]

    def test_who_tries_many_names_is_soon_not_answered(self):
        bob = make_endpoint("bob", BOB, guard=Guard(users=frozenset({"bob"})))
        for number in range(1000):
            bob.receive_datagram(
                message("INVITE", user=str(number), branch=str(number)), SOURCE, now=number / 100
            )
        events, sent = drain(bob)
        assert len(sent) <= 22
        assert (len(events), bob.stats.strangers, bob.transactions) == (1, 1000, 0)

    def test_a_404_is_no_larger_than_twice_the_question(self):
        bob = make_endpoint("bob", BOB, guard=Guard(users=frozenset({"bob"})))
        asked = message("INVITE", user="1")
        bob.receive_datagram(asked, SOURCE, now=0.0)
        _, [(data, _)] = drain(bob)
        assert len(data) < 2 * len(asked)


class TestCallersThatNeverAcknowledge:
    def test_further_invites_are_refused_while_too_many_answers_wait_for_their_ack(self):
        bob = make_endpoint("bob", BOB, guard=Guard())
        statuses = self.invites(bob, [f"10.3.0.{n}" for n in range(MAX_HALF_OPEN + 20)])
        assert statuses == [200] * MAX_HALF_OPEN + [503] * 20

    def test_one_host_takes_three_quarters_of_the_places_only(self):
        bob = make_endpoint("bob", BOB, guard=Guard())
        answered = self.invites(bob, [SOURCE[0]] * (MAX_HALF_OPEN_OF_ONE + 1))
        assert answered == [200] * MAX_HALF_OPEN_OF_ONE + [503]
        assert self.invites(bob, ["198.51.100.9"]) == [200]

    def test_a_refusal_for_want_of_places_is_said_once_and_nothing_is_kept_of_it(self):
        bob = make_endpoint("bob", BOB, guard=Guard())
        self.invites(bob, [f"10.3.0.{n}" for n in range(MAX_HALF_OPEN)])
        before = bob.transactions
        assert self.invites(bob, [f"10.3.1.{n}" for n in range(200)]) == [503] * 200
        assert bob.transactions == before

    def test_calls_that_are_acknowledged_do_not_count(self):
        call = Call(talk_s=None)
        for _ in range(MAX_HALF_OPEN + 5):
            call.invite()
            call.net.run_for(1.0)
        assert len(call.alice.legs) == MAX_HALF_OPEN + 5

    @staticmethod
    def invites(bob, hosts):
        """Send one INVITE from each of *hosts*, which bob answers if he is told; return what is answered."""
        statuses = []
        for host in hosts:
            number = next(_numbers)
            invite = message("INVITE", branch=f"i{number}", call_id=f"c{number}", tag=str(number), body=OFFER)
            bob.receive_datagram(invite, (host, 5060), now=0.0)
            while (event := bob.next_event()) is not None:
                if isinstance(event, InviteReceived):
                    bob.answer(event.leg, body=b"v=0\r\n", now=0.0)
            statuses += [parse_message(data).status for data, _ in bob.datagrams_to_send(now=0.0)]
        return statuses


class TestRequestsOfNoCall:
    def test_a_flood_of_them_is_answered_and_forgotten(self):
        bob = make_endpoint("bob", BOB)
        for number in range(5000):
            bob.receive_datagram(message(branch=str(number), call_id=str(number)), SOURCE, now=number / 1000)
            bob.next_event()
        sent = bob.datagrams_to_send(now=5.0)
        assert len(sent) == 5000
        assert bob.transactions <= REMEMBERED_AT_LEAST
        bob.receive_datagram(message(branch="4999", call_id="4999"), SOURCE, now=5.1)
        assert [parse_message(data).status for data, _ in bob.datagrams_to_send(now=5.1)] == [200]

    def test_a_challenge_is_not_repeated_to_addresses_that_may_be_forged_once_there_are_many(self):
        bob = make_endpoint("bob", BOB, challenger=Challenger(realm="here", users={"alice": "secret"}))
        for number in range(3000):
            invite = message("INVITE", branch=str(number), call_id=str(number), tag=str(number), body=OFFER)
            bob.receive_datagram(invite, SOURCE, now=0.0)
        bob.datagrams_to_send(now=0.0)
        assert bob.transactions <= REMEMBERED_AT_LEAST
        bob.handle_timeout(now=0.5)
        assert len(bob.datagrams_to_send(now=0.5)) <= REMEMBERED_AT_LEAST


class TestSpoofedAnswers:
    def test_an_answer_to_nothing_is_dropped_and_counted(self):
        alice = make_endpoint("alice", ALICE, guard=Guard())
        alice.invite(BOB_URI, from_=ALICE_NAME, body=OFFER, destination=BOB, now=0.0)
        (invite,) = alice.datagrams_to_send(now=0.0)
        forged = answer_to(parse_message(invite[0]), 200)
        forged.headers.set("Via", str(forged.via).replace("z9hG4bK", "z9hG4bKguess"))
        alice.receive_datagram(bytes(forged), SOURCE, now=0.0)
        assert alice.stats.dropped == 1
        assert len(alice.legs) == 1
