"""Speech that is not the reference's: another file, another call, a wrong pair.

Whether the reference is in the recording is for the aligner to say. How far from it the recording is, is told here by one
number that does not depend on the aligner: the best correlation, at any delay, of how loud the two are over time.

Source: our own; the distribution of the number is measured, see docs/verdicts.md.
"""

import numpy as np
from numpy.typing import NDArray

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.checks.features import Features

SPEECH_S = 0.5
"""So much speech must be there to be called somebody else's."""
RANGE_DB = 30.0
"""Levels count from so far under the active level."""
OVERLAP = 0.5
"""Share of the shorter of the two that must overlap."""
MOST_STEPS = 60_000
"""Ten minutes of 10 ms; what is longer is looked at more coarsely."""

Envelope = NDArray[np.float64]


def _run(evidence: Evidence) -> Finding:
    if evidence.said is None:
        return Finding({"likeness": None})
    likeness = likeness_of(evidence.said, evidence.heard)
    if not evidence.unrelated or evidence.heard.speech_s < SPEECH_S:
        return Finding({"likeness": likeness})
    note = "Somebody speaks in the recording, but does not say what the reference says"
    note += "." if likeness is None else f": at the best delay the two are alike to {likeness:.2f}."
    return Finding({"likeness": likeness}, ("unrelated",), (), (note,))


def likeness_of(said: Features, heard: Features) -> float | None:
    """Largest correlation of the two envelopes at any delay, 0 to 1; None where one of them has no speech."""
    pooled = -(-max(said.frames, heard.frames) // MOST_STEPS)
    one, other = _envelope(said, pooled), _envelope(heard, pooled)
    if one is None or other is None:
        return None
    if one.size > other.size:
        one, other = other, one
    size = 1 << int(one.size + other.size - 1).bit_length()

    def transform(values: Envelope) -> NDArray[np.complex128]:
        return np.fft.rfft(values, size)

    def against(turned: NDArray[np.complex128], spectrum: NDArray[np.complex128]) -> Envelope:
        # Entry i belongs to a shift of i - (one.size - 1) frames.
        sums: Envelope = np.fft.irfft(turned * spectrum, size)
        return sums[: one.size + other.size - 1]

    turned, inside = transform(one[::-1]), transform(np.ones(one.size))
    spectrum, there = transform(other), transform(np.ones(other.size))
    count = np.maximum(np.rint(against(inside, there)), 1.0)
    first, second = against(turned, there) / count, against(inside, spectrum) / count
    first_power = against(transform(one[::-1] ** 2), there) / count - first**2
    second_power = against(inside, transform(other**2)) / count - second**2
    cross = against(turned, spectrum) / count - first * second
    enough = (count >= OVERLAP * one.size) & (first_power > 0.1) & (second_power > 0.1)
    if not enough.any():
        return None
    return float(
        np.clip(np.max(cross[enough] / np.sqrt(first_power[enough] * second_power[enough])), 0.0, 1.0)
    )


def _envelope(features: Features, pooled: int) -> Envelope | None:
    """Level of each so many frames in dB above a floor under the active level."""
    level = features.level.level_dbov
    steps = features.frames // max(1, pooled)
    if level is None or not steps:
        return None
    pieces = features.voice_power[: steps * pooled].reshape(steps, pooled)
    power = np.maximum(pieces.mean(axis=1, dtype=np.float64), 1e-14)
    envelope: Envelope = np.maximum(10.0 * np.log10(power) - level + RANGE_DB, 0.0)
    return envelope


SPECS = (
    CheckSpec(
        name="unrelated",
        figures={
            "likeness": Figure(
                "correlation",
                "How alike recording and reference are in loudness over time, at the best delay, 0 to 1.",
            )
        },
        verdicts=(
            Verdict(
                "unrelated",
                "somebody speaks, but it is not what the reference says",
                "the aligner does not find the reference, and there is speech for 0.5 s or more",
            ),
        ),
        needs_reference=False,
        run=_run,
    ),
)
