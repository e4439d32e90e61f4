"""Candidates for the pitch of each frame: local maxima of a normalised correlation (Boersma 1993, sections 2 and 3)."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dsp import _native
from dsp.errors import ParameterError
from dsp.phonation.frame_grid import left_of
from dsp.phonation.section import Section

Floats = NDArray[np.float64]

SINC_REACH = 73
"""Lags behind the longest that interpolation looks at."""
GAUSS_EDGE = math.exp(-12.0)
"""Of the Gaussian window, before it is drawn down to 0."""
FEWEST = 4
"""Samples to either side of the middle of a window."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Of *n* frames, up to *m* each."""

    f0_hz: Floats
    """``(n, m)``, 0 where there are no more."""
    strength: Floats
    """``(n, m)``: the correlation, 0 to 1."""
    intensity: Floats
    """``(n,)``: peak of the middle of the frame over the peak of the recording, at most 1."""


def hanning(size: int) -> Floats:
    """Raised cosine, 0 one sample outside of either end."""
    bell: Floats = 0.5 - 0.5 * np.cos(2.0 * np.pi / (size + 1) * np.arange(1, size + 1))
    return bell


def gaussian(size: int) -> Floats:
    """Gaussian, exp(-12) one sample outside of either end, drawn down to 0 there."""
    from_middle = np.arange(1, size + 1) - 0.5 * (size + 1)
    bell: Floats = (np.exp(-48.0 * (from_middle / (size + 1)) ** 2) - GAUSS_EDGE) / (1.0 - GAUSS_EDGE)
    return bell


def own_correlation(window: Floats, lags: int) -> Floats:
    """Normalised autocorrelation of *window* at lags 0 to *lags* - 1."""
    points = 1 << (window.size + lags).bit_length()
    power = np.abs(np.fft.rfft(window, points)) ** 2
    correlation = np.fft.irfft(power, points)[:lags]
    share: Floats = correlation / correlation[0]
    return share


class PitchFrames:
    """Frames of one analysis.

    Args:
        sample_rate_hz: of the sound.
        floor_hz: the longest period that is looked for is one of this.
        method: ``ac``: autocorrelation of a windowed frame; ``cc``: forward cross-correlation.
        window: of ``ac``; a Gaussian one is twice as long.
        periods_per_window: longest periods in a window, half of it if it is Gaussian.
        count: candidates of a frame; 1: the strongest.
        voicing: a maximum below half of this is no candidate.
        octave_cost: by this much per octave a shorter period is preferred, where there are more than *count*.

    Raises:
        ParameterError: where a window would have too few samples.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        *,
        floor_hz: float,
        method: Literal["ac", "cc"],
        window: Literal["hanning", "gaussian"] = "hanning",
        periods_per_window: float,
        count: int,
        voicing: float,
        octave_cost: float,
    ) -> None:
        cross = method == "cc"
        wide = not cross and window == "gaussian"
        window_s = (2.0 if wide else 1.0) * periods_per_window / floor_hz
        self.window_s = window_s + (1.0 / floor_hz if cross else 0.0)
        """What a frame sees of the sound."""
        self._rate = sample_rate_hz
        self._half = math.floor(window_s * sample_rate_hz) // 2 - 1
        self._count = count
        self._cross = cross
        period = math.floor(sample_rate_hz / floor_hz)
        size = 2 * self._half
        if self._half < FEWEST or period < FEWEST:
            raise ParameterError(
                f"pitch needs windows of {2 * FEWEST} samples or more, got {max(size, 0)} at {sample_rate_hz} Hz with a floor of "
                f"{floor_hz:g} Hz; use a lower floor"
            )
        longest = min(math.floor(size / (window_s * floor_hz)) + 2, size)
        if cross:
            shape, last = np.ones(size), longest
            correction = np.ones(last + 1)
        else:
            shape = gaussian(size) if wide else hanning(size)
            last = min(size // 4 if wide else size // 2, longest + SINC_REACH)
            correction = 1.0 / own_correlation(shape, last + 1)
        self._span = size + (last if cross else 0)
        self._native = _native.PitchFrames(
            shape.astype(np.float32),
            correction.astype(np.float32),
            period=period,
            reach=min(period // 2 + 1, self._half),
            longest=longest,
            candidates=count,
            least=0.5 * voicing,
            octave_cost=octave_cost,
            cross=cross,
        )

    @property
    def reach_s(self) -> float:
        """How far to either side of its centre a frame sees."""
        return 0.5 * self.window_s + 4.0 / self._rate

    def measure(self, section: Section, times_s: Floats, *, silence: float = 0.0) -> Candidates:
        """Candidates at *times_s*, which `FrameGrid.within` *section*; none where the intensity is not above *silence*."""
        left = left_of(times_s, self._rate)
        start = left_of(times_s - 0.5 * self.window_s, self._rate) if self._cross else left + 1 - self._half
        latest = section.samples.size - self._span
        lags = np.zeros((times_s.size, self._count))
        found = Candidates(np.zeros_like(lags), np.zeros_like(lags), np.zeros(times_s.size))
        self._native.measure(
            section.samples,
            (left - section.first).astype(np.float64),
            np.clip(start - section.first, 0, latest).astype(np.float64),
            section.whole.peak,
            silence,
            lags,
            found.strength,
            found.intensity,
        )
        np.divide(self._rate, lags, out=found.f0_hz, where=lags > 0.0)
        return found
