"""What every registered filter must do; a new file is covered at once."""

import dataclasses
import itertools
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.filters import RATES_HZ, build, names, programme, setting

from dsp.chain import FilterChain
from dsp.errors import LibraryMissing, ParameterError
from dsp.filters import CATEGORIES, Filter, FilterSpec, filters
from dsp.params import as_mapping, describe, fields_of, from_mapping
from dsp.preset import Preset
from dsp.types import Block

RATE_HZ = 16_000
"""For what holds at any rate."""
RATE_OF_CHANGES_HZ = 48_000


def outputs(running: Filter, block: Block, cuts: list[int]) -> Block:
    """What comes out of *block* given in pieces."""
    edges = [0, *sorted(set(cuts)), block.shape[1]]
    pieces = [
        running.process(np.ascontiguousarray(block[:, start:stop])).copy()
        for start, stop in itertools.pairwise(edges)
    ]
    return np.concatenate(pieces, axis=1)


def end_values(spec: FilterSpec) -> list[tuple[str, Any]]:
    """Each parameter at each end of its range, or at each of its choices."""
    found: list[tuple[str, Any]] = []
    defaults = spec.params()
    for name, param in fields_of(spec.params).items():
        match param.kind:
            case "number" | "integer":
                assert param.axis is not None
                ends = (param.axis.low, param.axis.high)
                found += [(name, int(end) if param.kind == "integer" else end) for end in ends]
            case "choice":
                found += [(name, option) for option in param.options]
            case "flag":
                found.append((name, not getattr(defaults, name)))
            case _:
                pass
    return found


@pytest.mark.parametrize("name", names())
def test_a_spec_says_what_a_person_needs(name: str) -> None:
    spec = filters.get(name)
    assert spec.category in CATEGORIES
    assert spec.summary[0].isupper()
    assert not spec.summary.endswith(".")
    assert len(spec.summary) < 130
    assert len(spec.source) > 4
    for param in describe(spec.params):
        assert param["help"], param["name"]
        assert not param["help"].endswith("."), param["name"]
        if param["kind"] in ("number", "integer") and param["name"].rsplit("_", 1)[-1] in (
            "db",
            "hz",
            "ms",
            "s",
        ):
            wanted = {"db": "dB", "hz": "Hz", "ms": "ms", "s": "s"}[param["name"].rsplit("_", 1)[-1]]
            assert param["unit"] == wanted, param["name"]
    for reading in spec.readings:
        assert reading.help
        assert reading.name == reading.name.lower()


@pytest.mark.parametrize("name", names())
def test_default_parameters_survive_a_file(name: str) -> None:
    params = filters.get(name).params()
    assert from_mapping(type(params), as_mapping(params)) == params
    assert dataclasses.is_dataclass(params)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(params, dataclasses.fields(params)[0].name, None)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", names())
@given(cuts=st.lists(st.integers(0, 3999), max_size=5))
@settings(max_examples=5, deadline=None, derandomize=True)
def test_the_pieces_equal_the_whole(name: str, channels: int, cuts: list[int]) -> None:
    sound = programme(RATE_HZ, channels, 4000)
    whole = build(name, RATE_HZ, channels).process(sound.copy())
    pieces = outputs(build(name, RATE_HZ, channels), sound, [*cuts, 1, 2, 100])
    assert pieces.dtype == np.float32
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in names() if not filters.get(n).generates])
def test_silence_stays_silence(name: str) -> None:
    running = build(name, RATE_HZ, 2)
    out = running.process(np.zeros((2, 2 * RATE_HZ), dtype=np.float32))
    assert np.abs(out[:, -RATE_HZ:]).max() < 1e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e38])
