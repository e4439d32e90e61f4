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

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, exp, floor, nan, pi

import numpy as np
from numpy.typing import NDArray

from dsp._native import Cepstrum
from dsp.phonation.kept import Kept, even_times
from dsp.phonation.resampled import resampled_section, takes_sines
from dsp.phonation.section import WHOLE_S, Section, Whole
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

PROMINENCES = ("cpps_db", "cpp_db", "cpp_hillenbrand_db", "cpps_hillenbrand_db")
AROUND = 5
"""Frames on either side that an average wants."""
CHUNK = 256
"""Frames at a time."""
MARGIN_S = 0.2
STILL = 1e-6
"""Of the energy of the loudest frame, 60 dB: a pause that was cut out or faded, as no room is."""
PROBES = 16
"""Loud frames of a section that are looked at first, for whether the voice is without any noise. Then what fills the valleys
between its harmonics, and so its prominence, is what the change of rate errs, and that has to be Praat's."""


@dataclass(frozen=True, slots=True, eq=False)
class Cepstra:
    """Peaks of all frames; arrays ``(frames,)``, nan where a window holds nothing at all.

    Two hours have 3.6 million frames: prominences are float32, and of recordings longer than
    `dsp.phonation.section.WHOLE_S` only their means are kept, unless each of them was asked for.
    """

    frames: int
    """How many there are."""
    first_s: float
    """Centre of the first."""
    means_db: Mapping[str, float]
    """Mean prominence over all frames with any sound, by the name of the array it is of; nan without any."""
    cpps_db: Rows
    """Empty where only means are kept, as are the other three."""
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

    @property
    def times_s(self) -> Floats:
        """Centres of the frames."""
        return even_times(self.first_s, self.step_s, self.frames)


class CepstrumContour:
    """Cepstra of the sections of one recording in turn.

    Args:
        hillenbrand: whether Hillenbrand's scales are wanted, too; without them their arrays are empty.
        means_only: whether of a long recording only the means are wanted.
    """

    margin_s = MARGIN_S

    def __init__(self, *, hillenbrand: bool = True, means_only: bool = False) -> None:
        self._has_hillenbrand = hillenbrand
        self._praat = Cepstrum(gaussian(round(WINDOW_S * RATE_HZ)), POINTS, float(RATE_HZ))
        self._hillenbrand = Cepstrum(np.hamming(HILLENBRAND_POINTS), HILLENBRAND_POINTS, float(RATE_HZ))
        self._long, self._short = _Window(self._praat), _Window(self._hillenbrand)
        self._means_only = means_only
        self._frames = 0
        self._first_s = 0.0
        self._found = {name: Prominences() for name in PROMINENCES}
        self._sum: Floats = np.zeros(POINTS // 2 + 1)
        self._summed = 0

    def push(self, section: Section) -> None:
        """Take the next section."""
        times = _times_near(section)
        own = np.flatnonzero(section.owned(times))
        if own.size == 0:
            return
        if self._frames == 0:
            self._first_s = float(times[own[0]])
            for each in self._found.values():
                each.is_kept = not self._means_only or section.whole.seconds <= WHOLE_S
        framed = _Framed(section, times)
        probed = framed.loud(own)
        if takes_sines(section) and (
            framed.falls_silent(own) or 2 * self._deep(framed, probed) > probed.size > 0
        ):
            framed = _Framed(section, times, by_sines=True)
        first, stop = int(own[0]), int(own[-1]) + 1
        self._long.begin()
        self._short.begin()
        for begin in range(first, stop, CHUNK):
            frames = (begin, min(stop, begin + CHUNK))
            self._push_praat(framed, frames)
            if self._has_hillenbrand:
                self._push_hillenbrand(framed, frames)
        self._frames += own.size

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
            frames=self._frames,
            first_s=self._first_s,
            means_db={name: each.mean_db for name, each in self._found.items()},
            cpps_db=self._found["cpps_db"].kept.joined(),
            cpp_db=self._found["cpp_db"].kept.joined(),
            cpp_hillenbrand_db=self._found["cpp_hillenbrand_db"].kept.joined(),
            cpps_hillenbrand_db=self._found["cpps_hillenbrand_db"].kept.joined(),
            quefrency_s=quefrency_s,
            mean_cepstrum_db=mean,
            trend=trend,
            peak_quefrency_s=peak_s,
        )

    def _deep(self, framed: "_Framed", frames: NDArray[np.intp]) -> int:
        """How many of *frames* have a spectrum with valleys deeper than any noise leaves."""
        rows = np.empty((frames.size, self._praat.lines), dtype=np.float32)
        return self._praat.powers(framed.emphasised, framed.long[frames], rows)

    def _push_praat(self, framed: "_Framed", frames: tuple[int, int]) -> None:
        begin, stop = frames
        rows, weights = self._long.rows(framed.emphasised, framed.long, frames, TIME_FRAMES)
        powers = rows[AROUND : AROUND + stop - begin]
        inside = framed.heard[begin:stop]
        self._sum += np.einsum("i,ij->j", inside.astype(np.float32), powers)
        self._summed += int(inside.sum())
        smooth, found = self._long.smooth[: stop - begin], np.empty((stop - begin, 5))
        self._praat.smooth(rows, weights, smooth)
        for power, name in ((smooth, "cpps_db"), (powers, "cpp_db")):
            level = smooth  # the first is done with when the second comes
            self._praat.decibels(power, level)
            self._praat.prominence(level, *_bins(PEAK_HZ), found)
            self._found[name].add(found[:, 0], inside)

    def _push_hillenbrand(self, framed: "_Framed", frames: tuple[int, int]) -> None:
        begin, stop = frames
        rows, weights = self._short.rows(framed.sound, framed.short, frames, HILLENBRAND_FRAMES, in_db=True)
        every = slice(-begin % HILLENBRAND_EVERY, None, HILLENBRAND_EVERY)
        plain = np.ascontiguousarray(rows[AROUND : AROUND + stop - begin][every])
        inside = framed.heard[begin:stop]
        self._found["cpp_hillenbrand_db"].add(self._above_regression(plain), inside[every])
        smooth = self._short.smooth[: stop - begin]
        self._hillenbrand.smooth(rows, weights, smooth)
        self._found["cpps_hillenbrand_db"].add(self._above_regression(smooth), inside)

    def _above_regression(self, cepstra_db: Rows) -> Floats:
        """How far the greatest of each cepstrum, ``(n, bins)``, is above its regression line, dB, ``(n,)``."""
        above = np.empty(cepstra_db.shape[0])
        first = round(HILLENBRAND_LINE_S * RATE_HZ)
        self._hillenbrand.regression(cepstra_db, first, *_bins(HILLENBRAND_PEAK_HZ), above)
        return above


