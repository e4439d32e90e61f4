# Whom a session believes to be its peer, behind a NAT and among strangers; and how much goes to who never answers.

import random

import pytest
from test_rtp_session import B, events, make_session, rtp

from softphone.rtp.events import FirstPacket, SourceLearnt, StrangerDropped
from softphone.rtp.rtcp import Bye, ReceiverReport, SdesChunk, SourceDescription, write_compound

PRIVATE = ("192.168.1.5", 4000)
PUBLIC, OTHER = ("198.51.100.7", 61000), ("198.51.100.66", 7000)
EVIL = ("203.0.113.9", 9)


def talk(session, addr, numbers, *, start=0.0, **options):
    for step, number in enumerate(numbers):
        session.receive_datagram(rtp(number, **options), addr, now=start + 0.02 * step)


def where(session, now=0.0):
    """Where the next packet of audio goes."""
    session.datagrams_to_send(now=now)
    session.send(b"x", payload_type=96, ticks=960, now=now)
    (_, addr), *_ = session.datagrams_to_send(now=now)
    return addr


def behind_nat(**options):
    return make_session(remote=PRIVATE, learns=True, **options)


def test_a_peer_behind_a_nat_is_learnt_by_its_third_packet_in_a_row():
    session = behind_nat()
    talk(session, PUBLIC, [7, 8])
    assert (where(session), session.stats(now=1).received.packets) == (PRIVATE, 0)
    talk(session, PUBLIC, [9, 10])
    assert where(session) == PUBLIC
    assert session.stats(now=1).received.learnt == PUBLIC
    assert [type(e) for e in events(session)] == [StrangerDropped, SourceLearnt, FirstPacket]


def test_a_session_that_does_not_learn_drops_what_another_host_sends():
    session = make_session(remote=PRIVATE)
    talk(session, PUBLIC, range(20))
    assert (where(session), session.strangers) == (PRIVATE, 20)


@pytest.mark.parametrize(
    ("numbers", "options"),
    [([7, 9, 11, 13], {}), ([7, 7, 7, 7], {}), (range(9), {"payload_type": 55})],
    ids=["not in a row", "one packet again and again", "a payload type nobody agreed on"],
)
def test_what_a_stranger_could_guess_does_not_make_it_the_peer(numbers, options):
    session = behind_nat()
    talk(session, EVIL, numbers, **options)
    assert (where(session), session.stats(now=1).received.packets) == (PRIVATE, 0)


def test_two_who_interleave_do_not_make_up_one_peer():
    session = behind_nat()
    for number in range(6):
        talk(session, (PUBLIC, EVIL)[number % 2], [number])
    assert where(session) == PRIVATE


def test_once_the_signalled_address_has_sent_nobody_else_is_learnt_while_it_does():
    session = behind_nat()
    talk(session, PRIVATE, [1])
    for number in range(2, 60):
        talk(session, PRIVATE, [number], start=0.02 * number)
        talk(session, EVIL, [number], start=0.02 * number)
    assert where(session, now=2) == PRIVATE
    assert session.strangers == 58


def test_a_peer_that_was_learnt_keeps_its_place_until_it_is_silent():
    session = behind_nat()
    talk(session, PUBLIC, range(10))
    talk(session, OTHER, range(10, 20), start=0.2)
    assert where(session) == PUBLIC
    talk(session, OTHER, range(20, 24), start=4.0)
    assert where(session) == OTHER


def test_after_the_silence_only_the_source_that_was_heard_goes_on():
    session = behind_nat()
    talk(session, PUBLIC, range(10))
    talk(session, EVIL, range(10, 20), start=4.0, ssrc=0xE)
    assert where(session) == PUBLIC


def test_the_signalled_address_takes_back_what_another_learnt():
    session = behind_nat()
    talk(session, EVIL, range(5))
    talk(session, PRIVATE, range(100, 103), start=0.2)
    assert session.stats(now=1).received.learnt is None
    talk(session, EVIL, range(6, 9), start=0.3)
    assert session.stats(now=1).received.learnt is None


def test_rtcp_goes_to_the_port_behind_the_learnt_one_and_then_to_where_it_comes_from():
    session = behind_nat()
    session.send(b"x", payload_type=96, ticks=960, now=0.0)
    talk(session, PUBLIC, range(4))
    session.datagrams_to_send(now=0.1)
    session.handle_timeout(now=20)
    assert session.datagrams_to_send(now=20)[-1][1] == (PUBLIC[0], PUBLIC[1] + 1)
    mapped = (PUBLIC[0], 61777)
    session.receive_datagram(write_compound((ReceiverReport(0xB),)), mapped, now=0.2)
    session.bye(now=0.3)
    assert session.datagrams_to_send(now=0.3)[-1][1] == mapped


