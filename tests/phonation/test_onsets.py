"""Onsets out of digital silence, as edited recordings have them."""

import numpy as np
import pytest

from dsp.phonation.harmonicity import HarmonicityContour
from dsp.phonation.section import Section, Whole
from tests.support.praat import parselmouth
from tests.support.vowels import vowel

RATE = 48000


@pytest.mark.parametrize("silent", range(500, 2500, 333))
def test_a_frame_of_silence_with_an_onset_at_its_end_is_no_harmony(silent: int) -> None:
    """It is as like itself as rounding allows, which is why a short correlation can take it for a voice without noise."""
    rng = np.random.default_rng(silent)
    voice = vowel(200.0, seconds=0.3, sample_rate_hz=RATE, hnr_db=20.0).samples
    hiss = 0.1 * rng.standard_normal(3000)
    samples = np.round(32768 * np.concatenate((np.zeros(silent), hiss, voice))).astype(np.float32) / 32768
    mean = float(samples.mean(dtype=np.float64))
    whole = Whole(RATE, samples.size, mean, float(np.abs(samples - mean).max()))
    contour = HarmonicityContour("cc", floor_hz=60.0)
    contour.push(Section(whole, samples, 0, 0, samples.size))
    sound = parselmouth.Sound(samples.astype(np.float64), RATE)
    wanted = parselmouth.praat.call(sound, "To Harmonicity (cc)", 0.01, 60, 0.1, 1.0).values[0]
    assert contour.finish().db == pytest.approx(wanted, abs=0.5)
