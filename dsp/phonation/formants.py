"""Formants of a voice over time: resonances by linear prediction after Burg, as Praat's "Sound: To Formant (burg)..." defines them.

Conventions: the sound is brought to twice the ceiling, emphasised by 6 dB an octave above 50 Hz and cut into frames under a
Gaussian window, twice as long as its effective length and zero at its ends. Frames are centred in the recording's duration,
which sections share. Each is predicted with two coefficients a formant; resonances nearer than 50 Hz to 0 or to the ceiling
are none.

A recording whose sample rate is below twice the ceiling is taken as it is, with fewer formants: as many by hertz as
before, rounded. The highest of those looked for follows the slope of the spectrum and is not given.

Source: D. G. Childers (ed.), Modern Spectrum Analysis, IEEE Press 1978, pages 252 to 255 (Burg); P. Boersma and D. Weenink,
Praat's manual, "Sound: To Formant (burg)...".
"""

from dataclasses import dataclass
from math import exp, floor, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp import _native
from dsp.errors import ParameterError
from dsp.phonation.frame_grid import FrameGrid
from dsp.phonation.kept import even_times
from dsp.phonation.resampled import resampled_section
from dsp.phonation.section import WHOLE_S, Section, Whole
from dsp.types import Samples

Floats = NDArray[np.float64]
Tracks = NDArray[Any]
Widths = NDArray[np.float16]

FORMANTS = 4
"""That are given."""
EDGE_HZ = 50.0
"""Resonances nearer to 0 or to the ceiling are left out."""
MOST_BANDWIDTH_HZ = 60000.0
"""A wider one is no resonance, and half precision ends there."""
SHORT_S = 2.5
"""Up to here a recording's sample rate is changed line by line as Praat does: in one frame of thirty a resonance is there or not by
what the change errs, and a second of speech has so few frames that its median can lie in a gap between two vowels."""
GUARD_S = 0.325
"""What a change of the sample rate needs around a section."""


@dataclass(frozen=True, slots=True, eq=False)
class FormantTracks:
    """Four formants a frame."""

    hz: Tracks
    """``(frames, 4)``: F1 to F4; nan where a frame has fewer. Of long recordings half precision, which is 0.05 %."""
    bandwidth_hz: Widths
    """``(frames, 4)``; nan where a frame has fewer. Half precision, which is more than they are known to."""
    first_s: float
    """Centre of the first frame."""
    step_s: float
    """From frame to frame."""
    ceiling_hz: float
    """Below it the formants were looked for; half the sample rate where that is lower than what was asked for."""
    looked_for: int
    """How many formants below the ceiling."""

    @property
    def times_s(self) -> Floats:
        """``(frames,)``: centres of the frames, evenly spaced."""
        return even_times(self.first_s, self.step_s, self.hz.shape[0])


