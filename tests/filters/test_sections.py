"""Filters made of sections: what their parameters do to sound, and what cannot be at a rate."""

from typing import Any

import numpy as np
import pytest
from scipy import signal

from dsp.biquads import q_of_bandwidth, q_of_slope, rbj, response
from dsp.chain import FilterChain
from dsp.errors import ParameterError
from dsp.filters import Filter, Setting, filters
from dsp.params import from_mapping
from dsp.preset import Preset

CLASSIC = ("butterworth", "chebyshev", "chebyshev-2", "elliptic", "bessel", "linkwitz-riley")


def made(name: str, values: dict[str, Any], rate_hz: int = 48_000, channels: int = 1) -> Filter:
    spec = filters.get(name)
    return spec.build(from_mapping(spec.params, values), Setting(rate_hz, channels))


def level_db(running: Filter, freq_hz: float, rate_hz: int = 48_000) -> float:
    """Gain for a tone, after one second of it."""
    t = np.arange(2 * rate_hz) / rate_hz
    tone = (0.1 * np.sin(2 * np.pi * freq_hz * t)).astype(np.float32)
    out = running.process(tone[np.newaxis].copy())[0, rate_hz:].astype(np.float64)
    return float(20 * np.log10(np.sqrt(np.mean(out**2)) / (0.1 / np.sqrt(2)) + 1e-12))


def impulse_response(running: Filter, count: int = 4096) -> np.ndarray:
    block = np.zeros((1, count), dtype=np.float32)
    block[0, 0] = 1.0
    return running.process(block)[0]


@pytest.mark.parametrize(
    ("values", "edge_db"),
    [
        ({"type": "butterworth", "order": 6}, -3.01),
        ({"type": "chebyshev", "order": 5, "ripple_db": 1.0}, -1.0),
        ({"type": "chebyshev-2", "order": 5, "stop_db": 40.0}, -40.0),
        ({"type": "elliptic", "order": 5, "ripple_db": 2.0, "stop_db": 50.0}, -2.0),
        ({"type": "bessel", "order": 5}, -3.01),
        ({"type": "linkwitz-riley", "order": 4}, -6.02),
    ],
)
@pytest.mark.parametrize(
    "band",
    [
        {"kind": "lowpass", "freq_hz": 1200.0},
        {"kind": "highpass", "freq_hz": 1200.0},
        {"kind": "bandpass", "low_hz": 300.0, "high_hz": 3400.0},
        {"kind": "bandstop", "low_hz": 300.0, "high_hz": 3400.0},
    ],
)
def test_the_level_at_the_edges_is_what_the_design_promises(
    values: dict[str, Any], edge_db: float, band: dict[str, Any]
) -> None:
    name = values["type"]
    rest = {key: value for key, value in values.items() if key != "type"}
    if name == "linkwitz-riley" and band["kind"] == "bandstop":
        with pytest.raises(ParameterError, match="kind must be one of lowpass, highpass, bandpass"):
            made(name, rest | band)
        return
    for edge_hz in (band[key] for key in band if key.endswith("_hz")):
        assert level_db(made(name, rest | band), edge_hz) == pytest.approx(edge_db, abs=0.05)


@pytest.mark.parametrize("name", CLASSIC)
def test_an_edge_out_of_reach_is_flat_or_an_error(name: str) -> None:
    sound = (0.1 * np.random.default_rng(1).standard_normal((1, 500))).astype(np.float32)
    flat = made(name, {"kind": "lowpass", "freq_hz": 5000.0}, 8000)
    np.testing.assert_array_equal(flat.process(sound.copy()), sound)
    assert flat.settle_samples == 0
    with pytest.raises(ParameterError, match=r"^freq_hz of a highpass must be below 3992 Hz .* got 5000 Hz$"):
        made(name, {"kind": "highpass", "freq_hz": 5000.0}, 8000)
    with pytest.raises(ParameterError, match=r"^high_hz of a bandpass must be below 3992 Hz .* got 5000 Hz$"):
        made(name, {"kind": "bandpass", "high_hz": 5000.0}, 8000)
    with pytest.raises(ParameterError, match=r"^low_hz must be below high_hz, got 500 Hz and 400 Hz$"):
        made(name, {"kind": "bandpass", "low_hz": 500.0, "high_hz": 400.0}, 8000)


@pytest.mark.parametrize("name", [each for each in CLASSIC if each != "linkwitz-riley"])
def test_a_stop_band_out_of_reach_is_flat_and_half_of_one_is_an_error(name: str) -> None:
    sound = (0.1 * np.random.default_rng(1).standard_normal((1, 500))).astype(np.float32)
    flat = made(name, {"kind": "bandstop", "low_hz": 5000.0, "high_hz": 6000.0}, 8000)
    np.testing.assert_array_equal(flat.process(sound.copy()), sound)
    with pytest.raises(ParameterError, match=r"^high_hz of a bandstop must be below 3992 Hz"):
        made(name, {"kind": "bandstop", "low_hz": 3000.0, "high_hz": 6000.0}, 8000)


def test_an_odd_crossover_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"^order must be even, 2 to 24, got 3$"):
        made("linkwitz-riley", {"order": 3})


def test_the_sides_of_a_crossover_add_up_to_an_all_pass() -> None:
    values = {"order": 8, "freq_hz": 2000.0}
    both = sum(
        impulse_response(made("linkwitz-riley", values | {"kind": kind})) for kind in ("lowpass", "highpass")
    )
    assert np.abs(20 * np.log10(np.abs(np.fft.rfft(both)))).max() < 0.01