class _Window:
    """Cepstra of the frames that are worked on and of AROUND on either side; room that is used over and over."""

    def __init__(self, kernel: Cepstrum) -> None:
        self._kernel = kernel
        self._rows = np.empty((CHUNK + 2 * AROUND, kernel.lines), dtype=np.float32)
        self.smooth = np.empty((CHUNK, kernel.lines), dtype=np.float32)
        """Room for as many frames."""
        self._before = 0
        """Frames of the chunk before, whose last rows are those before the next."""

    def begin(self) -> None:
        """Take another sound."""
        self._before = 0

    def rows(
        self, sound: Floats, starts: Floats, frames: tuple[int, int], average: int, *, in_db: bool = False
    ) -> tuple[Rows, Rows]:
        """Power cepstra of *frames*, which follow those before, and of AROUND more on either side; and their weights.

        Zero, before *in_db*, beyond the recording.
        """
        begin, stop = frames
        rows = self._rows[: stop - begin + 2 * AROUND]
        known = 2 * AROUND if self._before else 0
        rows[:known] = self._rows[self._before : self._before + known].copy()
        self._before = stop - begin
        low, high = max(0, begin - AROUND + known), min(starts.size, stop + AROUND)
        first, past = (frame - (begin - AROUND) for frame in (low, high))
        rows[known:first] = 0.0
        rows[past:] = 0.0
        self._kernel.powers(sound, starts[low:high].copy(), rows[first:past])
        if in_db:
            self._kernel.decibels(rows[known:], rows[known:])
        return rows, time_average(np.arange(begin, stop), starts.size, average, AROUND)


class Prominences:
    """One scale's, of all frames."""

    def __init__(self) -> None:
        self.is_kept = True
        """Whether each, or their mean alone."""
        self.kept = Kept(np.float32)
        self._sum = 0.0
        self._count = 0

    def add(self, values: Floats, inside: NDArray[np.bool_]) -> None:
        """Take those of some frames, of which *inside* says whether there is any sound."""
        fine = values.astype(np.float32)
        heard = fine[inside]
        self._sum += float(heard.sum(dtype=np.float64))
        self._count += heard.size
        if self.is_kept:
            fine[~inside] = np.nan
            self.kept.append(fine)

    @property
    def mean_db(self) -> float:
        """Of the frames with any sound; nan without any."""
        return self._sum / self._count if self._count else nan


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

    def falls_silent(self, frames: NDArray[np.intp]) -> bool:
        """Whether one of *frames* is so far below the loudest that what is in it is what the change of rate errs."""
        energy = self.energy[frames]
        return bool(energy.min() < STILL * energy.max())

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


def _starts(whole: Whole, at_s: float, times: Floats, window_s: float) -> Floats:
    """Where in a section's sound, which begins at *at_s*, the window around each time begins."""
    count = floor(whole.size * RATE_HZ / whole.sample_rate_hz + 0.5)
    origin_s = 0.5 * (whole.seconds - (count - 1) / RATE_HZ)
    starts: Floats = np.floor((times - 0.5 * window_s - origin_s) * RATE_HZ + 0.5)
    starts -= round((at_s - origin_s) * RATE_HZ)
    return starts


def _bins(range_hz: tuple[float, float]) -> tuple[int, int]:
    return ceil(RATE_HZ / range_hz[1]), floor(RATE_HZ / range_hz[0])
