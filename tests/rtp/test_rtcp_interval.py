import itertools
import random

import pytest

from softphone.rtp.interval import COMPENSATION, RtcpTimer


class Fixed:
    """Stands in for the random generator: the middle of the spread unless told otherwise."""

    def __init__(self, *values):
        self.values = list(values)

    def random(self):
        return self.values.pop(0) if self.values else 0.5


def timer(rng=None, bandwidth_bps=None, minimum_s=5.0, size=100, **options):
    return RtcpTimer(
        rng=Fixed() if rng is None else rng,
        bandwidth_bps=bandwidth_bps,
        minimum_s=minimum_s,
        first_size_bytes=size,
        now=100.0,
        **options,
    )


def test_the_first_interval_is_half_the_minimum():
    assert timer().due == pytest.approx(100 + 2.5 / COMPENSATION)


def test_the_spread_is_half_to_one_and_a_half():
    assert timer(Fixed(0.0)).due == pytest.approx(100 + 1.25 / COMPENSATION)
    assert timer(Fixed(1.0)).due == pytest.approx(100 + 3.75 / COMPENSATION)


def test_a_unicast_sender_may_send_its_first_report_at_once():
    t = timer()
    t.hurry(101.0)
    assert t.due == 101.0
    assert t.expire(101.0)
    assert t.due == pytest.approx(101 + 5 / COMPENSATION)
    t.hurry(102.0)
    assert t.due == pytest.approx(101 + 5 / COMPENSATION)


@pytest.mark.parametrize(("kbps", "minimum"), [(16, 5.0), (72, 5.0), (144, 2.5), (360, 1.0)])
def test_the_reduced_minimum_is_360_over_the_bandwidth_where_that_is_less(kbps, minimum):
    t = timer(bandwidth_bps=kbps * 1000)
    t.hurry(100.0)
    t.expire(100.0)
    assert t.due == pytest.approx(100 + minimum / COMPENSATION)


def test_five_per_cent_of_a_thin_line_make_the_interval_longer():
    t = timer(bandwidth_bps=4000, size=100)
    t.sent_rtp(100.0)
    t.heard(100.0, sent_rtp=True)
    t.hurry(100.0)
    t.expire(100.0)
    # 4000 b/s * 5 % = 25 bytes/s; two members of 100 bytes each: 8 s.
    assert t.due == pytest.approx(100 + 8 / COMPENSATION)


def test_a_receiver_alone_has_three_quarters_of_the_bandwidth():
    t = timer(bandwidth_bps=1000, size=100)
    # 1000 b/s * 5 % * 3/4 = 4.6875 bytes/s; one member of 100 bytes.
    assert t.due == pytest.approx(100 + 100 / 4.6875 / COMPENSATION)


def test_reconsideration_puts_off_a_report_when_the_peer_has_come_meanwhile():
    t = timer(bandwidth_bps=4000, size=200)
    t.sent_rtp(100.0)
    due = t.due
    t.heard(101.0, sent_rtp=True)
    t.sent_rtp(101.0)
    assert not t.expire(due)
    assert t.due == pytest.approx(100 + 2 * 200 / 25 / COMPENSATION)
    assert t.expire(t.due)


def test_the_mean_size_moves_by_a_sixteenth():
    t = timer(bandwidth_bps=4000, size=1600)
    t.sent_rtp(100.0)
    t.measure(0)
    t.hurry(100.0)
    t.expire(100.0)
    assert t.due == pytest.approx(100 + 1500 / 25 / COMPENSATION)


def test_a_peer_that_leaves_brings_the_next_report_forward():
    t = timer()
    t.heard(100.5, sent_rtp=True)
    due = t.due
    t.peer_left(101.0)
    assert t.due == pytest.approx(101 + (due - 101) / 2)
    # The time of the last report has moved too: half of the second since then is left.
    assert not t.expire(t.due)
    assert t.due == pytest.approx(100.5 + 2.5 / COMPENSATION)


def test_the_shares_of_senders_and_receivers_are_those_of_the_description():
    # 400 + 200 b/s are 75 bytes/s, 50 of them for senders.
    both = timer(shares_bps=(400, 200), size=1000)
    both.sent_rtp(100.0)
    both.heard(100.0, sent_rtp=True)
    alone = timer(shares_bps=(400, 200), size=1000)
    alone.sent_rtp(100.0)
    alone.heard(100.0, sent_rtp=False)
    listener = timer(shares_bps=(400, 200), size=1000)
    listener.heard(100.0, sent_rtp=True)
    for t, seconds in ((both, 2 * 1000 / 75), (alone, 1000 / 50), (listener, 1000 / 25)):
        t.hurry(100.0)
        assert t.expire(100.0)
        assert t.due == pytest.approx(100 + seconds / COMPENSATION)


def test_who_has_no_share_reports_nothing_until_it_has_one():
    t = timer(shares_bps=(400, 0))
    for _ in range(5):
        due = t.due
        assert not t.expire(due)
        assert t.due > due
    t.sent_rtp(t.due)
    t.heard(t.due, sent_rtp=False)
    assert t.expire(t.due) or t.expire(t.due)


def test_no_bandwidth_at_all_means_no_reports():
    t = timer(shares_bps=(0, 0))
    t.hurry(100.0)
    assert t.due is None
    assert not t.expire(1000.0)


def test_a_longer_interval_is_not_shortened_by_the_bandwidth_and_takes_effect_at_once():
    t = timer(bandwidth_bps=360_000, interval_s=15.0)
    t.hurry(100.0)
    t.expire(100.0)
    assert t.due == pytest.approx(100 + 15 / COMPENSATION)
    t.change(101.0, bandwidth_bps=360_000, interval_s=None)
    assert t.due == 101.0
    t.expire(101.0)
    t.change(101.5, bandwidth_bps=None, interval_s=60.0)
    assert t.due == pytest.approx(101 + 60 / COMPENSATION)


def test_after_stop_nothing_is_due():
    t = timer()
    t.stop()
    assert t.due is None
    assert not t.expire(1000.0)


def test_the_mean_interval_with_reconsideration_is_the_minimum():
    t = timer(random.Random(1))
    t.hurry(100.0)
    now, sent = 100.0, []
    while now < 20_000:
        now = t.due
        if t.expire(now):
            sent.append(now)
    gaps = [b - a for a, b in itertools.pairwise(sent)]
    assert sum(gaps) / len(gaps) == pytest.approx(5.0, rel=0.02)
    assert min(gaps) >= 2.5 / COMPENSATION
    assert max(gaps) <= 7.5 / COMPENSATION
