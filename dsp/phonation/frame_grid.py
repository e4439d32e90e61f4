"""Where the frames of a short-term analysis lie: evenly spaced, and centred in the recording as a whole.

So a frame is the same one in whatever sections the recording is taken.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.section import Section, Whole

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """Centres of `count` frames, the first at `first_s`."""

    count: int
    first_s: float
    step_s: float

    @classmethod
    def of(cls, whole: Whole, window_s: float, step_s: float) -> "FrameGrid":
        """As many frames as fit with windows of *window_s* in the recording; none where it is shorter."""
        seconds = (1.0 / whole.sample_rate_hz) * whole.size
        count = max(math.floor((seconds - window_s) / step_s) + 1, 0)
        return cls(count, 0.5 * seconds - 0.5 * count * step_s + 0.5 * step_s, step_s)

    def times_s(self, first: int, past: int) -> Floats:
        """Centres of frames *first* to *past*, ``(past - first,)``."""
        return self.first_s + np.arange(first, past, dtype=np.float64) * self.step_s

    def within(self, section: Section, reach_s: float) -> Floats:
        """Centres of the frames that reach *reach_s* to either side and lie in *section*, margins included.

        What reaches over an end of the recording itself counts as lying in it.
        """
        whole = section.whole
        rate, past = whole.sample_rate_hz, section.first + section.samples.size
        first, last = 0, self.count
        if section.first > 0:
            first = math.ceil((section.first / rate + reach_s - self.first_s) / self.step_s)
        if past < whole.size:
            last = math.floor((past / rate - reach_s - self.first_s) / self.step_s) + 1
        first = max(first, 0)
        return self.times_s(first, max(min(last, self.count), first))


def left_of(times_s: Floats, sample_rate_hz: int) -> Positions:
    """The sample at or left of each of *times_s*, counted from the start of the recording."""
    return np.floor(times_s * sample_rate_hz - 0.5).astype(np.int64)
