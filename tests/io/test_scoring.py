import asyncio
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import soxr

from softphone.errors import UsageError
from softphone.io import scoring
from softphone.io.score_file import ScoreJob, score_file
from softphone.io.scoring import score_in_child
from softphone.io.scoring_child import answer
from softphone.io.speech import speech_path

RATE = 16000


def speech(name):
    return soundfile.read(speech_path(f"builtin:{name}"), dtype="float32")[0]


@pytest.fixture
def narrowband(tmp_path):
    """The man, half a second late, at 8 kHz and 6 dB down."""
    heard = np.concatenate([np.zeros(4000), soxr.resample(speech("man"), 16000, 8000) * 0.5])
    path = tmp_path / "heard.wav"
    soundfile.write(path, heard, 8000)
    return path


def test_the_child_scores_for_a_call(narrowband):
    result = asyncio.run(score_in_child("builtin:man", narrowband, timeout_s=60))
    assert set(result) == {"score", "verdict", "refused"}
    score = result["score"]
    assert (score["metric"], score["unit"], score["trusted"]) == ("visqol", "MOS-LQO", True)
    assert score["value"] > 4.5
    assert score["delay_ms"] == pytest.approx(500, abs=0.5)
    assert score["gain_db"] == pytest.approx(-6, abs=0.3)
    assert result["verdict"] == ["ok"]
    assert asyncio.run(score_in_child("builtin:man", narrowband, trusted=False))["score"]["trusted"] is False


def test_a_recording_without_the_reference_has_no_score_and_a_reason(narrowband):
    result = asyncio.run(score_in_child("builtin:woman", narrowband))
    assert result["score"] is None
    assert "not found" in result["refused"]["visqol"]


@pytest.mark.parametrize(
    ("reference", "degraded", "error"),
    [
        ("builtin:man", "/nowhere/x.wav", "/nowhere/x.wav does not exist"),
        ("builtin:nobody", "/nowhere/x.wav", "/nowhere/x.wav does not exist"),
        ("builtin:nobody", "builtin:man", "no bundled speech 'builtin:nobody'"),
    ],
)
def test_a_child_that_refuses_is_an_error_not_an_exception(reference, degraded, error):
    result = asyncio.run(score_in_child(reference, degraded, timeout_s=60))
    assert set(result) == {"error", "exit_status"}
    assert result["exit_status"] == 2
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
    return asyncio.run(scoring._run_child(["-c", code], {}, 30))


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


def test_the_child_answers_line_by_line_and_ends_with_its_input(narrowband):
    jobs = [
        {"degraded": str(narrowband), "reference": "builtin:man", "metrics": ["stoi"]},
        {"degraded": "/nowhere/x.wav"},
        {"degraded": str(narrowband), "reference": "builtin:man", "metrics": ["no such"]},
    ]
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "softphone.io.scoring_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    answers = []
    for job in jobs:
        child.stdin.write(json.dumps(job).encode() + b"\n")
        child.stdin.flush()
        answers.append(json.loads(child.stdout.readline()))
    child.stdin.close()
    assert child.wait(30) == 0
    child.stdout.close()
    assert set(answers[0]["metrics"]) == {"visqol", "stoi"}
    assert answers[1]["exit_status"] == answers[2]["exit_status"] == 2
    assert "--metrics must be of" in answers[2]["error"]


def scored(degraded, reference="builtin:man", **more):
    return score_file(ScoreJob(str(degraded), reference, **more))


def test_files_of_any_rate_and_equal_channels_meet(tmp_path):
    stereo = soxr.resample(speech("woman"), 16000, 44100)
    path = tmp_path / "stereo.flac"
    soundfile.write(path, np.stack([stereo, stereo], axis=1), 44100)
    result = scored(path, "builtin:woman")
    assert result["mos_lqo"] > 4.8
    assert abs(result["delay_ms"]) < 0.3
    assert (result["channel"], result["channels"]) == (None, [])
    assert (result["sample_rate_hz"], result["file_rate_hz"]) == (16000, 44100)
    assert "2 equal channels" in result["warnings"][0]


