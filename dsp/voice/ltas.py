"""Long-term average spectrum: power density of the whole recording in bands of 100 Hz.

*Source*: T. Frokjaer-Jensen and S. Prytz 1976 and B. Hammarberg et al. 1980 (what it says of a voice); bands and density as in
Praat's *To Ltas: 100* (see dsp.phonation.spectra), in dB of full scale instead of the threshold of hearing.
"""

from dsp.phonation.spectra import LTAS_BAND_HZ, PRAAT_OFFSET_DB
from dsp.voice.base import Figure, Phonation, Value, VoiceMeasure, VoiceSettings


def ltas(phonation: Phonation) -> dict[str, Value]:
    """The curve and where its values lie."""
    spectra = phonation.spectra
    return {"ltas_db": spectra.ltas_db.round(3).tolist(), "ltas_hz": spectra.ltas_hz.tolist()}


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """Nothing of it can be chosen."""
    return {
        "band_hz": LTAS_BAND_HZ,
        "over": "whole recording",
        "reference": "full scale squared by hertz",
        "praat_offset_db": round(PRAAT_OFFSET_DB, 4),
    }


SPECS = (
    VoiceMeasure(
        name="ltas",
        figures={
            "ltas_db": Figure(
                "LTAS",
                "dB/Hz",
                "How much power the voice has at each pitch of sound, averaged over the recording: a pressed voice has more of it "
                "high up, a breathy or weak one less.",
                1,
                curve=True,
            ),
            "ltas_hz": Figure("LTAS (at)", "Hz", "Middle of each band of the LTAS.", 0, curve=True),
        },
        task="any",
        run=ltas,
        settings=settings,
        source="Frokjaer-Jensen & Prytz 1976; Hammarberg et al. 1980; bands as Praat's To Ltas: 100",
        order=200,
        without_voice=True,
    ),
)
