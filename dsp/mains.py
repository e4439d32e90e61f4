"""Frequency of the mains hum in a sound, followed while it drifts.

The sound is brought down to about 1 kHz. Every half second the spectrum of the last two seconds is looked at, at
fixed places in the sound, so that blocks of any length give the same values. Hum is what stands out at multiples
of one frequency near 50 or 60 Hz in *each* of the last spectra: their logarithms are averaged, so a voice, which is
somewhere else half a second later, counts for little. The frequency then is the weighted median of what each
harmonic of the newest spectrum says, from the top of its line by a parabola over the logarithm. That is the
frequency one second ago; a straight line through the values of the last four seconds leads to the present.

Source: own; J. O. Smith, Spectral Audio Signal Processing, 2011 (quadratic interpolation of spectral peaks).
"""

import math

import numpy as np
from numpy.typing import NDArray

from dsp.resample import StreamResampler
from dsp.types import Block

NOMINAL_HZ = (50.0, 60.0)
REACH_HZ = 1.0
"""How far the mains may be from the nominal frequency."""
ANALYSIS_HZ = 1000
"""Least rate of the analysis; it is the sample rate divided by a whole number."""
HIGHEST_HZ = 430.0
"""Highest harmonic looked at: the decimator passes it."""
HOP_S = 0.5
FRAME_HOPS = 4
SPECTRA = 3
"""How many spectra a line must stand out in."""
LEAST_DB = 12.0
"""How far lines must stand out of their surroundings, in the mean of the best three; bundled speech alone: 10."""
OTHER_DB, OTHER_LOOKS = 6.0, 4
"""By how much, and how often in a row, the other nominal frequency must fit better before it is believed."""
TREND_LOOKS, TREND_LEAST = 8, 4
"""How many looks the trend is from, and how many it must have."""
JUMP_HZ = 0.2
"""What differs so much from one look to the next is no drift: the trend begins anew."""

_STEP_HZ = 0.02
_PADDED = 4
_BLUR_HZ = 15.0
"""Half of the band around a harmonic that it must stand out of."""
_NEAR_LINES = 1.5
"""How far from where it is expected a line is looked for, in lines of the frame: less than half a main lobe."""
_HARMONIC_DB = 6.0
"""How far a harmonic must stand out to have a say in the frequency, and ..."""
_HARMONIC_MOST_DB = 40.0
"""... from where on it has no more say."""


