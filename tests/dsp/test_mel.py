"""Mel bands and cepstra against their definitions."""

import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.mel import MelBands, cepstra, mel_bank, mel_of


def test_a_mel_is_the_published_one():
    """1000 Hz is 1000 mel, within a tenth."""
    assert mel_of(1000.0) == pytest.approx(1000.0, abs=0.1)
    assert mel_of(0.0) == 0.0


def test_neighbouring_bands_add_up_to_one_between_the_first_and_the_last_peak():
    bank = mel_bank(16_000, 512, 26, 60.0, 5000.0)
    assert bank.shape == (257, 26)
    peaks = bank.argmax(axis=0)
    np.testing.assert_allclose(bank[peaks[0] + 1 : peaks[-1]].sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("edges", [(60.0, 5000.0), (-1.0, 3000.0), (2000.0, 1000.0)])
def test_bands_outside_the_spectrum_are_refused(edges):
    with pytest.raises(ParameterError, match="0 to 4000 Hz"):
        mel_bank(8000, 256, 20, *edges)


def test_powers_are_those_of_the_windowed_frames():
    sound = np.random.default_rng(1).standard_normal(2000).astype(np.float32)
    bands = MelBands(8000, frame=256, hop=64, bands=20, low_hz=60.0, high_hz=3800.0)
    window = np.hanning(258)[1:-1]
    frames = np.array([sound[at : at + 256] * window for at in range(0, 2000 - 255, 64)])
    want = np.abs(np.fft.rfft(frames, 256)) ** 2 @ mel_bank(8000, 256, 20, 60.0, 3800.0)
    np.testing.assert_allclose(bands.powers(sound), want, rtol=1e-3)
    assert bands.powers(sound[:255]).shape == (0, 20)


def test_cepstra_are_the_orthonormal_cosine_transform_of_logarithms():
    from scipy.fft import dct

    powers = np.random.default_rng(1).random((5, 26)).astype(np.float32) + 0.01
    found = cepstra(powers, 13, floor=0.05)
    want = dct(np.log(np.maximum(powers, 0.05)), norm="ortho", axis=1)[:, :13]
    np.testing.assert_allclose(found, want, atol=1e-5)
