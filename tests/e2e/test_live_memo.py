"""A memo that is recorded and seen live, as its users do it: the command, the protocol, the memo that was kept."""

import contextlib
import json
import os
import statistics
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile
from support.command import COMMAND
from support.served import Served, wait_for
from support.vowels import vowel

from softphone.control.client import RemoteError

pytestmark = pytest.mark.e2e

RATE_HZ = 44_100
SECONDS = 2.8


@pytest.fixture
def sung(tmp_path: Path) -> Path:
    """A vowel, as a microphone would hear it."""
    made = vowel(220.0, seconds=SECONDS, sample_rate_hz=RATE_HZ, jitter_pct=0.5, shimmer_pct=2.0, hnr_db=22.0)
    path = tmp_path / "sung.wav"
    soundfile.write(path, made.samples, RATE_HZ, subtype="PCM_24")
    return path


def test_a_page_is_told_of_the_voice_and_of_the_vowel(sung: Path, tmp_path: Path) -> None:
    arguments = (
        "memo",
        "record",
        "evening",
        "--live",
        "--play",
        str(sung),
        "--folder",
        str(tmp_path / "memos"),
    )
    with Served(*arguments, serving_on_stdout=False) as served:
        with served.client() as client:
            voices = []
            with contextlib.closing(client.watch("voice")) as events:
                for event in events:
                    if event.get("recording") is None and voices:
                        break  # it is over; before, it had not begun
                    if "f0" in event:
                        voices.append(event)
            assert len(voices) > 20
            at_s = [each["seconds"] for each in voices]
            assert statistics.median(after - before for before, after in pairwise(at_s)) <= 0.05
            assert voices[-1]["f0_hz"] == pytest.approx(220.0, rel=0.01)
            assert max(len(each["f0"]) for each in voices[5:]) < 50
            vowels = [each["vowel"] for each in voices if each["vowel"]["lasts"]]
            assert vowels[-1]["measured_s"] > 1.5
            wait_for(
                lambda: client.ask("memos")["memos"][0]["figures"]["hnr_db"], "the memo is measured", served
            )
            (memo,) = client.ask("memos")["memos"]
            for key in ("hnr_db", "cpps_db"):
                assert vowels[-1][key] == pytest.approx(memo["figures"][key], abs=0.7), key
            assert memo["task"] == "vowel"
            kind, sound = served.fetch(client.ask("memo.listen", memo="evening")["url"])
            assert (kind, sound[:4]) == ("audio/flac", b"fLaC")
            kind, page = served.fetch(client.ask("memo.report", memo="evening")["url"])
            assert kind == "text/html; charset=utf-8"
            assert b"evening" in page
            assert str(tmp_path).encode() not in page
            again = client.ask("voice.record", name="again")
            assert again["recording"] == "again"
            with contextlib.closing(client.watch("voice")) as events:
                next(event for event in events if event.get("seconds", 0.0) > 0.8)
        served.interrupt()
        result = served.result()
        assert served.finish() == 0
        assert result["name"] == "again"
        assert result["result"]["f0_mean_hz"] == pytest.approx(220.0, rel=0.01)


def test_in_a_pipe_there_is_nothing_but_the_result(sung: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "memo", "record", "--live", "--play", str(sung), "--seconds", "0.6", "--folder", str(tmp_path), "--json"],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["seconds"] == pytest.approx(0.6, abs=0.001)


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals here")
def test_on_a_terminal_the_voice_is_seen(sung: Path, tmp_path: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
    arguments = ("--live", "--play", str(sung), "--seconds", "1.0", "--no-measure", "--folder", str(tmp_path))
    process = subprocess.Popen(
        [*COMMAND, "memo", "record", "seen", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
    )
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(ours, 65536):
            seen += data
    except OSError:  # Linux says so at the end
        pass
    assert process.wait(30) == 0
    os.close(ours)
    text = seen.decode()
    assert "recording seen" in text
    assert "220." in text
    assert "A3" in text
    assert text.count("HPR") >= 10


def test_a_page_wants_live(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "memo", "record", "--serve", "--folder", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--serve is for --live" in done.stderr


def test_a_console_records_memos_beside_its_calls(tmp_path: Path) -> None:
    folder = tmp_path / "memos"
    arguments = (
        "--listen",
        "127.0.0.1:0",
        "--no-record",
        "--in-device",
        "null:tone=220",
        "--memos",
        str(folder),
    )
    with Served("console", *arguments) as console, console.client() as client:
        console.event("listening")
        assert {"memos", "calls"} <= set(client.welcome["topics"])
        assert client.ask("memos") == {"memos": []}
        client.ask("voice.record", name="hum")
        with pytest.raises(RemoteError) as caught:
            client.ask("voice.record", name="other")
        assert caught.value.code == "not-possible"
        with contextlib.closing(client.watch("voice")) as events:
            told = next(event for event in events if event.get("seconds", 0.0) > 0.6)
        assert told["f0_hz"] == pytest.approx(220.0, abs=0.5)
        assert client.ask("voice.stop")["memo"]["memo"] == "hum"
        wait_for(lambda: client.ask("memos")["memos"][0]["state"] == "ready", "it is measured", console)
        assert client.ask("memos")["memos"][0]["figures"]["f0_mean_hz"] == pytest.approx(220.0, rel=0.002)
        client.ask("memo.delete", memo="hum")
        client.ask("voice.record", name="cut")
        with contextlib.closing(client.watch("voice")) as events:
            next(event for event in events if event.get("seconds", 0.0) > 0.3)
        console.interrupt()
        assert console.finish() == 0
    (kept,) = (folder / "sound").iterdir()
    assert soundfile.info(kept).duration > 0.2
