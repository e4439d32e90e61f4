"""What every check of a signal looks at, gathered in one pass over it.

Conventions: a *frame* is 10 ms. Powers are mean squares, full scale = 1, so 0 dBov is a power of 1. Spectra have lines
50 Hz apart, from 0 to half the sample rate, and their sum is the mean square. The *voice band* is 300 to 3400 Hz.
What is NaN or infinite is taken as zero; `Features.level` counts it.

Speech is found by its level alone: power in the voice band, averaged over 50 ms, is held against two limits, the
higher of which counts. One lies 15.9 dB below the active level, as in P.56, the other `ABOVE_FLOOR_DB` above the
background, which is the least such power within 2 s on either side. So a steady sound of any level is no
speech, nor is hum. Measured on the bundled speakers with noise added, the clean speech's own mask being the truth: at 10 dB
SNR 96 % of the speech is found in white, 99 % in pink noise and all of it in a car's, with 2 % false at most; at
0 dB 62 to 92 %.

Source: ITU-T P.56 (12/2011), method B (margin and hangover); the rest is our own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.level import MARGIN_DB, LevelReport, SpeechMeter
from dsp.track import Track
from dsp.types import Samples

Floats = NDArray[np.float32]
Spectrum = NDArray[np.float64]

FRAMES_PER_S = 100
VOICE_HZ = (300.0, 3400.0)
ABOVE_FLOOR_DB = 5.0
"""How far speech must stand above the background."""
SMOOTH_FRAMES = 5
FLOOR_REACH_S = 2.0
"""How far on either side the least power is looked for."""
HANGOVER_S = 0.2
"""P.56: so long speech is held to go on."""
BEFORE_S = 0.05
"""A frame so close before speech is no pause."""
LEAST_POWER = 1e-10
"""Voice band power (-100 dBov) below which nobody speaks."""
FAINT = 3e-4
"""Magnitude of a faint sample: the smallest that A-law can say is 2.4e-4."""
LEVELS = 1 << 16
"""Values of a sample of 16 bits."""

_BLOCK_FRAMES = 1000
_LEAST_LINE = 1e-20
_LOG_MEAN = float(np.exp(np.euler_gamma))
"""Mean of a periodogram of noise (exponentially distributed) over its geometric mean."""
_CLASSES_PER_DB = 2
_LOWEST_DB = -110.0
_CLASSES = 120 * _CLASSES_PER_DB


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Of one track. Arrays ``(frames,)`` have one value a frame; samples behind the last whole frame are in `level` only."""

    sample_rate_hz: int
    size: int
    """Samples in all."""
    frame_samples: int
    """Samples of a frame: a hundredth of the rate, rounded."""
    level: LevelReport
    """After P.56, over everything."""
    power: Floats
    """Mean square."""
    top: Floats
    """Largest sample."""
    bottom: Floats
    """Smallest sample."""
    mean: Floats
    """Mean of the samples."""
    held: Floats
    """How many samples are equal to the one before (in the frame)."""
    faint: Floats
    """How many samples have a magnitude of `FAINT` or less."""
    voice_power: Floats
    """Mean square in the voice band, over a Hann window of two frames around the frame."""
    floor_power: Floats
    """Background in the voice band: the least power, averaged over 50 ms, nearby; 0 where there is digital silence."""
    active: NDArray[np.bool_]
    """Whether this very frame sounds like speech."""
    speech: NDArray[np.bool_]
    """Whether somebody speaks: `active`, and up to 0.2 s after it."""
    pause: NDArray[np.bool_]
    """Neither `speech` nor within 50 ms of its beginning."""
    speech_spectrum: Spectrum | None
    """Mean over `active` frames; None where there are none. In a long track the mask is that of the time it was heard."""
    pause_spectrum: Spectrum | None
    """Geometric mean over `pause` frames, likewise, so that a breath counts for little; raised by what it is lower for noise."""
    histogram: NDArray[np.int64]
    """How many samples have the 16-bit value -32768, ... 32767 (rounded), ``(65536,)``."""

    @property
    def frames(self) -> int:
        """Whole frames."""
        return int(self.power.size)

    @property
    def frame_s(self) -> float:
        """Length of a frame, in seconds: the time of frame i is ``i * frame_s``."""
        return self.frame_samples / self.sample_rate_hz

    @property
    def seconds(self) -> float:
        """Length of the track."""
        return self.size / self.sample_rate_hz

    @property
    def peak(self) -> Floats:
        """Largest magnitude of each frame."""
        peak: Floats = np.maximum(self.top, -self.bottom)
        return peak

    @property
    def speech_s(self) -> float:
        """How long somebody speaks."""
        return float(np.count_nonzero(self.speech)) * self.frame_s

    @property
    def line_hz(self) -> float:
        """From one line of a spectrum to the next; 50 Hz where a hundredth of the rate is whole."""
        return self.sample_rate_hz / (2 * self.frame_samples)


