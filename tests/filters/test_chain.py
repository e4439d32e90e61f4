"""A chain of filters: what runs in which order, what it says of itself, and what is refused."""

import numpy as np
import pytest
from support.probe_filter import FADE, RATE_HZ, chain, fade, ones, preset, register, run

from dsp.chain import FilterChain
from dsp.errors import LibraryMissing, ParameterError
from dsp.filters import Setting
from dsp.mending import LOUDEST


@pytest.fixture(autouse=True)
def _probes(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def test_filters_run_in_their_order() -> None:
    running = FilterChain(preset({"type": "probe", "copies": 2}, 3), Setting(RATE_HZ, 1))
    out = running.process(ones(5))
    assert out.shape == (2, 5)
    assert (out == 3).all()


def test_an_empty_chain_gives_back_what_it_is_given() -> None:
    running, block = chain(), ones(7)
    assert running.process(block) is block
    assert (running.delay_samples, running.output_samples(7), running.channels_out) == (0, 7, 1)
    assert not running.changing


def test_a_chain_works_in_place() -> None:
    block = ones(7)
    assert chain(2, 3).process(block) is block
    assert (block == 6).all()


def test_a_change_for_a_filter_that_has_gone_is_refused() -> None:
    running = chain(1, 1)
    running.load(preset(2, name="two"))
    with pytest.raises(ParameterError, match="no filter 'probe-2' in preset two; did you mean probe"):
        running.post("probe-2.level", 3)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("probe.levl", 3, "probe.levl is unknown; did you mean level"),
        ("prob.level", 3, "did you mean probe"),
        ("probe", 3, "probe names a whole filter"),
        ("probe.level", 5000, "probe.level must be -1000 to 1000, got 5000"),
        ("probe.level", "loud", "probe.level must be a number, got 'loud'"),
        ("probe.level", 13, "probe: level must not be 13"),
        ("probe.copies", 2, "probe gives 1 channels and would give 2"),
        ("probe.bypass", "maybe", "probe.bypass must be true or false, got 'maybe'"),
    ],
)
def test_what_cannot_be_changed_is_refused_and_nothing_is_changed(
    path: str, value: object, says: str
) -> None:
    running = chain(2)
    before = running.preset
    with pytest.raises(ParameterError, match=says):
        running.post(path, value)
    assert running.preset is before
    assert not running.changing
    assert (run(running, 5) == 2).all()


def test_an_engine_that_is_missing_leaves_all_as_it_was() -> None:
    running = chain(2)
    before = running.preset
    with pytest.raises(LibraryMissing):
        running.post("probe.missing", True)
    with pytest.raises(LibraryMissing):
        running.load(preset({"type": "probe", "missing": True}))
    assert running.preset is before
    assert not running.changing


def test_a_preset_that_cannot_be_here_leaves_all_as_it_was() -> None:
    running = chain(2)
    before = running.preset
    with pytest.raises(ParameterError, match="probe: level must not be 13"):
        running.load(preset(13))
    with pytest.raises(ParameterError, match="preset two gives 2 channels, one 1: a running chain"):
        running.load(preset(1, {"type": "probe", "copies": 2}, name="two"))
    with pytest.raises(ParameterError, match="probe gives 1 channels and would give 2: a running chain"):
        running.load(preset({"type": "probe", "copies": 2}, name="two"))
    assert running.preset is before
    assert not running.changing


def test_filters_behind_one_that_changes_the_channels_are_built_for_them() -> None:
    running = chain({"type": "probe", "copies": 3}, 2, channels=2)
    assert running.channels_out == 3
    out = running.process(ones(5, 2))
    assert out.shape == (3, 5)
    running.post("probe.level", 4)
    running.post("probe-2.level", 3)
    running.process(ones(FADE, 2))
    assert (running.process(ones(5, 2)) == 12).all()


def test_there_is_no_plain_sound_for_other_channels() -> None:
    running = chain({"type": "probe", "copies": 3}, channels=2)
    with pytest.raises(ParameterError, match="changes the number of channels cannot be bypassed"):
        running.bypass(True)
    with pytest.raises(ParameterError, match="probe changes the number of channels and cannot be bypassed"):
        running.post("probe.bypass", True)
    with pytest.raises(ParameterError, match="probe changes the number of channels and cannot be bypassed"):
        chain({"type": "probe", "copies": 3, "bypass": True}, channels=2)
    assert running.process(ones(5, 2)).shape == (3, 5)
    assert not running.bypassed


def test_what_changes_the_length_cannot_change_while_it_runs() -> None:
    running = chain({"type": "rubber", "stretch": 2}, 3)
    for change in (
        lambda: running.post("rubber.level", 2),
        lambda: running.post("rubber.bypass", True),
        lambda: running.load(preset(1)),
        lambda: running.bypass(True),
        lambda: chain(1).load(preset({"type": "rubber", "stretch": 2})),
    ):
        with pytest.raises(ParameterError, match="rubber changes the length of the sound"):
            change()
    running.post("probe.level", 4)
    out = running.process(ones(FADE))
    assert out.shape == (1, 2 * FADE)
    assert out[0, -1] == 4


def test_delays_tails_and_lengths_add_up_in_order() -> None:
    running = chain(
        {"type": "probe", "delay": 10, "tail": 4},
        {"type": "rubber", "stretch": 2, "delay": 3, "tail": 1},
        {"type": "probe", "delay": 5, "tail": 2},
        {"type": "probe", "delay": 1000, "tail": 1000, "bypass": True},
    )
    assert running.delay_samples == 2 * 10 + 3 + 5
    assert running.output_samples(100) == 2 * (100 + 4) + 1 + 2


def test_only_what_asks_for_it_hears_the_far_end() -> None:
    running = chain(1, {"type": "ear"})
    out = running.process(ones(4), np.full(4, 0.5, dtype=np.float32))
    assert (out == 1.5).all()
    running.post("ear.level", 3)
    out = running.process(ones(FADE), np.full(FADE, 0.5, dtype=np.float32))
    assert out[0, -1] == pytest.approx(1.5 + 2 * fade()[-1])
    running.load(preset({"type": "ear", "level": 0}))
    running.process(ones(FADE), np.full(FADE, 0.25, dtype=np.float32))
    assert (running.process(ones(2), np.full(2, 0.25, dtype=np.float32)) == 0.25).all()


def test_meters_are_named_by_slot() -> None:
    running = chain({"type": "probe", "slot": "first"}, 1)
    run(running, 9)
    assert {key: value for key, value in running.readings().items() if key.endswith("seen")} == {
        "first.seen": 9,
        "probe.seen": 9,
    }


def test_what_is_no_number_is_silence_and_what_is_too_loud_is_clipped() -> None:
    block = np.array([[0.5, np.nan, np.inf, -np.inf, 1e30, -1e30, -0.25]], dtype=np.float32)
    out = chain(1).process(block)
    np.testing.assert_array_equal(out, [[0.5, 0, 0, 0, LOUDEST, -LOUDEST, -0.25]])


@pytest.mark.parametrize("at", [0, 1])
def test_one_bad_sample_in_any_channel_is_found(at: int) -> None:
    block = ones(1000, 2)
    block[at, 500] = np.nan
    out = chain(1, channels=2).process(block)
    assert np.isfinite(out).all()
    assert (out == 0).sum() == 1


def test_sound_within_bounds_is_not_touched() -> None:
    block = np.array([[LOUDEST, -LOUDEST, 1e-40, 0.0]], dtype=np.float32)
    expected = block.copy()
    np.testing.assert_array_equal(chain().process(block), expected)
