import numpy as np
import pytest

from dsp.time_scale import shorten
from dsp.types import Samples

RATES = (8000, 16000, 48000)


def voice(rate: int, ms: int, pitch_hz: float) -> Samples:
    phase = 2 * np.pi * pitch_hz * np.arange(rate * ms // 1000) / rate
    harmonics = np.arange(1, 12)[:, np.newaxis]
    return (0.1 * (np.sin(harmonics * phase) / harmonics).sum(axis=0)).astype(np.float32)


def noise(count: int, level: float) -> Samples:
    return (level * np.random.default_rng(4).standard_normal(count)).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("pitch_hz", [80.0, 125.0, 230.0])
def test_whole_periods_go_and_the_voice_goes_on(rate: int, pitch_hz: float) -> None:
    buffer = voice(rate, 60, pitch_hz)
    steepest = np.abs(np.diff(buffer)).max()
    kept = shorten(buffer, rate)
    periods = (buffer.size - kept) * pitch_hz / rate
    assert periods >= 0.9
    assert abs(periods - round(periods)) < 0.05
    assert np.abs(np.diff(buffer[:kept])).max() < 1.2 * steepest


@pytest.mark.parametrize("rate", RATES)
def test_loud_noise_is_left_alone(rate: int) -> None:
    buffer = noise(rate * 60 // 1000, 0.1)
    before = buffer.copy()
    assert shorten(buffer, rate) == buffer.size
    assert np.array_equal(buffer, before)


@pytest.mark.parametrize("rate", RATES)
def test_a_pause_gives_up_as_much_as_it_may(rate: int) -> None:
    longest = rate * 15 // 1000
    assert shorten(noise(rate * 60 // 1000, 0.001), rate) == rate * 60 // 1000 - longest
    assert shorten(np.zeros(4 * longest, dtype=np.float32), rate) == 3 * longest


def test_the_pause_within_speech_is_what_is_cut() -> None:
    buffer = np.concatenate((noise(480, 0.1), np.zeros(480, dtype=np.float32)))
    before = buffer.copy()
    kept = shorten(buffer, 8000)
    assert kept == 960 - 120
    assert np.array_equal(buffer[:480], before[:480])


def test_no_more_is_cut_than_allowed() -> None:
    buffer = voice(8000, 60, 230.0)
    assert 480 - 40 <= shorten(buffer, 8000, at_most=40) < 480
    for at_most in (0, 1, 19):
        assert shorten(buffer, 8000, at_most=at_most) == 480
    quiet = np.zeros(480, dtype=np.float32)
    assert shorten(quiet, 8000, at_most=33) == 480 - 33


def test_too_little_audio_is_left_alone() -> None:
    for size in (0, 1, 39):
        assert shorten(np.zeros(size, dtype=np.float32), 8000) == size
    assert shorten(np.zeros(40, dtype=np.float32), 8000) == 20


def test_what_surrounds_the_cut_stays_as_it_was() -> None:
    buffer = voice(8000, 60, 125.0)
    before = buffer.copy()
    kept = shorten(buffer, 8000)
    same_head = np.argmax(buffer[:kept] != before[:kept])
    assert np.array_equal(buffer[:same_head], before[:same_head])
    assert np.array_equal(buffer[kept - 60 : kept], before[-60:])
