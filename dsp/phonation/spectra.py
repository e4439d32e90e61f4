"""Power spectrum of a voice, averaged over a recording.

Conventions: power is the mean square of samples whose full scale is 1, so a full-scale square wave has 1 (0 dB) and a
full-scale sine 0.5 (-3.01 dB). Densities are one-sided: power by hertz. Praat takes samples for pascals and writes dB above
(20 micropascal)^2 by hertz, `PRAAT_OFFSET_DB` more than what stands here.

The spectrum of the whole recording is that of one transform without a window, as in Praat's "To Ltas..."; a recording of
more than `WHOLE_POINTS` is taken in pieces which fade into each other so that their squares sum to 1, so no power is lost or added.
The spectrum of the voiced parts is that of short frames under Hann windows (Welch) whose centre has a pitch.

Source: P. D. Welch, IEEE Trans. Audio Electroacoustics 15, 1967 (short frames); P. Boersma and D. Weenink, Praat's manual,
"Sound: To Ltas..." and "Ltas: Get slope..." (density, slope and trend).
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.kept import even_times
from dsp.phonation.pitch_track import Levels, PitchTrack
from dsp.phonation.section import Section, Whole
from dsp.phonation.short_spectra import FRAME_S, ShortSpectra
from dsp.types import Samples

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LTAS_BAND_HZ = 100
"""Width of a band of the long-term average spectrum."""
PRAAT_OFFSET_DB = -20.0 * float(np.log10(2e-5))
"""To be added to a level in dB of full scale for what Praat writes."""
FLOOR_DB = -300.0
"""Level of a band without power."""
WHOLE_POINTS = 1 << 20
"""A recording of up to so many samples (24 s at 44.1 kHz) is transformed as a whole, in the next power of two of points."""
PART_S = 3.0
"""Greatest length of a piece of a longer one, so that its transform stays in the cache; its points are a power of two, too."""
FADE_S = 0.1
"""Two pieces fade into each other from so long before their joint until so long behind it."""
AUDIBLE_HZ = 20
SLOPE_TO_HZ = 10000
"""Up to here slope and tilt look."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """Of a whole recording, and of its voiced parts."""

    sample_rate_hz: int
    seconds: float
    """Of the recording."""
    power: Floats
    """``(n,)``: mean power between k and k + 1 Hz, up to half the sample rate; the sum is the recording's mean square."""
    voiced_edges_hz: Floats
    """``(m + 1,)``: edges of the bands of `voiced_power`, from 0 to half the sample rate."""
    voiced_power: Floats
    """``(m,)``: mean power over voiced frames in each band; all 0 where there is no voice."""
    voiced_s: float
    """Length of the voiced parts that `voiced_power` is of."""
    median_hz: Levels
    """``(frames,)``: half of a short frame's power lies below; nan where the frame is silent. Float32 of long recordings."""
    is_voiced: Flags
    """``(frames,)``."""
    first_s: float
    """Centre of the first short frame."""
    step_s: float
    """From short frame to short frame."""

    @property
    def times_s(self) -> Floats:
        """``(frames,)``: centres of the short frames."""
        return even_times(self.first_s, self.step_s, self.median_hz.size)

    @property
    def ltas_hz(self) -> Floats:
        """Centres of the bands of the long-term average spectrum, ``(k,)``: 50, 150, 250 Hz and so on."""
        return ltas(self.power, LTAS_BAND_HZ)[0]

    @property
    def ltas_db(self) -> Floats:
        """Long-term average spectrum, ``(k,)``: power density of each band in dB of full scale by hertz; -300: none."""
        return ltas(self.power, LTAS_BAND_HZ)[1]

    @property
    def audible(self) -> Floats:
        """`power` without what is below `AUDIBLE_HZ`, such as an offset of the microphone."""
        heard = self.power.copy()
        heard[:AUDIBLE_HZ] = 0.0
        return heard

    def between(self, low_hz: int, high_hz: int) -> float:
        """Power of the whole recording from *low_hz* to *high_hz*; beyond half the sample rate there is none."""
        return float(self.power[low_hz:high_hz].sum())

    def voiced_above(self, low_hz: float) -> float:
        """Power of the voiced parts from *low_hz*, which is the edge of a band, on."""
        return float(self.voiced_power[self.voiced_edges_hz[:-1] >= low_hz].sum())


def ltas(power: Floats, band_hz: int) -> tuple[Floats, Floats]:
    """Centres and levels of bands *band_hz* wide, of power between k and k + 1 Hz; a last narrower band is left out."""
    count = power.size // band_hz
    density = power[: count * band_hz].reshape(count, band_hz).mean(axis=1)
    centres_hz: Floats = (np.arange(count, dtype=np.float64) + 0.5) * band_hz
    return centres_hz, _decibels(density)


def slope_db(power: Floats) -> float | None:
    """Mean density from 1 to 10 kHz (or half the sample rate) over that from 0 to 1 kHz, in dB; None without power.

    So AVQI takes it (Maryn et al. 2010): Praat's "Get slope: 0, 1000, 1000, 10000, energy" of an LTAS with bands of 1 Hz.
    """
    return _slope(power[:SLOPE_TO_HZ])


def tilt_db(power: Floats) -> float | None:
    """The same of the straight line through the levels of bands of 1 Hz from 1 to 10 kHz against their frequency.

    AVQI's tilt: Praat's "Compute trend line: 1, 10000", then "Get slope: 0, 1000, 1000, 10000, energy".
    """
    hz, level = ltas(power[:SLOPE_TO_HZ], 1)
    if hz.size <= 1000 or not power.any():
        return None
    return _slope(10.0 ** (trend(hz[1:], level[1:], hz) / 10.0))


