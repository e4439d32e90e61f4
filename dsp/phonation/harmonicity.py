"""Harmonics-to-noise ratio over time: how much of a frame's power repeats from period to period.

The strongest candidate of a pitch analysis without costs has the normalised correlation r, the share of the power that
is periodic; the ratio is 10 log10(r / (1 - r)). Correlations are float32, which costs
less than 0.15 dB up to 50 dB; 70 dB is the most that is told.

*Source*: P. Boersma, Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound, Proceedings of the Institute of Phonetic Sciences 17 (1993), 97-110, equation 4; frames and windows as the
manual of Praat defines *To Harmonicity (cc)* and *To Harmonicity (ac)*.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.phonation.frame_grid import FrameGrid
from dsp.phonation.kept import Kept, even_times, fine_type
from dsp.phonation.pitch_frames import PitchFrames
from dsp.phonation.pitch_path import unvoiced_strength
from dsp.phonation.pitch_track import Levels
from dsp.phonation.section import Section

__all__ = ["NO_VOICE_DB", "Harmonicity", "HarmonicityContour"]

Floats = NDArray[np.float64]

NO_VOICE_DB = -200.0
"""Of a frame without voice."""
LEAST = 1e-7
"""Neither share of the power is taken for less, so a ratio stays within 70 dB: rounding is half of that."""
PERIODS = {"cc": 1.0, "ac": 4.5}


@dataclass(frozen=True, slots=True, eq=False)
class Harmonicity:
    """One value a frame; arrays ``(frames,)``."""

    db: Levels
    """`NO_VOICE_DB` where there is no voice; of long recordings float32 (`dsp.phonation.kept`)."""
    first_s: float
    """Centre of the first frame."""
    step_s: float
    """From frame to frame."""

    @property
    def times_s(self) -> Floats:
        """Centres of the frames."""
        return even_times(self.first_s, self.step_s, self.db.size)

    @property
    def mean_db(self) -> float | None:
        """Mean of the frames that have a voice; None without any."""
        heard = self.db[self.db > NO_VOICE_DB]
        return float(heard.mean(dtype=np.float64)) if heard.size else None


class HarmonicityContour:
    """Harmonicity, section by section.

    Args:
        method: ``cc``: forward cross-correlation of two windows of *periods_per_window* longest periods each; ``ac``:
            autocorrelation of a Gaussian window that is *periods_per_window* longest periods wide, twice that in all.
        floor_hz: the longest period is one of this, 30 to 300.
        step_s: from frame to frame.
        silence: a frame whose peak is below this fraction of the recording's counts as silent.
        periods_per_window: None: 1 for ``cc``, 4.5 for ``ac``.

    Raises:
        ParameterError: another method, or a number out of its range.
    """

    def __init__(
        self,
        method: Literal["cc", "ac"],
        *,
        floor_hz: float = 60.0,
        step_s: float = 0.01,
        silence: float = 0.1,
        periods_per_window: float | None = None,
    ) -> None:
        if method not in PERIODS:
            raise ParameterError(f"harmonicity method must be cc or ac, got {method!r}")
        if not 30.0 <= floor_hz <= 300.0:
            raise ParameterError(f"harmonicity floor must be 30 to 300 Hz, got {floor_hz:g}")
        if not (step_s > 0.0 and 0.0 <= silence <= 1.0):
            raise ParameterError(
                f"harmonicity step must be above 0 and silence 0 to 1, got {step_s:g} s and {silence:g}"
            )
        periods = PERIODS[method] if periods_per_window is None else periods_per_window
        if not 1.0 <= periods <= 10.0:
            raise ParameterError(f"harmonicity periods per window must be 1 to 10, got {periods:g}")
        self._method = method
        self._floor_hz = floor_hz
        self._step_s = step_s
        self._silence = silence
        self._periods = periods
        self._frames: PitchFrames | None = None
        self._first_s: float | None = None
        self._db = Kept()

    @property
    def margin_s(self) -> float:
        """How much of the recording it wants on either side of a core."""
        return (self._periods + 2.0) / self._floor_hz

    def push(self, section: Section) -> None:
        """Take the next section."""
        if self._frames is None:
            self._frames = PitchFrames(
                section.whole.sample_rate_hz,
                floor_hz=self._floor_hz,
                method=self._method,
                window="hanning" if self._method == "cc" else "gaussian",
                periods_per_window=self._periods,
                count=1,
                voicing=0.0,
                octave_cost=0.0,
            )
            self._db = Kept(fine_type(section.whole))
        frames = self._frames
        grid = FrameGrid.of(section.whole, frames.window_s, self._step_s)
        times = grid.within(section, frames.reach_s)
        times = times[section.owned(times)]
        found = frames.measure(section, times, silence=self._silence)
        share = found.strength[:, 0]
        silent = share <= unvoiced_strength(found.intensity, self._silence, 0.0)
        kept = np.clip(share, LEAST, 1.0 - LEAST)
        if self._first_s is None and times.size:
            self._first_s = float(times[0])
        self._db.append(np.where(silent, NO_VOICE_DB, 10.0 * np.log10(kept / (1.0 - kept))))

    def finish(self) -> Harmonicity:
        """Harmonicity of the recording; after the last section. No frames where it is shorter than a window."""
        return Harmonicity(self._db.joined(), 0.0 if self._first_s is None else self._first_s, self._step_s)
