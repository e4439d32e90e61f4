"""How a sound looks from moment to moment: its level, the shape of its spectrum, and whether its partials are of one voice.

Not a measure, but what the recognition of a task and of unsuitable recordings looks at; so it is coarse and cheap. The
recording is decimated to 8 to 16 kHz and seen through Hann windows of 90 ms every 50 ms.

Conventions: levels in dB of full scale (a full-scale square wave is 0). A *partial* is a peak of the spectrum that stands
high; it *strays* if it is no multiple of the fundamental that the pitch says. A *hole* is a multiple without a partial
between two that have one: a voice has all its harmonics, a chord those of its notes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.kept import Kept, even_times
from dsp.phonation.section import Section
from dsp.phonation.survey import finite
from dsp.types import Samples

Floats = NDArray[np.float64]
Coarse = NDArray[np.float32]

STEP_S, WINDOW_S = 0.05, 0.09
DECIMATED_HZ = 11025
"""About this rate is enough: voices are told apart below 5 kHz."""
TAPS = 12
"""Of the decimator, times its factor."""
BANDS_HZ = tuple(100.0 * 2.0 ** (half / 2.0) for half in range(12))
"""Edges of the bands: half octaves to 4.5 kHz (what a rate of 8 kHz does not have is empty)."""
SPREAD = (1.0, 2.0, 3.0, 2.0, 1.0)
"""How much of a band counts for its neighbours: a harmonic of a high voice that moves to the next band is no other sound."""
COMPRESSION = 0.25
"""Power of a band to this power is about how loud it is."""
PARTIALS_HZ = 2500.0
"""Partials are looked for up to here."""
LOW_MULTIPLES = 5.5
"""Partials that may stray are looked for below this multiple of the fundamental: there a moving pitch is not
smeared, and breath is low."""
PARTIAL_DB = 18.0
"""So far below the highest one a peak is a partial."""
NEAR = 0.015
"""A partial may lie off its multiple by this share of its frequency, and by half a line."""
MOST_OFF = 0.25
"""And by no more than this share of the fundamental."""
STEADY = 0.08
"""The fundamental may move by this share within a window; else partials are not judged."""
CLEAR = 0.85
"""Of less strength the pitch may be a third of what it should be, and holes are not judged."""
ODD_SHARE = 0.15
"""With less of the power in odd multiples than this the pitch is an octave too low, or of a voice whose cycles alternate: no
holes there."""
HOLE_DB = 22.0
"""A hole lies so much lower than the partials on either side."""
BLOCK_S = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """One value every `STEP_S`; arrays ``(frames,)``."""

    level_db: Coarse
    """Mean square under the window, -200 where there is nothing."""
    shape: Coarse
    """``(frames, bands)``: loudness of the bands, spread to their neighbours, as a vector of length 1; zeros
    where there is nothing."""
    strays: Coarse
    """Share of the power of partials that is no multiple of the fundamental and lasts for five frames, 0 to 1;
    nan where there is no steady voice."""
    holes: Coarse
    """Share of the multiples of the fundamental that are holes, 0 to 1; nan likewise, and where the pitch is weak."""
    first_s: float = 0.5 * STEP_S
    step_s: float = STEP_S

    @property
    def times_s(self) -> Floats:
        """Centres of the frames."""
        return even_times(self.first_s, self.step_s, self.level_db.size)


class TextureContour:
    """Takes sections whose pitch is known."""

    margin_s = WINDOW_S

    def __init__(self) -> None:
        self._first_s = 0.5 * STEP_S
        bands = len(BANDS_HZ) - 1
        self._columns = tuple(Kept(np.float32, columns) for columns in (None, bands, None, None))
        self._look: _Look | None = None

    def push(self, section: Section) -> None:
        """Take the next section."""
        rate = section.whole.sample_rate_hz
        if self._look is None:
            self._look = _Look(rate)
        low = max(0, int(section.start / rate / STEP_S) - 1)
        high = min(int(section.whole.seconds / STEP_S), int(section.stop / rate / STEP_S) + 2)
        near: Floats = (np.arange(low, max(low, high), dtype=np.float64) + 0.5) * STEP_S
        times: Floats = near[section.owned(near)]
        if times.size and not self._columns[0].size:
            self._first_s = float(times[0])
        count = max(1, round(BLOCK_S / STEP_S))
        for first in range(0, times.size, count):
            some = times[first : first + count]
            for column, values in zip(self._columns, self._look.at(section, some), strict=True):
                column.append(values)

    def finish(self) -> Texture:
        """All frames."""
        level, shape, strays, holes = (column.joined() for column in self._columns)
        return Texture(level, shape, strays, holes, self._first_s)


class _Look:
    """The spectra of one rate."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._factor = max(1, round(sample_rate_hz / DECIMATED_HZ))
        self._rate_hz = sample_rate_hz
        rate = sample_rate_hz / self._factor
        self._size = round(WINDOW_S * rate)
        self._length = 1 << (self._size - 1).bit_length()
        window = np.hanning(self._size + 2)[1:-1]
        self._window = (window / np.sqrt(np.mean(window**2))).astype(np.float32)
        self._line_hz = rate / self._length
        self._decimator = _decimator(self._factor)
        edges = np.rint(np.asarray(BANDS_HZ) / self._line_hz).astype(np.int64)
        self._bands = edges[edges <= self._length // 2]

    def at(self, section: Section, times_s: Floats) -> tuple[Coarse, Coarse, Coarse, Coarse]:
        """Level, shape, strays and holes at *times_s* of *section*."""
        rate, factor, size = self._rate_hz, self._factor, self._size
        begins = np.rint(times_s * rate / factor).astype(np.int64) - size // 2
        first = int(begins[0])
        thin = self._thinned(section, first, int(begins[-1]) + size - first)
        frames = np.lib.stride_tricks.sliding_window_view(thin, size)[begins - first] * self._window
        spectra = np.fft.rfft(frames, self._length, axis=1)
        power = spectra.real**2 + spectra.imag**2
        mean_square = np.einsum("ij,ij->i", frames, frames) / size
        level: Coarse = np.full(times_s.size, -200.0, dtype=np.float32)
        np.log10(mean_square, out=level, where=mean_square > 1e-20)
        level[mean_square > 1e-20] *= 10.0
        loud: Coarse = np.zeros((times_s.size, len(BANDS_HZ) - 1), dtype=np.float32)
        loud[:, : self._bands.size - 1] = np.add.reduceat(power, self._bands, axis=1)[:, :-1] ** COMPRESSION
        wide = np.pad(loud, ((0, 0), (len(SPREAD) // 2,) * 2), mode="edge")
        loud = sum(
            (weight * wide[:, at : at + loud.shape[1]] for at, weight in enumerate(SPREAD)),
            np.zeros_like(loud),
        )
        norm = np.sqrt(np.einsum("ij,ij->i", loud, loud))[:, None]
        shape = np.divide(loud, norm, out=np.zeros_like(loud), where=norm > 0.0)
        f0_hz, strength = _steady_f0(section, times_s)
        strays, holes = self._partials(power, f0_hz)
        holes[strength < CLEAR] = np.nan
        return level, shape.astype(np.float32), strays, holes

    def _thinned(self, section: Section, first: int, count: int) -> Samples:
        """*count* decimated samples from number *first* of the recording on; zeros outside of the section."""
        factor = self._factor
        start = first * factor - section.first
        stop = start + (count + TAPS) * factor
        samples = section.samples[max(0, start) : max(0, stop)]
        before, total = max(0, -start), stop - start
        if before or samples.size != total:
            padded = np.zeros(total, dtype=np.float32)
            padded[before : before + samples.size] = samples
            samples = padded
        if factor == 1:
            return finite(samples[:count])
        # No matrix product: a library's threads would cost more than the sums.
        phases = np.ascontiguousarray(samples.reshape(-1, factor).T)
        thin: Samples = np.zeros(count, dtype=np.float32)
        part = np.empty_like(thin)
        for tap, weights in enumerate(self._decimator):
            for phase, weight in zip(phases, weights, strict=True):
                np.multiply(phase[tap : tap + count], weight, out=part)
                thin += part
        return thin

    def _partials(self, power: Floats | Coarse, f0_hz: Floats) -> tuple[Coarse, Coarse]:
        """Strays and holes of each spectrum; nan where *f0_hz* is 0."""
        strays = np.full(f0_hz.size, np.nan, dtype=np.float32)
        holes = strays.copy()
        judged = np.flatnonzero(f0_hz > 0.0)
        if not judged.size:
            return strays, holes
        count = min(power.shape[1] - 1, round(PARTIALS_HZ / self._line_hz))
        lines = power[judged, : count + 1].astype(np.float64)
        f0 = f0_hz[judged, None]
        middle = lines[:, 1:-1]
        high = (middle > lines[:, :-2]) & (middle >= lines[:, 2:])
        low = np.arange(1, count) * self._line_hz < LOW_MULTIPLES * f0
        top = (lines[:, 1:-1] * low).max(axis=1, keepdims=True)
        high &= low & (middle > 10.0 ** (-PARTIAL_DB / 10.0) * top)
        row, column = np.nonzero(high)
        left, peak, right = (np.log(lines[row, column + place] + 1e-30) for place in (0, 1, 2))
        bend = left - 2.0 * peak + right
        shift = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=bend < 0.0)
        hz = (column + 1 + shift) * self._line_hz
        own = f0[row, 0]
        off = np.abs(hz - np.rint(hz / own) * own)
        strays_here = (off > np.minimum(NEAR * hz + 0.5 * self._line_hz, MOST_OFF * own)) & _lasting(
            high, judged
        )[row, column]
        power_here = middle[row, column]
        total = np.bincount(row, power_here, judged.size)
        strays[judged] = np.bincount(row, power_here * strays_here, judged.size) / np.maximum(total, 1e-30)
        holes[judged] = self._hollow(lines, f0)
        return strays, holes

    def _hollow(self, lines: Floats, f0: Floats) -> Floats:
        """Share of the multiples of *f0*, ``(n, 1)``, that are holes, of those that lie between partials."""
        last = lines.shape[1] - 2
        number = int(last * self._line_hz / float(f0.min()))
        if number < 3:
            return np.zeros(lines.shape[0])
        centre = np.rint(f0 * np.arange(1, number + 1) / self._line_hz).astype(np.int64)
        inside = centre <= last
        centre = np.minimum(centre, last)
        rows = np.arange(lines.shape[0])[:, None]
        top = np.maximum(np.maximum(lines[rows, centre - 1], lines[rows, centre]), lines[rows, centre + 1])
        wide = np.pad(np.where(inside, top, 0.0), ((0, 0), (2, 2)))
        below = np.maximum(wide[:, :-4], wide[:, 1:-3])
        above = np.maximum(wide[:, 3:-1], wide[:, 4:])
        beside = np.minimum(below, above)
        between = beside > 10.0 ** (-PARTIAL_DB / 10.0) * top.max(axis=1, keepdims=True)
        hole = between & (top < 10.0 ** (-HOLE_DB / 10.0) * beside)
        octave = top[:, ::2].sum(axis=1) < ODD_SHARE * top.sum(axis=1)
        hole[octave, ::2] = False
        share: Floats = np.count_nonzero(hole, axis=1) / np.maximum(np.count_nonzero(between, axis=1), 1)
        return share


def _lasting(high: NDArray[np.bool_], frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the peaks *high*, ``(n, lines)``, of *frames* are there in the two frames before and the two behind as well."""
    wide = high.copy()
    wide[:, 1:] |= high[:, :-1]
    wide[:, :-1] |= high[:, 1:]
    lasting = np.zeros_like(high)
    middle = np.flatnonzero(frames[4:] - frames[:-4] == 4) + 2
    lasting[middle] = high[middle]
    for away in (-2, -1, 1, 2):
        lasting[middle] &= wide[middle + away]
    return lasting


def _steady_f0(section: Section, times_s: Floats) -> tuple[Floats, Floats]:
    """The fundamental at *times_s*, 0 where there is none or where it moves within the window, and its strength."""
    track = section.pitch
    steady, strength = np.zeros(times_s.size), np.zeros(times_s.size)
    if track is None or not track.times_s.size:
        return steady, strength
    reach = int(WINDOW_S / 2.0 / track.step_s)
    at = np.rint((times_s - track.times_s[0]) / track.step_s).astype(np.int64)
    inside = (at >= reach) & (at < track.f0_hz.size - reach)
    if not inside.any():
        return steady, strength
    strength[inside] = track.strength[at[inside]]
    around = track.f0_hz[at[inside, None] + np.arange(-reach, reach + 1)]
    low, high = around.min(axis=1), around.max(axis=1)
    middle = np.median(around, axis=1)
    steady[inside] = np.where((low > 0.0) & (high - low <= STEADY * middle), middle, 0.0)
    return steady, strength


def _decimator(factor: int) -> Coarse:
    """Low-pass by which every *factor*-th sample is taken, ``(TAPS, factor)``."""
    length = TAPS * factor
    at = (np.arange(length) - (length - 1) / 2.0) / factor
    taps = np.sinc(0.85 * at) * np.hanning(length + 2)[1:-1]
    return np.ascontiguousarray((taps / taps.sum()).reshape(TAPS, factor).astype(np.float32))
