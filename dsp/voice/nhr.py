"""Noise-to-harmonics ratio of the pitch's own frames, as Praat's voice report gives it.

*Source*: P. Boersma 1993: of the normalised autocorrelation r of a voiced frame, 1 - r is the share of the noise.
"""

import numpy as np

from dsp.phonation.pitch_settings import PitchSettings
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings


def nhr(phonation: Phonation) -> dict[str, Value]:
    """Mean of (1 - r) / r over the voiced frames of the pitch."""
    strength = phonation.pitch.strength[phonation.pitch.is_voiced].astype(np.float64)
    if strength.size == 0:
        raise MeasureRefused("NHR needs a voice in the recording, and none was found; record a held vowel")
    return {"nhr": float((1.0 / strength - 1.0).mean())}


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """Those of the pitch."""
    return dict(PitchSettings(chosen.pitch_floor_hz, chosen.pitch_ceiling_hz).echo())


SPECS = (
    VoiceMeasure(
        name="nhr",
        figures={
            "nhr": Figure(
                "NHR",
                "",
                "Power of what does not repeat from period to period over power of what does: near 0 in a clear voice, "
                "more in a noisy one.",
                4,
            )
        },
        task="vowel",
        run=nhr,
        settings=settings,
        source="Boersma 1993",
        order=50,
    ),
)
