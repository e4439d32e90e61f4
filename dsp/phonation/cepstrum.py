"""Cepstra over time, and how far their peak rises above the background: the cepstral peak prominence.

Conventions: frames every 2 ms, the first and last half a window from the ends of the recording, centred in it.
Quefrencies are multiples of 0.1 ms, from 0.

Measures:
    CPP and CPPS as Praat 6.1.38 has them: To PowerCepstrogram 60 Hz, 0.002 s, 5000 Hz, 50 Hz, which is the sound at
    10 kHz, pre-emphasised from 50 Hz on, in Gaussian windows of 0.1 s, the logarithm of whose power spectra is
    transformed and squared; Get CPPS without subtraction of tilt, averaged over 0.01 s and 0.001 s (CPP: not
    averaged), the highest parabola through a peak from 60 to 330 Hz, over a straight line fitted to the whole
    cepstrum, in dB, by Theil's incomplete method.

    CPP and CPPS after Hillenbrand: the sound at 10 kHz, Hamming windows of 51.2 ms, the power spectrum in dB of the
    logarithmic power spectrum; the greatest from 60 to 300 Hz, over the regression line from 1 ms on. CPP of frames
    every 10 ms; CPPS of frames every 2 ms, averaged over 20 ms and then over 1 ms, both in dB.

Source: P. Boersma and D. Weenink, Praat manual, "PowerCepstrogram: Get CPPS..." and what it refers to; H. Theil, A
rank-invariant method of linear and polynomial regression analysis, 1950; J. Hillenbrand, R. A. Cleveland and
R. L. Erickson, Acoustic correlates of breathy vocal quality, JSHR 37, 1994; J. Hillenbrand and R. A. Houde, Acoustic
correlates of breathy vocal quality: dysphonic voices and continuous speech, JSHR 39, 1996.
"""

from dataclasses import dataclass
from math import ceil, exp, floor, pi

import numpy as np
from numpy.typing import NDArray

from dsp._native import Cepstrum
from dsp.phonation.resampled import resampled_section
from dsp.phonation.section import Section, Whole
from dsp.phonation.time_average import time_average

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]

RATE_HZ = 10_000
STEP_S = 0.002
WINDOW_S = 0.1
"""Six periods of 60 Hz: Praat's Gaussian windows are twice as long as they count for."""
EMPHASIS_HZ = 50.0
POINTS = 1024
TIME_FRAMES, SMOOTH_BINS = 5, 10
"""0.01 s and 0.001 s."""
PEAK_HZ = (60.0, 330.0)

HILLENBRAND_POINTS = 512
"""51.2 ms."""
HILLENBRAND_FRAMES = 10
"""20 ms."""
HILLENBRAND_EVERY = 5
"""10 ms."""
HILLENBRAND_PEAK_HZ = (60.0, 300.0)
HILLENBRAND_LINE_S = 0.001
"""Where the regression line begins."""

AROUND = 5
"""Frames on either side that an average wants."""
CHUNK = 512
"""Frames at a time."""
MARGIN_S = 0.2
PROBES = 16
"""Loud frames of a section that are looked at first, for whether the voice is without any noise. Then what fills the valleys
between its harmonics, and so its prominence, is what the change of rate errs, and that has to be Praat's."""


@dataclass(frozen=True, slots=True, eq=False)
class Cepstra:
    """Peaks of all frames; arrays ``(frames,)``, nan where a window holds nothing at all.

    Prominences are float32: two hours have 3.6 million frames.
    """

    times_s: Floats
    """Centres of the frames."""
    cpps_db: Rows
    cpp_db: Rows
    cpp_hillenbrand_db: Rows
    """Of every fifth frame, ``(ceil(frames / 5),)``."""
    cpps_hillenbrand_db: Rows
    quefrency_s: Floats
    """``(513,)``, multiples of 0.1 ms."""
    mean_cepstrum_db: Floats
    """Mean power cepstrum of all frames, ``(513,)``."""
    trend: tuple[float, float]
    """Line through the background of the mean cepstrum: dB a second, dB at quefrency 0."""
    peak_quefrency_s: float
    """Where the peak of the mean cepstrum is; nan without frames."""
    step_s: float = STEP_S


