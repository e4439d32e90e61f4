"""What is to be said of a recording before any number: whether a voice can be measured in it at all, and how far to trust it.

Conventions: levels in dBov. A *word* is for machines (lower case, hyphens), its *sentence* for people.
Source: voice over background after D. D. Deliyski, H. S. Shaw and M. K. Evans, "Adverse effects of environmental noise on
acoustic voice quality measurements", J. Voice 19(1), 2005: 42 dB are recommended, under 30 dB measures of perturbation go
wrong. How long a vowel must last after M. P. Karnell, "Laryngeal perturbation analysis: minimum length of analysis window",
J. Speech Hear. Res. 34, 1991, and I. R. Titze, Workshop on Acoustic Voice Analysis: Summary Statement, 1995. Level and clipping
as in `dsp.level` and `dsp.flat_top`; the rest is our own, measured.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.level import TOO_QUIET_DBOV
from dsp.phonation.intensity import Intensity
from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.section import Whole
from dsp.phonation.survey import ChannelSurvey
from dsp.phonation.task import TaskFound
from dsp.phonation.texture import Texture

LEAST_S = 0.15
"""A shorter recording is not looked at: of a pitch of 60 Hz it has nine periods, and no more than a tenth of a second in frames."""
SHORT_VOWEL_S, SHORT_SPEECH_S = 0.9, 2.0
"""Of voice; less is measured, but said to be little."""
NOISY_DB, RECOMMENDED_DB = 30.0, 42.0
"""Voice over background: below the first a measure of perturbation is not to be trusted, the second is recommended."""
BESIDE_S = 0.15
"""So close to voice there is no background."""
LEAST_PAUSE_S, LEAST_DBFS = 0.2, -120.0
"""Of background; what is quieter is digital silence."""
FULL_RATE_HZ = 44100
"""Below it perturbation is measured too high."""
NARROW_RATE_HZ = 16000
"""Below it half of what is above the vowels is missing."""
LEAST_JUDGED = 10
"""Frames (0.5 s) whose partials were judged."""
SEVERAL_STRAYS = 0.12
"""Mean share of partials that are no multiples of the pitch: of 98 % of rough and breathy vowels 0.09 at most (jitter to 4 %,
shimmer to 15 %, as much noise as voice), of two vowels of a level within 4 dB of one another 0.4 in the median."""
SEVERAL_HOLES = 0.05
"""Mean share of missing multiples: one voice has none, recorded music 0.07 in the median, chords 0.2 to 0.6."""
NOTE_S, NOTE_SEMITONES, NOTE_STRENGTH = 0.2, 0.3, 0.8
"""A pitch that moves by no more for so long, and is so periodic, is held."""
HELD_SHARE = 0.25
"""Of the voice in what is no sustained vowel: speech holds 0.1 of it at most."""
NOTE_STEP_SEMITONES, MOST_NOTE_STEPS = 0.8, 2
"""From one held pitch to the next; with more such steps a vowel is a tune."""


LEAP_SEMITONES, LEAP_S = 3.0, 0.04
"""A leap: from one voiced frame to the next, so soon, by more than this."""
SUBHARMONICS, NEAR_SEMITONES = (12.0, 7.02, 4.98, 19.02, 24.0), 1.2
"""What is no leap, within the second: of speech an octave, of a vowel every interval between a pitch and its subharmonics, which
a breathy or rough one is taken for."""
LEAPS_S, MOST_LEAPS, MOST_VOWEL_LEAPS = 2.4, 2.2, 1.0
"""In so much voice at least; a second. Of speech one speaker has 2.0 at most (57 pieces of 4 s of 12 speakers, median 0.7), two
of equal level have 3.4 in the median (53 pairs). A vowel of 4 % of jitter or with as much noise as voice has 0.4 at most."""


@dataclass(frozen=True, slots=True)
class Suitability:
    """What was found; the worst first."""

    words: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    """One for each of `words`."""
    has_voice: bool = True
    """Whether there is one."""
    is_one_voice: bool = True
    """Whether it is alone: in a chord, or under another voice, a pitch is nobody's."""
    pitch_holds: bool = True
    """Whether the pitch is not torn to and fro, as between two who speak at once."""
    level_dbov: float | None = None
    """Active level after P.56."""
    background_dbov: float | None = None
    """Level of what is heard between phonations; None where there is no pause, or nothing in it."""
    voice_over_background_db: float | None = None
    """None likewise."""


