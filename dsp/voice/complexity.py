"""Permutation entropy of the voiced waveform: how many orders of neighbouring values it uses, and how evenly. Exploratory.

*Source*: C. Bandt and B. Pompe, "Permutation entropy: a natural complexity measure for time series", Physical Review
Letters 88, 174102, 2002; loss of complexity as a sign, of brain waves: J. Dauwels et al., Int. J. Alzheimer's Disease 539621,
2011. No norms.
"""

from typing import Any

from dsp.phonation.complexity import DELAY_S, LEAST_PATTERNS, ORDER, STARTS_HZ
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings


def complexity(phonation: Phonation) -> dict[str, Value]:
    """The entropy, 0 to 1."""
    found = phonation.complexity
    if found.permutation_entropy is None:
        raise MeasureRefused(
            f"permutation entropy needs {LEAST_PATTERNS / STARTS_HZ:.2f} s of voice or more: {found.patterns} of "
            f"{LEAST_PATTERNS} patterns were found"
        )
    return {"permutation_entropy": found.permutation_entropy}


def settings(chosen: VoiceSettings) -> dict[str, Any]:
    """Nothing of it can be chosen; the delay is that of whole samples nearest to it."""
    return {"order": ORDER, "delay_s": DELAY_S, "over": "voiced parts", "normalised_by": "log(order!)"}


SPECS = (
    VoiceMeasure(
        name="complexity",
        figures={
            "permutation_entropy": Figure(
                "permutation entropy",
                "",
                "How unpredictable the waveform is, 0 to 1: noise and breath raise it, a plain tone lowers it. Without norms: only "
                "to be compared with other recordings of the same voice, sound and room.",
                3,
            )
        },
        task="any",
        run=complexity,
        settings=settings,
        source="Bandt & Pompe 2002, Permutation entropy",
        exploratory=True,
        order=910,
    ),
)
