"""Which moments of a recording are voiced."""

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.pitch_track import PitchTrack

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BLOCK = 1 << 15
"""Times at a time: of hours there are a million."""


def voiced_at(pitch: PitchTrack | None, times_s: Floats) -> Flags:
    """Whether the frame of *pitch* nearest to each time is voiced; nowhere without a pitch."""
    voiced: Flags = np.zeros(times_s.size, dtype=np.bool_)
    if pitch is None or pitch.times_s.size == 0:
        return voiced
    is_voiced = pitch.is_voiced
    for start in range(0, times_s.size, BLOCK):
        at = np.rint((times_s[start : start + BLOCK] - pitch.times_s[0]) / pitch.step_s).astype(np.int64)
        inside = (at >= 0) & (at < is_voiced.size)
        voiced[start : start + BLOCK][inside] = is_voiced[at[inside]]
    return voiced
