"""Harmonics-to-noise ratio: mean over the frames that have a voice, by cross-correlation and by autocorrelation.

*Source*: P. Boersma 1993, equation 4 (see dsp.phonation.harmonicity); settings of Praat's *To Harmonicity*: (cc) 0.01 s,
the pitch floor (60 Hz), 0.1, 1 period per window; (ac) the same with 4.5 periods per window.
"""

from typing import Any

from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

COMMON = {"time_step_s": 0.01, "silence": 0.1}
CC = {**COMMON, "method": "forward cross-correlation", "periods_per_window": 1.0}
AC = {**COMMON, "method": "autocorrelation, Gaussian window", "periods_per_window": 4.5}


def hnr(phonation: Phonation) -> dict[str, Value]:
    """Both means; None for one whose window the recording is too short for, or in which nothing was voiced."""
    means: dict[str, Value] = {"hnr_db": phonation.hnr_cc.mean_db, "hnr_ac_db": phonation.hnr_ac.mean_db}
    if means["hnr_db"] is None and means["hnr_ac_db"] is None:
        raise MeasureRefused("HNR needs a voice in the recording, and none was found; record a held vowel")
    return means


def settings(chosen: VoiceSettings) -> dict[str, Any]:
    """Of either."""
    floor = {"floor_hz": chosen.pitch_floor_hz}
    return {"hnr_db": {**CC, **floor}, "hnr_ac_db": {**AC, **floor}}


SPECS = (
    VoiceMeasure(
        name="hnr",
        figures={
            "hnr_db": Figure(
                "HNR",
                "dB",
                "Power of what repeats from period to period over power of what does not: 20 dB "
                "are 99 % that repeats. It falls as a voice gets breathy, rough or hoarse.",
                1,
            ),
            "hnr_ac_db": Figure(
                "HNR (autocorrelation)",
                "dB",
                "The same over a longer window; it falls with every change of pitch inside that window, too.",
                1,
            ),
        },
        task="any",
        run=hnr,
        settings=settings,
        source="Boersma 1993, equation 4",
        order=40,
    ),
)
