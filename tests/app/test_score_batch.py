"""A list of recordings: a row for each whatever it is, gone on with after a stop, by processes or on a cluster."""

import csv
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from softphone.app import score_batch
from softphone.app.score_batch import columns_of, score_pairs
from softphone.errors import UsageError
from softphone.io.speech import speech_path
from softphone.score_config import ScoreOptions

RATE = 16000
MAN = soundfile.read(speech_path("builtin:man"), dtype="float32")[0]
DEADLY = """
import os, signal
from softphone.io import scoring_child
real = scoring_child.answer
def answer(request):
    if "deadly" in request["degraded"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(request)
scoring_child.answer = answer
scoring_child.main([])
"""
"""A scoring process that one file kills."""


def folder_of(tmp_path: Path, names) -> Path:
    folder = tmp_path / "Aufnahmen \u00fc"
    folder.mkdir(exist_ok=True)
    noise = np.random.default_rng(1)
    for name in names:
        heard = MAN[: 3 * RATE] + 0.003 * noise.standard_normal(3 * RATE).astype(np.float32)
        soundfile.write(folder / name, heard, RATE)
    return folder


def batch(folder: Path, rows, progress=None, **more):
    pairs = folder / "pairs.csv"
    pairs.write_text("degraded,reference\n" + "\n".join(rows) + "\n", encoding="utf-8")
    options = ScoreOptions(pairs=str(pairs), out=str(folder / "scores.csv"), metrics=("stoi",), **more)
    done = score_pairs(options, progress)
    with (folder / "scores.csv").open(newline="", encoding="utf-8") as file:
        return done, {row["degraded"]: row for row in csv.DictReader(file)}


def test_every_kind_of_input_is_a_row_with_a_score_or_a_reason(tmp_path):
    folder = folder_of(tmp_path, ["good one.wav"])

    def write(name, samples, rate=RATE, **more):
        soundfile.write(folder / name, samples, rate, **more)

    write("zero.wav", np.zeros(4 * RATE))
    write("one sample.wav", np.array([0.5]))
    write("stereo.wav", np.stack([MAN, 0.5 * MAN], axis=1))
    write("float.wav", soxr.resample(MAN, RATE, 44100), 44100, subtype="FLOAT")
    write("eight bits.wav", MAN, subtype="PCM_U8")
    write("nan.wav", np.where(np.arange(MAN.size) == RATE, np.nan, MAN), subtype="FLOAT")
    write("slow.wav", MAN[:12000], 6000)
    write("part.wav", MAN[2 * RATE : 5 * RATE])
    (folder / "cut.wav").write_bytes(speech_path("builtin:man").read_bytes()[:30])
    (folder / "half.wav").write_bytes(speech_path("builtin:man").read_bytes()[:120_000])
    (folder / "text.wav").write_text("no sound at all")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "refs").mkdir()
    shutil.copy(speech_path("builtin:man"), folder / "refs" / "man.wav")
    rows = [
        "good one.wav,builtin:man", "zero.wav,builtin:man", "one sample.wav,builtin:man", "stereo.wav,builtin:man",
        "float.wav,builtin:man", "eight bits.wav,builtin:man", "nan.wav,builtin:man", "slow.wav,builtin:man",
        "part.wav,builtin:man", "cut.wav,builtin:man", "half.wav,refs", "text.wav,builtin:man", "empty.wav,builtin:man",
        "", ",", ",builtin:man", "none.wav,builtin:man", "refs/man.wav,good one.wav", "refs,builtin:man",
    ]  # fmt: skip
    done, got = batch(folder, rows, workers=2)
    assert done.rows == len([row for row in rows if row.strip(",")])
    assert len(got) == done.rows == done.scored + done.refused + done.failed
    scored = {name for name, row in got.items() if row["mos_lqo"]}
    assert scored == {
        "good one.wav", "stereo.wav", "float.wav", "eight bits.wav", "part.wav", "half.wav", "refs/man.wav",
    }  # fmt: skip
    assert all(1 <= float(got[name]["mos_lqo"]) <= 5 for name in scored)
    for name, why in {
        "nan.wav": "holds nan at 1.000 s", "slow.wav": "6000 samples a second", "cut.wav": "no sound file",
        "text.wav": "no sound file", "empty.wav": "empty file", "": "names no recording", "none.wav": "does not exist",
        "refs": "cannot be read",
    }.items():  # fmt: skip
        assert why in got[name]["error"], name
    assert "silent" in got["zero.wav"]["verdict"]
    assert "silent" in got["zero.wav"]["refused"]
    assert "1 s" in got["one sample.wav"]["refused"]
    assert got["half.wav"]["reference_found"] == "man.wav"
    assert "cut off" in got["half.wav"]["warnings"]
    assert got["stereo.wav"]["channel"] in ("1", "2")
    assert float(got["part.wav"]["delay_ms"]) == pytest.approx(-2000, abs=1)


