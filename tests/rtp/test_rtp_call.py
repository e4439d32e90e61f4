import heapq
from itertools import count

import pytest
from netsim import Link
from test_rtp_session import A, B, make_session

from softphone.rtp.events import DtmfDigit, PeerLeft
from softphone.rtp.jitter import Conceal, Idle, Play


class Side:
    def __init__(self, addr, remote, ssrc, link, phase_s, ptime_ms, **options):
        self.addr, self.link, self.phase_s = addr, link, phase_s
        self.interval_s, self.ticks = ptime_ms / 1000, ptime_ms * 48
        self.session = make_session(
            remote,
            ssrc,
            packet_ticks=self.ticks,
            payload_ticks=lambda pt, payload: len(payload) * 48,
            **options,
        )
        self.payload = bytes(ptime_ms)
        self.inbox, self.order = [], count()
        self.held, self.events, self.pops = 0, [], []

    def post(self, datagrams, peer, now):
        for data, _ in datagrams:
            for arrival in self.link.transfer(now):
                heapq.heappush(peer.inbox, (arrival, next(peer.order), data))

    def drain(self, now, peer):
        while self.inbox and self.inbox[0][0] <= now:
            arrival, _, data = heapq.heappop(self.inbox)
            self.session.receive_datagram(data, peer.addr, now=arrival)

    def tick(self, now, peer):
        session = self.session
        self.drain(now, peer)
        session.send(self.payload, payload_type=96, ticks=self.ticks, now=now)
        while self.held < self.ticks:
            playout = session.pop(now=now)
            self.pops.append(playout)
            self.held += playout.ticks
        self.held -= self.ticks
        session.handle_timeout(now=now)
        self.post(session.datagrams_to_send(now=now), peer, now)
        while (event := session.next_event()) is not None:
            self.events.append(event)


def call(seconds, *, ptimes=(60, 60), links=None, digits="", **options):
    there, back = links or (Link(seed=1), Link(seed=2))
    one = Side(A, B, 0xA, there, 0.0, ptimes[0], **options)
    two = Side(B, A, 0xB, back, 0.017, ptimes[1], **options)
    ticks = sorted(
        (side.phase_s + n * side.interval_s, i, side, peer)
        for i, (side, peer) in enumerate(((one, two), (two, one)))
        for n in range(1, int(seconds / side.interval_s) + 1)
    )
    for now, i, side, peer in ticks:
        if digits and i == 0 and now >= 1.0:
            side.session.send_dtmf(digits)
            digits = ""
        side.tick(now, peer)
    end = seconds + 0.1
    for side, peer in ((one, two), (two, one)):
        side.drain(end, peer)
        side.session.bye(now=end)
        side.post(side.session.datagrams_to_send(now=end), peer, end)
    for side, peer in ((one, two), (two, one)):
        side.drain(end + 1, peer)
        while (event := side.session.next_event()) is not None:
            side.events.append(event)
    return one, two, end


@pytest.mark.parametrize("ptimes", [(20, 20), (60, 60), (20, 60), (120, 20), (10, 120)])
def test_an_eight_second_call_knows_round_trip_and_loss_both_ways(ptimes):
    one, two, end = call(8, ptimes=ptimes)
    for side, peer in ((one, two), (two, one)):
        stats = side.session.stats(end)
        # 20 ms of line each way; RTCP waits in no tick, as arrivals are stamped.
        assert stats.rtt_ms == pytest.approx(40, abs=0.1)
        assert stats.remote.loss_pct == 0
        assert stats.remote.jitter_ms == pytest.approx(0, abs=0.1)
        assert stats.received.packets == peer.session.stats(end).sent.packets
        assert (stats.received.lost, stats.received.discarded) == (0, 0)
        assert not any(isinstance(p, Conceal) for p in side.pops)
        assert PeerLeft("") in side.events
        assert 3 <= stats.sent.rtcp_packets <= 5


def test_round_trip_is_known_before_the_end():
    one, two, _ = call(6.3)
    assert one.session.stats(6.3).rtt_ms is not None
    assert two.session.stats(6.3).rtt_ms is not None


def test_loss_is_counted_exactly_and_seen_by_both_sides():
    link = Link(seed=5, loss=0.1, burst=2)
    one, two, end = call(60, links=(link, Link(seed=6)))
    lost_rtcp = one.session.stats(end).sent.rtcp_packets - two.session.stats(end).received.rtcp_packets
    received = two.session.stats(end).received
    assert received.lost == link.lost - lost_rtcp
    assert received.packets == 1000 - received.lost
    assert received.loss_pct == pytest.approx(received.lost / 10)
    assert received.discarded == 0
    assert one.session.stats(end).remote.lost == received.lost
    assert one.session.stats(end).remote.loss_pct == pytest.approx(received.loss_pct)
    assert two.session.stats(end).remote.loss_pct == 0


def test_duplicates_and_reordering_are_no_loss():
    link = Link(seed=5, jitter_s=0.05, duplicate=0.2)
    one, two, end = call(30, ptimes=(20, 20), links=(link, Link()))
    received = two.session.stats(end).received
    rtcp = two.session.stats(end).received.rtcp_packets - one.session.stats(end).sent.rtcp_packets
    assert received.duplicates == link.duplicated - rtcp
    assert received.lost == 0
    assert received.packets == 1500 + received.duplicates
    assert received.jitter_ms == pytest.approx(50 / 3, rel=0.4)
    assert received.pdv_p95_ms == pytest.approx(0.95 * 50, rel=0.06)


def test_digits_arrive_over_a_lossy_line():
    one, two, _ = call(20, ptimes=(20, 20), links=(Link(seed=8, loss=0.2), Link()), digits="0123456789*#ABCD")
    heard = "".join(e.digit for e in two.events if isinstance(e, DtmfDigit))
    assert heard == "0123456789*#ABCD"
    assert not one.session.dtmf_pending


def test_a_jittery_line_costs_delay_and_not_speech():
    one, two, end = call(30, links=(Link(seed=9, jitter_s=0.08), Link(seed=10, jitter_s=0.08)))
    for side in (one, two):
        stats = side.session.stats(end).received
        assert (stats.lost, stats.discarded) == (0, 0)
        assert sum(isinstance(p, Conceal) for p in side.pops) <= 3
        assert sum(isinstance(p, Play) for p in side.pops) >= 496
        assert 40 <= stats.playout_delay_ms <= 200


def test_before_the_peers_first_packet_there_is_idle_time_only():
    one, two, _ = call(2, links=(Link(outages=((0, 1.0),)), Link()))
    first = next(n for n, p in enumerate(two.pops) if isinstance(p, Play))
    assert all(isinstance(p, Idle) for p in two.pops[:first])
    assert one.session.stats(2).remote.loss_pct == 0
