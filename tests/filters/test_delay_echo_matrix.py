"""Delay, echo and channel matrix: exact to the sample."""

from typing import Any

import numpy as np
import pytest

from dsp.chain import FilterChain
from dsp.errors import ParameterError
from dsp.filters import Filter, Setting, filters
from dsp.params import from_mapping
from dsp.preset import Preset


def made(name: str, values: dict[str, Any], rate_hz: int = 48_000, channels: int = 2) -> Filter:
    spec = filters.get(name)
    return spec.build(from_mapping(spec.params, values), Setting(rate_hz, channels))


def noise(channels: int, count: int, seed: int = 1) -> np.ndarray:
    return (0.2 * np.random.default_rng(seed).standard_normal((channels, count))).astype(np.float32)


@pytest.mark.parametrize(("delay_ms", "samples"), [(0.0, 0), (0.125, 1), (20.0, 160), (5000.0, 40_000)])
@pytest.mark.parametrize("cuts", [[], [1, 2, 5000, 5001, 40_000, 90_000]])
def test_a_delay_is_exact(delay_ms: float, samples: int, cuts: list[int]) -> None:
    sound = noise(2, 100_000)
    running = made("delay", {"delay_ms": delay_ms}, 8000)
    pieces = [running.process(each.copy()) for each in np.split(sound, cuts, axis=1)]
    out = np.concatenate(pieces, axis=1)
    np.testing.assert_array_equal(out[:, samples:], sound[:, : 100_000 - samples])
    assert not out[:, :samples].any()
    assert running.tail_samples == running.settle_samples == samples
    assert running.delay_samples == 0


def test_a_delay_is_changed_as_if_the_other_had_always_been() -> None:
    """The new one takes over all of the past, so that there is no gap even where it is longer than a fade waits."""
    sound = noise(1, 80_000)
    chain = FilterChain(
        Preset.parse({"filter": [{"type": "delay", "delay_ms": 10}]}, "one"), Setting(8000, 1)
    )
    chain.process(sound[:, :50_000].copy())
    chain.post("delay.delay_ms", 4900)
    out = chain.process(sound[:, 50_000:].copy())
    assert not chain.changing
    np.testing.assert_array_equal(out[:, 80:], sound[:, 50_000 + 80 - 39_200 : 80_000 - 39_200])


def comb(sound: np.ndarray, delay: int, level: float, feedback: float) -> np.ndarray:
    """The sound and its repeats, one after the other."""
    wanted = sound.astype(np.float64)
    for repeat, start in enumerate(range(delay, sound.shape[1], delay)):
        wanted[:, start:] += level * feedback**repeat * sound[:, : sound.shape[1] - start]
    return wanted


@pytest.mark.parametrize("cuts", [[], [1, 3, 500, 501, 9000]])
@pytest.mark.parametrize(("delay_ms", "samples"), [(10.0, 80), (37.5, 300), (2000.0, 16_000)])
def test_an_echo_is_a_comb_filter(delay_ms: float, samples: int, cuts: list[int]) -> None:
    sound = noise(2, 60_000)
    running = made("echo", {"delay_ms": delay_ms, "level_db": -4.0, "feedback_db": -6.0}, 8000)
    out = np.concatenate([running.process(each.copy()) for each in np.split(sound, cuts, axis=1)], axis=1)
    np.testing.assert_allclose(out, comb(sound, samples, 10 ** (-4 / 20), 10 ** (-6 / 20)), atol=1e-5)
    assert running.tail_samples == 11 * samples  # the first repeat and ten more, 6 dB each, to -60 dB


def test_the_lowest_levels_are_none() -> None:
    impulse = np.eye(1, 1000, dtype=np.float32)
    out = made("echo", {"delay_ms": 10, "level_db": 0, "feedback_db": -60}, 8000, 1).process(impulse.copy())
    assert np.flatnonzero(out[0]).tolist() == [0, 80]
    out = made("echo", {"delay_ms": 10, "level_db": -60}, 8000, 1).process(impulse.copy())
    assert np.flatnonzero(out[0]).tolist() == [0]


