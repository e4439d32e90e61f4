"""Voice breaks: gaps between cycles that are longer than any period of the voice could be.

*Source*: the manual of Praat, *Voice 1. Voice breaks*: a gap longer than 1.25 periods of the pitch floor.
"""

import numpy as np

from dsp.phonation.pitch_settings import PitchSettings
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

PERIODS = 1.25
"""Of the pitch floor; a longer gap is a break."""


def breaks(phonation: Phonation) -> dict[str, Value]:
    """How many, and their share of the recording's length; silence before the first cycle and behind the last is no break."""
    pulses = phonation.pulses
    if pulses.times_s.size < 2:
        raise MeasureRefused(f"voice breaks need two cycles of a voice at least, found {pulses.times_s.size}")
    gaps = pulses.periods_s[pulses.periods_s > PERIODS / phonation.settings.pitch_floor_hz]
    return {
        "voice_breaks": int(gaps.size),
        "voice_break_degree_pct": 100.0 * float(np.sum(gaps)) / phonation.whole.seconds,
    }


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """The pitch along which cycles are found, and what a break is."""
    return {
        **PitchSettings(chosen.pitch_floor_hz, chosen.pitch_ceiling_hz).echo(),
        "longer_than_s": PERIODS / chosen.pitch_floor_hz,
    }


FIGURES = {
    "voice_breaks": Figure(
        "voice breaks", "", "How often the voice stops within a vowel that was to be held.", 0
    ),
    "voice_break_degree_pct": Figure(
        "degree of voice breaks", "%", "Share of the recording that these gaps take.", 1
    ),
}

SPECS = (
    VoiceMeasure(
        name="breaks",
        figures=FIGURES,
        task="vowel",
        run=breaks,
        settings=settings,
        source="the manual of Praat, Voice 1. Voice breaks",
        order=60,
    ),
)
