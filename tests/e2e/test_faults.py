"""What goes wrong, as a user sees it: one clear line, the right exit status, recordings intact, no traceback."""

import json
import signal
import socket
import subprocess
import time
import wave

import pytest
from support.command import COMMAND, Answering, Calling, softphone

pytestmark = pytest.mark.e2e

NOBODY = "sip:nobody@127.0.0.1:9"  # discard: nothing listens there


def one_line_error(status, expected_status, result, stderr):
    """The call failed as it should, and said so in one line."""
    assert status == expected_status, (result, stderr)
    assert "Traceback" not in stderr
    assert len(stderr.strip().splitlines()) == 1, stderr
    return stderr.strip()


def playable_seconds(path):
    with wave.open(str(path), "rb") as recording:
        data = recording.readframes(recording.getnframes())
        assert len(data) == 2 * recording.getnframes()
        return recording.getnframes() / recording.getframerate()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"this is text, not sound\n" * 20, "sound file"), (b"", "empty"), (None, "does not exist")],
)
def test_a_file_that_is_no_sound_is_named(tmp_path, content, words):
    path = tmp_path / "speech.wav"
    if content is not None:
        path.write_bytes(content)
    status, result, err = softphone("call", NOBODY, "--play", str(path))
    line = one_line_error(status, 2, result, err)
    assert str(path) in line
    assert words in line
    assert words in result["error"]


def test_a_wav_without_samples_is_refused(tmp_path):
    path = tmp_path / "none.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
    status, result, err = softphone("call", NOBODY, "--play", str(path))
    assert "no audio" in one_line_error(status, 2, result, err)


@pytest.mark.parametrize("uri", ["bob", "http://127.0.0.1/", "sip:", "sip:bob@", "sip:bob@127.0.0.1:99999"])
def test_a_uri_that_is_none_is_refused(uri):
    status, result, err = softphone("call", uri)
    assert "sip:" in one_line_error(status, 2, result, err)
    assert result["error"]


def test_a_codec_nobody_has_is_refused_with_those_there_are():
    status, result, err = softphone("call", NOBODY, "--codec", "mp3")
    line = one_line_error(status, 2, result, err)
    assert "mp3" in line
    assert "opus" in line


def test_a_port_in_use_is_named():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        status, result, err = softphone("answer", "--listen", f"127.0.0.1:{port}")
    line = one_line_error(status, 2, result, err)
    assert str(port) in line
    assert "in use" in line


def test_a_recording_that_cannot_be_written_is_said_before_the_call(tmp_path):
    status, result, err = softphone("call", NOBODY, "--record", str(tmp_path / "no" / "such" / "folder.wav"))
    assert "folder.wav" in one_line_error(status, 2, result, err)


def test_a_recording_does_not_overwrite_what_is_played(tmp_path):
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(b"\x01\x00" * 16000)
    before = path.read_bytes()
    status, result, err = softphone("call", NOBODY, "--play", str(path), "--record", str(path))
    one_line_error(status, 2, result, err)
    assert path.read_bytes() == before


def test_a_port_where_nobody_listens_is_unreachable_at_once():
    began = time.monotonic()
    status, result, err = softphone("call", NOBODY)
    one_line_error(status, 3, result, err)
    assert result["outcome"] == "unreachable"
    assert time.monotonic() - began < 20  # ICMP says so; without it Timer B would take 32 s


def test_no_answer_is_3_and_the_call_is_cancelled():
    with Answering("--ring", "30") as callee:
        status, result, err = softphone("call", callee.uri, "--ring-timeout", "1")
        one_line_error(status, 3, result, err)
        assert result["outcome"] == "no-answer"
        callee.interrupt()
        _, results, _ = callee.finish()
    assert [each["outcome"] for each in results] == ["no-answer"]


@pytest.mark.parametrize(("code", "outcome"), [(486, "busy"), (603, "declined"), (488, "incompatible")])
def test_a_refusal_is_4(code, outcome):
    with Answering("--reject", str(code), "--calls", "1") as callee:
        status, result, err = softphone("call", callee.uri)
        one_line_error(status, 4, result, err)
        assert (result["outcome"], result["sip_status"]) == (outcome, code)


