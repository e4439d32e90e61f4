"""The long-term spectrum against Praat's, against known powers, and in sections."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.phonation.spectra import (
    PRAAT_OFFSET_DB,
    Spectra,
    SpectrumContour,
    energy_by_hertz,
    slope_db,
    spectra_of,
    tilt_db,
)
from dsp.types import Samples
from tests.support.praat import parselmouth
from tests.support.sections_of import real_voice, sections_of, steady_pitch
from tests.support.vowels import vowel

RATES = (8000, 11025, 16000, 44100, 48000, 96000)


def call(*words: Any) -> Any:
    return parselmouth.praat.call(*words)


def praat_ltas(samples: Samples, rate: int) -> tuple[NDArray[np.float64], Any]:
    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    bands = call(sound, "To Ltas", 100)
    count = call(bands, "Get number of bins")
    values = [call(bands, "Get value in bin", number) for number in range(1, count + 1)]
    return np.asarray(values) - PRAAT_OFFSET_DB, sound


def noise(seconds: float, rate: int, seed: int = 5) -> Samples:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("f0_hz", [100.0, 233.0])
def test_each_band_of_a_vowel_is_praats(rate: int, f0_hz: float) -> None:
    # At 100 Hz every harmonic lies on an edge of two bands.
    samples = vowel(f0_hz, seconds=1.0, sample_rate_hz=rate, jitter_pct=0.5, hnr_db=40.0).samples
    wanted, _ = praat_ltas(samples, rate)
    got = spectra_of(samples, rate).ltas_db
    assert got.size == rate // 200
    # 0.3 dB is asked for; measured: less than 0.001.
    assert np.abs(got - wanted[: got.size]).max() < 0.01


@pytest.mark.parametrize("name", ["man", "woman"])
def test_each_band_of_real_speech_is_praats_and_so_are_slope_and_tilt(name: str) -> None:
    samples, rate = real_voice(name)
    wanted, sound = praat_ltas(samples, rate)
    found = spectra_of(samples, rate)
    assert np.abs(found.ltas_db - wanted).max() < 0.01
    fine = call(sound, "To Ltas", 1)
    assert slope_db(found.power) == pytest.approx(
        call(fine, "Get slope", 0, 1000, 1000, 10000, "energy"), abs=0.01
    )
    line = call(fine, "Compute trend line", 1, 10000)
    assert tilt_db(found.power) == pytest.approx(
        call(line, "Get slope", 0, 1000, 1000, 10000, "energy"), abs=0.01
    )


def test_slope_and_tilt_of_a_vowel_at_44100_hz_are_praats() -> None:
    samples = vowel(150.0, seconds=2.0, hnr_db=25.0).samples
    fine = call(parselmouth.Sound(samples.astype(np.float64), 44100), "To Ltas", 1)
    power = spectra_of(samples, 44100).power
    assert slope_db(power) == pytest.approx(
        call(fine, "Get slope", 0, 1000, 1000, 10000, "energy"), abs=0.001
    )
    line = call(fine, "Compute trend line", 1, 10000)
    assert tilt_db(power) == pytest.approx(call(line, "Get slope", 0, 1000, 1000, 10000, "energy"), abs=0.001)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", [0.05, 0.2, 1.0, 13.0])
def test_the_sum_of_the_powers_is_the_mean_square(rate: int, seconds: float) -> None:
    samples = noise(seconds, min(rate, 16000) if seconds > 5 else rate)
    rate = min(rate, 16000) if seconds > 5 else rate
    power = spectra_of(samples, rate).power
    assert power.sum() == pytest.approx(np.mean(samples.astype(np.float64) ** 2), rel=1e-9)
    assert power.min() >= 0.0


def test_a_tone_lies_in_its_band_with_its_power() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 1234.5 * np.arange(2 * 44100) / 44100)).astype(np.float32)
    power = spectra_of(tone, 44100).power
    assert power[1224:1245].sum() == pytest.approx(0.125, rel=0.02)
    assert int(np.argmax(power)) == 1234


def test_energy_by_hertz_is_that_of_the_lines_of_a_plain_transform() -> None:
    sound = noise(1.0, 8192).astype(np.float64)
    lines = np.abs(np.fft.rfft(sound)) ** 2 * 2 / 8192
    lines[[0, -1]] /= 2
    # A line each hertz, shared half and half between the two bands it lies between.
    wanted = 0.5 * (lines[:-1] + lines[1:])
    wanted[0] += 0.5 * lines[0]
    wanted[-1] += 0.5 * lines[-1]
    np.testing.assert_allclose(energy_by_hertz(sound, 8192), wanted, rtol=1e-9)


def gathered(samples: Samples, rate: int, core_s: float | None) -> Spectra:
    contour = SpectrumContour()
    pitch = steady_pitch(samples.size / rate, voiced=(1.0, 4.0))
    for section in sections_of(samples, rate, core_s=core_s, margin_s=contour.margin_s, pitch=pitch):
        contour.push(section)
    return contour.finish()


@pytest.mark.parametrize("rate", [8000, 22050])
def test_sections_give_what_the_whole_gives(rate: int) -> None:
    samples = vowel(170.0, seconds=6.0, sample_rate_hz=rate, jitter_pct=1.0, hnr_db=30.0).samples
    whole, parts = gathered(samples, rate, None), gathered(samples, rate, 1.7)
    # Where sections fade into each other lines widen: less than 0.1 dB in a band.
    assert np.abs(whole.ltas_db - parts.ltas_db).max() < 0.1
    assert parts.power.sum() == pytest.approx(whole.power.sum(), rel=1e-3)
    np.testing.assert_array_equal(whole.times_s, parts.times_s)
    np.testing.assert_allclose(whole.median_hz, parts.median_hz, rtol=1e-6)
    np.testing.assert_array_equal(whole.is_voiced, parts.is_voiced)
    np.testing.assert_allclose(whole.voiced_power, parts.voiced_power, rtol=1e-5)


def test_only_voiced_frames_count_in_the_voiced_spectrum() -> None:
    rate = 44100
    quiet = vowel(150.0, seconds=1.0, formants=((500.0, 60.0), (1500.0, 90.0))).samples
    samples = np.concatenate((quiet, noise(1.0, rate)))
    found = spectra_of(samples, rate, steady_pitch(2.0, voiced=(0.1, 0.9)))
    assert found.voiced_s == pytest.approx(0.8, abs=0.03)
    assert found.voiced_edges_hz[0] == 0.0
    assert found.voiced_edges_hz[-1] == rate / 2
    assert found.voiced_power.sum() == pytest.approx(0.01, rel=0.02)  # -20 dB of full scale
    # White noise of the other half would be (22050 - 6000) / 22050 of its power up there.
    assert found.voiced_above(6000) < 1e-6 * found.voiced_power.sum()


def test_without_a_pitch_nothing_is_voiced() -> None:
    found = spectra_of(noise(1.0, 16000), 16000)
    assert found.voiced_s == 0.0
    assert not found.voiced_power.any()
    # Half of white noise lies below a quarter of the sample rate.
    assert np.median(found.median_hz) == pytest.approx(4000.0, rel=0.05)


def test_silence_has_no_power_and_no_median() -> None:
    found = spectra_of(np.zeros(16000, dtype=np.float32), 16000)
    assert (found.ltas_db == -300.0).all()
    assert np.isnan(found.median_hz).all()
    assert slope_db(found.power) is None
    assert tilt_db(found.power) is None
