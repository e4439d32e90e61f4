"""A short run of `tools/fuzz.py` over every parser; the long one has ten million inputs each."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "tools" / "fuzz.py"
INPUTS = int(os.environ.get("SOFTPHONE_FUZZ_INPUTS", "500"))


@pytest.fixture
def runner(monkeypatch):
    spec = importlib.util.spec_from_file_location("fuzz_runner", RUNNER)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fuzz_runner", module)
    spec.loader.exec_module(module)
    return module


def test_no_parser_raises_anything_but_its_documented_error(runner):
    for name in runner.TARGETS:
        told = runner.work(name, f"test {name}", INPUTS, None)
        assert told.fault == "", name
        assert told.inputs == INPUTS
        assert told.valid > 0, f"{name} takes none of what it is given: its mutations are too wild"


def test_the_same_seed_gives_the_same_inputs(runner):
    assert runner.work("stun", "7", 500, None).valid == runner.work("stun", "7", 500, None).valid


def test_a_parser_that_raises_is_found_and_its_input_shown(runner):
    def feed(data: bytes) -> bool:
        if len(data) > 10:
            raise KeyError("what nobody documented")
        return True

    runner.TARGETS = {"broken": lambda: runner.Target((b"12345678",), feed)}
    told = runner.work("broken", "1", 100_000, None)
    assert "KeyError: 'what nobody documented'" in told.fault
    assert told.fault.startswith("b'")


def test_the_command_prints_a_row_for_each_parser():
    done = subprocess.run(
        [sys.executable, str(RUNNER), "rtp", "stun", "--inputs", "1000", "--workers", "2"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        ["rtp", "1,000"],
        ["stun", "1,000"],
    ]
