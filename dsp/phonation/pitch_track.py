"""A pitch over time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Levels = NDArray[Any]
"""Float64; float32 of a long recording."""


@dataclass(frozen=True, slots=True, eq=False)
class PitchTrack:
    """One value a frame; arrays ``(frames,)``. Strength and intensity are float32 where a recording is long."""

    times_s: Floats
    """Centres of the frames, evenly spaced."""
    f0_hz: Floats
    """0 where there is no voice."""
    strength: Levels
    """Normalised autocorrelation of the chosen candidate, 0 to 1; 0 where there is no voice."""
    intensity: Levels
    """Peak of the frame over the peak of the recording, 0 to 1."""
    step_s: float
    """From frame to frame."""
    ceiling_hz: float
    """Above it nothing counts as voice."""

    @property
    def is_voiced(self) -> NDArray[np.bool_]:
        """Which frames have a voice."""
        voiced: NDArray[np.bool_] = self.f0_hz > 0.0
        return voiced
