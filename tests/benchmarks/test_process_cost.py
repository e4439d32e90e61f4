"""The benchmark of process cost counts what a process used."""

import os
import sys
import time

import pytest

from benchmarks.process_cost import Cost, Snapshot, cost_since, snapshot

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc of Linux")


def test_counters_of_this_process_only_grow() -> None:
    before = snapshot(os.getpid())
    sum(range(200_000))
    time.sleep(0.001)  # the kernel adds up a thread's time when it leaves the CPU
    after = snapshot(os.getpid())
    assert after.cpu_ns > before.cpu_ns > 0
    assert after.sleeps > before.sleeps


def test_cost_is_the_difference_by_the_seconds_between() -> None:
    now = snapshot(os.getpid())
    cost = cost_since(
        os.getpid(), Snapshot(now.at_s - 2.0, now.cpu_ns - 10_000_000, now.sleeps - 30, now.preemptions)
    )
    assert isinstance(cost, Cost)
    assert 14 < cost.sleeps_per_s < 40
    assert cost.cpu_ms_per_s > 4.5
    assert cost.rss_mib > 5
    assert cost.threads >= 1
