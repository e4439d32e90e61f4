"""Two call managers in virtual time."""

import pytest
from support.phones import OPUS, PCMU, Pair, media
from support.sip_peers import ALICE, BOB
from support.virtual_link import Line

from softphone.call.errors import LocalCallError, UnknownCall
from softphone.call.events import Established, IncomingCall, MediaChanged, Ringing
from softphone.sdp import Capability, LocalSdpError
from softphone.sip.auth import Challenger, Credentials


def lose_first(*prefixes):
    """A line that loses the first datagram of each kind."""
    left = list(prefixes)

    def drop(sent):
        for prefix in left:
            if sent.start_line.startswith(prefix):
                left.remove(prefix)
                return True
        return False

    return Line(drop=drop)


def lose_all(prefix):
    return Line(drop=lambda sent: sent.start_line.startswith(prefix))


def test_a_call_from_invite_to_bye():
    pair = Pair()
    pair.talk()
    assert pair.alice.established.negotiated.codec.name == "opus"
    assert pair.alice.established.negotiated.remote_host == BOB[0]
    assert pair.bob.established.negotiated.remote_host == ALICE[0]
    assert (pair.alice.established.placed, pair.bob.established.placed) == (True, False)
    assert pair.alice.established.sip_status == 200
    pair.net.run_for(8.0)
    pair.alice.hang_up()
    pair.net.run_for(1.0)
    assert pair.alice.names() == ["Established", "Ended"]
    assert pair.bob.names() == ["IncomingCall", "Established", "PeerHungUp", "Ended"]
    assert pair.alice.ending() == ("completed", "local", 200)
    assert pair.bob.ending() == ("completed", "peer", 200)
    assert pair.alice.ended.reason == "OK"


def test_the_callee_hangs_up():
    pair = Pair()
    pair.talk()
    pair.bob.hang_up()
    pair.net.run_for(1.0)
    assert pair.alice.ending() == ("completed", "peer", 200)
    assert pair.bob.ending() == ("completed", "local", 200)


def test_the_facts_of_a_call_are_the_same_for_both_sides():
    pair = Pair(bob={"answers": False}, line=Line(delay_s=0.05))
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.bob.manager.ring(1, now=pair.net.now)
    pair.net.run_for(3.9)
    assert pair.bob.names() == ["IncomingCall"]
    pair.bob.manager.accept(1, pair.bob.media, now=pair.net.now)
    pair.net.run_for(1.0)
    alice, bob = pair.alice.info, pair.bob.info
    assert alice.call_id == bob.call_id
    assert (alice.local_uri, alice.peer_uri) == ("sip:alice@192.0.2.1:5060", "sip:callee@192.0.2.2:5060")
    assert (bob.local_uri, bob.peer_uri) == ("sip:callee@192.0.2.2:5060", "sip:alice@192.0.2.1:5060")
    assert (alice.invited_at, alice.ringing_at, alice.answered_at) == pytest.approx((0.0, 0.15, 4.05))
    assert (bob.invited_at, bob.ringing_at, bob.answered_at) == pytest.approx((0.05, 0.1, 4.0))
    assert alice.srd_s == pytest.approx(0.15)
    assert bob.srd_s is None
    assert alice.setup_s == pytest.approx(4.05)
    assert bob.setup_s == pytest.approx(3.95)
    assert alice.ended_at is None
    assert alice.sip_bytes_sent == bob.sip_bytes_received
    assert alice.sip_bytes_received == bob.sip_bytes_sent
    assert alice.sip_bytes_sent == sum(len(sent.data) for sent in pair.net.sent(ALICE))
    ringing = next(event for event in pair.alice.events if isinstance(event, Ringing))
    assert (ringing.sip_status, ringing.reason) == (180, "Ringing")


def test_without_a_provisional_answer_the_session_request_delay_ends_with_the_200():
    pair = Pair(line=Line(delay_s=0.05))
    pair.talk()
    assert pair.alice.info.srd_s == pytest.approx(0.1)


