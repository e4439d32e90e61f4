"""Slope and tilt of the spectrum, as the components of AVQI define them.

*Source*: Y. Maryn, P. Corthals, P. Van Cauwenberge, N. Roy and M. De Bodt, "Toward improved ecological validity in the acoustic
measurement of overall voice quality", Journal of Voice 24(5), 2010, 540-555. Here of the whole recording as it is; the index takes
them of voiced speech and a vowel together, without what is below 34 Hz.
"""

from dsp.phonation.spectra import AUDIBLE_HZ, SLOPE_TO_HZ, slope_db, tilt_db
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings


def spectral_slope(phonation: Phonation) -> dict[str, Value]:
    """Both in dB, mostly negative."""
    spectra = phonation.spectra
    if spectra.sample_rate_hz < 2 * SLOPE_TO_HZ:
        raise MeasureRefused(
            f"slope and tilt look up to {SLOPE_TO_HZ} Hz, a recording at {spectra.sample_rate_hz} Hz ends at "
            f"{spectra.sample_rate_hz / 2:g} Hz: record at {2 * SLOPE_TO_HZ} Hz or more"
        )
    return {"spectral_slope_db": slope_db(spectra.audible), "spectral_tilt_db": tilt_db(spectra.power)}


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """Nothing of it can be chosen."""
    return {
        "band_hz": 1,
        "low_hz": [AUDIBLE_HZ, 1000],
        "high_hz": [1000, SLOPE_TO_HZ],
        "over": "whole recording",
    }


SPECS = (
    VoiceMeasure(
        name="spectral_slope",
        figures={
            "spectral_slope_db": Figure(
                "spectral slope",
                "dB",
                "Mean power density from 1 to 10 kHz against that below 1 kHz: the more negative, the duller the voice.",
                1,
            ),
            "spectral_tilt_db": Figure(
                "spectral tilt",
                "dB",
                "The same of the straight line through the spectrum, which noise between the harmonics lifts: nearer to 0 in a "
                "breathy or hoarse voice, or in a noisy room.",
                1,
            ),
        },
        task="any",
        run=spectral_slope,
        settings=settings,
        source="Maryn et al. 2010, slope and tilt of the LTAS as in AVQI",
        order=250,
        without_voice=True,
    ),
)
