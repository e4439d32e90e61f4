"""A sender may move among the payload types negotiated at any time (RFC 3264 section 5.1, RFC 7160)."""

import random

import pytest
from test_rtp_session import A, B, events, make_session, rtp

from softphone.rtp.events import FirstPacket, SourceChanged
from softphone.rtp.jitter import Conceal, Idle, Play
from softphone.rtp.packet import RtpPacket
from softphone.rtp.rtcp import parse_compound

CLOCKS = {96: 48000, 97: 8000, 98: 16000, 0: 8000}


def ticks_of(payload_type, payload):
    """A payload is as many bytes as milliseconds."""
    return len(payload) * CLOCKS[payload_type] // 1000


def pair(**options):
    return [
        make_session(
            remote,
            ssrc,
            receive=CLOCKS,
            payload_ticks=ticks_of,
            packet_ticks=960,
            timestamp=ssrc << 28,
            **options,
        )
        for remote, ssrc in ((B, 0xA), (A, 0xB))
    ]


def converse(one, two, plan, *, drop=frozenset(), late_s=0.001):
    """Play *plan*, (payload type, ms, payload is sent) in a row, from *one* to *two*; returns pops with their times."""
    now, at, held, pops, inbox = 0.0, 0.0, 0, [], []
    total = sum(ms for _, ms, _ in plan) / 1000
    sends = []
    for payload_type, ms, there in plan:
        now += ms / 1000
        sends.append((now, payload_type, ms, there))
    tick = 0.0
    sent = 0
    while tick < total + 0.3:
        tick += 0.02
        while sends and sends[0][0] <= tick:
            at, payload_type, ms, there = sends.pop(0)
            clock = CLOCKS[payload_type]
            one.send(
                bytes(ms) if there else b"",
                payload_type=payload_type,
                ticks=clock * ms // 1000,
                now=at,
                clock_rate_hz=clock,
            )
            for data, addr in one.datagrams_to_send(now=at):
                if addr == B:
                    if sent not in drop:
                        inbox.append((at + late_s, data))
                    sent += 1
        while inbox and inbox[0][0] <= tick:
            arrival, data = inbox.pop(0)
            two.receive_datagram(data, A, now=arrival)
        while held < 20:
            pop = two.pop(now=tick)
            pops.append((tick, pop))
            held += pop.ticks * 1000 // two.playout_clock_rate_hz
        held -= 20
    return pops


