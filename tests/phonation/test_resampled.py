"""A recording at another rate, against Praat's own and against tones whose samples are known."""

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.phonation.resampled import resampled, resampled_section
from dsp.phonation.section import Section, Whole
from dsp.types import Samples
from tests.support.praat import parselmouth


def noise(samples: int) -> Samples:
    return (0.1 * np.random.default_rng(3).standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize(
    ("from_hz", "to_hz", "hz"),
    [(44100, 10000, 4700.0), (48000, 11000, 5200.0), (96000, 10000, 80.0), (8000, 10000, 3000.0)],
)
def test_a_tone_comes_out_as_the_tone_sampled_at_the_other_rate(from_hz: int, to_hz: int, hz: float) -> None:
    seconds = 1.2345
    size = round(seconds * from_hz)
    tone = np.sin(2 * np.pi * hz * (np.arange(size) + 0.5) / from_hz).astype(np.float32)
    got = resampled(tone, from_hz, to_hz)
    origin = 0.5 * (size / from_hz - (got.size - 1) / to_hz)
    wanted = np.sin(2 * np.pi * hz * (origin + np.arange(got.size) / to_hz))
    # Away from the ends, where the tone is cut off; upwards a raised cosine over 50 samples gives 80 dB.
    inner = slice(to_hz // 10, -to_hz // 10)
    bound = 1e-3 if from_hz > to_hz else 3e-4
    assert np.abs(got - wanted)[inner].max() < bound


def test_nothing_above_the_new_nyquist_frequency_comes_through() -> None:
    tone = np.sin(2 * np.pi * 5100.0 * np.arange(44100) / 44100).astype(np.float32)
    assert np.abs(resampled(tone, 44100, 10000))[500:-500].max() < 0.01


@pytest.mark.parametrize(
    ("from_hz", "to_hz", "size"),
    [(44100, 10000, 30001), (44100, 11000, 30001), (16000, 10000, 9999), (8000, 10000, 9999)],
)
def test_it_equals_praat(from_hz: int, to_hz: int, size: int) -> None:
    sound = noise(size)
    wanted = parselmouth.Sound(sound.astype(np.float64), from_hz).resample(to_hz, 50)
    got = resampled(sound, from_hz, to_hz)
    assert got.size == wanted.n_samples
    inner = slice(200, -200)
    window = np.hanning(got[inner].size)
    error = np.abs(np.fft.rfft((got - wanted.values[0])[inner] * window))
    power = np.abs(np.fft.rfft(got[inner] * window))
    below = np.fft.rfftfreq(window.size, 1.0 / to_hz) < 0.49 * min(from_hz, to_hz)
    # Measured: -80 dB and less; at the cut-off itself two ideal low passes of finite length part.
    assert (error[below] ** 2).sum() < 1e-6 * (power[below] ** 2).sum()


@pytest.mark.parametrize("size", [71_042, 63_010])
@pytest.mark.parametrize("to_hz", [10000, 11000])
def test_by_sines_it_is_praats_to_the_last_line_of_the_low_pass(size: int, to_hz: int) -> None:
    # The first length cuts between the two halves of a line, the second between two lines (at 10 kHz).
    sound = noise(size)
    sound[size // 2 :] = 0.0
    wanted = parselmouth.Sound(sound.astype(np.float64), 48000).resample(to_hz, 50).values[0]
    # Nearer to the ends than 50 samples Praat reads fewer of them.
    inner = slice(50, -50)
    got = resampled(sound, 48000, to_hz, by_sines=True)
    assert np.abs(got - wanted)[inner].max() < 1e-7


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 10000), (44100, 44100), (8000, 11000)])
def test_a_section_lies_on_the_grid_of_the_whole(from_hz: int, to_hz: int) -> None:
    sound = noise(3 * from_hz)
    whole = Whole(from_hz, sound.size, 0.0, 1.0)
    first, last = from_hz // 2 + 7, 2 * from_hz + 3
    section = Section(whole, sound[first:last], first, first + 4000, last - 4000)
    part, at_s = resampled_section(section, to_hz)
    every = resampled(sound, from_hz, to_hz)
    origin_s = 0.5 * (3.0 - (every.size - 1) / to_hz)
    begin = (at_s - origin_s) * to_hz
    assert begin == pytest.approx(round(begin), abs=1e-6)
    same = every[round(begin) : round(begin) + part.size]
    middle = slice(part.size // 3, -part.size // 3)
    window = np.hanning(part[middle].size)
    # The ends of the part differ, and with them the last of an ideal low pass's ripple at the cut-off: 5e-5 measured.
    error = np.sum(((part - same)[middle] * window) ** 2)
    assert error < 2e-4 * np.sum((same[middle] * window) ** 2)


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_a_sound_of_hardly_any_samples_gives_hardly_any(size: int) -> None:
    assert resampled(np.ones(size, dtype=np.float32), 44100, 10000).size == round(size / 4.41)


def test_a_rate_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ParameterError, match="positive"):
        resampled(noise(10), 0, 10000)
