import numpy as np
import pytest
from scipy.signal import fftconvolve

from dsp.errors import ParameterError
from dsp.filters import Resources, Setting, filters
from dsp.params import from_mapping

RATE_HZ = 48_000


def room(channels=1, seconds=0.4):
    """Decaying noise: -60 dB after *seconds*."""
    n = round(seconds * RATE_HZ)
    decay = 10.0 ** (-3.0 * np.arange(n) / n)
    return (0.3 * np.random.default_rng(5).standard_normal((channels, n)) * decay).astype(np.float32)


def build(channels=1, audio=None, **values):
    spec = filters.get("convolve")

    def read_response(name, wanted_hz):
        assert (name, wanted_hz) == ("room.wav", RATE_HZ)
        return audio

    setting = Setting(RATE_HZ, channels, Resources(read_response=read_response))
    return spec.build(from_mapping(spec.params, {"file": "room.wav", **values}), setting)


def noise(channels, count):
    return (0.05 * np.random.default_rng(1).standard_normal((channels, count))).astype(np.float32)


@pytest.mark.parametrize("ears", [1, 2])
@pytest.mark.parametrize("seconds", [0.002, 0.4, 1.0])
def test_it_computes_what_fftconvolve_computes(ears, seconds):
    h = room(ears, seconds)
    h /= np.sqrt(np.square(h).sum(axis=1).max())
    x = noise(2, 60_000)
    expected = fftconvolve(x.astype(np.float64), h.astype(np.float64), axes=1)[:, :60_000]
    running = build(2, h, normalise="none")
    np.testing.assert_allclose(running.process(x), expected, atol=1e-6)
    assert running.delay_samples == 0
    assert running.tail_samples == running.settle_samples == h.shape[1] - 1


def test_without_a_file_the_sound_stays_as_it_is():
    x = noise(2, 1000)
    np.testing.assert_array_equal(build(2, file="").process(x.copy()), x)


def test_normalised_by_energy_noise_keeps_its_level():
    x = noise(1, 200_000)
    level_db = 20 * np.log10(np.std(build(1, 3.0 * room()).process(x.copy())[0, 20_000:]) / np.std(x))
    assert abs(level_db) < 0.3


def test_normalised_by_peak_no_frequency_gets_louder():
    impulse = np.zeros((1, 40_000), dtype=np.float32)
    impulse[0, 0] = 1.0
    gains = np.abs(np.fft.rfft(build(1, room(), normalise="peak").process(impulse)[0]))
    assert abs(20 * np.log10(gains.max())) < 0.05


@pytest.mark.parametrize("mix", [0.0, 30.0, 100.0])
def test_the_mix_is_plain_sound_and_response_in_time_with_each_other(mix):
    h, x = room(), noise(1, 30_000)
    h /= np.sqrt(np.square(h).sum())
    wet = fftconvolve(x.astype(np.float64), h.astype(np.float64), axes=1)[:, :30_000]
    expected = mix / 100 * wet + (1 - mix / 100) * x
    np.testing.assert_allclose(build(1, h, mix_percent=mix).process(x.copy()), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.ones((3, 4), dtype=np.float32), "room.wav must have 1 or 2 channels, as the sound has, got 3"),
        (np.zeros((1, 4), dtype=np.float32), "room.wav is silent"),
        (np.zeros((1, 0), dtype=np.float32), "room.wav is silent"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(audio, message):
    with pytest.raises(ParameterError, match=message):
        build(2, audio)


def test_a_stereo_response_is_refused_for_a_mono_sound():
    with pytest.raises(ParameterError, match="must have 1 channel, as the sound has, got 2"):
        build(1, np.ones((2, 4), dtype=np.float32))
