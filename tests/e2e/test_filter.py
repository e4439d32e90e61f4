"""`softphone filter` as a user runs it: the installed command on real speech, the file it wrote, what it refuses."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.command import COMMAND, softphone

from softphone.io.speech import speech_path

pytestmark = pytest.mark.e2e

SPEECH = str(speech_path("builtin:woman"))


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def level_db(path: Path, low_hz: float, high_hz: float) -> float:
    """Level of a band in dB."""
    samples, rate_hz = soundfile.read(path)
    power = np.abs(np.fft.rfft(samples)) ** 2
    freqs = np.fft.rfftfreq(samples.size, 1 / rate_hz)
    return float(10 * np.log10(power[(freqs >= low_hz) & (freqs < high_hz)].sum() + 1e-12))


def long_silence(path: Path, seconds: int) -> None:
    """A 48 kHz stereo WAV that takes no room on the disk."""
    size = 4 * 48_000 * seconds
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 48_000, 4 * 48_000, 4, 16)
    with path.open("wb") as file:
        file.write(
            struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form + struct.pack("<4sI", b"data", size)
        )
        file.truncate(44 + size)


def test_speech_through_a_preset_loses_what_the_preset_cuts(tmp_path: Path) -> None:
    status, done, err = softphone("filter", "wideband-telephone", SPEECH, str(tmp_path / "out.wav"))
    assert (status, err) == (0, "")
    assert soundfile.info(tmp_path / "out.wav").frames == soundfile.info(SPEECH).frames
    assert done["seconds"] == soundfile.info(SPEECH).duration
    out = tmp_path / "out.wav"
    assert level_db(out, 7600, 8000) < level_db(Path(SPEECH), 7600, 8000) - 20
    assert level_db(out, 300, 3000) == pytest.approx(level_db(Path(SPEECH), 300, 3000), abs=0.5)


def test_speech_becomes_as_loud_as_asked_for(tmp_path: Path) -> None:
    out = str(tmp_path / "out.flac")
    status, done, err = softphone("filter", "loudness-ebu", SPEECH, out, "--set", "loudness.target_lufs=-30")
    assert (status, err) == (0, "")
    assert done["readings"]["loudness.integrated_lufs"] == pytest.approx(-30, abs=0.5)  # EBU R 128: +-0.5 LU
    gain_db = done["level_after_dbfs"] - done["level_before_dbfs"]
    assert gain_db == pytest.approx(-30 - done["measured"]["loudness.measured_lufs"], abs=0.1)


def test_what_is_listed_can_be_shown_and_used_as_a_file(tmp_path: Path) -> None:
    status, value, _ = softphone("filter", "--list")
    assert status == 0
    assert "voice-clear" in [each["name"] for each in value["presets"]]
    status, value, _ = softphone("filter", "--show", "voice-clear", "--set", "limiter.ceiling_dbtp=-12")
    (tmp_path / "mine.toml").write_text(value["toml"], encoding="utf-8")
    status, done, err = softphone("filter", str(tmp_path / "mine.toml"), SPEECH, str(tmp_path / "out.ogg"))
    assert (status, err) == (0, "")
    assert done["peak_after_dbfs"] <= -11.9
    assert soundfile.info(tmp_path / "out.ogg").subtype == "VORBIS"


def test_a_person_reads_a_few_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "filter", "voice-clear", SPEECH, str(tmp_path / "out.wav")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.startswith("voice-clear: ")
    assert 5 < done.stdout.count("\n") < 20


@pytest.mark.skipif(os.name != "posix", reason="limits on file sizes are POSIX")
@pytest.mark.parametrize("name", ["out.wav", "out.flac"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    code = (
        "import resource, sys\n"
        "from softphone.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "filter", "no-filter", SPEECH, str(tmp_path / name), "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"{name} cannot be written (File too large)" in json.loads(done.stdout)["error"]
    assert listed(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="no such signals elsewhere")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_the_middle_is_one_line_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    long_silence(tmp_path / "in.wav", 7200)
    running = subprocess.Popen(
        [*COMMAND, "filter", "voice-clear", str(tmp_path / "in.wav"), str(tmp_path / "out.flac")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 30
    while len(listed(tmp_path)) < 2:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    running.send_signal(number)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (1, "")
    assert err == "softphone: interrupted before there was a result\n"
    assert listed(tmp_path) == ["in.wav"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is closed to this user")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    status, result, err = softphone("filter", "no-filter", SPEECH, str(folder / "out.wav"))
    assert status == 2
    assert "Permission denied" in result["error"]
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("voice-claer", SPEECH, "out.wav"), "did you mean voice-clear?"),
        (("voice-clear", "none.wav", "out.wav"), "none.wav does not exist"),
        (("voice-clear", __file__, "out.wav"), "is no sound file"),
        (("voice-clear", SPEECH, SPEECH), "is input and output"),
        (("voice-clear", SPEECH, "none/out.wav"), "cannot be written"),
        (("voice-clear", SPEECH, "out.wav", "--set", "limiter.ceiling=1"), "did you mean ceiling_dbtp?"),
        (("voice-clear", SPEECH, "out.wav", "--set", "low-cut.freq_hz=0"), "low-cut.freq_hz must be "),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(words: tuple[str, ...], said: str) -> None:
    status, result, err = softphone("filter", *words)
    assert status == 2
    assert said in result["error"]
    assert err == f"softphone: {result['error']}\n"
    assert not Path("out.wav").exists()


def test_an_echo_is_taken_off_with_the_help_of_what_was_played(tmp_path: Path) -> None:
    """The far end, 60 ms later and 12 dB down, is all the microphone hears; at least 15 dB of it go (measured: 19.7 dB)."""
    pytest.importorskip("pywebrtc_audio", reason="the echo canceller's engine is an extra")
    far, rate_hz = soundfile.read(SPEECH)
    far = np.tile(far, 3)
    late = round(0.06 * rate_hz)
    soundfile.write(tmp_path / "far.wav", far, rate_hz)
    soundfile.write(tmp_path / "near.wav", 0.25 * np.concatenate([np.zeros(late), far[:-late]]), rate_hz)
    (tmp_path / "aec.toml").write_text('[[filter]]\ntype = "echo-canceller"\n')
    words = [str(tmp_path / name) for name in ("aec.toml", "near.wav", "out.wav")]
    status, result, _ = softphone("filter", *words)
    assert status == 2
    assert "--far" in result["error"]
    status, done, err = softphone("filter", *words, "--far", str(tmp_path / "far.wav"))
    assert (status, err) == (0, "")
    assert done["level_after_dbfs"] < done["level_before_dbfs"] - 15
