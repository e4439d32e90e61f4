"""What is made of the rounds of a benchmark."""

import json
import re

import pytest

from benchmarks.figures import Figure, alternating, table
from benchmarks.run import Outcome, as_dict, kernel_row, report, run_figures

CPU = Figure("CPU of a leg", "ms/s", at_most=0.8, of="ratio")
DELAY = Figure("delay", "ms", at_most=160)


def test_a_ratio_is_that_of_one_round_and_the_median_of_them_counts() -> None:
    figure = CPU.measured([10, 30, 7], [20, 40, 10], peer="baresip 1.0.0")
    assert figure.ratios == pytest.approx((0.5, 0.75, 0.7))
    assert figure.met is True
    assert "0.700 (0.500..0.750)" in table([figure])
    assert CPU.measured([10, 30, 9], [20, 30, 10]).met is False


def test_a_target_without_a_peer_is_one_for_our_own_median() -> None:
    assert DELAY.measured([100, 150, 900]).met is True
    assert DELAY.measured([161]).met is False
    assert DELAY.measured([160], [10]).met is True


def test_without_values_or_target_nothing_is_met_or_missed() -> None:
    assert CPU.skip("baresip is not installed").met is None
    assert Figure("listens", "s").measured([1]).met is None


def test_the_table_names_peer_target_and_result() -> None:
    rows = table(
        [DELAY.measured([132.44], [177.9], peer="baresip 1.0.0"), CPU.skip("no baresip")]
    ).splitlines()
    assert re.split(r" {3,}", rows[2]) == [
        "delay", "132.4 ms", "177.9 ms, baresip 1.0.0", "0.744", "<= 160 ms", "met",
    ]  # fmt: skip
    assert "skipped: no baresip" in rows[3]


def test_a_smoke_run_judges_nothing() -> None:
    outcome = Outcome(figures=[DELAY.measured([1000])])
    assert "missed" not in report(outcome, smoke=True)
    assert "missed" in report(outcome, smoke=False)
    assert as_dict(outcome, smoke=True)["figures"][0]["met"] is None


@pytest.mark.parametrize("figure", [CPU.measured([1, 2], [3, 4], peer="x 1"), DELAY.skip("why")])
def test_a_figure_is_read_back_as_it_was_written(figure: Figure) -> None:
    assert Figure.from_dict(json.loads(json.dumps(figure.as_dict()))) == figure


def test_who_is_first_changes_from_round_to_round() -> None:
    assert [alternating((1, 2), number)[0] for number in range(4)] == [1, 2, 1, 2]


def test_a_benchmark_that_crashes_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome()
    run_figures("there_is_none", outcome, smoke=True)
    assert outcome.crashed == ["there_is_none: exit status 1"]
    assert "crashed: there_is_none: exit status 1" in report(outcome, smoke=True)
    capfd.readouterr()


def test_kernels_make_a_table_of_their_own() -> None:
    stats = {"median": 1.5e-6, "q1": 1.4e-6, "q3": 1.75e-6, "rounds": 10}
    outcome = Outcome(kernels=[kernel_row({"name": "test_biquad_8x160[native]", "stats": stats})])
    row = report(outcome, smoke=False).splitlines()[-1]
    assert re.split(r" {2,}", row) == ["biquad_8x160[native]", "1.50", "1.40..1.75", "10"]
