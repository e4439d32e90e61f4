"""Writes docs/voice-measures.md: every measure of a voice from what it says of itself, with the norms published for it.

Made by: `PYTHONPATH=. .venv/bin/python tools/make_voice_docs.py`
"""

from collections.abc import Iterator
from pathlib import Path

from dsp.phonation.phonation import VoiceSettings
from dsp.voice import VoiceMeasure
from dsp.voice_norms import norms
from softphone.scorer.voice_view import EXPLORATORY, GROUPS, OTHERS, in_order, settings_text

TARGET = Path(__file__).parent.parent / "docs" / "voice-measures.md"
HEAD = """# Measures of a voice

Made from the measures themselves by `tools/make_voice_docs.py`; a test compares the two. How to take them is told in
[voice.md](voice.md).

*For*: what has to be recorded; a measure for a vowel is refused on connected speech, with the reason. Settings are those of
`--pitch-floor 60 --pitch-ceiling 600 --formant-ceiling 5500`; a value means something only together with them. A norm stands
only where one was published for the same algorithm and the same task.
"""
TASKS = {"vowel": "a sustained vowel", "any": "a vowel or speech"}


def of_measure(measure: VoiceMeasure) -> Iterator[str]:
    """The section about one measure."""
    yield f"### {measure.name}"
    yield ""
    end = "" if measure.source.endswith(("?", ".")) else "."
    facts = [f"For: {TASKS[measure.task]}.", f"Source: {measure.source}{end}"]
    if measure.perturbation:
        facts.append("Flagged below 44.1 kHz.")
    yield " ".join(facts)
    settings = settings_text(measure.settings(VoiceSettings()))
    if settings:
        yield ""
        yield f"Settings: {settings}."
    yield ""
    yield "| JSON | measure | unit | meaning | norms |"
    yield "|---|---|---|---|---|"
    for key, figure in measure.figures.items():
        published = dict.fromkeys(
            f"{norm.text} ({norm.source})"
            for task in ("vowel", "speech")
            for norm in norms(key, None, None, task)
        )
        cells = (f"`{key}`", figure.label, figure.unit, figure.meaning, "; ".join(published) or "none")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def document() -> str:
    """All of it."""
    places = {name: title for title, names in GROUPS for name in names}
    lines = [HEAD]
    for title in (*(title for title, _ in GROUPS), OTHERS, EXPLORATORY):
        members = [
            measure
            for measure in in_order()
            if (EXPLORATORY if measure.exploratory else places.get(measure.name, OTHERS)) == title
        ]
        if members:
            lines += [f"## {title[0].upper()}{title[1:]}", ""]
            for measure in members:
                lines += of_measure(measure)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
