import numpy as np
import pytest

from dsp.errors import ParameterError
from dsp.resample import StreamResampler

PAIRS = [(8000, 16000), (16000, 8000), (8000, 48000), (48000, 16000), (44100, 16000), (16000, 24000)]


def tone(freq_hz, rate_hz, samples):
    return np.sin(2 * np.pi * freq_hz * np.arange(samples) / rate_hz).astype(np.float32)


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_pieces_equal_the_whole(from_hz, to_hz):
    x = np.random.default_rng(1).standard_normal(3000).astype(np.float32)
    whole = StreamResampler(from_hz, to_hz).process(x)
    resampler = StreamResampler(from_hz, to_hz)
    pieces = np.concatenate([resampler.process(p) for p in np.split(x, [1, 2, 160, 161, 1000, 1007])])
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_a_tone_keeps_frequency_level_and_stated_delay(from_hz, to_hz):
    freq_hz = 0.3 * min(from_hz, to_hz)
    resampler = StreamResampler(from_hz, to_hz)
    got = resampler.process(tone(freq_hz, from_hz, from_hz // 4))
    n = np.arange(got.size) - resampler.delay_samples
    want = np.sin(2 * np.pi * freq_hz * n / to_hz)
    error = (got - want)[400:]
    assert 10 * np.log10(np.mean(want[400:] ** 2) / np.mean(error**2)) > 60


def test_what_would_alias_is_80_db_down_from_the_stop_band_on():
    resampler = StreamResampler(16000, 8000)
    got = resampler.process(tone(5000.0, 16000, 16000))[400:]
    assert 20 * np.log10(np.sqrt(2) * np.std(got)) < -75


def test_rates_must_be_positive():
    with pytest.raises(ParameterError, match="positive"):
        StreamResampler(0, 8000)