def test_facts_stay_after_the_end():
    pair = Pair()
    pair.talk()
    pair.alice.hang_up()
    pair.net.run_for(60.0)
    assert pair.alice.info.ended_at == pytest.approx(1.02)
    assert pair.alice.info.sip_bytes_sent == sum(len(sent.data) for sent in pair.net.sent(ALICE))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "declined"),
        (403, "declined"),
        (404, "declined"),
        (500, "declined"),
        (503, "declined"),
        (302, "declined"),
        (408, "no-answer"),
        (480, "no-answer"),
        (401, "unauthorized"),
        (407, "unauthorized"),
        (406, "incompatible"),
        (415, "incompatible"),
        (488, "incompatible"),
        (606, "incompatible"),
    ],
)
def test_a_refusal_has_its_outcome(status, outcome):
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    pair.net.run_for(0.5)
    pair.bob.manager.reject(1, status, now=pair.net.now)
    pair.net.run_for(1.0)
    assert pair.alice.ending() == (outcome, "peer", status)
    assert pair.bob.ending() == (outcome, "local", status)
    assert pair.alice.info.setup_s is None


def test_a_refusal_counts_as_the_first_status_but_a_challenge_does_not():
    for status, delay in ((486, 0.02), (401, None)):
        pair = Pair(bob={"answers": False})
        pair.alice.call(pair.bob)
        pair.net.run_until(0.01)
        pair.bob.manager.reject(1, status, now=pair.net.now)
        pair.net.run_for(1.0)
        assert pair.alice.info.srd_s == (delay if delay is None else pytest.approx(delay))


def test_no_response_at_all_is_unreachable():
    pair = Pair(line=lose_all("INVITE"))
    pair.alice.call(pair.bob)
    pair.net.run_for(40.0)
    assert pair.alice.ending() == ("unreachable", "network", 408)
    assert pair.alice.info.ended_at == pytest.approx(32.0)


def test_an_icmp_error_is_unreachable_at_once():
    pair = Pair(line=lose_all("INVITE"))
    pair.alice.call(pair.bob)
    pair.alice.manager.transport_error(BOB, now=0.0)
    pair.net.run_for(1.0)
    assert pair.alice.ending() == ("unreachable", "network", 503)


def test_an_icmp_error_from_elsewhere_changes_nothing():
    pair = Pair()
    pair.alice.call(pair.bob)
    pair.alice.manager.transport_error(("192.0.2.99", 5060), now=0.0)
    pair.net.run_for(1.0)
    assert pair.alice.names() == ["Established"]


def test_a_ring_timeout_cancels_the_call():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob, ring_timeout_s=5.0)
    pair.net.run_for(0.5)
    pair.bob.manager.ring(1, now=pair.net.now)
    pair.net.run_for(10.0)
    assert pair.alice.ending() == ("no-answer", "local", 487)
    assert pair.alice.ended.reason == "no answer in 5 s"
    assert pair.alice.info.ended_at == pytest.approx(5.02)
    assert pair.bob.ending() == ("no-answer", "peer", 487)


def test_a_ring_timeout_while_only_100_was_heard_is_no_answer():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob, ring_timeout_s=5.0)
    pair.net.run_for(10.0)
    assert pair.alice.ending() == ("no-answer", "local", 487)


def test_a_ring_timeout_with_nothing_heard_is_unreachable():
    pair = Pair(line=lose_all("INVITE"))
    pair.alice.call(pair.bob, ring_timeout_s=5.0)
    pair.net.run_for(10.0)
    assert pair.alice.ending() == ("unreachable", "network", 408)
    assert pair.alice.info.ended_at == pytest.approx(7.0)
    assert pair.alice.requests("CANCEL") == []


def test_40_seconds_of_ringing_are_waited_for():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.bob.manager.ring(1, now=pair.net.now)
    pair.net.run_for(40.0)
    pair.bob.manager.accept(1, pair.bob.media, now=pair.net.now)
    pair.net.run_for(1.0)
    assert pair.alice.names() == ["Ringing", "Established"]
    assert pair.bob.names() == ["IncomingCall", "Established"]


def test_hanging_up_while_it_rings_cancels():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.bob.manager.ring(1, now=pair.net.now)
    pair.net.run_for(1.0)
    pair.alice.hang_up()
    pair.net.run_for(1.0)
    assert pair.alice.ending() == ("no-answer", "local", 487)
    assert pair.bob.ending() == ("no-answer", "peer", 487)
    assert pair.alice.ended.reason == "hung up before an answer"


