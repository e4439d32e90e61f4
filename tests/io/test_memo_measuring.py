"""Measuring a memo in a process of its own: what comes back, what is refused, and the end."""

import threading
from pathlib import Path

import pytest

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.memo_measuring import MemoMeasuring
from softphone.io.voice_job import VoiceJob


def test_a_sound_is_measured_and_a_page_made(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = MemoMeasuring().measure(VoiceJob("builtin:man", to_s=1.5), "my memo", report=page)
    assert found["file"] == "my memo"
    assert found["f0_median_hz"] > 60.0
    text = page.read_text(encoding="utf-8")
    assert "my memo" in text
    assert text.lstrip().lower().startswith("<!doctype html>")


def test_what_cannot_be_measured_is_refused_with_the_reason(tmp_path: Path) -> None:
    measuring = MemoMeasuring()
    with pytest.raises(UsageError, match=r"missing\.flac"):
        measuring.measure(VoiceJob(str(tmp_path / "missing.flac")), "gone")
    with pytest.raises(UsageError, match="pitch"):
        measuring.measure(VoiceJob("builtin:man", pitch_floor_hz=5.0), "odd")


def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(EnvironmentProblem, match="took too long"):
        MemoMeasuring(timeout_s=0.01).measure(VoiceJob("builtin:man"), "slow")


def test_at_the_end_of_the_program_what_is_measured_is_given_up() -> None:
    measuring = MemoMeasuring()
    faults: list[Exception] = []
    begun = threading.Event()
    started = measuring._started

    def watched() -> object:
        process = started()
        begun.set()
        return process

    measuring._started = watched  # type: ignore[method-assign,assignment]

    def work() -> None:
        try:
            measuring.measure(VoiceJob("builtin:man"), "cut")
        except EnvironmentProblem as error:
            faults.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10.0)
    measuring.close()
    thread.join(10.0)
    assert [str(each) for each in faults] == ["memo cut was not measured: the program is about to end"]
    with pytest.raises(EnvironmentProblem, match="about to end"):
        measuring.measure(VoiceJob("builtin:man"), "late")
