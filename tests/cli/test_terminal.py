"""The live line, and what happens when nobody reads."""

import json
import signal
from typing import Any

import pytest

from softphone.cli.terminal import Terminal, live_line


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