class MainsTracker:
    """Listens to blocks and says what the mains frequency is.

    Args:
        sample_rate_hz: of the blocks.
        channels: of the blocks; the spectra of all are added.
        nominal_hz: 50, 60, or both to find out which.
    """

    def __init__(
        self, sample_rate_hz: int, channels: int = 1, nominal_hz: tuple[float, ...] = NOMINAL_HZ
    ) -> None:
        factor = max(1, sample_rate_hz // ANALYSIS_HZ)
        self.nominal_hz = nominal_hz
        rate_hz = sample_rate_hz / factor
        hop = round(HOP_S * rate_hz)
        self.hop_samples = hop * factor
        """Samples between two looks: `update` belongs after each of so many."""
        self._decimators = [StreamResampler(factor, 1) for _ in range(channels)]
        self._frame = np.zeros((channels, FRAME_HOPS * hop), dtype=np.float32)
        self._window = np.hanning(self._frame.shape[1] + 2)[1:-1]
        self._size = 1 << (_PADDED * self._frame.shape[1] - 1).bit_length()
        self._spacing_hz = rate_hz / self._size
        self._near = math.ceil(_NEAR_LINES * self._size / self._frame.shape[1])
        self._highest_hz = min(HIGHEST_HZ, 0.43 * rate_hz)
        self._recent: list[NDArray[np.float64]] = []
        self._trend: list[tuple[int, float]] = []
        self._looks = 0
        self._others = 0
        self._nominal = 0.0
        self.frequency_hz = 0.0
        """What was found last; 0: no hum was found yet."""

    @property
    def nominal_found_hz(self) -> float:
        """Which of the nominal frequencies it is; 0: no hum was found yet."""
        return self._nominal

    def reset(self) -> None:
        """Forget what was heard."""
        for decimator in self._decimators:
            decimator.reset()
        self._frame[:] = 0.0
        self._recent, self._trend = [], []
        self._looks = self._others = 0
        self._nominal = self.frequency_hz = 0.0

    def adopt(self, previous: "MainsTracker") -> None:
        """Take what *previous*, at the same rate, has heard and found; its frequency only if it can be ours."""
        if previous._frame.shape == self._frame.shape:
            self._frame[:] = previous._frame
            self._recent = list(previous._recent)
        if previous._nominal in self.nominal_hz:
            self._nominal, self.frequency_hz = previous._nominal, previous.frequency_hz
            self._trend, self._looks = list(previous._trend), previous._looks

    def hear(self, block: Block) -> None:
        """Listen to *block*, ``(channels, n)``, rows C-contiguous, that does not reach over a multiple of `hop_samples`."""
        for row, decimator, channel in zip(self._frame, self._decimators, block, strict=True):
            new = decimator.process(channel)
            if new.size:
                row[: -new.size] = row[new.size :]
                row[-new.size :] = new

    def update(self) -> None:
        """Look for hum; where there is none to be seen, `frequency_hz` stays."""
        spectrum = np.fft.rfft(self._frame * self._window, self._size)
        power = np.square(np.abs(spectrum)).sum(axis=0)
        levels: NDArray[np.float64] = 10.0 * np.log10(power + 1e-14 * self._frame.size)
        self._recent = [*self._recent[-(SPECTRA - 1) :], levels]
        self._looks += 1
        if len(self._recent) < SPECTRA:
            return
        steady: NDArray[np.float64] = np.mean(self._recent, axis=0)
        found = {nominal: self._search(steady, nominal) for nominal in self.nominal_hz}
        best = max(found, key=lambda nominal: found[nominal][0])
        if self._nominal and best != self._nominal:
            believed = found[best][0] >= max(LEAST_DB, found[self._nominal][0] + OTHER_DB)
            self._others = self._others + 1 if believed else 0
            if self._others < OTHER_LOOKS:
                best = self._nominal
        salience_db, rough_hz = found[best]
        if salience_db >= LEAST_DB:
            if best != self._nominal:
                self._nominal, self._others = best, 0
            self.frequency_hz = self._present(self._refine(levels, rough_hz))

    def _search(self, steady: NDArray[np.float64], nominal_hz: float) -> tuple[float, float]:
        """How far the harmonics of the best frequency near *nominal_hz* stand out, in dB, and that frequency."""
        candidates = np.arange(nominal_hz - REACH_HZ, nominal_hz + REACH_HZ + _STEP_HZ / 2, _STEP_HZ)
        orders = np.arange(1, int(self._highest_hz / nominal_hz) + 1)
        around = np.array([self._surroundings(steady, order * nominal_hz) for order in orders])
        places = np.outer(orders, candidates) / self._spacing_hz
        above = np.maximum(np.interp(places, np.arange(steady.size), steady) - around[:, np.newaxis], 0.0)
        best = int(np.argmax(above.sum(axis=0)))
        strong = above[:, best] >= LEAST_DB
        if not strong[:2].any() and np.count_nonzero(strong) < 2:
            return 0.0, float(candidates[best])  # one line higher up is a tone, or belongs to the other mains
        return float(np.sort(above[:, best])[-3:].mean()), float(candidates[best])

    def _refine(self, levels: NDArray[np.float64], rough_hz: float) -> float:
        """Weighted median of what the harmonics say; they weigh by their order and by their height."""
        found: list[tuple[float, float]] = []
        for order in range(1, int(self._highest_hz / rough_hz) + 1):
            middle = round(order * rough_hz / self._spacing_hz)
            top = middle - self._near + int(np.argmax(levels[middle - self._near : middle + self._near + 1]))
            left, peak, right = (float(level) for level in levels[top - 1 : top + 2])
            above = peak - self._surroundings(levels, order * rough_hz)
            if above < _HARMONIC_DB or not left < peak > right:
                continue
            offset = 0.5 * (left - right) / (left - 2.0 * peak + right)
            weight = order * 10.0 ** (min(above, _HARMONIC_MOST_DB) / 20.0)
            found.append(((top + offset) * self._spacing_hz / order, weight))
        if not found:
            return rough_hz
        found.sort()
        sums = np.cumsum([weight for _, weight in found])
        return found[int(np.searchsorted(sums, sums[-1] / 2.0))][0]

    def _present(self, seen_hz: float) -> float:
        """Where the trend of what was seen, newest *seen_hz*, leads until the middle of the coming hop."""
        if self._trend and abs(seen_hz - self._trend[-1][1]) > JUMP_HZ:
            self._trend = []
        oldest = self._looks - TREND_LOOKS
        self._trend = [*((look, freq) for look, freq in self._trend if look > oldest), (self._looks, seen_hz)]
        if len(self._trend) < TREND_LEAST:
            return seen_hz
        looks, freqs = np.array(self._trend).T
        missed = np.abs(freqs - np.median(freqs) - _slope(looks, freqs) * (looks - np.median(looks)))
        good = missed <= 3.0 * np.median(missed) + 1e-3
        looks, freqs = looks[good], freqs[good]
        ahead = self._looks + FRAME_HOPS / 2.0 + 0.5 - looks.mean()
        present = float(freqs.mean() + _slope(looks, freqs) * ahead)
        return min(max(present, self._nominal - REACH_HZ), self._nominal + REACH_HZ)

    def _surroundings(self, levels: NDArray[np.float64], freq_hz: float) -> float:
        low, high = (int((freq_hz + side * _BLUR_HZ) / self._spacing_hz) for side in (-1, 1))
        return float(np.median(levels[low:high]))


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Of the straight line through the points (least squares); 0 for one point."""
    centred = x - x.mean()
    return float(centred @ y / max(centred @ centred, 1e-9))