class CepstrumContour:
    """Cepstra of the sections of one recording in turn.

    Args:
        hillenbrand: whether Hillenbrand's scales are wanted, too; without them their arrays are empty.
    """

    margin_s = MARGIN_S

    def __init__(self, *, hillenbrand: bool = True) -> None:
        self._has_hillenbrand = hillenbrand
        self._praat = Cepstrum(gaussian(round(WINDOW_S * RATE_HZ)), POINTS, float(RATE_HZ))
        self._hillenbrand = Cepstrum(np.hamming(HILLENBRAND_POINTS), HILLENBRAND_POINTS, float(RATE_HZ))
        self._times: list[Floats] = []
        self._cpp: list[Rows] = []
        self._cpps: list[Rows] = []
        self._cpp_hillenbrand: list[Rows] = []
        self._cpps_hillenbrand: list[Rows] = []
        self._sum: Floats = np.zeros(POINTS // 2 + 1)
        self._summed = 0

    def push(self, section: Section) -> None:
        """Take the next section."""
        times = _times_near(section)
        own = np.flatnonzero(section.owned(times))
        if own.size == 0:
            return
        framed = _Framed(section, times)
        probed = framed.loud(own)
        if 2 * self._deep(framed, probed) > probed.size > 0:
            framed = _Framed(section, times, by_sines=True)
        first, stop = int(own[0]), int(own[-1]) + 1
        for begin in range(first, stop, CHUNK):
            frames = (begin, min(stop, begin + CHUNK))
            self._push_praat(framed, frames)
            if self._has_hillenbrand:
                self._push_hillenbrand(framed, frames)
        self._times.append(times[own])

    def finish(self) -> Cepstra:
        """Give what was found."""
        quefrency_s = np.arange(POINTS // 2 + 1) / RATE_HZ
        mean = np.full(quefrency_s.size, np.nan)
        trend, peak_s = (float("nan"), float("nan")), float("nan")
        if self._summed > 0:
            power = (self._sum / self._summed).astype(np.float32)[None, :]
            row, found = np.empty_like(power), np.empty((1, 5))
            self._praat.decibels(power, row)
            self._praat.prominence(row, *_bins(PEAK_HZ), found)
            mean = row[0].astype(np.float64)
            trend = (float(found[0, 1]) * RATE_HZ, float(found[0, 2]))
            peak_s = float(found[0, 3]) / RATE_HZ
        return Cepstra(
            np.concatenate([np.zeros(0), *self._times]),
            _joined(self._cpps),
            _joined(self._cpp),
            _joined(self._cpp_hillenbrand),
            _joined(self._cpps_hillenbrand),
            quefrency_s,
            mean,
            trend,
            peak_s,
        )

    def _deep(self, framed: "_Framed", frames: NDArray[np.intp]) -> int:
        """How many of *frames* have a spectrum with valleys deeper than any noise leaves."""
        rows = np.empty((frames.size, self._praat.lines), dtype=np.float32)
        return self._praat.powers(framed.emphasised, framed.long[frames], rows)

    def _push_praat(self, framed: "_Framed", frames: tuple[int, int]) -> None:
        begin, stop = frames
        rows, weights = _rows(self._praat, framed.emphasised, framed.long, frames, TIME_FRAMES)
        powers = rows[AROUND : AROUND + stop - begin]
        inside = framed.heard[begin:stop]
        self._sum += np.einsum("i,ij->j", inside.astype(np.float32), powers)
        self._summed += int(inside.sum())
        smooth, found = np.empty_like(powers), np.empty((stop - begin, 5))
        self._praat.smooth(rows, weights, smooth)
        for power, into in ((smooth, self._cpps), (powers, self._cpp)):
            level = smooth  # the first is done with when the second comes
            self._praat.decibels(power, level)
            self._praat.prominence(level, *_bins(PEAK_HZ), found)
            into.append(np.where(inside, found[:, 0], np.nan).astype(np.float32))

    def _push_hillenbrand(self, framed: "_Framed", frames: tuple[int, int]) -> None:
        begin, stop = frames
        rows, weights = _rows(self._hillenbrand, framed.sound, framed.short, frames, HILLENBRAND_FRAMES)
        self._hillenbrand.decibels(rows, rows)
        every = slice(-begin % HILLENBRAND_EVERY, None, HILLENBRAND_EVERY)
        plain = np.ascontiguousarray(rows[AROUND : AROUND + stop - begin][every])
        inside = framed.heard[begin:stop]
        self._cpp_hillenbrand.append(
            np.where(inside[every], above_regression(plain), np.nan).astype(np.float32)
        )
        smooth = np.empty((stop - begin, rows.shape[1]), dtype=np.float32)
        self._hillenbrand.smooth(rows, weights, smooth)
        self._cpps_hillenbrand.append(np.where(inside, above_regression(smooth), np.nan).astype(np.float32))


class _Framed:
    """A section at 10 kHz, and where in it the windows of all frames of the recording begin."""

    def __init__(self, section: Section, times: Floats, *, by_sines: bool = False) -> None:
        self.sound, at_s = resampled_section(section, RATE_HZ, by_sines=by_sines)
        self.emphasised = self.sound.copy()
        self.emphasised[1:] -= exp(-2.0 * pi * EMPHASIS_HZ / RATE_HZ) * self.sound[:-1]
        self.long, self.short = (
            np.clip(_starts(section.whole, at_s, times, size / RATE_HZ), 0, max(0, self.sound.size - size))
            for size in (round(WINDOW_S * RATE_HZ), HILLENBRAND_POINTS)
        )
        energy = np.concatenate([[0.0], np.cumsum(self.sound**2)])
        first = self.long.astype(np.intp)
        last = np.minimum(first + round(WINDOW_S * RATE_HZ), self.sound.size)
        self.energy: Floats = energy[last] - energy[first]
        """In each window."""

    @property
    def heard(self) -> NDArray[np.bool_]:
        """Whether there is anything at all in each window."""
        heard: NDArray[np.bool_] = self.energy > 0.0
        return heard

    def loud(self, frames: NDArray[np.intp]) -> NDArray[np.intp]:
        """Up to some 32 of *frames*, from those within 20 dB of the loudest."""
        energy = self.energy[frames]
        loud: NDArray[np.intp] = frames[energy > 0.01 * energy.max()]
        return loud[:: max(1, loud.size // PROBES)]


def gaussian(size: int) -> Floats:
    """Give Praat's Gaussian window: exp(-12) at its ends, which is taken off, ``(size,)``."""
    away = (np.arange(1, size + 1) - 0.5 * (size + 1)) / (size + 1)
    edge = exp(-12.0)
    window: Floats = (np.exp(-48.0 * away**2) - edge) / (1.0 - edge)
    return window


def frame_times(whole: Whole, first: int = 0, past: int | None = None) -> Floats:
    """Give the centres of frames *first* to *past* (None: all), ``(n,)``; none where a recording is shorter than a window."""
    if whole.seconds < WINDOW_S:
        return np.zeros(0)
    count = floor((whole.seconds - WINDOW_S) / STEP_S) + 1
    index = np.arange(max(0, first), count if past is None else min(count, past), dtype=np.float64)
    times: Floats = 0.5 * (whole.seconds - (count - 1) * STEP_S) + STEP_S * index
    return times


def _times_near(section: Section) -> Floats:
    """Times of the frames of a section's core, and of some around it, from a multiple of `HILLENBRAND_EVERY` on.

    Hours have millions of frames, of which nothing else is to be made.
    """
    rate_hz = section.whole.sample_rate_hz
    around = 2 * AROUND + ceil(WINDOW_S / STEP_S)
    first = max(0, floor(section.start / rate_hz / STEP_S) - around) // HILLENBRAND_EVERY * HILLENBRAND_EVERY
    return frame_times(section.whole, first, ceil(section.stop / rate_hz / STEP_S) + around)


def above_regression(cepstra_db: Rows) -> Floats:
    """How far the greatest of each cepstrum, ``(n, bins)``, is above its regression line, dB, ``(n,)``."""
    line = np.arange(round(HILLENBRAND_LINE_S * RATE_HZ), cepstra_db.shape[1])
    away = (line - line.mean()).astype(np.float32)
    fit = np.stack([np.full(line.size, 1.0 / line.size, dtype=np.float32), away / (away @ away)])
    fitted = cepstra_db[:, line[0] :] @ fit.T
    low, high = _bins(HILLENBRAND_PEAK_HZ)
    searched = cepstra_db[:, low : high + 1]
    peak = searched.argmax(axis=1)
    top = np.take_along_axis(searched, peak[:, None], axis=1)[:, 0]
    below = fitted[:, 0] + fitted[:, 1] * (peak + low - line.mean())
    return np.asarray(top - below, dtype=np.float64)


def _rows(
    kernel: Cepstrum, sound: Floats, starts: Floats, frames: tuple[int, int], average: int
) -> tuple[Rows, Rows]:
    """Power cepstra of *frames* and AROUND more on either side, zero beyond the recording, and their weights."""
    begin, stop = frames
    low, high = max(0, begin - AROUND), min(starts.size, stop + AROUND)
    rows = np.zeros((stop - begin + 2 * AROUND, kernel.lines), dtype=np.float32)
    skip = low - (begin - AROUND)
    kernel.powers(sound, starts[low:high].copy(), rows[skip : skip + high - low])
    return rows, time_average(np.arange(begin, stop), starts.size, average, AROUND)


def _starts(whole: Whole, at_s: float, times: Floats, window_s: float) -> Floats:
    """Where in a section's sound, which begins at *at_s*, the window around each time begins."""
    count = floor(whole.size * RATE_HZ / whole.sample_rate_hz + 0.5)
    origin_s = 0.5 * (whole.seconds - (count - 1) / RATE_HZ)
    starts: Floats = np.floor((times - 0.5 * window_s - origin_s) * RATE_HZ + 0.5)
    starts -= round((at_s - origin_s) * RATE_HZ)
    return starts


def _bins(range_hz: tuple[float, float]) -> tuple[int, int]:
    return ceil(RATE_HZ / range_hz[1]), floor(RATE_HZ / range_hz[0])


def _joined(parts: list[Rows]) -> Rows:
    return np.concatenate([np.zeros(0, dtype=np.float32), *parts])
