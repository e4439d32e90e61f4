"""Cepstral peak prominence: how far a voice's period stands out of its cepstrum.

Measures:
    cpp_db and cpps_db: as Praat 6.1.38, mean over all frames. They need no cycles that can be told apart, so they hold for
    speech and for hoarse voices, too.
    cpp_hillenbrand_db and cpps_hillenbrand_db: after Hillenbrand, another scale.

Source: dsp/phonation/cepstrum.py.
"""

from collections.abc import Mapping
from math import isnan
from typing import Any

from dsp.phonation import cepstrum
from dsp.voice.base import Figure, MeasureRefused, Phonation, VoiceMeasure, VoiceSettings

FIGURES = {
    "cpp_db": Figure(
        "CPP",
        "dB",
        "How far the voice's period stands out of each single cepstrum; more is clearer, noise and hoarseness lower it.",
    ),
    "cpps_db": Figure(
        "CPPS",
        "dB",
        "The same of cepstra averaged over 10 ms and 1 ms, of vowels and of speech; less is hoarser or breathier.",
    ),
    "cpp_hillenbrand_db": Figure(
        "CPP (Hillenbrand)", "dB", "As its inventor defined it, on a scale of its own; more is clearer."
    ),
    "cpps_hillenbrand_db": Figure(
        "CPPS (Hillenbrand)",
        "dB",
        "The same averaged over 20 ms and 1 ms, on a scale of its own; less is breathier.",
    ),
}


def run(phonation: Phonation) -> Mapping[str, float]:
    """Mean over all frames in which there is any sound."""
    cepstra = phonation.cepstra
    if cepstra.frames == 0:
        raise MeasureRefused(
            f"a cepstrum needs {cepstrum.WINDOW_S:g} s of sound, got {phonation.whole.seconds:.2f} s"
        )
    if isnan(cepstra.means_db["cpps_db"]):
        raise MeasureRefused("a cepstrum needs sound, there is none; check the microphone")
    return {key: cepstra.means_db[key] for key in FIGURES}


def settings(common: VoiceSettings) -> Mapping[str, Any]:
    """Both scales', in the words of Praat's commands."""
    del common
    return {
        "pitch_floor_hz": 60,
        "step_s": cepstrum.STEP_S,
        "max_hz": cepstrum.RATE_HZ // 2,
        "preemphasis_hz": cepstrum.EMPHASIS_HZ,
        "subtract_tilt": False,
        "time_average_s": 0.01,
        "quefrency_average_s": 0.001,
        "peak_hz": list(cepstrum.PEAK_HZ),
        "tolerance": 0.05,
        "interpolation": "parabolic",
        "tilt_from_s": 0.001,
        "tilt_to_s": 0,
        "line": "straight",
        "fit": "robust",
        "hillenbrand": {
            "sample_rate_hz": cepstrum.RATE_HZ,
            "window_s": cepstrum.HILLENBRAND_POINTS / cepstrum.RATE_HZ,
            "cpp_step_s": cepstrum.STEP_S * cepstrum.HILLENBRAND_EVERY,
            "cpps_step_s": cepstrum.STEP_S,
            "time_average_s": cepstrum.STEP_S * cepstrum.HILLENBRAND_FRAMES,
            "quefrency_average_s": cepstrum.SMOOTH_BINS / cepstrum.RATE_HZ,
            "peak_hz": list(cepstrum.HILLENBRAND_PEAK_HZ),
            "line_from_s": cepstrum.HILLENBRAND_LINE_S,
            "fit": "least squares",
        },
    }


SPECS = (
    VoiceMeasure(
        name="cpp",
        figures=FIGURES,
        task="any",
        run=run,
        settings=settings,
        source="Praat 6.1.38 manual, PowerCepstrogram: Get CPPS; Hillenbrand, Cleveland and Erickson 1994; "
        "Hillenbrand and Houde 1996",
        order=40,
    ),
)