def features_of(track: Track) -> Features:
    """Read *track* once, from its beginning to its end.

    Raises:
        ParameterError: for a rate outside 8000 to 96000 Hz.
    """
    gatherer = _Gatherer(track.sample_rate_hz)
    half = gatherer.frame // 2
    length = _BLOCK_FRAMES * gatherer.frame
    for start in range(0, track.size, length):
        stop = min(start + length, track.size)
        around = track.read(start - half, stop + gatherer.frame - half)
        gatherer.take(np.ascontiguousarray(around), stop - start)
    return gatherer.result(track.size)


def spans_of(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of True in *mask*, ``(n,)``, as (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def histogram_of(samples: Samples) -> NDArray[np.int64]:
    """How many of *samples*, ``(n,)``, have the 16-bit value -32768, ... 32767 (rounded), ``(65536,)``; NaN counts as 0."""
    values = np.clip(np.rint(finite(samples) * (LEVELS // 2)), -(LEVELS // 2), LEVELS // 2 - 1).astype(
        np.int32
    )
    return np.bincount(values + LEVELS // 2, minlength=LEVELS).astype(np.int64, copy=False)


class _Gatherer:
    """Takes block after block."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._meter = SpeechMeter(sample_rate_hz)
        self._rate_hz = sample_rate_hz
        self.frame = round(sample_rate_hz / FRAMES_PER_S)
        window = np.hanning(2 * self.frame + 1)[:-1].astype(np.float32)
        self._window = window
        weights = np.full(self.frame + 1, 2.0, dtype=np.float32)
        weights[[0, -1]] = 1.0
        self._weights = weights / (2 * self.frame * float(np.sum(window**2)))
        line_hz = sample_rate_hz / (2 * self.frame)
        self._voice = slice(round(VOICE_HZ[0] / line_hz), round(VOICE_HZ[1] / line_hz) + 1)
        self._columns: list[NDArray[np.float32]] = []
        self._histogram: NDArray[np.int64] = np.zeros(LEVELS, dtype=np.int64)
        self._levels = _LevelClasses()
        self._waiting: list[NDArray[np.float32]] = []
        self._decided = 0
        self._sums = np.zeros((2, self.frame + 1))
        self._counts = np.zeros(2, dtype=np.int64)

    def take(self, around: Samples, size: int) -> None:
        """The next *size* samples, in *around* with half a frame before and after them."""
        half = self.frame // 2
        self._meter.process(around[half : half + size])
        around = finite(around)
        block = around[half : half + size]
        self._histogram += histogram_of(block)
        count = block.size // self.frame
        if not count:
            return
        rows = block[: count * self.frame].reshape(count, self.frame)
        pairs = np.lib.stride_tricks.sliding_window_view(around, 2 * self.frame)[:: self.frame][:count]
        spectra = np.fft.rfft(pairs * self._window, axis=1)
        powers = ((spectra.real**2 + spectra.imag**2) * self._weights).astype(np.float32)
        voice = powers[:, self._voice].sum(axis=1)
        self._columns.append(
            np.stack(
                (
                    np.einsum("ij,ij->i", rows, rows) / self.frame,
                    rows.max(axis=1),
                    rows.min(axis=1),
                    rows.mean(axis=1),
                    np.count_nonzero(rows[:, 1:] == rows[:, :-1], axis=1).astype(np.float32),
                    np.count_nonzero(np.abs(rows) <= FAINT, axis=1).astype(np.float32),
                    voice,
                )
            )
        )
        self._waiting.append(powers)
        self._levels.add(voice)
        self._decide(final=False)

    def result(self, size: int) -> Features:
        """Everything, of a track of *size* samples."""
        self._decide(final=True)
        none: NDArray[np.float32] = np.zeros((7, 0), dtype=np.float32)
        power, top, bottom, mean, held, faint, voice = np.concatenate((none, *self._columns), axis=1)
        floor, active, speech, pause = self._masks(voice)
        (spoken, silent), (speech_count, pause_count) = self._sums, self._counts
        speech_spectrum = spoken / speech_count if speech_count else None
        pause_spectrum = _LOG_MEAN * np.exp(silent / pause_count) if pause_count else None
        return Features(
            self._rate_hz, size, self.frame, self._meter.result(), power, top, bottom, mean, held, faint, voice,
            floor, active, speech, pause, speech_spectrum, pause_spectrum, self._histogram,
        )  # fmt: skip

    def _decide(self, *, final: bool) -> None:
        """Add the spectra of what lies far enough back to be judged to those of speech and of pauses."""
        reach = 2 * round(FLOOR_REACH_S * FRAMES_PER_S)
        total = sum(column.shape[1] for column in self._columns)
        until = total if final else total - reach
        if until <= self._decided:
            return
        first = max(0, self._decided - reach)
        recent = -(-(total - first) // _BLOCK_FRAMES) + 1
        voice = np.concatenate([column[6] for column in self._columns[-recent:]])[-(total - first) :]
        _, active, _, pause = self._masks(voice)
        spectra = np.concatenate(self._waiting)
        done = until - self._decided
        now = slice(self._decided - first, until - first)
        self._sums[0] += spectra[:done][active[now]].sum(axis=0, dtype=np.float64)
        self._sums[1] += np.log(np.maximum(spectra[:done][pause[now]], _LEAST_LINE)).sum(
            axis=0, dtype=np.float64
        )
        self._counts += np.count_nonzero(active[now]), np.count_nonzero(pause[now])
        self._waiting = [spectra[done:].copy()]
        self._decided = until

    def _masks(self, voice: Floats) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Background, active, speech and pause, each ``(frames,)``, from powers in the voice band."""
        smooth = _smoothed(voice)
        floor = _floor(smooth)
        # A mute is no background: what is beside one would all be speech.
        mute = _stretched(voice <= LEAST_POWER, SMOOTH_FRAMES // 2, SMOOTH_FRAMES // 2)
        beside = _floor(np.where(mute, np.float32(np.inf), smooth))
        background = np.where(np.isfinite(beside), beside, np.float32(0.0))
        limit = np.maximum(background * 10.0 ** (ABOVE_FLOOR_DB / 10.0), self._levels.threshold())
        active: NDArray[np.bool_] = smooth > np.maximum(limit, LEAST_POWER)
        speech = _stretched(active, 0, round(HANGOVER_S * FRAMES_PER_S))
        pause: NDArray[np.bool_] = ~_stretched(speech, round(BEFORE_S * FRAMES_PER_S), 0)
        return floor, active, speech, pause


class _LevelClasses:
    """How often, and with what power in all, frames had which level."""

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(_CLASSES, dtype=np.int64)
        self._power = 0.0

    def add(self, power: Floats) -> None:
        """Count frames of this *power*, ``(frames,)``."""
        levels = 10.0 * np.log10(np.maximum(power, 1e-15))
        classes = np.clip((levels - _LOWEST_DB) * _CLASSES_PER_DB, 0, _CLASSES - 1).astype(np.int64)
        self._counts += np.bincount(classes, minlength=_CLASSES)
        self._power += float(power.sum(dtype=np.float64))

    def threshold(self) -> float:
        """Power 15.9 dB below the level of the time that lies above it."""
        lower_edges = 10.0 ** ((_LOWEST_DB + np.arange(_CLASSES) / _CLASSES_PER_DB) / 10.0)
        above = np.cumsum(self._counts[::-1])[::-1]
        level = self._power / np.maximum(above, 1)
        near = np.flatnonzero(level < lower_edges * 10.0 ** (MARGIN_DB / 10.0))
        return float(lower_edges[max(0, near[0] - 1)]) if near.size and above[0] else 0.0


def finite(samples: Samples) -> Samples:
    """*samples* with zeros for what is NaN or infinite."""
    if np.isfinite(np.dot(samples, samples)):
        return samples
    finite: Samples = np.where(np.isfinite(samples), samples, np.float32(0.0))
    return finite


def _smoothed(power: Floats) -> Floats:
    """Mean over `SMOOTH_FRAMES` around each frame; fewer at the ends."""
    if not power.size:
        return power
    kernel = np.ones(SMOOTH_FRAMES)
    reach = SMOOTH_FRAMES // 2
    sums = np.convolve(power.astype(np.float64), kernel)[reach : reach + power.size]
    counts = np.convolve(np.ones(power.size), kernel)[reach : reach + power.size]
    smooth: Floats = (sums / counts).astype(np.float32)
    return smooth


def _floor(smooth: Floats) -> Floats:
    """The least of *smooth* from `FLOOR_REACH_S` before to as long after each tenth of a second."""
    part = FRAMES_PER_S // 10
    count = -(-smooth.size // part)
    padded = np.concatenate((smooth, np.full(count * part - smooth.size, np.inf, dtype=np.float32)))
    least = padded.reshape(count, part).min(axis=1) if count else padded
    reach = round(FLOOR_REACH_S * FRAMES_PER_S / part)
    wide = np.concatenate((np.full(reach, np.inf), least, np.full(reach, np.inf)))
    lowest = np.lib.stride_tricks.sliding_window_view(wide, 2 * reach + 1).min(axis=1) if count else least
    floor: Floats = np.repeat(lowest, part)[: smooth.size].astype(np.float32)
    return floor


def _stretched(mask: NDArray[np.bool_], before: int, after: int) -> NDArray[np.bool_]:
    """True also *before* frames ahead of and *after* frames behind each True."""
    counts = np.concatenate(([0], np.cumsum(mask)))
    places = np.arange(mask.size)
    high = np.minimum(places + before + 1, mask.size)
    stretched: NDArray[np.bool_] = counts[high] > counts[np.maximum(places - after, 0)]
    return stretched


SPECS: tuple[()] = ()
