"""What a check of a signal is: a question with a number for an answer, and a word where the number is bad."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dsp.alignment.base import Alignment
from dsp.checks.features import Features
from dsp.track import Track


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a check gives."""

    unit: str
    meaning: str
    """In words for someone who has never heard of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One word that a check can say."""

    word: str
    """Lower case, hyphens."""
    means: str
    """For the listener: what is wrong, in a few words."""
    test: str
    """The definition, with its numbers."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What checks may look at; positions in seconds of the degraded signal."""

    degraded: Track
    heard: Features
    """Of the degraded signal."""
    reference: Track | None = None
    said: Features | None = None
    """Of the reference."""
    alignment: Alignment | None = None
    """None without a reference, or where it is not in the degraded signal."""
    unrelated: bool = False
    """A reference was given and the aligner did not find it."""
    far: Track | None = None
    """What the listener's own side sent at the same time (same clock as `degraded`), where echo would come from."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    figures: Mapping[str, float | None]
    """Every figure of the check's spec; None where it could not be measured."""
    words: tuple[str, ...] = ()
    spans: tuple[tuple[float, float], ...] = ()
    """(from_s, to_s) in the degraded signal where it happens, where that makes sense; at most `MOST_SPANS`."""
    notes: tuple[str, ...] = ()
    """Sentences for the report: what was found, with its numbers."""


MOST_SPANS = 50
WORD_MS, WORD_SHARE = 40.0, 0.01
"""What harms speech for moments has its word from so much in all on, and this share of the speech: as gaps in a running call."""


def word_from_ms(speech_s: float) -> float:
    """The limits above, where somebody speaks for so long."""
    return max(WORD_MS, WORD_SHARE * 1000.0 * speech_s)


def times(count: int) -> str:
    """*count* as one says it."""
    return "once" if count == 1 else f"{count} times"


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One check."""

    name: str
    """Registry name."""
    figures: Mapping[str, Figure]
    """Keys are globally unique, with their unit in the name (``hum_db``)."""
    verdicts: tuple[Verdict, ...]
    needs_reference: bool
    """Whether it is left out where there is no alignment."""
    run: Callable[[Evidence], Finding]
    sample_by_sample: bool = False
    """Whether it holds samples of the recording against those of the reference or of the far side: it then gets the recording
    at their rate, else at its own."""
