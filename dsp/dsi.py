"""Dysphonia Severity Index: what a voice can do, from four tasks.

Conventions: about +5 (a voice that sounds normal) to -5 (severely dysphonic), a number without unit; more is better.

Measures:
    mpt_s             maximum phonation time, as told
    f0_high_hz        highest voiced frame of the pitch by cross-correlation, 70 to 1300 Hz, voicing threshold 0.8
    i_low_db_spl      lowest level of what is voiced in the softest phonation: cycles along a pitch by
                      cross-correlation, 70 to 600 Hz, voicing threshold 0.8, no further apart than 0.02 s; the level is that
                      of dsp/phonation/intensity.py with a floor of 60 Hz, by the calibration in dB SPL
    jitter_local_pct, jitter_ppq5_pct  of the last 3 s of the vowel, pitch 70 to 600 Hz

    dsi is the index of 2000, whose authors had F0 and level from a voice range profile and jitter from MDVP; dsi_beta is
    that of 2017, whose weights are made for the measures used here.

Source: F. L. Wuyts et al., The Dysphonia Severity Index: an objective measure of vocal quality based on a multiparameter
approach, JSLHR 43, 2000, 796-809; Y. Maryn, D. Morsomme and M. De Bodt, Measuring the Dysphonia Severity Index (DSI) in
the program Praat, Journal of Voice 31, 2017.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.intensity import intensity_of
from dsp.phonation.perturbation import jitter_of
from dsp.phonation.pitch import PitchContour, PitchSettings
from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.pulses import LONGEST_PERIOD_S, PulseContour, Pulses
from dsp.phonation.section import Recording, Section
from dsp.voice.base import MeasureRefused

Floats = NDArray[np.float64]

LOW_PITCH = PitchSettings(floor_hz=70.0, ceiling_hz=600.0, method="cc", periods_per_window=1.0, voicing=0.8)
HIGH_PITCH = PitchSettings(floor_hz=70.0, ceiling_hz=1300.0, method="cc", periods_per_window=1.0, voicing=0.8)
JITTER_PITCH = PitchSettings(floor_hz=70.0, ceiling_hz=600.0)
LEVEL_FLOOR_HZ = 60.0
MEAN_PERIOD_S = 0.01
"""Half of it belongs to a voice on either side of its first and last cycle."""
VOWEL_S = 3.0
MOST_S = 180.0


@dataclass(frozen=True, slots=True)
class Dsi:
    """Both indices and what they are made from."""

    dsi: float
    """After Wuyts et al. 2000."""
    dsi_beta: float
    """After Maryn et al. 2017, for measures like these."""
    components: Mapping[str, float]
    warnings: tuple[str, ...]
    """What departs from the published procedure."""
    settings: Mapping[str, object]
    source: str = "DSI, Wuyts et al. 2000; DSI-beta, Maryn, Morsomme and De Bodt 2017"


def dsi(mpt_s: float, low: Recording, high: Recording, vowel: Recording, spl_at_0dbfs: float | None) -> Dsi:
    """Measure four tasks of one person; of several channels the first counts.

    Args:
        mpt_s: the longest that a vowel was held in one breath, of three times.
        low: the voice as softly as it goes.
        high: the voice as high as it goes.
        vowel: a sustained vowel.
        spl_at_0dbfs: sound pressure level in dB of a mean square of full scale in *low* (a full-scale sine has 3.01 dB less).

    Raises:
        MeasureRefused: without a calibration; a time that is not positive; no voice in a recording; more than three minutes.
    """
    if spl_at_0dbfs is None or not np.isfinite(spl_at_0dbfs):
        raise MeasureRefused(
            "DSI needs the lowest sound pressure level, and that a level calibration: measure how many dB SPL full scale is"
        )
    if not (np.isfinite(mpt_s) and mpt_s > 0.0):
        raise MeasureRefused(f"DSI needs a maximum phonation time above 0 s, got {mpt_s:g}")
    f0_high_hz = _highest_hz(_whole(high, "high voice"))
    i_low = _lowest_db(_whole(low, "soft voice")) + spl_at_0dbfs
    held = _whole(vowel, "vowel")
    rate_hz = held.whole.sample_rate_hz
    last = Section.of_all(held.samples[max(0, held.samples.size - round(VOWEL_S * rate_hz)) :], rate_hz)
    jitter = jitter_of(_pulses(last, JITTER_PITCH)[1])
    if jitter.local_pct is None or jitter.ppq5_pct is None:
        raise MeasureRefused("DSI needs jitter, and the vowel has no cycles of a voice: hold it steadily")
    warnings = []
    if held.whole.seconds < VOWEL_S:
        warnings.append(
            f"the vowel lasts {held.whole.seconds:.1f} s, DSI is meant for {VOWEL_S:g} s of it: hold it longer"
        )
    if rate_hz < 44100:
        warnings.append(
            f"the vowel has {rate_hz} Hz: jitter is measured too large below 44100 Hz, and the index too low"
        )
    components = {
        "mpt_s": float(mpt_s),
        "f0_high_hz": f0_high_hz,
        "i_low_db_spl": i_low,
        "jitter_local_pct": jitter.local_pct,
        "jitter_ppq5_pct": jitter.ppq5_pct,
    }
    return Dsi(
        dsi=0.13 * mpt_s + 0.0053 * f0_high_hz - 0.26 * i_low - 1.18 * jitter.local_pct + 12.4,
        dsi_beta=1.127 + 0.164 * mpt_s - 0.038 * i_low + 0.0053 * f0_high_hz - 5.30 * jitter.ppq5_pct,
        components=components,
        warnings=tuple(warnings),
        settings={
            "low_pitch": dict(LOW_PITCH.echo()),
            "high_pitch": dict(HIGH_PITCH.echo()),
            "jitter_pitch": dict(JITTER_PITCH.echo()),
            "level_floor_hz": LEVEL_FLOOR_HZ,
            "spl_at_0dbfs": spl_at_0dbfs,
            "vowel": f"last {VOWEL_S:g} s",
        },
    )


def voiced_spans(pulses_s: Floats, seconds: float) -> list[tuple[float, float]]:
    """Where cycles follow each other, (from, to) in seconds, half a mean period added on either side."""
    if pulses_s.size == 0:
        return []
    gaps = np.flatnonzero(np.diff(pulses_s) > LONGEST_PERIOD_S)
    firsts = np.concatenate([pulses_s[:1], pulses_s[gaps + 1]]) - 0.5 * MEAN_PERIOD_S
    lasts = np.concatenate([pulses_s[gaps], pulses_s[-1:]]) + 0.5 * MEAN_PERIOD_S
    return [(max(0.0, a), min(seconds, b)) for a, b in zip(firsts, lasts, strict=True)]


def _highest_hz(section: Section) -> float:
    pitch = PitchContour(HIGH_PITCH).push(section)
    if not pitch.is_voiced.any():
        raise MeasureRefused("DSI needs the highest voice, and there is no voice in that recording")
    return float(pitch.f0_hz.max())


def _lowest_db(section: Section) -> float:
    rate_hz = section.whole.sample_rate_hz
    _, pulses = _pulses(section, LOW_PITCH)
    parts = [
        section.samples[max(0, round(a * rate_hz)) : round(b * rate_hz)]
        for a, b in voiced_spans(pulses.times_s, section.whole.seconds)
    ]
    voiced = np.concatenate([np.zeros(0, dtype=np.float32), *parts])
    level = intensity_of(voiced, rate_hz, LEVEL_FLOOR_HZ)
    if level.db.size == 0:
        raise MeasureRefused(
            f"DSI needs the softest voice, and there is {voiced.size / rate_hz:.2f} s of voice in that recording"
        )
    return float(level.db.min())


def _pulses(section: Section, settings: PitchSettings) -> tuple[PitchTrack, Pulses]:
    pitch = PitchContour(settings).push(section)
    contour = PulseContour()
    contour.push(replace(section, pitch=pitch))
    return pitch, contour.finish()


def _whole(recording: Recording, what: str) -> Section:
    rate_hz = recording.sample_rate_hz
    if recording.size > MOST_S * rate_hz:
        raise MeasureRefused(
            f"the {what} lasts {recording.size / rate_hz:.0f} s, DSI takes up to {MOST_S:g} s: cut a part out"
        )
    return Section.of_all(np.ascontiguousarray(recording.read(0, recording.size)[0]), rate_hz)
