"""How long a voice is held.

*Source*: maximum phonation time as the European Laryngological Society defines it: the longest of several vowels held after
a deep breath (P. H. Dejonckere et al., A basic protocol for functional assessment of voice pathology, Eur. Arch.
Otorhinolaryngol. 258, 2001).
Where a phonation begins and ends: `dsp.phonation.task`.
"""

from dsp.phonation.task import PAUSE_S
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings


def phonation_time(phonation: Phonation) -> dict[str, Value]:
    """The longest of the phonations in the recording, seconds."""
    longest = phonation.task.longest_phonation_s
    if longest <= 0.0:
        raise MeasureRefused(
            "phonation time needs a voice in the recording, and none was found; record a held vowel"
        )
    return {"mpt_s": longest}


def settings(chosen: VoiceSettings) -> dict[str, Value]:
    """Those of the pitch, and what ends a phonation."""
    return {
        "pitch_floor_hz": chosen.pitch_floor_hz,
        "pitch_ceiling_hz": chosen.pitch_ceiling_hz,
        "pause_s": PAUSE_S,
    }


SPECS = (
    VoiceMeasure(
        name="phonation_time",
        figures={
            "mpt_s": Figure(
                "phonation time",
                "s",
                "How long the voice was held without a pause. It is the maximum phonation time if one held a vowel as long as one "
                "could, after a deep breath; it gets shorter where air is lost or short.",
                1,
            )
        },
        task="vowel",
        run=phonation_time,
        settings=settings,
        source="Dejonckere et al. 2001, ELS protocol",
        order=200,
    ),
)
