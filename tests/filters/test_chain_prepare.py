"""A change is built first, as a whole, and made afterwards: nothing is half done."""

from typing import Any

import numpy as np
import pytest
from support.probe_filter import FADE, Probe, ProbeParams, chain, ones, preset, register, run

from dsp.chain import FilterChain
from dsp.errors import LibraryMissing, ParameterError
from dsp.filters import Setting
from dsp.preset import Preset


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The levels of all probes that were built, in order."""
    register(monkeypatch)
    levels: list[float] = []
    init = Probe.__init__

    def counted(self: Probe, params: ProbeParams, setting: Setting) -> None:
        levels.append(params.level)
        init(self, params, setting)

    monkeypatch.setattr(Probe, "__init__", counted)
    return levels


def settled(running: FilterChain) -> float:
    run(running, 3 * FADE)
    return float(run(running, 1)[0, 0])


def test_what_is_prepared_changes_nothing_until_it_is_applied() -> None:
    running = chain(2)
    before = running.preset
    prepared = running.prepare(preset(5))
    assert running.preset is before
    assert not running.changing
    assert settled(running) == 2
    running.apply(prepared)
    assert running.preset is prepared.preset
    assert running.changing
    assert settled(running) == 5


def test_only_the_slots_that_differ_are_built(built: list[float]) -> None:
    running = chain(1, 2, 3, 4)
    built.clear()
    running.load(preset(1, 7, 3, 8, name="two"))
    assert built == [7, 8]
    assert settled(running) == 1 * 7 * 3 * 8
    assert running.preset.name == "two"


def test_a_slot_that_stays_keeps_what_it_has_learned() -> None:
    running = chain(2, 3)
    run(running, 500)
    running.load(preset(2, 4))
    run(running, 2 * FADE)
    readings = running.readings()
    assert (readings["probe.seen"], readings["probe.resets"]) == (500 + 2 * FADE, 0)
    assert readings["probe-2.taken"] == 500


@pytest.mark.parametrize(
    "entries",
    [
        (1, 2, 3),
        (1,),
        ({"type": "probe", "slot": "first"}, 2),
        ({"type": "ear", "slot": "probe"}, 2),
    ],
)
def test_other_slots_are_built_as_a_whole(built: list[float], entries: tuple[Any, ...]) -> None:
    running = chain(1, 2)
    wanted = preset(*entries)
    built.clear()
    running.load(wanted)
    assert len(built) == len(wanted.slots)
    assert settled(running) == settled(FilterChain(wanted, running.setting))


def test_the_same_preset_under_another_name_builds_nothing(built: list[float]) -> None:
    running = chain(1, 2)
    built.clear()
    running.load(preset(1, 2, name="two"))
    assert built == []
    assert not running.changing
    assert running.preset.name == "two"


@pytest.mark.parametrize("bad", [{"level": 13}, {"missing": True}, {"copies": 2}])
def test_one_slot_that_cannot_be_leaves_all_as_they_were(bad: dict[str, object]) -> None:
    running = chain(2, 3, 4)
    before = running.preset
    with pytest.raises((ParameterError, LibraryMissing)):
        running.prepare(preset(5, 6, {"type": "probe", **bad}))
    assert running.preset is before
    assert not running.changing
    assert settled(running) == 24


def test_changed_values_begin_at_the_same_block() -> None:
    running = chain(1, 1)
    running.load(preset(2, 3))
    out = run(running, FADE // 2)[0]
    assert running.changing
    assert out[-1] > 2, "neither has waited for the other"
    assert settled(running) == 6


def test_slots_between_which_the_channels_change_are_built_anew_together() -> None:
    mono, wide = {"type": "probe", "copies": 1}, {"type": "probe", "copies": 3}
    running = chain(mono, 2, {"type": "probe", "copies": 2}, channels=2)
    running.load(preset(wide, 2, {"type": "probe", "copies": 2}))
    for _ in range(3):
        out = running.process(ones(FADE, 2))
    assert out.shape == (2, FADE)
    assert (out[:, -1] == 2).all()


def test_of_two_prepared_changes_the_one_applied_first_makes_the_other_void() -> None:
    running = chain(1, 2)
    first, second = running.prepare(preset(5, 2)), running.prepare(preset(1, 7))
    running.apply(first)
    with pytest.raises(ValueError, match="another change was applied"):
        running.apply(second)
    with pytest.raises(ValueError, match="another change was applied"):
        running.apply(first)
    assert settled(running) == 10
    running.apply(running.prepare(preset(1, 7)))
    assert settled(running) == 7


def test_a_prepared_change_survives_that_the_chain_is_bypassed() -> None:
    running = chain(1)
    prepared = running.prepare(preset(5))
    running.bypass(True)
    run(running, 2 * FADE)
    running.apply(prepared)
    assert settled(running) == 1
    running.bypass(False)
    assert settled(running) == 5


def test_what_is_prepared_for_one_chain_is_so_for_each() -> None:
    """Two running chains follow one preset; where one cannot, neither has changed."""
    narrow, wide = chain(1), chain(1, channels=2)
    wanted = preset({"type": "probe", "level": 4, "copies": 1})
    prepared = narrow.prepare(wanted)
    with pytest.raises(ParameterError, match="probe gives 2 channels and would give 1"):
        wide.prepare(wanted)
    assert settled(narrow) == settled(wide) == 1
    narrow.apply(prepared)
    assert settled(narrow) == 4


def test_any_presets_in_any_order_end_as_the_last_one(built: list[float]) -> None:
    """Fuzz: loads of presets of few shapes, with and without time between them, end where a fresh chain would be."""
    rng = np.random.default_rng(3)

    def some() -> Preset:
        count = int(rng.integers(1, 4))
        tables = [
            {
                "type": "probe",
                "level": int(rng.integers(-4, 4)),
                "settle": int(rng.integers(0, 50)),
                "bypass": bool(rng.integers(0, 2)),
            }
            for _ in range(count)
        ]
        return preset(*tables)

    for _ in range(40):
        running = FilterChain(some(), chain().setting)
        for _ in range(int(rng.integers(1, 15))):
            running.load(some())
            run(running, int(rng.integers(0, 120)))
        for _ in range(20):
            run(running, 100)
        assert not running.changing
        fresh = FilterChain(running.preset, running.setting)
        np.testing.assert_array_equal(run(running, 5), run(fresh, 5))