class FormantContour:
    """Formants along a recording.

    Args:
        ceiling_hz: below it lie *formants* formants: 5000 for a man, 5500 for a woman, up to 8000 for a child.
        window_s: effective length of the window.
        step_s: from frame to frame.
        preemphasis_hz: from there on the spectrum is lifted.

    Raises:
        ParameterError: a ceiling outside 1000 to 20000 Hz, formants outside 1 to 10, times that are not positive.
    """

    def __init__(
        self,
        ceiling_hz: float = 5500.0,
        *,
        formants: int = 5,
        window_s: float = 0.025,
        step_s: float = 0.00625,
        preemphasis_hz: float = 50.0,
    ) -> None:
        if not 1000.0 <= ceiling_hz <= 20000.0:
            raise ParameterError(f"the ceiling of the formants must be 1000 to 20000 Hz, got {ceiling_hz:g}")
        if not 1 <= formants <= 10:
            raise ParameterError(f"1 to 10 formants can be looked for, got {formants}")
        if not (window_s >= 0.005 and step_s > 0.0 and preemphasis_hz >= 0.0):
            raise ParameterError(
                f"a window of 0.005 s or more, a positive step and emphasis from 0 Hz on are wanted, got {window_s:g} s, "
                f"{step_s:g} s and {preemphasis_hz:g} Hz"
            )
        self._ceiling_hz = ceiling_hz
        self._formants = formants
        self._window_s = window_s
        self._step_s = step_s
        self._preemphasis_hz = preemphasis_hz
        self._whole: Whole | None = None
        self._hz: Tracks = np.zeros((0, FORMANTS), dtype=np.float32)
        self._bandwidth_hz: Widths = np.zeros((0, FORMANTS), dtype=np.float16)

    @property
    def margin_s(self) -> float:
        """Half a window and what the change of the sample rate needs."""
        return self._window_s + GUARD_S

    def push(self, section: Section) -> None:
        """Take the next section."""
        rate_hz, formants = self._realised(section.whole.sample_rate_hz)
        grid = self._grid(section.whole, rate_hz)
        if self._whole is None:
            # Of the whole recording at once: long ones have no room for a second copy.
            self._whole = section.whole
            kept = np.float32 if section.whole.seconds <= WHOLE_S else np.float16
            self._hz = np.full((grid.count, FORMANTS), np.nan, dtype=kept)
            self._bandwidth_hz = np.full((grid.count, FORMANTS), np.nan, dtype=np.float16)
        times_s = grid.within(section, self.margin_s)
        times_s = times_s[section.owned(times_s)]
        if not times_s.size:
            return
        sound, begin_s = resampled_section(section, rate_hz, by_sines=section.whole.seconds <= SHORT_S)
        window = gaussian(floor(2.0 * self._window_s * rate_hz))
        starts = np.floor((times_s - begin_s) * rate_hz + 1e-6) - window.size // 2 + 1.0
        if sound.size < window.size:
            return
        # The grid at the new rate may end a sample before the recording.
        starts = np.clip(starts, 0.0, float(sound.size - window.size))
        emphasis = exp(-2.0 * pi * self._preemphasis_hz / rate_hz)
        found = np.empty((times_s.size, formants, 2))
        _native.lpc_resonances(sound, starts, window, found, 2 * formants, emphasis, EDGE_HZ / rate_hz)
        first = round((float(times_s[0]) - grid.first_s) / grid.step_s)
        given = min(FORMANTS, max(1, formants - 1))
        frames = slice(first, first + times_s.size)
        self._hz[frames, :given] = found[:, :given, 0] * rate_hz
        self._bandwidth_hz[frames, :given] = np.minimum(found[:, :given, 1] * rate_hz, MOST_BANDWIDTH_HZ)

    def finish(self) -> FormantTracks:
        """The formants of the recording; no frames where it is shorter than two windows."""
        whole = Whole(round(2.0 * self._ceiling_hz), 0, 0.0, 0.0) if self._whole is None else self._whole
        rate_hz, formants = self._realised(whole.sample_rate_hz)
        return FormantTracks(
            hz=self._hz,
            bandwidth_hz=self._bandwidth_hz,
            first_s=self._grid(whole, rate_hz).first_s,
            step_s=self._step_s,
            ceiling_hz=rate_hz / 2,
            looked_for=formants,
        )

    def _realised(self, sample_rate_hz: int) -> tuple[int, int]:
        """The rate at which formants are looked for, and how many."""
        wanted_hz = round(2.0 * self._ceiling_hz)
        if sample_rate_hz >= wanted_hz:
            return wanted_hz, self._formants
        return sample_rate_hz, max(1, round(self._formants * sample_rate_hz / wanted_hz))

    def _grid(self, whole: Whole, rate_hz: int) -> FrameGrid:
        seconds = floor(whole.size * rate_hz / whole.sample_rate_hz + 0.5) * (1.0 / rate_hz)
        count = max(0, floor((seconds - 2.0 * self._window_s) / self._step_s) + 1)
        return FrameGrid(count, 0.5 * whole.seconds - 0.5 * (count - 1) * self._step_s, self._step_s)


def gaussian(size: int) -> Floats:
    """A Gaussian window, ``(size,)``, whose value at half its width is exp(-12), taken down so that it ends at 0."""
    away = (np.arange(1, size + 1) - 0.5 * (size + 1)) / (size + 1)
    lowest = exp(-12.0)
    shape: Floats = (np.exp(-48.0 * away * away) - lowest) / (1.0 - lowest)
    return shape


def formants_of(samples: Samples, sample_rate_hz: int, ceiling_hz: float = 5500.0) -> FormantTracks:
    """Formants of one recording in memory, ``(n,)``."""
    contour = FormantContour(ceiling_hz)
    whole = Whole(sample_rate_hz, samples.size, 0.0, 0.0)
    contour.push(Section(whole, samples, 0, 0, samples.size))
    return contour.finish()
