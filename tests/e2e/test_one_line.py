"""The one line that says why a status is not 0, and where output goes when nobody takes it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import wave

import pytest
from support.command import COMMAND, Answering, Calling, softphone

pytestmark = pytest.mark.e2e

NOBODY = "sip:nobody@127.0.0.1:9"  # discard: nothing listens there


def wait_for(path, size):
    deadline = time.monotonic() + 30
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < deadline, f"nothing was recorded in {path}"
        time.sleep(0.05)


def only_line(stderr):
    assert stderr.startswith("softphone: ")
    assert stderr.count("\n") == 1, stderr
    return stderr.removeprefix("softphone: ").strip()


def test_a_terminal_that_is_closed_hangs_up_and_leaves_a_playable_recording(tmp_path):
    heard = tmp_path / "heard.wav"
    with (
        Answering("--calls", "1") as callee,
        Calling(callee.uri, "--seconds", "60", "--record", str(heard)) as caller,
    ):
        wait_for(heard, 30_000)
        caller.process.send_signal(signal.SIGHUP)
        status, result, _ = caller.finish()
        assert (status, result["outcome"], result["ended_by"]) == (0, "completed", "local")
        assert callee.finish()[1][0]["ended_by"] == "peer"
    with wave.open(str(heard)) as recording:
        assert recording.getnframes() / 16000 == pytest.approx(result["duration_s"], abs=0.3)


def test_silence_here_and_silence_at_the_peer_are_told_apart():
    with Answering("--calls", "2", "--device", "null") as callee:
        status, result, err = softphone("call", callee.uri, "--seconds", "0.5")
        assert (status, result["outcome"]) == (5, "no-audio")
        assert only_line(err).startswith("no-audio: packets came with next to no sound")
    with Answering("--calls", "1") as callee:
        status, result, err = softphone("call", callee.uri, "--seconds", "1", "--device", "null")
        assert (status, result["outcome"], result["verdict"]) == (5, "completed", ["ok"])
        assert only_line(err).startswith("at the peer: no-audio: silent, ")


def test_a_line_that_loses_all_is_one_way_in_words():
    with Answering("--calls", "1") as callee:
        status, result, err = softphone("call", callee.uri, "--seconds", "1", "--loss", "100")
    assert (status, result["verdict"]) == (5, ["one-way"])
    assert "firewall" in only_line(err)


@pytest.mark.parametrize("command", [("call", NOBODY), ("answer", "--listen", "127.0.0.1:0")])
def test_a_tone_above_what_the_codecs_carry_is_refused_before_the_call(command):
    status, _, err = softphone(*command, "--codec", "pcmu", "--tone", "5000")
    assert status == 2
    assert "pcmu below 4000 Hz" in only_line(err)


def test_a_tone_chooses_among_the_codecs_those_that_carry_it():
    with Answering("--codec", "pcmu,opus", "--calls", "1") as callee:
        arguments = ("--codec", "pcmu,opus", "--tone", "5000", "--seconds", "1")
        status, result, _ = softphone("call", callee.uri, *arguments)
    assert (status, result["codec"]["name"]) == (0, "opus")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_recording_that_finds_no_room_is_2():
    with Answering("--calls", "1") as callee:
        status, result, err = softphone("call", callee.uri, "--seconds", "1", "--record", "/dev/full")
    assert (status, result["outcome"]) == (2, "failed")
    assert only_line(err) == result["error"]
    assert "No space left" in err


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_recording_that_stops_for_lack_of_room_is_told_in_the_result(tmp_path):
    import resource

    heard = tmp_path / "heard.wav"
    with (
        Answering("--calls", "1") as callee,
        Calling(callee.uri, "--seconds", "3", "--record", str(heard)) as caller,
    ):
        wait_for(heard, 30_000)
        resource.prlimit(caller.pid, resource.RLIMIT_FSIZE, (40_000, 40_000))
        status, result, err = caller.finish()
    assert (status, result["outcome"], result["verdict"]) == (2, "completed", ["ok"])
    assert only_line(err) == result["error"]
    assert "heard.wav stopped" in err
    with wave.open(str(heard)) as recording:
        assert len(recording.readframes(10**6)) == 2 * recording.getnframes() >= 30_000


@pytest.mark.parametrize(
    ("uri", "words"),
    [("sip:bob@127.0.0.1:9;transport=sctp", "transport=sctp"), ("sip:bob@127.0.0.1:0", "1 to 65535")],
)
def test_a_uri_that_cannot_be_called_is_refused(uri, words):
    status, _, err = softphone("call", uri)
    assert status == 2
    assert words in only_line(err)


def shell(line, **environment):
    return subprocess.run(
        ["sh", "-c", f"{' '.join(COMMAND)} {line}"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
@pytest.mark.parametrize(
    "arguments", ["codec list", "codec list --json", f"call {NOBODY} --json", "--version"]
)
def test_output_that_finds_no_room_is_2_and_one_line(arguments):
    done = shell(f"{arguments} > /dev/full")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No space left" in only_line(done.stderr)


def test_closed_standard_streams_change_no_status():
    assert shell("codec list >&-").returncode == 0
    assert shell(f"call {NOBODY} --json >&- 2>&-").returncode == 3
    done = shell(f"call {NOBODY} --json 2>&-")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (3, "unreachable")


def test_a_table_is_drawn_in_ascii_where_nothing_else_is_known():
    done = shell("codec list", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u" not in done.stdout
    assert "-----" in done.stdout


def test_a_call_that_leads_back_to_its_own_address_is_busy():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        own = f"127.0.0.1:{free.getsockname()[1]}"
    status, result, _ = softphone("call", f"sip:me@{own}", "--listen", own, "--ring-timeout", "5")
    assert (status, result["outcome"], result["sip_status"]) == (4, "busy", 486)


def test_a_demo_that_is_interrupted_before_its_call_says_so():
    with subprocess.Popen(
        [*COMMAND, "demo", "--json", "-v"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        for line in demo.stderr:
            if "caller calls" in line:
                break
        demo.send_signal(signal.SIGINT)  # the caller's interpreter has only just been started
        out, err = demo.communicate(timeout=30)
    assert (demo.returncode, json.loads(out)) == (
        1,
        {"error": "the demo was interrupted before there was a result"},
    )
    assert err.splitlines()[-1] == "softphone: the demo was interrupted before there was a result"


def test_a_demo_whose_callee_has_no_ports_ends_and_says_so():
    status, result, _ = softphone("demo", "--seconds", "1", "--rtp-ports", "23100-23101", timeout_s=30)
    assert status == 1
    assert "free pair of UDP ports" in result["error"]


def test_a_demo_with_a_codec_nobody_has_says_so_once():
    status, _, err = softphone("demo", "--codec", "mp3")
    assert status == 2
    assert "mp3" in only_line(err)


@pytest.mark.parametrize("option", ["--play", "--expect", "--record", "--record-sent"])
def test_answer_names_a_file_that_cannot_be_before_it_listens(option, tmp_path):
    path = tmp_path / "no" / "such.wav"
    status, result, err = softphone("answer", "--listen", "127.0.0.1:0", option, str(path), timeout_s=10)
    assert status == 2
    assert str(path) in only_line(err)
    assert list(result) == ["error"]


def test_answer_leaves_no_file_behind_when_nobody_calls(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Answering("--expect", "builtin:man", "--record-sent", str(tmp_path / "sent.wav")) as callee:
        callee.interrupt()
        assert callee.finish()[0] == 0
    assert list(tmp_path.iterdir()) == []
