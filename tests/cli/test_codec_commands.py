"""`codec encode|decode|compare` and `sweep`: what they print, refuse, and say in their help."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from softphone.cli import main
from softphone.options import OPTIONS

COMMANDS = {"codec encode": "encode", "codec decode": "decode", "codec compare": "compare", "sweep": "sweep"}


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    status = main([*arguments, "--json"])
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    return status, json.loads(out), err


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that is said, in both ways, with status 2."""
    status, value, err = run_json(capsys, *arguments)
    assert (status, set(value)) == (2, {"error"})
    assert err == f"softphone: {value['error']}\n"
    said: str = value["error"]
    return said


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option_and_ends_with_an_example(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main([*command.split(), "--help"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    shown = set(re.findall(r"^  --([a-z0-9-]+)", out, re.MULTILINE))
    own = {option.name for option in OPTIONS if COMMANDS[command] in option.group.split()}
    assert shown == own | {"json", "config"}
    assert out.splitlines()[-1].strip().startswith(f"softphone {command} ")


def test_help_loads_nothing_heavy() -> None:
    heavy = ("numpy", "soundfile", "dsp", "rich", "asyncio", "softphone.app", "softphone.io", "tomllib")
    code = (
        "import sys; from softphone.cli import main\n"
        "try: main(['codec', 'compare', '--help'])\n"
        "except SystemExit: pass\n"
        f"print([n for n in {heavy!r} if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stderr == "[]\n"


@pytest.mark.skipif(os.name != "posix", reason="a process cannot send itself this signal elsewhere")
@pytest.mark.parametrize(
    ("words", "writer"),
    [
        ("codec encode pcmu builtin:man y.bin", "softphone.io.packet_file.PacketFileWriter.write"),
        ("codec decode x.bin y.wav", "softphone.io.sound_file.SoundWriter.write"),
    ],
)
def test_ctrl_c_leaves_one_line_and_no_file(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    writer: str,
) -> None:
    assert main(["codec", "encode", "pcmu", "builtin:man", "x.bin"]) == 0
    capsys.readouterr()

    def write(self: object, block: object) -> None:
        assert any(path.name.endswith(".part") for path in tmp_path.iterdir())
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(writer, write)
    status = main(words.split())
    out, err = capsys.readouterr()
    assert (status, out, err) == (1, "", "softphone: interrupted before there was a result\n")
    assert [path.name for path in tmp_path.iterdir()] == ["x.bin"]


@pytest.mark.skipif(os.name != "posix", reason="limits on file sizes are POSIX")
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from softphone.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "codec", "encode", "pcmu", "builtin:man", str(tmp_path / "x.bin")],
        capture_output=True, text=True, timeout=60, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "x.bin cannot be written (File too large)" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("codec encode opus in.wav", "wanted NAME IN.wav OUT.bin"),
        ("codec encode opus none.wav x.bin", "none.wav does not exist"),
        ("codec encode opus text.wav x.bin", "text.wav is no sound file"),
        ("codec encode opus builtin:man text.wav", "text.wav exists: give --force"),
        ("codec encode opus builtin:man none/x.bin", "none/x.bin cannot be written"),
        ("codec encode opus:9 builtin:man x.bin", "bit rate of codec opus must be"),
        ("codec encode opus builtin:man x.bin --ptime 30", "must be one of 10, 20, 40, 60, 120 ms"),
        ("codec encode none builtin:man x.bin", "no codec named 'none'"),
        ("codec encode opus builtin:man x.bin --bitrat 1", "the nearest is --bitrate"),
        ("codec decode text.wav x.wav", "text.wav is no file of packets"),
        ("codec decode none.bin x.wav", "none.bin does not exist"),
        ("codec decode text.wav", "wanted IN.bin OUT.wav"),
        ("codec compare", "wants sound files"),
        ("codec compare none.wav", "none.wav does not exist"),
        ("codec compare text.wav", "text.wav is no sound file"),
        ("codec compare builtin:man --codecs opus@61", "packet interval of opus must be one of"),
        ("codec compare builtin:man --loss a", "--loss: wanted a number, got 'a'"),
        ("codec compare builtin:man --radio x", "no radio technology named 'x'"),
        (
            "codec compare builtin:man builtin:man",
            "builtin:man is builtin:man again: a recording counts once",
        ),
        ("sweep --speech none.wav", "none.wav does not exist"),
        ("sweep --speech builtin:man builtin:man --codecs pcmu", "builtin:man is builtin:man again"),
        ("sweep --codecs none", "no codec named 'none'"),
        ("sweep --out text.wav", "cannot be used for results"),
    ],
)
def test_what_cannot_be_is_said_in_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: str, said: str
) -> None:
    (tmp_path / "text.wav").write_text("text")
    assert re.search(said, refusal(capsys, *words.split()))
    assert [path.name for path in tmp_path.iterdir()] == ["text.wav"]
    assert (tmp_path / "text.wav").read_text() == "text"


def test_a_file_of_a_newer_version_is_told_from_damage(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["codec", "encode", "pcmu@20", "builtin:man", "x.bin"]) == 0
    data = bytearray((tmp_path / "x.bin").read_bytes())
    data[8] = 9
    (tmp_path / "x.bin").write_bytes(data)
    capsys.readouterr()
    assert "is of version 9 of its container" in refusal(capsys, "codec", "decode", "x.bin", "x.wav")


def test_the_file_of_settings_counts_where_the_command_line_is_silent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "c.toml").write_text(
        "[encode]\nptime = 20\n[media]\ncomplexity = 0\n[sweep]\nloss = [5, 10]\n"
    )
    status, done, _ = run_json(
        capsys, "codec", "encode", "opus", "builtin:man", "x.bin", "--config", "c.toml", "--bitrate", "8000"
    )
    assert (status, done["ptime_ms"], done["bit_rate_bps"], done["codec"]) == (0, 20, 8000, "opus:8000")
    assert "names a value twice" in refusal(capsys, "sweep", "--config", "c.toml", "--loss", "5,5")


def test_what_is_not_installed_leaves_its_columns_empty_and_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = {"pesq_nb": 'PESQ needs the package pesq: pip install "softphone[pesq]"'}
    absent["pesq_wb"] = absent["pesq_nb"]
    monkeypatch.setattr("softphone.app.codec_compare.missing", lambda measures: absent)
    status, done, err = run_json(
        capsys, "codec", "compare", "builtin:man", "--codecs", "pcmu@20", "--measures", "pesq_nb,pesq_wb,stoi"
    )
    assert (status, err) == (0, f"softphone: {absent['pesq_nb']}\n")
    assert done["missing"] == [absent["pesq_nb"]]
    assert done["rows"][1]["pesq_nb"] is None
    assert done["rows"][1]["stoi"]["mean"] > 0.99
