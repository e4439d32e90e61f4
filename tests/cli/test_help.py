"""Help is there at once, is complete, and ends with an example."""

import re
import subprocess
import sys

import pytest

from softphone.cli import main
from softphone.options import OPTIONS

HEAVY = (
    "numpy",
    "asyncio",
    "rich",
    "dsp",
    "softphone.app",
    "softphone.io",
    "softphone.sip",
    "softphone.control",
    "websockets",
    "segno",
    "ssl",
    "logging",
    "tomllib",
)


@pytest.mark.parametrize("command", ["demo", "answer", "call", "devices", "codec list", "console", "remote"])
def test_help_ends_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*command.split(), "--help"])
    assert left.value.code == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].strip().startswith(f"softphone {command}")
    assert "--json" in out
    assert err == ""


@pytest.mark.parametrize("command", ["demo", "answer", "call", "console", "remote"])
def test_help_names_every_option_of_the_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    out = capsys.readouterr().out
    shown = set(re.findall(r"^  --([a-z0-9-]+)", out, re.MULTILINE))
    own = {option.name for option in OPTIONS if command in option.commands}
    assert shown == own | {"json", "config"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        *([command, "--help"] for command in ("call", "filter", "console", "remote", "voice", "memo")),
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from softphone.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        f"print([n for n in {HEAVY!r} if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stderr == "[]\n"


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-P", "-m", "softphone", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: softphone ")
