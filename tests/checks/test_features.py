"""Features: the pieces equal the whole, the mask finds speech in noise, and numbers are what they say."""

import math

import numpy as np
import pytest
from support.line_faults import SPEAKERS, speech, track

from dsp.checks.features import Features, features_of, spans_of
from dsp.errors import ParameterError
from dsp.level import measure_level

RATE_HZ = 16_000


def features(samples: np.ndarray, rate_hz: int = RATE_HZ) -> Features:
    return features_of(track(samples, rate_hz))


def with_pauses(name: str) -> np.ndarray:
    pause = np.zeros(24_000, dtype=np.float32)
    return np.concatenate((pause, speech(name), pause, speech(name), pause))


def noise(size: int, kind: str) -> np.ndarray:
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(size))
    hz = np.maximum(np.fft.rfftfreq(size, 1 / RATE_HZ), 1.0)
    spectrum /= {"white": np.ones(hz.size), "pink": np.sqrt(hz), "car": 1 + (hz / 100) ** 2}[kind]
    samples = np.fft.irfft(spectrum, size)
    return samples / samples.std()


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_a_sine_has_its_power_in_every_frame_and_in_one_place_of_the_spectrum(rate_hz):
    found = features(0.1 * np.sin(2 * np.pi * 1000 * np.arange(5 * rate_hz) / rate_hz), rate_hz)
    assert found.frames == 5 * rate_hz // round(rate_hz / 100)
    assert found.seconds == 5.0
    assert found.voice_power[1:-1] == pytest.approx(np.full(found.frames - 2, 0.005), rel=0.01)
    assert found.power == pytest.approx(np.full(found.frames, 0.005), rel=0.03)
    assert found.peak.max() == pytest.approx(0.1, rel=0.01)
    assert found.pause_spectrum is not None
    assert np.argmax(found.pause_spectrum) * found.line_hz == pytest.approx(1000, abs=30)
    assert not found.speech.any()


def test_white_noise_has_its_power_in_the_spectrum_of_the_pauses():
    samples = 0.01 * np.random.default_rng(2).standard_normal(20 * RATE_HZ)
    found = features(samples)
    assert found.pause_spectrum is not None
    assert found.pause_spectrum.sum() == pytest.approx(1e-4, rel=0.02)
    assert not found.active.any()


@pytest.mark.parametrize("name", SPEAKERS)
def test_the_level_is_that_of_the_meter_and_the_spectrum_that_of_what_is_active(name):
    samples = speech(name)
    found = features(samples)
    assert found.level == measure_level(samples, RATE_HZ)
    assert found.speech_spectrum is not None
    assert found.speech_spectrum.sum() == pytest.approx(found.power[found.active].mean(), rel=0.05)
    assert found.histogram.sum() == samples.size
    assert found.histogram[32768] == np.count_nonzero(samples == 0.0)


@pytest.mark.parametrize(
    ("kind", "snr_db", "least"),
    [("white", 20, 0.99), ("white", 10, 0.95), ("pink", 10, 0.98), ("car", 10, 0.99)],
)
@pytest.mark.parametrize("name", SPEAKERS)
def test_speech_is_found_in_noise(name, kind, snr_db, least):
    clean = with_pauses(name)
    truth = features(clean).speech
    found = features(clean + 10 ** ((-26 - snr_db) / 20) * noise(clean.size, kind)).speech
    assert (found & truth).sum() >= least * truth.sum()
    assert (found & ~truth).sum() <= 0.03 * (~truth).sum()


def test_a_long_track_has_the_same_features_as_its_pieces_and_every_frame_is_decided_once():
    samples = np.concatenate([with_pauses(SPEAKERS[0])] * 2 + [with_pauses(SPEAKERS[1])] * 2)
    whole = features(samples)
    assert whole.seconds > 60
    part = features(samples[: 30 * RATE_HZ])
    for field in ("power", "top", "bottom", "mean", "held", "faint", "voice_power"):
        assert np.array_equal(getattr(whole, field)[:2999], getattr(part, field)[:2999])
    assert whole.speech_spectrum is not None
    assert whole.speech_spectrum.sum() == pytest.approx(whole.power[whole.active].mean(), rel=0.05)


def test_what_is_not_finite_counts_as_zero():
    samples = speech(SPEAKERS[0]).copy()
    samples[8000:8100] = np.nan
    samples[9000] = np.inf
    zeros = samples.copy()
    zeros[~np.isfinite(zeros)] = 0.0
    bad, good = features(samples), features(zeros)
    assert bad.level.not_finite == 101
    assert np.array_equal(bad.power, good.power)
    assert np.array_equal(bad.histogram, good.histogram)


@pytest.mark.parametrize("size", [0, 1, 159, 160, 161, 319])
def test_almost_nothing_has_features_too(size):
    found = features(np.full(size, 0.5))
    assert found.size == size
    assert found.frames == size // 160
    assert found.speech_s == 0.0
    assert found.speech_spectrum is None


def test_a_rate_that_cannot_be_metered_is_refused():
    with pytest.raises(ParameterError):
        features(np.zeros(4000), 4000)


def test_samples_that_stand_still_and_faint_ones_are_counted():
    frame = np.concatenate((np.linspace(0.1, 0.2, 80), np.full(40, 0.2), np.full(40, 1e-4)))
    found = features(np.tile(frame, 3))
    assert list(found.held) == [79.0] * 3
    assert list(found.faint) == [40.0] * 3


def test_spans_are_runs():
    assert spans_of(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert spans_of(np.zeros(3, dtype=bool)) == []


def test_times_of_frames_do_not_drift_at_odd_rates():
    found = features(np.zeros(11_025 * 100), 11_025)
    assert math.isclose(found.frames * found.frame_s, 100.0, abs_tol=found.frame_s)
