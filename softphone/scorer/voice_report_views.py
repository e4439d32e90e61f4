"""What a report on a voice shows of a recording, made small: whatever its length, a plot has a bounded number of points.

Conventions: times in seconds from the beginning of what was measured; what is not there (no voice, no formant) is NaN.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.phonation import Phonation
from dsp.phonation.section import Recording
from dsp.phonation.voiced import voiced_at
from dsp.track import Track
from dsp.types import Samples
from softphone.scorer.report_views import LEAST_DB, RANGE_DB

POINTS = 600
"""Of a curve over time; of more frames the median of each of so many equal parts is drawn."""
FORMANT_POINTS = 300
CURVE_POINTS = 500
"""Of a curve over frequency or quefrency."""
WINDOW_S = 0.01
"""Of a spectrogram: wide enough in frequency (200 Hz) to show formants instead of harmonics."""
WINDOWS = 4
"""Spectra that are averaged where a column is long enough to hold several."""
ROWS = 160
COLUMNS = 600
TILT_FROM_HZ = 150.0
"""From here on the picture is lifted by 6 dB an octave, as a voice falls: else high formants would be dark."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChannelTrack:
    """One channel of a recording, with silence around it."""

    recording: Recording
    channel: int

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second."""
        return self.recording.sample_rate_hz

    @property
    def size(self) -> int:
        """Samples in all."""
        return self.recording.size

    def read(self, start: int, stop: int) -> Samples:
        """Samples ``[start, stop)``; zeros before the beginning and behind the end."""
        piece: Samples = np.zeros(max(0, stop - start), dtype=np.float32)
        low, high = max(0, start), min(self.size, stop)
        if low < high:
            piece[low - start : high - start] = self.recording.read(low, high)[self.channel]
        return piece


@dataclass(frozen=True, slots=True, eq=False)
class Contours:
    """What is drawn over time."""

    seconds: float
    pitch_at_s: Floats
    f0_hz: Floats
    level_at_s: Floats
    level_db: Floats
    formants_at_s: Floats
    formants_hz: Floats
    """``(n, 4)``, where there is a voice."""


def contours(seen: Phonation) -> Contours:
    """The contours of *seen*, at most `POINTS` of each."""
    seconds = seen.whole.seconds
    f0_hz = np.where(seen.pitch.is_voiced, seen.pitch.f0_hz, math.nan)
    level = np.where(seen.intensity.db > LEAST_DB, seen.intensity.db, math.nan)
    pitch_at_s, f0_hz = reduced(seen.pitch.times_s, f0_hz, seconds)
    level_at_s, level = reduced(seen.intensity.times_s, level, seconds)
    at_s, voiced = seen.formants.times_s, voiced_at(seen.pitch, seen.formants.times_s)
    # One after the other: hours have a million frames.
    tracks = [
        reduced(at_s, np.where(voiced, hz, hz.dtype.type(math.nan)), seconds, FORMANT_POINTS)
        for hz in seen.formants.hz.T
    ]
    formants_at_s, formants = tracks[0][0], np.stack([values for _, values in tracks], axis=1)
    return Contours(seconds, pitch_at_s, f0_hz, level_at_s, level, formants_at_s, formants)


def reduced(times_s: Floats, values: Floats, seconds: float, points: int = POINTS) -> tuple[Floats, Floats]:
    """*times_s* and *values*, ``(n,)`` or ``(n, k)``; of more than *points* the median of each part of *seconds*."""
    if times_s.size <= points:
        return times_s, values
    edges = np.searchsorted(times_s, np.linspace(0, seconds, points + 1))
    found = np.full((points, *values.shape[1:]), math.nan)
    for part, (first, last) in enumerate(itertools.pairwise(edges)):
        found[part] = medians(values[first:last])
    return (np.arange(points) + 0.5) * seconds / points, found


def medians(values: Floats) -> Floats:
    """Median of each column of *values*, NaN left out; NaN where there is nothing else."""
    flat = values.reshape(values.shape[0], math.prod(values.shape[1:]))
    found = np.full(flat.shape[1], math.nan)
    for index, column in enumerate(flat.T):
        present = column[np.isfinite(column)]
        if present.size:
            found[index] = np.median(present)
    return found.reshape(values.shape[1:])


def thinned(x: Floats, y: Floats, points: int = CURVE_POINTS) -> tuple[Floats, Floats]:
    """A curve with at most *points* of its points, the highest of those that fall together."""
    step = math.ceil(x.size / points)
    if step <= 1:
        return x, y
    count = x.size // step
    parts = y[: count * step].reshape(count, step)
    highest = np.arange(count) * step + np.argmax(parts, axis=1)
    return x[highest], y[highest]


def formant_spectrogram(track: Track, seconds: float, top_hz: float) -> Floats:
    """Power in dB, lifted by 6 dB an octave from `TILT_FROM_HZ` on, ``(ROWS, COLUMNS)``, the highest frequency first."""
    rate = track.sample_rate_hz
    size = max(8, round(WINDOW_S * rate))
    window = np.hanning(size + 2)[1:-1]
    points = 1 << math.ceil(math.log2(4 * size))
    centres_hz = (np.arange(ROWS)[::-1] + 0.5) * top_hz / ROWS
    lines = np.minimum(np.rint(centres_hz * points / rate).astype(int), points // 2)
    tilt_db = 20 * np.log10(np.maximum(centres_hz, TILT_FROM_HZ) / 1000)
    step = seconds / COLUMNS
    count = max(1, min(WINDOWS, int(step / WINDOW_S)))
    picture = np.empty((ROWS, COLUMNS))
    for column in range(COLUMNS):
        begins = [
            round((column + (number + 0.5) / count) * step * rate) - size // 2 for number in range(count)
        ]
        pieces = np.array([track.read(begin, begin + size) for begin in begins])
        power = np.mean(np.abs(np.fft.rfft(pieces * window, points, axis=1)) ** 2, axis=0)
        picture[:, column] = power[lines] / np.sum(window) ** 2
    level = 10 * np.log10(np.maximum(picture, 10 ** ((LEAST_DB - RANGE_DB) / 10)))
    return np.asarray(level + tilt_db[:, None])
