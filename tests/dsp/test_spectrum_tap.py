"""The spectrum of what is running: tones where and as loud as they are, from blocks of any length."""

import numpy as np
import pytest
from numpy.typing import NDArray
from support.dynamics import tone

from dsp.errors import ParameterError
from dsp.spectrum import FLOOR_DB, KEPT_SAMPLES, SpectrumTap

RATE_HZ = 48_000


def seen(sound: NDArray[np.float32], size: int = 480, rate_hz: int = RATE_HZ) -> SpectrumTap:
    tap = SpectrumTap(rate_hz)
    for start in range(0, sound.shape[1], size):
        tap.process(sound[:, start : start + size])
    return tap


@pytest.mark.parametrize("rate_hz", [8000, 44_100, 48_000])
@pytest.mark.parametrize("freq_hz", [80.0, 313.0, 1000.0, 3456.7])
def test_a_tone_is_where_and_as_loud_as_it_is(freq_hz: float, rate_hz: int) -> None:
    """To 0.4 dB: what a Hann window loses between two lines of a transform of twice its length (0.36 dB)."""
    freqs, level = seen(tone(freq_hz, -12.0, 1.0, rate_hz)[np.newaxis], rate_hz=rate_hz).levels_db()
    at = int(np.argmax(level))
    assert level[at] == pytest.approx(-12.0, abs=0.4)
    # Lines are 5.9 Hz apart at 48 kHz, bands 6.6 % at least.
    assert abs(freqs[at] - freq_hz) <= max(8.0, 0.05 * freq_hz)
    far = (freqs < 0.5 * freq_hz) | (freqs > 2 * freq_hz)
    if freq_hz > 200:
        assert level[far].max() < -70


def test_bands_are_even_on_a_logarithmic_axis_up_to_half_the_rate() -> None:
    freqs, level = SpectrumTap(RATE_HZ).levels_db(96)
    assert freqs.shape == level.shape == (96,)
    steps = np.diff(np.log(freqs))
    np.testing.assert_allclose(steps, steps[0])
    edge = np.exp(steps[0] / 2)
    assert freqs[0] / edge == pytest.approx(50.0)
    assert freqs[-1] * edge == pytest.approx(RATE_HZ / 2)


def test_the_number_of_bands_is_as_asked_each_time() -> None:
    tap = seen(tone(1000, -20.0, 0.5, RATE_HZ)[np.newaxis])
    for bands in (2, 300, 96, 1024, 96):
        freqs, level = tap.levels_db(bands)
        assert freqs.size == level.size == bands
        assert level.max() == pytest.approx(-20.0, abs=0.4)


@pytest.mark.parametrize("size", [1, 63, 480, 4096, 5000, 100_000])
def test_blocks_of_any_length_show_the_same(size: int) -> None:
    sound = 0.1 * np.random.default_rng(1).standard_normal((2, 10_000)).astype(np.float32)
    np.testing.assert_allclose(seen(sound, size).levels_db()[1], seen(sound).levels_db()[1], atol=1e-6)


def test_only_the_newest_samples_count() -> None:
    sound = np.concatenate([tone(300, 0.0, 1.0, RATE_HZ), tone(2000, -30.0, 0.2, RATE_HZ)])
    freqs, level = seen(sound[np.newaxis]).levels_db()
    assert level.max() == pytest.approx(-30.0, abs=0.4)
    assert level[freqs < 1000].max() < -90


def test_the_mean_of_the_channels_is_shown() -> None:
    one = tone(1000, -6.0, 0.5, RATE_HZ)
    half = seen(np.stack((one, np.zeros_like(one))))
    assert half.levels_db()[1].max() == pytest.approx(-12.02, abs=0.4)


def test_noise_is_drawn_by_its_loudest_lines_in_each_band() -> None:
    """White noise of RMS -20 dBFS: its density over a line of 17.6 Hz (Hann, 1.5 bins) is -48.3 dB re a sine's power."""
    sound = 0.1 * np.random.default_rng(1).standard_normal((1, KEPT_SAMPLES)).astype(np.float32)
    freqs, level = seen(sound).levels_db(24)
    mean_line_db = -20 - 10 * np.log10(RATE_HZ / 2 / 17.6) + 3.01
    assert mean_line_db - 3 < level[freqs > 500].mean() < mean_line_db + 11


def test_silence_lies_on_the_floor() -> None:
    _, level = SpectrumTap(RATE_HZ).levels_db()
    np.testing.assert_allclose(level, FLOOR_DB)


def test_asking_and_measuring_change_neither_the_block_nor_the_picture() -> None:
    sound = tone(1000, -20.0, 0.2, RATE_HZ)[np.newaxis]
    before = sound.copy()
    tap = seen(sound)
    np.testing.assert_array_equal(sound, before)
    np.testing.assert_array_equal(tap.levels_db()[1], tap.levels_db()[1])
    tap.process(sound[:, :0])
    np.testing.assert_array_equal(tap.levels_db()[1], seen(sound).levels_db()[1])


@pytest.mark.parametrize("bands", [1, 1025])
def test_too_few_or_too_many_bands_are_refused(bands: int) -> None:
    with pytest.raises(ParameterError, match=f"2 to 1024 bands, got {bands}"):
        SpectrumTap(RATE_HZ).levels_db(bands)


def test_a_rate_out_of_range_is_refused() -> None:
    with pytest.raises(ParameterError, match="1000 to 384000 Hz, got 100"):
        SpectrumTap(100)
