"""A vowel that is held while it is listened to: whether there is one, and its jitter, shimmer, HNR and CPPS.

Conventions: the newest `WINDOW_S` count, or as much of them as the vowel has lasted; positions are in samples of all that
came. The figures are those of `dsp.voice` with the same names, of that stretch alone, and are made anew each `RENEW_S` while
the vowel lasts. Whether it is a vowel at all is told by `dsp.phonation.task`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dsp.live_pitch import STEP_S, LivePitch
from dsp.phonation.cepstrum import CepstrumContour
from dsp.phonation.harmonicity import HarmonicityContour
from dsp.phonation.perturbation import jitter_of, shimmer_of
from dsp.phonation.phonation import VoiceSettings
from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.pulses import PulseContour
from dsp.phonation.section import Section
from dsp.phonation.task import find_task
from dsp.phonation.texture import TextureContour
from dsp.types import Samples

WINDOW_S = 3.0
LEAST_S = 1.0
"""A vowel that has lasted less is not measured yet."""
RENEW_S = 0.95
ONSET_S = 0.1
"""At its start a vowel is not counted: the voice sets in."""
GAP_S = 0.05
"""Without voice for so long, a vowel is over."""
SPREAD_SEMITONES = 3.5
"""Between the 5 % and 95 % quantiles of its F0; beyond, the pitch moves. A vibrato of a semitone either way has 2.0, a glide over
a third of an octave 3.6."""
PAUSE_S = 0.5
"""After so long without voice it is silent."""
PAUSES = 3
"""So many in `WINDOW_S` are those of speech, not of who takes breath."""
UNVOICED_DB = -199.0
"""A frame of HNR below it has no voice."""
QUIET_DBFS = -50.0
"""A vowel that is weaker is too quiet to be measured."""

Between = Callable[[int, int], Samples]
Values = NDArray[np.float64]
State = Literal["vowel", "begun", "silence", "quiet", "clipped", "moving", "speech"]
WHY: Mapping[State, str] = {
    "vowel": "",
    "begun": "Go on: figures come after a second.",
    "silence": "No voice.",
    "quiet": "Too quiet: come nearer, or turn the input up.",
    "clipped": "Clipped: go back a little, or turn the input down.",
    "moving": "The pitch moves: hold one tone.",
    "speech": "Speech, or short sounds: hold one vowel.",
}


@dataclass(frozen=True, slots=True)
class LiveVowel:
    """A vowel, now or the last one; figures are None where they could not be measured."""

    state: State
    """Now. ``vowel``: there is one."""
    why: str
    """Why there are no (new) figures, for people; empty while there are."""
    lasts: bool
    """Whether the figures are of the vowel that lasts."""
    measured_s: float | None = None
    """How much of it was measured, up to `WINDOW_S`; None: nothing was so far."""
    f0_hz: float | None = None
    """Mean."""
    jitter_local_pct: float | None = None
    shimmer_local_pct: float | None = None
    hnr_db: float | None = None
    cpps_db: float | None = None


class VowelWatch:
    """Sees vowels come and go.

    Args:
        sample_rate_hz: of the samples.
        settings: floor and ceiling of the pitch.
    """

    def __init__(self, sample_rate_hz: int, settings: VoiceSettings) -> None:
        self._rate_hz = sample_rate_hz
        self._settings = settings
        self._last = _nothing("silence")
        self._looked_at = 0
        self._parts: list[tuple[int, Values, Values]] = []
        """Of the vowel that lasts: samples, HNR of their voiced frames, CPPS of all frames."""

    def look(self, pitch: LivePitch, between: Between, clip: int | None) -> LiveVowel:
        """What there is by now.

        Args:
            pitch: the trace.
            between: see `dsp.live_pitch.Between`.
            clip: the sample behind the block that clipped last; None: none did.
        """
        rate = self._rate_hz
        trace = pitch.trace_hz()[-round(WINDOW_S / STEP_S) :]
        held = _held(trace)
        if held * STEP_S < LEAST_S + ONSET_S:
            return self._is(self._without(_before_a_vowel(trace, self._last.state)))
        end = int(pitch.centre(pitch.frames - 1))
        if end - self._looked_at < RENEW_S * rate:
            return self._last
        voiced = trace[-held:]
        if held < trace.size:
            voiced = voiced[round(ONSET_S / STEP_S) :]
        start = max(0, int(pitch.centre(pitch.frames - voiced.size) - pitch.step / 2))
        new = end - (self._looked_at if self._parts else start)
        self._looked_at = end
        samples = between(start, end)
        if clip is not None and clip > start:
            return self._is(self._without("clipped"))
        if float(samples @ samples) / samples.size < 10.0 ** (QUIET_DBFS / 10.0):
            return self._is(self._without("quiet"))
        if _spread_semitones(voiced[voiced > 0.0]) > SPREAD_SEMITONES:
            return self._is(self._without("moving"))
        track = pitch.track(voiced.size, start)
        return self._is(self._measured(samples, track, min(new, samples.size)))

    def _is(self, vowel: LiveVowel) -> LiveVowel:
        self._last = vowel
        return vowel

    def _measured(self, samples: Samples, track: PitchTrack, new: int) -> LiveVowel:
        """The figures of a vowel that fills *samples*; those before where it is none after all.

        Args:
            samples: from its start on, or the newest `WINDOW_S`.
            track: their pitch.
            new: how many of the samples were not looked at the last time.
        """
        rate, settings = self._rate_hz, self._settings
        section = replace(Section.of_all(samples, rate), pitch=track)
        whole = section.whole
        texture = TextureContour()
        texture.push(section)
        if find_task(track, texture.finish(), whole).kind != "vowel":
            return self._without("speech")
        pulses = PulseContour()
        pulses.push(section)
        cycles = pulses.finish()
        hnr, cepstra = (
            HarmonicityContour("cc", floor_hz=settings.pitch_floor_hz),
            CepstrumContour(hillenbrand=False),
        )
        margin = min(samples.size - new, round(max(hnr.margin_s, cepstra.margin_s) * rate))
        part = replace(whole, size=new + margin)
        fresh = Section(part, samples[samples.size - new - margin :], 0, margin, part.size)
        hnr.push(fresh)
        cepstra.push(fresh)
        heard = hnr.finish().db
        self._parts.append((new, heard[heard > UNVOICED_DB], cepstra.finish().cpps_db.astype(np.float64)))
        while sum(part[0] for part in self._parts[1:]) > (WINDOW_S - RENEW_S) * rate:
            del self._parts[0]
        voiced = track.f0_hz[track.f0_hz > 0.0]
        return LiveVowel(
            state="vowel",
            why="",
            lasts=True,
            measured_s=whole.seconds,
            f0_hz=float(voiced.mean()),
            jitter_local_pct=jitter_of(cycles).local_pct,
            shimmer_local_pct=shimmer_of(cycles).local_pct,
            hnr_db=_mean([each for _, each, _ in self._parts]),
            cpps_db=_mean([each for _, _, each in self._parts]),
        )

    def _without(self, state: State) -> LiveVowel:
        """The figures before, with what is so now; those of another vowel begin anew."""
        self._parts.clear()
        return _renamed(self._last, state, lasts=False)


def _nothing(state: State) -> LiveVowel:
    return LiveVowel(state, WHY[state], False)


def _renamed(last: LiveVowel, state: State, *, lasts: bool) -> LiveVowel:
    """*last* with what is so now."""
    if last.state == state and last.lasts == lasts:
        return last
    return replace(last, state=state, why=WHY[state], lasts=lasts)


def _before_a_vowel(trace: Values, before: State) -> State:
    """What it is that is no vowel yet."""
    voiced = np.flatnonzero(trace > 0.0)
    if not voiced.size or (trace.size - voiced[-1]) * STEP_S > PAUSE_S:
        return "silence"
    pauses = np.count_nonzero(np.diff(voiced) > 1)
    return "speech" if pauses >= PAUSES or (pauses and before == "speech") else "begun"


def _held(trace: Values) -> int:
    """How many of the newest frames belong to one voice that goes on; 0: there is none now."""
    voiced = np.flatnonzero(trace > 0.0)
    most = round(GAP_S / STEP_S)
    if not voiced.size or trace.size - 1 - voiced[-1] > most:
        return 0
    breaks = np.flatnonzero(np.diff(voiced) > most + 1)
    return int(trace.size - voiced[breaks[-1] + 1 if breaks.size else 0])


def _spread_semitones(f0_hz: Values) -> float:
    """Between the quantiles of *f0_hz*; octaves are left out, which cycles that alternate bring about."""
    off = 12.0 * np.log2(f0_hz / np.median(f0_hz))
    low, high = np.quantile(off - 12.0 * np.round(off / 12.0), (0.05, 0.95))
    return float(high - low)


def _mean(parts: list[Values]) -> float | None:
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]  # silent frames have none
    return float(values.mean()) if values.size else None