@pytest.mark.parametrize("name", names())
def test_what_is_no_number_does_not_poison(name: str, bad: float) -> None:
    sound = programme(RATE_HZ, 2, 4 * RATE_HZ)
    spoilt = sound.copy()
    spoilt[0, 1000:1003] = bad
    preset = Preset.parse({"filter": [{"type": name}]}, "one")
    found = []
    for each in (sound, spoilt):
        chain = FilterChain(preset, setting(RATE_HZ, 2))
        pieces = np.split(each, [900, 1100, 3 * RATE_HZ], axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found.append([chain.process(np.ascontiguousarray(piece)).copy() for piece in pieces])
    expected, mended = found
    assert all(np.isfinite(piece).all() for piece in mended)
    np.testing.assert_array_equal(mended[0], expected[0])
    assert np.abs(mended[-1]).max() <= 2.0 * max(0.1, np.abs(expected[-1]).max())


@pytest.mark.parametrize("name", names())
def test_reset_is_as_new(name: str) -> None:
    sound = programme(RATE_HZ, 2, 4000)
    running = build(name, RATE_HZ, 2)
    first = running.process(sound.copy()).copy()
    running.process(sound.copy())
    running.reset()
    np.testing.assert_allclose(running.process(sound.copy()), first, atol=1e-6)


@pytest.mark.parametrize("name", names())
def test_each_parameter_works_at_both_ends_of_its_range(name: str) -> None:
    spec = filters.get(name)
    refusals: list[str] = []
    for param, value in end_values(spec):
        for rate_hz in RATES_HZ:
            sound = programme(rate_hz, 2, 2400)
            params = from_mapping(spec.params, {param: value})
            try:
                running = spec.build(params, setting(rate_hz, 2))
            except (LibraryMissing, ParameterError) as error:
                refusals.append(str(error))
                continue
            assert np.isfinite(running.process(sound)).all(), (param, value, rate_hz)
            assert min(running.settle_samples, running.delay_samples, running.tail_samples) >= 0
    assert all("\n" not in message and len(message) < 250 for message in refusals)


@pytest.mark.parametrize("rate_hz", [*RATES_HZ, 24_000, 32_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("name", names())
def test_defaults_work_at_any_rate_and_channel_count(name: str, channels: int, rate_hz: int) -> None:
    running = build(name, rate_hz, channels)
    out = running.process(programme(rate_hz, channels, 2000))
    assert np.isfinite(out).all()
    assert out.shape[0] == (running.channels_out or channels)
    if not filters.get(name).changes_length:
        assert out.shape[1] == 2000
    assert running.process(np.zeros((channels, 0), dtype=np.float32)).shape[1] == 0


def tone(rate_hz: int, seconds: float) -> Block:
    t = np.arange(round(rate_hz * seconds)) / rate_hz
    return np.ascontiguousarray(0.25 * np.sin(2 * np.pi * 1000 * t)[np.newaxis]).astype(np.float32)


def spectrum_db(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Its lines in dB re the tone of `tone`, with a window of low side lobes."""
    n = sound.size
    window = np.blackman(n) * np.kaiser(n, 8.0)
    lines = np.abs(np.fft.rfft(sound.astype(np.float64) * window)) / (window.sum() / 2 * 0.25)
    decibels: NDArray[np.float64] = 20 * np.log10(lines + 1e-12)
    return decibels


def spectrum_far_db(
    sound: NDArray[np.float32], rate_hz: int, tones_hz: tuple[float, ...] = (1000.0,)
) -> float:
    """Loudest line 500 Hz and more away from each of *tones_hz*, in dB re the tone of `tone`."""
    freqs = np.fft.rfftfreq(sound.size, 1 / rate_hz)
    away = np.min([np.abs(freqs - tone_hz) for tone_hz in tones_hz], axis=0) >= 500
    return float(spectrum_db(sound)[away].max())


def worst_far_db(sound: NDArray[np.float32], rate_hz: int, tones_hz: tuple[float, ...]) -> float:
    """The worst of `spectrum_far_db` over windows of 100 ms, one each 10 ms."""
    starts = range(0, sound.size - 4799, 480)
    return max(spectrum_far_db(sound[start : start + 4800], rate_hz, tones_hz) for start in starts)


def changes() -> list[Any]:
    """Each filter with each of its parameters, set to about a quarter and to three quarters of its range."""
    found = []
    for name in names():
        spec = filters.get(name)
        if spec.changes_length or spec.generates:
            continue
        for key, param in fields_of(spec.params).items():
            if param.kind not in ("number", "integer", "choice", "flag") or key == "seed":
                continue
            found.append(pytest.param(name, key, id=f"{name}-{key}"))
    return found


def two_values(spec: FilterSpec, key: str) -> list[Any]:
    param = fields_of(spec.params)[key]
    default = getattr(spec.params(), key)
    if param.kind == "choice":
        return [default, next(each for each in param.options if each != default)]
    if param.kind == "flag":
        return [default, not default]
    assert param.axis is not None
    low, high = param.axis.low, param.axis.high
    if param.log and low > 0:
        other = float(np.sqrt(high * (low if default is None else default)))
    else:
        other = (high + (low if default is None else default)) / 2
    if other == default:
        other = low
    first = (low + high) / 2 if default is None else default
    if param.kind == "integer":
        return [round(first), round(other)]
    return [first, other]


def around_a_change(
    preset: Preset, path: str, value: Any
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """A 1 kHz tone through a running chain around a change: what is heard then, and both steady states.

    Raises:
        ParameterError, LibraryMissing: not both values can be.
    """
    chain = FilterChain(preset, setting(RATE_OF_CHANGES_HZ, 1))
    others = [
        FilterChain(each, setting(RATE_OF_CHANGES_HZ, 1)) for each in (preset, preset.with_value(path, value))
    ]
    sound, moment = tone(RATE_OF_CHANGES_HZ, 3.0), round(1.5 * RATE_OF_CHANGES_HZ)

    def pieces(start: int) -> Iterator[Block]:
        while True:
            yield np.ascontiguousarray(np.take(sound, range(start, start + 480), axis=1, mode="wrap"))
            start += 480

    out = [chain.process(sound[:, :moment].copy())[0, -4800:].copy()]
    chain.post(path, value)
    for piece in pieces(moment):
        out.append(chain.process(piece)[0].copy())
        if not chain.changing or len(out) > 300:
            break
    assert not chain.changing
    out += [chain.process(piece)[0].copy() for piece in islice(pieces(moment + 480 * (len(out) - 1)), 20)]
    return np.concatenate(out), [each.process(sound.copy())[0, -3 * 4800 :] for each in others]


def assert_no_click(spec: FilterSpec, heard: NDArray[np.float32], steady: list[NDArray[np.float32]]) -> None:
    """-85 dB re the louder tone for a linear filter, else 3 dB over the louder steady state."""
    rate_hz = RATE_OF_CHANGES_HZ
    if spec.linear:
        louder_db = max(0.0, *(float(spectrum_db(each[-4800:]).max()) for each in steady))
        assert worst_far_db(heard, rate_hz, (1000.0,)) < louder_db - 85
        return
    # A filter may move the tone itself (a change of pitch): then its new place is a tone as well.
    loudest_hz = [float(np.argmax(spectrum_db(each[-4800:]))) * rate_hz / 4800 for each in steady]
    tones_hz = (1000.0, *loudest_hz)
    floor = max(worst_far_db(each, rate_hz, tones_hz) for each in steady)
    assert worst_far_db(heard, rate_hz, tones_hz) <= max(-85.0, floor + 3.0)


@pytest.mark.parametrize(("name", "key"), changes())
def test_no_single_change_clicks(name: str, key: str) -> None:
    spec = filters.get(name)
    values = two_values(spec, key)
    try:
        preset = Preset.parse({"filter": [{"type": name, key: values[0]}]}, "one")
        heard, steady = around_a_change(preset, f"{name}.{key}", values[1])
    except (LibraryMissing, ParameterError) as error:
        pytest.skip(f"not both values can be: {error}")
    assert_no_click(spec, heard, steady)


BAND = {"kind": "peaking", "freq_hz": 1500, "gain_db": 0, "q": 2}


@pytest.mark.parametrize(
    ("name", "values", "path", "value"),
    [
        ("parametric-eq", {"bands": [BAND, BAND]}, "bands.1.gain_db", 12),
        ("parametric-eq", {"bands": [{**BAND, "gain_db": 9}]}, "bands.0.freq_hz", 900),
        ("parametric-eq", {"bands": [{**BAND, "gain_db": -9}]}, "bands.0.kind", "high-shelf"),
        ("graphic-eq", {"gains_db": [0, 3, 0, 0, 0, 0, 0, 0, 0, 0]}, "gains_db.5", -9),
        ("fir", {"points": [[100, 0], [8000, 0]]}, "points", "100:-6,1000:6,8000:-20"),
        ("channel-matrix", {"rows": [{"gains": [1.0]}]}, "rows.0.gains", "-0.5"),
    ],
)
def test_no_change_within_a_list_clicks(name: str, values: dict[str, Any], path: str, value: Any) -> None:
    preset = Preset.parse({"filter": [{"type": name, **values}]}, "one")
    assert_no_click(filters.get(name), *around_a_change(preset, f"{name}.{path}", value))


@pytest.mark.parametrize("name", [n for n in names() if not filters.get(n).changes_length])
def test_bypass_and_back_leaves_no_click(name: str) -> None:
    rate_hz, spec = 48_000, filters.get(name)
    preset = Preset.parse({"filter": [{"type": name}]}, "one")
    chain = FilterChain(preset, setting(rate_hz, 1))
    if chain.channels_out != 1 or spec.generates:
        pytest.skip("no plain sound of that kind")
    sound = tone(rate_hz, 4.0)
    blocks = [np.ascontiguousarray(each) for each in np.split(sound, sound.shape[1] // 480, axis=1)]
    found = []
    for number, block in enumerate(blocks):
        if number == 100:
            chain.post(f"{name}.bypass", True)
        if number == 130:
            chain.post(f"{name}.bypass", False)
        found.append(chain.process(block)[0].copy())
    out = np.concatenate(found)
    floor = max(spectrum_far_db(out[95 * 480 : 99 * 480], rate_hz), spectrum_far_db(out[-4800:], rate_hz))
    worst = max(spectrum_far_db(out[at * 480 : at * 480 + 4800], rate_hz) for at in range(95, 380, 5))
    assert worst <= (max(-85.0, floor + 0.1) if spec.linear else max(-60.0, floor + 3.0))
    np.testing.assert_array_equal(out[115 * 480 : 129 * 480], sound[0, 115 * 480 : 129 * 480])
