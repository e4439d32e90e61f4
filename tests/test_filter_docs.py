"""The reference of the filters is what they say of themselves now, and the guide shows what happens."""

import importlib.util
import re
import shlex
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dsp.filters import Setting, filters
from dsp.params import fields_of
from softphone.cli import main
from softphone.io.presets import preset_files
from softphone.io.speech import speech_path

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "filtering.md").read_text(encoding="utf-8")
SHOWN = ROOT / "docs" / "filters.md"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_filter_docs", ROOT / "tools" / "make_filter_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("pywebrtc_audio", "pyrnnoise")),
    reason="the reference is made with all engines installed",
)
def test_the_reference_is_what_the_generator_makes() -> None:
    made = generator().document()
    assert SHOWN.read_text(encoding="utf-8") == made, "run tools/make_filter_docs.py"


def test_the_reference_names_every_filter_parameter_and_preset() -> None:
    text = SHOWN.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(filters.names())
    for name, section in sections.items():
        for param in fields_of(filters.get(name).params):
            assert f"| `{param}` |" in section, (name, param)
    for preset in preset_files(Path("no-folder-of-a-user")):
        assert f"| `{preset.name}` |" in text


def test_each_link_of_the_reference_leads_to_a_heading() -> None:
    text = SHOWN.read_text(encoding="utf-8")
    headings = {
        line.lstrip("# ").lower().replace(" ", "-") for line in text.splitlines() if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def blocks(language: str) -> list[str]:
    """What stands between fences of *language*."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def masked(output: str) -> str:
    """*output* with its numbers blotted out: they are another machine's, or another day's."""
    return re.sub(r"-?\d[\d.e+-]*", "N", re.sub(r" +", " ", output)).strip()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the guide names."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(speech_path("builtin:man"), tmp_path / "talk.wav")
    (tmp_path / "mine.toml").write_text(
        next(each for each in blocks("toml") if "[[filter]]" in each), encoding="utf-8"
    )
    (tmp_path / "headphones.txt").write_text(
        "Preamp: -6.2 dB\nFilter 1: ON LSC Fc 105 Hz Gain 6.5 dB Q 0.70\nFilter 2: ON PK Fc 166 Hz Gain -3 dB Q 0.5\n"
    )
    (tmp_path / "bad.txt").write_text("Preamp: -6 dB\nFilter 1: ON XY Fc 100 Hz\n")
    return tmp_path


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="some of them draw: no matplotlib")
def test_the_commands_of_the_guide_print_what_it_shows(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = [
        run for block in blocks("") for run in re.split(r"^\$ ", block, flags=re.MULTILINE) if run.strip()
    ]
    assert len(shown) >= 6
    for run in shown:
        command, output = run.split("\n", 1)
        main(shlex.split(command)[1:])
        printed = capsys.readouterr()
        assert masked(printed.out + printed.err) == masked(output), command


def test_the_python_of_the_guide_runs(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, chain, tremolo = blocks("python")
    exec(compile(files, "guide", "exec"), {})
    assert float(capsys.readouterr().out) < -9
    names: dict[str, Any] = {"__name__": "guide"}
    exec(compile(chain, "guide", "exec"), names)
    assert names["chain"].changing
    names = {"__name__": "guide"}
    exec(compile(tremolo, "guide", "exec"), names)
    (spec,) = names["SPECS"]
    running = spec.build(spec.params(), Setting(8000))
    whole = running.process(np.ones((1, 8000), dtype=np.float32))
    assert 20 * np.log10(whole.min()) == pytest.approx(-6.0, abs=0.01)
    running.reset()
    pieces = [running.process(np.ones((1, n), dtype=np.float32)) for n in (1, 99, 3900, 4000)]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-6)
