"""The comparison of metrics: its ranks, its conditions, and what it says of a metric that is right or wrong."""

import importlib.util
import sys

import numpy as np
import pytest

from benchmarks import second_witness
from benchmarks.second_witness import agreement, place, ranked, spearman, speech_of, tables, told_apart
from benchmarks.witness_codecs import G113_NAMES, TOLD_APART, conditions
from dsp.metrics.si_sdr import measure

WAYS = {way.name: way for way in conditions()}


def test_ranks_share_places_and_correlate_as_spearman_has_it():
    from scipy.stats import spearmanr

    assert ranked([3.0, 1.0, 3.0]).tolist() == [1.5, 0.0, 1.5]
    rng = np.random.default_rng(1)
    for _ in range(5):
        a, b = rng.integers(0, 6, 12), rng.random(12)
        assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert spearman([1, 1, 1], [1, 2, 3]) == 0.0


def test_the_impairments_are_those_of_the_recommendation():
    values = {name: WAYS[name].ranks["G.113"] for name in G113_NAMES}
    assert values == {
        "pcmu": 0, "g726:40000": -2, "amr:12200": -5, "g726:32000": -7, "amr:7400": -10,
        "g723.1:6300": -15, "g726:24000": -25, "g726:16000": -50,
    }  # fmt: skip


def test_a_metric_that_is_right_agrees_wholly_and_its_negative_not_at_all():
    ways = list(WAYS.values())
    score = {name: -rank for name, rank in zip(G113_NAMES, (0, 2, 5, 7, 10, 15, 25, 50), strict=True)}
    values = {("good", "a", name): value for name, value in score.items()}
    values |= {("bad", "a", name): -value for name, value in score.items()}
    ranks = {way.name: way.ranks["G.113"] for way in ways if "G.113" in way.ranks}
    assert agreement(values, "good", ranks) == (pytest.approx(1.0), pytest.approx(1.0))
    assert agreement(values, "bad", ranks) == (pytest.approx(-1.0), pytest.approx(-1.0))
    assert agreement(values, "good", {"mnru:5": 1.0}) is None
    values["good", "a", "vlc:2400"] = -12.0
    assert place(values, "good", "vlc:2400") == "6"
    right, of, wrong = told_apart(values, "good")
    assert (right, of, wrong) == (4, 4, [])
    assert len(told_apart(values, "bad")[2]) == 4


def test_every_pair_is_of_conditions_that_there_are():
    assert {name for pair in TOLD_APART for name in pair} <= set(WAYS)


@pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="PyAV is not installed")
def test_codecs_of_pyav_come_back_aligned_and_better_with_more_bits():
    said = speech_of("builtin:man", 3.0)
    ratios = [
        measure(said, WAYS[f"g726:{rate}"].run(said), 8000) for rate in (16_000, 24_000, 32_000, 40_000)
    ]
    assert ratios == sorted(ratios)
    assert ratios[0] > 10.0
    assert measure(said, WAYS["g723.1:6300"].run(said), 8000) > 5.0


def test_noise_that_follows_the_speech_is_as_far_below_it_as_named():
    said = speech_of("builtin:woman", 3.0)
    for q in (5, 20, 35):
        assert measure(said, WAYS[f"mnru:{q}"].run(said), 8000) == pytest.approx(q, abs=0.3)


def test_a_run_prints_a_row_for_each_metric_and_condition(monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["second_witness", "--smoke", "--seconds", "3", "--speech", "builtin:man"]
    )
    assert second_witness.main() == 0
    text = capsys.readouterr().out
    assert "| STOI |" in text
    assert "| mnru:20 |" in text
    assert tables.__module__ == second_witness.__name__
