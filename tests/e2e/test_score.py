"""`softphone score` as a user runs it: files, a folder of references, a list that is stopped and gone on with."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.command import COMMAND, Answering, softphone

from softphone.io.speech import speech_path

pytestmark = pytest.mark.e2e

RATE = 16000


def speech(name):
    return soundfile.read(speech_path(f"builtin:{name}"), dtype="float32")[0]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """The woman over a line: late by 0.7 s, softer, 40 ms put into a pause, some noise."""
    woman = speech("woman")
    pause = 2.5  # seconds: between her first two sentences
    parts = (np.zeros(11_200), woman[: int(pause * RATE)], np.zeros(640), woman[int(pause * RATE) :])
    heard = 0.7 * np.concatenate(parts)
    heard += 3e-4 * np.random.default_rng(1).standard_normal(heard.size)
    path = tmp_path_factory.mktemp("calls") / "a call.wav"
    soundfile.write(path, heard, RATE)
    return path


def test_a_recording_is_scored_with_its_reason(recording):
    status, result, err = softphone("score", str(recording), "--reference", "builtin:woman", "--min-mos", "3")
    assert (status, err, result["error"]) == (0, "", None)
    assert result["mos_lqo"] > 4
    assert result["delay_ms"] == pytest.approx(700, abs=1)
    assert [change["by_ms"] for change in result["delay_changes"]] == [pytest.approx(40, abs=1)]
    assert result["gain_db"] == pytest.approx(-3.1, abs=0.2)
    assert result["took_s"] < 10


def test_the_reference_is_found_in_a_folder(recording, tmp_path):
    for name in ("man", "woman"):
        (tmp_path / f"{name}.wav").write_bytes(speech_path(f"builtin:{name}").read_bytes())
    status, result, _ = softphone("score", str(recording), "--reference", str(tmp_path), "--metrics", "stoi")
    assert (status, result["reference"]) == (0, "woman.wav")


def test_the_example_scores(recording):
    example = Path(__file__).parents[2] / "examples" / "score_files.py"
    done = subprocess.run(
        [sys.executable, str(example), str(recording), "builtin:woman"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "700.0 ms late" in done.stdout
    assert "worst from" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(recording, tmp_path):
    pairs, scores = tmp_path / "pairs.csv", tmp_path / "scores.csv"
    lines = []
    for number in range(16):
        name = tmp_path / f"{number}.wav"
        name.symlink_to(recording)
        lines.append(f"{name.name},builtin:woman")
    pairs.write_text("degraded,reference\n" + "\n".join(lines) + "\n")
    command = [
        *COMMAND,
        "score",
        "--pairs",
        str(pairs),
        "--out",
        str(scores),
        "--metrics",
        "stoi",
        "--workers",
        "2",
        "--json",
    ]
    running = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (scores.exists() and scores.read_bytes().count(b"\n") >= 3):
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "goes on from there" in json.loads(out)["error"]
    assert "Traceback" not in err
    kept = scores.read_bytes().count(b"\n") - 1
    assert 2 <= kept < 16
    status, result, _ = softphone(*command[len(COMMAND) : -1], timeout_s=120)
    assert (status, result["rows"], result["scored"], result["failed"]) == (0, 16, 16, 0)
    assert result["reused"] == kept
    with scores.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["degraded"] for row in rows}) == len(rows) == 16
    assert len({row["mos_lqo"] for row in rows}) == 1


def test_the_threshold_of_a_call_is_held_against_its_score():
    with Answering("--codec", "opus:16000", "--calls", "1") as callee:
        arguments = (
            "--codec",
            "opus:16000",
            "--seconds",
            "3",
            "--expect",
            "builtin:man",
            "--min-mos",
            "4.99",
        )
        status, result, _ = softphone("call", callee.uri, *arguments)
    assert status == 6
    assert result["score"]["trusted"] is True
    assert f"MOS heard here is {result['score']['value']:.2f}" in result["error"]
