"""The limit on the wire, packet by packet, in virtual time."""

import pytest

from softphone.media.budget import DEPTH_S, MARGIN, ReceivedWatch, WireBudget


def run(budget, sizes, interval_s, reports=()):
    """Offer a packet every interval; return the bytes sent, and when at most how much more than the limit had gone out."""
    sent, worst = 0, -1e9
    for number, size in enumerate(sizes, 1):
        now = number * interval_s
        going = size if budget.admits(size, now=now) else 0
        going += sum(extra for at, extra in reports if now - interval_s < at <= now)
        budget.spend(going)
        sent += going
        worst = max(worst, sent - budget.limit_bps / 8 * now)
    return sent, worst


def test_what_fits_is_never_withheld():
    budget = WireBudget(8000, now=0.0)
    sent, _ = run(budget, [90] * 100, 0.1)
    assert (sent, budget.withheld) == (9000, 0)


@pytest.mark.parametrize("size", [105, 150, 400])
def test_the_mean_is_never_above_the_limit_whatever_is_offered(size):
    budget = WireBudget(8000, now=0.0)
    sent, worst = run(budget, [size] * 400, 0.1)
    assert worst <= 0
    assert budget.withheld > 0
    assert sent >= MARGIN * 40_000 - size - 100, "and what it allows is used"


def test_reports_are_paid_for_by_the_packets_that_follow():
    budget = WireBudget(8000, now=0.0)
    _, worst = run(budget, [97] * 600, 0.1, reports=[(at, 120) for at in range(1, 60, 4)])
    assert worst <= 120
    assert 8 < budget.withheld < 30


def test_a_long_pause_saves_no_more_than_two_seconds():
    budget = WireBudget(8000, now=0.0)
    budget.spend(0)
    burst = 0
    while budget.admits(100, now=60.0):
        burst += 100
    assert burst == MARGIN * DEPTH_S * 1000 // 100 * 100


def test_a_report_waits_for_its_bytes_but_not_forever():
    budget = WireBudget(8000, now=0.0)
    assert not budget.affords_report(since=0.1, now=0.1)
    assert budget.affords_report(since=0.1, now=0.2)
    budget.spend(10_000)
    assert not budget.affords_report(since=0.3, now=10.2)
    assert budget.affords_report(since=0.3, now=10.4)


def test_it_asks_for_a_lower_rate_only_when_packets_are_withheld():
    for size, over in ((90, False), (130, True)):
        budget = WireBudget(8000, now=0.0)
        run(budget, [size] * 45, 0.1)
        assert budget.is_over(now=4.6) is over
        assert not budget.is_over(now=4.7), "one window, one word"


def test_what_comes_in_above_the_limit_leads_to_the_rate_that_keeps_it():
    watch = ReceivedWatch(now=0.0)
    # 10 packets a second of 60 bytes of payload and 40 of headers: 8000 b/s on the wire.
    assert watch.excess(4000, 2400, limit_bps=8000, now=4.0) is None
    assert watch.excess(8000, 4800, limit_bps=6400, now=8.0) == pytest.approx(MARGIN * 3200, abs=1)
    assert watch.excess(12_000, 7200, limit_bps=2000, now=12.0) == 1, "headers alone are more"
    assert watch.due == 16.0
