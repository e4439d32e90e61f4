"""Acoustic Voice Quality Index, version 03.01: how hoarse a voice is, from a vowel and from read speech together.

Conventions: about 0 (clear) to 10 (severely hoarse), a number without unit; less is better.

Measures: six components of one sound, which is the voiced parts of the speech (dsp.phonation.voiced_speech.py) followed by the
last 3 s of the vowel, all without what is below 34 Hz:

    cpps_db            smoothed cepstral peak prominence (dsp/phonation/cepstrum.py)
    hnr_db             mean of 10 log10(r / (1 - r)) over the voiced frames of the pitch by cross-correlation, 75 to 600 Hz
    shimmer_local_pct  of cycles found with a pitch from 50 to 400 Hz
    shimmer_local_db   likewise
    slope_db           mean density of the spectrum from 1 to 10 kHz over that from 0 to 1 kHz
    tilt_db            the same of the trend line through the spectrum

Source: B. Barsties and Y. Maryn, The improvement of internal consistency of the Acoustic Voice Quality Index, American
Journal of Otolaryngology 36, 2015, 647-656 (weights; how the sound is made); Y. Maryn, P. Corthals, P. Van Cauwenberge,
N. Roy and M. De Bodt, Toward improved ecological validity in the acoustic measurement of overall voice quality, Journal
of Voice 24, 2010, 540-555.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dsp.phonation.cepstrum import CepstrumContour
from dsp.phonation.perturbation import shimmer_of
from dsp.phonation.pitch import PitchContour, PitchSettings
from dsp.phonation.pulses import PulseContour
from dsp.phonation.section import Recording, Section
from dsp.phonation.spectra import SLOPE_TO_HZ, slope_db, spectra_of, tilt_db
from dsp.phonation.voiced_speech import voiced_speech, without_low_frequencies
from dsp.types import Samples
from dsp.voice.base import MeasureRefused

WEIGHTS = {
    "cpps_db": -0.177,
    "hnr_db": -0.006,
    "shimmer_local_pct": -0.037,
    "shimmer_local_db": 0.941,
    "slope_db": 0.01,
    "tilt_db": 0.093,
}
CONSTANT, SCALE = 4.152, 2.8902
VOWEL_S = 3.0
LEAST_VOWEL_S = 1.0
"""Less of a vowel says nothing; below `VOWEL_S` there is a warning."""
MOST_S = 120.0
LEAST_VOICED_S = 0.3
VOICED_S = (1.5, 6.0)
"""Of voiced speech; as much of it as of the vowel is meant."""
SHIMMER_PITCH = PitchSettings(floor_hz=50.0, ceiling_hz=400.0)
HNR_PITCH = PitchSettings(floor_hz=75.0, ceiling_hz=600.0, method="cc", periods_per_window=1.0)


@dataclass(frozen=True, slots=True)
class Avqi:
    """The index and what it is made from."""

    value: float
    components: Mapping[str, float]
    """By the keys of `WEIGHTS`."""
    voiced_s: float
    """Voiced speech in it."""
    vowel_s: float
    """Vowel in it."""
    warnings: tuple[str, ...]
    """What departs from the published procedure."""
    settings: Mapping[str, object]
    source: str = "AVQI 03.01, Barsties and Maryn 2015"


def avqi(vowel: Recording, speech: Recording) -> Avqi:
    """Measure a sustained vowel and read speech of one person; of several channels the first counts.

    Raises:
        MeasureRefused: the two have different sample rates, or one below 20 kHz; a vowel below 1 s; more than two
            minutes; no voiced speech; or no cycles in what there is.
    """
    rate_hz = vowel.sample_rate_hz
    _check(vowel, speech)
    spoken, voiced_s = voiced_speech(without_low_frequencies(_mono(speech), rate_hz), rate_hz)
    if voiced_s < LEAST_VOICED_S:
        raise MeasureRefused(
            f"AVQI needs voiced speech of {LEAST_VOICED_S:g} s at least, there is {voiced_s:.2f} s in {speech.size / rate_hz:.1f} s"
        )
    held = without_low_frequencies(_mono(vowel), rate_hz)
    held = held[max(0, held.size - round(VOWEL_S * rate_hz)) :]
    vowel_s = held.size / rate_hz
    warnings = []
    if vowel_s < VOWEL_S:
        warnings.append(
            f"the vowel lasts {vowel_s:.1f} s, AVQI is meant for {VOWEL_S:g} s of it: hold it longer"
        )
    if not VOICED_S[0] <= voiced_s <= VOICED_S[1]:
        warnings.append(
            f"{voiced_s:.1f} s of the speech are voiced, AVQI is meant for as much of it as of the vowel, {VOWEL_S:g} s: "
            "read one or two sentences"
        )
    components = _components(np.concatenate([spoken, held]), rate_hz)
    value = SCALE * (CONSTANT + sum(weight * components[key] for key, weight in WEIGHTS.items()))
    return Avqi(value, components, voiced_s, vowel_s, tuple(warnings), _settings())


def _check(vowel: Recording, speech: Recording) -> None:
    rate_hz = vowel.sample_rate_hz
    if speech.sample_rate_hz != rate_hz:
        raise MeasureRefused(
            f"vowel and speech must have one sample rate, got {rate_hz} and {speech.sample_rate_hz} Hz: record both alike"
        )
    if rate_hz < 2 * SLOPE_TO_HZ:
        raise MeasureRefused(
            f"AVQI looks up to {SLOPE_TO_HZ} Hz: a sample rate of {2 * SLOPE_TO_HZ} Hz is wanted, got {rate_hz} Hz; "
            "44100 Hz is right"
        )
    if vowel.size < LEAST_VOWEL_S * rate_hz:
        raise MeasureRefused(
            f"AVQI needs a vowel of {VOWEL_S:g} s, got {vowel.size / rate_hz:.2f} s: hold it longer"
        )
    for what, recording in (("vowel", vowel), ("speech", speech)):
        if recording.size > MOST_S * rate_hz:
            raise MeasureRefused(
                f"the {what} lasts {recording.size / rate_hz:.0f} s, AVQI takes up to {MOST_S:g} s: cut a part out"
            )


def _mono(recording: Recording) -> Samples:
    return np.ascontiguousarray(recording.read(0, recording.size)[0])


def _components(sound: Samples, rate_hz: int) -> dict[str, float]:
    section = Section.of_all(sound, rate_hz)
    cepstrum, pulses = CepstrumContour(), PulseContour()
    cepstrum.push(section)
    pitch = PitchContour(SHIMMER_PITCH).push(section)
    pulses.push(replace(section, pitch=pitch))
    shimmer = shimmer_of(pulses.finish())
    periodic = PitchContour(HNR_PITCH).push(section)
    share = periodic.strength[periodic.is_voiced]
    if shimmer.local_pct is None or shimmer.local_db is None or share.size == 0:
        raise MeasureRefused(
            "AVQI needs a voice with cycles, and there are none in vowel and speech: check the microphone"
        )
    share = np.clip(share, 1e-15, 1.0 - 1e-15)
    spectra = spectra_of(sound, rate_hz)
    slope, tilt = slope_db(spectra.power), tilt_db(spectra.power)
    if slope is None or tilt is None:
        raise MeasureRefused("AVQI needs sound from 0 to 10 kHz, and there is none: check the microphone")
    return {
        "cpps_db": float(np.nanmean(cepstrum.finish().cpps_db, dtype=np.float64)),
        "hnr_db": float(np.mean(10.0 * np.log10(share / (1.0 - share)))),
        "shimmer_local_pct": shimmer.local_pct,
        "shimmer_local_db": shimmer.local_db,
        "slope_db": slope,
        "tilt_db": tilt,
    }


def _settings() -> dict[str, object]:
    return {
        "version": "03.01",
        "high_pass_hz": 34,
        "vowel": f"last {VOWEL_S:g} s",
        "speech": "windows of 0.03 s louder than 30 % of the mean power of all that is no silence (-25 dB, 0.1 s), "
        "with fewer than 3000 zero crossings a second",
        "shimmer_pitch": dict(SHIMMER_PITCH.echo()),
        "hnr_pitch": dict(HNR_PITCH.echo()),
        "slope_hz": [0, 1000, 1000, SLOPE_TO_HZ],
    }
