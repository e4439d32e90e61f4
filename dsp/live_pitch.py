"""Pitch of a voice as it comes: the frames that are new, each time somebody looks.

Frames lie on one grid, `STEP_S` apart, whoever looks when; the pitch is that of `dsp.phonation.pitch` (Boersma 1993). Its
path goes through the new frames and those before them, twice a second all that are kept; what comes may show that it went
astray, by an octave as a rule, and correct it.
"""

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dsp.full_scale import peak_of
from dsp.phonation.frame_grid import FrameGrid
from dsp.phonation.phonation import VoiceSettings
from dsp.phonation.pitch_frames import Candidates, PitchFrames
from dsp.phonation.pitch_path import best_path, surely_silent
from dsp.phonation.pitch_settings import PitchSettings
from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.section import Section, Whole
from dsp.types import Samples

STEP_S = 0.01
"""From frame to frame."""
KEPT = 300
"""Frames whose candidates are kept, for a path through all of them."""
BACK = 200
"""Of them, those that may be corrected; those before say where the path comes from."""
RENEW = 50
"""So many frames later it goes through all of them again."""
CONTEXT_SOON, BACK_SOON = 60, 20
"""The same in between, for less work."""
MOST = 100
"""Frames at once: who comes later finds a gap."""
PEAK_S = 3.0
"""Loudness of the voice is that of so much sound; what is 30 dB weaker is no voice."""
LEAST_PEAK = 10.0 ** (-50.0 / 20.0)
"""However weak it is, it is not less than this: hiss alone has no voice."""

Values = NDArray[np.float64]
Between = Callable[[int, int], Samples]
"""Samples from one number to another of all that came."""


class LivePitch:
    """The trace.

    Args:
        sample_rate_hz: of the samples.
        settings: floor and ceiling.
        trace_s: how much of the trace is kept.
    """

    def __init__(self, sample_rate_hz: int, settings: VoiceSettings, *, trace_s: float) -> None:
        self._rate_hz = sample_rate_hz
        self.step = round(STEP_S * sample_rate_hz)
        """Samples from frame to frame."""
        self._settings = PitchSettings(
            floor_hz=settings.pitch_floor_hz,
            ceiling_hz=settings.pitch_ceiling_hz,
            step_s=self.step / sample_rate_hz,
        )
        wanted = self._settings
        self._looks = PitchFrames(
            sample_rate_hz,
            floor_hz=wanted.floor_hz,
            method=wanted.method,
            periods_per_window=wanted.periods_per_window,
            count=wanted.candidates,
            voicing=wanted.voicing,
            octave_cost=wanted.octave_cost,
        )
        self._window = round(self._looks.window_s * sample_rate_hz)
        self._f0: Values = np.full(round(trace_s / STEP_S), np.nan)
        self._peaks: deque[tuple[int, float]] = deque()
        self._peaked = 0
        self._seen: Candidates | None = None
        """Of the newest `KEPT` frames."""
        self.frames = 0
        """So far."""
        self._whole_at = 0
        """When the path went through all that are kept."""

    def centre(self, frame: int) -> float:
        """At which sample the middle of *frame* lies."""
        return frame * self.step + self._window / 2

    def is_voiced(self, sample: float) -> bool:
        """Whether the frame nearest to *sample* has a voice; the newest one for what is newer."""
        frame = min(self.frames - 1, round((sample - self._window / 2) / self.step))
        back = self.frames - frame
        return frame >= 0 and back <= self._f0.size and bool(self._f0[-back] > 0.0)

    def trace_hz(self) -> Values:
        """Of the newest frames, the oldest first, as many as there are and are kept: 0 no voice, NaN not looked at."""
        return self._f0[max(0, self._f0.size - self.frames) :].copy()

    def track(self, frames: int, start: int) -> PitchTrack:
        """The newest *frames*, `KEPT` at most, by a path of their own; times are counted from sample *start*."""
        assert self._seen is not None
        found = _newest(self._seen, frames)
        f0, strength = best_path(found, self._settings)
        first_s = (self.centre(self.frames - frames) - start) / self._rate_hz
        step_s = self.step / self._rate_hz
        times_s: Values = first_s + step_s * np.arange(frames, dtype=np.float64)
        return PitchTrack(times_s, f0, strength, found.intensity, step_s, self._settings.ceiling_hz)

    def advance(self, between: Between, end: int) -> None:
        """Take what came up to sample *end*."""
        there = max(
            0, 1 + (end - 1 - self._window) // self.step
        )  # a sample more than the window, for the grid
        new = there - self.frames
        if new <= 0:
            return
        peak = self._peak(between, end)
        if new > MOST:
            self._seen = None
        first = max(self.frames, there - MOST)
        samples = between(first * self.step, (there - 1) * self.step + self._window + 1)
        whole = Whole(self._rate_hz, samples.size, float(samples.mean()), peak)
        section = Section(whole, samples, 0, 0, samples.size)
        times = FrameGrid.of(whole, self._looks.window_s, self._settings.frame_step_s).within(section, 0.0)
        found = _joined(
            self._seen, self._looks.measure(section, times, silence=surely_silent(self._settings))
        )
        self._seen = _newest(found, KEPT)
        back, context = (BACK, KEPT) if there - self._whole_at >= RENEW else (BACK_SOON, CONTEXT_SOON)
        if back == BACK:
            self._whole_at = there
        path = best_path(_newest(found, new + context), self._settings)[0]
        at_start = path.size == there  # of the recording: nothing comes before it
        self._keep(there, path if at_start else path[-(new + back) :])

    def _keep(self, there: int, f0_hz: Values) -> None:
        """Put what was found, which ends with frame ``there - 1``, at the end of the trace."""
        kept = self._f0
        new = min(kept.size, there - self.frames)
        kept[:-new] = kept[new:].copy()
        kept[-new:] = np.nan
        kept[kept.size - f0_hz.size :] = f0_hz
        self.frames = there

    def _peak(self, between: Between, end: int) -> float:
        """Greatest magnitude of the newest `PEAK_S`."""
        newest = between(max(self._peaked, end - self._rate_hz), end)
        self._peaked = end
        if newest.size:
            value = peak_of(newest)
            while self._peaks and self._peaks[-1][1] <= value:
                self._peaks.pop()
            self._peaks.append((end, value))
        while self._peaks and self._peaks[0][0] < end - PEAK_S * self._rate_hz:
            self._peaks.popleft()
        return max(LEAST_PEAK, self._peaks[0][1] if self._peaks else 0.0)


def _joined(before: Candidates | None, new: Candidates) -> Candidates:
    if before is None:
        return new
    return Candidates(
        np.concatenate((before.f0_hz, new.f0_hz)),
        np.concatenate((before.strength, new.strength)),
        np.concatenate((before.intensity, new.intensity)),
    )


def _newest(found: Candidates, count: int) -> Candidates:
    return Candidates(found.f0_hz[-count:], found.strength[-count:], found.intensity[-count:])
