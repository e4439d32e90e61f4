"""What is known of a recording before its voice is looked at."""

import numpy as np
import pytest
from support.phonated import VOWELS, phonated
from support.takes import take
from support.vowels import vowel

from dsp.phonation.survey import loudest, surveyed

RATE = 44100


def test_offset_peak_and_level_are_told_apart():
    at = np.arange(RATE) / RATE
    (found,) = surveyed(take(0.2 + 0.1 * np.sin(2 * np.pi * 100 * at)))
    assert found.mean == pytest.approx(0.2, abs=1e-6)
    assert found.peak == pytest.approx(0.1, abs=1e-4)
    assert found.sound_dbov == pytest.approx(20 * np.log10(0.1) - 3.01, abs=0.02)
    assert found.offset == found.mean


def test_a_little_offset_is_left_in():
    (found,) = surveyed(take(vowel(120.0, seconds=1.0).samples + np.float32(0.002)))
    assert found.mean > 0.001
    assert found.offset == 0.0


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_a_wave_that_was_cut_off_is_clipped_at_any_level(limit, rate):
    made = vowel(130.0, seconds=1.5, sample_rate_hz=rate, shimmer_pct=3.0).samples
    cut = np.clip(made * (2.0 * limit / np.abs(made).max()), -limit, limit)
    (found,) = surveyed(take(cut, rate))
    assert found.is_clipped
    assert found.clip_level == pytest.approx(limit, rel=0.01)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
@pytest.mark.parametrize("sound", VOWELS)
@pytest.mark.parametrize("f0", [75.0, 300.0])
def test_a_perfectly_even_vowel_at_full_scale_is_not_clipped(rate, sound, f0):
    made = phonated(f0, seconds=0.2, rate_hz=rate, formants=VOWELS[sound])
    (found,) = surveyed(take(made / np.abs(made).max(), rate))
    assert not found.is_clipped


@pytest.mark.parametrize("f0", [75.0, 120.0, 180.0, 300.0, 500.0])
def test_a_vowel_of_pulses_that_all_are_alike_is_not_clipped(f0):
    assert not surveyed(take(vowel(f0, seconds=1.0).samples))[0].is_clipped


def test_the_only_live_channel_is_chosen_and_else_the_louder():
    loud = vowel(120.0, seconds=0.5).samples
    zero, hiss = np.zeros_like(loud), np.random.default_rng(1).normal(0, 2e-5, loud.size)
    assert loudest(surveyed(take(np.stack([zero, loud])))) == 1
    assert loudest(surveyed(take(np.stack([hiss + 0.3, loud])))) == 1
    assert loudest(surveyed(take(np.stack([0.5 * loud, loud])))) == 1
    assert loudest(surveyed(take(np.stack([loud, loud])))) == 0
    assert [channel.is_dead for channel in surveyed(take(np.stack([hiss, loud])))] == [True, False]


def test_samples_that_are_no_numbers_are_counted_and_taken_as_zero():
    made = vowel(120.0, seconds=0.5).samples.copy()
    made[100:105], made[200] = np.nan, np.inf
    (found,) = surveyed(take(made))
    assert found.not_finite == 6
    assert np.isfinite([found.mean, found.peak, found.sound_dbov]).all()


def test_progress_rises_to_one():
    told: list[float] = []
    surveyed(take(np.zeros(5 * RATE)), told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
