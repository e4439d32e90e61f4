"""Random calls over a line that loses 30 %, doubles and reorders: both sides end alike, and nothing is left.

A short run in each test; `SOFTPHONE_SCENARIOS=10000` runs so many, in a minute.
"""

import os
from collections import Counter

import pytest
from support.scenarios import Scenario

SCENARIOS = int(os.environ.get("SOFTPHONE_SCENARIOS", "500"))
BATCHES = 10


@pytest.fixture(scope="module")
def told():
    return Counter()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_dialog_ends_in_the_same_state_on_both_sides_and_leaves_nothing(batch, told):
    for seed in range(batch, SCENARIOS, BATCHES):
        told.update(Scenario(seed).run())


def test_among_the_scenarios_was_all_that_can_happen_in_a_call(told):
    if SCENARIOS >= 500 and told["calls"] >= 900:
        wanted = (
            "reinvite",
            "update",
            "info",
            "refer",
            "cancel",
            "bye",
            "early media",
            "ReferProgress",
            "ProgressAcked",
        )
        assert {name: told[name] for name in wanted if told[name] < 20} == {}
        assert told["lost"] > 1000
        assert told["ended over/over"] > 300
        assert told["ended refused/refused"] > 100
        assert told["standing at the end"] > 20
        # A message that is lost eleven times in a row leaves a side that cannot know.
        assert told["one side gave up alone"] < 0.08 * told["calls"]


def test_the_same_seed_gives_the_same_scenario():
    assert Scenario(7).run() == Scenario(7).run()


def test_with_nothing_lost_nobody_gives_up_alone():
    for seed in range(60):
        did = Scenario(seed, loss=0.0).run()
        assert did["one side gave up alone"] == 0
