"""Wishes of a mode in RTCP APP packets (RFC 3550 section 6.7, docs/rtp-short.md), and RTCP of reduced size (RFC 5506)."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netsim import Link
from test_rtp_session import A, B, events, make_session

from softphone.rtp.errors import LocalRtpError, RtcpError
from softphone.rtp.events import ModeWished, WishConfirmed, WishUnanswered
from softphone.rtp.rtcp import (
    App,
    ReceiverReport,
    SenderReport,
    SourceDescription,
    parse_compound,
    write_compound,
)
from softphone.rtp.wish import ModeWish
from softphone.rtp.wishes import APP_NAME, REPEAT_S, SOONEST_S, ModeApp

VLR = ModeWish("vlr", payload_type=97, bit_rate_bps=2400, ptime_ms=144, credit=5)

wishes = st.builds(
    ModeWish,
    st.sampled_from(["normal", "vlc", "vlr"]),
    payload_type=st.none() | st.integers(0, 127),
    bit_rate_bps=st.none() | st.integers(1, 2**24 - 1),
    ptime_ms=st.none() | st.integers(1, 255),
    credit=st.integers(0, 15),
)


# The bytes


def test_the_bytes_are_those_of_the_specification():
    data = bytes(ModeApp(7, VLR, 255))
    assert data.hex() == "e507ff61" + "000960" + "90"
    app = App(0, 0xA, APP_NAME, data)
    assert bytes(app).hex() == "80cc0004" + "0000000a" + "4d4f4445" + data.hex()


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 255), st.none() | wishes, st.none() | st.integers(0, 255))
def test_each_comes_back_as_it_went(number, wish, echo):
    app = ModeApp(number, wish, echo)
    assert ModeApp.parse(bytes(app)) == app
    assert ModeApp.parse(bytes(app) + b"more") == app


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=16))
def test_any_bytes_are_one_or_the_one_error(data):
    try:
        app = ModeApp.parse(data)
    except RtcpError:
        return
    assert ModeApp.parse(bytes(app)) == app


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "loud"},
        {"payload_type": 128},
        {"bit_rate_bps": 0},
        {"bit_rate_bps": 1 << 24},
        {"ptime_ms": 256},
        {"credit": 16},
    ],
)
def test_a_wish_that_cannot_be_told_is_refused(fields):
    with pytest.raises(LocalRtpError, match="must be"):
        ModeWish(**({"mode": "vlr"} | fields))


# Two sessions


class Pair:
    """Two sessions over a line that loses, in virtual time."""

    def __init__(self, links=None, **options):
        self.sides = [make_session(remote, ssrc, **options) for remote, ssrc in ((B, 0xA), (A, 0xB))]
        self.links = links or (Link(), Link())
        self.told = [[], []]
        self.sent = [[], []]
        self.now = 0.0
        self.inbox = []

    def run(self, until):
        """Handle what is due, to the millisecond."""
        while self.now < until:
            self.now = round(self.now + 0.001, 3)
            for i, side in enumerate(self.sides):
                due = side.next_timeout()
                if due is not None and due <= self.now:
                    side.handle_timeout(now=self.now)
                for data, _ in side.datagrams_to_send(now=self.now):
                    self.sent[i].append((self.now, data))
                    self.inbox += [(at, 1 - i, data) for at in self.links[i].transfer(self.now)]
            for item in [item for item in self.inbox if item[0] <= self.now]:
                self.inbox.remove(item)
                self.sides[item[1]].receive_datagram(item[2], (A, B)[1 - item[1]], now=item[0])
            for i, side in enumerate(self.sides):
                self.told[i] += [(self.now, event) for event in events(side)]


def apps(sent):
    return [(at, p) for at, data in sent for p in parse_compound(data, reduced=True) if isinstance(p, App)]


@pytest.mark.parametrize("reduced", [False, True])
def test_a_wish_arrives_at_once_and_is_confirmed_a_round_trip_later(reduced):
    pair = Pair(reduced_rtcp=reduced)
    pair.run(0.5)
    pair.sides[0].wish_mode(VLR, now=0.5)
    assert pair.sides[0].wish == VLR
    assert not pair.sides[0].wish_confirmed
    pair.run(1.0)
    assert pair.told[1] == [(pytest.approx(0.522, abs=0.002), ModeWished(VLR))]
    assert pair.told[0] == [(pytest.approx(0.544, abs=0.003), WishConfirmed(VLR))]
    assert pair.sides[0].wish_confirmed
    pair.run(30.0)
    assert [len(apps(sent)) for sent in pair.sent] == [1, 1]


@pytest.mark.parametrize("seed", range(8))
def test_over_a_lossy_line_each_side_has_the_others_newest_wish_told_once(seed):
    links = (
        Link(seed=seed, loss=0.3, jitter_s=0.05, duplicate=0.2),
        Link(seed=seed + 90, loss=0.3, jitter_s=0.05),
    )
    pair = Pair(links, reduced_rtcp=True)
    modes = [ModeWish(mode) for mode in ("vlc", "normal", "vlr", "normal", "vlc")]
    for n, wish in enumerate(modes):
        pair.run(1.0 + n * 0.7)
        pair.sides[0].wish_mode(wish, now=pair.now)
    pair.sides[1].wish_mode(VLR, now=pair.now)
    pair.run(25.0)
    wished = [e.wish for _, e in pair.told[1] if isinstance(e, ModeWished)]
    assert wished[-1] == modes[-1]
    assert len(wished) <= len(modes)
    assert [e for _, e in pair.told[0] if isinstance(e, ModeWished)] == [ModeWished(VLR)]
    assert [e for _, e in pair.told[0] if isinstance(e, WishConfirmed)][-1] == WishConfirmed(modes[-1])
    assert [e for _, e in pair.told[1] if isinstance(e, WishConfirmed)] == [WishConfirmed(VLR)]


def test_a_wish_nobody_confirms_is_repeated_ever_more_slowly_and_given_up():
    pair = Pair((Link(outages=((0, 100),)), Link()), reduced_rtcp=True, rtcp_interval_s=1000.0)
    pair.sides[0].wish_mode(VLR, now=0.0)
    pair.run(40.0)
    times = [at for at, _ in apps(pair.sent[0])]
    assert [b - a for a, b in pairwise(times)] == pytest.approx(list(REPEAT_S), abs=0.002)
    assert pair.told[0] == [(pytest.approx(sum(REPEAT_S) + REPEAT_S[-1], abs=0.01), WishUnanswered(VLR))]


def test_wishes_in_quick_succession_are_sent_no_faster_than_the_bound():
    pair = Pair(reduced_rtcp=True)
    for n in range(300):
        pair.run(n * 0.01)
        pair.sides[0].wish_mode(ModeWish("vlc", credit=n % 16), now=pair.now)
    # A report takes a wish along whenever it goes out; the others are early.
    times = [at for at, data in pair.sent[0] if isinstance(parse_compound(data, reduced=True)[0], App)]
    assert len(times) >= 10
    assert min(b - a for a, b in pairwise(times)) >= SOONEST_S - 0.001
    pair.run(5.0)
    assert [e for _, e in pair.told[1] if isinstance(e, ModeWished)][-1].wish.credit == 299 % 16


def test_an_older_wish_that_comes_late_is_not_told():
    session = make_session()
    for number, credit in ((0, 1), (2, 3), (1, 2), (2, 3), (3, 4)):
        app = App(0, 0xB, APP_NAME, bytes(ModeApp(number, ModeWish("vlr", credit=credit), None)))
        session.receive_datagram(write_compound((ReceiverReport(0xB), app)), B, now=1.0)
    assert [e.wish.credit for e in events(session)] == [1, 3, 4]


def test_other_apps_our_own_and_broken_ones_change_nothing():
    session = make_session()
    good = bytes(ModeApp(0, VLR, 0))
    for app in (
        App(1, 0xB, APP_NAME, good),
        App(0, 0xB, b"mode", good),
        App(0, 0xA, APP_NAME, good),
        App(0, 0xB, APP_NAME, b"\xf0" + good[1:]),
        App(0, 0xB, APP_NAME, good[:4]),
    ):
        session.receive_datagram(write_compound((ReceiverReport(0xB), app)), B, now=1.0)
    assert events(session) == []
    assert session.stats(1.0).received.undecodable == 2
    assert session.stats(1.0).received.rtcp_packets == 5


def test_who_may_send_no_rtcp_is_told_so_at_once():
    session = make_session(rtcp_bandwidth_bps=(0, 0))
    session.wish_mode(VLR, now=1.0)
    assert events(session) == [WishUnanswered(VLR)]
    session.send(b"x", payload_type=96, ticks=960, now=1.0)
    session.datagrams_to_send(now=1.0)
    assert session.next_timeout() is None
    session.bye(now=2.0)
    assert session.datagrams_to_send(now=2.0) == []


# Reduced size


def reports(session, seconds):
    """Every report of a session that sends for so long, and the times they went out."""
    sent, now = [], 0.0
    for n in range(int(seconds * 50)):
        now = n * 0.02
        session.send(b"x" * 40, payload_type=96, ticks=960, now=now)
        session.handle_timeout(now=now)
        sent += [(now, d) for d, addr in session.datagrams_to_send(now=now) if addr[1] == B[1] + 1]
    return sent


def test_where_it_was_agreed_on_the_name_is_in_each_fourth_report_only():
    sent = [parse_compound(data) for _, data in reports(make_session(reduced_rtcp=True), 60)]
    named = [any(isinstance(p, SourceDescription) for p in packets) for packets in sent]
    assert named == [n % 4 == 0 for n in range(len(named))]
    assert all(isinstance(packets[0], SenderReport) for packets in sent)
    assert all(
        any(isinstance(p, SourceDescription) for p in parse_compound(d))
        for _, d in reports(make_session(), 60)
    )


def test_a_packet_that_is_no_compound_is_taken_only_where_it_was_agreed_on():
    data = write_compound((App(0, 0xB, APP_NAME, bytes(ModeApp(0, VLR, None))),), reduced=True)
    for reduced in (False, True):
        session = make_session(reduced_rtcp=reduced)
        session.receive_datagram(data, B, now=1.0)
        assert (len(events(session)), session.stats(1.0).received.undecodable) == (
            (1, 0) if reduced else (0, 1)
        )
        session.change_headers(short=False, reduced_rtcp=not reduced)
        session.receive_datagram(data, B, now=1.0)
        assert session.stats(1.0).received.undecodable == 1


@pytest.mark.parametrize("seconds", [2, 12, 20, 30])
def test_the_name_is_told_again_with_another_source(seconds):
    session = make_session(reduced_rtcp=True)
    reports(session, seconds)
    session.send(b"x", payload_type=0, ticks=160, now=float(seconds), clock_rate_hz=8000)
    while True:
        now = session.next_timeout()
        session.handle_timeout(now=now)
        sent = [d for d, addr in session.datagrams_to_send(now=now) if addr[1] == B[1] + 1]
        if sent:
            break
    assert isinstance(parse_compound(sent[0])[1], SourceDescription)


# How often


def test_a_long_interval_is_kept_although_the_bandwidth_would_allow_more():
    often, seldom = (
        make_session(bandwidth_bps=64_000),
        make_session(bandwidth_bps=64_000, rtcp_interval_s=15.0),
    )
    count = [len(reports(session, 120)) for session in (often, seldom)]
    # 120 s over 5 and 15 s, each shorter by the compensation's e - 1.5 of 1.21828 and spread by a half.
    assert 18 <= count[0] <= 34
    assert 6 <= count[1] <= 12


def test_the_interval_changes_in_mid_call():
    session = make_session(bandwidth_bps=64_000)
    reports(session, 30)
    session.change_rtcp(now=30.0, bandwidth_bps=5_000, interval_s=60.0)
    assert session.next_timeout() >= 30.0
    first = session.next_timeout()
    assert first > 30.0 + 60 / 1.21828 / 2 - 8.3
    session.change_rtcp(now=31.0, bandwidth_bps=64_000)
    assert session.next_timeout() < 31.0 + 8.3
