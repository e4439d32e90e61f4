"""Fundamental frequency: mean, median, spread and extremes over the voiced frames, and how many of all frames those are.

*Source*: P. Boersma 1993 (see dsp.phonation.pitch); frames and settings as Praat's *To Pitch (ac)*.
"""

import numpy as np

from dsp.phonation.pitch_settings import PitchSettings
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

LOW, HIGH = 0.05, 0.95


def f0(phonation: Phonation) -> dict[str, Value]:
    """Everything of the voiced frames; without one only the voiced fraction, which is 0."""
    track = phonation.pitch
    if track.f0_hz.size == 0:
        raise MeasureRefused(
            f"F0 needs a recording longer than {3.0 / phonation.settings.pitch_floor_hz:.3g} s "
            f"(three periods of the pitch floor), got {phonation.whole.seconds:.3g} s"
        )
    heard = track.f0_hz[track.is_voiced]
    if heard.size == 0:
        return {**dict.fromkeys(FIGURES), "voiced_fraction": 0.0}
    low, median, high = np.quantile(heard, (LOW, 0.5, HIGH))
    return {
        "f0_mean_hz": float(heard.mean()),
        "f0_median_hz": float(median),
        "f0_sd_hz": float(heard.std(ddof=1)) if heard.size > 1 else None,
        "f0_sd_semitones": float((12.0 * np.log2(heard)).std(ddof=1)) if heard.size > 1 else None,
        "f0_min_hz": float(heard.min()),
        "f0_max_hz": float(heard.max()),
        "f0_low_hz": float(low),
        "f0_high_hz": float(high),
        "voiced_fraction": heard.size / track.f0_hz.size,
    }


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """Those of the pitch, by the names of its settings."""
    return dict(PitchSettings(chosen.pitch_floor_hz, chosen.pitch_ceiling_hz).echo())


FIGURES = {
    "f0_mean_hz": Figure("F0 (mean)", "Hz", "How high the voice is on average, in vibrations a second.", 1),
    "f0_median_hz": Figure(
        "F0 (median)",
        "Hz",
        "Half of the time the voice is higher, half of it lower; a few wrong frames do not move it.",
        1,
    ),
    "f0_sd_hz": Figure(
        "F0 (spread)", "Hz", "Standard deviation of F0: small in a steady vowel, large in lively speech.", 2
    ),
    "f0_sd_semitones": Figure(
        "F0 (spread)", "semitones", "The same in semitones, so that high and low voices compare.", 2
    ),
    "f0_min_hz": Figure("F0 (lowest)", "Hz", "Lowest frame; one creaky or wrong frame decides it.", 1),
    "f0_max_hz": Figure("F0 (highest)", "Hz", "Highest frame; one wrong frame decides it.", 1),
    "f0_low_hz": Figure("F0 (5 %)", "Hz", "The voice is lower than this 5 % of the time.", 1),
    "f0_high_hz": Figure("F0 (95 %)", "Hz", "The voice is higher than this 5 % of the time.", 1),
    "voiced_fraction": Figure(
        "voiced",
        "",
        "Share of all frames in which the vocal folds vibrate: near 1 in a held vowel, less in speech.",
        3,
    ),
}

SPECS = (
    VoiceMeasure(
        name="f0",
        figures=FIGURES,
        task="any",
        run=f0,
        settings=settings,
        source="Boersma 1993, Accurate short-term analysis of the fundamental frequency",
        order=10,
    ),
)