def test_no_common_codec_is_incompatible():
    with Answering("--codec", "pcmu", "--calls", "1") as callee:
        status, result, err = softphone("call", callee.uri, "--codec", "opus")
        one_line_error(status, 4, result, err)
        assert (result["outcome"], result["sip_status"]) == ("incompatible", 488)


@pytest.mark.parametrize("algorithms", ["md5", "sha-256,md5"])
def test_wrong_and_right_password(monkeypatch, algorithms):
    monkeypatch.setenv("SECRET", "swordfish")
    account = ("--user", "alice", "--password-env", "SECRET")
    with Answering(*account, "--calls", "2", "--auth-algorithms", algorithms) as callee:
        status, result, err = softphone("call", callee.uri, "--seconds", "1")
        one_line_error(status, 4, result, err)
        assert result["outcome"] == "unauthorized"
        status, result, _ = softphone("call", callee.uri, "--seconds", "1", *account)
        assert (status, result["outcome"]) == (0, "completed")
        monkeypatch.setenv("SECRET", "guess")
        status, result, err = softphone("call", callee.uri, "--seconds", "1", *account)
        one_line_error(status, 4, result, err)
        assert result["outcome"] == "unauthorized"


def test_a_peer_that_vanishes_drops_the_call_and_leaves_a_playable_recording(tmp_path):
    heard = tmp_path / "heard.wav"
    with (
        Answering() as callee,
        Calling(callee.uri, "--seconds", "60", "--record", str(heard), "--rtp-timeout", "1.5") as caller,
    ):
        wait_for_audio(heard)
        callee.process.kill()
        status, result, err = caller.finish()
    one_line_error(status, 5, result, err)
    assert (result["outcome"], result["ended_by"]) == ("dropped", "network")
    assert playable_seconds(heard) == pytest.approx(result["duration_s"], abs=0.3)


def test_ctrl_c_hangs_up_and_prints_the_result(tmp_path):
    heard = tmp_path / "heard.wav"
    with Answering("--calls", "1") as callee:
        with Calling(callee.uri, "--seconds", "60", "--record", str(heard)) as caller:
            wait_for_audio(heard)
            caller.interrupt()
            status, result, err = caller.finish()
        assert (status, result["outcome"], result["ended_by"]) == (0, "completed", "local")
        assert "Traceback" not in err
        assert result["peer_result"]["outcome"] == "completed"
        assert playable_seconds(heard) == pytest.approx(result["duration_s"], abs=0.3)
        callee_status, results, _ = callee.finish()
    assert (callee_status, results[0]["ended_by"]) == (0, "peer")


def test_ctrl_c_while_it_rings_cancels():
    with Answering("--ring", "30", "--calls", "1") as callee, Calling(callee.uri) as caller:
        time.sleep(1.0)
        caller.interrupt()
        status, result, err = caller.finish()
        assert (status, result["outcome"]) == (3, "no-answer")
        assert "Traceback" not in err
        assert callee.finish()[1][0]["ended_by"] == "peer"


def test_ctrl_c_at_answer_hangs_up_its_calls(tmp_path):
    heard = tmp_path / "heard.wav"
    with Answering("--record", str(heard)) as callee, Calling(callee.uri, "--seconds", "60") as caller:
        wait_for_audio(heard)
        callee.interrupt()
        status, results, err = callee.finish()
        assert (status, results[0]["ended_by"]) == (0, "local")
        assert "Traceback" not in err
        assert caller.finish()[1]["ended_by"] == "peer"


def test_a_recording_of_a_killed_process_plays(tmp_path):
    heard = tmp_path / "heard.wav"
    with Answering() as callee, Calling(callee.uri, "--seconds", "60", "--record", str(heard)) as caller:
        wait_for_audio(heard)
        caller.process.send_signal(signal.SIGKILL)
        caller.process.wait()
    assert playable_seconds(heard) >= 1