def test_hanging_up_before_anything_was_heard_waits_a_little_and_goes():
    pair = Pair(line=lose_all("INVITE"))
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.alice.hang_up()
    pair.net.run_for(30.0)
    assert pair.alice.ending() == ("no-answer", "local", None)
    assert pair.alice.info.ended_at == pytest.approx(2.1)


def test_a_cancel_that_crosses_the_200_ends_the_call_on_both_sides():
    pair = Pair(bob={"answers": False}, line=Line(delay_s=0.1))
    pair.alice.call(pair.bob)
    pair.net.run_for(0.15)
    pair.bob.manager.ring(1, now=pair.net.now)
    pair.net.run_for(0.95)
    pair.bob.manager.accept(1, pair.bob.media, now=pair.net.now)
    pair.net.run_for(0.05)
    pair.alice.hang_up()
    pair.net.run_for(2.0)
    assert pair.alice.ending() == ("no-answer", "local", 487)
    assert pair.alice.names() == ["Ringing", "Ended"]
    assert pair.bob.ending() == ("completed", "peer", 200)
    assert len(pair.alice.requests("ACK")) == 1
    assert len(pair.alice.requests("BYE")) == 1


def test_accepting_a_call_that_was_just_cancelled_does_nothing():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.bob.manager.ring(1, now=pair.net.now)
    pair.net.run_for(0.1)
    pair.alice.hang_up()
    pair.net.run_for(1.0)
    pair.bob.manager.accept(1, pair.bob.media, now=pair.net.now)
    pair.bob.manager.reject(1, 486, now=pair.net.now)
    pair.bob.manager.ring(1, now=pair.net.now)
    pair.bob.manager.hang_up(1, now=pair.net.now)
    pair.bob.manager.answer_bye(1, b"", now=pair.net.now)
    pair.net.run_for(1.0)
    assert pair.bob.names() == ["IncomingCall", "Ended"]


def test_the_callee_that_hangs_up_before_answering_refuses():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.bob.hang_up()
    pair.net.run_for(1.0)
    assert pair.alice.ending() == ("no-answer", "peer", 480)
    assert pair.bob.ending() == ("no-answer", "local", 480)


def test_two_byes_that_cross_end_the_call_once_on_each_side():
    pair = Pair(line=Line(delay_s=0.1))
    pair.talk()
    pair.alice.hang_up()
    pair.bob.hang_up()
    pair.net.run_for(2.0)
    assert pair.alice.ending() == ("completed", "local", 200)
    assert pair.bob.ending() == ("completed", "local", 200)


def test_hanging_up_before_the_ack_waits_for_it():
    pair = Pair(bob={"answers": False}, line=lose_first("ACK"))
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.bob.manager.accept(1, pair.bob.media, now=pair.net.now)
    pair.net.run_for(0.1)
    pair.bob.hang_up(b"")
    assert pair.bob.requests("BYE") == []
    pair.net.run_for(2.0)
    acks = [sent.at for sent in pair.net.sent(ALICE, "ACK")]
    byes = [sent.at for sent in pair.net.sent(BOB, "BYE")]
    assert len(acks) == 2
    assert byes == [pytest.approx(acks[1] + 0.01)]
    assert pair.bob.ending() == ("completed", "local", 200)
    assert pair.alice.ending() == ("completed", "peer", 200)


def test_a_bye_before_the_ack_is_answered():
    pair = Pair(line=lose_all("ACK"))
    pair.alice.call(pair.bob)
    pair.net.run_for(0.2)
    pair.alice.hang_up()
    pair.net.run_for(2.0)
    assert pair.bob.ending() == ("completed", "peer", 200)
    assert pair.alice.ending() == ("completed", "local", 200)


def test_byes_that_cross_while_the_ack_is_missing_end_both():
    pair = Pair(line=lose_all("ACK"))
    pair.alice.call(pair.bob)
    pair.net.run_for(0.2)
    pair.bob.hang_up()
    pair.alice.hang_up()
    pair.net.run_for(2.0)
    assert pair.bob.ending() == ("completed", "local", 200)
    assert pair.alice.ending() == ("completed", "local", 200)