def test_channels_are_scored_each_and_the_worst_with_the_reference_counts(tmp_path):
    man = speech("man")
    noise = 0.003 * np.random.default_rng(1).standard_normal((3, man.size)).astype(np.float32)
    path = tmp_path / "three.wav"
    other = np.resize(speech("woman"), man.size)
    soundfile.write(path, np.stack([man, man + noise[0], other], axis=1), RATE)
    result = scored(path, metrics=("stoi",))
    assert [each["channel"] for each in result["channels"]] == [1, 2, 3]
    first, second, third = (each["mos_lqo"] for each in result["channels"])
    assert first > second == result["mos_lqo"]
    assert third is None
    assert result["channel"] == 2
    assert "unrelated" not in result["verdict"]


def test_a_reference_of_as_many_channels_is_taken_channel_by_channel(tmp_path):
    man, woman = speech("man"), speech("woman")[: speech("man").size]
    path = tmp_path / "both.wav"
    soundfile.write(path, np.stack([man, woman], axis=1), RATE)
    result = scored(path, str(path), metrics=("stoi",))
    assert [each["mos_lqo"] for each in result["channels"]] == [5.0, 5.0]


def test_what_is_no_sound_file_is_the_users_error(tmp_path):
    empty, text = tmp_path / "empty.wav", tmp_path / "text.wav"
    empty.write_bytes(b"")
    text.write_text("not audio")
    for path in (empty, text, tmp_path):
        with pytest.raises(UsageError):
            scored(path)
        assert answer({"degraded": str(path), "reference": "builtin:man"})["exit_status"] == 2


@pytest.mark.parametrize("size", [1, 20, 43, 45, 1000, 40001, 113623])
def test_a_recording_cut_at_any_byte_is_scored_or_refused(tmp_path, size):
    path = tmp_path / "cut.wav"
    path.write_bytes(speech_path("builtin:man").read_bytes()[:size])
    if size < 46:
        with pytest.raises(UsageError) as refused:
            scored(path)
        assert str(refused.value).count(str(path)) <= 1
        return
    result = scored(path, metrics=("stoi",))
    assert any("cut off" in warning for warning in result["warnings"])
    if size < 40000:
        assert result["mos_lqo"] is None
        assert result["refused"]["visqol"]
    else:
        assert result["mos_lqo"] > 4.8
        assert result["scored_s"] == pytest.approx((size - 44) / 32000, abs=0.05)


def test_a_reference_is_found_in_a_folder(tmp_path, narrowband):
    folder = tmp_path / "references"
    (folder / "sub").mkdir(parents=True)
    for name in ("man", "woman"):
        (folder / "sub" / f"{name}.wav").write_bytes(speech_path(f"builtin:{name}").read_bytes())
    (folder / "notes.txt").write_text("not one of them")
    (folder / "broken.wav").write_bytes(b"RIFF")
    result = scored(narrowband, str(folder), metrics=("stoi",))
    assert result["reference"] == os.path.join("sub", "man.wav")
    assert result["mos_lqo"] > 4.5
    assert any("broken.wav" in warning for warning in result["warnings"])
    (folder / "sub" / "man.wav").unlink()
    result = scored(narrowband, str(folder), metrics=("stoi",))
    assert (result["reference"], result["mos_lqo"]) == (None, None)
    assert "none of the 1 references" in result["refused"]["visqol"]


def test_a_recording_is_not_its_own_reference(tmp_path):
    for name in ("man", "woman"):
        (tmp_path / f"{name}.wav").write_bytes(speech_path(f"builtin:{name}").read_bytes())
    (tmp_path / "call.wav").write_bytes(speech_path("builtin:man").read_bytes())
    assert scored(tmp_path / "call.wav", str(tmp_path), metrics=("stoi",))["reference"] == "man.wav"


def test_a_folder_without_references_is_refused(tmp_path, narrowband):
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="holds no reference"):
        scored(narrowband, str(tmp_path / "none"))


def test_the_parent_imports_nothing_heavy():
    code = (
        "import sys, softphone.io.scoring;"
        "print([m for m in ('numpy', 'scipy', 'pystoi', 'soundfile', 'soxr') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_scorer_imports_nothing_that_is_slow_to_import():
    code = (
        "import sys, softphone.io.score_file, softphone.app.score, softphone.app.score_batch;"
        "print([m for m in ('scipy', 'matplotlib', 'pystoi', 'onnxruntime', 'pesq', 'asyncio', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
