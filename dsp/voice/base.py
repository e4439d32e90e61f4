"""What a measure of a voice is: something seen in a recording, one number or more, or a refusal that says why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dsp.errors import DspError
from dsp.phonation.phonation import Phonation, VoiceSettings

__all__ = ["Figure", "MeasureRefused", "Phonation", "VoiceMeasure", "VoiceSettings"]

Task = Literal["vowel", "any"]
Value = float | int | Sequence[float] | None


class MeasureRefused(DspError, ValueError):
    """This recording cannot give this number; the message says why, and what would."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number (or curve) that a measure gives."""

    label: str
    """For people: ``jitter (local)``."""
    unit: str
    """``%``, ``dB``, ``Hz``, ``s``, empty for a plain number."""
    meaning: str
    """In words for someone who has never heard of it, with what a change of it tells."""
    digits: int = 2
    """Behind the point, where it is printed for people."""
    curve: bool = False
    """Whether it is a list of numbers."""
    wants: str = field(default="", kw_only=True)
    """What a recording has to have for it, for one that has it not where the measure gives its other numbers."""


@dataclass(frozen=True, slots=True)
class VoiceMeasure:
    """One measure."""

    name: str
    """Registry name: ``jitter``."""
    figures: Mapping[str, Figure]
    """Keys are globally unique, with their unit in the name (``jitter_local_pct``)."""
    task: Task
    """``vowel``: only a sustained vowel gives it; refused on connected speech."""
    run: Callable[[Phonation], Mapping[str, Value]]
    """Every figure; None for one that cannot be measured here. Raises MeasureRefused."""
    settings: Callable[[VoiceSettings], Mapping[str, Any]]
    """What it was measured with, to be told beside the number."""
    source: str
    """Where it is defined: author, year, title or section."""
    perturbation: bool = False
    """Whether it wants 44.1 kHz or more, and is flagged below."""
    exploratory: bool = False
    """Whether it is a curiosity without norms."""
    without_voice: bool = field(default=False, kw_only=True)
    """Whether it says something of any sound (a spectrum, a level): else it is refused where there is no voice, or more than one at
    once."""
    order: int = field(default=100, kw_only=True)
    """Place in a table; the least first."""