def test_an_echo_goes_on_with_the_past_of_the_one_before() -> None:
    """A single repeat, from 100 ms to 50 ms later: what was said before the change is repeated after it."""
    preset = Preset.parse(
        {"filter": [{"type": "echo", "delay_ms": 100, "level_db": 0, "feedback_db": -60}]}, "one"
    )
    chain = FilterChain(preset, Setting(8000, 1))
    sound = noise(1, 8000)
    chain.process(sound[:, :4000].copy())
    chain.post("echo.delay_ms", 50)
    out = chain.process(sound[:, 4000:].copy())
    wanted = comb(sound, 400, 1.0, 0.0)[:, 4000:]
    np.testing.assert_allclose(out[:, 80:], wanted[:, 80:], atol=1e-5)


@pytest.mark.parametrize("name", ["delay", "echo"])
def test_only_one_that_has_just_adopted_a_past_is_settled(name: str) -> None:
    """After a reset it is alone again, and a chain that fades it in waits."""
    old, new = made(name, {}), made(name, {"delay_ms": 300.0})
    alone = new.settle_samples
    assert alone >= 14_400
    new.adopt(old)
    assert new.settle_samples == 0
    new.process(noise(2, 10))
    assert new.settle_samples == alone


@pytest.mark.parametrize(
    ("layout", "wanted"),
    [
        ("mono", [[0.5, 0.5]]),
        ("left", [[1, 0]]),
        ("right", [[0, 1]]),
        ("stereo", [[1, 0], [0, 1]]),
        ("swap", [[0, 1], [1, 0]]),
        ("mid-side", [[0.5, 0.5], [0.5, -0.5]]),
        ("mid-side-decode", [[1, 1], [1, -1]]),
    ],
)
def test_a_layout_is_its_matrix(layout: str, wanted: list[list[float]]) -> None:
    sound = noise(2, 100)
    running = made("channel-matrix", {"layout": layout})
    out = running.process(sound.copy())
    np.testing.assert_allclose(out, np.array(wanted) @ sound, atol=1e-7)
    assert running.channels_out == len(wanted)


def test_mid_and_side_come_back_as_left_and_right() -> None:
    sound = noise(2, 100)
    there = made("channel-matrix", {"layout": "mid-side"}).process(sound.copy())
    np.testing.assert_allclose(
        made("channel-matrix", {"layout": "mid-side-decode"}).process(there), sound, atol=1e-7
    )


def test_mono_is_the_mean_of_all_and_stereo_comes_from_one() -> None:
    six = noise(6, 50)
    np.testing.assert_allclose(
        made("channel-matrix", {}, channels=6).process(six.copy()), six.mean(axis=0, keepdims=True), atol=1e-7
    )
    one = noise(1, 50)
    twice = made("channel-matrix", {"layout": "stereo"}, channels=1).process(one.copy())
    np.testing.assert_array_equal(twice, np.concatenate([one, one]))
    assert (
        made("channel-matrix", {"layout": "right"}, channels=1).process(one.copy()).tolist() == one.tolist()
    )


def test_rows_are_the_gains_of_each_output() -> None:
    sound = noise(2, 100)
    running = made("channel-matrix", {"rows": [{"gains": [0.25]}, {"gains": [1, -2]}, {"gains": [0, 0]}]})
    assert running.channels_out == 3
    np.testing.assert_allclose(
        running.process(sound.copy()), np.array([[0.25, 0], [1, -2], [0, 0]]) @ sound, atol=1e-6
    )


def test_the_same_number_of_channels_stays_in_place() -> None:
    sound = noise(2, 10)
    assert made("channel-matrix", {"layout": "swap"}).process(sound) is sound


def test_what_does_not_fit_the_channels_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"^layout swap needs 2 channels, got 1$"):
        made("channel-matrix", {"layout": "swap"}, channels=1)
    with pytest.raises(
        ParameterError, match=r"^rows\.0\.gains must have 2 values at most for 2 channels, got 3$"
    ):
        made("channel-matrix", {"rows": [{"gains": [1, 2, 3]}]})
