"""The measures of a voice as Praat takes them, by the names ours have; an oracle of tests, tables and benchmarks only.

Levels are in dB of full scale: Praat takes samples for pascals and tells levels above 20 micropascal.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import parselmouth
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Value = float | list[float] | None

FLOOR_HZ, CEILING_HZ = 60.0, 600.0
LIMITS = (0, 0, 0.0001, 0.02, 1.3)
OFFSET_DB = -20.0 * math.log10(2e-5)
PEAK = (60, 330, 0.05, "parabolic", 0.001, 0, "straight", "robust")
JITTER = {
    "jitter_local_pct": ("local", 100.0),
    "jitter_local_abs_us": ("local, absolute", 1e6),
    "jitter_rap_pct": ("rap", 100.0),
    "jitter_ppq5_pct": ("ppq5", 100.0),
    "jitter_ddp_pct": ("ddp", 100.0),
}
SHIMMER = {
    "shimmer_local_pct": ("local", 100.0),
    "shimmer_local_db": ("local_dB", 1.0),
    "shimmer_apq3_pct": ("apq3", 100.0),
    "shimmer_apq5_pct": ("apq5", 100.0),
    "shimmer_apq11_pct": ("apq11", 100.0),
    "shimmer_dda_pct": ("dda", 100.0),
}

call: Callable[..., Any] = parselmouth.praat.call


def praat_figures(
    samples: Sound, sample_rate_hz: int, *, formant_ceiling_hz: float = 5500.0
) -> dict[str, Value]:
    """What Praat finds in *samples*, mono; None where it finds nothing."""
    sound = parselmouth.Sound(samples.astype(np.float64), sample_rate_hz)
    pitch = call(sound, "To Pitch (ac)", 0, FLOOR_HZ, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, CEILING_HZ)
    found: dict[str, Any] = {
        **_pitch(pitch),
        **_cycles(sound, pitch),
        **_noise(sound),
        **_cepstrum(sound),
        **_spectrum(sound, sample_rate_hz),
        **_intensity(sound, pitch),
        **_formants(sound, pitch, formant_ceiling_hz),
    }
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value for key, value in found.items()
    }


def _pitch(pitch: Any) -> Mapping[str, Value]:
    voiced = call(pitch, "Count voiced frames")
    return {
        "f0_mean_hz": call(pitch, "Get mean", 0, 0, "Hertz"),
        "f0_median_hz": call(pitch, "Get quantile", 0, 0, 0.5, "Hertz"),
        "f0_sd_hz": call(pitch, "Get standard deviation", 0, 0, "Hertz"),
        "f0_sd_semitones": call(pitch, "Get standard deviation", 0, 0, "semitones"),
        "f0_min_hz": call(pitch, "Get minimum", 0, 0, "Hertz", "None"),
        "f0_max_hz": call(pitch, "Get maximum", 0, 0, "Hertz", "None"),
        "voiced_fraction": voiced / call(pitch, "Get number of frames"),
    }


def _cycles(sound: Any, pitch: Any) -> Mapping[str, Value]:
    points = call([sound, pitch], "To PointProcess (cc)")
    report = call([sound, pitch, points], "Voice report", 0, 0, FLOOR_HZ, CEILING_HZ, 1.3, 1.6, 0.03, 0.45)
    return {
        **{
            key: scale * call(points, f"Get jitter ({kind})", *LIMITS)
            for key, (kind, scale) in JITTER.items()
        },
        **{
            key: scale * call([sound, points], f"Get shimmer ({kind})", *LIMITS, 1.6)
            for key, (kind, scale) in SHIMMER.items()
        },
        "voice_breaks": _told(report, "Number of voice breaks"),
        "voice_break_degree_pct": _told(report, "Degree of voice breaks"),
        "nhr": _told(report, "Mean noise-to-harmonics ratio"),
    }


def _told(report: str, what: str) -> float:
    """A number of the voice report; nan for none."""
    number = re.search(rf"{what}: ([-+.\de]+)", report)
    return float(number[1]) if number else math.nan


def _noise(sound: Any) -> Mapping[str, Value]:
    return {
        "hnr_db": call(call(sound, "To Harmonicity (cc)", 0.01, 60, 0.1, 1.0), "Get mean", 0, 0),
        "hnr_ac_db": call(call(sound, "To Harmonicity (ac)", 0.01, 60, 0.1, 4.5), "Get mean", 0, 0),
    }


def _cepstrum(sound: Any) -> Mapping[str, Value]:
    cepstra = call(sound, "To PowerCepstrogram", 60, 0.002, 5000, 50)
    return {
        "cpp_db": call(cepstra, "Get CPPS", "no", 0, 0, *PEAK),
        "cpps_db": call(cepstra, "Get CPPS", "no", 0.01, 0.001, *PEAK),
    }


def _spectrum(sound: Any, sample_rate_hz: int) -> Mapping[str, Value]:
    ltas, spectrum = call(sound, "To Ltas", 100), call(sound, "To Spectrum", "yes")
    bands = int(call(ltas, "Get number of bins"))
    levels = [call(ltas, "Get value in bin", at + 1) - OFFSET_DB for at in range(bands)]
    found: dict[str, Value] = {
        "ltas_db": levels,
        "l1_l0_db": _ratio_db(spectrum, (50, 300), (300, 800)),
        "alpha_ratio_db": None,
        "hammarberg_db": None,
        "spectral_slope_db": None,
        "spectral_tilt_db": None,
    }
    if sample_rate_hz >= 10000:
        found["alpha_ratio_db"] = _ratio_db(spectrum, (50, 1000), (1000, 5000))
        found["hammarberg_db"] = max(levels[:20]) - max(levels[20:50])
    if sample_rate_hz >= 20000:
        fine = call(sound, "To Ltas", 1)
        trend = call(fine, "Compute trend line", 1, 10000)
        slope = (0, 1000, 1000, 10000, "energy")
        found["spectral_slope_db"] = call(fine, "Get slope", *slope)
        found["spectral_tilt_db"] = call(trend, "Get slope", *slope)
    return found


def _ratio_db(spectrum: Any, low_hz: tuple[int, int], high_hz: tuple[int, int]) -> float:
    low, high = (call(spectrum, "Get band energy", *band) for band in (low_hz, high_hz))
    return 10.0 * math.log10(high / low) if low > 0 and high > 0 else math.nan


def _voiced_at(pitch: Any, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the frame of the pitch nearest to each time is voiced."""
    f0 = pitch.selected_array["frequency"]
    at = np.rint((times_s - pitch.x1) / pitch.dx).astype(int)
    inside = (at >= 0) & (at < f0.size)
    return np.asarray(inside & (np.where(inside, f0[np.clip(at, 0, f0.size - 1)], 0.0) > 0.0))


def _intensity(sound: Any, pitch: Any) -> Mapping[str, Value]:
    track = call(sound, "To Intensity", FLOOR_HZ, 0, "yes")
    level = track.values[0][_voiced_at(pitch, track.xs())] - OFFSET_DB
    if level.size == 0:
        return {"intensity_mean_dbfs": None, "intensity_median_dbfs": None}
    return {
        "intensity_mean_dbfs": float(10.0 * np.log10(np.mean(10.0 ** (level / 10.0)))),
        "intensity_median_dbfs": float(np.median(level)),
    }


def _formants(sound: Any, pitch: Any, ceiling_hz: float) -> Mapping[str, Value]:
    tracks = call(sound, "To Formant (burg)", 0.00625, 5, ceiling_hz, 0.025, 50)
    times = tracks.xs()[_voiced_at(pitch, tracks.xs())]
    found: dict[str, Value] = {}
    for number in (1, 2, 3, 4):
        hz = np.asarray([tracks.get_value_at_time(number, at) for at in times])
        there = np.isfinite(hz)
        enough = np.count_nonzero(there) >= max(1.0, 0.1 * there.size)
        found[f"f{number}_hz"] = float(np.median(hz[there])) if enough else None
    return found
