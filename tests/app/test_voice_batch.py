"""A folder of voices becomes rows: one for each file whatever it is, gone on with after a stop, by processes or a cluster."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.vowels import vowel

from dsp.voice import measures
from softphone.app import voice_batch
from softphone.app.voice_batch import columns, measure_many
from softphone.errors import UsageError
from softphone.voice_config import VoiceOptions

DEADLY = """
import os, signal
from softphone.io import voice_child
from softphone.io.child_server import serve
def answer(request):
    if "deadly" in request["file"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return voice_child.answer(request)
serve(answer)
"""


def folder_of(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "Stimmen \u00fc"
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        made = vowel(150.0 + 20 * number, seconds=1.0, hnr_db=25.0)
        soundfile.write(folder / name, made.samples, made.sample_rate_hz)
    return folder


def batch(out: Path, *files: Path | str, progress=None, **more):
    done = measure_many(VoiceOptions(files=tuple(map(str, files)), out=str(out), **more), progress)
    with out.open(newline="", encoding="utf-8") as file:
        return done, {Path(row["file"]).name: row for row in csv.DictReader(file)}


def test_every_file_of_a_folder_is_a_row_with_numbers_or_a_reason(tmp_path):
    folder = folder_of(tmp_path, "b.wav", "a.flac", "c.ogg")
    (folder / "deeper").mkdir()
    soundfile.write(folder / "deeper" / "d.wav", vowel(300.0, seconds=1.0).samples, 44_100)
    soundfile.write(folder / "silent.wav", np.zeros(44_100), 44_100)
    soundfile.write(folder / "short.wav", np.ones(20), 44_100)
    (folder / "text.wav").write_text("no sound")
    (folder / "notes.txt").write_text("not looked at")
    (folder / ".hidden.wav").write_text("not looked at")
    told: list[float] = []
    done, rows = batch(
        tmp_path / "voices.csv", folder, "builtin:man", tmp_path / "none.wav", progress=told.append, workers=2
    )
    assert set(rows) == {
        "a.flac", "b.wav", "c.ogg", "d.wav", "silent.wav", "short.wav", "text.wav", "builtin:man", "none.wav",
    }  # fmt: skip
    assert (done.rows, done.reused, done.vowels, done.speech, done.failed) == (9, 0, 4, 1, 4)
    assert [rows[name]["task"] for name in ("a.flac", "b.wav", "builtin:man")] == ["vowel", "vowel", "speech"]
    assert float(rows["b.wav"]["f0_mean_hz"]) == pytest.approx(150, rel=0.002)
    assert float(rows["d.wav"]["jitter_local_pct"]) < 0.1
    assert rows["builtin:man"]["jitter_local_pct"] == ""
    assert "vowel" in rows["builtin:man"]["refused"]
    for name, why in (
        ("text.wav", "no sound file"),
        ("none.wav", "does not exist"),
        ("silent.wav", "silent"),
    ):
        assert why in rows[name]["error"]
    assert len(told) == 9
    assert told[-1] == 1


def test_the_columns_are_the_figures_of_the_measures(tmp_path):
    figures = {
        key: figure.curve for name in measures.names() for key, figure in measures.get(name).figures.items()
    }
    assert {key for key, curve in figures.items() if not curve} <= set(columns())
    assert not {key for key, curve in figures.items() if curve} & set(columns())
    assert len(columns()) == len(set(columns()))


def test_what_is_done_is_not_done_again_unless_file_or_settings_are_others(tmp_path):
    folder = folder_of(tmp_path, "a.wav", "b.wav")
    out = tmp_path / "voices.csv"
    batch(out, folder)
    before = out.read_bytes()
    done, _ = batch(out, folder)
    assert (done.rows, done.reused) == (2, 2)
    assert out.read_bytes() == before
    soundfile.write(folder / "b.wav", vowel(240.0, seconds=1.1).samples, 44_100)
    done, rows = batch(out, folder)
    assert (done.rows, done.reused) == (2, 1)
    assert float(rows["b.wav"]["f0_mean_hz"]) == pytest.approx(240, rel=0.002)
    assert out.read_text().count("b.wav") == 1
    done, _ = batch(out, folder, pitch_floor_hz=75.0)
    assert (done.rows, done.reused) == (2, 0)
    assert out.read_text().count("b.wav") == 2  # one for each of the settings
    done, _ = batch(out, folder, force=True)
    assert (done.rows, done.reused) == (2, 0)
    assert out.read_text().count("b.wav") == 1


def test_a_row_that_was_cut_off_is_done_again(tmp_path):
    folder = folder_of(tmp_path, "a.wav", "b.wav")
    out = tmp_path / "voices.csv"
    _, wanted = batch(out, folder)
    out.write_bytes(out.read_bytes()[:-40])
    done, rows = batch(out, folder)
    assert done.reused == 1
    same = set(columns()) - {"took_s"}
    assert all(rows[name][key] == wanted[name][key] for name in wanted for key in same)


def test_a_file_that_kills_its_process_costs_itself_only(tmp_path, monkeypatch):
    (tmp_path / "deadly_voice_child.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(voice_batch, "CHILD", "deadly_voice_child")
    done, rows = batch(
        tmp_path / "voices.csv", folder_of(tmp_path, "a.wav", "deadly.wav", "b.wav"), workers=2
    )
    assert (done.vowels, done.failed) == (2, 1)
    assert "ended with status" in rows["deadly.wav"]["error"]


def test_a_stop_keeps_the_rows_that_are_done(tmp_path):
    folder = folder_of(tmp_path, "a.wav", "b.wav", "c.wav")
    out = tmp_path / "voices.csv"

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch(out, folder, progress=stop)
    assert out.read_text().count("\n") == 2
    done, _ = batch(out, folder)
    assert (done.rows, done.reused) == (3, 1)


def test_a_cluster_gives_the_same_rows(tmp_path, monkeypatch):
    """Its workers do here what they do there; that jobs reach a real one is tested with scores."""
    asked = []

    def worked(function, jobs, *, workers, dask, lost):
        asked.append((workers, dask))
        for job in jobs:
            yield job, lost(job, "no memory") if "lost" in job["file"] else function(job)

    monkeypatch.setattr(voice_batch, "work", worked)
    folder = folder_of(tmp_path, "a.wav", "b.wav")
    _, wanted = batch(tmp_path / "here.csv", folder)
    (folder / "lost.wav").write_text("its worker dies")
    done, rows = batch(tmp_path / "there.csv", folder, dask="tcp://127.0.0.1:1", workers=2)
    assert asked == [(2, "tcp://127.0.0.1:1")]
    assert (done.vowels, done.failed) == (2, 1)
    assert "died: no memory" in rows["lost.wav"]["error"]
    same = set(columns()) - {"took_s"}
    assert all(rows[name][key] == wanted[name][key] for name in wanted for key in same)


def test_a_csv_that_is_something_else_is_left_alone(tmp_path):
    folder = folder_of(tmp_path, "a.wav")
    other = tmp_path / "other.csv"
    other.write_text("name,age\nx,1\n")
    with pytest.raises(UsageError, match="holds other columns"):
        batch(other, folder)
    assert other.read_text() == "name,age\nx,1\n"
    with pytest.raises(UsageError, match="is input and output"):
        batch(folder / "a.wav", folder / "a.wav")


def test_settings_stand_in_each_row(tmp_path):
    _, rows = batch(tmp_path / "voices.csv", folder_of(tmp_path, "a.wav"), pitch_ceiling_hz=500.0, to_s=0.8)
    settings = json.loads(rows["a.wav"]["settings"])
    assert (settings["pitch_ceiling_hz"], settings["to_s"], settings["channel"]) == (500.0, 0.8, None)
    assert float(rows["a.wav"]["seconds"]) == pytest.approx(0.8)
