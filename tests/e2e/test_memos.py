"""Memos as a user makes them: the installed command, real speech, kills in the middle, a full disk, two at once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from support.command import COMMAND, softphone

from softphone.io.memos.journal import JournalReader
from softphone.io.speech import speech_path

pytestmark = pytest.mark.e2e

WORDS = ("memo", "record", "morning", "--play", "builtin:man")


def speech() -> np.ndarray[Any, Any]:
    samples: np.ndarray[Any, Any] = soundfile.read(speech_path("builtin:man"), dtype="float32")[0]
    return samples


def recording(folder: Path, *more: str) -> subprocess.Popen[str]:
    """A recorder whose journal holds a second of sound."""
    running = subprocess.Popen(
        [*COMMAND, *WORDS, "--folder", str(folder), *more, "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not any(path.stat().st_size > 4 * 16_000 for path in folder.glob("taking/*.take")):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return running


def in_the_journal(folder: Path) -> int:
    (journal,) = folder.glob("taking/*.take")
    with JournalReader(journal) as reader:
        return sum(block.shape[1] for block in reader.blocks())


def test_a_memo_is_recorded_measured_listed_exported_and_deleted(tmp_path: Path) -> None:
    folder = ("--folder", str(tmp_path / "m"))
    status, told, _ = softphone(*WORDS, "--seconds", "1", "--tag", "speech", "--note", "früh", *folder)
    assert status == 0, told
    assert (told["name"], told["seconds"], told["ended_by"], told["error"]) == (
        "morning",
        1.0,
        "seconds",
        None,
    )
    samples, rate_hz = soundfile.read(told["path"], dtype="float32")
    assert (rate_hz, soundfile.info(told["path"]).subtype) == (16_000, "PCM_24")
    assert np.array_equal(samples, speech()[:16_000])
    assert 60 < told["result"]["f0_median_hz"] < 250
    _, listed, _ = softphone("memo", "list", "--tag", "speech", *folder)
    assert [each["name"] for each in listed["memos"]] == ["morning"]
    assert softphone("memo", "export", "--out", str(tmp_path / "out"), *folder)[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "memos.csv",
        "memos.json",
        "morning.flac",
    ]
    exported, _ = soundfile.read(tmp_path / "out" / "morning.flac", dtype="float32")
    assert np.array_equal(exported, samples)
    assert softphone("memo", "delete", "morning", *folder)[0] == 2
    assert softphone("memo", "delete", "morning", "--yes", *folder)[0] == 0
    assert list((tmp_path / "m" / "sound").iterdir()) == []


def test_a_recorder_that_is_killed_leaves_a_memo_on_the_next_start(tmp_path: Path) -> None:
    running = recording(tmp_path)
    running.kill()
    running.communicate(timeout=30)
    frames = in_the_journal(tmp_path)
    assert frames >= 16_000
    status, told, err = softphone("memo", "list", "--folder", str(tmp_path))
    assert (status, told["recovered"]) == (0, ["morning"])
    (memo,) = told["memos"]
    assert (memo["origin"], memo["seconds"]) == ("recovered", frames / 16_000)
    assert memo["figures"]["f0_median_hz"] is not None
    assert "a recording that was cut off is now memo morning" in err
    assert np.array_equal(soundfile.read(memo["path"], dtype="float32")[0], speech()[:frames])
    assert list(tmp_path.glob("taking/*")) == []


@pytest.mark.skipif(os.name != "posix", reason="no such signals elsewhere")
def test_while_one_records_others_leave_it_alone_and_ctrl_c_keeps_it(tmp_path: Path) -> None:
    running = recording(tmp_path)
    status, told, err = softphone("memo", "list", "--folder", str(tmp_path))
    assert (status, told["memos"], told["recovered"], err) == (0, [], [], "")
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=60)
    done = json.loads(out)
    assert (running.returncode, done["ended_by"], done["origin"]) == (0, "stopped", "recorded"), done
    assert done["seconds"] >= 1.0
    assert done["result"]["f0_median_hz"] is not None


@pytest.mark.skipif(os.name != "posix", reason="limits on file sizes are POSIX")
def test_a_full_disk_is_one_line_and_what_was_written_is_kept(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from softphone.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *WORDS, "--no-measure", "--folder", str(tmp_path), "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "File too large" in told["error"]
    assert (told["ended_by"], told["name"]) == ("fault", "morning")
    samples = soundfile.read(told["path"], dtype="float32")[0]
    assert 12_000 <= samples.size <= 17_500
    assert np.array_equal(samples, speech()[: samples.size])
