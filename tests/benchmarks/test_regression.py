"""The table of ratios to SciPy, and when it fails."""

from pathlib import Path

import pytest

from benchmarks.regression import Pair, Ratio, calls_for, load, pairs, ratio_of, regressions, store, table

STORED = {"biquad": 0.02, "convolve": 0.3}


def test_a_kernel_twice_as_slow_in_both_measures_is_a_regression() -> None:
    found = {"biquad": Ratio(median=0.041, best=0.04), "convolve": Ratio(median=0.3, best=0.3)}
    assert regressions(found, STORED) == ["biquad"]


@pytest.mark.parametrize(
    "ratio", [Ratio(median=0.2, best=0.021), Ratio(median=0.021, best=0.2), Ratio(0.039, 0.039)]
)
def test_noise_in_one_of_the_measures_is_none(ratio: Ratio) -> None:
    assert regressions({"biquad": ratio}, STORED) == []


def test_a_kernel_that_was_not_stored_is_shown_and_not_judged() -> None:
    found = {"new": Ratio(9.0, 9.0)}
    assert regressions(found, STORED) == []
    assert table(found, STORED).splitlines()[-1].split()[-1] == "new"


def test_the_table_shows_the_change() -> None:
    row = table({"biquad": Ratio(0.03, 0.025)}, STORED).splitlines()[-1]
    assert row.split() == ["biquad", "0.0300", "0.0250", "0.0200", "+50%"]


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    store({"biquad": Ratio(0.02, 0.5)}, tmp_path / "baseline.json")
    assert load(tmp_path / "baseline.json") == {"biquad": 0.02}


def test_the_stored_baseline_knows_every_pair() -> None:
    assert set(load()) == {pair.name for pair in pairs()}


def test_both_sides_are_timed() -> None:
    counts = {"ours": 0, "theirs": 0}

    def count(side: str) -> None:
        counts[side] += 1
        sum(range(2000))

    ratio = ratio_of(Pair("same", lambda: count("ours"), lambda: count("theirs")), rounds=2)
    assert min(ratio.median, ratio.best) > 0
    assert min(counts.values()) > 2


def test_work_slower_than_its_turn_is_done_once() -> None:
    assert calls_for(lambda: sum(range(20_000)), seconds=1e-9) == 1
