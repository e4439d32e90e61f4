"""Loudness spectra in Bark bands, and the distance that repeat credit goes by."""

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.loudness_spectrum import BANDS, OTHERNESS, BarkPowers, loudness, repeat_distance
from dsp.noise import Noise


def spectra(sound, rate_hz):
    return BarkPowers(rate_hz).measure(sound[np.newaxis])[0]


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
def test_the_bands_of_noise_within_them_hold_its_power(rate_hz):
    t = np.arange(rate_hz) / rate_hz
    sound = sum(0.05 * np.sin(2 * np.pi * hz * t + hz * hz) for hz in range(215, 3400, 37)).astype(np.float32)
    # Neighbouring triangles add up to one, so the sum is the mean square.
    assert spectra(sound, rate_hz).mean(axis=0).sum() == pytest.approx(np.mean(sound**2), rel=0.03)


def test_a_tone_is_in_the_band_of_its_frequency_and_the_order_is_that_of_pitch():
    t = np.arange(8000) / 8000
    peaks = [
        int(spectra((0.5 * np.sin(2 * np.pi * hz * t)).astype(np.float32), 8000).mean(axis=0).argmax())
        for hz in (150, 400, 1000, 2000, 3500)
    ]
    assert peaks == sorted(set(peaks))
    assert peaks[0] <= 1
    assert peaks[-1] >= BANDS - 2


@pytest.mark.parametrize("hops", [1, 6, 15])
def test_each_hop_behind_one_window_less_a_hop_gives_a_spectrum(hops):
    bark = BarkPowers(8000)
    sounds = np.zeros((3, (hops + 1) * bark.hop_samples), dtype=np.float32)
    assert bark.measure(sounds).shape == (3, hops, BANDS)


def test_loudness_does_not_depend_on_level_when_its_reference_goes_along():
    powers = spectra(Noise(1).white(8000) * np.float32(0.05), 8000)
    loud, soft = loudness(powers, 1e-3), loudness(powers * np.float32(1e-4), 1e-7)
    assert np.allclose(loud, soft, rtol=1e-4)


def test_a_repetition_is_as_far_off_as_it_is_farther_from_the_original():
    original = loudness(spectra(Noise(2).white(8000), 8000), 1e-2)
    near, far = original + np.float32(0.01), original + np.float32(0.1)
    assert repeat_distance(original, near, near) == 0
    assert repeat_distance(original, original, far) == pytest.approx(0.1, rel=1e-3)
    assert repeat_distance(original, near, far) == pytest.approx(0.1, rel=1e-3)


def test_a_repetition_as_near_to_the_original_as_a_poor_codec_is_little_but_not_nothing():
    original = loudness(spectra(Noise(2).white(8000), 8000), 1e-2)
    above, below = original + np.float32(0.1), original - np.float32(0.1)
    assert repeat_distance(original, above, below) == pytest.approx(0.2 / OTHERNESS, rel=1e-3)
    assert repeat_distance(original, above, original) == pytest.approx(0.1 / OTHERNESS, rel=1e-3)


def test_a_rate_without_speech_is_refused():
    with pytest.raises(ParameterError, match="8000 to 48000 Hz, got 4000"):
        BarkPowers(4000)
