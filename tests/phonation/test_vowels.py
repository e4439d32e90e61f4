"""The synthetic vowels that measures are held against hold what they promise."""

import numpy as np
import pytest

from tests.support.vowels import AH, vowel


def test_truth_is_what_was_drawn() -> None:
    truth = vowel(100.0, seconds=20.0, jitter_pct=2.0, shimmer_pct=9.0, hnr_db=20.0).truth
    assert truth.jitter_local_pct == pytest.approx(2.0, rel=0.05)
    assert truth.shimmer_local_pct == pytest.approx(9.0, rel=0.05)
    assert truth.hnr_db == pytest.approx(20.0, abs=0.05)
    assert truth.f0_mean_hz == pytest.approx(100.0, rel=0.002)
    assert truth.periods_s == pytest.approx(np.diff(truth.pulses_s))
    assert np.max(truth.amplitudes[1:] / truth.amplitudes[:-1]) < 1.6


def test_pulses_fall_between_samples() -> None:
    late = vowel(123.4, seconds=1.0)
    shifted = late.truth.pulses_s * late.sample_rate_hz % 1.0
    assert np.ptp(shifted) > 0.9


def test_a_vowel_is_strongest_at_its_formants() -> None:
    made = vowel(50.0, seconds=1.0)
    power = np.abs(np.fft.rfft(made.samples * np.hanning(made.samples.size))) ** 2
    harmonics = power[50:5000:50]
    for hz, _ in AH[:3]:
        near = harmonics[round(hz / 50) - 4 : round(hz / 50) + 3]
        assert 50 * (round(hz / 50) - 3 + int(near.argmax())) == pytest.approx(hz, abs=60)


@pytest.mark.parametrize("rate", [8000, 16000, 96000])
def test_the_same_vowel_lies_at_the_same_time_at_every_rate(rate: int) -> None:
    one, other = (
        vowel(110.0, seconds=1.0, sample_rate_hz=48000),
        vowel(110.0, seconds=1.0, sample_rate_hz=rate),
    )
    assert other.samples.size == rate
    sums = []
    for made in (one, other):
        at = (np.arange(made.samples.size) + 0.5) / made.sample_rate_hz
        sums.append(np.sum(made.samples * np.hanning(at.size) * np.exp(-2j * np.pi * 660.0 * at)) / at.size)
    assert abs(np.angle(sums[0] / sums[1])) < 0.01  # 2 us
    assert abs(sums[0]) == pytest.approx(abs(sums[1]), rel=0.01)


def test_level_is_the_root_mean_square_of_the_voice() -> None:
    made = vowel(200.0, seconds=1.0, level_dbfs=-26.0)
    assert 10 * np.log10(np.mean(made.samples.astype(np.float64) ** 2)) == pytest.approx(-26.0, abs=1e-3)
    assert made.samples.dtype == np.float32