def test_a_200_that_is_never_acknowledged_is_a_dropped_call():
    pair = Pair(line=lose_all("ACK"))
    pair.alice.call(pair.bob)
    pair.net.run_for(40.0)
    assert pair.bob.ending() == ("dropped", "network", 200)
    assert pair.bob.info.ended_at == pytest.approx(32.01)


def test_hanging_up_without_an_ack_does_not_wait_for_ever():
    pair = Pair(line=lose_all("ACK"))
    pair.alice.call(pair.bob)
    pair.net.run_for(0.2)
    pair.net.detach(ALICE)
    pair.bob.hang_up()
    pair.net.run_for(10.0)
    assert pair.bob.ending() == ("dropped", "network", 200)


def test_a_bye_that_nobody_answers_is_a_dropped_call_after_patience_ran_out():
    pair = Pair()
    pair.talk()
    pair.net.detach(BOB)
    pair.alice.hang_up()
    pair.net.run_for(10.0)
    assert pair.alice.ending() == ("dropped", "network", 200)
    assert pair.alice.info.ended_at == pytest.approx(9.0)
    pair.net.run_for(60.0)
    assert pair.alice.names() == ["Established", "Ended"]


def test_a_bye_to_an_unreachable_host_is_a_dropped_call_at_once():
    pair = Pair()
    pair.talk()
    pair.net.detach(BOB)
    pair.alice.hang_up()
    pair.alice.manager.transport_error(BOB, now=pair.net.now)
    pair.net.run_for(0.1)
    assert pair.alice.ending() == ("dropped", "network", 200)


def test_an_owner_that_does_not_answer_a_bye_is_answered_for():
    pair = Pair()
    pair.talk()
    pair.net.detach(BOB)
    pair.net.attach(BOB, pair.bob.manager)
    pair.alice.hang_up()
    pair.net.run_for(5.0)
    assert pair.alice.ending() == ("completed", "local", 200)
    assert pair.alice.info.ended_at == pytest.approx(3.02)


@pytest.mark.parametrize("delay_s", [0.01, 0.3])
def test_a_line_that_loses_the_first_of_each_message_costs_time_only(delay_s):
    prefixes = ("INVITE", "SIP/2.0 100", "SIP/2.0 180", "SIP/2.0 200", "ACK", "BYE", "SIP/2.0 200")
    line = lose_first(*prefixes)
    line.delay_s = delay_s
    pair = Pair(line=line)
    pair.alice.call(pair.bob)
    pair.net.run_for(8.0)
    pair.alice.hang_up()
    pair.net.run_for(8.0)
    assert pair.alice.names() == ["Established", "Ended"]
    assert pair.bob.names() == ["IncomingCall", "Established", "PeerHungUp", "Ended"]
    assert pair.alice.ending() == ("completed", "local", 200)


@pytest.mark.parametrize("seed", range(6))
def test_a_bad_line_leaves_no_call_behind(seed):
    pair = Pair(line=Line(delay_s=0.05, jitter_s=0.2, loss=0.3, duplicate=0.2), seed=seed)
    pair.alice.call(pair.bob, ring_timeout_s=20.0)
    pair.net.run_for(60.0)
    if "Ended" not in pair.alice.names():
        pair.alice.hang_up()
    pair.net.run_for(120.0)
    assert pair.alice.names().count("Ended") == 1
    assert pair.bob.names().count("Ended") == pair.bob.names().count("IncomingCall") <= 1
    assert pair.alice.manager.next_timeout() is None
    assert pair.bob.manager.next_timeout() is None


def test_no_codec_in_common_refuses_the_call():
    pair = Pair(bob={"local": media(BOB, PCMU)})
    pair.alice.call(pair.bob, media=media(ALICE, OPUS))
    pair.net.run_for(1.0)
    assert pair.alice.ending() == ("incompatible", "peer", 488)
    assert pair.bob.ending() == ("incompatible", "local", 488)
    assert pair.bob.ended.reason == "codec: wanted PCMU/8000, got opus/48000/2"
    assert pair.alice.ended.reason == f"Not Acceptable Here: {pair.bob.ended.reason}"
    refusal = next(sent.data for sent in pair.net.sent(BOB, "SIP/2.0 488"))
    assert b'Warning: 305 softphone "codec: wanted PCMU/8000, got opus/48000/2"\r\n' in refusal


