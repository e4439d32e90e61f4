"""Changes to a running chain: faded in between two blocks, in order, the newest first."""

import numpy as np
import pytest
from support.probe_filter import FADE, RATE_HZ, chain, fade, ones, preset, register, run
from support.tone_trace import far_from_tone_db

from dsp.chain import FilterChain
from dsp.chain_rows import MAX_SETTLE_S
from dsp.filters import Setting
from dsp.types import Block


@pytest.fixture(autouse=True)
def _probes(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


@pytest.mark.parametrize("count", [0, 1, 100_000])
def test_any_length_of_block_goes_through(count: int) -> None:
    running = chain(2)
    assert running.process(ones(count)).shape == (1, count)
    running.post("probe.level", 4)
    running.load(preset(5))
    running.bypass(True)
    for _ in range(3):
        assert running.process(ones(count)).shape == (1, count)
    assert running.changing == (count < 100)


def test_a_change_is_faded_in_from_the_next_block_on_with_a_window_as_slope() -> None:
    running = chain(0)
    before = run(running, 50)
    running.post("probe.level", 1)
    assert running.changing
    out = np.concatenate([run(running, 7) for _ in range(20)], axis=1)[0]
    assert (before == 0).all()
    np.testing.assert_allclose(out[:FADE], fade(), atol=1e-6)
    assert (out[FADE:] == 1).all()
    assert not running.changing


def test_old_and_new_together_are_one_where_both_are_the_same() -> None:
    """The weights sum to one, so a change between two equal filters cannot be seen."""
    running = chain({"type": "probe", "level": 0.7, "settle": 30})
    sound = np.random.default_rng(1).standard_normal((1, 400)).astype(np.float32)
    running.post("probe.tail", 5)
    np.testing.assert_allclose(running.process(sound.copy()), np.float32(0.7) * sound, atol=1e-6)
    assert not running.changing


def test_the_new_filter_settles_before_it_is_heard() -> None:
    running = chain({"type": "probe", "level": 1, "settle": 100})
    running.post("probe.level", 3)
    out = run(running, 400)[0]
    assert (out[:100] == 1).all()
    np.testing.assert_allclose(out[100 : 100 + FADE], 1 + 2 * fade(), atol=1e-5)
    assert (out[100 + FADE :] == 3).all()


def test_a_filter_that_never_settles_is_faded_in_after_a_while() -> None:
    running = chain({"type": "probe", "level": 1, "settle": 10**6})
    running.post("probe.level", 3)
    limit = int(MAX_SETTLE_S * RATE_HZ)
    out = run(running, limit + FADE + 1)[0]
    assert (out[:limit] == 1).all()
    assert out[-1] == 3


@pytest.mark.parametrize("sizes", [[1] * 300, [7] * 43, [300], [79, 1, 1, 219], [0, 150, 0, 150]])
def test_the_pieces_equal_the_whole_through_a_change(sizes: list[int]) -> None:
    def whole(cuts: list[int]) -> Block:
        running = chain({"type": "probe", "settle": 60}, 2)
        run(running, 10)
        running.post("probe.level", 0.25)
        return np.concatenate([run(running, size) for size in cuts], axis=1)[:, :300]

    np.testing.assert_allclose(whole(sizes), whole([300]), atol=1e-6)


def test_of_several_changes_to_one_filter_the_newest_wins() -> None:
    running = chain({"type": "probe", "level": 1, "settle": 40})
    run(running, 10)
    running.post("probe.level", 9)
    running.post("probe.level", 2)
    first = run(running, 20)[0]
    for level in (3, 4, 5):
        running.post("probe.level", level)
    first = np.append(first, run(running, 20 + FADE)[0])
    second = run(running, 40 + FADE + 1)[0]
    assert first.max() <= 2.0
    assert second[-1] == 5
    assert not running.changing, "9, 3 and 4 were never faded in"


def test_a_change_that_waits_begins_where_the_one_before_has_ended() -> None:
    running = chain(1)
    running.post("probe.level", 2)
    run(running, FADE // 2)
    running.post("probe.level", 3)
    out = np.concatenate([run(running, 1) for _ in range(2 * FADE)], axis=1)[0]
    assert (np.abs(np.diff(out)) < 1.1 * np.diff(fade()).max()).all()
    assert out[-1] == 3


def test_two_filters_change_at_once() -> None:
    running = chain(1, 1)
    running.post("probe.level", 2)
    running.post("probe-2.level", 3)
    out = run(running, FADE + 1)[0]
    np.testing.assert_allclose(out[:FADE], (1 + fade()) * (1 + 2 * fade()), rtol=1e-5)
    assert out[-1] == 6


def test_the_values_asked_for_are_seen_at_once() -> None:
    running = chain(1)
    running.post("probe.level", "2.5")
    assert running.preset.slot("probe").params.level == 2.5
    assert running.preset.name == "one"


def test_nothing_is_built_for_a_value_that_stays() -> None:
    running = chain(2)
    running.post("probe.level", "2")
    assert not running.changing


def test_a_new_filter_takes_what_the_old_one_learned() -> None:
    running = chain(1)
    run(running, 500)
    running.post("probe.level", 2)
    run(running, FADE)
    assert running.readings() == {"probe.seen": FADE, "probe.taken": 500, "probe.resets": 0}


def test_a_bypassed_filter_is_left_out_and_comes_back() -> None:
    running = chain(4)
    running.post("probe.bypass", "on")
    out = run(running, FADE + 5)[0]
    np.testing.assert_allclose(out[:FADE], 4 - 3 * fade(), atol=1e-5)
    assert (out[FADE:] == 1).all()
    assert running.readings() == {}
    running.post("probe.bypass", "off")
    out = run(running, FADE + 5)[0]
    np.testing.assert_allclose(out[:FADE], 1 + 3 * fade(), atol=1e-5)
    assert (out[FADE:] == 4).all()
    assert running.readings()["probe.taken"] == 0, "what it knew is from before the pause"


def test_a_value_changed_while_its_filter_is_bypassed_holds_when_it_comes_back() -> None:
    running = chain({"type": "probe", "level": 4, "bypass": True})
    running.post("probe.level", 7)
    assert (run(running, FADE + 1) == 1).all()
    running.post("probe.bypass", False)
    run(running, FADE)
    assert (run(running, 3) == 7).all()


def test_the_whole_chain_is_bypassed_and_comes_back() -> None:
    running = chain(2, 3)
    running.bypass(True)
    assert running.bypassed
    out = run(running, FADE + 5)[0]
    np.testing.assert_allclose(out[:FADE], 6 - 5 * fade(), atol=1e-5)
    assert (out[FADE:] == 1).all()
    running.bypass(True)
    assert not running.changing
    running.bypass(False)
    out = run(running, FADE + 5)[0]
    np.testing.assert_allclose(out[:FADE], 1 + 5 * fade(), atol=1e-5)
    assert (out[FADE:] == 6).all()


def test_a_bypass_gives_back_the_very_samples() -> None:
    running = chain(0.3)
    running.bypass(True)
    run(running, FADE)
    block = np.random.default_rng(1).standard_normal((1, 99)).astype(np.float32)
    expected = block.copy()
    assert running.process(block) is block
    np.testing.assert_array_equal(block, expected)


def test_a_bypassed_chain_runs_on_unheard_and_is_back_at_once() -> None:
    running = chain({"type": "probe", "level": 3, "settle": 5000})
    run(running, 100)
    running.bypass(True)
    run(running, FADE + 50)
    assert (run(running, 10) == 1).all()
    running.bypass(False)
    out = run(running, FADE + 1)[0]
    np.testing.assert_allclose(out[:FADE], 1 + 2 * fade(), rtol=1e-5)
    assert out[-1] == 3
    assert running.readings()["probe.seen"] == 100 + FADE + 50 + 10 + FADE + 1
    assert running.readings()["probe.resets"] == 0


def test_switching_to_and_fro_before_it_is_heard_does_nothing() -> None:
    running = chain(2)
    run(running, 10)
    running.bypass(True)
    running.bypass(False)
    assert (run(running, 200) == 2).all()
    assert running.readings()["probe.resets"] == 0


def test_changes_while_bypassed_are_made_unheard_and_are_there_when_it_comes_back() -> None:
    running = chain(2)
    running.bypass(True)
    run(running, FADE)
    running.post("probe.level", 5)
    assert (run(running, FADE) == 1).all()
    assert not running.changing
    running.load(preset(7, 2, name="two"))
    assert (run(running, 10) == 1).all()
    assert not running.changing
    running.bypass(False)
    assert run(running, FADE + 1)[0, -1] == 14


def test_a_preset_loaded_while_bypassed_settles_before_it_is_heard() -> None:
    running = chain(2)
    running.bypass(True)
    run(running, FADE)
    running.load(preset({"type": "probe", "level": 7, "settle": 100}, 2, name="two"))
    run(running, 30)
    running.bypass(False)
    out = run(running, 70 + FADE + 1)[0]
    assert (out[:70] == 1).all()
    np.testing.assert_allclose(out[70 : 70 + FADE], 1 + 13 * fade(), rtol=1e-5)
    assert out[-1] == 14


def test_another_preset_is_faded_in_when_all_its_filters_have_settled() -> None:
    running = chain(2)
    running.load(preset({"type": "probe", "level": 3, "settle": 30, "delay": 5}, 2, name="two"))
    assert running.preset.name == "two"
    out = run(running, 300)[0]
    assert (out[:35] == 2).all()
    np.testing.assert_allclose(out[35 : 35 + FADE], 2 + 4 * fade(), atol=1e-5)
    assert (out[35 + FADE :] == 6).all()
    assert running.delay_samples == 5


def test_of_several_presets_that_wait_the_newest_wins() -> None:
    running = chain(1)
    run(running, 10)
    for level in (2, 3, 4, 5):
        running.load(preset(level, *([1] * level), name=f"level {level}"))
        running.post("probe.level", level + 20)
    out = np.concatenate([run(running, FADE) for _ in range(3)], axis=1)[0]
    assert out[FADE - 1] < 5
    assert out[-1] == 25
    assert not running.changing


def test_a_change_asked_for_before_another_preset_does_not_reach_it() -> None:
    running = chain(1)
    running.post("probe.level", 9)
    running.load(preset(2, name="two"))
    assert running.preset.slot("probe").params.level == 2
    run(running, 3 * FADE)
    assert (run(running, 5) == 2).all()


def test_a_change_that_follows_another_preset_reaches_it() -> None:
    running = chain(1)
    running.load(preset({"type": "probe", "level": 2, "settle": 50}, name="two"))
    run(running, 10)
    running.post("probe.level", 3)
    run(running, 40 + FADE)
    assert run(running, 50 + FADE + 1)[0, -1] == 3


def test_another_preset_during_a_change_of_a_filter_does_not_jump() -> None:
    running = chain(1)
    running.post("probe.level", 3)
    start = run(running, FADE // 2)
    running.load(preset(2, name="two"))
    rest = np.concatenate([run(running, 1) for _ in range(2 * FADE)], axis=1)
    out = np.concatenate([start, rest], axis=1)[0]
    assert np.abs(np.diff(out)).max() < 4 * np.diff(fade()).max()
    assert out[-1] == 2


def test_a_reset_forgets_and_ends_all_that_waits() -> None:
    running = chain({"type": "probe", "level": 2, "settle": 1000})
    run(running, 10)
    running.post("probe.level", 3)
    run(running, 10)
    running.post("probe.level", 4)
    running.reset()
    assert not running.changing
    assert (run(running, 5) == 4).all()
    running.load(preset(5))
    running.bypass(True)
    running.reset()
    assert not running.changing
    assert running.bypassed
    assert (run(running, 5) == 1).all()
    running.bypass(False)
    running.post("probe.level", 6)
    running.reset()
    assert running.readings()["probe.seen"] == 0
    assert (run(running, 5) == 6).all()


def test_any_sequence_of_changes_ends_where_it_was_asked_to() -> None:
    """Fuzz: after any posts, loads, bypasses and resets the sound is that of a chain built with those values."""
    rng = np.random.default_rng(7)
    for _ in range(60):
        running = chain({"type": "probe", "settle": 20}, 2)
        for _ in range(int(rng.integers(1, 25))):
            match int(rng.integers(0, 7)):
                case 0 | 1:
                    slot = ("probe", "probe-2")[int(rng.integers(0, 2))]
                    running.post(f"{slot}.level", int(rng.integers(-9, 9)))
                case 2:
                    running.post("probe.bypass", bool(rng.integers(0, 2)))
                case 3:
                    running.load(preset(int(rng.integers(-9, 9)), int(rng.integers(-9, 9))))
                case 4:
                    running.bypass(bool(rng.integers(0, 2)))
                case 5 if rng.integers(0, 3) == 0:
                    running.reset()
                case _:
                    run(running, int(rng.integers(0, 150)))
        for _ in range(50):
            run(running, 100)
        assert not running.changing
        wanted = FilterChain(running.preset, Setting(RATE_HZ))
        expected = ones(5) if running.bypassed else wanted.process(ones(5))
        np.testing.assert_array_equal(run(running, 5), expected)


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0), (1, -1), (-1, 1)])
@pytest.mark.parametrize("rate_hz", [8000, 48_000])
def test_even_a_tone_that_is_turned_round_leaves_less_than_85_db_beside_it(
    rate_hz: int, before: float, after: float
) -> None:
    running = FilterChain(preset(before), Setting(rate_hz))
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate_hz) / rate_hz).astype(np.float32)[np.newaxis]
    pieces = [running.process(tone[:, : rate_hz // 2].copy())]
    running.post("probe.level", after)
    pieces += [
        running.process(np.ascontiguousarray(each)) for each in np.split(tone[:, rate_hz // 2 :], 50, axis=1)
    ]
    out = np.concatenate(pieces, axis=1)
    if before and after:  # the tone itself begins and ends somewhere
        assert far_from_tone_db(out, rate_hz) < -85
    else:
        assert far_from_tone_db(out[:, rate_hz // 4 : -rate_hz // 4], rate_hz) < -85


def test_a_tone_that_is_turned_round_again_and_again_leaves_less_than_85_db_beside_it() -> None:
    """Five times within one window of 100 ms, as fast as fades can follow one another: their traces add up."""
    rate_hz = 48_000
    running = FilterChain(preset(1), Setting(rate_hz))
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate_hz // 2) / rate_hz).astype(np.float32)[np.newaxis]
    pieces = []
    for number, block in enumerate(np.split(tone, 50, axis=1)):
        if number in (20, 22, 24, 26, 28):
            running.post("probe.level", 1 if number % 4 else -1)
        pieces.append(running.process(block.copy()))
    assert far_from_tone_db(np.concatenate(pieces, axis=1), rate_hz) < -85