def trend(hz: Floats, level: Floats, at_hz: Floats) -> Floats:
    """The straight line of least squares through *level* at *hz*, read at *at_hz*."""
    middle = hz.mean()
    rise = np.dot(hz - middle, level) / np.dot(hz - middle, hz - middle)
    line: Floats = level.mean() + rise * (at_hz - middle)
    return line


def _slope(density: Floats) -> float | None:
    if density.size <= 1000:
        return None
    low, high = density[:1000].mean(), density[1000:].mean()
    return float(10.0 * np.log10(high / low)) if low > 0.0 and high > 0.0 else None


def _decibels(power: Floats) -> Floats:
    level = np.full(power.shape, FLOOR_DB)
    np.log10(power, out=level, where=power > 0.0)
    level[power > 0.0] *= 10.0
    return level


class SpectrumContour:
    """Power along a recording; takes sections whose pitch is known, or else finds nothing voiced."""

    def __init__(self) -> None:
        self._whole: Whole | None = None
        self._energy = np.zeros(0)
        self._frames: ShortSpectra | None = None

    @property
    def margin_s(self) -> float:
        """What fades, or half a short frame."""
        return max(FADE_S, FRAME_S)

    def push(self, section: Section) -> None:
        """Take the next section."""
        whole = section.whole
        if self._frames is None:
            self._whole = whole
            self._energy = np.zeros(ceil(whole.sample_rate_hz / 2))
            self._frames = ShortSpectra(whole)
        rate = whole.sample_rate_hz
        length = section.stop - section.start
        points = 1 << (int(PART_S * rate).bit_length() - 1)
        alone = length == whole.size <= WHOLE_POINTS
        count = 1 if alone else ceil(length / (points - 2 * ceil(FADE_S * rate)))
        joints = [section.start + length * k // count for k in range(count + 1)]
        for begin, end in pairwise(joints):
            self._energy += energy_by_hertz(_faded(section, begin, end), rate)
        self._frames.push(section)

    def finish(self) -> Spectra:
        """The spectra of the recording."""
        whole, frames = self._whole, self._frames
        if whole is None or frames is None:
            raise ValueError("a spectrum needs a section at least")
        voiced = frames.voiced.joined()
        count = int(np.count_nonzero(voiced))
        return Spectra(
            sample_rate_hz=whole.sample_rate_hz,
            seconds=whole.seconds,
            power=self._energy / max(1, whole.size),
            voiced_edges_hz=frames.edges_hz,
            voiced_power=frames.power / max(1, count),
            voiced_s=count * frames.step_s,
            median_hz=frames.median_hz.joined(),
            is_voiced=voiced,
            first_s=frames.first_s,
            step_s=frames.step_s,
        )


def energy_by_hertz(sound: Floats, sample_rate_hz: int) -> Floats:
    """Sum of squares of *sound*, ``(n,)``, between k and k + 1 Hz, ``(half the rate, rounded up,)``.

    A line of the transform, which has the next power of two of points, stands for half the way to its neighbours and is
    shared between bands accordingly.
    """
    points = 1 << max(1, (sound.size - 1).bit_length())
    spectrum = np.fft.rfft(sound, points).view(np.float64)
    spectrum *= spectrum
    energy = spectrum[::2] + spectrum[1::2]
    energy[1:-1] *= 2.0
    # Where the edges of the bands lie, in lines: line i reaches from i - 0.5 to i + 0.5, the outermost inwards only.
    edges = np.minimum(np.arange(ceil(sample_rate_hz / 2) + 1) * (points / sample_rate_hz), points / 2) + 0.5
    line = np.minimum(edges.astype(np.int64), points // 2)
    part = (edges - line) * energy[line]
    part[0] = 0.0
    part[-1] = energy[-1]
    between = np.add.reduceat(energy, line)[:-1]
    between[line[1:] == line[:-1]] = 0.0
    inside: Floats = between - part[:-1] + part[1:]
    return np.maximum(inside, 0.0) / points


def _faded(section: Section, begin: int, end: int) -> Floats:
    """Samples *begin* to *end* of the recording, faded into what is before and behind them."""
    fade = round(FADE_S * section.whole.sample_rate_hz)
    low = begin if begin == 0 else max(begin - fade, section.first)
    high = end if end == section.whole.size else min(end + fade, section.first + section.samples.size)
    sound = section.samples[low - section.first : high - section.first].astype(np.float64)
    if low < begin:
        rise = np.sin(
            0.25 * pi * (1.0 + (np.arange(low, begin + (begin - low)) + 0.5 - begin) / (begin - low))
        )
        sound[: rise.size] *= rise[: sound.size]
    if high > end:
        fall = np.cos(0.25 * pi * (1.0 + (np.arange(end - (high - end), high) + 0.5 - end) / (high - end)))
        sound[-fall.size :] *= fall[-sound.size :]
    return sound


def spectra_of(samples: Samples, sample_rate_hz: int, pitch: PitchTrack | None = None) -> Spectra:
    """Spectra of one recording in memory, ``(n,)``."""
    contour = SpectrumContour()
    whole = Whole(sample_rate_hz, samples.size, 0.0, 0.0)
    contour.push(Section(whole, samples, 0, 0, samples.size, pitch))
    return contour.finish()