def suitability(
    channels: tuple[ChannelSurvey, ...],
    chosen: int,
    whole: Whole,
    task: TaskFound,
    pitch: PitchTrack,
    intensity: Intensity,
    texture: Texture,
) -> Suitability:
    """Say what is wrong with channel *chosen* of a recording."""
    survey = channels[chosen]
    background, over = _background(intensity, pitch)
    strays, holes = _mean(texture.strays), _mean(texture.holes)
    held, steps = _held(pitch)
    several = task.kind != "none" and (strays >= SEVERAL_STRAYS or holes >= SEVERAL_HOLES)
    is_vowel = task.kind == "vowel"
    judged = task.kind != "none" and not several and task.voiced_s >= LEAPS_S
    leaps = _leaps(pitch, SUBHARMONICS if is_vowel else SUBHARMONICS[:1]) if judged else 0.0
    leaps = leaps if leaps > (MOST_VOWEL_LEAPS if is_vowel else MOST_LEAPS) else 0.0
    found = [
        *_voice(task, whole, strays if several else 0.0, holes if several else 0.0, held, steps, leaps),
        *_level(survey, over if task.kind != "none" and not several else None),
        *_recording(channels, chosen, whole, task),
    ]
    return Suitability(
        words=tuple(word for word, _ in found),
        sentences=tuple(sentence for _, sentence in found),
        has_voice=task.kind != "none",
        is_one_voice=not several,
        pitch_holds=not leaps,
        level_dbov=survey.level.level_dbov,
        background_dbov=background,
        voice_over_background_db=over,
    )


def _voice(
    task: TaskFound, whole: Whole, strays: float, holes: float, held: float, steps: int, leaps: float
) -> Iterator[tuple[str, str]]:
    if task.kind == "none":
        yield (
            "no-voice",
            f"There is no voice in it ({task.reason}): noise and whisper have a spectrum and a level, but no pitch.",
        )
    elif strays >= SEVERAL_STRAYS:
        yield (
            "several-voices",
            f"More than one voice or instrument sounds at once: {100 * strays:.0f} % of the partials belong to no one pitch.",
        )
    elif holes >= SEVERAL_HOLES:
        yield (
            "music",
            f"It sounds like music: {100 * holes:.0f} % of the overtones that a voice of this pitch has are missing, as in "
            "a chord.",
        )
    elif leaps:
        yield (
            "several-voices",
            f"The pitch leaps {leaps:.1f} times a second, as where two people speak at once (or one voice is very rough).",
        )
    elif held >= HELD_SHARE if task.kind == "speech" else steps > MOST_NOTE_STEPS:
        yield (
            "music",
            f"The pitch is held on notes for {100 * held:.0f} % of the time and steps from one to the next, as in music or "
            "singing: what is measured is the tune.",
        )
    short = SHORT_VOWEL_S if task.kind == "vowel" else SHORT_SPEECH_S
    voice_s = sum(stop - start for start, stop in task.spans) if task.kind == "vowel" else task.voiced_s
    if task.kind != "none" and voice_s < short:
        yield (
            "too-short",
            f"Only {voice_s:.2g} s of voice are in {whole.seconds:.3g} s; values of so little scatter, "
            + (
                "at least 1 s (better 3 s) is wanted."
                if task.kind == "vowel"
                else "some sentences are wanted."
            ),
        )


def _level(survey: ChannelSurvey, over: float | None) -> Iterator[tuple[str, str]]:
    if survey.is_clipped:
        yield (
            "clipped",
            f"The wave is cut off at {100 * survey.clip_level:.0f} % of full scale in {100 * survey.clipped_share:.2g} % of the "
            "voice: level, shimmer and spectrum are wrong by it; record it again with less gain.",
        )
    if over is not None and over < NOISY_DB:
        yield (
            "noise",
            f"The voice is only {over:.1f} dB above the background ({NOISY_DB:g} are needed, {RECOMMENDED_DB:g} recommended): "
            "jitter, shimmer and noise ratios are of the room as well.",
        )
    level = survey.level.level_dbov
    if level is None or level < TOO_QUIET_DBOV:
        heard = "hardly anything is heard" if level is None else f"the voice has {level:.0f} dBov"
        yield (
            "too-quiet",
            f"It is very quiet: {heard}, {TOO_QUIET_DBOV:g} and more are wanted; come closer to the microphone.",
        )


