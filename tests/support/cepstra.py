"""The NumPy twin of dsp/phonation/cepstrum.py and its kernel: plain, in float64, by sorting."""

import math

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.cepstrum import Cepstra, CepstrumContour
from dsp.phonation.section import Section, Whole
from dsp.types import Samples

Floats = NDArray[np.float64]


def cepstra_of(sound: Samples, rate_hz: int, core: int | None = None) -> Cepstra:
    """Cepstra of a recording, in sections of *core* samples or in one."""
    whole = Whole(rate_hz, sound.size, 0.0, 1.0)
    contour = CepstrumContour()
    step = core or sound.size
    margin = math.ceil(contour.margin_s * rate_hz)
    for start in range(0, sound.size, step):
        stop = min(sound.size, start + step)
        first = max(0, start - margin)
        contour.push(Section(whole, sound[first : stop + margin], first, start, stop))
    return contour.finish()


def twin_powers(samples: Floats, starts: NDArray[np.int64], window: Floats, points: int) -> Floats:
    """Power cepstra at 10 kHz, ``(starts, points / 2 + 1)``."""
    rows = []
    for start in starts:
        part = samples[start : start + window.size]
        spectrum = np.fft.rfft((part - part.mean()) * window, points) / 10_000
        cepstrum = np.fft.irfft(np.log(np.abs(spectrum) ** 2), points) * 10_000
        rows.append(cepstrum[: points // 2 + 1] ** 2)
    return np.array(rows)


def twin_time_average(rows: Floats, width: float, count: int = 400) -> Floats:
    """Mean over *width* rows of what straight lines between them give, by sampling those lines finely."""
    size = len(rows)
    out = []
    for row in range(size):
        low, high = max(-0.5, row - width / 2), min(size - 0.5, row + width / 2)
        at = low + (np.arange(count) + 0.5) * (high - low) / count
        out.append(np.mean([_between(rows, x) for x in at], axis=0))
    return np.array(out)


def _between(rows: Floats, at: float) -> Floats:
    inside = min(max(at, 0.0), len(rows) - 1.0)
    low = min(int(inside), len(rows) - 2)
    share = inside - low
    mixed: Floats = (1.0 - share) * rows[low] + share * rows[low + 1]
    return mixed


def twin_smooth(row: Floats, reach: int = 5) -> Floats:
    """Trapezoidal mean over *reach* bins on either side."""
    out = np.empty(row.size)
    for i in range(row.size):
        low, high = max(0, i - reach), min(row.size - 1, i + reach)
        part = row[low : high + 1]
        out[i] = (part.sum() - 0.5 * (part[0] + part[-1])) / (high - low)
    return out


def twin_line(db: Floats) -> tuple[float, float]:
    """Theil's incomplete method: slope a bin, value at bin 0."""
    half = db.size // 2
    apart = db.size - half
    slope = float(np.median((db[apart:] - db[:half]) / apart))
    return slope, float(np.median(db - slope * np.arange(db.size)))


def twin_prominence(db: Floats, low: int, high: int) -> float:
    """Highest parabola between two bins, above that line."""
    slope, intercept = twin_line(db)
    best, at = max((db[low], float(low)), (db[high], float(high)))
    for i in range(low, high + 1):
        if db[i] > db[i - 1] and db[i] >= db[i + 1]:
            rise, bend = (db[i + 1] - db[i - 1]) / 2, 2 * db[i] - db[i - 1] - db[i + 1]
            if db[i] + rise**2 / bend / 2 > best:
                best, at = db[i] + rise**2 / bend / 2, i + rise / bend
    return float(best - intercept - slope * at)


def twin_hillenbrand(db: Floats) -> float:
    """Greatest from 60 to 300 Hz over the regression line from 1 ms on; bins of 0.1 ms."""
    bins = np.arange(10, db.size)
    slope, intercept = np.polyfit(bins, db[10:], 1)
    peak = 34 + int(np.argmax(db[34:167]))
    return float(db[peak] - intercept - slope * peak)
