"""Classic designs against SciPy, and where SciPy itself loses its digits against what defines them."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from dsp.biquads import Cascade, Sos, pole_radius, response, settle_samples
from dsp.errors import ParameterError
from dsp.iir_design import (
    Edge,
    bessel,
    butterworth,
    chebyshev1,
    chebyshev2,
    elliptic,
    linkwitz_riley,
)
from dsp.iir_prototypes import (
    MAX_ORDER,
    Prototype,
    bessel_prototype,
    butterworth_prototype,
    chebyshev1_prototype,
    chebyshev2_prototype,
    elliptic_prototype,
)

RATE_HZ = 48_000
ORDERS = range(1, MAX_ORDER + 1)
EDGES: list[tuple[str, Edge]] = [
    ("lowpass", 1000.0),
    ("lowpass", 15_000.0),
    ("highpass", 300.0),
    ("bandpass", (300.0, 3400.0)),
    ("bandpass", (20.0, 20_000.0)),
    ("bandpass", (900.0, 1100.0)),
    ("bandstop", (300.0, 3400.0)),
    ("bandstop", (9000.0, 11_000.0)),
]
every_edge = pytest.mark.parametrize(("kind", "edge"), EDGES, ids=[f"{kind}-{edge}" for kind, edge in EDGES])
DESIGNS = ["butterworth", "chebyshev1", "chebyshev2", "elliptic", "bessel", "bessel-magnitude"]


def pair(name: str, order: int, edge: Edge, kind: str) -> tuple[Sos, Sos]:
    """Ours and SciPy's."""
    common = {"btype": kind, "fs": RATE_HZ, "output": "sos"}
    match name:
        case "butterworth":
            return butterworth(order, edge, kind, RATE_HZ), signal.butter(order, edge, **common)
        case "chebyshev1":
            return chebyshev1(order, edge, kind, RATE_HZ, ripple_db=0.5), signal.cheby1(
                order, 0.5, edge, **common
            )
        case "chebyshev2":
            return chebyshev2(order, edge, kind, RATE_HZ, stop_db=60.0), signal.cheby2(
                order, 60, edge, **common
            )
        case "elliptic":
            ours = elliptic(order, edge, kind, RATE_HZ, ripple_db=0.1, stop_db=80.0)
            return ours, signal.ellip(order, 0.1, 80, edge, **common)
        case "bessel":
            return bessel(order, edge, kind, RATE_HZ), signal.bessel(order, edge, norm="phase", **common)
        case _:
            ours = bessel(order, edge, kind, RATE_HZ, norm="magnitude")
            return ours, signal.bessel(order, edge, norm="mag", **common)


