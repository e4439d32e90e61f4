"""The bar of airtime: on terminals, in pipes, and of a peer that writes anything."""

import io
import sys
from typing import Any

import pytest

from softphone.cli import table
from softphone.cli.gauge import gauge, short_gauge
from softphone.cli.terminal import Terminal

AIRTIME = {"technology": "wifi-n", "ms_per_s": 1.9, "radio_mw": 2.4, "vs_g711_20ms": 0.3}
RESULT: dict[str, Any] = {
    "outcome": "completed",
    "sip_status": 200,
    "reason": "OK",
    "emodel": {"model": "G.107", "r": 90.1, "grounded": False},
    "codec": {"name": "opus", "bit_rate_bps": 16000, "ptime_ms": 60},
    "airtime": AIRTIME,
}


def columns(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setenv("COLUMNS", str(number))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("ms", "ratio", "line"),
    [
        (1.9, 0.3, "1.9 ms/s ▕█░░░▏ 0.30 x G.711"),
        (0.847, 0.043, "0.85 ms/s ▕▌░░░▏ 0.04 x G.711"),
        (5.4, 0.4, "5.4 ms/s ▕█▌░░▏ 0.40 x G.711"),
        (19.8, 1.0, "20 ms/s ▕████▏ 1.00 x G.711"),
        (250, 3.4, "250 ms/s ▕████▏ 3.40 x G.711"),
    ],
)
def test_the_bar_is_full_at_what_g711_takes(ms: float, ratio: float, line: str) -> None:
    airtime = {"ms_per_s": ms, "vs_g711_20ms": ratio}
    assert gauge(airtime) == line
    assert line.startswith(short_gauge(airtime))


@pytest.mark.parametrize(
    "airtime",
    [None, {}, [], "x", {"ms_per_s": 1.0}, {"ms_per_s": "\x1b[2J", "vs_g711_20ms": 1}, {"ms_per_s": -1, "vs_g711_20ms": 1},
     {"ms_per_s": True, "vs_g711_20ms": 1}, {"ms_per_s": 10**400, "vs_g711_20ms": 1}, {"ms_per_s": None, "vs_g711_20ms": None}],
)  # fmt: skip
def test_what_is_no_airtime_has_no_gauge(airtime: Any) -> None:
    assert gauge(airtime) == ""


def test_a_terminal_without_blocks_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert gauge(AIRTIME) == "1.9 ms/s [#...] 0.30 x G.711"


def test_the_gauge_is_green_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = table.calls_side_by_side("call", {"here": RESULT})
    assert "airtime" in plain
    assert "\x1b" not in plain
    monkeypatch.delenv("NO_COLOR", raising=False)
    columns(monkeypatch, 80)
    coloured = table.calls_side_by_side("call", {"here": RESULT})
    assert f"\x1b[32m{gauge(AIRTIME)}" in coloured


def test_two_gauges_stand_side_by_side_on_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    columns(monkeypatch, 80)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    long = {**RESULT, "airtime": {**AIRTIME, "ms_per_s": 0.847}, "sent": {"wire_bps": 21402}}
    text = table.calls_side_by_side("call", {"caller": long, "callee": long})
    assert any(line.count("0.85 ms/s ▕█░░░▏ 0.30 x G.711") == 2 for line in text.splitlines())
    assert max(map(len, text.splitlines())) <= 80


def test_the_live_line_has_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show = Terminal(as_json=False).on_progress
    assert show is not None
    show({"elapsed_s": 3.0, "airtime": AIRTIME})
    show({"elapsed_s": 4.0, "airtime": None})
    first, second = capsys.readouterr().err.split("\r\x1b[2K")[1:]
    assert first == "talking 3 s   \x1b[32m1.9 ms/s ▕█░░░▏\x1b[0m"
    assert second == "talking 4 s"
