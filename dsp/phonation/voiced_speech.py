"""The voiced parts of connected speech, one behind the other, as AVQI takes them.

Pauses go first: where the level from 80 Hz to 8 kHz stays 25 dB below its greatest for 0.1 s. What is left is cut into
windows of 30 ms; those count that have more than 30 % of its mean power and cross zero less than 3000 times a second.

Source: B. Barsties and Y. Maryn, The improvement of internal consistency of the Acoustic Voice Quality Index, American
Journal of Otolaryngology 36, 2015; the method is that of Y. Maryn et al., Journal of Voice 24, 2010, after the extraction
by P. Corthals; silences as the manual of Praat defines "Sound: To TextGrid (silences)...".
"""

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.intensity import intensity_of
from dsp.types import Samples

Floats = NDArray[np.float64]

LOWEST_HZ = 34.0
SLOPE_HZ = 0.1
LEVEL_FLOOR_HZ, LEVEL_STEP_S = 50.0, 0.003
LEVEL_BAND_HZ = (80.0, 8000.0, 80.0)
SILENCE_DB = -25.0
SHORTEST_S = 0.1
"""Of a pause, and of what is between two."""
WINDOW_S = 0.03
LOUD = 0.3
MOST_CROSSINGS_HZ = 3000.0
COUNT_FROM_S, COUNT_TO_S = 0.0025, 0.0275
"""Zero crossings of a window are counted from the one that is nearest to the first, to the first behind the second."""
LEAD_S = 0.001
"""The sound begins with so much silence."""


def without_low_frequencies(sound: Samples, rate_hz: int) -> Samples:
    """Take away what is below 34 Hz, with a slope of 0.2 Hz."""
    return _band(sound, rate_hz, LOWEST_HZ, None, SLOPE_HZ)


def _band(sound: Samples, rate_hz: int, low_hz: float, high_hz: float | None, slope_hz: float) -> Samples:
    """Keep what is between two frequencies, with slopes of half a cosine, by the transform of the whole sound."""
    points = 1 << max(1, (sound.size - 1).bit_length())
    spectrum = np.fft.rfft(sound.astype(np.float64), points)
    hz = np.arange(spectrum.size) * (rate_hz / points)
    share = np.clip((hz - low_hz + slope_hz) / (2.0 * slope_hz), 0.0, 1.0)
    if high_hz is not None:
        share = np.minimum(share, np.clip((high_hz + slope_hz - hz) / (2.0 * slope_hz), 0.0, 1.0))
    spectrum *= 0.5 - 0.5 * np.cos(np.pi * share)
    return np.fft.irfft(spectrum, points)[: sound.size].astype(np.float32)


def voiced_speech(sound: Samples, rate_hz: int) -> tuple[Samples, float]:
    """Give the voiced parts, behind 1 ms of silence, and how long they are in seconds."""
    loud = np.concatenate(
        [
            np.zeros(0, dtype=np.float32),
            *(sound[slice(*_inside(a, b, rate_hz, sound.size))] for a, b in sounding(sound, rate_hz)),
        ]
    )
    parts = [np.zeros(round(LEAD_S * rate_hz), dtype=np.float32)]
    if loud.size:
        least = LOUD * float(np.mean(loud.astype(np.float64) ** 2))
        end_s = loud.size / rate_hz
        left_s, right_s = 0.0, WINDOW_S
        while right_s < end_s - WINDOW_S:
            window = loud[slice(*_inside(left_s, right_s, rate_hz, loud.size))]
            power = float(np.mean(window.astype(np.float64) ** 2))
            if power > least and crossings_hz(window, rate_hz) < MOST_CROSSINGS_HZ:
                parts.append(window)
            left_s += WINDOW_S
            right_s = left_s + WINDOW_S
    voiced = np.concatenate(parts)
    return voiced, (voiced.size - parts[0].size) / rate_hz


def sounding(sound: Samples, rate_hz: int) -> list[tuple[float, float]]:
    """What is between pauses, (from, to) in seconds."""
    heard = _band(sound, rate_hz, *LEVEL_BAND_HZ)
    level = intensity_of(heard, rate_hz, LEVEL_FLOOR_HZ, LEVEL_STEP_S)
    if level.db.size == 0:
        return []
    seconds = sound.size / rate_hz
    is_loud = level.db >= level.db.max() + SILENCE_DB
    edges = np.flatnonzero(np.diff(is_loud)) + 1
    starts = [0.0, *(float(level.times_s[i]) for i in edges), seconds]
    runs = [(a, b, bool(is_loud[i])) for a, b, i in zip(starts[:-1], starts[1:], [0, *edges], strict=True)]
    runs = _joined([(a, b, loud or b - a < SHORTEST_S) for a, b, loud in runs])
    runs = _joined([(a, b, loud and b - a >= SHORTEST_S) for a, b, loud in runs])
    return [(a, b) for a, b, loud in runs if loud]


def crossings_hz(window: Samples, rate_hz: int) -> float:
    """Zero crossings a second; infinite where they cannot be counted."""
    negative = window < 0.0
    at = np.flatnonzero(negative[1:] != negative[:-1])
    before, after = window[at].astype(np.float64), window[at + 1].astype(np.float64)
    times_s = (at + 0.5 + before / (before - after)) / rate_hz
    if times_s.size == 0:
        return float("inf")
    first = int(np.abs(times_s - COUNT_FROM_S).argmin())
    behind = np.flatnonzero(times_s[first:] >= COUNT_TO_S)
    if behind.size == 0 or behind[0] == 0:
        return float("inf")
    count = int(behind[0])
    return float(count / (times_s[first + count] - times_s[first]))


def _joined(runs: list[tuple[float, float, bool]]) -> list[tuple[float, float, bool]]:
    out: list[tuple[float, float, bool]] = []
    for a, b, loud in runs:
        if out and out[-1][2] == loud:
            out[-1] = (out[-1][0], b, loud)
        else:
            out.append((a, b, loud))
    return out


def _inside(from_s: float, to_s: float, rate_hz: int, size: int) -> tuple[int, int]:
    """Which samples have their middle from *from_s* to *to_s*."""
    first = max(0, ceil(from_s * rate_hz - 0.5))
    return first, min(size, floor(to_s * rate_hz - 0.5) + 1)
