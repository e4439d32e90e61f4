"""Two sessions that agreed on short headers, and one that did not (docs/rtp-short.md)."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netsim import Link
from test_rtp_call import call
from test_rtp_session import A, B, events, make_session, rtp

from softphone.rtp.events import DtmfDigit, FirstPacket
from softphone.rtp.jitter import Play
from softphone.rtp.packet import RtpPacket
from softphone.rtp.rtcp import ReceiverReport, ReportBlock, write_compound


def test_who_did_not_agree_gets_whole_headers_and_takes_no_short_ones():
    session = make_session()
    for n in range(100):
        session.send(b"abc", payload_type=96, ticks=960, now=n * 0.02)
        session.receive_datagram(bytes((0xC0, n)) + b"abc", B, now=n * 0.02)
    sent = [data for data, _ in session.datagrams_to_send(now=2.0)]
    assert {(data[0], len(data)) for data in sent} == {(0x80, 15)}
    received = session.stats(2.0).received
    assert (received.packets, received.undecodable, received.unresolved) == (0, 100, 0)


def test_bytes_are_counted_as_they_are_on_the_wire():
    one, two = make_session(B, 0xA, short=True), make_session(A, 0xB, short=True)
    wire = 0
    for n in range(128):
        one.send(b"x" * 40, payload_type=96, ticks=960, now=n * 0.02)
        for data, _ in one.datagrams_to_send(now=n * 0.02):
            wire += len(data)
            two.receive_datagram(data, A, now=n * 0.02)
    sent, received = one.stats(2.56).sent, two.stats(2.56).received
    # From 65534 on: two of one block, two whole blocks less those, with three announcements each.
    announced = 1 + 3 + 3
    assert sent.rtp_bytes == 128 * 28 + announced * 16 + (128 - announced) * 2
    assert sent.rtp_bytes + sent.payload_bytes == wire + 128 * 28
    assert (received.packets, received.rtp_bytes, received.payload_bytes) == (
        128,
        sent.rtp_bytes,
        sent.payload_bytes,
    )
    assert (received.lost, received.unresolved) == (0, 0)


def test_packets_that_cannot_be_resolved_are_counted_and_lost():
    one, two = make_session(B, 0xA, short=True), make_session(A, 0xB, short=True)
    for n in range(40):
        one.send(b"x" * 40, payload_type=96, ticks=960, now=n * 0.02)
    sent = [data for data, _ in one.datagrams_to_send(now=0.8)]
    # Sequence numbers 65534 and 65535, then the announcement of the next block is lost; it is repeated 2 and 34 later.
    for n, data in enumerate(sent):
        if n != 2:
            two.receive_datagram(data, A, now=n * 0.02)
    received = two.stats(1.0).received
    assert (received.packets, received.unresolved, received.lost) == (39, 1, 2)
    assert received.payload_bytes == 39 * 40
    assert received.rtp_bytes == 39 * 28 + 3 * 16 + 36 * 2


@pytest.mark.parametrize("ptimes", [(20, 20), (60, 20), (120, 60)])
def test_a_call_over_a_lossy_line_is_the_one_with_whole_headers_but_for_few_packets(ptimes):
    outcome = []
    for short in (False, True):
        link = Link(seed=5, loss=0.05, burst=2, jitter_s=0.02)
        _, two, end = call(60, ptimes=ptimes, links=(link, Link(seed=6)), short=short)
        played = [p.packet for p in two.pops if isinstance(p, Play)]
        outcome.append(
            ({(p.sequence_number, p.timestamp, p.ssrc, p.marker) for p in played}, two.session.stats(end))
        )
    (whole, _), (short_, stats) = outcome
    assert short_ <= whole
    assert len(whole) - len(short_) == stats.received.unresolved
    assert stats.received.unresolved <= 0.03 * len(whole)
    assert stats.received.discarded == 0


def test_digits_and_pauses_go_through():
    one, two = make_session(B, 0xA, short=True), make_session(A, 0xB, short=True)
    rng = random.Random(2)
    one.send_dtmf("42#")
    sizes = set()
    for n in range(600):
        now = n * 0.02
        payload = b"" if rng.random() < 0.3 else b"x"
        one.send(payload, payload_type=96, ticks=960, now=now)
        for data, _ in one.datagrams_to_send(now=now):
            sizes.add(len(data) - 1)
            two.receive_datagram(data, A, now=now + 0.001)
        two.pop(now=now + 0.01)
    assert [e.digit for e in events(two) if isinstance(e, DtmfDigit)] == ["4", "2", "#"]
    received = two.stats(12.0).received
    assert (received.lost, received.unresolved, received.undecodable, received.discarded) == (0, 0, 0, 0)
    assert sizes == {
        2,
        16,
        15,
        12,
    }  # events: 12 and three more bytes of payload; while contexts are in quarantine: 12


def test_announcements_come_more_often_while_the_peer_reports_loss():
    def announced(fraction_lost):
        session = make_session(short=True, sequence_number=0)
        block = ReportBlock(0xA, fraction_lost, 5, 99, 0, 0, 0)
        session.receive_datagram(write_compound((ReceiverReport(0xB, (block,)),)), B, now=0.0)
        for n in range(64):
            session.send(b"x", payload_type=96, ticks=960, now=n * 0.02)
        return [n for n, (data, _) in enumerate(session.datagrams_to_send(now=2.0)) if len(data) == 17]

    assert announced(0) == [0, 2, 34]
    assert announced(10) == [0, 2, 10, 18, 26, 34, 42, 50, 58]


def test_a_peer_that_moved_or_agreed_anew_is_told_the_context_again():
    session = make_session(short=True)
    for n in range(4):
        session.send(b"x", payload_type=96, ticks=960, now=n * 0.02)
    session.datagrams_to_send(now=0.1)
    session.retarget(("198.51.100.7", 9000), ("198.51.100.7", 9001))
    session.send(b"x", payload_type=96, ticks=960, now=0.1)
    assert len(session.datagrams_to_send(now=0.1)[0][0]) == 17
    session.send(b"x", payload_type=96, ticks=960, now=0.12)
    assert len(session.datagrams_to_send(now=0.12)[0][0]) == 3
    session.change_headers(short=True, reduced_rtcp=False)
    session.send(b"x", payload_type=96, ticks=960, now=0.14)
    assert len(session.datagrams_to_send(now=0.14)[0][0]) == 17
    session.change_headers(short=False, reduced_rtcp=False)
    session.send(b"x", payload_type=96, ticks=960, now=0.16)
    assert len(session.datagrams_to_send(now=0.16)[0][0]) == 13


def test_who_agreed_may_send_whole_headers_and_go_back_and_who_did_not_may_not():
    # The announcement that was due meanwhile is made up for.
    for agreed, sizes in ((True, [17, 3, 13, 17, 3]), (False, [13] * 5)):
        session = make_session(short=agreed, sequence_number=0)
        for n, on in enumerate((True, True, False, True, True)):
            session.send_short_headers(on)
            session.send(b"x", payload_type=96, ticks=960, now=n * 0.02)
        assert [len(data) for data, _ in session.datagrams_to_send(now=0.1)] == sizes


def test_a_whole_header_is_taken_where_short_ones_were_agreed_on():
    session = make_session(short=True)
    for n in range(5):
        session.receive_datagram(rtp(n), B, now=n * 0.02)
    extended = RtpPacket(96, 5, 5 * 960, 0xB, b"x", extension=(0xBEDE, b"abcd"))
    session.receive_datagram(bytes(extended), B, now=0.1)
    assert session.stats(1.0).received.packets == 6
    assert events(session) == [FirstPacket(0.0)]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=40), max_size=30))
def test_any_datagrams_are_taken_without_a_word(datagrams):
    session = make_session(short=True, reduced_rtcp=True)
    for n, data in enumerate(datagrams):
        for each in (data, bytes((0xC0 | n,)) + data, bytes((0x80, 0xCC)) + data):
            session.receive_datagram(each, B, now=n * 0.02)
        session.pop(now=n * 0.02 + 0.01)
        session.handle_timeout(now=n * 0.02)
        session.datagrams_to_send(now=n * 0.02)
    session.stats(1.0)


def test_a_session_survives_mutated_short_streams_and_plays_on_afterwards():
    rng = random.Random(3)
    session, peer = make_session(B, 1, short=True), make_session(A, 2, short=True)
    for tick in range(3000):
        now = tick * 0.02
        payload_type = 0 if tick % 700 > 600 else 96
        peer.send(
            b"a" * 40 if tick % 11 else b"",
            payload_type=payload_type,
            ticks=960 if payload_type else 160,
            now=now,
            clock_rate_hz=48000 if payload_type else 8000,
        )
        peer.handle_timeout(now=now)
        for data, _ in peer.datagrams_to_send(now=now):
            mutated = bytearray(data)
            if tick < 2500:
                for _ in range(rng.randrange(3)):
                    mutated[rng.randrange(min(20, len(mutated)))] = rng.randrange(256)
                if rng.random() < 0.2:
                    del mutated[rng.randrange(len(mutated)) :]
            session.receive_datagram(bytes(mutated), B, now=now + 0.001)
        session.pop(now=now + 0.01)
        session.handle_timeout(now=now)
        session.datagrams_to_send(now=now)
        events(session)
    before = session.stats(60.0).received
    for tick in range(3000, 3100):
        now = tick * 0.02
        peer.send(b"a" * 40, payload_type=96, ticks=960, now=now, clock_rate_hz=48000)
        for data, _ in peer.datagrams_to_send(now=now):
            session.receive_datagram(data, B, now=now + 0.001)
        session.pop(now=now + 0.01)
    after = session.stats(62.0).received
    assert after.packets - before.packets == 100
    assert (after.lost, after.discarded, after.unresolved) == (
        before.lost,
        before.discarded,
        before.unresolved,
    )
