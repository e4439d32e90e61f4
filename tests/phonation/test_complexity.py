"""Permutation entropy: a plain twin, what is known of some sounds, and in sections."""

import math
from collections import Counter

import numpy as np
import pytest

from dsp.phonation.complexity import Complexity, ComplexityContour
from dsp.types import Samples
from tests.support.sections_of import sections_of, steady_pitch
from tests.support.vowels import vowel


def complexity(
    samples: Samples,
    rate: int,
    *,
    core_s: float | None = None,
    voiced: tuple[float, float] = (0.0, 1e9),
) -> Complexity:
    contour = ComplexityContour()
    pitch = steady_pitch(samples.size / rate, voiced=voiced)
    for section in sections_of(samples, rate, core_s=core_s, margin_s=contour.margin_s, pitch=pitch):
        contour.push(section)
    return contour.finish()


def noise(seconds: float, rate: int) -> Samples:
    return np.random.default_rng(2).standard_normal(round(seconds * rate)).astype(np.float32)


@pytest.mark.parametrize(("rate", "delay", "step"), [(8000, 2, 1), (44100, 11, 4), (96000, 24, 8)])
def test_it_is_the_entropy_of_the_orders_counted_one_by_one(rate: int, delay: int, step: int) -> None:
    samples = vowel(150.0, seconds=0.5, sample_rate_hz=rate, hnr_db=15.0).samples
    got = complexity(samples, rate)
    orders = Counter(
        tuple(np.argsort(samples[start : start + 4 * delay + 1 : delay], kind="stable").tolist())
        for start in range(0, samples.size - 4 * delay, step)
    )
    total = sum(orders.values())
    entropy = -sum(n / total * math.log(n / total) for n in orders.values()) / math.log(120)
    assert got.patterns == total
    assert got.delay_s == delay / rate
    assert got.permutation_entropy == pytest.approx(entropy, rel=1e-12)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_noise_has_all_orders_and_a_ramp_one(rate: int) -> None:
    assert complexity(noise(2.0, rate), rate).permutation_entropy == pytest.approx(1.0, abs=0.002)
    assert complexity(np.arange(2.0 * rate, dtype=np.float32), rate).permutation_entropy == 0.0


def test_noise_in_a_voice_raises_it_at_any_rate_alike() -> None:
    found = {
        rate: [
            complexity(
                vowel(120.0, seconds=1.0, sample_rate_hz=rate, hnr_db=hnr).samples, rate
            ).permutation_entropy
            for hnr in (40.0, 20.0, 5.0)
        ]
        for rate in (8000, 16000, 44100, 48000)
    }
    for values in found.values():
        assert values == sorted(values, key=lambda value: value or 0.0)
    spread = np.ptp(np.array(list(found.values()), dtype=np.float64), axis=0)
    assert (spread < 0.03).all()  # measured: 0.01


def test_sections_give_exactly_what_the_whole_gives() -> None:
    samples = vowel(120.0, seconds=2.0, sample_rate_hz=22050, hnr_db=20.0).samples
    assert complexity(samples, 22050, core_s=0.37, voiced=(0.5, 1.5)) == complexity(
        samples, 22050, voiced=(0.5, 1.5)
    )


def test_only_voiced_parts_count() -> None:
    voice = vowel(120.0, seconds=1.0).samples
    samples = np.concatenate((voice, noise(1.0, 44100)))
    found = complexity(samples, 44100, voiced=(0.1, 0.9)).permutation_entropy
    assert found == pytest.approx(complexity(voice, 44100).permutation_entropy, abs=0.01)


def test_too_little_voice_gives_none() -> None:
    found = complexity(noise(1.0, 44100), 44100, voiced=(0.5, 0.58))
    assert 0 < found.patterns < 1200
    assert found.permutation_entropy is None
    assert complexity(noise(1.0, 44100), 44100, voiced=(3.0, 4.0)) == Complexity(None, 0, 5, 11 / 44100)
