"""The tracked background and the gains made of it."""

import numpy as np
import pytest
from scipy.special import exp1
from support.suppression import noise, speech

from dsp.noise_floor import NoiseFloor
from dsp.spectral_gain import RULES, SpectralGain, exponential_integral, log_mmse_factor
from dsp.types import Samples

HOP = 160


def spectra(sound: Samples) -> np.ndarray:
    """(frames, 1, bins)."""
    window = np.sin(np.pi * np.arange(2 * HOP) / (2 * HOP))
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), 2 * HOP)[::HOP]
    return (np.abs(np.fft.rfft(frames * window)) ** 2)[:, np.newaxis]


def tracked(sound: Samples) -> np.ndarray:
    floor = NoiseFloor(1, HOP + 1, 0.01)
    return np.array([floor.update(each)[0].copy() for each in spectra(sound)])


@pytest.mark.parametrize("kind", ["white", "pink", "fan"])
def test_the_estimate_is_within_two_decibels_of_steady_noise_under_speech(kind: str) -> None:
    said = speech("woman")
    made = 0.02 * noise(kind, said.size)
    true = spectra(made)[:, 0].mean(axis=0)
    found = tracked(said + made)[100:].mean(axis=0)
    error_db = 10 * np.log10(found[4:150] / true[4:150])
    assert abs(np.median(error_db)) < 2.0


def test_a_step_of_the_noise_is_followed_within_two_seconds_and_a_fall_within_half_a_second() -> None:
    made = noise("white", 6 * 16_000) * np.float32(0.01)
    made[32_000:64_000] *= 10.0
    level_db = 10 * np.log10(tracked(made).mean(axis=1))
    assert level_db[395] - level_db[190] == pytest.approx(20.0, abs=2.0)
    assert level_db[450] - level_db[190] == pytest.approx(0.0, abs=2.0)


def test_a_mute_teaches_nothing() -> None:
    made = noise("white", 4 * 16_000) * np.float32(0.01)
    made[32_000:48_000] = 0.0
    level_db = 10 * np.log10(tracked(made).mean(axis=1))
    assert level_db[305] == pytest.approx(level_db[195], abs=2.0)


def test_exponential_integral_is_scipys() -> None:
    x = np.logspace(-5, 1.9, 200)
    np.testing.assert_allclose(exponential_integral(x), exp1(x), rtol=1e-10)
    np.testing.assert_allclose(log_mmse_factor(x), np.exp(exp1(x) / 2), rtol=1e-3)


@pytest.mark.parametrize("rule", RULES)
def test_gains_are_one_far_above_the_noise_and_the_floor_in_it(rule: str) -> None:
    (kind,) = (each for each in RULES if each == rule)
    gain = SpectralGain(1, 2, kind, 0.1)
    noise_psd = np.array([[1.0, 1.0]])
    for _ in range(50):
        found = gain.gains(np.array([[1e4, 0.5]]), noise_psd)
    assert found[0, 0] == pytest.approx(1.0, abs=0.01)
    assert found[0, 1] == pytest.approx(0.237 if rule == "gentle" else 0.1, abs=0.15)
