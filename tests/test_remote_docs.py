"""The pages about remote control are what the operations say of themselves now, and what they show happens."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from softphone.app.call_status import StatusBoard
from softphone.control import CODES
from softphone.io.control.connection import CloseCode

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "remote-control.md"
SCHEMA = ROOT / "docs" / "asyncapi.json"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_protocol_docs", ROOT / "tools" / "make_protocol_docs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("pywebrtc_audio", "pyrnnoise")),
    reason="the pages are made with all engines installed",
)
def test_the_pages_are_what_the_generator_makes(generator: ModuleType) -> None:
    guide, schema = generator.documents()
    assert GUIDE.read_text(encoding="utf-8") == guide, "run tools/make_protocol_docs.py"
    assert SCHEMA.read_text(encoding="utf-8") == schema, "run tools/make_protocol_docs.py"


def test_every_operation_code_and_reason_to_close_has_its_place(generator: ModuleType) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    headings = set(re.findall(r"^### (\S+)$", text, re.MULTILINE))
    operations = {
        name for name in json.loads(SCHEMA.read_text(encoding="utf-8"))["operations"] if "event-" not in name
    }
    assert headings == operations
    assert {"set", "subscribe", "dial", "recordings"} <= operations
    for code in CODES:
        assert f"| `{code}` |" in text
    closing = {number for name, number in vars(CloseCode).items() if name.isupper()}
    assert {number for number, _ in generator.CLOSED} == closing


def test_every_example_is_done_and_every_refusal_refused() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    before, errors = text.split("\n## Errors\n")
    assert before.count('"ok": true, ') > 25
    assert '"ok": false, ' not in before
    assert errors.count('"ok": false, ') >= 7


def test_each_link_leads_to_a_heading() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    headings = {
        line.lstrip("# ").lower().replace(" ", "-").replace(".", "")
        for line in text.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
    for target in re.findall(r"\]\(([a-z.-]+\.(?:md|json))\)", text):
        assert (ROOT / "docs" / target).exists(), target


def test_the_calls_of_the_examples_have_figures_that_calls_have(generator: ModuleType) -> None:
    info = SimpleNamespace(
        ended_at=None,
        peer_uri="",
        phase=SimpleNamespace(value="established"),
        phase_since=0.0,
        on_hold=False,
        peer_holds=False,
    )
    board = StatusBoard(1, placed=True, radio="wifi-n")
    real = board.read(info, None, started_at=None, hold_refused=None, now=1.0)  # type: ignore[arg-type]
    assert set(generator.ExampleCall("established").facts) <= set(real)


def test_the_commands_of_the_guide_are_read_by_the_command_line() -> None:
    from softphone.cli.parser import parse

    text = GUIDE.read_text(encoding="utf-8")
    commands = [line[2:].split("  ")[0] for line in text.splitlines() if line.startswith("$ softphone ")]
    assert len(commands) >= 6
    for command in commands:
        parse(command.split()[1:])
