"""Slowing: how far what moves in a voice lies at low frequencies, in its loudness and in its spectrum. Exploratory.

*Measures*: power of the envelope's fluctuations from 0.5 to 4 Hz over that from 4 to 16 Hz, and their mean frequency; the median
frequency of the voiced frames' spectra, and how it drifts.
*Source*: slowing as a shift of power to lower bands, defined for brain waves: J. Dauwels et al., "Slowing and loss of complexity in
Alzheimer's EEG: two sides of the same coin?", Int. J. Alzheimer's Disease 539621, 2011. Envelope modulations of speech: T. Houtgast
and H. J. M. Steeneken, J. Acoust. Soc. Am. 77, 1985; J. M. Liss, S. LeGendre and A. J. Lotto, JSLHR 53, 2010. Laid on
voices by us: no norms.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.intensity import Intensity
from dsp.phonation.spectra import Spectra
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

Floats = NDArray[np.float64]

SLOW_HZ, EDGE_HZ, FAST_HZ = 0.5, 4.0, 16.0
WINDOW_S = 4.0
LEAST_TREND_S = 2.0
LEAST_DEPTH = 0.05
"""An envelope that fluctuates by less than this share of its mean (root mean square) holds a level: there is nothing to tell."""
ENVELOPE = f"{WINDOW_S:g} s or more whose loudness moves, as speech does"
FLOOR_DB = 50.0
"""So far below its loudest frame the envelope ends: what is softer does not fluctuate."""


def slowing(phonation: Phonation) -> dict[str, Value]:
    """All four; None for those that want a longer recording, or one whose level moves."""
    found = {**_modulation(phonation.intensity), **_spectrum(phonation.spectra)}
    if all(value is None for value in found.values()):
        raise MeasureRefused(
            f"slowing needs a voice, or a recording of {WINDOW_S:g} s; this one has {phonation.spectra.voiced_s:.2g} s of voice in "
            f"{phonation.whole.seconds:.3g} s"
        )
    return found


def settings(chosen: VoiceSettings) -> dict[str, Any]:
    """Nothing of it can be chosen but the floor, on which the smoothing of the envelope depends."""
    return {
        "slow_hz": [SLOW_HZ, EDGE_HZ],
        "fast_hz": [EDGE_HZ, FAST_HZ],
        "window_s": WINDOW_S,
        "least_depth": LEAST_DEPTH,
        "pitch_floor_hz": chosen.pitch_floor_hz,
        "over": "envelope: whole recording; spectrum: voiced frames",
    }


def _modulation(track: Intensity) -> dict[str, Value]:
    """Of the envelope, by Welch's method."""
    none: dict[str, Value] = {"modulation_slowing_db": None, "modulation_centroid_hz": None}
    size = round(WINDOW_S / track.step_s)
    if track.db.size < size:
        return none
    envelope = 10.0 ** (np.maximum(track.db, track.db.max() - FLOOR_DB) / 20.0)
    if envelope.std() < LEAST_DEPTH * envelope.mean():
        return none
    window = np.hanning(size + 1)[:-1]
    power = np.zeros(size // 2 + 1)
    for begin in range(0, envelope.size - size + 1, size // 2):
        part = envelope[begin : begin + size]
        power += np.abs(np.fft.rfft((part - part.mean()) * window)) ** 2
    hz = np.arange(power.size) / (size * track.step_s)
    slow = float(power[(hz >= SLOW_HZ) & (hz < EDGE_HZ)].sum())
    within = (hz >= EDGE_HZ) & (hz <= FAST_HZ)
    fast = float(power[within].sum())
    if slow <= 0.0 or fast <= 0.0:
        return none
    within |= (hz >= SLOW_HZ) & (hz < EDGE_HZ)
    return {
        "modulation_slowing_db": float(10.0 * np.log10(slow / fast)),
        "modulation_centroid_hz": float(np.dot(hz[within], power[within]) / power[within].sum()),
    }


def _spectrum(spectra: Spectra) -> dict[str, Value]:
    """Of the medians of the short spectra."""
    there = spectra.is_voiced & (spectra.median_hz > 0.0)
    times_s, median_hz = spectra.times_s[there], spectra.median_hz[there]
    if times_s.size == 0:
        return {"spectral_median_hz": None, "spectral_median_drift_st_per_s": None}
    drift = None
    if times_s[-1] - times_s[0] >= LEAST_TREND_S:
        away = times_s - times_s.mean()
        drift = float(12.0 * np.dot(away, np.log2(median_hz)) / np.dot(away, away))
    return {"spectral_median_hz": float(np.median(median_hz)), "spectral_median_drift_st_per_s": drift}


SPECS = (
    VoiceMeasure(
        name="slowing",
        figures={
            "modulation_slowing_db": Figure(
                "slowing of the envelope",
                "dB",
                "Slow changes of loudness (below 4 Hz) against quick ones (4 to 16 Hz): higher where syllables come more slowly. "
                "Without norms: only to be compared with the same text by the same person.",
                1,
                wants=ENVELOPE,
            ),
            "modulation_centroid_hz": Figure(
                "rate of the envelope",
                "Hz",
                "Mean frequency of the changes of loudness from 0.5 to 16 Hz; lower in slow speech.",
                2,
                wants=ENVELOPE,
            ),
            "spectral_median_hz": Figure(
                "median frequency",
                "Hz",
                "Half of the voice's power lies below; lower in a dull or soft voice.",
                0,
            ),
            "spectral_median_drift_st_per_s": Figure(
                "drift of the median frequency",
                "semitones/s",
                "How the median frequency moves over the recording: below 0 the voice gets duller.",
                2,
                wants=f"voice over {LEAST_TREND_S:g} s or more",
            ),
        },
        task="any",
        run=slowing,
        settings=settings,
        source="after Dauwels et al. 2011 and Liss et al. 2010; own definition for voices",
        exploratory=True,
        order=900,
    ),
)
