"""Pitch over time: accurate autocorrelation, octave cost, and a path through all frames.

*Source*: P. Boersma, Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound, Proceedings of the Institute of Phonetic Sciences 17 (1993), 97-110; settings and frames as the manual
of Praat defines *To Pitch (ac)* and *To Pitch (cc)*.
"""

from dsp.phonation.frame_grid import FrameGrid
from dsp.phonation.kept import Kept, fine_type
from dsp.phonation.pitch_frames import PitchFrames
from dsp.phonation.pitch_path import best_path, surely_silent
from dsp.phonation.pitch_settings import PitchSettings
from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.section import Section
from dsp.types import Samples

__all__ = ["PitchContour", "PitchSettings", "pitch_of"]

PATH_MARGIN_S = 1.0
"""So far from the end of a section paths have become one."""


class PitchContour:
    """A pitch, section by section."""

    def __init__(self, settings: PitchSettings) -> None:
        self._settings = settings
        self._frames: PitchFrames | None = None
        self._times, self._f0, self._strength, self._intensity = (Kept() for _ in range(4))

    @property
    def margin_s(self) -> float:
        """How much of the recording it wants on either side of a core."""
        return PATH_MARGIN_S + (self._settings.periods_per_window + 1.0) / self._settings.floor_hz

    def push(self, section: Section) -> PitchTrack:
        """Take the next section; returns the pitch of all of it, margins included."""
        settings = self._settings
        if self._frames is None:
            self._frames = PitchFrames(
                section.whole.sample_rate_hz,
                floor_hz=settings.floor_hz,
                method=settings.method,
                periods_per_window=settings.periods_per_window,
                count=settings.candidates,
                voicing=settings.voicing,
                octave_cost=settings.octave_cost,
            )
            self._strength, self._intensity = (Kept(fine_type(section.whole)) for _ in range(2))
        frames = self._frames
        grid = FrameGrid.of(section.whole, frames.window_s, settings.frame_step_s)
        times = grid.within(section, frames.reach_s)
        found = frames.measure(section, times, silence=surely_silent(settings))
        f0, strength = best_path(found, settings)
        track = PitchTrack(times, f0, strength, found.intensity, grid.step_s, settings.ceiling_hz)
        core = section.owned(times)
        self._times.append(times[core])
        self._f0.append(f0[core])
        self._strength.append(strength[core])
        self._intensity.append(found.intensity[core])
        return track

    def finish(self) -> PitchTrack:
        """The pitch of the recording; after the last section. No frames where it is shorter than a window."""
        return PitchTrack(
            self._times.joined(),
            self._f0.joined(),
            self._strength.joined(),
            self._intensity.joined(),
            self._settings.frame_step_s,
            self._settings.ceiling_hz,
        )


def pitch_of(samples: Samples, sample_rate_hz: int, settings: PitchSettings) -> PitchTrack:
    """Pitch of one recording that is in memory; *samples* mono."""
    return PitchContour(settings).push(Section.of_all(samples, sample_rate_hz))
