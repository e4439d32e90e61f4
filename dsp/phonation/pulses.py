"""The cycles of a voice: when each is, and how strong.

*Source*: P. Boersma, Should jitter be measured by peak picking or by waveform matching?, Folia Phoniatrica et
Logopaedica 61 (2009), 305-308; the manual of Praat, *Sound & Pitch: To PointProcess (cc)* for where cycles are
looked for, *PointProcess: Get shimmer (local)* for which of them have an amplitude. The kernels
are dsp/native/pulses.c and dsp/native/pulse_amplitudes.c.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp import _native
from dsp.errors import ParameterError
from dsp.phonation.kept import Kept, fine_type
from dsp.phonation.pitch_track import Levels
from dsp.phonation.section import Section, Whole
from dsp.types import Samples

__all__ = ["LONGEST_PERIOD_S", "PERIOD_FACTOR", "SHORTEST_PERIOD_S", "PulseContour", "Pulses"]

Floats = NDArray[np.float64]

SHORTEST_PERIOD_S = 0.0001
LONGEST_PERIOD_S = 0.02
"""What is longer is a gap, no period."""
PERIOD_FACTOR = 1.3
"""Where two neighbouring periods differ by more, one of them is taken for a mistake."""
MARGIN_S = 0.1
"""Beyond a voiced run no pulse is looked for further than 1.75 periods, of at most 1/30 s."""
REACH_S = 0.05
"""The pulse that may lie outside a run is at most 1.25 periods away."""
LONG_AGO_S = -1e9
BLOCK = 1 << 16
"""Pulses at a time, of the hundreds of thousands that hours have."""
LONGEST_RUN_S = 20.0
"""Of a voice that goes on into the next section; its samples have to be kept until it ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Pulses:
    """One point in each cycle; arrays ``(m,)``."""

    times_s: Floats
    """In order."""
    amplitude: Levels
    """Root mean square around the pulse, full scale = 1; 0 where one of the two periods beside it is no period, or they
    differ by more than `PERIOD_FACTOR`; float32 of long recordings (`dsp.phonation.kept`)."""

    @property
    def periods_s(self) -> Floats:
        """From pulse to pulse, ``(m - 1,)``, gaps included."""
        return np.diff(self.times_s)


def is_period(intervals_s: Floats) -> NDArray[np.bool_]:
    """Which intervals are neither gaps nor shorter than any voice's."""
    return (intervals_s >= SHORTEST_PERIOD_S) & (intervals_s <= LONGEST_PERIOD_S)


def are_close(values: Floats, factor: float) -> NDArray[np.bool_]:
    """Which neighbours differ by no more than *factor*, ``(n - 1,)``; values above 0."""
    return (values[1:] <= factor * values[:-1]) & (values[:-1] <= factor * values[1:])