def _recording(
    channels: tuple[ChannelSurvey, ...], chosen: int, whole: Whole, task: TaskFound
) -> Iterator[tuple[str, str]]:
    survey = channels[chosen]
    if survey.not_finite:
        yield (
            "broken-samples",
            f"{survey.not_finite} samples are no numbers (NaN or infinite); they were taken as zero.",
        )
    dead = [str(index + 1) for index, channel in enumerate(channels) if channel.is_dead]
    if dead:
        word = "Channel" if len(dead) == 1 else "Channels"
        is_are = "is" if len(dead) == 1 else "are"
        yield "dead-channel", f"{word} {', '.join(dead)} {is_are} silent; channel {chosen + 1} was measured."
    if survey.offset:
        yield (
            "dc-offset",
            f"The wave is shifted by {100 * survey.offset:.1f} % of full scale, which tells of a faulty recorder; the offset was "
            "taken out.",
        )
    rate = whole.sample_rate_hz
    if rate < NARROW_RATE_HZ or (rate < FULL_RATE_HZ and task.kind == "vowel"):
        yield (
            "low-rate",
            f"Sampled at {rate} Hz there is nothing above {rate // 2} Hz, and perturbation is measured too high; "
            f"{FULL_RATE_HZ} Hz or more are wanted.",
        )


def _background(intensity: Intensity, pitch: PitchTrack) -> tuple[float | None, float | None]:
    """Level of the quieter half of what is between phonations, and how far the voice is above it."""
    if not pitch.is_voiced.any() or not intensity.times_s.size:
        return None, None
    at = intensity.times_s
    at -= pitch.times_s[0]
    at /= pitch.step_s
    np.rint(at, out=at)
    np.clip(at, 0, pitch.times_s.size - 1, out=at)
    voiced = pitch.is_voiced[at.astype(np.int64)]
    del at  # here and below: of hours each takes some megabytes
    reach = round(BESIDE_S / intensity.step_s)
    near = _beside(voiced, 2 * reach + 1)[reach : reach + voiced.size]
    # Digital silence tells nothing of the room.
    pauses = np.sort(intensity.db[~near & (intensity.db > LEAST_DBFS)])
    if not voiced.any() or pauses.size * intensity.step_s < LEAST_PAUSE_S:
        return None, None
    background = _mean_level(pauses[: max(1, pauses.size // 2)])
    return background, _mean_level(intensity.db[voiced]) - background


def _mean_level(levels_db: NDArray[np.float64]) -> float:
    """Level of the mean power."""
    return 10.0 * math.log10(float(np.mean(10.0 ** (levels_db / 10.0))))


def _leaps(pitch: PitchTrack, allowed: tuple[float, ...]) -> float:
    """How often the pitch leaps, but by *allowed* semitones, per second of voice."""
    voiced = np.flatnonzero(pitch.is_voiced)
    moved = np.abs(12.0 * np.diff(np.log2(pitch.f0_hz[voiced])))
    leaps = (np.diff(voiced) <= round(LEAP_S / pitch.step_s)) & (moved > LEAP_SEMITONES)
    for semitones in allowed:
        leaps &= np.abs(moved - semitones) >= NEAR_SEMITONES
    return float(np.count_nonzero(leaps) / (voiced.size * pitch.step_s))


def _held(pitch: PitchTrack) -> tuple[float, int]:
    """Share of the voiced frames in which the pitch is held, and how often it then is another than before."""
    count = max(2, round(NOTE_S / pitch.step_s))
    if pitch.f0_hz.size < count or not pitch.is_voiced.any():
        return 0.0, 0
    # What is hardly periodic stays on subharmonics as if they were notes.
    clear = pitch.is_voiced & (pitch.strength >= NOTE_STRENGTH)
    notes = np.where(clear, pitch.f0_hz, 1.0)
    np.log2(notes, out=notes)
    notes *= 12.0
    windows = np.lib.stride_tricks.sliding_window_view(notes, count)
    low, high = windows.min(axis=1), windows.max(axis=1)
    del notes, windows
    held = (low > 0.0) & (high - low <= NOTE_SEMITONES)
    middles = 0.5 * (low[held] + high[held])
    del low, high
    inside = _beside(held, count)
    steps = (
        np.diff(middles[np.concatenate(([True], np.abs(np.diff(middles)) > NOTE_STEP_SEMITONES))])
        if middles.size
        else middles
    )
    return float(np.count_nonzero(inside) / np.count_nonzero(pitch.is_voiced)), int(steps.size)


def _beside(flags: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Whether one of *flags* lies at most *count* - 1 places before each place, ``(n + count - 1,)``."""
    beside: NDArray[np.bool_] = np.convolve(flags.astype(np.float32), np.ones(count, dtype=np.float32)) > 0.5
    return beside


def _mean(shares: NDArray[np.float32]) -> float:
    """Over the frames that were judged; 0 where these are few."""
    judged = shares[np.isfinite(shares)]
    return float(judged.mean()) if judged.size >= LEAST_JUDGED else 0.0
