"""Graphic equaliser and tilt: what is drawn is reached."""

import numpy as np
import pytest

from dsp.biquads import NYQUIST_SHARE, pole_radius, response
from dsp.eq_design import OCTAVE_BANDS, THIRD_OCTAVE_BANDS, centres_hz, decibels, graphic, tilt
from dsp.errors import ParameterError

RATES_HZ = (8000, 16_000, 32_000, 44_100, 48_000, 96_000)
every_rate = pytest.mark.parametrize("rate_hz", RATES_HZ)
every_width = pytest.mark.parametrize("bands", [OCTAVE_BANDS, THIRD_OCTAVE_BANDS])

NOMINAL_OCTAVES_HZ = [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000]
NOMINAL_THIRDS_HZ = [
    *[20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000],
    *[2500, 3150, 4000, 5000, 6300, 8000, 10_000, 12_500, 16_000, 20_000],
]
"""ISO 266:1997, table 1."""


def drawings(bands: int) -> dict[str, np.ndarray]:
    place = np.arange(bands)
    return {
        "flat": np.full(bands, 6.0),
        "zigzag": 20.0 * (-1.0) ** place,
        "pairs": np.where(place // 2 % 2, -20.0, 20.0),
        "step": np.where(place < bands // 2, -20.0, 20.0),
        "one": np.where(place == bands // 2, 12.0, 0.0),
        "first and last": np.where((place == 0) | (place == bands - 1), -15.0, 0.0),
        "chance": np.random.default_rng(5).uniform(-20, 20, bands),
    }


@pytest.mark.parametrize(("bands", "nominal_hz"), [(10, NOMINAL_OCTAVES_HZ), (31, NOMINAL_THIRDS_HZ)])
def test_the_bands_are_those_of_the_standard(bands: int, nominal_hz: list[float]) -> None:
    # Nominal frequencies are rounded by at most 1.3 % (630 Hz for 630.96, 31.5 Hz for 31.62, 315 Hz for 316.2, 80 for 79.4).
    np.testing.assert_allclose(centres_hz(bands), nominal_hz, rtol=0.013)
    assert centres_hz(bands)[nominal_hz.index(1000)] == 1000.0


@every_rate
@every_width
def test_the_drawn_gains_are_reached(bands: int, rate_hz: int) -> None:
    centres = centres_hz(bands)
    reach = centres < NYQUIST_SHARE * rate_hz
    for name, wanted in drawings(bands).items():
        sos = graphic(tuple(wanted), rate_hz)
        assert pole_radius(sos) < 1.0
        found = decibels(response(sos, centres[reach], rate_hz))
        assert np.abs(found - wanted[reach]).max() < 0.1, name
        assert len(sos) == reach.sum()


@every_rate
@every_width
def test_equal_gains_are_level_between_the_bands_too(bands: int, rate_hz: int) -> None:
    centres = centres_hz(bands)
    top_hz = centres[centres < NYQUIST_SHARE * rate_hz][-1]
    found = decibels(
        response(graphic((6.0,) * bands, rate_hz), np.geomspace(centres[0], top_hz, 1000), rate_hz)
    )
    assert np.abs(found - 6.0).max() < 1.0


@every_width
def test_no_gain_is_no_section(bands: int) -> None:
    assert graphic((0.0,) * bands, 48_000).shape == (0, 6)
    above = (0.0,) * (bands - 1) + (12.0,)
    assert graphic(above, 16_000).shape == (0, 6)


@pytest.mark.parametrize("bands", [0, 11, 30])
def test_any_other_number_of_bands_is_refused(bands: int) -> None:
    with pytest.raises(ParameterError, match=rf"10 values \(octave bands\) or 31 .* got {bands}$"):
        graphic((1.0,) * bands, 48_000)


@every_rate
@pytest.mark.parametrize("pivot_hz", [100.0, 1000.0, 3500.0])
@pytest.mark.parametrize("slope", [-6.0, -3.0, -0.5, 1.0, 4.5, 6.0])
def test_a_tilt_is_a_straight_line(slope: float, pivot_hz: float, rate_hz: int) -> None:
    freqs_hz = np.geomspace(20, min(20_000, 0.45 * rate_hz), 500)
    found = decibels(response(tilt(slope, pivot_hz, rate_hz), freqs_hz, rate_hz))
    # Measured: 0.3 dB at 6 dB per octave, 0.1 dB at 3.
    assert np.abs(found - slope * np.log2(freqs_hz / pivot_hz)).max() < 0.07 * abs(slope)
    assert decibels(response(tilt(slope, pivot_hz, rate_hz), pivot_hz, rate_hz)) == pytest.approx(
        0.0, abs=1e-9
    )


def test_no_tilt_is_no_section() -> None:
    assert tilt(0.0, 1000.0, 48_000).shape == (0, 6)