def decibels(sos: Sos, freqs_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 20 * np.log10(np.maximum(np.abs(response(sos, freqs_hz, RATE_HZ)), 1e-15))


@pytest.mark.parametrize("name", DESIGNS)
@every_edge
def test_the_response_is_the_one_of_scipy(name: str, kind: str, edge: Edge) -> None:
    freqs_hz = np.geomspace(5, 23_900, 1500)
    for order in (1, 2, 3, 4, 5, 7, 8, 11, 16, 24):
        ours, theirs = (response(sos, freqs_hz, RATE_HZ) for sos in pair(name, order, edge, kind))
        np.testing.assert_allclose(ours, theirs, atol=1e-7)
        passed = np.abs(theirs) > 0.5
        assert passed.any() or order == 1  # a Chebyshev-2 of order 1 passes 1/1000 of its band
        difference_db = 20 * np.log10(np.abs(ours[passed] / theirs[passed]))
        assert np.abs(difference_db).max(initial=0.0) < 1e-6, order


def roots_differ(ours: NDArray[np.complex128], theirs: NDArray[np.complex128]) -> float:
    """Largest relative distance of a root from the nearest one of the others."""
    assert len(ours) == len(theirs)
    return max((float(np.abs((ours - root) / root).min()) for root in theirs), default=0.0)


def prototypes(order: int) -> list[tuple[Prototype, tuple[NDArray, NDArray, float]]]:
    return [
        (butterworth_prototype(order), signal.buttap(order)),
        (chebyshev1_prototype(order, 0.01), signal.cheb1ap(order, 0.01)),
        (chebyshev1_prototype(order, 3.0), signal.cheb1ap(order, 3.0)),
        (chebyshev2_prototype(order, 20.0), signal.cheb2ap(order, 20.0)),
        (chebyshev2_prototype(order, 100.0), signal.cheb2ap(order, 100.0)),
        (elliptic_prototype(order, 0.1, 80.0), signal.ellipap(order, 0.1, 80.0)),
        (elliptic_prototype(order, 0.01, 120.0), signal.ellipap(order, 0.01, 120.0)),
        (bessel_prototype(order, "phase"), signal.besselap(order, "phase")),
        (bessel_prototype(order, "magnitude"), signal.besselap(order, "mag")),
        (bessel_prototype(order, "delay"), signal.besselap(order, "delay")),
    ]


@pytest.mark.parametrize("order", ORDERS)
def test_the_prototypes_are_those_of_scipy(order: int) -> None:
    for ours, (zeros, poles, gain) in prototypes(order):
        assert roots_differ(ours.poles, np.atleast_1d(poles)) < 1e-9
        assert roots_differ(ours.zeros, np.atleast_1d(zeros)) < 1e-9
        assert ours.gain == pytest.approx(gain, rel=1e-9)


@pytest.mark.parametrize(
    ("order", "ripple_db", "stop_db"),
    [(order, 0.1, 60.0) for order in ORDERS]
    + [(order, 1.0, 140.0) for order in ORDERS]
    + [(order, 3.0, 20.0) for order in range(1, 19)],
)
def test_an_elliptic_filter_ripples_evenly_on_both_sides(
    order: int, ripple_db: float, stop_db: float
) -> None:
    """What defines it; SciPy 1.17 loses its digits where the band is steep: 5e-8 of a pole at order 16, 3 dB and 20 dB."""
    found = elliptic_prototype(order, ripple_db, stop_db)
    # The ripples crowd at the edge: look there in steps of the distance to it.
    near = np.concatenate([np.linspace(0, 1, 20_000), 1 - np.geomspace(1e-12, 1, 40_000)])
    passed_db = analogue_db(found, near)
    assert passed_db.min() == pytest.approx(-ripple_db, abs=1e-3)
    assert passed_db.max() == pytest.approx(0.0, abs=1e-3)
    if order > 1:
        floor_hz = np.abs(found.zeros.imag).min()
        stopped_db = analogue_db(found, floor_hz * (1 + np.geomspace(1e-12, 1e4, 60_000)))
        assert stopped_db.max() == pytest.approx(-stop_db, abs=0.05)


def analogue_db(prototype: Prototype, w: NDArray[np.float64]) -> NDArray[np.float64]:
    s = 1j * w[:, np.newaxis]
    level = np.log10(np.maximum(np.abs(s - prototype.zeros), 1e-300)).sum(axis=1)
    return 20 * (np.log10(prototype.gain) + level - np.log10(np.abs(s - prototype.poles)).sum(axis=1))


def test_a_bessel_filter_has_a_flat_delay() -> None:
    w = np.linspace(0.01, 3.0, 200)
    poles = bessel_prototype(12, "delay").poles
    delay = (-poles.real / np.abs(1j * w[:, np.newaxis] - poles) ** 2).sum(axis=1)
    np.testing.assert_allclose(delay, 1.0, atol=1e-6)


@pytest.mark.parametrize("order", range(2, 25, 2))
def test_the_two_sides_of_a_crossover_add_up_flat(order: int) -> None:
    freqs_hz = np.geomspace(20, 23_900, 2000)
    low, high = (
        response(linkwitz_riley(order, 1000.0, kind, RATE_HZ), freqs_hz, RATE_HZ)
        for kind in ("lowpass", "highpass")
    )
    sign = 1.0 if order % 4 == 0 else -1.0
    assert np.abs(20 * np.log10(np.abs(low + sign * high))).max() < 0.01
    at = response(linkwitz_riley(order, 1000.0, "lowpass", RATE_HZ), 1000.0, RATE_HZ)
    assert 20 * np.log10(abs(at)) == pytest.approx(-6.0206, abs=1e-4)


def test_the_middle_of_a_crossover_is_both_sides() -> None:
    freqs_hz = np.geomspace(20, 23_900, 500)
    band = response(linkwitz_riley(8, (300.0, 3000.0), "bandpass", RATE_HZ), freqs_hz, RATE_HZ)
    high = response(linkwitz_riley(8, 300.0, "highpass", RATE_HZ), freqs_hz, RATE_HZ)
    low = response(linkwitz_riley(8, 3000.0, "lowpass", RATE_HZ), freqs_hz, RATE_HZ)
    np.testing.assert_allclose(band, high * low, atol=1e-12)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize(
    ("kind", "edge"), [("lowpass", 1.0), ("highpass", 1.0), ("bandpass", (1.0, 2.0)), ("lowpass", 47_900.0)]
)
def test_the_ends_of_the_ranges_are_stable_and_flat_where_they_pass(name: str, kind: str, edge: Edge) -> None:
    rate_hz = 96_000
    for order in (1, 2, 24):
        makes = {
            "butterworth": lambda o: butterworth(o, edge, kind, rate_hz),
            "chebyshev1": lambda o: chebyshev1(o, edge, kind, rate_hz, ripple_db=0.01),
            "chebyshev2": lambda o: chebyshev2(o, edge, kind, rate_hz, stop_db=140.0),
            "elliptic": lambda o: elliptic(o, edge, kind, rate_hz, ripple_db=0.01, stop_db=140.0),
            "bessel": lambda o: bessel(o, edge, kind, rate_hz),
            "bessel-magnitude": lambda o: bessel(o, edge, kind, rate_hz, norm="magnitude"),
        }
        sos = makes[name](order)
        assert np.isfinite(sos).all()
        assert pole_radius(sos) < 1.0
        passed_hz = {"lowpass": 0.0, "highpass": 48_000.0, "bandpass": 2**0.5}[kind]
        assert abs(response(sos, passed_hz, rate_hz)) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize(
    ("kind", "edge"), [*EDGES, ("bandstop", (20.0, 20_000.0)), ("bandstop", (1.0, 23_000.0))]
)
def test_it_runs_as_precisely_as_it_is_designed(name: str, kind: str, edge: Edge) -> None:
    """What some sections press down and others raise again is lost in rounding: against the response, in float32 out."""
    sound = np.random.default_rng(7).standard_normal(1 << 15).astype(np.float32)
    for order in (12, 24):
        sos, _ = pair(name, order, edge, kind)
        settle = settle_samples(sos)
        if settle > 1 << 15:
            continue
        periodic = np.tile(sound, 2 + settle // sound.size)[np.newaxis].copy()
        found = Cascade(sos, 1).process(periodic)[0, -sound.size :].astype(np.float64)
        freqs_hz = np.fft.rfftfreq(sound.size, 1 / RATE_HZ)
        wanted = np.fft.irfft(np.fft.rfft(sound.astype(np.float64)) * response(sos, freqs_hz, RATE_HZ))
        error = np.sqrt(np.mean((found - wanted) ** 2))
        # -90 dB: what settling leaves; rounding must not be seen beside it.
        assert error < 10 ** (-90 / 20) * np.sqrt(np.mean(wanted**2)) + 1e-7, order


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (lambda: butterworth(0, 100.0, "lowpass", 8000), "order must be 1 to 24, got 0"),
        (lambda: butterworth(25, 100.0, "lowpass", 8000), "order must be 1 to 24, got 25"),
        (
            lambda: butterworth(2, 4000.0, "lowpass", 8000),
            "freq_hz must be over 0 and below 4000 Hz, got 4000 Hz",
        ),
        (lambda: butterworth(2, 100.0, "bandpass", 8000), "bandpass needs a low and a high frequency"),
        (lambda: butterworth(2, (1.0, 2.0), "lowpass", 8000), "lowpass needs one frequency"),
        (
            lambda: butterworth(2, (200.0, 100.0), "bandstop", 8000),
            "low_hz must be below high_hz, got 200 Hz and 100 Hz",
        ),
        (
            lambda: butterworth(2, 100.0, "low", 8000),
            "kind must be one of lowpass, highpass, bandpass, bandstop, got 'low'",
        ),
        (
            lambda: chebyshev1(2, 100.0, "lowpass", 8000, ripple_db=0.0),
            "ripple_db must be over 0 dB, got 0 dB",
        ),
        (lambda: chebyshev2(2, 100.0, "lowpass", 8000, stop_db=-1.0), "stop_db must be over 0 dB, got -1 dB"),
        (
            lambda: elliptic(2, 100.0, "lowpass", 8000, ripple_db=3.0, stop_db=3.0),
            r"stop_db must be over ripple_db \(3 dB\), got 3 dB",
        ),
        (
            lambda: elliptic(24, 100.0, "lowpass", 8000, ripple_db=6.0, stop_db=7.0),
            "unstable design: an elliptic filter of order 24 would be too steep here",
        ),
        (
            lambda: bessel(2, 100.0, "lowpass", 8000, norm="x"),
            "norm must be phase, magnitude or delay, got 'x'",
        ),
        (lambda: linkwitz_riley(3, 100.0, "lowpass", 8000), "order must be even, 2 to 24, got 3"),
        (
            lambda: linkwitz_riley(4, (100.0, 200.0), "bandstop", 8000),
            "kind must be lowpass, highpass or bandpass, got 'bandstop'",
        ),
        (lambda: butterworth(24, (1e-9, 2e-9), "bandpass", 96_000), "unstable design: .*"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(design: object, message: str) -> None:
    with pytest.raises(ParameterError, match=f"^{message}$"):
        design()


def test_a_prototype_is_designed_once_and_cannot_be_changed_by_who_uses_it() -> None:
    first = elliptic_prototype(6, 0.5, 60.0)
    before = first.zeros.copy(), first.poles.copy()
    elliptic(6, 1000.0, "lowpass", RATE_HZ, ripple_db=0.5, stop_db=60.0)
    assert elliptic_prototype(6, 0.5, 60.0) is first
    assert np.array_equal(first.zeros, before[0])
    assert np.array_equal(first.poles, before[1])
    with pytest.raises(ValueError, match="read-only"):
        first.poles[0] = 0.0
