"""Range of a voice: in pitch and in level, over all that was recorded (a glide, a scale, soft and loud).

Extremes are the 1st and the 99th percentile of the voiced frames, so that a single wrong frame decides nothing.

*Source*: voice range profile (H. K. Schutte and W. Seidner, Recommendation by the Union of European Phoniatricians, Folia
Phoniatr. 35, 1983), here of one recording.
"""

import numpy as np

from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

LOW, HIGH = 0.01, 0.99
LEAST_FRAMES = 20


def voice_range(phonation: Phonation) -> dict[str, Value]:
    """From the lowest to the highest, and from the softest to the loudest."""
    track, intensity = phonation.pitch, phonation.intensity
    heard = track.f0_hz[track.is_voiced]
    if heard.size < LEAST_FRAMES:
        raise MeasureRefused(
            f"a range needs {LEAST_FRAMES} voiced frames, got {heard.size}; record a glide from low to high, soft and loud"
        )
    low, high = np.quantile(heard, (LOW, HIGH))
    found: dict[str, Value] = {
        "range_low_hz": float(low),
        "range_high_hz": float(high),
        "range_semitones": float(12.0 * np.log2(high / low)),
        "range_softest_dbfs": None,
        "range_loudest_dbfs": None,
        "range_db": None,
    }
    if intensity.times_s.size:
        level = np.interp(track.times_s[track.is_voiced], intensity.times_s, intensity.db)
        soft, loud = np.quantile(level, (LOW, HIGH))
        found |= {
            "range_softest_dbfs": float(soft),
            "range_loudest_dbfs": float(loud),
            "range_db": float(loud - soft),
        }
    return found


def settings(chosen: VoiceSettings) -> dict[str, Value]:
    """Those of the pitch, and the percentiles."""
    return {
        "pitch_floor_hz": chosen.pitch_floor_hz,
        "pitch_ceiling_hz": chosen.pitch_ceiling_hz,
        "low_percentile": 100.0 * LOW,
        "high_percentile": 100.0 * HIGH,
    }


SPECS = (
    VoiceMeasure(
        name="voice_range",
        figures={
            "range_low_hz": Figure("lowest pitch", "Hz", "Only a hundredth of the voice is lower.", 1),
            "range_high_hz": Figure("highest pitch", "Hz", "Only a hundredth of the voice is higher.", 1),
            "range_semitones": Figure(
                "pitch range",
                "semitones",
                "From the one to the other; 12 are an octave. What a voice can do if it was taken to both ends.",
                1,
            ),
            "range_softest_dbfs": Figure(
                "softest voice", "dBFS", "Only a hundredth of the voice is softer.", 1
            ),
            "range_loudest_dbfs": Figure(
                "loudest voice", "dBFS", "Only a hundredth of the voice is louder.", 1
            ),
            "range_db": Figure(
                "level range",
                "dB",
                "From the one to the other: what a voice can do if it was taken to both ends.",
                1,
            ),
        },
        task="any",
        run=voice_range,
        settings=settings,
        source="Schutte and Seidner 1983, UEP recommendation",
        order=210,
    ),
)
