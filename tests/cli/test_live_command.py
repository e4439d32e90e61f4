"""`filter --live` and `filter --realtime`: what is typed, printed, and how it ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softphone.app.live_filter import open_engine
from softphone.cli import main
from softphone.cli.live import live_line
from softphone.control_config import LiveOptions


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "in.wav"
    soundfile.write(path, 0.25 * np.sin(2 * np.pi * 440 * np.arange(1600) / 8000), 8000, subtype="PCM_16")
    return path


def test_live_on_the_null_device_prints_one_object_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "filter",
        "no-filter",
        "--live",
        "--in-device",
        "null:tone=500",
        "--rate",
        "8000",
        "--block",
        "5",
    ]
    assert main([*words, "--seconds", "0.1", "--json"]) == 0
    out, error = capsys.readouterr()
    assert error == ""
    [line] = out.splitlines()
    found = json.loads(line)
    assert (
        found
        | {
            "preset": "no-filter",
            "device": "null:tone=500",
            "ended_by": "seconds",
            "seconds": 0.1,
            "sample_rate_hz": 8000,
            "block_ms": 5.0,
            "output": None,
        }
        == found
    )
    assert {"latency_ms", "load_pct", "load_peak_pct", "xruns", "xruns_ours", "reconnects"} <= set(found)


def test_a_file_in_real_time_prints_a_table(
    tone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    assert main(["filter", "no-filter", str(tone), str(out), "--realtime"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        f"no-filter: {tone} -> {out}\n  length    0.20 s, 1 channel, 8000 Hz, to its end\n"
    )
    for word in ("latency", "load", "xruns", "peak", "loudness", "clipped"):
        assert f"\n  {word} " in printed
    np.testing.assert_array_equal(soundfile.read(out)[0], soundfile.read(tone)[0])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no-filter", "in.wav", "out.wav", "--live"], "wanted PRESET, as"),
        (["--live"], "wanted PRESET, as"),
        (["no-filter", "in.wav", "--realtime"], "wanted PRESET IN OUT, as"),
        (["no-filter", "--live", "--realtime"], "exclude each other"),
        (["no-filter", "--live", "--in-device", "null:x"], "null:tone=1000"),
        (["no-filtr", "--live", "--in-device", "null"], "no-filter"),
        (["no-filter", "--live", "--in-device", "null", "--block", "0"], "--block must be 1 to 100 ms"),
        (["no-filter", "--live", "--in-device", "null", "--plot", "x.png"], "does not go with --live"),
        (["no-filter", "in.wav", "out.wav", "--realtime", "--in-device", "null"], "for --live"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["filter", *words]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert told in error
    assert error.count("\n") == 1


def test_the_live_line_shows_levels_latency_load_and_xruns(tone: Path, tmp_path: Path) -> None:
    engine = open_engine(LiveOptions("no-filter", str(tone), str(tmp_path / "out.wav"), realtime=True))
    engine.start()
    assert engine.wait(20)
    engine.stop()
    line = live_line(engine)
    assert line.startswith("0 of 0 s   level -15.")
    for word in ("dBFS", "   latency ", " ms   load ", "   xruns 0"):
        assert word in line


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for another process")
def test_ctrl_c_ends_it_with_status_0_and_the_result(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, np.zeros(8000 * 60), 8000)
    program = (
        "import sys\n"
        "from softphone.cli import live, main\n"
        "def line(engine):\n"
        "    if engine.status().position_s > 0:\n"
        "        print('begun', file=sys.stderr, flush=True)\n"
        "    return ''\n"
        "live.live_line = line\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["filter", "no-filter", str(path), str(tmp_path / "out.wav"), "--realtime", "--json"]
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    assert process.returncode == 0, error
    found = json.loads(out)
    assert found["ended_by"] == "stopped"
    assert soundfile.info(tmp_path / "out.wav").frames == round(8000 * found["seconds"])
