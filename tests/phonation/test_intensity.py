"""Intensity against Praat's, against known levels, and in sections."""

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.phonation.intensity import IntensityContour, intensity_of
from dsp.phonation.spectra import PRAAT_OFFSET_DB
from tests.support.praat import parselmouth
from tests.support.sections_of import real_voice, sections_of
from tests.support.vowels import vowel


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 96000])
@pytest.mark.parametrize(("f0_hz", "floor_hz"), [(75.0, 60.0), (240.0, 100.0)])
def test_each_frame_of_a_vowel_is_praats(rate: int, f0_hz: float, floor_hz: float) -> None:
    samples = vowel(
        f0_hz, seconds=0.7, sample_rate_hz=rate, jitter_pct=2.0, shimmer_pct=5.0, hnr_db=25.0
    ).samples
    wanted = parselmouth.Sound(samples.astype(np.float64), rate).to_intensity(floor_hz)
    got = intensity_of(samples, rate, floor_hz)
    np.testing.assert_allclose(got.times_s, wanted.xs(), atol=1e-9)
    # Boxes cost less than 0.01 dB.
    assert np.abs(got.db + PRAAT_OFFSET_DB - wanted.values[0]).max() < 0.02


@pytest.mark.parametrize("name", ["man", "woman"])
def test_frames_of_real_speech_are_praats(name: str) -> None:
    samples, rate = real_voice(name)
    wanted = parselmouth.Sound(samples.astype(np.float64), rate).to_intensity(60.0)
    got = intensity_of(samples, rate)
    np.testing.assert_allclose(got.times_s, wanted.xs(), atol=1e-9)
    level = wanted.values[0] - PRAAT_OFFSET_DB
    # Below that a frame may be all edge: what lies there under next to no weight.
    heard = level > level.max() - 35.0
    assert np.abs(got.db - level)[heard].max() < 0.1


def test_a_full_scale_sine_has_minus_3_db_and_an_offset_counts_for_nothing() -> None:
    tone = np.sin(2 * np.pi * 200.0 * np.arange(44100) / 44100).astype(np.float32)
    assert np.abs(intensity_of(tone, 44100).db + 3.0103).max() < 0.01
    shifted = (0.5 * tone + 0.25).astype(np.float32)
    assert np.abs(intensity_of(shifted, 44100).db + 9.0309).max() < 0.01


@pytest.mark.parametrize("rate", [8000, 44100])
def test_sections_give_what_the_whole_gives(rate: int) -> None:
    samples = vowel(140.0, seconds=3.0, sample_rate_hz=rate, shimmer_pct=8.0, hnr_db=20.0).samples
    contour = IntensityContour(75.0)
    for section in sections_of(samples, rate, core_s=0.83, margin_s=contour.margin_s):
        contour.push(section)
    parts, whole = contour.finish(), intensity_of(samples, rate, 75.0)
    np.testing.assert_allclose(parts.times_s, whole.times_s, atol=1e-9)
    assert np.abs(parts.db - whole.db).max() < 0.02


def test_silence_lies_at_the_bottom_and_what_is_too_short_has_no_frames() -> None:
    assert (intensity_of(np.zeros(16000, dtype=np.float32), 16000).db == -300.0).all()
    assert intensity_of(np.ones(1600, dtype=np.float32), 16000).times_s.size == 0


def test_a_floor_out_of_range_is_refused() -> None:
    with pytest.raises(ParameterError, match="20 to 1000 Hz, got 5"):
        IntensityContour(5.0)
