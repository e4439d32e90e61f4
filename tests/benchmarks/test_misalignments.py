"""The benchmark of misalignments counts what it says, and writes its page."""

from types import SimpleNamespace

import numpy as np
import pytest
from support import broken_tools
from support.misalign import MISALIGNMENTS, Misaligned, g711
from support.suppression import speech

from benchmarks import misalignment_peers
from benchmarks import misalignments as bench
from benchmarks.misalignment_peers import Peers
from dsp.alignment import Stretch

RATE = 8000
SPEECH = speech("man", RATE)[: 4 * RATE]


def level(reference, degraded, rate_hz):
    """Stands for a judge: it hears the length alone."""
    return 5.0 - degraded.size / reference.size


def found(*spans):
    stretches = tuple(Stretch(start, stop, offset, 0.0, 1.0, 0, True) for start, stop, offset in spans)
    return SimpleNamespace(sample_rate_hz=RATE, stretches=stretches)


def test_each_tool_is_held_against_its_own_aligned_score():
    aligned, rows = bench.measured(
        ("delay-500ms",), {"man": (SPEECH, RATE)}, {"ours": level, "deaf": lambda *_: "refused"}
    )
    assert aligned.scores == {"ours": [4.0], "deaf": ["refused"]}
    assert rows[0].scores == {"ours": [pytest.approx(-0.125)], "deaf": ["refused"]}
    assert rows[0].only_time


def test_the_delay_error_is_that_of_what_is_said_and_heard():
    whole = Misaligned(SPEECH, ((0, 0.0),))
    assert bench.delay_error_ms(SPEECH, whole, found((0, SPEECH.size, 0.0))) == 0.0
    assert bench.delay_error_ms(SPEECH, whole, found((0, SPEECH.size, 8.0))) == pytest.approx(1.0)
    assert bench.delay_error_ms(SPEECH, whole, found((0, RATE, 0.0))) == np.inf
    cut = MISALIGNMENTS["head-cut-1s"](SPEECH, RATE)
    assert bench.delay_error_ms(SPEECH, cut, found((RATE, SPEECH.size, -float(RATE)))) == 0.0


def test_speakers_are_in_order_when_each_recording_is_worse_than_the_one_before():
    assert bench.Speaker("a", (5.0, 4.0, 3.0, 4.5, 4.0, 3.0)).in_order
    assert not bench.Speaker("a", (5.0, 4.0, 4.0, 4.5, 4.0, 3.0)).in_order
    assert not bench.Speaker("a", (5.0, 4.0, 3.0, 4.5, 4.6, 3.0)).in_order
    assert not bench.Speaker("a", (5.0, 4.0, 3.0, 4.5, "silent", 3.0)).in_order


def test_the_recordings_of_a_speaker_get_worse_from_one_to_the_next():
    heard = []
    bench.ranked(
        {"man": (SPEECH, RATE)}, lambda reference, degraded, rate: float(len(heard.append(degraded) or heard))
    )
    assert len(heard) == len(bench.ORDER)
    assert np.array_equal(heard[0], SPEECH)
    assert np.array_equal(heard[3], g711(SPEECH, RATE))
    against = [np.mean((each - heard[3]) ** 2) for each in heard[3:]]
    assert against[0] < against[1] < against[2]


def rows():
    fine = bench.Row(
        "delay-20ms", True, {"ours": [0.01, -0.02], "PESQ-nb": [-1.5, "crashed"]}, [0.1, 0.4], [0.0, 2.0]
    )
    torn = bench.Row(
        "insert-1s-word", False, {"ours": [-0.4, -0.3], "PESQ-nb": [0.0, 0.0]}, [1.0, 1.0], [1.0, 1.0]
    )
    return [fine, torn]


def test_figures_hold_what_only_time_changed_against_the_targets():
    found = {
        figure.name: figure
        for figure in bench.figures(rows(), [bench.Speaker("a", (5.0, 4.0, 3.0, 4.5, 4.6, 3.0))])
    }
    assert found["worst change of a score where only time changed"].ours == (0.02,)
    assert found["worst delay error"].ours == (1.0,)
    assert found["worst skew error"].ours == (2.0,)
    assert found["misaligned recordings without a score"].met
    assert not found["speakers out of order"].met


def test_the_tables_show_the_largest_change_and_what_failed():
    aligned = bench.Row("in its place", True, {"ours": [4.0, 4.2], "PESQ-nb": [4.3, 4.5]})
    text = bench.tables(
        aligned, rows(), [bench.Speaker("man", (5.0, 4.0, 3.0, 4.5, 4.0, 3.0))], ["man", "woman"]
    )
    assert "| *in its place* | 4.10 | 4.40 |  |  |" in text
    assert "| `delay-20ms` | -0.02 | crashed | 0.4 | 2.0 |" in text
    assert "| `insert-1s-word` ¹ | -0.40 | +0.00 | 1.0 | 1.0 |" in text
    assert "| man | 5.00 | 4.00 | 3.00 | 4.50 | 4.00 | 3.00 | yes |" in text


def test_a_cell_without_values_is_empty_and_nothing_is_minus_zero():
    assert bench.cell([], "+.2f") == ""
    assert bench.cell([-0.001], "+.2f") == "+0.00"


def test_the_page_takes_the_tables_between_its_marks():
    page = bench.PAGE.read_text(encoding="utf-8")
    written = bench.with_tables(page, "| new |")
    assert f"{bench.BEGIN}\n| new |\n{bench.END}" in written
    assert written.split(bench.BEGIN)[0] == page.split(bench.BEGIN)[0]
    assert written.split(bench.END)[1] == page.split(bench.END)[1]
    with pytest.raises(ValueError, match="page has no"):
        bench.with_tables("nothing", "")


def test_a_tool_that_ends_its_process_costs_one_answer(monkeypatch):
    tools = {
        tool.__name__: ("numpy", tool)
        for tool in (broken_tools.ends, broken_tools.raises, broken_tools.counts)
    }
    monkeypatch.setattr(misalignment_peers, "PEERS", tools)
    with Peers() as peers:
        assert peers.score("ends", SPEECH, SPEECH, RATE) == "crashed"
        assert peers.score("raises", SPEECH, SPEECH, RATE) == "refused: ValueError"
        assert peers.score("counts", SPEECH, SPEECH, RATE) == SPEECH.size
