"""The live line, and what happens when nobody reads."""

import json
import os
import signal
import sys
from typing import Any

import pytest

from softphone.cli.terminal import Terminal, fitting, live_line


@pytest.mark.parametrize(
    ("figures", "line"),
    [
        ({"elapsed_s": 3.2}, "talking 3 s"),
        ({"elapsed_s": 3.2, "total_s": None, "loss_pct": None, "level_dbov": float("-inf")}, "talking 3 s"),
        ({"elapsed_s": 0.0, "total_s": 8.0, "level_dbov": -30.04}, "talking 0 of 8 s   level -30.0 dBov"),
    ],
)
def test_the_live_line_leaves_out_what_is_not_known(figures: dict[str, Any], line: str) -> None:
    assert live_line(figures) == line


def test_the_live_line_never_runs_over_the_row_that_it_renews() -> None:
    line = "100 of 120 s   level -20.1 -> -19.1 dBFS   latency 16.3 ms   load 3 %   xruns 123"
    assert len(line) > 80
    assert fitting(line, 80) == line.replace("   ", "  ")
    assert fitting(line, 40) == "100 of 120 s  level -20.1 -> -19.1 dBFS"
    assert fitting(line, 20) == "100 of 120 s"
    assert fitting(line, 8) == "100 of 1"
    assert fitting(line, None) == fitting(line, 120) == line
    coloured = "talking 3 s   loss 0.0 %   \x1b[32m████\x1b[0m"
    assert fitting(coloured, 31) == coloured
    assert fitting(coloured, 29) == coloured.replace("   ", "  ")
    assert fitting(coloured, 28) == "talking 3 s  loss 0.0 %"


def test_a_narrow_terminal_is_asked_how_wide_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2)
    for columns, shown in ((20, "level -20.1 -> -19.1"), (0, "level -20.1 -> -19.1 dBFS")):
        monkeypatch.setattr(
            os, "get_terminal_size", lambda _, columns=columns: os.terminal_size((columns, 25))
        )
        Terminal(as_json=False).show("level -20.1 -> -19.1 dBFS")
        assert capsys.readouterr().err == f"\r\x1b[2K{shown}"


def test_answer_ends_when_nobody_reads_its_lines_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    terminal = Terminal(as_json=True)
    terminal.stop_if_unread()
    assert raised == []
    terminal.reader_left = True
    terminal.stop_if_unread()
    assert raised == [signal.SIGINT]


def test_what_a_peer_said_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(as_json=True)
    terminal.note("declined: \x1b[2J\x9b31m\u202eBusy\nTraceback\tline")
    terminal.print_json({"reason": "\x1b[2J\x9b31m\u202eGrüße"})
    out, err = capsys.readouterr()
    assert err == "softphone: declined: ?[2J?31m?Busy\nTraceback\tline\n"
    assert out.isascii()
    assert out.strip().isprintable()
    assert json.loads(out) == {"reason": "\x1b[2J\x9b31m\u202eGrüße"}


def test_a_name_that_is_no_utf_8_is_printed_with_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(as_json=False)
    terminal.print("recording: \udcff.wav")
    terminal.print_json({"recording": "\udcff.wav"})
    text, as_json = capsys.readouterr().out.splitlines()
    assert text == "recording: \\udcff.wav"
    assert json.loads(as_json) == {"recording": "\udcff.wav"}
