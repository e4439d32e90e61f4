"""What a pitch is looked for with."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dsp.errors import ParameterError

FLOORS_HZ = (30.0, 300.0)
HIGHEST_HZ = 2000.0


@dataclass(frozen=True, slots=True)
class PitchSettings:
    """Settings of an analysis after Boersma (1993); the defaults are those of Praat's *To Pitch (ac)*, but for the range.

    Raises:
        ParameterError: a floor outside 30 to 300 Hz; a ceiling below twice the floor or above 2000 Hz; another method;
            fewer than 1 or more than 10 periods a window; a negative cost.
    """

    floor_hz: float = 60.0
    ceiling_hz: float = 600.0
    method: Literal["ac", "cc"] = "ac"
    """Autocorrelation of a Hanning window, or forward cross-correlation of two windows."""
    step_s: float = 0.0
    """From frame to frame; 0: 0.75 of the longest period (a quarter of it for ``cc``)."""
    periods_per_window: float = 3.0
    """Longest periods in a window; for ``cc`` 1 is usual."""
    max_candidates: int = 15
    silence: float = 0.03
    """A frame below this fraction of the recording's peak is likely to be silent."""
    voicing: float = 0.45
    """Strength of the candidate *no voice* in a loud frame."""
    octave_cost: float = 0.01
    """By this much per octave a higher pitch is preferred."""
    octave_jump_cost: float = 0.35
    """Of a path, per octave between two frames 0.01 s apart."""
    voiced_unvoiced_cost: float = 0.14
    """Of a path, for each change between voice and none, at 0.01 s from frame to frame."""

    def __post_init__(self) -> None:
        low, high = FLOORS_HZ
        if not low <= self.floor_hz <= high:
            raise ParameterError(f"pitch floor must be {low:g} to {high:g} Hz, got {self.floor_hz:g}")
        if not 2.0 * self.floor_hz <= self.ceiling_hz <= HIGHEST_HZ:
            raise ParameterError(
                f"pitch ceiling must be {2.0 * self.floor_hz:g} Hz (twice the floor) to {HIGHEST_HZ:g} Hz, got {self.ceiling_hz:g}"
            )
        if self.method not in ("ac", "cc"):
            raise ParameterError(f"pitch method must be ac or cc, got {self.method!r}")
        if not 1.0 <= self.periods_per_window <= 10.0:
            raise ParameterError(f"periods per window must be 1 to 10, got {self.periods_per_window:g}")
        costs = (
            self.silence,
            self.voicing,
            self.octave_cost,
            self.octave_jump_cost,
            self.voiced_unvoiced_cost,
        )
        if self.step_s < 0.0 or self.max_candidates < 2 or min(costs) < 0.0:
            raise ParameterError(
                "pitch step, thresholds and costs must not be negative, and there must be 2 candidates or more"
            )

    @property
    def frame_step_s(self) -> float:
        """From frame to frame, resolved."""
        if self.step_s > 0.0:
            return self.step_s
        return (0.25 if self.method == "cc" else 0.75) / self.floor_hz

    @property
    def candidates(self) -> int:
        """Most candidates of a frame, the unvoiced one aside: never fewer than harmonics fit between floor and ceiling."""
        return max(self.max_candidates, math.floor(self.ceiling_hz / self.floor_hz)) - 1

    def echo(self) -> Mapping[str, Any]:
        """What a measure tells beside its number."""
        return {**asdict(self), "step_s": self.frame_step_s}
