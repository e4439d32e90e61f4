"""The benchmark of the live filter measures beside a busy thread what it says that it does."""

import sys

import pytest

from benchmarks.live_latency import READINESS, misses_beside_a_busy_thread
from softphone.io.live import prompt


@pytest.mark.parametrize("how", READINESS)
def test_the_live_thread_is_as_ready_as_the_figure_says_and_everything_is_put_back(how: str) -> None:
    before = sys.getswitchinterval(), prompt.SWITCH_S, prompt._ask_for_priority
    switch_s, priority = READINESS[how]
    _, interval_s = misses_beside_a_busy_thread(switch_s, priority=priority, on_jack=False, seconds=0.1)
    assert interval_s == pytest.approx(switch_s)
    assert (sys.getswitchinterval(), prompt.SWITCH_S, prompt._ask_for_priority) == before
