"""Cycles of a voice: against the twin, against the truth, in sections, and where there is no voice."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from dsp import _native
from dsp.errors import ParameterError
from dsp.phonation.perturbation import jitter_of, shimmer_of
from dsp.phonation.pitch import pitch_of
from dsp.phonation.pitch_settings import PitchSettings
from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.pulses import PulseContour, Pulses
from dsp.phonation.section import Section, Whole
from tests.support.pulses_twin import pulses_twin
from tests.support.vowels import Vowel, vowel

RATE = 44100
SPEECH = Path(__file__).parents[2] / "softphone" / "data" / "speech"
Sound = NDArray[np.float32]


def whole_of(samples: Sound, rate: int) -> Whole:
    mean = float(samples.mean(dtype=np.float64))
    return Whole(rate, samples.size, mean, float(np.abs(samples - mean).max()))


def pulses_of(samples: Sound, rate: int, track: PitchTrack | None = None) -> Pulses:
    contour = PulseContour()
    track = track or pitch_of(samples, rate, PitchSettings())
    contour.push(Section(whole_of(samples, rate), samples, 0, 0, samples.size, track))
    return contour.finish()


def in_sections(samples: Sound, rate: int, track: PitchTrack, cores: list[tuple[float, float]]) -> Pulses:
    """Each section with its margins, and the frames in them."""
    contour, whole = PulseContour(), whole_of(samples, rate)
    for from_s, to_s in cores:
        start, stop = round(from_s * rate), min(round(to_s * rate), samples.size)
        first = max(0, start - round(contour.margin_s * rate))
        last = min(samples.size, stop + round(contour.margin_s * rate))
        near = (track.times_s * rate >= first) & (track.times_s * rate < last)
        part = PitchTrack(
            track.times_s[near],
            track.f0_hz[near],
            track.strength[near],
            track.intensity[near],
            track.step_s,
            track.ceiling_hz,
        )
        contour.push(Section(whole, samples[first:last], first, start, stop, part))
    return contour.finish()


def of_truth(made: Vowel) -> PitchTrack:
    """A track of the F0 that was drawn, smooth as a pitch is."""
    times = np.arange(0.0125, made.samples.size / made.sample_rate_hz, 0.0125)
    f0 = np.full(times.size, made.truth.f0_mean_hz)
    return PitchTrack(times, f0, np.ones(times.size), np.ones(times.size), 0.0125, 600.0)


@pytest.mark.parametrize("f0_hz", [70.0, 123.4, 500.0])
@pytest.mark.parametrize("simd", [True, False])
def test_the_kernel_finds_the_pulses_of_its_twin(f0_hz: float, simd: bool) -> None:
    made = vowel(f0_hz, seconds=1.0, jitter_pct=2.0, shimmer_pct=8.0, hnr_db=15.0)
    track, whole = of_truth(made), whole_of(made.samples, RATE)
    room = np.empty(2000)
    from_s, to_s = track.times_s[0] - track.step_s / 2, track.times_s[-1] + track.step_s / 2
    where = (RATE, 0.0, track.times_s[0], track.step_s, from_s, min(to_s, 1.0))
    count = _native.voice_pulses(made.samples, track.f0_hz, room, *where, whole.peak, -1e9, simd)
    wanted = pulses_twin(made.samples, RATE, track, whole.peak)
    assert count == wanted.size
    assert np.sort(room[:count]) == pytest.approx(wanted, abs=1e-7)  # float32 sums; measured 4e-8


@pytest.mark.parametrize("name", ["man", "woman"])
def test_speech_has_the_pulses_of_the_twin(name: str) -> None:
    samples, rate = soundfile.read(SPEECH / f"{name}.wav", dtype="float32")
    samples = samples[: 4 * rate]
    track = pitch_of(samples, rate, PitchSettings())
    found = pulses_of(samples, rate, track)
    wanted = pulses_twin(samples, rate, track, whole_of(samples, rate).peak)
    assert found.times_s.size == wanted.size > 200
    assert found.times_s == pytest.approx(wanted, abs=1e-6)


def test_every_pulse_of_a_vowel_is_found_once() -> None:
    made = vowel(140.0, seconds=2.0, jitter_pct=1.0)
    found = pulses_of(made.samples, RATE)
    inside = (found.times_s > made.truth.pulses_s[2]) & (found.times_s < made.truth.pulses_s[-3])
    late = found.times_s[inside][:, None] - made.truth.pulses_s[None, :]
    nearest = np.abs(late).argmin(axis=1)
    assert np.all(np.diff(nearest) == 1)
    assert np.ptp(late[np.arange(nearest.size), nearest]) < 0.25 / 140.0  # always the same place in the cycle


def test_periods_of_a_voice_without_jitter_are_exact() -> None:
    made = vowel(123.4, seconds=2.0)
    periods = pulses_of(made.samples, RATE).periods_s
    assert periods == pytest.approx(1 / 123.4, abs=1e-7)  # a 200th of a sample


def test_amplitudes_follow_the_level_of_the_cycles() -> None:
    soft, loud = vowel(120.0, seconds=1.0, level_dbfs=-40.0), vowel(120.0, seconds=1.0, level_dbfs=-20.0)
    found = [pulses_of(made.samples, RATE).amplitude[1:-1] for made in (soft, loud)]
    assert np.median(found[1]) / np.median(found[0]) == pytest.approx(10.0, rel=1e-3)
    assert np.all(found[0] > 0)


def test_sections_give_the_pulses_of_the_whole() -> None:
    pause = np.zeros(RATE // 2, np.float32)
    parts = [vowel(110.0, seconds=2.2, jitter_pct=1.0, hnr_db=20.0).samples, pause]
    parts += [vowel(230.0, seconds=1.3, shimmer_pct=6.0, seed=2).samples, pause[: RATE // 50]]
    parts += [vowel(150.0, seconds=0.7, seed=3).samples, pause]
    samples = np.concatenate(parts)
    track = pitch_of(samples, RATE, PitchSettings())
    once = pulses_of(samples, RATE, track)
    for cut in (0.31, 0.5, 1.0):
        edges = [*np.arange(0.0, samples.size / RATE, cut), samples.size / RATE]
        pieces = in_sections(samples, RATE, track, list(pairwise(edges)))
        assert pieces.times_s == pytest.approx(once.times_s, abs=1e-12)
        assert pieces.amplitude == pytest.approx(once.amplitude, rel=1e-9)


def test_a_voice_that_never_stops_is_cut_after_a_while() -> None:
    rate = 8000
    samples = np.tile(vowel(100.0, seconds=2.0, sample_rate_hz=rate).samples, 60)
    times = np.arange(0.0125, samples.size / rate - 0.0125, 0.0125)
    ones = np.ones(times.size)
    track = PitchTrack(times, 100.0 * ones, ones, ones, 0.0125, 600.0)
    found = in_sections(samples, rate, track, [(at, at + 30.0) for at in range(0, 120, 30)])
    assert np.abs(found.periods_s - 0.01).max() < 0.0003  # two seconds are pasted together every two seconds
    assert found.times_s.size == pytest.approx(12000, abs=3)


def test_no_period_is_taken_across_a_gap() -> None:
    made = vowel(120.0, seconds=1.0)
    samples = np.concatenate((made.samples, np.zeros(RATE // 4, np.float32), made.samples))
    found = pulses_of(samples, RATE)
    gaps = found.periods_s > 0.02
    assert gaps.sum() == 1
    behind = int(np.flatnonzero(gaps)[0])
    assert found.amplitude[behind] == found.amplitude[behind + 1] == 0
    assert jitter_of(found).local_pct == pytest.approx(0.0, abs=0.01)
    assert shimmer_of(found).local_pct == pytest.approx(
        0.0, abs=0.3
    )  # the ends of the vowels are cut off hard


@pytest.mark.parametrize("seconds", [0.3, 2.0])
def test_silence_and_noise_have_no_pulses(seconds: float) -> None:
    silence = np.zeros(round(RATE * seconds), np.float32)
    noise = np.random.default_rng(1).normal(0, 0.1, silence.size).astype(np.float32)
    for samples in (silence, noise):
        found = pulses_of(samples, RATE)
        assert found.times_s.size == found.amplitude.size == 0
        assert jitter_of(found).local_pct is None
        assert shimmer_of(found).local_pct is None


def test_a_voiced_run_in_digital_silence_ends() -> None:
    samples = np.zeros(RATE, np.float32)
    times = np.arange(0.0125, 0.99, 0.0125)
    ones = np.ones(times.size)
    found = pulses_of(samples, RATE, PitchTrack(times, 100 * ones, ones, ones, 0.0125, 600.0))
    assert found.times_s.size <= 1


def test_a_section_without_a_pitch_is_refused() -> None:
    samples = np.zeros(RATE, np.float32)
    with pytest.raises(ParameterError, match="none"):
        PulseContour().push(Section(whole_of(samples, RATE), samples, 0, 0, samples.size))


@pytest.mark.parametrize("f0_hz", [0.0, np.nan, -5.0, 30000.0])
def test_the_kernel_refuses_an_f0_that_is_none(f0_hz: float) -> None:
    with pytest.raises(ValueError, match="F0"):
        _native.voice_pulses(
            np.zeros(100, np.float32), np.asarray([f0_hz]), np.empty(10), RATE, 0, 0, 0.01, 0, 0.1, 1, -1
        )


def test_the_kernel_takes_samples_that_are_no_numbers() -> None:
    samples = np.full(4410, np.nan, np.float32)
    room = np.empty(100)
    count = _native.voice_pulses(samples, np.asarray([100.0]), room, RATE, 0, 0.05, 0.01, 0, 0.1, 1, -1)
    assert np.all(np.isfinite(room[:count]))
