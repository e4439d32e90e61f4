import numpy as np
import pytest
from scipy.signal import firwin, lfilter

from dsp.errors import ParameterError
from dsp.filters import Resources, Setting, filters
from dsp.params import from_mapping

RATE_HZ = 16_000
CURVE = [[100.0, -30.0], [300.0, 0.0], [1000.0, 3.0], [3000.0, 0.0], [3800.0, -40.0]]


def build(channels=1, audio=None, rate_hz=RATE_HZ, **values):
    spec = filters.get("fir")

    def read_response(name, wanted_hz):
        assert (name, wanted_hz) == (values["file"], rate_hz)
        return np.atleast_2d(np.asarray(audio, dtype=np.float32))

    setting = Setting(rate_hz, channels, Resources(read_response=read_response))
    return spec.build(from_mapping(spec.params, values), setting)


def noise(channels, count):
    return (0.1 * np.random.default_rng(1).standard_normal((channels, count))).astype(np.float32)


def gain_db(running, freq_hz, rate_hz=RATE_HZ):
    running.reset()
    t = np.arange(rate_hz) / rate_hz
    out = running.process((0.1 * np.sin(2 * np.pi * freq_hz * t)).astype(np.float32)[np.newaxis])[0]
    return 20 * np.log10(np.std(out[rate_hz // 2 :]) * np.sqrt(2) / 0.1)


def test_without_taps_the_sound_stays_as_it_is():
    x = noise(2, 1000)
    running = build(2)
    np.testing.assert_array_equal(running.process(x.copy()), x)
    assert (running.delay_samples, running.tail_samples, running.settle_samples) == (0, 0, 0)


@pytest.mark.parametrize("taps", [7, 200, 3001])
def test_taps_from_a_file_filter_as_lfilter_does(taps):
    h = np.random.default_rng(2).standard_normal(taps) * np.exp(-4 * np.arange(taps) / taps)
    h = (h / np.sqrt(np.sum(h**2))).astype(np.float32)
    x = noise(2, 8000)
    expected = lfilter(h.astype(np.float64), 1.0, x.astype(np.float64), axis=1)
    running = build(2, h, file="taps.wav")
    np.testing.assert_allclose(running.process(x), expected, atol=1e-6)
    assert (running.delay_samples, running.tail_samples) == (0, taps - 1)


def test_a_file_may_have_taps_for_each_channel():
    h = np.array([[1.0, 0.5], [0.0, -1.0]])
    x = noise(2, 100)
    expected = [lfilter(row, 1.0, channel) for row, channel in zip(h, x.astype(np.float64), strict=True)]
    np.testing.assert_allclose(build(2, h, file="taps.wav").process(x), expected, atol=1e-6)


def test_symmetric_taps_from_a_file_say_their_delay():
    running = build(1, firwin(101, 1000, fs=RATE_HZ), file="low.wav")
    assert (running.delay_samples, running.tail_samples) == (50, 50)


def test_normalising_a_file_brings_its_loudest_frequency_to_0_db():
    running = build(1, 7.0 * firwin(101, 1000, fs=RATE_HZ), file="low.wav", normalise="peak")
    assert gain_db(running, 200) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("phase", ["linear", "minimum"])
@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_a_drawn_response_is_reached_at_its_points(phase, rate_hz):
    running = build(rate_hz=rate_hz, points=CURVE, phase=phase)
    for freq_hz, wanted_db in CURVE:
        assert gain_db(running, freq_hz, rate_hz) == pytest.approx(wanted_db, abs=0.1)


def test_linear_phase_delays_by_what_it_says_and_minimum_phase_hardly():
    impulse = np.zeros((1, 8000), dtype=np.float32)
    impulse[0, 0] = 1.0
    linear, minimum = (build(points=CURVE, phase=phase) for phase in ("linear", "minimum"))
    assert np.argmax(np.abs(linear.process(impulse.copy())[0])) == linear.delay_samples > 400
    assert np.argmax(np.abs(minimum.process(impulse.copy())[0])) < 10
    assert minimum.delay_samples == 0


def test_the_tail_is_all_that_sounds_on():
    running = build(points=CURVE)
    x = np.zeros((1, 5000), dtype=np.float32)
    x[0, :100] = noise(1, 100)[0]
    out = running.process(x)
    end = 100 + running.delay_samples + running.tail_samples
    assert not np.abs(out[0, end:]).max() > 1e-7
    assert running.settle_samples == running.delay_samples + running.tail_samples


@pytest.mark.parametrize(
    ("audio", "values", "message"),
    [
        (np.ones((3, 4)), {"file": "x.wav"}, "x.wav must have 1 or 2 channels, as the sound has, got 3"),
        (np.zeros((1, 4)), {"file": "x.wav"}, "x.wav is silent"),
        (np.zeros((1, 0)), {"file": "x.wav"}, "x.wav is empty"),
        (None, {"file": "x.wav", "points": CURVE}, "exclude each other"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(audio, values, message):
    with pytest.raises(ParameterError, match=message):
        build(2, audio, **values)


def test_a_stereo_response_is_refused_for_a_mono_sound():
    with pytest.raises(ParameterError, match="must have 1 channel, as the sound has, got 2"):
        build(1, np.ones((2, 4), dtype=np.float32), file="x.wav")
