"""Sections of the Audio EQ Cookbook against their analogue prototypes; response, settling and running."""

import math

import numpy as np
import pytest
from scipy import signal

from dsp.biquads import (
    KINDS,
    Cascade,
    acts,
    empty,
    gain,
    join,
    pole_radius,
    q_of_bandwidth,
    q_of_slope,
    rbj,
    rbj_sections,
    response,
    settle_samples,
)
from dsp.errors import ParameterError

RATE_HZ = 48_000


def analogue(kind: str, s: complex, q: float, gain_db: float) -> complex:
    """H(s) as the cookbook gives it, normalised to 1 rad/s."""
    a = 10 ** (gain_db / 40)
    edge = math.sqrt(a) / q
    low = s * s + s / q + 1
    match kind:
        case "lowpass":
            return 1 / low
        case "highpass":
            return s * s / low
        case "bandpass-skirt":
            return s / low
        case "bandpass":
            return (s / q) / low
        case "notch":
            return (s * s + 1) / low
        case "allpass":
            return (s * s - s / q + 1) / low
        case "peaking":
            return (s * s + s * a / q + 1) / (s * s + s / (a * q) + 1)
        case "low-shelf":
            return a * (s * s + edge * s + a) / (a * s * s + edge * s + 1)
        case _:
            return a * (a * s * s + edge * s + 1) / (s * s + edge * s + a)


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
@pytest.mark.parametrize("q", [0.3, math.sqrt(0.5), 5.0])
@pytest.mark.parametrize("freq_hz", [30.0, 1000.0, 9000.0])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_analogue_prototype_warped(kind: str, freq_hz: float, q: float, gain_db: float) -> None:
    row = rbj(kind, freq_hz, q, gain_db, RATE_HZ)
    for at_hz in (freq_hz / 2, freq_hz, 2 * freq_hz):
        s = 1j * math.tan(math.pi * at_hz / RATE_HZ) / math.tan(math.pi * freq_hz / RATE_HZ)
        wanted = analogue(kind, s, q, gain_db)
        # 30 Hz at 48 kHz: coefficients in float64 leave 1e-16 / (2 pi 30 / 48000)^2 = 6e-12.
        assert abs(response(row, at_hz, RATE_HZ) - wanted) < 1e-9 * max(1.0, abs(wanted), q)


@pytest.mark.parametrize(
    ("kind", "at_hz", "wanted_db"),
    [
        ("lowpass", 1000.0, -3.0103),
        ("highpass", 1000.0, -3.0103),
        ("bandpass", 1000.0, 0.0),
        ("bandpass-skirt", 1000.0, -3.0103),
        ("allpass", 3210.0, 0.0),
        ("peaking", 1000.0, 9.0),
        ("low-shelf", 1000.0, 4.5),
        ("high-shelf", 1000.0, 4.5),
        ("low-shelf", 0.0, 9.0),
        ("high-shelf", 24_000.0, 9.0),
        ("low-shelf", 24_000.0, 0.0),
        ("high-shelf", 0.0, 0.0),
    ],
)
def test_its_gain_is_the_one_of_the_book(kind: str, at_hz: float, wanted_db: float) -> None:
    row = rbj(kind, 1000.0, math.sqrt(0.5), 9.0, RATE_HZ)
    assert 20 * math.log10(abs(response(row, at_hz, RATE_HZ))) == pytest.approx(wanted_db, abs=1e-4)


def test_a_notch_is_deep_and_scipy_makes_the_same_one() -> None:
    row = rbj("notch", 50.0, 30.0, 0.0, RATE_HZ)
    b, a = signal.iirnotch(50.0, 30.0, RATE_HZ)
    # SciPy takes the bandwidth in digital frequency, the cookbook Q; at 50 Hz they agree to 1e-6.
    np.testing.assert_allclose(row, [*b, *a], rtol=1e-6)
    assert abs(response(row, 50.0, RATE_HZ)) < 1e-9


