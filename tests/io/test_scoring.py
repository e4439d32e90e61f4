import asyncio
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import soxr

from dsp.metrics import MetricRefused
from softphone.errors import UsageError
from softphone.io import scoring
from softphone.io.scoring import score_in_child
from softphone.io.scoring_child import main, score_files
from softphone.io.speech import speech_path


def speech(name):
    return soundfile.read(speech_path(f"builtin:{name}"), dtype="float32")[0]


@pytest.fixture
def narrowband(tmp_path):
    """The man, half a second late, at 8 kHz and 6 dB down."""
    heard = np.concatenate([np.zeros(4000), soxr.resample(speech("man"), 16000, 8000) * 0.5])
    path = tmp_path / "heard.wav"
    soundfile.write(path, heard, 8000)
    return path


def test_the_child_scores_and_prints_one_json_object(narrowband):
    result = asyncio.run(score_in_child("builtin:man", narrowband, timeout_s=60))
    assert "error" not in result
    assert result["metric"] == "stoi"
    assert result["value"] > 0.98
    assert result["delay_ms"] == pytest.approx(500, abs=0.2)
    assert result["gain_db"] == pytest.approx(-6, abs=0.3)


@pytest.mark.parametrize(
    ("reference", "degraded", "error"),
    [
        ("builtin:man", "/nowhere/x.wav", "no such sound file: /nowhere/x.wav"),
        ("builtin:nobody", "/nowhere/x.wav", "no bundled speech 'builtin:nobody'"),
        ("builtin:man", "--metric", "no such sound file: --metric"),
    ],
)
def test_a_child_that_refuses_is_an_error_not_an_exception(reference, degraded, error):
    result = asyncio.run(score_in_child(reference, degraded, timeout_s=60))
    assert list(result) == ["error"]
    assert result["error"].startswith(error)


def children():
    path = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    if not os.path.exists(path):
        pytest.skip("this system does not list children in /proc")
    with open(path) as listing:
        return listing.read().split()


def test_a_child_that_takes_too_long_is_killed(narrowband):
    before = children()
    result = asyncio.run(score_in_child("builtin:man", narrowband, timeout_s=0.01))
    assert result == {"error": "scoring took longer than 0.01 s"}
    assert children() == before


def test_cancelling_the_score_ends_the_child(narrowband, monkeypatch):
    before = children()
    start = asyncio.create_subprocess_exec

    async def cancelled():
        started = asyncio.Event()

        async def announced(*arguments, **options):
            child = await start(*arguments, **options)
            started.set()
            return child

        monkeypatch.setattr(asyncio, "create_subprocess_exec", announced)
        task = asyncio.create_task(score_in_child("builtin:man", narrowband, timeout_s=60))
        await started.wait()
        assert children() != before
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert children() == before


def run_python(code):
    """What the parent makes of a child that runs *code*."""
    return asyncio.run(scoring._run_child(["-c", code], 30))


def test_a_child_that_crashes_gives_its_last_line_and_status():
    result = run_python("raise ValueError('out of tune')")
    assert result == {"error": "the scoring process ended with status 1: ValueError: out of tune"}


def test_a_child_that_dies_by_a_signal_or_says_nonsense_is_an_error():
    killed = run_python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert killed == {"error": "the scoring process ended with status -11: it said nothing"}
    assert "error" in run_python("print('[1, 2]')")
    assert "error" in run_python("print('{')")
    assert "error" in run_python("pass")


def test_an_interpreter_that_is_not_there_is_an_error(monkeypatch, narrowband):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    result = asyncio.run(score_in_child("builtin:man", narrowband, timeout_s=30))
    assert result["error"].startswith("the scoring process did not start")


def test_main_prints_one_line_and_tells_by_its_status(narrowband, monkeypatch, capsys):
    monkeypatch.setattr(os, "nice", lambda increment: 0, raising=False)
    assert main(["builtin:man", str(narrowband), "--untrusted"]) == 0
    assert json.loads(capsys.readouterr().out)["trusted"] is False
    assert main(["builtin:woman", str(narrowband)]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "error": "the reference is not found in the degraded signal"
    }
    assert main(["builtin:man", str(narrowband), "--metric", "none"]) == 1
    assert json.loads(capsys.readouterr().out)["error"].startswith("no metric named 'none'; known: ")


def test_files_of_any_rate_and_channel_count_meet(tmp_path):
    stereo = soxr.resample(speech("woman"), 16000, 44100)
    path = tmp_path / "stereo.flac"
    soundfile.write(path, np.stack([stereo, stereo], axis=1), 44100)
    result = score_files("builtin:woman", str(path))
    assert result["value"] > 0.99
    assert abs(result["delay_ms"]) < 0.3


def test_what_is_no_sound_file_is_the_users_error(tmp_path):
    empty, text = tmp_path / "empty.wav", tmp_path / "text.wav"
    empty.write_bytes(b"")
    text.write_text("not audio")
    for path in (empty, text, tmp_path):
        with pytest.raises(UsageError):
            score_files("builtin:man", str(path))


@pytest.mark.parametrize("size", [1, 20, 43, 44, 45, 1000, 40001, 113623])
def test_a_recording_cut_at_any_byte_is_scored_or_refused(tmp_path, size):
    path = tmp_path / "cut.wav"
    path.write_bytes(speech_path("builtin:man").read_bytes()[:size])
    if size < 40000:
        with pytest.raises((UsageError, MetricRefused)) as refused:
            score_files("builtin:man", str(path))
        assert str(refused.value).count(str(path)) <= 1
    else:
        result = score_files("builtin:man", str(path))
        assert result["value"] > 0.999
        assert result["seconds"] == pytest.approx((size - 44) / 32000, abs=0.01)


def test_a_file_without_samples_or_with_too_low_a_rate_is_refused(tmp_path):
    nothing, slow = tmp_path / "nothing.wav", tmp_path / "slow.wav"
    soundfile.write(nothing, np.zeros(0), 16000)
    soundfile.write(slow, np.zeros(4000), 4000)
    with pytest.raises(MetricRefused, match=r"0\.000 s"):
        score_files("builtin:man", str(nothing))
    with pytest.raises(MetricRefused, match="4000 Hz"):
        score_files("builtin:man", str(slow))


def test_the_parent_imports_nothing_heavy():
    code = (
        "import sys, softphone.io.scoring;"
        "print([m for m in ('numpy', 'scipy', 'pystoi', 'soundfile', 'soxr') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
