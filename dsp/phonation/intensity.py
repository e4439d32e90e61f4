"""Level of a voice over time, as Praat's "Sound: To Intensity..." defines it.

Conventions: the mean square under a Kaiser window of 6.4 / floor (effectively 3.2 / floor, so that the periods of the floor
do not show as ripple), whose sidelobes are 190 dB down, with the plain mean of what it spans taken away; frames every 0.8 / floor,
centred in the recording's duration. Levels are in dB of full scale: a full-scale square wave is 0, a sine -3.01.

The squares are summed over short boxes before they are weighed: a window has some 600 of them, which changes a level by less
than 0.01 dB.

Source: P. Boersma and D. Weenink, Praat's manual, "Sound: To Intensity..." and "Intro 6.2. Configuring the intensity contour"
(definition of window and step); J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", ISCAS 1974.
"""

from dataclasses import dataclass
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.phonation.frame_grid import FrameGrid
from dsp.phonation.kept import Kept, even_times, fine_type
from dsp.phonation.pitch_track import Levels
from dsp.phonation.section import Section, Whole
from dsp.types import Samples

Floats = NDArray[np.float64]

KAISER = 2.0 * pi**2 + 0.5
"""Shape of the window: sidelobes below -190 dB."""
FLOOR_DB = -300.0
"""Level of a frame without power."""
REACH = 3.2
"""Half a window, in periods of the floor."""
STEP = 0.8
"""From frame to frame, likewise."""
BOXES = 600
"""In a window, at least, where the sample rate has as many."""
PHASES = 8
"""Places between two boxes for which there is a window."""
BLOCK_FRAMES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Intensity:
    """One value a frame; arrays ``(frames,)``."""

    db: Levels
    """Mean square in dB of full scale (a full-scale square wave is 0, a sine -3.01); -300 where there is none. Float32 of
    long recordings (`dsp.phonation.kept`)."""
    first_s: float
    """Centre of the first frame."""
    step_s: float
    """From frame to frame."""
    floor_hz: float
    """Lowest pitch whose periods do not show as ripple; the window is 3.2 / floor long (effectively)."""

    @property
    def times_s(self) -> Floats:
        """Centres of the frames, evenly spaced."""
        return even_times(self.first_s, self.step_s, self.db.size)


class IntensityContour:
    """Level along a recording.

    Raises:
        ParameterError: a floor outside 20 to 1000 Hz.
    """

    def __init__(self, floor_hz: float = 60.0, step_s: float | None = None) -> None:
        if not 20.0 <= floor_hz <= 1000.0:
            raise ParameterError(f"the floor of the intensity must be 20 to 1000 Hz, got {floor_hz:g}")
        self._floor_hz = floor_hz
        self._step_s = STEP / floor_hz if step_s is None else step_s
        self._first_s: float | None = None
        self._db: Kept | None = None

    @property
    def margin_s(self) -> float:
        """Half a window, and a little for its place between samples."""
        return (REACH + 0.1) / self._floor_hz

    def push(self, section: Section) -> None:
        """Take the next section."""
        grid = FrameGrid.of(section.whole, 2.0 * REACH / self._floor_hz, self._step_s)
        times_s = grid.within(section, self.margin_s)
        times_s = times_s[section.owned(times_s)]
        if self._db is None:
            self._db = Kept(fine_type(section.whole))
        if self._first_s is None and times_s.size:
            self._first_s = float(times_s[0])
        window = _Window(section.whole.sample_rate_hz, REACH / self._floor_hz)
        for first in range(0, times_s.size, BLOCK_FRAMES):
            self._db.append(window.levels_db(section, times_s[first : first + BLOCK_FRAMES]))

    def finish(self) -> Intensity:
        """The level of the recording; no frames where it is shorter than a window."""
        level = np.zeros(0) if self._db is None else self._db.joined()
        first_s = 0.0 if self._first_s is None else self._first_s
        return Intensity(level, first_s, self._step_s, self._floor_hz)


class _Window:
    """The window in boxes of samples, for each of `PHASES` places of its centre within a box."""

    def __init__(self, rate_hz: int, reach_s: float) -> None:
        self._rate_hz = rate_hz
        self._box = max(1, int(2.0 * reach_s * rate_hz) // BOXES)
        reach = reach_s * rate_hz / self._box
        self._before = ceil(reach) + 1
        self._wide = self._before - int(reach)
        at = np.arange(-self._before, self._before + 1)  # box centres, the one with the window's centre is 0
        centre = (np.arange(PHASES) + 0.5) / PHASES - 0.5
        inside = np.maximum(0.0, 1.0 - ((at - centre[:, None]) / reach) ** 2)
        shape = np.where(inside > 0.0, np.i0(KAISER * np.sqrt(inside)), 0.0)
        self._shape = shape / (shape.sum(axis=1, keepdims=True) * self._box)

    def levels_db(self, section: Section, times_s: Floats) -> Floats:
        """Level at each of *times_s*, whose windows lie within *section* or over an end of the recording."""
        place = (times_s * self._rate_hz - section.first) / self._box  # in boxes from the section's left edge
        box = np.floor(place).astype(np.int64)
        phase = np.floor((place - box) * PHASES).astype(np.int64)
        first = int(box[0]) - self._before
        sums, squares = self._boxes(section.samples, first, int(box[-1]) + self._before + 1)
        shape, width = self._shape[phase], self._shape.shape[1]
        at = box - self._before - first
        windows = np.lib.stride_tricks.sliding_window_view
        under, squares_under = windows(sums, width)[at], windows(squares, width)[at]
        mean = under[:, self._wide : width - self._wide].mean(axis=1) / self._box
        power = np.einsum("ij,ij->i", shape, squares_under) - mean * (
            2.0 * np.einsum("ij,ij->i", shape, under) - mean
        )
        level = np.full(times_s.size, FLOOR_DB)
        heard = power > 1e-30
        level[heard] = 10.0 * np.log10(power[heard])
        return level

    def _boxes(self, samples: Samples, first: int, past: int) -> tuple[Floats, Floats]:
        """Sums of the samples and of their squares in boxes *first* to *past*; nothing lies outside *samples*."""
        size = self._box
        inside = samples[max(0, first * size) : max(0, past * size)]
        padded = np.zeros((past - first) * size)
        begin = max(0, -first * size)
        padded[begin : begin + inside.size] = inside
        boxes = padded.reshape(-1, size)
        return boxes @ np.ones(size), np.einsum("ij,ij->i", boxes, boxes)


def intensity_of(
    samples: Samples, sample_rate_hz: int, floor_hz: float = 60.0, step_s: float | None = None
) -> Intensity:
    """Level of one recording in memory, ``(n,)``; frames every *step_s*, else every 0.8 / floor."""
    contour = IntensityContour(floor_hz, step_s)
    whole = Whole(sample_rate_hz, samples.size, 0.0, 0.0)
    contour.push(Section(whole, samples, 0, 0, samples.size))
    return contour.finish()
