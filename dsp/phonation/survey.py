"""What is known of a recording before its voice is looked at: level, offset and cut-off peaks of each channel.

Conventions: levels are in dBov (`dsp.level`). What is NaN or infinite is taken as zero, and counted.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.flat_top import TOP, flat_top
from dsp.level import CLIPPED_SHARE, LevelReport, SpeechMeter
from dsp.phonation.section import Recording
from dsp.types import Samples

BLOCK_S = 2.0
"""Read at a time."""
LEVELS = 1 << 15
"""Steps of the magnitude of a 16-bit sample."""
NEAR_TOP = 0.85
"""Samples of less than this share of the largest so far are in no top (`dsp.flat_top` looks at 0.9 and more)."""
FLAT = 2e-5
"""Three samples in a row at the top that differ by no more than this share of it are flat: a perfectly even voice, too, has all
its peaks at one level, but round ones."""
LEAST_TOP = 0.02
"""A peak lower than this share of full scale is rounded too coarsely for its shape to be judged."""
LEAST_OFFSET, OFFSET_SHARE = 0.01, 0.1
"""A constant offset of this share of full scale, and of the sound, is taken out; less changes no measure by more than it is
accurate to."""
DEAD_DBOV = -80.0
"""A channel quieter than this, without its offset, is dead: dither of 16 bits has -96, a room through a microphone -70 and more."""


@dataclass(frozen=True, slots=True)
class ChannelSurvey:
    """One channel."""

    level: LevelReport
    sound_dbov: float | None
    """Of everything, the constant offset taken out; None for nothing but a constant."""
    mean: float
    """Of all samples: the constant offset."""
    peak: float
    """Greatest magnitude of a sample minus `mean`."""
    clipped_share: float
    """Samples in a flat top, of those that are active after P.56, 0 to 1."""
    clip_level: float
    """Where that top is, full scale = 1."""
    not_finite: int
    """Samples that are NaN or infinite."""

    @property
    def is_dead(self) -> bool:
        """Whether there is no sound in it."""
        return self.sound_dbov is None or self.sound_dbov < DEAD_DBOV

    @property
    def offset(self) -> float:
        """The constant offset, where it is one that harms: else 0, as every recording has a little."""
        least = (
            LEAST_OFFSET
            if self.sound_dbov is None
            else max(LEAST_OFFSET, OFFSET_SHARE * 10.0 ** (self.sound_dbov / 20.0))
        )
        return self.mean if abs(self.mean) >= least else 0.0

    @property
    def is_clipped(self) -> bool:
        """Whether so much is cut off that it is worth a word, by the same limit as in a call."""
        return self.clipped_share >= CLIPPED_SHARE


def surveyed(
    recording: Recording, progress: Callable[[float], None] | None = None
) -> tuple[ChannelSurvey, ...]:
    """Read *recording* once.

    Args:
        recording: of at least one sample.
        progress: told the share that is done, 0 to 1.

    Raises:
        ParameterError: for a rate outside 8000 to 96000 Hz.
    """
    surveyors = [_Surveyor(recording.sample_rate_hz) for _ in range(recording.channels)]
    length = max(1, round(BLOCK_S * recording.sample_rate_hz))
    for start in range(0, recording.size, length):
        stop = min(start + length, recording.size)
        block = recording.read(start, stop)
        for surveyor, samples in zip(surveyors, block, strict=True):
            surveyor.take(np.ascontiguousarray(samples, dtype=np.float32))
        if progress is not None:
            progress(stop / recording.size)
    return tuple(surveyor.result() for surveyor in surveyors)


def finite(samples: Samples) -> Samples:
    """*samples*, contiguous, with zeros for what is NaN or infinite."""
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if np.isfinite(np.dot(samples, samples)):
        return samples
    return np.where(np.isfinite(samples), samples, np.float32(0.0))


def loudest(channels: tuple[ChannelSurvey, ...]) -> int:
    """Which of *channels* to measure: the only one alive, else the one with the highest level; the first of equals."""
    levels = [
        -math.inf if channel.sound_dbov is None or channel.is_dead else channel.sound_dbov
        for channel in channels
    ]
    return int(np.argmax(levels))


class _Surveyor:
    """Takes the samples of one channel."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._meter = SpeechMeter(sample_rate_hz)
        self._high = -math.inf
        self._low = math.inf
        self._flat = [0, 0]
        self._tops: NDArray[np.int64] = np.zeros((2, LEVELS + 1), dtype=np.int64)

    def take(self, samples: Samples) -> None:
        self._meter.process(samples)
        samples = finite(samples)
        high, low = float(samples.max()), float(samples.min())
        for side, top, old in ((0, high, self._high), (1, -low, -self._low)):
            if top > (1.0 + TOP) * old:
                self._flat[side] = 0
            top = max(top, old)
            if top > LEAST_TOP:
                self._look(side, samples if side == 0 else -samples, top)
        self._high, self._low = max(self._high, high), min(self._low, low)

    def result(self) -> ChannelSurvey:
        level = self._meter.result()
        mean = level.dc
        active = level.activity * level.seconds * self._meter.sample_rate_hz
        share, top = max(self._clipped(side, active) for side in (0, 1))
        squares = 0.0 if level.long_term_dbov is None else 10.0 ** (level.long_term_dbov / 10.0)
        power = squares - mean**2
        # What is left of a constant is rounding.
        sound_dbov = 10.0 * math.log10(power) if power > 1e-9 * squares else None
        return ChannelSurvey(
            level=level,
            sound_dbov=sound_dbov,
            mean=mean,
            peak=max(self._high - mean, mean - self._low),
            clipped_share=share,
            clip_level=top,
            not_finite=level.not_finite,
        )

    def _look(self, side: int, samples: Samples, top: float) -> None:
        at = np.flatnonzero(samples > NEAR_TOP * top)
        near = samples[at]
        steps = np.minimum(np.rint(near * LEVELS), LEVELS).astype(np.int32)
        self._tops[side] += np.bincount(steps, minlength=LEVELS + 1)
        level = (np.diff(at) == 1) & (np.abs(np.diff(near)) <= FLAT * top) & (near[1:] >= (1.0 - TOP) * top)
        self._flat[side] += int(np.count_nonzero(level[1:] & level[:-1]))

    def _clipped(self, side: int, active: float) -> tuple[float, float]:
        count, largest = flat_top(self._tops[side])
        if largest < LEAST_TOP * LEVELS or active < 1.0:
            return 0.0, 0.0
        # Of a run of n flat samples n - 2 were counted.
        return min(1.0, count / active, 3.0 * self._flat[side] / active), largest / LEVELS
