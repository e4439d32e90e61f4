"""Equalisers as second-order sections: drawn gains in octave or third-octave bands, and a tilted response.

Sources: IEC 61260-1:2014, section 5 (mid-band frequencies, base ten) and ISO 266:1997 (their names); J. S. Abel,
D. P. Berners, "Filter design using second-order peaking and shelving sections" (ICMC 2004) and V. Valimaki, J. Liski,
"Accurate cascade graphic equalizer" (IEEE Signal Processing Letters 24(2), 2017) for the interaction of bands;
J. O. Smith, H. F. Smith, "Closed form fractional integration and differentiation via real exponentially spaced
pole-zero pairs" (arXiv:1606.06154) for the tilt.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dsp.biquads import NYQUIST_SHARE, Sos, empty, gain, join, q_of_bandwidth, rbj, response
from dsp.errors import ParameterError

OCTAVE_BANDS, THIRD_OCTAVE_BANDS = 10, 31

_OVERLAP = 1.4
"""Width of a band's section between half its gain in dB, by the distance of bands: smooth between equal gains."""
_ROUNDS = 12
_SMALLEST_DB = 0.1
_TILT_FROM_HZ, _TILT_TO_HZ, _TILT_SHARE = 20.0, 20_000.0, 0.45


def centres_hz(bands: int) -> NDArray[np.float64]:
    """Exact mid-band frequencies: of 10 octave bands (31.5 Hz to 16 kHz) or 31 third-octave bands (20 Hz to 20 kHz).

    Raises:
        ParameterError: any other number of bands.
    """
    if bands == OCTAVE_BANDS:
        return np.power(10.0, 3.0 + 0.3 * np.arange(-5.0, 5.0))
    if bands == THIRD_OCTAVE_BANDS:
        return np.power(10.0, 3.0 + 0.1 * np.arange(-17.0, 14.0))
    raise ParameterError(
        f"gains_db must have {OCTAVE_BANDS} values (octave bands) or {THIRD_OCTAVE_BANDS} (third-octave bands), "
        f"got {bands}"
    )


def graphic(gains_db: tuple[float, ...], sample_rate_hz: float) -> Sos:
    """Sections that reach *gains_db* at the mid-band frequencies; bands out of reach at this rate are left out.

    Each section also acts on its neighbours. What each one must have so that together they reach what is drawn
    solves a system of linear equations, one for each band; a section's shape changes a little with its gain, so
    it is solved again with the shapes found. A band that ends beyond half the sample rate is a high shelf.

    Args:
        gains_db: 10 values for octave bands, 31 for third-octave bands.
    """
    every = centres_hz(len(gains_db))
    spacing = math.log2(every[1] / every[0])
    reach = every < NYQUIST_SHARE * sample_rate_hz
    centres, wanted = every[reach], np.array(gains_db)[reach]
    if not wanted.any():
        return empty()

    def band(index: int, gain_db: float) -> Sos:
        return _band(float(centres[index]), spacing, gain_db, sample_rate_hz)

    def levels(row: Sos) -> NDArray[np.float64]:
        return decibels(response(row, centres, sample_rate_hz))

    return _solve(wanted, band, levels)


def tilt(db_per_octave: float, pivot_hz: float, sample_rate_hz: float) -> Sos:
    """A response that rises by *db_per_octave* from 20 Hz to 20 kHz (or to 0.45 of the sample rate), 0 dB at *pivot_hz*.

    One shelf of first order for each octave; their gains are solved for as those of `graphic`.
    """
    if db_per_octave == 0.0:
        return empty()
    top_hz = min(_TILT_TO_HZ, _TILT_SHARE * sample_rate_hz)
    steps = round(math.log2(top_hz / _TILT_FROM_HZ))
    edges = np.geomspace(_TILT_FROM_HZ, top_hz, steps + 1)
    wanted = np.full(steps, db_per_octave * math.log2(edges[1] / edges[0]))

    def shelf(index: int, gain_db: float) -> Sos:
        return _first_order_shelf(float(math.sqrt(edges[index] * edges[index + 1])), gain_db, sample_rate_hz)

    def rises(row: Sos) -> NDArray[np.float64]:
        return np.diff(decibels(response(row, edges, sample_rate_hz)))

    sos = _solve(wanted, shelf, rises)
    return join(gain(1.0 / float(np.abs(response(sos, pivot_hz, sample_rate_hz)))), sos)


def decibels(found: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Level of a complex response in dB."""
    return np.asarray(20.0 * np.log10(np.abs(found)))


def _solve(
    wanted: NDArray[np.float64],
    section: Callable[[int, float], Sos],
    measure: Callable[[Sos], NDArray[np.float64]],
) -> Sos:
    """Sections whose gains are such that together they *measure* as *wanted*.

    Args:
        section: makes section i with a gain in dB.
        measure: dB at as many places as there are sections; in series they add up.
    """
    count = len(wanted)
    drawn = wanted.copy()
    for _ in range(_ROUNDS):
        safe = np.where(np.abs(drawn) < _SMALLEST_DB, _SMALLEST_DB, drawn)
        # Column i: what one dB of section i does everywhere.
        shapes = [measure(section(index, float(safe[index]))) / safe[index] for index in range(count)]
        drawn = np.linalg.solve(np.stack(shapes, axis=1), wanted)
    return join(*(section(index, float(drawn[index])) for index in range(count)))


def _band(centre_hz: float, spacing: float, gain_db: float, rate_hz: float) -> Sos:
    edge = 2.0 ** (0.5 * spacing)
    if centre_hz * edge >= NYQUIST_SHARE * rate_hz:
        return rbj("high-shelf", centre_hz / edge, math.sqrt(0.5), gain_db, rate_hz)
    return rbj("peaking", centre_hz, q_of_bandwidth(_OVERLAP * spacing, centre_hz, rate_hz), gain_db, rate_hz)


def _first_order_shelf(middle_hz: float, gain_db: float, rate_hz: float) -> Sos:
    """``(A s + w) / (s / A + w)``, A the square root of the gain, through the bilinear transform: 0 dB at 0 Hz."""
    w, a = math.tan(math.pi * middle_hz / rate_hz), 10.0 ** (gain_db / 40.0)
    row: Sos = np.array([a + w, w - a, 0.0, 1.0 / a + w, w - 1.0 / a, 0.0]) / (1.0 / a + w)
    return row
