"""The voice on a terminal: what stands where, at every width, and that a pipe is told nothing."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dsp.live_voice import LiveVoiceReading, LiveVowel
from softphone.cli import live_voice
from softphone.cli.live_voice import BRAILLE, LiveVoiceView, note_of, voice_lines

SPAN_HZ = (60.0, 600.0)
VOWEL = LiveVowel("vowel", "", True, 3.0, 221.0, 0.412, 2.31, 21.4, 15.2)
SILENCE = LiveVowel("silence", "No voice.", False)


def reading(**changes: object) -> LiveVoiceReading:
    at = np.arange(1000) / 100
    hz = np.arange(50.0, 10_000.0, 100.0)
    made = LiveVoiceReading(
        seconds=72.4, level_dbfs=-21.3, peak_dbfs=-9.8, clipped=0, f0_hz=221.0, trace_hz=220.0 + 30.0 * np.sin(at),
        frames=7240, ltas_hz=hz, ltas_db=-45.0 - 0.005 * hz, hpr_db=-27.4,
    )  # fmt: skip
    return replace(made, **changes)


def plain(lines: list[str]) -> list[str]:
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("columns", [40, 60, 80, 132])
def test_no_line_is_wider_than_the_terminal(columns: int, ascii_only: bool) -> None:
    loud = reading(clipped=123_456, level_dbfs=-100.0)
    for vowel in (VOWEL, replace(SILENCE, measured_s=3.0), replace(VOWEL, lasts=False, why="x" * 90)):
        for each in (reading(), loud):
            lines = plain(
                voice_lines("a name " * 20, each, vowel, SPAN_HZ, columns=columns, plain=ascii_only)
            )
            assert max(map(len, lines)) < columns
            assert not ascii_only or "".join(lines).isascii()


def test_it_says_what_is_so() -> None:
    text = "\n".join(plain(voice_lines("evening", reading(), VOWEL, SPAN_HZ)))
    for words in (
        "recording evening  1:12", "-21.3 dBFS", "no clip", "221.0 Hz  A3 +8", "HPR -27.4 dB", "jitter 0.41 %",
        "shimmer 2.31 %", "HNR 21.4 dB", "CPPS 15.2 dB", "of 3.0 s", "600", "60", "2k",
    ):  # fmt: skip
        assert words in text, words


def test_it_has_as_many_lines_whatever_happens() -> None:
    nothing = reading(
        level_dbfs=None, peak_dbfs=None, f0_hz=None, trace_hz=np.zeros(0), frames=0, ltas_db=None, hpr_db=None
    )
    counts = {
        len(voice_lines("x", each, vowel, SPAN_HZ))
        for each in (reading(), nothing)
        for vowel in (VOWEL, SILENCE)
    }
    assert len(counts) == 1
    text = "\n".join(plain(voice_lines("x", nothing, SILENCE, SPAN_HZ)))
    assert "silence" in text
    assert "No voice." in text


def test_clipping_is_red() -> None:
    assert f"{live_voice.RED}CLIPPED 7" in "\n".join(voice_lines("x", reading(clipped=7), VOWEL, SPAN_HZ))


def test_a_higher_pitch_stands_higher_and_gaps_are_empty() -> None:
    def rows(hz: float) -> list[int]:
        trace = np.where(np.arange(1000) < 500, 0.0, hz)
        lines = voice_lines("x", reading(trace_hz=trace), VOWEL, SPAN_HZ)[3:8]
        assert all(ord(each) <= BRAILLE for line in lines for each in line[9:40])
        return [index for index, line in enumerate(lines) if any(ord(each) > BRAILLE for each in line)]

    assert rows(500.0)[0] < rows(200.0)[0] < rows(70.0)[0]


def test_a_spectrum_that_falls_is_drawn_so() -> None:
    lines = plain(voice_lines("x", reading(), VOWEL, SPAN_HZ))
    top = next(index for index, line in enumerate(lines) if line.startswith("spectrum")) + 1
    heights = [
        sum(row[column : column + 1] not in ("", " ") for row in lines[top : top + 4]) for column in (9, 70)
    ]
    assert heights[0] > heights[1]


@pytest.mark.parametrize(
    ("hz", "note"),
    [(440.0, "A4 +0"), (221.0, "A3 +8"), (65.41, "C2 +0"), (64.0, "C2 -38"), (1975.5, "B6 +0")],
)
def test_a_pitch_is_told_as_a_note(hz: float, note: str) -> None:
    assert note_of(hz) == note


def test_it_is_drawn_over_what_was_drawn_and_taken_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    view = LiveVoiceView(*SPAN_HZ)
    view.show("x", reading(), VOWEL)
    first = capsys.readouterr().err
    count = first.count("\n")
    assert not first.startswith("\x1b[")
    view.show("x", reading(), VOWEL)
    assert capsys.readouterr().err.startswith(f"\x1b[{count}A")
    view.clear()
    assert capsys.readouterr().err.count("\x1b[2K") == count
    view.clear()
    assert capsys.readouterr().err == ""


def test_on_a_low_terminal_the_figures_stand_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_voice, "_size", lambda: (80, 10))
    LiveVoiceView(*SPAN_HZ).show("x", reading(), VOWEL)
    drawn = capsys.readouterr().err
    assert drawn.count("\n") == 5
    assert "CPPS" in drawn
    assert "HPR" not in drawn


def test_without_colour_there_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    LiveVoiceView(*SPAN_HZ).show("x", reading(clipped=3), VOWEL)
    assert "\x1b[" not in capsys.readouterr().err.replace("\x1b[2K", "")
