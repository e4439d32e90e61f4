"""F0, HNR and NHR as measures: every figure, Praat's own numbers, and why one is refused."""

import re
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from dsp.phonation.harmonicity import HarmonicityContour
from dsp.phonation.phonation import Phonation, VoiceSettings
from dsp.phonation.pitch import pitch_of
from dsp.phonation.pitch_settings import PitchSettings
from dsp.phonation.section import Section, Whole
from dsp.types import Samples
from dsp.voice import MeasureRefused, f0, hnr, nhr
from tests.support.praat import parselmouth
from tests.support.sections_of import real_voice
from tests.support.vowels import vowel

SPECS = (*f0.SPECS, *hnr.SPECS, *nhr.SPECS)
F0, HNR, NHR = (spec.run for spec in SPECS)


def seen(samples: Samples, rate: int = 44100) -> Phonation:
    """As much of a phonation as these measures look at."""
    mean = float(samples.mean(dtype=np.float64))
    whole = Whole(rate, samples.size, mean, float(np.abs(samples - mean).max()))
    section = Section(whole, samples, 0, 0, samples.size)
    cc, ac = HarmonicityContour("cc"), HarmonicityContour("ac")
    cc.push(section)
    ac.push(section)
    return cast(
        Phonation,
        SimpleNamespace(
            whole=whole,
            settings=VoiceSettings(),
            pitch=pitch_of(samples, rate, PitchSettings()),
            hnr_cc=cc.finish(),
            hnr_ac=ac.finish(),
        ),
    )


def reported(samples: Samples, rate: int) -> dict[str, float]:
    """Numbers of Praat's voice report on its *To Pitch (ac)*."""
    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    pitch = sound.to_pitch_ac(None, 60.0, 15, False, 0.03, 0.45, 0.01, 0.35, 0.14, 600.0)
    pulses = parselmouth.praat.call([sound, pitch], "To PointProcess (cc)")
    text = parselmouth.praat.call(
        [sound, pitch, pulses], "Voice report", 0, 0, 60.0, 600.0, 1.3, 1.6, 0.03, 0.45
    )
    return {
        name.strip(): float(value)
        for name, value in re.findall(r"^ *([A-Z][^:\n]*): ([0-9.]+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_vowel_gives_every_figure(spec: Any) -> None:
    found = spec.run(seen(vowel(150.0, seconds=0.6, jitter_pct=1.0, hnr_db=20.0).samples))
    assert found.keys() == spec.figures.keys()
    assert all(isinstance(value, float) and np.isfinite(value) for value in found.values())
    assert not spec.perturbation


@pytest.mark.parametrize("name", ["man", "woman"])
def test_f0_and_nhr_are_those_of_praats_voice_report(name: str) -> None:
    samples, rate = real_voice(name)
    wanted, voice = reported(samples, rate), seen(samples, rate)
    found = F0(voice)
    for mine, praats in (("median", "Median pitch"), ("mean", "Mean pitch"), ("sd", "Standard deviation")):
        assert found[f"f0_{mine}_hz"] == pytest.approx(wanted[praats], rel=2e-3)
    assert NHR(voice)["nhr"] == pytest.approx(wanted["Mean noise-to-harmonics ratio"], abs=1e-4)


def test_hnr_is_the_mean_that_praat_tells() -> None:
    samples, rate = real_voice("man")
    found = HNR(seen(samples, rate))
    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    for key, method, periods in (("hnr_db", "cc", 1.0), ("hnr_ac_db", "ac", 4.5)):
        wanted = parselmouth.praat.call(sound, f"To Harmonicity ({method})", 0.01, 60.0, 0.1, periods)
        assert found[key] == pytest.approx(parselmouth.praat.call(wanted, "Get mean", 0, 0), abs=0.05)


def test_f0_of_a_rising_vowel_is_spread_as_it_rises() -> None:
    found = F0(seen(vowel(100.0, seconds=1.0, f0_hz_per_s=100.0).samples))
    assert found["voiced_fraction"] == 1.0
    assert 100 < found["f0_min_hz"] < 106
    assert 194 < found["f0_max_hz"] < 200
    assert found["f0_low_hz"] == pytest.approx(107, abs=2)
    assert found["f0_high_hz"] == pytest.approx(193, abs=2)
    assert found["f0_median_hz"] == pytest.approx(150, abs=1)
    assert found["f0_sd_hz"] == pytest.approx(100 / 12**0.5, rel=0.05)  # of an even spread
    assert 3.2 < found["f0_sd_semitones"] < 3.6  # 12 log2 of 100 to 200 Hz, evenly in Hz: 3.4


def test_half_a_voice_is_voiced_by_half() -> None:
    samples = vowel(200.0, seconds=2.0, hnr_db=40.0).samples.copy()
    samples[44100:] = 0
    assert F0(seen(samples))["voiced_fraction"] == pytest.approx(0.5, abs=0.02)


def test_without_a_voice_f0_is_null_and_none_of_it_voiced_and_the_others_say_why() -> None:
    nothing = seen(np.zeros(22050, np.float32))
    found = F0(nothing)
    assert found.pop("voiced_fraction") == 0.0
    assert set(found.values()) == {None}
    for run in (HNR, NHR):
        with pytest.raises(MeasureRefused, match="needs a voice in the recording, and none was found"):
            run(nothing)


def test_what_is_shorter_than_three_periods_of_the_floor_is_refused() -> None:
    with pytest.raises(MeasureRefused, match=r"longer than 0\.05 s .* got 0\.04 s"):
        F0(seen(vowel(200.0).samples[:1764]))


def test_settings_tell_floor_ceiling_and_window() -> None:
    chosen = VoiceSettings(pitch_floor_hz=75.0, pitch_ceiling_hz=500.0)
    for spec in (*f0.SPECS, *nhr.SPECS):
        told = spec.settings(chosen)
        assert (told["floor_hz"], told["ceiling_hz"], told["voicing"]) == (75.0, 500.0, 0.45)
    told = hnr.SPECS[0].settings(chosen)
    assert told["hnr_db"]["floor_hz"] == told["hnr_ac_db"]["floor_hz"] == 75.0
    assert (told["hnr_db"]["periods_per_window"], told["hnr_ac_db"]["periods_per_window"]) == (1.0, 4.5)