def test_a_filter_is_that_of_scipy() -> None:
    sound = (0.1 * np.random.default_rng(2).standard_normal((2, 20_000))).astype(np.float32)
    for order in (1, 2, 7, 24):
        out = made("butterworth", {"kind": "bandpass", "order": order}, channels=2).process(sound.copy())
        sos = signal.butter(order, [300, 3400], "bandpass", fs=48_000, output="sos")
        wanted = signal.sosfilt(sos, sound.astype(np.float64))
        assert np.abs(out - wanted).max() < 1e-6 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("values", "q"),
    [
        ({"q": 3.0}, 3.0),
        ({"bandwidth_octaves": 0.5}, q_of_bandwidth(0.5, 1000.0, 48_000)),
        ({"bandwidth_octaves": 0.5, "slope": 0.5}, q_of_bandwidth(0.5, 1000.0, 48_000)),
        ({"kind": "low-shelf", "slope": 0.5}, q_of_slope(0.5, 9.0)),
        ({"kind": "high-shelf", "bandwidth_octaves": 2.0, "slope": 0.5}, q_of_slope(0.5, 9.0)),
    ],
)
def test_a_biquad_takes_q_or_bandwidth_or_slope(values: dict[str, Any], q: float) -> None:
    row = rbj(values.get("kind", "peaking"), 1000.0, q, 9.0, 48_000)
    wanted = signal.sosfilt(row[np.newaxis], np.eye(1, 4096)[0])
    np.testing.assert_allclose(impulse_response(made("biquad", {"gain_db": 9.0} | values)), wanted, atol=1e-6)


def test_a_parametric_equaliser_is_its_bands_and_its_gain() -> None:
    bands = [
        {"kind": "highpass", "freq_hz": 80.0},
        {"freq_hz": 300.0, "gain_db": -4.0, "q": 2.0},
        {"kind": "high-shelf", "freq_hz": 5000.0, "gain_db": 6.0},
        {"freq_hz": 1000.0, "gain_db": 20.0, "on": False},
    ]
    found = made("parametric-eq", {"gain_db": -3.0, "bands": bands})
    rows = [
        rbj("highpass", 80.0, 0.7071, 0.0, 48_000),
        rbj("peaking", 300.0, 2.0, -4.0, 48_000),
        rbj("high-shelf", 5000.0, 0.7071, 6.0, 48_000),
    ]
    for freq_hz in (50.0, 300.0, 1000.0, 9000.0):
        wanted = 20 * np.log10(np.abs(response(np.array(rows), freq_hz, 48_000))) - 3.0
        assert level_db(found, freq_hz) == pytest.approx(wanted, abs=0.01)
        found.reset()


def test_a_band_out_of_reach_is_named() -> None:
    with pytest.raises(ParameterError, match=r"^bands\.1\.freq_hz of a highpass must be below 3992 Hz"):
        made("parametric-eq", {"bands": [{}, {"kind": "highpass", "freq_hz": 4500.0}]}, 8000)


def test_a_band_is_steered_by_its_path() -> None:
    chain = FilterChain(Preset.parse({"filter": [{"type": "parametric-eq"}]}, "one"), Setting(48_000, 1))
    chain.post("parametric-eq.bands.1.gain_db", "12")
    chain.post("parametric-eq.bands.1.freq_hz", "1k")
    tone = (0.1 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)).astype(np.float32)[np.newaxis]
    chain.process(tone.copy())
    out = chain.process(tone.copy())
    assert not chain.changing
    assert np.abs(out[0, -4800:]).max() == pytest.approx(0.1 * 10 ** (12 / 20), rel=1e-3)


@pytest.mark.parametrize("at", [0, 4, 8])
def test_a_graphic_equaliser_plays_what_is_drawn(at: int) -> None:
    gains = [3.0, -6.0, 0.0, 9.0, -12.0, 2.0, 4.0, -3.0, 12.0, -9.0]
    found = made("graphic-eq", {"gains_db": gains})
    assert level_db(found, 1000 * 10 ** (0.3 * (at - 5))) == pytest.approx(gains[at], abs=0.1)


def test_a_graphic_equaliser_needs_10_or_31_gains() -> None:
    with pytest.raises(ParameterError, match="gains_db must have 10 values"):
        made("graphic-eq", {"gains_db": [1.0] * 12})


def test_a_tilt_is_dark_or_bright() -> None:
    for slope in (-3.0, 2.0):
        for freq_hz in (125.0, 1000.0, 8000.0):
            found = level_db(made("tilt", {"db_per_octave": slope}), freq_hz)
            assert found == pytest.approx(slope * np.log2(freq_hz / 1000), abs=0.1)


def test_a_dc_block_takes_the_constant_part_and_leaves_the_rest() -> None:
    running = made("dc-block", {})
    t = np.arange(96_000) / 48_000
    sound = (0.3 + 0.1 * np.sin(2 * np.pi * 200 * t)).astype(np.float32)[np.newaxis]
    out = running.process(sound)[0, 48_000:]
    assert abs(float(out.mean(dtype=np.float64))) < 1e-6
    # -0.01 dB at twenty times its edge: 10 log10(1 + 1/400).
    assert np.abs(out).max() == pytest.approx(0.1, rel=2e-3)
    assert level_db(made("dc-block", {"freq_hz": 50.0}), 50.0) == pytest.approx(-3.01, abs=0.01)
