"""Synthetic vowels of which the truth is known: pulses at exact fractional times through resonators in continuous time.

The source is a train of pulses at times that need not fall on samples. Each is answered by a cascade of resonators (formants), two
real poles (the slope of a glottal source) and one zero (radiation from the lips), evaluated in continuous time at the
samples by partial fractions, so nothing is rounded to a sample (Klatt 1980, the cascade branch; no digital filter is fitted).

Jitter and shimmer are drawn from uniform distributions; there two neighbours differ by 2/3 of the half width on average,
so 15 % of shimmer stays below a ratio of 1.6 of neighbours, which is where measures of shimmer stop counting.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, resample_poly

Floats = NDArray[np.float64]
AH = ((700.0, 80.0), (1220.0, 90.0), (2600.0, 120.0), (3500.0, 150.0))
"""Formants of an open vowel: (Hz, bandwidth in Hz)."""
SOURCE_HZ = (200.0, 300.0)
"""Real poles of the source."""
RUN_UP_S = 0.1
"""So long the pulses have already gone on when the recording begins."""
CLEAN_RATE_HZ = 40_000
"""Below it the response would alias, so it is made at a multiple of the rate, then low-passed."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What a perfect measure would find, of the pulses inside the recording, as they were drawn."""

    pulses_s: Floats
    """When each pulse is, ``(m,)``."""
    periods_s: Floats
    """From pulse to pulse, ``(m - 1,)``."""
    amplitudes: Floats
    """Of each pulse, about 1, ``(m,)``."""
    jitter_local_pct: float
    jitter_local_abs_us: float
    jitter_rap_pct: float
    jitter_ppq5_pct: float
    shimmer_local_pct: float
    shimmer_local_db: float
    shimmer_apq3_pct: float
    shimmer_apq5_pct: float
    shimmer_apq11_pct: float
    hnr_db: float
    """Power of the voice over power of the very noise added; infinite without noise."""
    f0_mean_hz: float
    """Pulses a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Vowel:
    """A recording and its truth."""

    samples: NDArray[np.float32]
    sample_rate_hz: int
    truth: Truth


def vowel(
    f0_hz: float = 120.0,
    *,
    seconds: float = 3.0,
    sample_rate_hz: int = 44100,
    jitter_pct: float = 0.0,
    shimmer_pct: float = 0.0,
    hnr_db: float = math.inf,
    formants: tuple[tuple[float, float], ...] = AH,
    level_dbfs: float = -20.0,
    seed: int = 1,
    f0_hz_per_s: float = 0.0,
) -> Vowel:
    """A vowel as long as the recording.

    Args:
        f0_hz: at the beginning.
        jitter_pct, shimmer_pct: expected local jitter and shimmer; what came of it is in the truth.
        hnr_db: white noise is added at this distance.
        level_dbfs: root mean square of the voice, 0 dB = 1.0.
        f0_hz_per_s: rise of the pitch.
    """
    rng = np.random.default_rng(seed)
    times_s, amplitudes = _pulses(rng, f0_hz, f0_hz_per_s, seconds, jitter_pct, shimmer_pct)
    factor = max(1, math.ceil(CLEAN_RATE_HZ / sample_rate_hz))
    voice = _answered(times_s, amplitudes, formants, seconds, sample_rate_hz * factor)
    if factor > 1:
        voice = _slowed(voice, factor, round(seconds * sample_rate_hz))
    voice *= 10 ** (level_dbfs / 20) / math.sqrt(np.mean(voice**2))
    realised_db = math.inf
    if math.isfinite(hnr_db):
        noise = rng.standard_normal(voice.size)
        noise *= 10 ** ((level_dbfs - hnr_db) / 20)
        realised_db = 10 * math.log10(np.sum(voice**2) / np.sum(noise**2))
        voice = voice + noise
    inside = (times_s >= 0) & (times_s < seconds)
    truth = _truth(times_s[inside], amplitudes[inside], realised_db)
    return Vowel(voice.astype(np.float32), sample_rate_hz, truth)


def perturbation(values: Floats, neighbours: int) -> float:
    """Mean distance of each value from the mean of the *neighbours* (odd) around it, over the mean, in per cent."""
    means = np.convolve(values, np.full(neighbours, 1 / neighbours), "valid")
    middle = values[neighbours // 2 : values.size - neighbours // 2]
    return float(100 * np.mean(np.abs(middle - means)) / np.mean(values))


def _pulses(
    rng: np.random.Generator,
    f0_hz: float,
    f0_hz_per_s: float,
    seconds: float,
    jitter_pct: float,
    shimmer_pct: float,
) -> tuple[Floats, Floats]:
    """Times and amplitudes, from RUN_UP_S before the recording to its end."""
    wobble = 1.5 * jitter_pct / 100
    times = [-RUN_UP_S]
    while times[-1] < seconds:
        f0 = f0_hz + f0_hz_per_s * max(times[-1], 0.0)
        times.append(times[-1] + (1 + wobble * rng.uniform(-1, 1)) / f0)
    amplitudes = 1 + 1.5 * shimmer_pct / 100 * rng.uniform(-1, 1, len(times))
    return np.asarray(times), amplitudes


def _answered(
    times_s: Floats,
    amplitudes: Floats,
    formants: tuple[tuple[float, float], ...],
    seconds: float,
    rate_hz: int,
) -> Floats:
    """What the resonators make of the pulses; sample i lies at (i + 0.5) / rate."""
    poles = [complex(-2 * math.pi * hz) for hz in SOURCE_HZ]
    for hz, bandwidth_hz in formants:
        pole = complex(-math.pi * bandwidth_hz, 2 * math.pi * hz)
        poles += [pole, pole.conjugate()]
    scale = 2 * math.pi * 1000.0
    run_up = round(RUN_UP_S * rate_hz)
    total = run_up + round(seconds * rate_hz)
    behind = np.ceil(times_s * rate_hz - 0.5).astype(int)  # first sample at or after the pulse
    late_s = (behind + 0.5) / rate_hz - times_s
    inside = behind + run_up < total
    out = np.zeros(total)
    for pole in poles:
        if pole.imag < 0:
            continue
        others = np.prod([(pole - other) / scale for other in poles if other != pole])
        start = np.zeros(total, dtype=np.complex128)
        fresh = amplitudes * np.exp(pole * late_s) * (pole / scale) / others
        np.add.at(start, behind[inside] + run_up, fresh[inside])
        rung = lfilter([1.0], [1.0, -np.exp(pole / rate_hz)], start)
        out += rung.real * (2 if pole.imag > 0 else 1)
    return out[run_up:]


def _slowed(voice: Floats, factor: int, size: int) -> Floats:
    """Every factor-th sample after a low pass, so that sample i of the result lies at (i + 0.5) of its own periods."""
    doubled = resample_poly(voice, 2, 1)  # sample k lies at k / 2 + 0.5 of the old ones
    low = resample_poly(np.concatenate((np.zeros(4 * factor), doubled[factor - 1 :])), 1, 2 * factor)
    return np.asarray(low[2 : 2 + size])


def _truth(times_s: Floats, amplitudes: Floats, hnr_db: float) -> Truth:
    periods_s = np.diff(times_s)
    steps = np.abs(np.diff(periods_s))
    return Truth(
        pulses_s=times_s,
        periods_s=periods_s,
        amplitudes=amplitudes,
        jitter_local_pct=float(100 * steps.mean() / periods_s.mean()),
        jitter_local_abs_us=float(1e6 * steps.mean()),
        jitter_rap_pct=perturbation(periods_s, 3),
        jitter_ppq5_pct=perturbation(periods_s, 5),
        shimmer_local_pct=float(100 * np.abs(np.diff(amplitudes)).mean() / amplitudes.mean()),
        shimmer_local_db=float(20 * np.abs(np.diff(np.log10(amplitudes))).mean()),
        shimmer_apq3_pct=perturbation(amplitudes, 3),
        shimmer_apq5_pct=perturbation(amplitudes, 5),
        shimmer_apq11_pct=perturbation(amplitudes, 11),
        hnr_db=hnr_db,
        f0_mean_hz=float(1 / periods_s.mean()),
    )
