"""The slope of a fade: where it begins and ends, and what it leaves beside a tone."""

import numpy as np
import pytest

from dsp.fade import rising


def test_it_rises_from_near_0_to_near_1_and_is_the_same_from_both_ends() -> None:
    gains = rising(0, 480, 480)
    assert gains.dtype == np.float32
    assert np.all(np.diff(gains) >= 0)
    assert 0 < gains[0] < 1e-4
    assert gains + gains[::-1] == pytest.approx(1.0, abs=1e-6)


def test_its_pieces_are_the_whole() -> None:
    pieces = [rising(0, 7, 480), rising(7, 300, 480), rising(300, 480, 480)]
    assert np.array_equal(np.concatenate(pieces), rising(0, 480, 480))


def test_a_tone_that_comes_leaves_less_than_110_db_500_hz_away() -> None:
    """A raised cosine of the same length leaves -98 dB: then this fails."""
    rate_hz, tone_hz = 48_000, 1000
    tone = np.sin(2 * np.pi * tone_hz * np.arange(rate_hz // 10) / rate_hz)
    tone[: rate_hz // 20] = 0.0
    tone[rate_hz // 20 : rate_hz // 20 + 480] *= rising(0, 480, 480)
    lines = np.abs(np.fft.rfft(tone * np.hanning(tone.size), 1 << 17))
    hz = np.fft.rfftfreq(1 << 17, 1 / rate_hz)
    away = lines[np.abs(hz - tone_hz) >= 500].max() / (0.5 * np.hanning(tone.size).sum())
    assert 20 * np.log10(away) < -110
