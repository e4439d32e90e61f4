"""docs/verdicts.md names every word and every figure that there is."""

import re
from pathlib import Path

import pytest

from dsp.checks import checks
from softphone.scorer.live import VERDICT_WORDS

PAGE = (Path(__file__).parent.parent / "docs" / "verdicts.md").read_text(encoding="utf-8")
CHECKS = [checks.get(name) for name in checks.names()]
NUMBERS = re.compile(r"\d+(?:\.\d+)?")


def rows() -> dict[str, str]:
    """First cell of each row of a table, and the row."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    return {match.group(1): line for line in lines if (match := re.match(r"\| \[?`([^`]+)`", line))}


def section_of(word: str) -> str:
    """The section whose title names *word*."""
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    found = [part for part in parts if word in re.split(r",\s*", part.splitlines()[0].strip())]
    assert len(found) == 1, f"{word}: {len(found)} sections"
    return found[0]


@pytest.mark.parametrize("spec", CHECKS, ids=lambda spec: spec.name)
def test_every_figure_is_in_the_table(spec):
    for name, figure in spec.figures.items():
        assert figure.unit in rows()[name], name


@pytest.mark.parametrize(
    "verdict", [verdict for spec in CHECKS for verdict in spec.verdicts], ids=lambda v: v.word
)
def test_every_word_is_in_the_table_and_has_a_section_with_the_numbers_of_its_test(verdict):
    assert verdict.means.split(":")[0] in rows()[verdict.word]
    section = section_of(verdict.word)
    assert "**Test.**" in section or " Test.**" in section
    missing = [number for number in NUMBERS.findall(verdict.test) if number not in section]
    assert not missing, f"{verdict.word}: {missing} of {verdict.test!r}"


def test_the_words_of_a_running_call_are_named():
    assert all(f"`{word}`" in PAGE for word in (*VERDICT_WORDS, "ok"))
