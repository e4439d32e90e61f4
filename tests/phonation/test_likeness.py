"""Coherence, correlation and lag of two channels, on sounds of which they are known, and in sections."""

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.phonation.likeness import Likeness, LikenessContour
from dsp.types import Samples
from tests.support.sections_of import sections_of

RATES = (8000, 16000, 44100, 96000)


def noise(seconds: float, rate: int, seed: int) -> Samples:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def likeness(left: Samples, right: Samples, rate: int, core_s: float | None = None) -> Likeness:
    contour = LikenessContour()
    for one, other in zip(
        sections_of(left, rate, core_s=core_s, margin_s=contour.margin_s),
        sections_of(right, rate, core_s=core_s, margin_s=contour.margin_s),
        strict=True,
    ):
        contour.push(one.samples, other.samples, one)
    return contour.finish()


def numbers(found: Likeness) -> tuple[float, float, float]:
    assert found.coherence is not None
    assert found.correlation is not None
    assert found.lag_s is not None
    return found.coherence, found.correlation, found.lag_s


@pytest.mark.parametrize("rate", RATES)
def test_one_sound_in_both_channels_is_alike(rate: int) -> None:
    sound = noise(2.0, rate, 1)
    assert numbers(likeness(sound, sound, rate)) == pytest.approx((1.0, 1.0, 0.0), abs=1e-6)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("delay_s", [0.005, -0.012])
def test_a_delayed_and_inverted_channel_is_found_with_its_lag(rate: int, delay_s: float) -> None:
    sound, late = noise(4.0, rate, 1), round(abs(delay_s) * rate)
    early, behind = sound[late:], (-0.3 * sound[: sound.size - late]).astype(np.float32)
    pair = (early, behind) if delay_s > 0 else (behind, early)
    coherence, correlation, lag_s = numbers(likeness(*pair, rate))
    assert lag_s == pytest.approx(np.copysign(late / rate, delay_s), abs=0.05 / rate)
    # Of two windows a part overlaps only, 86 % at least.
    assert correlation == pytest.approx(-1.0, abs=0.03)
    assert coherence > 0.7


@pytest.mark.parametrize("rate", RATES)
def test_common_and_own_sound_mix_as_theory_says(rate: int) -> None:
    common, left, right = (noise(10.0, rate, seed) for seed in (1, 2, 3))
    coherence, correlation, lag_s = numbers(likeness(common + left, common + right, rate))
    windows = 10.0 * rate / 4096
    # 1/2 and its square; coherence is biased by (1 - c)^2 over the number of windows (Carter 1987).
    assert correlation == pytest.approx(0.5, abs=0.03)
    assert coherence == pytest.approx(0.25 + 0.5625 / windows, abs=0.05)
    assert abs(lag_s) < 0.2 / rate


def test_two_noises_are_not_alike() -> None:
    coherence, correlation, _ = numbers(likeness(noise(10.0, 16000, 1), noise(10.0, 16000, 2), 16000))
    assert coherence < 0.03
    assert abs(correlation) < 0.05


def test_what_lies_outside_of_the_voices_band_does_not_count() -> None:
    at = np.arange(4 * 44100) / 44100
    voice = (0.1 * np.sin(2 * np.pi * 300 * at) + 0.001 * noise(4.0, 44100, 4)).astype(np.float32)
    hiss = (0.5 * np.sin(2 * np.pi * 9000 * at)).astype(np.float32)
    _, correlation, _ = numbers(likeness(voice, voice + hiss, 44100))
    assert correlation == pytest.approx(1.0, abs=0.001)


def test_sections_give_what_the_whole_gives() -> None:
    left, right = noise(4.0, 22050, 1), noise(4.0, 22050, 2)
    right += left
    parts, whole = likeness(left, right, 22050, core_s=0.9), likeness(left, right, 22050)
    assert numbers(parts) == pytest.approx(numbers(whole), rel=1e-5, abs=1e-9)


def test_a_dead_channel_or_too_little_sound_gives_none() -> None:
    sound = noise(2.0, 44100, 1)
    for found in (likeness(sound, np.zeros_like(sound), 44100), likeness(sound[:8000], sound[:8000], 44100)):
        assert (found.coherence, found.correlation, found.lag_s) == (None, None, None)
    assert LikenessContour().finish().coherence is None


def test_channels_of_different_lengths_are_refused() -> None:
    (section,) = sections_of(noise(1.0, 8000, 1), 8000)
    with pytest.raises(ParameterError, match="8000 and 7999 samples, 8000 are wanted"):
        LikenessContour().push(section.samples, section.samples[1:], section)
