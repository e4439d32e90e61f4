"""Jitter, shimmer and voice breaks as measures: every figure, and why one is refused."""

import re
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.phonation.phonation import Phonation, VoiceSettings
from dsp.phonation.pitch import pitch_of
from dsp.phonation.pitch_settings import PitchSettings
from dsp.phonation.pulses import PulseContour
from dsp.phonation.section import Section, Whole
from dsp.voice import MeasureRefused, breaks, jitter, shimmer
from tests.support.praat import parselmouth
from tests.support.vowels import vowel

RATE = 44100
SPECS = (*jitter.SPECS, *shimmer.SPECS, *breaks.SPECS)


def seen(samples: NDArray[np.float32]) -> Phonation:
    """As much of a phonation as these measures look at."""
    mean = float(samples.mean(dtype=np.float64))
    whole = Whole(RATE, samples.size, mean, float(np.abs(samples - mean).max()))
    contour = PulseContour()
    track = pitch_of(samples, RATE, PitchSettings())
    contour.push(Section(whole, samples, 0, 0, samples.size, track))
    return cast(Phonation, SimpleNamespace(whole=whole, settings=VoiceSettings(), pulses=contour.finish()))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_vowel_gives_every_figure(spec: Any) -> None:
    found = spec.run(seen(vowel(150.0, seconds=1.0, jitter_pct=1.0, shimmer_pct=5.0).samples))
    assert found.keys() == spec.figures.keys()
    assert all(value is not None for value in found.values())


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_without_a_voice_the_reason_is_said(spec: Any) -> None:
    with pytest.raises(MeasureRefused, match=r"cycles of a voice .*at least, found 0"):
        spec.run(seen(np.zeros(RATE, np.float32)))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_settings_tell_the_pitch_the_cycles_lie_on(spec: Any) -> None:
    told = spec.settings(VoiceSettings(pitch_floor_hz=75.0, pitch_ceiling_hz=500.0))
    assert (told["floor_hz"], told["ceiling_hz"]) == (75.0, 500.0)


def test_perturbation_wants_a_high_rate_and_breaks_do_not() -> None:
    assert [spec.perturbation for spec in SPECS] == [True, True, False]
    assert {spec.task for spec in SPECS} == {"vowel"}


def test_jitter_and_shimmer_of_a_vowel_come_near_what_was_drawn() -> None:
    """Matching whole waveforms sees some of the cycle before, so it finds a seventh less jitter, as Praat does."""
    made = vowel(120.0, seconds=3.0, jitter_pct=1.0, shimmer_pct=5.0)
    voice = seen(made.samples)
    assert jitter.SPECS[0].run(voice)["jitter_local_pct"] == pytest.approx(
        made.truth.jitter_local_pct, rel=0.2
    )
    assert shimmer.SPECS[0].run(voice)["shimmer_local_pct"] == pytest.approx(
        made.truth.shimmer_local_pct, rel=0.1
    )


def test_voice_breaks_are_those_of_praats_voice_report() -> None:
    pause = np.zeros(RATE // 3, np.float32)
    one = vowel(120.0, seconds=1.0, hnr_db=25.0).samples
    samples = np.concatenate((pause, one, pause, one[: RATE // 2], pause[: RATE // 5], one))
    found = breaks.SPECS[0].run(seen(samples))
    sound = parselmouth.Sound(samples.astype(np.float64), RATE)
    call = parselmouth.praat.call
    pitch = call(sound, "To Pitch", 0, 60, 600)
    points = call([sound, pitch], "To PointProcess (cc)")
    report = call([sound, pitch, points], "Voice report", 0, 0, 60, 600, 1.3, 1.6, 0.03, 0.45)
    number = re.search(r"Number of voice breaks: (\d+)", report)
    degree = re.search(r"Degree of voice breaks: ([\d.]+)%", report)
    assert number is not None
    assert degree is not None
    assert found["voice_breaks"] == int(number[1]) == 2
    assert found["voice_break_degree_pct"] == pytest.approx(float(degree[1]), abs=0.01)
