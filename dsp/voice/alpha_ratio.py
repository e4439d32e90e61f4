"""Alpha ratio: level of 1 to 5 kHz minus that of 50 Hz to 1 kHz.

*Source*: B. Frokjaer-Jensen and S. Prytz, "Registration of voice quality", Bruel & Kjaer Technical Review 3, 1976, 3-17, of
running speech as a whole; the sign so that it is negative for most voices.
"""

from math import log10

from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

LOW_HZ, EDGE_HZ, HIGH_HZ = 50, 1000, 5000


def alpha_ratio(phonation: Phonation) -> dict[str, Value]:
    """The ratio in dB."""
    spectra = phonation.spectra
    if spectra.sample_rate_hz < 2 * HIGH_HZ:
        raise MeasureRefused(
            f"the alpha ratio looks up to {HIGH_HZ} Hz, a recording at {spectra.sample_rate_hz} Hz ends at "
            f"{spectra.sample_rate_hz / 2:g} Hz: record at {2 * HIGH_HZ} Hz or more"
        )
    low, high = spectra.between(LOW_HZ, EDGE_HZ), spectra.between(EDGE_HZ, HIGH_HZ)
    if low <= 0.0 or high <= 0.0:
        raise MeasureRefused("there is no sound in one of the two bands of the alpha ratio")
    return {"alpha_ratio_db": 10.0 * log10(high / low)}


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
        name="alpha_ratio",
        figures={
            "alpha_ratio_db": Figure(
                "alpha ratio",
                "dB",
                "Power above 1 kHz against that below. It rises with loudness and effort and falls in a soft or weak voice, so "
                "compare recordings of like loudness.",
                1,
            )
        },
        task="any",
        run=alpha_ratio,
        settings=settings,
        source="Frokjaer-Jensen & Prytz 1976, Registration of voice quality",
        order=220,
        without_voice=True,
    ),
)
