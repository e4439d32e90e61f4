"""High-frequency power ratio: power of the voiced parts above 6 kHz over all of their power.

*Source*: K. Shoji, E. Regenbogen, J. D. Yu and S. M. Blaugrund, "High-frequency power ratio of breathy voice", Laryngoscope 102(3),
1992, 267-271, which took it of held vowels; so of a recording only what is voiced counts, else the s of a reader would
decide. The upper edge is half the sample rate: values of different sample rates do not compare.
"""

from math import log10

from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

FROM_HZ = 6000
LEAST_RATE_HZ = 16000


def hpr(phonation: Phonation) -> dict[str, Value]:
    """The ratio in dB, below 0."""
    spectra = phonation.spectra
    rate = spectra.sample_rate_hz
    if rate < LEAST_RATE_HZ:
        raise MeasureRefused(
            f"HPR looks from {FROM_HZ} Hz up, a recording at {rate} Hz ends at {rate / 2:g} Hz: "
            f"record at {LEAST_RATE_HZ} Hz or more"
        )
    if spectra.voiced_s == 0.0:
        raise MeasureRefused(
            "HPR is of the voiced parts, and there are none: record a voice that is not whispered"
        )
    above, total = spectra.voiced_above(FROM_HZ), float(spectra.voiced_power.sum())
    if above <= 0.0:
        raise MeasureRefused(
            f"there is nothing at all above {FROM_HZ} Hz: the recording was limited to lower frequencies"
        )
    return {"hpr_db": 10.0 * log10(above / total)}


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """Nothing of it can be chosen; the upper edge is that of the recording."""
    return {
        "from_hz": FROM_HZ,
        "to": "half the sample rate",
        "over": "voiced parts",
        "window": "Hann, 40 ms or more",
        "total_from": "35 Hz or so: what an offset of the microphone adds is left out",
    }


SPECS = (
    VoiceMeasure(
        name="hpr",
        figures={
            "hpr_db": Figure(
                "HPR",
                "dB",
                "How much of the voice's power lies above 6 kHz. A breathy voice, whose folds do not close, has more (nearer "
                "to 0); noise of the room and of the microphone count, too.",
                1,
            )
        },
        task="any",
        run=hpr,
        settings=settings,
        source="Shoji et al. 1992, High-frequency power ratio of breathy voice",
        order=210,
    ),
)
