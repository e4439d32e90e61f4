"""Which moments of a recording are voiced."""

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.pitch_track import PitchTrack

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def voiced_at(pitch: PitchTrack | None, times_s: Floats) -> Flags:
    """Whether the frame of *pitch* nearest to each time is voiced; nowhere without a pitch."""
    voiced: Flags = np.zeros(times_s.size, dtype=np.bool_)
    if pitch is None or pitch.times_s.size == 0:
        return voiced
    at = np.rint((times_s - pitch.times_s[0]) / pitch.step_s).astype(np.int64)
    inside = (at >= 0) & (at < pitch.times_s.size)
    voiced[inside] = pitch.is_voiced[at[inside]]
    return voiced