def test_a_file_that_kills_its_process_costs_itself_only(tmp_path, monkeypatch):
    (tmp_path / "deadly_child.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(score_batch, "CHILD", "deadly_child")
    folder = folder_of(tmp_path, ["a.wav", "deadly.wav", "b.wav", "c.wav"])
    rows = [f"{name},builtin:man" for name in ("a.wav", "deadly.wav", "b.wav", "c.wav")]
    done, got = batch(folder, rows, workers=2)
    assert (done.scored, done.failed) == (3, 1)
    assert "ended with status -9" in got["deadly.wav"]["error"]
    assert all(got[name]["mos_lqo"] for name in ("a.wav", "b.wav", "c.wav"))


def test_a_list_that_was_stopped_is_gone_on_with(tmp_path):
    folder = folder_of(tmp_path, ["a.wav", "b.wav", "c.wav"])
    rows = [f"{name},builtin:man" for name in ("a.wav", "b.wav", "c.wav")]

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch(folder, rows, stop)
    scores = folder / "scores.csv"
    first = scores.read_bytes()
    assert first.count(b"\n") == 2
    scores.write_bytes(first + b'b.wav,builtin:man,"4')  # as a power failure leaves it
    done, got = batch(folder, rows)
    assert (done.rows, done.reused, done.scored) == (3, 1, 3)
    assert scores.read_bytes().startswith(first)
    assert set(got) == {"a.wav", "b.wav", "c.wav"}
    whole = scores.read_bytes()
    done, _ = batch(folder, rows)
    assert (done.reused, done.scored, scores.read_bytes()) == (3, 3, whole)


def test_a_file_that_changed_is_scored_again_and_force_begins_anew(tmp_path):
    folder = folder_of(tmp_path, ["a.wav", "b.wav"])
    rows = ["a.wav,builtin:man", "b.wav,builtin:man"]
    _, before = batch(folder, rows)
    soundfile.write(folder / "a.wav", MAN[: 4 * RATE], RATE)
    done, after = batch(folder, rows)
    assert done.reused == 1
    assert float(after["a.wav"]["mos_lqo"]) > float(before["a.wav"]["mos_lqo"]) + 0.3
    assert after["b.wav"] == before["b.wav"]
    done, _ = batch(folder, rows, force=True)
    assert done.reused == 0


def test_rows_that_two_runs_at_once_wrote_twice_are_one_after_the_next(tmp_path):
    folder = folder_of(tmp_path, ["a.wav", "b.wav"])
    rows = ["a.wav,builtin:man", "b.wav,"]
    batch(folder, rows)
    once = (folder / "scores.csv").read_text()
    (folder / "scores.csv").write_text(once + "".join(once.splitlines(keepends=True)[1:]))
    done, _ = batch(folder, rows)
    assert (done.rows, done.reused) == (2, 2)
    assert (folder / "scores.csv").read_text() == once


def test_rows_of_other_lists_stay(tmp_path):
    folder = folder_of(tmp_path, ["a.wav", "b.wav"])
    batch(folder, ["a.wav,builtin:man"])
    done, got = batch(folder, ["b.wav,builtin:man"])
    assert (done.rows, set(got)) == (1, {"a.wav", "b.wav"})


def test_other_measures_need_another_file(tmp_path):
    folder = folder_of(tmp_path, ["a.wav"])
    batch(folder, ["a.wav,builtin:man"])
    options = ScoreOptions(
        pairs=str(folder / "pairs.csv"), out=str(folder / "scores.csv"), metrics=("si_sdr",)
    )
    with pytest.raises(UsageError, match="other columns"):
        score_pairs(options)


def test_a_threshold_counts_what_misses_it(tmp_path):
    folder = folder_of(tmp_path, ["a.wav"])
    soundfile.write(folder / "good.wav", MAN, RATE)
    soundfile.write(folder / "silent.wav", np.zeros(3 * RATE), RATE)
    rows = ["a.wav,builtin:man", "good.wav,builtin:man", "silent.wav,builtin:man", "none.wav,builtin:man"]
    done, _ = batch(folder, rows, min_mos=4.9)
    assert (done.missed, done.untested) == (2, 1)
    done, _ = batch(folder, rows, min_mos=1.0)
    assert (done.reused, done.missed, done.untested) == (4, 1, 1)


def test_the_columns_hold_every_figure_once():
    columns = columns_of(None)
    assert len(set(columns)) == len(columns)
    assert {"mos_lqo", "verdict", "skew_ppm", "stoi", "dnsmos", "snr_db", "level_dbov", "error"} <= set(
        columns
    )


def test_a_list_is_not_written_over(tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("degraded,reference\n")
    with pytest.raises(UsageError, match="input and output"):
        score_pairs(ScoreOptions(pairs=str(pairs), out=str(pairs), force=True))
    assert pairs.read_text() == "degraded,reference\n"


@pytest.mark.filterwarnings("default")  # of Dask, at the death of its worker
def test_on_a_cluster_whose_worker_is_killed_the_rows_are_the_same(tmp_path):
    distributed = pytest.importorskip("distributed")
    names = [f"{letter}.wav" for letter in "abcd"]
    folder = folder_of(tmp_path, names)
    rows = [f"{name},builtin:man" for name in names] + ["none.wav,builtin:man"]
    _, here = batch(folder, rows, workers=2)
    (folder / "scores.csv").unlink()
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as cluster:
        killed = []

        def kill(share):
            if not killed:
                killed.append(cluster.workers[0].process.pid)
                os.kill(killed[0], signal.SIGKILL)

        done, there = batch(folder, rows, kill, dask=cluster.scheduler_address)
    assert killed
    assert (done.scored, done.failed) == (4, 1)
    assert set(there) == set(here)
    for name, row in there.items():
        assert {**row, "took_s": ""} == {**here[name], "took_s": ""}