def test_a_challenge_is_met_with_the_password_and_a_wrong_one_is_unauthorized():
    challenger = Challenger(realm="here", users={"alice": "secret"})
    pair = Pair(bob={"challenger": challenger})
    pair.talk(credentials=Credentials("alice", "secret"))
    pair.alice.hang_up(b"")
    pair.net.run_for(1.0)
    assert pair.alice.ending() == ("completed", "local", 200)
    for credentials in (Credentials("alice", "wrong"), None):
        pair = Pair(bob={"challenger": challenger})
        pair.alice.call(pair.bob, credentials=credentials)
        pair.net.run_for(2.0)
        assert pair.alice.ending() == ("unauthorized", "peer", 401)
        assert pair.bob.names() == []


def test_several_calls_at_once_are_kept_apart():
    pair = Pair()
    numbers = [pair.alice.call(pair.bob) for _ in range(5)]
    pair.net.run_for(1.0)
    for number in numbers[:2]:
        pair.alice.manager.hang_up(number, now=pair.net.now)
    pair.net.run_for(1.0)
    assert pair.alice.names() == ["Established"] * 5 + ["Ended"] * 2
    assert [event.call for event in pair.alice.events[5:]] == numbers[:2]
    assert len({pair.alice.manager.info(number).call_id for number in numbers}) == 5


def test_a_number_nobody_gave_is_an_error_of_the_caller():
    pair = Pair()
    with pytest.raises(UnknownCall, match="7"):
        pair.alice.manager.hang_up(7, now=0.0)


def test_media_without_a_codec_makes_no_call():
    pair = Pair()
    with pytest.raises(LocalSdpError):
        pair.alice.manager.place(
            pair.alice.manager._identity.uri, media(ALICE, OPUS, capabilities=()), destination=BOB, now=0.0
        )
    assert pair.net.log == []


def test_media_that_cannot_be_described_leave_the_call_as_it_was():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    broken = media(BOB, Capability("PCMU", 8_000, 1, 0, fmtp="x\r\na=evil"))
    with pytest.raises(LocalSdpError):
        pair.bob.manager.accept(1, broken, now=pair.net.now)
    pair.bob.manager.accept(1, pair.bob.media, now=pair.net.now)
    pair.net.run_for(1.0)
    assert pair.alice.names() == ["Established"]


@pytest.mark.parametrize("status", [100, 200, 299, 700])
def test_a_refusal_with_a_status_that_refuses_nothing_leaves_the_call_as_it_was(status):
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    with pytest.raises(LocalCallError, match=str(status)):
        pair.bob.manager.reject(1, status, now=pair.net.now)
    pair.bob.manager.accept(1, pair.bob.media, now=pair.net.now)
    pair.net.run_for(1.0)
    assert pair.alice.names() == ["Established"]


def test_every_event_names_its_call():
    pair = Pair()
    pair.talk()
    pair.alice.hang_up()
    pair.net.run_for(1.0)
    assert {event.call for event in pair.alice.events + pair.bob.events} == {1}
    assert isinstance(pair.bob.events[0], IncomingCall)
    assert pair.bob.events[0].offer_problem is None
    assert pair.bob.events[0].source == ALICE
    assert not any(isinstance(event, MediaChanged) for event in pair.bob.events)
    assert isinstance(pair.bob.events[1], Established)


def test_headers_of_the_callee_stand_in_its_200():
    pair = Pair(bob={"answers": False})
    pair.alice.call(pair.bob)
    pair.net.run_for(0.1)
    pair.bob.manager.accept(1, pair.bob.media, headers=(("X-Lab", "7"),), now=pair.net.now)
    pair.net.run_for(1.0)
    assert "Established" in pair.alice.names()
    (accepted,) = pair.net.sent(BOB, "SIP/2.0 200")
    assert b"\r\nX-Lab: 7\r\n" in accepted.data
