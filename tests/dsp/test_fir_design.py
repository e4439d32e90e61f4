import numpy as np
import pytest
from scipy.signal import freqz, group_delay

from dsp.errors import ParameterError
from dsp.fir_design import (
    drawn_gains_db,
    linear_phase,
    minimum_phase,
    normalised,
    response_peak,
    taps_for,
)

CURVE = ((50.0, -20.0), (200.0, -20.0), (400.0, 0.0), (1000.0, 6.0), (2000.0, -3.0), (3500.0, -40.0))
"""Points no nearer to each other than 150 Hz."""


def gains_db(taps, freqs_hz, rate_hz):
    return 20 * np.log10(np.abs(freqz(taps, worN=freqs_hz, fs=rate_hz)[1]) + 1e-12)


def designed(phase, rate_hz, resolution_hz):
    taps = linear_phase(CURVE, taps_for(resolution_hz, rate_hz), rate_hz)
    return taps if phase == "linear" else minimum_phase(taps)


@pytest.mark.parametrize("phase", ["linear", "minimum"])
@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("resolution_hz", [50.0, 100.0, 150.0])
def test_a_drawn_response_goes_through_its_points(phase, rate_hz, resolution_hz):
    freqs, wanted = np.array(CURVE).T
    got = gains_db(designed(phase, rate_hz, resolution_hz), freqs, rate_hz)
    np.testing.assert_allclose(got, wanted, atol=0.1)


@pytest.mark.parametrize("phase", ["linear", "minimum"])
def test_between_its_points_it_is_straight_in_decibels_over_the_logarithm_of_frequency(phase):
    freqs = np.array([600.0, 1414.2, 2646.0])
    expected = drawn_gains_db(CURVE, freqs)
    np.testing.assert_allclose(expected[1:], [1.5, -21.5], atol=0.05)
    np.testing.assert_allclose(gains_db(designed(phase, 48_000, 50.0), freqs, 48_000), expected, atol=0.3)


def test_outside_its_points_a_drawn_response_stays_level():
    np.testing.assert_array_equal(drawn_gains_db(CURVE, np.array([0.0, 10.0, 20_000.0])), [-20, -20, -40])


def test_linear_phase_delays_all_frequencies_by_half_its_length():
    taps = linear_phase(CURVE, 501, 16_000)
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-12)
    delays = group_delay((taps, 1.0), w=np.array([100.0, 1000.0, 3000.0]), fs=16_000)[1]
    np.testing.assert_allclose(delays, 250.0, atol=1e-6)


def test_minimum_phase_has_all_zeros_inside_and_the_same_magnitude():
    curve = ((300.0, -6.0), (1000.0, 0.0), (3000.0, -12.0))
    linear = linear_phase(curve, 101, 8000)
    minimum = minimum_phase(linear)
    assert minimum.size == linear.size
    assert np.abs(np.roots(minimum)).max() < 1.0
    freqs = np.linspace(0, 4000, 200)
    np.testing.assert_allclose(gains_db(minimum, freqs, 8000), gains_db(linear, freqs, 8000), atol=0.01)


def test_minimum_phase_of_a_response_is_the_one_with_its_zeros_turned_inside():
    outside = np.convolve([1.0, -2.0], [1.0, 0.5])
    np.testing.assert_allclose(np.abs(minimum_phase(outside)), np.abs([2.0, 0.0, -0.5]), atol=1e-2)


def test_minimum_phase_comes_early():
    minimum = designed("minimum", 48_000, 100.0)
    assert np.sum(minimum[: minimum.size // 10] ** 2) > 0.999 * np.sum(minimum**2)


def test_minimum_phase_of_silence_is_silence():
    assert not minimum_phase(np.zeros(9)).any()


def test_finer_resolution_is_longer():
    assert taps_for(100.0, 48_000) == 2 * taps_for(200.0, 48_000) - 1
    assert taps_for(2000.0, 8000) % 2 == 1


def test_normalising_by_peak_and_by_energy():
    taps = np.random.default_rng(3).standard_normal((2, 300))
    assert response_peak(normalised(taps, "peak", "x")) == pytest.approx(1.0)
    assert np.sum(normalised(taps, "energy", "x") ** 2, axis=1).max() == pytest.approx(1.0)
    assert normalised(taps, "none", "x") is taps


def test_what_cannot_be_is_said_in_one_line():
    with pytest.raises(ParameterError, match=r"room.wav is silent"):
        normalised(np.zeros((1, 5)), "peak", "room.wav")
    with pytest.raises(ParameterError, match="none, peak, energy"):
        normalised(np.ones((1, 5)), "rms", "room.wav")
    with pytest.raises(ParameterError, match="at least one point"):
        linear_phase((), 11, 8000)
    with pytest.raises(ParameterError, match="odd taps, got 10"):
        linear_phase(CURVE, 10, 8000)
