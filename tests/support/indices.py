"""AVQI 03.01 and DSI-beta by Praat itself, after their published descriptions, and recordings to measure them of."""

from dataclasses import dataclass

import numpy as np
import soundfile
from parselmouth.praat import call
from scipy.signal import resample_poly

from dsp.types import Block, Samples
from tests.support.praat import parselmouth

RATE_HZ = 44100


@dataclass(frozen=True)
class InMemory:
    """A recording of one channel."""

    samples: Samples
    sample_rate_hz: int = RATE_HZ
    channels: int = 1

    @property
    def size(self) -> int:
        return self.samples.size

    def read(self, start: int, stop: int) -> Block:
        return self.samples[None, start:stop]


def read_aloud(name: str, seconds: float = 6.0) -> InMemory:
    """Bundled speech at 44.1 kHz, with a room's faint noise up to 22 kHz."""
    sound, rate_hz = soundfile.read(f"softphone/data/speech/{name}.wav", dtype="float64")
    sound = resample_poly(sound[: round(seconds * rate_hz)], RATE_HZ // 100, rate_hz // 100)
    noise = np.random.default_rng(4).standard_normal(sound.size)
    return InMemory((0.9 * sound + 2e-4 * noise).astype(np.float32))


def praat_avqi(vowel: Samples, speech: Samples) -> tuple[float, dict[str, float], float]:
    """The index, its components and how long the voiced speech is."""
    filtered = [
        call(parselmouth.Sound(each.astype(np.float64), RATE_HZ), "Filter (stop Hann band)", 0, 34, 0.1)
        for each in (speech, vowel)
    ]
    spoken, held = filtered
    grid = call(spoken, "To TextGrid (silences)", 50, 0.003, -25, 0.1, 0.1, "quiet", "loud")
    parts = call([spoken, grid], "Extract intervals where", 1, "no", "is equal to", "loud")
    loud = call(parts, "Concatenate") if isinstance(parts, list) else parts
    least = 0.3 * call(loud, "Get power in air")
    end_s = call(loud, "Get end time")
    kept = [call("Create Sound from formula", "lead", 1, 0, 0.001, RATE_HZ, "0")]
    left_s = 0.0
    while left_s + 0.03 < end_s - 0.03:
        window = call(loud, "Extract part", left_s, left_s + 0.03, "rectangular", 1.0, "no")
        if call(window, "Get power in air") > least and _crossings_hz(window) < 3000:
            kept.append(window)
        left_s += 0.03
    voiced = call(kept, "Concatenate")
    last = call(held, "Extract part", max(0.0, held.duration - 3.0), held.duration, "rectangular", 1, "no")
    both = call([voiced, last], "Concatenate")
    found = _components(both)
    value = 2.8902 * (
        4.152
        - 0.177 * found["cpps_db"]
        - 0.006 * found["hnr_db"]
        - 0.037 * found["shimmer_local_pct"]
        + 0.941 * found["shimmer_local_db"]
        + 0.01 * found["slope_db"]
        + 0.093 * found["tilt_db"]
    )
    return value, found, voiced.duration - 0.001


def _crossings_hz(window: "parselmouth.Sound") -> float:
    """From the crossing nearest to 2.5 ms, one by one, to the first behind 27.5 ms; infinite without such a one."""
    zeroes = call(window, "To PointProcess (zeroes)", 1, "yes", "yes")
    count = call(zeroes, "Get number of points")
    times_s = np.array([call(zeroes, "Get time from index", i + 1) for i in range(count)])
    if count == 0 or times_s[-1] < 0.0275:
        return np.inf
    first = int(np.abs(times_s - 0.0025).argmin())
    last = int(np.argmax(times_s >= 0.0275))
    return float((last - first) / (times_s[last] - times_s[first]))


def _components(sound: "parselmouth.Sound") -> dict[str, float]:
    cepstra = call(sound, "To PowerCepstrogram", 60, 0.002, 5000, 50)
    ltas = call(sound, "To Ltas", 1)
    slope = call(ltas, "Get slope", 0, 1000, 1000, 10000, "energy")
    trend = call(ltas, "Compute trend line", 1, 10000)
    limits = (0, 0, 0.0001, 0.02, 1.3, 1.6)
    pulses = call(sound, "To PointProcess (periodic, cc)", 50, 400)
    pitch = call(sound, "To Pitch (cc)", 0, 75, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 600)
    cycles = call([sound, pitch], "To PointProcess (cc)")
    report = call([sound, pitch, cycles], "Voice report", 0, 0, 75, 600, 1.3, 1.6, 0.03, 0.45)
    hnr = report.split("Mean harmonics-to-noise ratio:")[1].split()[0]
    return {
        "cpps_db": call(
            cepstra, "Get CPPS", "no", 0.01, 0.001, 60, 330, 0.05, "parabolic", 0.001, 0, "straight", "robust"
        ),
        "hnr_db": float(hnr),
        "shimmer_local_pct": 100 * call([sound, pulses], "Get shimmer (local)", *limits),
        "shimmer_local_db": call([sound, pulses], "Get shimmer (local_dB)", *limits),
        "slope_db": slope,
        "tilt_db": call(trend, "Get slope", 0, 1000, 1000, 10000, "energy"),
    }


def praat_dsi(low: Samples, high: Samples, vowel: Samples) -> dict[str, float]:
    """What DSI-beta is made from; the level is that of samples in pascal."""
    soft, top, held = (parselmouth.Sound(each.astype(np.float64), RATE_HZ) for each in (low, high, vowel))
    pitch = call(soft, "To Pitch (cc)", 0, 70, 15, "no", 0.03, 0.8, 0.01, 0.35, 0.14, 600)
    cycles = call([soft, pitch], "To PointProcess (cc)")
    grid = call(cycles, "To TextGrid (vuv)", 0.02, 0.01)
    parts = call([soft, grid], "Extract intervals where", 1, "no", "is equal to", "V")
    voiced = call(parts, "Concatenate") if isinstance(parts, list) else parts
    level = call(voiced, "To Intensity", 60, 0.0, "yes")
    upper = call(top, "To Pitch (cc)", 0, 70, 15, "no", 0.03, 0.8, 0.01, 0.35, 0.14, 1300)
    last = call(held, "Extract part", max(0.0, held.duration - 3), held.duration, "rectangular", 1, "no")
    steady = call(last, "To Pitch", 0, 70, 600)
    beats = call([last, steady], "To PointProcess (cc)")
    return {
        "i_low_db_spl": call(level, "Get minimum", 0, 0, "none"),
        "f0_high_hz": call(upper, "Get maximum", 0, 0, "Hertz", "none"),
        "jitter_ppq5_pct": 100 * call(beats, "Get jitter (ppq5)", 0, 0, 0.0001, 0.02, 1.3),
        "jitter_local_pct": 100 * call(beats, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3),
    }
