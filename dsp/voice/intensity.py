"""Level of the voice: mean, median and range over the voiced frames, in dB of full scale.

*Source*: Praat's *To Intensity* (see dsp.phonation.intensity); the mean is that of energy. Without a calibration of the
microphone these are no sound pressure levels.
"""

from typing import Any

import numpy as np

from dsp.phonation.intensity import FLOOR_DB
from dsp.phonation.voiced import voiced_at
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

LOW, HIGH = 0.05, 0.95


def intensity(phonation: Phonation) -> dict[str, Value]:
    """Of the voiced frames."""
    track = phonation.intensity
    if track.times_s.size == 0:
        raise MeasureRefused(
            f"intensity needs a recording longer than {6.4 / track.floor_hz:.3g} s (its window at a pitch floor of "
            f"{track.floor_hz:g} Hz), got {phonation.whole.seconds:.3g} s"
        )
    level = track.db[voiced_at(phonation.pitch, track.times_s) & (track.db > FLOOR_DB)]
    if level.size == 0:
        raise MeasureRefused(
            "the intensity is that of the voice, and there is none: record a voice that is not whispered"
        )
    low, median, high = np.quantile(level, (LOW, 0.5, HIGH))
    return {
        "intensity_mean_dbfs": float(10.0 * np.log10(np.mean(10.0 ** (level / 10.0)))),
        "intensity_median_dbfs": float(median),
        "intensity_range_db": float(high - low),
    }


def settings(chosen: VoiceSettings) -> dict[str, Any]:
    """Those of the contour."""
    return {
        "pitch_floor_hz": chosen.pitch_floor_hz,
        "window_s": 3.2 / chosen.pitch_floor_hz,
        "step_s": 0.8 / chosen.pitch_floor_hz,
        "subtract_mean": True,
        "reference": "full-scale square wave (a full-scale sine is -3.01)",
        "over": "voiced frames",
        "range": "5 to 95 %",
    }


SPECS = (
    VoiceMeasure(
        name="intensity",
        figures={
            "intensity_mean_dbfs": Figure(
                "intensity (mean)",
                "dBFS",
                "How loud the voice was recorded, averaged by energy; it depends on the microphone, its gain and its distance.",
                1,
            ),
            "intensity_median_dbfs": Figure(
                "intensity (median)", "dBFS", "Half of the time the voice is louder, half of it softer.", 1
            ),
            "intensity_range_db": Figure(
                "intensity (range)",
                "dB",
                "From the softest 5 % to the loudest 5 % of the voice: small in a steady vowel, much larger in speech.",
                1,
            ),
        },
        task="any",
        run=intensity,
        settings=settings,
        source="Praat, Sound: To Intensity; mean of energy over voiced frames",
        order=60,
    ),
)
