"""What docs/voice.md and docs/voice-measures.md say is what the command does."""

import importlib.util
import re
from pathlib import Path

from dsp.voice import measures
from softphone.app.voice_batch import columns
from softphone.options import OPTIONS
from softphone.scorer.voice import VoiceResult

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "voice.md").read_text(encoding="utf-8")
MEASURES = ROOT / "docs" / "voice-measures.md"
AGAINST_PRAAT = ROOT / "docs" / "voice-against-praat.md"


def test_the_reference_is_what_the_generator_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_voice_docs", ROOT / "tools" / "make_voice_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert MEASURES.read_text(encoding="utf-8") == module.document(), "run tools/make_voice_docs.py"


def test_every_option_is_described() -> None:
    of = {"voice", "avqi", "dsi"}
    options = {option.name for option in OPTIONS if of & set(option.commands)}
    assert not options - set(re.findall(r"--([a-z0-9-]+)", GUIDE))


def test_every_key_and_column_is_described() -> None:
    named = set(re.findall(r"`([a-z0-9_]+)`", GUIDE + MEASURES.read_text(encoding="utf-8")))
    figures = {key for name in measures.names() for key in measures.get(name).figures}
    assert not figures - named
    assert not {*VoiceResult.__annotations__, "took_s", "report", "from_s"} - named
    assert not set(columns()) - named


def test_the_tables_against_praat_have_every_measure_that_is_held_against_it_with_its_tolerance() -> None:
    from support.praat import parselmouth  # noqa: F401  (skips where there is none)

    from tests.support.voice_cases import TOLERANCES

    text = AGAINST_PRAAT.read_text(encoding="utf-8")
    greatest = text.split("## Greatest differences")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", greatest, re.MULTILINE))
    assert rows == {key: str(limit) for key, limit in TOLERANCES.items()}, "run tools/make_voice_tables.py"