def test_on_one_port_rtcp_is_told_from_rtp_and_follows_it():
    session = behind_nat(remote_rtcp=PRIVATE)
    session.send(b"x", payload_type=96, ticks=960, now=0.0)
    session.receive_datagram(write_compound((ReceiverReport(0xB),)), PRIVATE, now=0.0)
    talk(session, PUBLIC, range(4))
    session.bye(now=0.1)
    assert session.datagrams_to_send(now=0.1)[-1][1] == PUBLIC
    assert session.stats(now=1).received.rtcp_packets == 1


def test_the_same_description_again_keeps_what_was_learnt_and_another_forgets_it():
    session = behind_nat()
    talk(session, PUBLIC, range(4))
    session.retarget(PRIVATE, (PRIVATE[0], PRIVATE[1] + 1))
    assert where(session) == PUBLIC
    session.retarget(OTHER, (OTHER[0], OTHER[1] + 1))
    assert where(session) == OTHER


def bye_of(ssrc):
    return write_compound((ReceiverReport(ssrc), SourceDescription((SdesChunk(ssrc, ()),)), Bye((ssrc,))))


def test_a_spoofed_rtcp_bye_or_report_from_another_host_changes_nothing_and_is_counted():
    session = make_session()
    talk(session, B, range(3))
    session.receive_datagram(bye_of(0xB), EVIL, now=0.1)
    assert [type(e) for e in events(session)] == [FirstPacket, StrangerDropped]
    assert (session.strangers, session.stats(now=1).received.rtcp_packets) == (1, 0)


def test_when_the_peers_rtcp_has_come_no_other_port_of_its_host_may_send_some():
    session = make_session()
    talk(session, B, range(3))
    session.receive_datagram(write_compound((ReceiverReport(0xB),)), (B[0], B[1] + 1), now=0.1)
    session.receive_datagram(bye_of(0xB), (B[0], 9999), now=0.2)
    assert session.strangers == 1
    assert [type(e) for e in events(session)] == [FirstPacket, StrangerDropped]


def test_a_bye_for_a_source_that_is_not_heard_is_passed_over():
    session = make_session()
    talk(session, B, range(3))
    session.receive_datagram(bye_of(0xBAD), (B[0], B[1] + 1), now=0.1)
    assert [type(e) for e in events(session)] == [FirstPacket]


def sent_packets(session, count, now=0.0):
    for _ in range(count):
        session.send(b"x", payload_type=96, ticks=960, now=now)
    return [data for data, addr in session.datagrams_to_send(now=now) if addr == B]


def test_who_never_answers_is_sent_so_many_packets_and_no_more():
    session = make_session(unanswered_packets=250)
    assert len(sent_packets(session, 400)) == 250
    stats = session.stats(now=8)
    assert (stats.sent.packets, stats.unanswered_packets) == (250, 150)


@pytest.mark.parametrize(
    ("answer", "addr"),
    [(rtp(1), B), (write_compound((ReceiverReport(0xB),)), (B[0], B[1] + 1))],
    ids=["RTP", "RTCP"],
)
def test_an_answer_lifts_the_bound_and_the_first_packet_then_has_the_marker(answer, addr):
    session = make_session(unanswered_packets=10)
    sent_packets(session, 20)
    session.receive_datagram(answer, addr, now=0.5)
    again = sent_packets(session, 100)
    assert len(again) == 100
    assert again[0][1] & 0x80
    assert int.from_bytes(again[0][2:4], "big") == (65534 + 10) & 0xFFFF


def test_what_a_stranger_sends_lifts_no_bound():
    session = make_session(unanswered_packets=10)
    session.receive_datagram(rtp(1), EVIL, now=0.5)
    assert len(sent_packets(session, 20)) == 10


def test_a_description_that_points_elsewhere_begins_with_the_bound_again():
    session = make_session(unanswered_packets=10)
    session.receive_datagram(rtp(1), B, now=0.1)
    session.retarget(EVIL, (EVIL[0], EVIL[1] + 1))
    for _ in range(30):
        session.send(b"x", payload_type=96, ticks=960, now=0.2)
    assert len([addr for _, addr in session.datagrams_to_send(now=0.2) if addr == EVIL]) == 10


def test_random_packets_from_strangers_never_move_the_session():
    rng = random.Random(8)
    session = behind_nat()
    talk(session, PRIVATE, range(3))
    for step in range(2000):
        data = bytes((0x80, 96)) + rng.randbytes(rng.randrange(8, 40))
        session.receive_datagram(
            data, (f"203.0.113.{rng.randrange(1, 5)}", rng.randrange(1, 99)), now=step * 0.01
        )
    assert where(session) == PRIVATE