@pytest.mark.parametrize("short", [False, True])
def test_every_packet_of_every_type_is_played_in_order_with_its_type(short):
    one, two = pair(short=short)
    rng = random.Random(1)
    plan = []
    for _ in range(30):
        payload_type = rng.choice(list(CLOCKS))
        ms = rng.choice((20, 40, 60, 64, 144)) if payload_type == 97 else rng.choice((20, 60))
        plan += [(payload_type, ms, True)] * rng.randrange(1, 15)
    pops = converse(one, two, plan)
    plays = [p for _, p in pops if isinstance(p, Play)]
    assert [(p.packet.payload_type, p.ticks // 48) for p in plays] == [(pt, ms) for pt, ms, _ in plan]
    assert {(p.lost, p.suppressed_ticks) for p in plays} == {(0, 0)}
    stats = two.stats(60.0).received
    assert (stats.lost, stats.discarded, stats.undecodable, stats.unresolved) == (0, 0, 0, 0)


def test_a_change_within_one_clock_keeps_the_source_and_one_of_the_clock_begins_another():
    one, two = pair()
    converse(one, two, [(97, 20, True)] * 5 + [(0, 20, True)] * 5)
    assert one.ssrc == 0xA
    assert [type(e) for e in events(two)] == [FirstPacket]
    one, two = pair()
    converse(one, two, [(96, 20, True)] * 5 + [(97, 20, True)] * 5 + [(96, 20, True)] * 5)
    assert [type(e) for e in events(two)] == [FirstPacket, SourceChanged, SourceChanged]
    assert one.ssrc != 0xA


def test_a_change_of_the_clock_after_a_pause_is_played_when_it_comes():
    one, two = pair()
    plan = [(96, 20, True)] * 10 + [(96, 20, False)] * 100 + [(97, 144, True)] * 10
    pops = converse(one, two, plan)
    begun = next(at for at, p in pops if isinstance(p, Play) and p.packet.payload_type == 97)
    assert begun == pytest.approx(2.2 + 0.144, abs=0.05)
    later = [p for at, p in pops if at > begun]
    assert sum(isinstance(p, Play) for p in later) == 9
    assert two.stats(9.0).received.discarded == 0


def test_a_longer_packet_of_another_clock_that_comes_late_is_after_no_pause():
    session = make_session(receive=CLOCKS, payload_ticks=ticks_of)
    for n in range(5):
        session.receive_datagram(rtp(n, payload=bytes(20)), B, now=n * 0.02)
        session.pop(now=n * 0.02 + 0.01)
    # 144 ms after the last one, and 150 ms late.
    session.receive_datagram(rtp(5, ssrc=0xC, payload_type=97, payload=bytes(144)), B, now=0.08 + 0.294)
    pops = [session.pop(now=0.11 + n * 0.02) for n in range(15)]
    (played,) = [p for p in pops if isinstance(p, Play)]
    assert (played.packet.payload_type, played.suppressed_ticks) == (97, 0)


@pytest.mark.parametrize("drop", [{10}, {9, 10}, {9, 10, 11}, {11}])
def test_loss_around_a_change_of_the_clock_is_concealed_and_told(drop):
    one, two = pair()
    pops = converse(one, two, [(96, 20, True)] * 10 + [(97, 20, True)] * 10, drop=drop)
    plays = [p for _, p in pops if isinstance(p, Play)]
    assert sum(p.lost for p in plays) == len(drop)
    assert len(plays) == 20 - len(drop)
    last = pops.index(next((at, p) for at, p in pops if p is plays[-1]))
    concealed = [p for _, p in pops[:last] if isinstance(p, Conceal)]
    assert sum(p.ticks for p in concealed) == 960 * len(drop)
    assert two.stats(1.0).received.lost == len(drop)


def test_packets_that_were_reordered_across_a_change_of_the_source_change_nothing_back():
    session = make_session()
    for n in range(4):
        session.receive_datagram(rtp(n), B, now=n * 0.02)
    for n in range(6, 9):
        session.receive_datagram(rtp(n, ssrc=0xC, payload_type=0, timestamp=n * 160), B, now=n * 0.02)
    for n in (4, 5):
        session.receive_datagram(rtp(n), B, now=0.17)
    session.receive_datagram(rtp(9, ssrc=0xC, payload_type=0, timestamp=9 * 160), B, now=0.18)
    assert events(session) == [FirstPacket(0.0), SourceChanged(0xC)]
    assert session.stats(1.0).received.lost == 2


def test_reports_count_from_each_new_source_on():
    one, _ = pair()
    one.send(b"abc", payload_type=96, ticks=960, now=0.0, clock_rate_hz=48000)
    one.send(b"abcd", payload_type=97, ticks=160, now=0.02, clock_rate_hz=8000)
    sent = [RtpPacket.parse(data) for data, addr in one.datagrams_to_send(now=0.02)]
    assert sent[0].ssrc != sent[1].ssrc == one.ssrc
    assert sent[1].sequence_number == (sent[0].sequence_number + 1) & 0xFFFF
    one.bye(now=0.04)
    ((data, _),) = one.datagrams_to_send(now=0.04)
    report, *_ = parse_compound(data)
    assert (report.ssrc, report.packet_count, report.octet_count) == (one.ssrc, 1, 4)


def test_before_a_change_of_the_consumers_interval_and_after_it_everything_is_played():
    one, two = pair()
    converse(one, two, [(97, 20, True)] * 10)
    two.change_interval(144)
    assert isinstance(two.pop(now=9.0), Conceal | Idle)
    two.conceal_limit_ms = 0.0
    assert two.conceal_limit_ms == 0.0
    assert two.pop(now=9.1) == Idle(144 * 48)
