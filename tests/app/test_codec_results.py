"""From rows to means, tables, CSV, HTML and pictures; what is asked for that cannot be."""

import csv
import io
from pathlib import Path

import pytest

from softphone.app.codec_compare import chosen, compare, summary, transcript_of
from softphone.app.codec_html import report
from softphone.app.outputs import check_outputs
from softphone.app.sweep import as_csv
from softphone.cli.codec_table import comparison
from softphone.errors import EnvironmentProblem, UsageError
from softphone.measure_config import CompareOptions, Grid, SweepOptions


def row(codec: str, file: str, stoi: float, **more: object) -> dict[str, object]:
    return {
        "codec": f"{codec}@60", "file": file, "loss_pct": 0.0, "burst": 1.0, "ptime_ms": 60, "stoi": stoi,
        "payload_bps": 6000.0, "wire_bps": 11_333.0, "packets_per_s": 16.67, "carried_s": 6.0,
        "datagrams": {"85": 100}, "bit_rate_bps": 6000, "algorithmic_delay_ms": 66.5, **more,
    }  # fmt: skip


ROWS = summary(
    [
        row("opus:6000", "a", 0.8, words=10, word_errors=1, wer_pct=10.0),
        row("opus:6000", "b", 0.9, words=30, word_errors=9, wer_pct=30.0),
        row("opus:6000", "a", 0.7, loss_pct=10.0),
    ],
    "wifi-n:6.5",
)


def test_means_are_over_the_files_of_one_condition() -> None:
    assert [one["loss_pct"] for one in ROWS] == [0.0, 10.0]
    assert ROWS[0]["codec"] == "opus:6000"
    assert (ROWS[0]["stoi"]["n"], ROWS[0]["stoi"]["mean"]) == (2, 0.85)
    assert ROWS[0]["stoi"]["ci95"] == pytest.approx(12.706 * 0.0707 / 2**0.5, rel=1e-3)  # t(0.975, 1)
    assert ROWS[1]["stoi"] == {"n": 1, "mean": 0.7, "ci95": None}
    assert ROWS[0]["pesq_nb"] is None
    assert (ROWS[0]["wer_pct"]["mean"], ROWS[0]["wer_pooled_pct"]) == (20.0, 25.0)


def test_airtime_is_that_of_the_packets_measured() -> None:
    assert ROWS[0]["airtime"]["technology"] == "wifi-n"
    assert 0 < ROWS[0]["airtime"]["vs_g711_20ms"] < 1


def test_the_table_leaves_out_what_was_not_measured_and_its_columns_line_up() -> None:
    lines = comparison("title", ROWS).splitlines()
    assert "PESQ" not in lines[1]
    assert "STOI" in lines[1]
    assert {len(line) for line in lines[3:4]} == {max(len(line) for line in lines[1:])}
    assert "0.850 ±0.635" in lines[4]


def test_the_csv_has_n_and_interval_of_each_mean() -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(ROWS).decode())))
    assert (lines[0]["stoi"], lines[0]["stoi_n"]) == ("0.85", "2")
    assert float(lines[0]["stoi_ci95"]) > 0
    assert lines[0]["airtime_ms_per_s"]
    assert lines[1]["loss_pct"] == "10.0"


def test_the_report_needs_nothing_else_and_nothing_in_it_is_markup_by_accident() -> None:
    page = report("<b>", ROWS, ["<script>.wav"], ["<i>"], b"\x89PNG").decode()
    assert 'src="data:image/png;base64,iVBORw=="' in page
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;i&gt;" in page
    assert "http" not in page
    assert "width=device-width" in page
    assert "overflow-x:auto" in page


def test_pictures_are_drawn() -> None:
    pytest.importorskip("matplotlib")
    from softphone.app.codec_plot import loss_plot, rate_plot

    assert rate_plot(ROWS).startswith(b"\x89PNG")
    assert loss_plot(ROWS).startswith(b"\x89PNG")
    assert rate_plot([]).startswith(b"\x89PNG")


def test_what_is_missing_is_left_out_of_the_usual_choice_and_told() -> None:
    notes: list[str] = []
    found = chosen(Grid(), notes)
    assert "pcmu@60" in found
    assert "opus:6000@60" in found
    assert chosen(Grid(codecs=("pcmu", "opus:6000"), ptimes_ms=(20, 60)), notes) == [
        "pcmu@20", "pcmu@60", "opus:6000@20", "opus:6000@60",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="no codec named 'none'"):
        chosen(Grid(codecs=("none",)), notes)


def test_a_codec_asked_for_by_name_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTPHONE_CODEC2", "/none/libcodec2.so")
    from softphone.io.libraries import codecs

    codecs.cache_clear()
    try:
        with pytest.raises(EnvironmentProblem, match="codec2"):
            chosen(Grid(codecs=("codec2:1200",)), [])
        notes: list[str] = []
        assert not [name for name in chosen(Grid(), notes) if name.startswith("codec2")]
        assert any("codec2" in note for note in notes)
    finally:
        codecs.cache_clear()


def test_a_transcript_lies_beside_its_recording(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("so it is", encoding="utf-8")
    assert transcript_of(str(tmp_path / "a.wav")) == "so it is"
    assert transcript_of(str(tmp_path / "b.wav")) is None
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"a\.txt, the transcript of"):
        transcript_of(str(tmp_path / "a.wav"))


def test_outputs_are_checked_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "x.html"
    there.touch()
    for report_path, said in (
        (str(there), "give --force"),
        (str(tmp_path / "x.pdf"), r"must end in \.html"),
        (str(tmp_path / "none" / "x.html"), "cannot be written"),
    ):
        with pytest.raises(UsageError, match=said):
            check_outputs(CompareOptions(), report=report_path)
    monkeypatch.setattr("softphone.app.outputs.find_spec", lambda name: None)
    with pytest.raises(EnvironmentProblem, match="--plot needs matplotlib"):
        check_outputs(Grid(plot=str(tmp_path / "x.png")))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"losses_pct": (0.0, 101.0)}, "--loss must be 0 to 100 percent, got 101"),
        ({"losses_pct": (5.0, 5.0)}, "--loss names a value twice"),
        ({"ptimes_ms": (5,)}, "--ptime must be 10 to 160 ms"),
        ({"bursts": (0.5,)}, "--burst must be 1 to 1000"),
        ({"workers": 0}, "--workers must be 1 to"),
        ({"jitters_ms": (-1.0,)}, "--jitter must be 0"),
        ({"codecs": ("a", "a")}, "--codecs wants codecs, each of them once"),
    ],
)
def test_values_out_of_range_are_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SweepOptions(**values)  # type: ignore[arg-type]


def test_measures_are_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"--measures must be of pesq_nb, .* got mos"):
        CompareOptions(measures=("stoi", "mos"))
    with pytest.raises(UsageError, match="wants sound files"):
        compare(CompareOptions())
