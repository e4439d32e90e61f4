"""Tables on terminals of different widths."""

import json
from typing import Any

import pytest

from softphone.cli import table

RESULT: dict[str, Any] = {
    "started_at": "2026-01-01T12:00:00Z", "outcome": "completed", "sip_status": 200, "reason": "OK",
    "ended_by": "local", "setup_s": 0.004, "first_rtp_s": 0.066, "duration_s": 8.0,
    "codec": {"name": "opus", "sample_rate_hz": 16000, "bit_rate_bps": 16000, "ptime_ms": 60},
    "sent": {"packets": 133, "payload_bps": 15760, "wire_bps": 21402},
    "received": {"packets": 133, "loss_pct": 0.0, "discard_pct": 0.0, "jitter_ms": 1.2, "level_dbov": -26.3},
    "emodel": {"model": "G.107", "r": 90.1, "mos_cq": 4.34, "grounded": False}, "verdict": ["ok"],
    "score": {"value": 0.99, "unit": "STOI", "max": 1.0}, "cost": {"cpu_ms_per_s": 12.5, "rss_mib": 44},
    "recording": "/tmp/softphone-demo-" + 80 * "x" + "/caller-heard.wav",
}  # fmt: skip


@pytest.fixture(params=[80, 100])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", str(request.param))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    return int(request.param)


def test_two_sides_of_a_call_fit_on_a_terminal_with_no_cell_wrapped_or_cut(columns: int) -> None:
    lines = table.calls_side_by_side("demo", {"caller": RESULT, "callee": RESULT}).splitlines()
    body = [line for line in lines if not line.startswith("recording")]
    assert max(map(len, body)) <= columns
    assert any(line.count("R 90.1 (G.107, ungrounded)") == 2 for line in body)
    assert "…" not in "".join(lines)


def test_a_rating_names_its_scale_and_where_its_figures_are_from(columns: int) -> None:
    emodel = {"model": "G.107.1", "r": 102.94, "mos_cq": 4.03, "grounded": False, "equipment": "derived"}
    published = {**emodel, "model": "G.107", "r": 89.5, "grounded": True, "equipment": "G.113"}
    sides = {"caller": {**RESULT, "emodel": emodel}, "callee": {**RESULT, "emodel": published}}
    line = next(each for each in table.calls_side_by_side("demo", sides).splitlines() if "R 102.9" in each)
    assert "R 102.9 (G.107.1, derived)" in line
    assert "R 89.5 (G.107)" in line


def test_a_rating_told_in_brief_by_the_peer_shows_no_r_that_it_has_not(columns: int) -> None:
    brief = {**RESULT, "emodel": {"model": "G.107.1", "mos_cq": 4.05, "grounded": False}}
    lines = table.calls_side_by_side("demo", {"here": brief}).splitlines()
    assert not any(line.startswith("E-model") for line in lines)
    assert any(line.startswith("MOS-CQE") and "4.05" in line for line in lines)


def test_the_filters_of_a_call_are_named_where_there_are_any(columns: int) -> None:
    filtered = {**RESULT, "filter": {"sent": "telephone", "heard": None}}
    lines = table.calls_side_by_side("demo", {"caller": filtered, "callee": RESULT}).splitlines()
    assert [line.split() for line in lines if line.startswith("filters")] == [
        ["filters", "sent", "telephone"]
    ]
    odd = {**RESULT, "filter": "what a peer may say"}
    plain = table.calls_side_by_side("demo", {"caller": odd, "callee": RESULT})
    assert "filters" not in plain


def test_the_path_of_a_recording_stands_whole_on_a_line(columns: int) -> None:
    lines = table.calls_side_by_side("demo", {"caller": RESULT}).splitlines()
    assert f"recording, caller: {RESULT['recording']}" in lines


def test_a_long_last_cell_stands_whole_below_the_listing(columns: int) -> None:
    library = "libopus 1.5.2 (/usr/lib/" + 60 * "x" + "/libopus.so.0): dtx, fec"
    lines = table.listing(
        "codecs", ["name", "library"], [["l16", "built in"], ["opus", library]]
    ).splitlines()
    assert f"opus: {library}" in lines
    assert [line.split()[1:] for line in lines if line.startswith("opus ")] == [["see", "below"]]


def test_a_table_in_a_pipe_has_no_blanks_at_the_ends_of_lines() -> None:
    text = table.calls_one_a_line("sip:bob@192.0.2.1", [RESULT, json.loads(json.dumps(RESULT))])
    assert all(line == line.rstrip() for line in text.splitlines())
    assert text.count("2026-01-01T12:00:00Z") == 2
