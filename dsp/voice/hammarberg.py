"""Hammarberg index: greatest level of the LTAS up to 2 kHz minus its greatest level from 2 to 5 kHz.

*Source*: B. Hammarberg, B. Fritzell, J. Gauffin, J. Sundberg and L. Wedin, "Perceptual and acoustic correlates of abnormal voice
qualities", Acta Oto-Laryngologica 90, 1980, 441-451. The bands of the LTAS are those of dsp.voice.ltas.
"""

from dsp.phonation.spectra import AUDIBLE_HZ, FLOOR_DB, LTAS_BAND_HZ, ltas
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

EDGE_HZ, HIGH_HZ = 2000, 5000


def hammarberg(phonation: Phonation) -> dict[str, Value]:
    """The index in dB."""
    spectra = phonation.spectra
    if spectra.sample_rate_hz < 2 * HIGH_HZ:
        raise MeasureRefused(
            f"the Hammarberg index looks up to {HIGH_HZ} Hz, a recording at {spectra.sample_rate_hz} Hz ends at "
            f"{spectra.sample_rate_hz / 2:g} Hz: record at {2 * HIGH_HZ} Hz or more"
        )
    edge, high = EDGE_HZ // LTAS_BAND_HZ, HIGH_HZ // LTAS_BAND_HZ
    _, level = ltas(spectra.audible, LTAS_BAND_HZ)
    below, above = float(level[:edge].max()), float(level[edge:high].max())
    if FLOOR_DB in (below, above):
        raise MeasureRefused("there is no sound in one of the two ranges of the Hammarberg index")
    return {"hammarberg_db": below - above}


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """Nothing of it can be chosen."""
    return {
        "low_hz": AUDIBLE_HZ,
        "edge_hz": EDGE_HZ,
        "high_hz": HIGH_HZ,
        "band_hz": LTAS_BAND_HZ,
        "over": "whole recording",
    }


SPECS = (
    VoiceMeasure(
        name="hammarberg",
        figures={
            "hammarberg_db": Figure(
                "Hammarberg index",
                "dB",
                "How far the strongest sound above 2 kHz is below the strongest one under it: large in a soft or weak voice, "
                "small in a loud or strained one.",
                1,
            )
        },
        task="any",
        run=hammarberg,
        settings=settings,
        source="Hammarberg et al. 1980, Perceptual and acoustic correlates of abnormal voice qualities",
        order=230,
        without_voice=True,
    ),
)
