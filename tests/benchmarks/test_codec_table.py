"""The table of figures of VLC: verdicts, what was not measured, and which clips the picture is of."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.codec_table import drawn, table, wanted
from benchmarks.heldout_speech import LEVEL_DBOV, _transcripts, _write
from dsp.level import measure_level
from softphone.app.codec_measure import read_sound


def row(codec: str, **means: float) -> dict[str, object]:
    found: dict[str, object] = {
        "codec": codec,
        "ptime_ms": 128,
        "loss_pct": 0.0,
        "algorithmic_delay_ms": 160.0,
    }
    columns = {"payload_bps": 2400.0, "wire_bps": 4900.0, "packets_per_s": 7.8, "pesq_wb": 2.0} | means
    return found | {name: {"n": 3, "mean": value, "ci95": 0.1} for name, value in columns.items()}


@pytest.mark.parametrize(
    ("pesq", "stoi", "verdict"),
    [(3.4, 0.94, "aim"), (3.0, 0.94, "must"), (3.4, 0.91, "must"), (3.4, 0.89, "missed")],
)
def test_both_numbers_of_a_figure_must_be_reached(pesq: float, stoi: float, verdict: str) -> None:
    rows = {("vlc:2400@128", 0.0): row("vlc:2400", pesq_nb=pesq, stoi=stoi)}
    lines = {one.name: one for one in wanted({"narrowband": rows})}
    assert lines["2.4 kb/s: PESQ-nb / STOI"].verdict == verdict
    assert lines["1.6 kb/s: PESQ-nb / STOI"].verdict == "not measured"
    assert lines["wire at PESQ-nb >= 3.0 within 200 ms"].verdict == "must"
    assert table(list(lines.values())).count("\n") == len(lines)


def test_the_picture_takes_from_the_fewer_wide_clips_their_own_measure_only() -> None:
    narrow = {("opus:6000@60", 0.0): row("opus:6000", stoi=0.9, pesq_wb=1.0)}
    wide = {
        key: row(key[0][:-3], stoi=0.5, pesq_wb=2.5)
        for key in (("opus:6000@60", 0.0), ("vlc-wb:6000@128", 0.0))
    }
    rows = drawn(narrow, wide)
    assert [(one["codec"], one["pesq_wb"]["mean"]) for one in rows] == [
        ("opus:6000", 2.5),
        ("vlc-wb:6000@", 2.5),
    ]
    assert rows[0]["stoi"]["mean"] == 0.9
    assert "stoi" not in rows[1]


def test_a_clip_has_its_level_and_transcript_and_is_not_written_twice(tmp_path: Path) -> None:
    speech = read_sound("builtin:man", 48_000)
    clip = _write(tmp_path, "a", speech, 48_000, text="so it is")
    sound, rate_hz = soundfile.read(clip.path, dtype="float32")
    assert (rate_hz, clip.is_wide, clip.has_transcript) == (16_000, True, True)
    assert measure_level(np.ascontiguousarray(sound), rate_hz).level_dbov == pytest.approx(
        LEVEL_DBOV, abs=0.05
    )
    assert (tmp_path / "a.txt").read_text() == "so it is\n"
    before = clip.path.stat().st_mtime_ns
    _write(tmp_path, "a", speech, 48_000, text="so it is")
    assert clip.path.stat().st_mtime_ns == before


def test_transcripts_are_read_without_their_marks(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("<s> he was not an ill man </s> (clip-0880)\n")
    assert _transcripts(tmp_path / "t") == {"clip-0880": "he was not an ill man"}
