"""A first or last part that was said and is not heard: muted ends.

With a reference, the speech of it that the aligner found missing before the first and behind the last part that is
heard, where no speech is heard in its place, and what it laid upon silence there. Without, a recording that begins or
ends at the level of speech was cut there: words rise from the background and fade to it.

Source: J. Gruber and L. Strawczynski, "Subjective effects of variable delay and speech clipping in dynamically managed voice
systems", IEEE Trans. Communications 33(8), 1985: clips of 64 ms and more harm what is understood. The limit without a
reference is measured, see docs/verdicts.md.
"""

import numpy as np

from dsp.alignment.base import Alignment, Missing, Stretch
from dsp.checks._gap_finder import Gap, Lost, lost_speech
from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.checks.features import Features

CUT_MS = 64.0
ABRUPT_DB = 13.0
"""The first, or last, two times 10 ms lie no more than this under the active level."""
ABRUPT_FRAMES = 2
SOUNDS_DB = 25.0
"""What lies no more than this under the active level is heard."""


def _run(evidence: Evidence) -> Finding:
    heard, alignment = evidence.heard, evidence.alignment
    if alignment is not None:
        if alignment.copies != 1 or not alignment.stretches:
            return Finding({"cut_start_ms": None, "cut_end_ms": None})
        lost = Lost()
        if evidence.said is not None:
            lost = lost_speech(evidence.degraded, heard, evidence.said, alignment)
        return _compared(alignment, heard, lost)
    words, notes = [], []
    if _abrupt(heard, slice(0, ABRUPT_FRAMES)):
        words.append("cut-start")
        notes.append("The recording begins in the middle of speech.")
    if _abrupt(heard, slice(max(0, heard.frames - ABRUPT_FRAMES), heard.frames)):
        words.append("cut-end")
        notes.append("The recording ends in the middle of speech.")
    return Finding({"cut_start_ms": None, "cut_end_ms": None}, tuple(words), (), tuple(notes))


def _compared(alignment: Alignment, heard: Features, lost: Lost) -> Finding:
    first = min(alignment.stretches, key=lambda stretch: stretch.start)
    last = max(alignment.stretches, key=lambda stretch: stretch.stop)
    rate = alignment.sample_rate_hz
    head = [each for each in alignment.missing if each.span.stop <= first.start]
    tail = [each for each in alignment.missing if each.span.start >= last.stop]
    cut = {
        "start": sum(_unheard_ms(each, first, heard, rate) for each in head) + _long_ms(lost.before, heard),
        "end": sum(_unheard_ms(each, last, heard, rate) for each in tail) + _long_ms(lost.after, heard),
    }
    at = {"start": first.heard_at(first.start) / rate, "end": last.heard_at(last.stop) / rate}
    outside = {
        "start": ": they were said before the recording began"
        if any(_is_outside(each, first, heard, rate) for each in head)
        else "",
        "end": ": the recording ends before they were said"
        if any(_is_outside(each, last, heard, rate) for each in tail)
        else "",
    }
    words, notes, spans = [], [], []
    for end, length_ms in cut.items():
        if length_ms >= CUT_MS:
            words.append(f"cut-{end}")
            moment = min(max(0.0, at[end]), heard.seconds)
            spans.append((moment, moment))
            which = "first" if end == "start" else "last"
            notes.append(f"Of the {which} words, {length_ms:.0f} ms are not heard{outside[end]}.")
    figures = {"cut_start_ms": cut["start"], "cut_end_ms": cut["end"]}
    return Finding(figures, tuple(words), tuple(spans), tuple(notes))


def _unheard_ms(missing: Missing, beside: Stretch, heard: Features, rate: int) -> float:
    """Its speech, less what sounds like speech where it should be: that the aligner may only have failed to recognise."""
    frames = [
        int(min(max(0.0, beside.heard_at(place) / rate / heard.frame_s), heard.frames))
        for place in (missing.span.start, missing.span.stop)
    ]
    level = heard.level.level_dbov
    least = 10.0 ** (((0.0 if level is None else level) - SOUNDS_DB) / 10.0)
    sounding_s = float(np.count_nonzero(heard.voice_power[frames[0] : frames[1]] > least)) * heard.frame_s
    return max(0.0, 1000.0 * (missing.speech / rate - sounding_s))


def _is_outside(missing: Missing, beside: Stretch, heard: Features, rate: int) -> bool:
    """Whether most of it would lie before the beginning or behind the end of what was recorded."""
    middle_s = beside.heard_at((missing.span.start + missing.span.stop) // 2) / rate
    return not 0.0 <= middle_s <= heard.seconds


def _long_ms(gaps: list[Gap], heard: Features) -> float:
    return sum(1000.0 * (stop - start) / heard.sample_rate_hz for start, stop in gaps)


def _abrupt(heard: Features, end: slice) -> bool:
    power = heard.power[end] - np.square(heard.mean[end])  # an offset is no sound
    level = heard.level.level_dbov
    if level is None or power.size < ABRUPT_FRAMES or heard.speech_s < 0.5:
        return False
    return bool(float(power.min()) >= 10.0 ** ((level - ABRUPT_DB) / 10.0))


SPECS = (
    CheckSpec(
        name="muted-ends",
        figures={
            "cut_start_ms": Figure("ms", "How much of the first words is not heard; needs the reference."),
            "cut_end_ms": Figure("ms", "How much of the last words is not heard; needs the reference."),
        },
        verdicts=(
            Verdict(
                "cut-start",
                "the first words are cut off",
                "64 ms of speech or more are missing before what is first heard of the reference; without one, the "
                "first two times 10 ms of the recording are within 13 dB of the active level",
            ),
            Verdict(
                "cut-end",
                "the last words are cut off",
                "64 ms of speech or more are missing behind what is last heard of the reference; without one, the "
                "last two times 10 ms of the recording are within 13 dB of the active level",
            ),
        ),
        needs_reference=False,
        run=_run,
    ),
)
