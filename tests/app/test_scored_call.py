"""What the scorer says of a recording, put into the RESULT of its call."""

import logging

import pytest

from softphone.app.scored_call import add_score


def result(*verdict):
    return {"verdict": list(verdict) or ["ok"], "score": None, "outcome": "completed"}


def scored(*verdict, trusted=True, **more):
    score = {"value": 4.0, "trusted": trusted, "verdict": list(verdict)}
    return {"score": score, "verdict": list(verdict) or ["ok"], "refused": {}, **more}


def test_a_score_stands_in_the_result_and_leaves_ok_alone():
    call = result()
    add_score(call, scored())
    assert (call["score"]["value"], call["verdict"]) == (4.0, ["ok"])


def test_echo_noise_and_drift_are_told_of_a_call_in_their_order():
    call = result("too-quiet")
    add_score(call, scored("drift", "noise", "echo"))
    assert call["verdict"] == ["too-quiet", "echo", "noise", "drift"]
    assert call["outcome"] == "completed"


def test_what_is_no_fault_of_a_call_is_told_of_the_recording_only():
    call = result()
    add_score(call, scored("cut-end", "delay-jumps", "silent"))
    assert call["verdict"] == ["ok"]
    assert call["score"]["verdict"] == ["cut-end", "delay-jumps", "silent"]


def test_the_noise_that_a_vocoder_makes_is_not_the_lines():
    call = result()
    add_score(call, scored("noise", "drift", trusted=False))
    assert call["verdict"] == ["drift"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "interrupted"),
        ({"error": "it took too long"}, "it took too long"),
        (
            {"score": None, "verdict": ["ok"], "refused": {"visqol": "the degraded signal is silent"}},
            "is silent",
        ),
    ],
)
def test_without_a_score_there_is_a_warning_that_says_why(answer, why, caplog):
    call = result()
    with caplog.at_level(logging.WARNING):
        add_score(call, answer)
    assert call["score"] is None
    assert why in caplog.text