@pytest.mark.parametrize("octaves", [0.3, 1.0, 2.0])
def test_a_bandwidth_lies_between_its_3_db_points(octaves: float) -> None:
    low_hz, high_hz = 1000 * 2 ** (-octaves / 2), 1000 * 2 ** (octaves / 2)
    q = q_of_bandwidth(octaves, 1000.0, RATE_HZ)
    found = 20 * np.log10(
        np.abs(response(rbj("bandpass", 1000.0, q, 0.0, RATE_HZ), [low_hz, high_hz], RATE_HZ))
    )
    np.testing.assert_allclose(found, -3.01, atol=0.05)
    half = 20 * np.log10(
        np.abs(response(rbj("peaking", 1000.0, q, 12.0, RATE_HZ), [low_hz, high_hz], RATE_HZ))
    )
    np.testing.assert_allclose(half, 6.0, atol=0.1)


def test_a_bandwidth_next_to_half_the_rate_is_still_a_stable_section() -> None:
    q = q_of_bandwidth(10.0, 0.4985 * RATE_HZ, RATE_HZ)
    assert 0.0 < q < 1.0
    assert pole_radius(rbj("peaking", 0.4985 * RATE_HZ, q, 6.0, RATE_HZ)) < 1.0


@pytest.mark.parametrize("gain_db", [-15.0, 3.0, 15.0])
def test_a_shelf_of_slope_1_is_the_steepest_without_a_hump(gain_db: float) -> None:
    freqs_hz = np.geomspace(20, 20_000, 500)

    def hump_db(slope_q: float) -> float:
        found = 20 * np.log10(
            np.abs(response(rbj("low-shelf", 1000.0, slope_q, gain_db, RATE_HZ), freqs_hz, RATE_HZ))
        )
        return float(max(found.max() - max(gain_db, 0.0), min(gain_db, 0.0) - found.min()))

    assert q_of_slope(1.0, gain_db) == pytest.approx(math.sqrt(0.5))
    assert hump_db(q_of_slope(1.0, gain_db)) < 1e-9
    assert hump_db(1.2 * q_of_slope(1.0, gain_db)) > 0.01
    assert q_of_slope(0.5, gain_db) < math.sqrt(0.5)


@pytest.mark.parametrize("kind", ["lowpass", "notch", "allpass", "peaking", "high-shelf"])
def test_what_has_nothing_to_act_on_is_left_out(kind: str) -> None:
    assert rbj_sections(kind, 0.499 * 8000, 1.0, 6.0, 8000).shape == (0, 6)
    assert rbj_sections(kind, 0.4989 * 8000, 1.0, 6.0, 8000).shape == (1, 6)


@pytest.mark.parametrize("kind", ["highpass", "bandpass", "bandpass-skirt", "low-shelf"])
def test_what_would_act_on_everything_is_refused(kind: str) -> None:
    with pytest.raises(
        ParameterError, match=r"^low_hz of a \S+ must be below 3992 Hz at .* 8000 Hz, got 5000 Hz$"
    ):
        acts(kind, 5000.0, 8000, "low_hz")


@pytest.mark.parametrize("kind", ["peaking", "low-shelf", "high-shelf"])
def test_no_gain_is_no_section(kind: str) -> None:
    assert rbj_sections(kind, 1000.0, 1.0, 0.0, 8000).shape == (0, 6)


@pytest.mark.parametrize(
    ("kind", "freq_hz", "q"),
    [("lowpas", 1.0, 1.0), ("lowpass", 0.0, 1.0), ("lowpass", 4000.0, 1.0), ("lowpass", 100.0, 0.0)],
)
def test_nonsense_is_refused(kind: str, freq_hz: float, q: float) -> None:
    with pytest.raises(ParameterError):
        rbj(kind, freq_hz, q, 0.0, 8000)


