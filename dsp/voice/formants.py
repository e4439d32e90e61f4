"""Formants F1 to F4: median and mean over the voiced frames, and median bandwidths.

*Source*: linear prediction after Burg, as in Praat's *To Formant (burg)* (see dsp.phonation.formants).
"""

from typing import Any

import numpy as np

from dsp.phonation.formants import FORMANTS
from dsp.phonation.voiced import voiced_at
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

LEAST_SHARE = 0.1
"""A formant that fewer of the voiced frames have is none."""


def formants(phonation: Phonation) -> dict[str, Value]:
    """Of the voiced frames; None for a formant that is not there."""
    tracks = phonation.formants
    if tracks.times_s.size == 0:
        raise MeasureRefused(
            f"formants need a recording longer than 0.05 s, got {phonation.whole.seconds:.3g} s"
        )
    voiced = voiced_at(phonation.pitch, tracks.times_s)
    if not voiced.any():
        raise MeasureRefused(
            "formants are taken of the voice, and there is none: record a voice that is not whispered"
        )
    fine = np.float32 if tracks.hz.dtype == np.float16 else np.float64
    least = max(1.0, LEAST_SHARE * np.count_nonzero(voiced))
    found: dict[str, Value] = dict.fromkeys(FIGURES)
    for number in range(FORMANTS):
        there = voiced & ~np.isnan(tracks.hz[:, number])
        if np.count_nonzero(there) >= least:
            hz = tracks.hz[there, number].astype(fine)
            found[f"f{number + 1}_hz"] = float(np.median(hz))
            found[f"f{number + 1}_mean_hz"] = float(np.mean(hz, dtype=np.float64))
            # Numpy's median of half precision sums in it.
            found[f"b{number + 1}_hz"] = float(np.median(tracks.bandwidth_hz[there, number].astype(fine)))
    return found


def settings(chosen: VoiceSettings) -> dict[str, Any]:
    """Those of the tracks."""
    return {
        "formant_ceiling_hz": chosen.formant_ceiling_hz,
        "formants": 5,
        "window_s": 0.025,
        "step_s": 0.00625,
        "preemphasis_hz": 50.0,
        "over": "voiced frames",
        "below_twice_the_ceiling": "at a lower sample rate its half is the ceiling, and fewer formants are looked for",
    }


MEANINGS = (
    "Lowest resonance of mouth and throat: high with an open mouth (ah), low with a closed one (ee, oo).",
    "Second resonance: high with the tongue in front (ee), low with it behind (oo).",
    "Third resonance: low in r, otherwise much the same in all vowels.",
    "Fourth resonance: a matter of the speaker's throat more than of the vowel.",
)
WANTS = "that resonance in more of the voice: with twice the formant ceiling as its sample rate a recording shows all four"
FIGURES = {
    **{f"f{k}_hz": Figure(f"F{k}", "Hz", meaning, 0, wants=WANTS) for k, meaning in enumerate(MEANINGS, 1)},
    **{
        f"f{k}_mean_hz": Figure(
            f"F{k} (mean)", "Hz", f"The mean of F{k}, which single wrong frames move.", 0, wants=WANTS
        )
        for k in range(1, 5)
    },
    **{
        f"b{k}_hz": Figure(
            f"B{k}",
            "Hz",
            f"Bandwidth of F{k}: how much the resonance is damped. A rough estimate.",
            0,
            wants=WANTS,
        )
        for k in range(1, 5)
    },
}

SPECS = (
    VoiceMeasure(
        name="formants",
        figures=FIGURES,
        task="any",
        run=formants,
        settings=settings,
        source="Burg 1975 in Childers 1978; settings as Praat's To Formant (burg)",
        order=300,
    ),
)