class PulseContour:
    """The pulses of a recording, section by section.

    A voiced run that goes on behind the core of a section is kept until its end is known, or it lasts longer than
    `LONGEST_RUN_S`, where it is cut.
    """

    margin_s = MARGIN_S
    """How much of the recording it wants on either side of a core."""

    def __init__(self) -> None:
        self._frames_s: Floats = np.zeros(0)
        self._f0_hz: Floats = np.zeros(0)
        """Of a run that has not ended."""
        self._held: Samples = np.zeros(0, np.float32)
        self._held_first = 0
        self._last_s = LONG_AGO_S
        self._pending_s: Floats = np.zeros(0)
        """Pulses whose neighbours are not all known; the first is the last one that has its amplitude."""
        self._times = Kept()
        self._amplitudes = Kept()

    def push(self, section: Section) -> None:
        """Take the next section; its pitch must be there.

        Raises:
            ParameterError: without a pitch.
        """
        pitch = section.pitch
        if pitch is None:
            raise ParameterError("pulses are found along a pitch, but this section has none")
        if self._amplitudes.size == 0:
            self._amplitudes = Kept(fine_type(section.whole))
        core = section.owned(pitch.times_s)
        frames_s = np.concatenate((self._frames_s, pitch.times_s[core]))
        f0_hz = np.concatenate((self._f0_hz, pitch.f0_hz[core]))
        samples, first = self._joined(section)
        ends = section.stop >= section.whole.size
        open_at = f0_hz.size
        for start, stop in _runs(f0_hz > 0.0):
            too_long = (stop - start) * pitch.step_s > LONGEST_RUN_S
            if stop == f0_hz.size and not ends and not too_long:
                open_at = start
                break
            found = self._run(
                section.whole, samples, first, frames_s[start:stop], f0_hz[start:stop], pitch.step_s
            )
            if stop == f0_hz.size and not ends:  # cut: what lies behind is the next run's
                found = found[found <= frames_s[-1] + pitch.step_s / 2.0]
            self._pending_s = np.sort(np.concatenate((self._pending_s, found)))
            self._last_s = float(found.max())
        self._frames_s, self._f0_hz = frames_s[open_at:].copy(), f0_hz[open_at:].copy()
        rate = section.whole.sample_rate_hz
        frontier_s = section.stop / rate
        if self._frames_s.size:
            frontier_s = min(frontier_s, float(self._frames_s[0]) - pitch.step_s)
        self._settle(samples, first, rate, np.inf if ends else frontier_s - REACH_S - LONGEST_PERIOD_S)
        keep = 0 if ends else max(0, samples.size - max(0, int((frontier_s - MARGIN_S) * rate) - first))
        self._held, self._held_first = samples[samples.size - keep :].copy(), first + samples.size - keep

    def finish(self) -> Pulses:
        """The pulses of the recording; after the last section."""
        times_s, amplitude = self._times.joined(), self._amplitudes.joined()
        for start in range(0, times_s.size - 2, BLOCK):
            periods = np.diff(times_s[start : start + BLOCK + 2])
            fits = is_period(periods)
            inner = amplitude[start + 1 : start + periods.size]
            inner *= fits[1:] & fits[:-1] & are_close(periods, PERIOD_FACTOR)
        return Pulses(times_s, amplitude)

    def _joined(self, section: Section) -> tuple[Samples, int]:
        """The section's samples, behind what is still needed of those before; and where they begin."""
        if self._held.size == 0 or self._held_first >= section.first:
            return section.samples, section.first
        before = self._held[: section.first - self._held_first]
        return np.concatenate((before, section.samples)), self._held_first

    def _run(
        self, whole: Whole, samples: Samples, first: int, frames_s: Floats, f0_hz: Floats, step_s: float
    ) -> Floats:
        """Pulses of one voiced run, in no order."""
        from_s = max(float(frames_s[0]) - step_s / 2.0, 0.0)
        to_s = min(float(frames_s[-1]) + step_s / 2.0, whole.seconds)
        room = np.empty(
            int((to_s - from_s) * float(f0_hz.max()) * 2.0) + 8
        )  # a step is half a period at least
        count = _native.voice_pulses(
            samples,
            f0_hz,
            room,
            sample_rate_hz=whole.sample_rate_hz,
            first=first,
            start_s=float(frames_s[0]),
            step_s=step_s,
            from_s=from_s,
            to_s=max(to_s, from_s),
            peak=whole.peak,
            last_s=self._last_s,
        )
        return room[:count]

    def _settle(self, samples: Samples, first: int, rate: int, before_s: float) -> None:
        """Give the pulses before *before_s* their amplitudes: nothing that comes will lie within a period of them."""
        pending = self._pending_s
        amplitude = np.empty_like(pending)
        _native.pulse_amplitudes(samples, pending, amplitude, rate, first, LONGEST_PERIOD_S)
        done = int(np.searchsorted(pending, before_s))
        fresh = slice(1 if self._times.size else 0, done)
        if done == 0 or fresh.start >= done:
            return
        self._times.append(pending[fresh])
        self._amplitudes.append(amplitude[fresh])
        self._pending_s = pending[done - 1 :].copy()


def _runs(is_voiced: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame of each voiced run, and the one behind its last."""
    edges = np.flatnonzero(np.diff(is_voiced.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