def test_the_response_is_the_one_of_scipy() -> None:
    sos = signal.ellip(7, 0.5, 60, [300, 3400], "bandpass", fs=RATE_HZ, output="sos")
    freqs_hz = np.linspace(1, 23_999, 1000)
    wanted = signal.freqz_sos(sos, freqs_hz, fs=RATE_HZ)[1]
    np.testing.assert_allclose(response(sos, freqs_hz, RATE_HZ), wanted, atol=1e-12)


def test_the_largest_pole_is_found() -> None:
    sos = np.stack([rbj("peaking", 100.0, 8.0, 6.0, RATE_HZ), rbj("lowpass", 5000.0, 0.3, 0.0, RATE_HZ)])
    wanted = max(np.abs(np.roots(row[3:])).max() for row in sos)
    assert pole_radius(sos) == pytest.approx(wanted, rel=1e-12)
    assert pole_radius(empty()) == 0.0


@pytest.mark.parametrize(
    "sos",
    [
        rbj("lowpass", 200.0, 0.7, 0.0, RATE_HZ)[np.newaxis],
        rbj("peaking", 300.0, 20.0, 18.0, RATE_HZ)[np.newaxis],
        np.concatenate([signal.butter(4, 300, fs=RATE_HZ, output="sos")] * 2),
        signal.bessel(12, 500, fs=RATE_HZ, output="sos"),
        signal.ellip(8, 1, 60, [300, 340], "bandpass", fs=RATE_HZ, output="sos"),
        np.array([[0.5, 0.25, 0.25, 1.0, 0.0, 0.0]]),
        join(gain(2.0)),
    ],
    ids=["low-pass", "resonance", "double poles", "Bessel", "narrow band", "no poles", "gain"],
)
def test_after_settling_a_fresh_one_is_where_the_old_one_is(sos: np.ndarray) -> None:
    settle = settle_samples(sos)
    rng = np.random.default_rng(3)
    for sound in (
        rng.choice([-1.0, 1.0], 41_000 + settle),
        np.sign(np.sin(2 * np.pi * 320 * np.arange(41_000 + settle) / RATE_HZ) + 0.1),
    ):
        old = signal.sosfilt(sos, sound)[40_000:]
        fresh = signal.sosfilt(sos, sound[40_000:])
        assert np.abs((old - fresh)[settle:]).max(initial=0.0) <= 10 ** (-90 / 20)


def test_what_rings_too_long_to_try_is_told_from_its_pole() -> None:
    row = rbj("bandpass", 10.0, 100.0, 0.0, RATE_HZ)
    wanted = math.log(10 ** (90 / 20)) / -math.log(pole_radius(row))
    assert settle_samples(row) == math.ceil(wanted)
    assert wanted > 1_000_000


@pytest.mark.parametrize("pole", [1.0, 1.5, np.nan])
def test_an_unstable_design_is_one_line(pole: float) -> None:
    with pytest.raises(ParameterError, match=r"^unstable design: [^\n]*$"):
        Cascade(np.array([[1.0, 0.0, 0.0, 1.0, -pole, 0.0]]), 2)


def test_a_cascade_filters_each_channel_by_itself() -> None:
    sos = join(rbj("peaking", 1000.0, 1.0, 6.0, RATE_HZ), rbj("lowpass", 3000.0, 1.0, 0.0, RATE_HZ))
    sound = (0.1 * np.random.default_rng(1).standard_normal((3, 2000))).astype(np.float32)
    cascade = Cascade(sos, 3)
    first = cascade.process(sound[:, :700].copy())
    second = cascade.process(np.ascontiguousarray(sound[:, 700:]))
    wanted = signal.sosfilt(sos, sound.astype(np.float64))
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), wanted, atol=1e-7)
    cascade.reset()
    np.testing.assert_array_equal(cascade.process(sound[:, :700].copy()), first)


def test_no_sections_change_nothing() -> None:
    sound = np.ones((2, 5), dtype=np.float32)
    cascade = Cascade(empty(), 2)
    assert cascade.process(sound) is sound
    cascade.reset()
    assert (sound == 1.0).all()
    assert cascade.settle_samples == 0