def test_rtp_from_a_stranger_is_dropped_and_counted():
    with Answering("--rtp-ports", "23000-23001") as callee, Calling(callee.uri, "--seconds", "2") as caller:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.2", 0))
            number = 0
            while caller.process.poll() is None:  # however long it took to begin
                packet = bytes([0x80, 0]) + number.to_bytes(2) + bytes(8) + b"\x55" * 160
                stranger.sendto(packet, ("127.0.0.1", 23000))
                time.sleep(0.01)
                number += 1
        status, result, _ = caller.finish()
        assert status == 0
        for one in (result, result["peer_result"]):
            assert set(one["verdict"]) <= {"ok", "dropouts"}  # the second where the machine is too busy
        assert result["peer_result"]["received"]["strangers"] >= 50
        assert result["peer_result"]["received"]["loss_pct"] == 0


def test_silence_from_the_peer_is_5(tmp_path):
    quiet = tmp_path / "quiet.wav"
    with wave.open(str(quiet), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(32000 * 3))
    with Answering("--play", str(quiet), "--calls", "1") as callee:
        status, result, err = softphone("call", callee.uri, "--seconds", "2")
    one_line_error(status, 5, result, err)
    assert (result["outcome"], result["verdict"]) == ("no-audio", ["silent"])
    assert result["peer_result"]["verdict"] == ["ok"]


def test_what_only_the_peer_did_not_hear_fails_the_caller_too(tmp_path):
    quiet = tmp_path / "quiet.wav"
    with wave.open(str(quiet), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(32000 * 3))
    with Answering("--calls", "1") as callee:
        status, result, _ = softphone("call", callee.uri, "--seconds", "2", "--play", str(quiet))
    assert status == 5
    assert (result["outcome"], result["verdict"]) == ("completed", ["ok"])
    assert (result["peer_result"]["outcome"], result["peer_result"]["verdict"]) == ("no-audio", ["silent"])


def test_a_threshold_that_is_missed_is_6_and_one_that_cannot_be_tested_is_2():
    with Answering("--calls", "3") as callee:
        status, result, _ = softphone(
            "call", callee.uri, "--seconds", "1.5", "--codec", "pcmu", "--min-mos", "3"
        )
        assert (status, result["error"]) == (0, None)
        status, result, err = softphone(
            "call", callee.uri, "--seconds", "1.5", "--codec", "pcmu", "--min-mos", "4.9"
        )
        one_line_error(status, 6, result, err)
        status, result, err = softphone(
            "call", callee.uri, "--seconds", "1.5", "--codec", "opus", "--min-mos", "3"
        )
        assert "trusted MOS" in one_line_error(status, 2, result, err)


def test_without_json_an_error_is_one_line_on_stderr():
    done = subprocess.run([*COMMAND, "call", "bob"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("softphone: ")
    assert done.stderr.count("\n") == 1


def wait_for_audio(path, seconds=30.0, size=30_000):
    """Wait until a recording holds its first second, or *size* bytes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and path.stat().st_size > size:
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing was recorded in {path}")


def test_json_errors_are_objects():
    done = subprocess.run(
        [*COMMAND, "call", "bob", "--json"], capture_output=True, text=True, timeout=30, check=False
    )
    assert set(json.loads(done.stdout)) >= {"error"}


def test_ctrl_c_while_the_call_is_scored_skips_the_score(tmp_path):
    heard = tmp_path / "heard.wav"
    with Answering("--calls", "1") as callee:
        arguments = ("--seconds", "60", "--record", str(heard), "--expect", "builtin:man")
        with Calling(callee.uri, *arguments) as caller:
            wait_for_audio(heard, size=120_000)  # enough for a score: less would be refused at once
            caller.interrupt()
            time.sleep(0.2)
            caller.interrupt()
            status, result, err = caller.finish()
    assert (status, result["outcome"], result["score"]) == (0, "completed", None)
    assert "interrupted" in err
    assert "Traceback" not in err
