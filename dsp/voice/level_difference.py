"""L1 - L0: level of the range of the first formant, 300 to 800 Hz, minus that of the fundamental, 50 to 300 Hz.

*Source*: J. Gauffin and J. Sundberg, "Clinical application of acoustic voice analysis", STL-QPSR 18(2-3), 1977, 39-43; P. Kitzing,
"LTAS criteria pertinent to the measurement of voice quality", Journal of Phonetics 14, 1986, 477-482. Of the LTAS as a whole.
"""

from math import log10

from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

LOW_HZ, EDGE_HZ, HIGH_HZ = 50, 300, 800


def level_difference(phonation: Phonation) -> dict[str, Value]:
    """The difference in dB."""
    spectra = phonation.spectra
    low, high = spectra.between(LOW_HZ, EDGE_HZ), spectra.between(EDGE_HZ, HIGH_HZ)
    if low <= 0.0 or high <= 0.0:
        raise MeasureRefused(
            f"there is no sound in one of the ranges of L1 - L0, {LOW_HZ} to {EDGE_HZ} to {HIGH_HZ} Hz"
        )
    return {"l1_l0_db": 10.0 * log10(high / low)}


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """Nothing of it can be chosen."""
    return {
        "low_hz": LOW_HZ,
        "edge_hz": EDGE_HZ,
        "high_hz": HIGH_HZ,
        "levels": "summed power",
        "over": "whole recording",
    }


SPECS = (
    VoiceMeasure(
        name="level_difference",
        figures={
            "l1_l0_db": Figure(
                "L1 - L0",
                "dB",
                "Strength of the lowest resonance of the mouth against that of the fundamental: low where the folds close loosely "
                "(breathy), high where they are pressed. It means little for voices whose F0 is near 300 Hz.",
                1,
            )
        },
        task="any",
        run=level_difference,
        settings=settings,
        source="Gauffin & Sundberg 1977; Kitzing 1986, LTAS criteria pertinent to the measurement of voice quality",
        order=240,
        without_voice=True,
    ),
)
