"""SI-SDR against the formula, and what it does and does not see."""

import numpy as np
import pytest

from dsp.metrics.si_sdr import RANGE_DB, measure
from softphone.app.codec_measure import read_sound

SPEECH = read_sound("builtin:man", 16_000)
NOISE = np.random.default_rng(2).standard_normal(SPEECH.size) * 0.02


def by_formula(reference, degraded):
    s, heard = (each.astype(float) - each.mean(dtype=float) for each in (reference, degraded))
    target = (heard @ s) / (s @ s) * s
    return 10 * np.log10((target @ target) / ((heard - target) @ (heard - target)))


@pytest.mark.parametrize("gain", [1.0, 0.01, -3.0])
def test_it_is_the_published_ratio_at_any_gain_and_polarity(gain):
    heard = (gain * (SPEECH + NOISE)).astype(np.float32)
    assert measure(SPEECH, heard, 16_000) == pytest.approx(by_formula(SPEECH, heard), abs=1e-6)


def test_a_constant_offset_is_no_distortion():
    heard = (SPEECH + NOISE).astype(np.float32)
    assert measure(SPEECH, heard + np.float32(0.1), 16_000) == pytest.approx(
        measure(SPEECH, heard, 16_000), abs=0.01
    )


def test_noise_as_strong_as_the_speech_is_about_zero_and_twenty_less_is_twenty():
    rms = np.sqrt(np.mean(SPEECH**2))
    for wanted in (0, 20):
        heard = (SPEECH + NOISE / NOISE.std() * rms * 10 ** (-wanted / 20)).astype(np.float32)
        assert measure(SPEECH, heard, 16_000) == pytest.approx(wanted, abs=0.3)


def test_values_end_at_the_limits():
    phase = 2 * np.pi * np.arange(16_000) / 160
    sine, cosine = (wave(phase).astype(np.float32) for wave in (np.sin, np.cos))
    assert measure(sine, cosine, 16_000) == RANGE_DB[0]
    assert measure(SPEECH, SPEECH, 16_000) == RANGE_DB[1]
