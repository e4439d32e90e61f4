"""Undo, redo, drags, conflicts and presets: two people at one desk."""

import random
from typing import Any

import pytest
from support.desk_bench import SETTING, Bench, preset

from dsp.preset import Preset
from softphone.control import Client, ControlError, Desk
from softphone.control.history import MAX_STEPS, MAX_TOUCHES, Touches


@pytest.fixture
def bench() -> Bench:
    return Bench()


def turn(bench: Bench, client: Client, value: float, *, at: float, path: str = "gain.gain_db") -> None:
    request = bench.dispatcher.parse({"id": 1, "op": "set", "path": path, "value": value})
    reply = bench.dispatcher.handle(client, request, now=at)
    assert reply.ok


def steps(bench: Bench) -> int:
    return len(bench.desk.state.past)


def test_undo_and_redo_go_through_all_steps(bench: Bench) -> None:
    bench.ask("set", path="gain.gain_db", value=1)
    bench.ask("set", path="gain.gain_db", value=2)
    assert bench.ask("undo") == {"changes": {"gain.gain_db": 1.0}}
    assert bench.ask("undo") == {"changes": {"gain.gain_db": 0.0}}
    assert bench.refused("undo").code == "nothing-to-undo"
    assert bench.ask("redo") == {"changes": {"gain.gain_db": 1.0}}
    assert bench.ask("redo") == {"changes": {"gain.gain_db": 2.0}}
    assert bench.refused("redo").code == "nothing-to-undo"
    assert bench.runners[0].chain.preset == bench.desk.preset


def test_undo_goes_back_across_presets(bench: Bench) -> None:
    bench.ask("set", path="gain.gain_db", value=1)
    changed = bench.desk.preset
    bench.ask("preset", name="bands")
    assert bench.ask("undo") == {"preset": "telephone"}
    assert bench.desk.preset == changed
    assert bench.runners[0].chain.preset == changed
    assert bench.desk.modified
    assert bench.ask("redo") == {"preset": "bands"}
    assert not bench.desk.modified


def test_a_change_after_undo_ends_what_could_be_redone(bench: Bench) -> None:
    bench.ask("set", path="gain.gain_db", value=1)
    bench.ask("undo")
    bench.ask("set", path="gain.gain_db", value=3)
    assert bench.refused("redo").code == "nothing-to-undo"


def test_a_drag_is_one_step(bench: Bench) -> None:
    for number in range(20):
        turn(bench, bench.anna, number + 1, at=10 + 0.4 * number)
    assert steps(bench) == 1
    bench.ask("undo")
    assert bench.desk.preset == preset("telephone")


@pytest.mark.parametrize("what", ["later", "another path", "somebody else", "after undo"])
def test_what_ends_a_drag(bench: Bench, what: str) -> None:
    turn(bench, bench.anna, 1, at=10)
    match what:
        case "later":
            turn(bench, bench.anna, 2, at=10.51)
        case "another path":
            turn(bench, bench.anna, 200, at=10.1, path="low-cut.freq_hz")
        case "somebody else":
            turn(bench, bench.ben, 2, at=10.1)
        case "after undo":
            bench.ask("undo")
            bench.ask("redo")
            turn(bench, bench.anna, 2, at=10.1)
    assert steps(bench) == 2


def test_a_drag_that_ends_where_it_began_leaves_no_step(bench: Bench) -> None:
    turn(bench, bench.anna, 1, at=10)
    turn(bench, bench.anna, 0, at=10.1)
    assert steps(bench) == 0
    turn(bench, bench.anna, 2, at=10.2)
    assert steps(bench) == 1


def test_no_more_steps_are_kept_than_said(bench: Bench) -> None:
    for number in range(MAX_STEPS + 5):
        turn(bench, bench.anna, 1 + number % 2, at=float(number))
    assert steps(bench) == MAX_STEPS
    for _ in range(MAX_STEPS):
        bench.ask("undo")
    assert bench.refused("undo").code == "nothing-to-undo"


def test_undoing_all_and_redoing_all_gives_the_same_presets_again() -> None:
    dice = random.Random(6)
    bench = Bench("bands")
    seen = [bench.desk.preset]
    names = sorted(bench.shelf.kept)
    while len(seen) < 60:
        if dice.random() < 0.2:
            bench.ask("preset", name=dice.choice(names))
        else:
            paths = [f"{each.slot}.bypass" for each in bench.desk.preset.slots]
            paths += [f"eq.bands.{n}.gain_db" for n in range(2)] if bench.desk.preset.name == "bands" else []
            path = dice.choice(paths)
            value: Any = dice.random() < 0.5 if path.endswith("bypass") else dice.uniform(-12, 12)
            bench.ask("set", path=path, value=value)
        if bench.desk.preset != seen[-1]:
            seen.append(bench.desk.preset)
    back = [bench.desk.preset]
    while bench.desk.state.past:
        bench.ask("undo")
        back.append(bench.desk.preset)
    assert back == seen[::-1]
    forth = [bench.desk.preset]
    while bench.desk.state.future:
        bench.ask("redo")
        forth.append(bench.desk.preset)
    assert forth == seen
    assert bench.runners[0].chain.preset == seen[-1]


def test_undo_of_what_cannot_be_any_more_changes_nothing(bench: Bench) -> None:
    from support.desk_bench import Running

    from dsp.filters import Setting

    bench.ask("set", path="low-cut.freq_hz", value=5000)
    bench.ask("preset", name="louder")
    bench.desk.attach(Running("louder", Setting(8000)))
    assert bench.refused("undo").code == "invalid-preset"
    assert bench.desk.preset == preset("louder")
    assert {each.chain.preset for each in bench.desk.runners} == {preset("louder")}


# conflicts


def test_who_has_not_seen_a_change_to_the_same_value_is_told(bench: Bench) -> None:
    bench.reply(bench.ben, "set", path="gain.gain_db", value=-3)
    error = bench.refused("set", path="gain.gain_db", value=2, if_revision=0)
    assert error.code == "conflict"
    assert error.details == {"path": "gain.gain_db", "value": -3.0, "revision": 1}
    assert bench.ask("set", path="gain.gain_db", value=2, if_revision=1)["changes"]


def test_a_change_to_another_value_or_by_oneself_is_no_conflict(bench: Bench) -> None:
    bench.reply(bench.ben, "set", path="low-cut.freq_hz", value=200)
    assert bench.ask("set", path="gain.gain_db", value=2, if_revision=0)["changes"]
    assert bench.ask("set", path="gain.gain_db", value=3, if_revision=1)["changes"]


def test_the_last_change_may_be_ones_own_and_still_hide_one_of_somebody_else(bench: Bench) -> None:
    bench.reply(bench.ben, "set", path="gain.gain_db", value=-3)
    bench.ask("set", path="gain.gain_db", value=1)
    assert bench.refused("set", path="gain.gain_db", value=2, if_revision=0).code == "conflict"


def test_a_whole_list_and_its_entries_are_the_same_value() -> None:
    bench = Bench("bands")
    bench.reply(bench.ben, "set", path="eq.bands.0.gain_db", value=1)
    assert bench.refused("set", path="eq.bands", value=[], if_revision=0).code == "conflict"
    count = len(bench.ask("get", path="graphic-eq.gains_db")["value"])
    assert bench.reply(bench.ben, "set", path="graphic-eq.gains_db", value=[1] * count).ok
    assert bench.refused("set", path="graphic-eq.gains_db.4", value=2, if_revision=1).code == "conflict"
    assert bench.ask("set", path="eq.bands.1.gain_db", value=-9, if_revision=1)["changes"]


def test_another_preset_is_a_change_to_everything(bench: Bench) -> None:
    bench.reply(bench.ben, "preset", name="louder")
    assert bench.refused("set", path="gain.gain_db", value=2, if_revision=0).code == "conflict"
    assert bench.refused("patch", changes={"gain.gain_db": 2}, if_revision=0).code == "conflict"


def test_where_nobody_knows_any_more_who_changed_it_it_is_a_conflict() -> None:
    touches = Touches()
    for number in range(MAX_TOUCHES + 1):
        touches.note([f"a.{number}"], 1, number + 1)
    assert touches.by_others("b.c", 2, 0)
    assert not touches.by_others("b.c", 2, 1)
    assert not touches.by_others("a.5", 1, 3)
    assert touches.by_others("a.5", 2, 3)


# presets


def test_a_preset_is_loaded_by_its_name_alone(bench: Bench) -> None:
    assert bench.ask("preset", name="louder") == {"name": "louder"}
    assert bench.desk.preset == bench.runners[0].chain.preset == preset("louder")
    (event,) = bench.dispatcher.take_events()
    assert event.body["preset"] == "louder"
    assert bench.shelf.asked == ["louder"]


@pytest.mark.parametrize(
    "name", ["loudr", "../louder", "/etc/passwd", "louder.toml", "C:\\louder", "louder\0"]
)
def test_a_name_that_no_preset_has_is_never_looked_up(bench: Bench, name: str) -> None:
    assert bench.refused("preset", name=name).code == "unknown-preset"
    assert bench.shelf.asked == []


def test_an_unknown_preset_names_the_nearest(bench: Bench) -> None:
    assert bench.refused("preset", name="telefone").details == {"nearest": "telephone"}


def test_a_preset_that_cannot_be_built_leaves_what_runs_untouched(bench: Bench) -> None:
    bench.shelf.kept["high"] = preset("telephone").with_value("low-cut.freq_hz", 9000)
    error = bench.refused("preset", name="high")
    assert error.code == "invalid-preset"
    assert "high" in error.message
    assert "below" in error.message
    assert bench.desk.preset == bench.runners[0].chain.preset == preset("telephone")
    assert bench.desk.revision == 0
    assert not bench.runners[0].chain.changing


def test_a_preset_that_is_sent_is_modified_and_keeps_its_name(bench: Bench) -> None:
    assert bench.ask("load", preset={"filter": [{"type": "gain", "gain_db": -6}]}) == {"name": "telephone"}
    assert bench.ask("get")["modified"] is True
    assert bench.ask("load", preset={"filter": []}, name="mine") == {"name": "mine"}
    bench.ask("undo")
    bench.ask("undo")
    assert bench.desk.preset == preset("telephone")


def test_what_get_tells_can_be_loaded_again() -> None:
    bench = Bench("bands")
    held = bench.ask("get")
    bench.ask("preset", name="telephone")
    bench.ask("load", preset=held["preset"], name="bands")
    assert bench.desk.preset == preset("bands")


@pytest.mark.parametrize(
    "given",
    [
        {"filter": {}},
        {"filter": [{"type": "gian"}]},
        {"filter": [{"type": "gain", "gain_db": 1e9}]},
        {"filter": [{"type": "gain", "loud": 1}]},
        {"filter": [{}]},
        {"filters": []},
        {"filter": [{"type": "gain"}] * 65},
        {"filter": [{"type": "gain", "slot": "a.b"}]},
        {"about": 7},
    ],
)
def test_what_is_no_preset_is_refused_in_one_line(bench: Bench, given: Any) -> None:
    for op in ("load", "validate"):
        error = bench.refused(op, preset=given)
        assert error.code == "invalid-preset"
        assert "\n" not in error.message
    assert bench.desk.preset == preset("telephone")


def test_saving_keeps_what_is_wanted_under_a_new_name(bench: Bench) -> None:
    bench.ask("set", path="gain.gain_db", value=2)
    assert bench.ask("save", name="my-voice") == {"name": "my-voice"}
    assert bench.shelf.kept["my-voice"].slot("gain").params.gain_db == 2.0
    found = bench.ask("get")
    assert (found["name"], found["modified"]) == ("my-voice", False)
    assert bench.dispatcher.take_events()[-1].body["saved"] == "my-voice"
    assert bench.refused("save", name="my-voice").code == "exists"
    assert bench.ask("save", name="my-voice", force=True)


@pytest.mark.parametrize("name", ["My Voice", "../x", "-x", "a/b", "a.toml", "x" * 42, "ä", "a\n"])
def test_a_name_that_is_no_name_is_not_saved(bench: Bench, name: str) -> None:
    assert bench.refused("save", name=name).code == "bad-value"
    assert bench.refused("load", preset={"filter": []}, name=name).code in ("bad-value", "out-of-range")
    assert set(bench.shelf.kept) == {"telephone", "louder", "bands"}


def test_validate_says_what_load_and_patch_would_say_and_changes_nothing(bench: Bench) -> None:
    assert bench.ask("validate", changes={"gain.gain_db": 3}) == {"valid": True}
    assert bench.ask("validate", preset={"filter": []}) == {"valid": True}
    assert bench.refused("validate", changes={"low-cut.freq_hz": 9000}).code == "bad-value"
    high = {"filter": [{"type": "butterworth", "kind": "highpass", "freq_hz": 9000}]}
    assert bench.refused("validate", preset=high).code == "invalid-preset"
    assert bench.refused("validate").code == "bad-message"
    assert bench.refused("validate", preset={}, changes={}).code == "bad-message"
    assert bench.desk.state.revision == 0
    assert not bench.runners[0].chain.changing


# files


FILE = "/etc/passwd"


@pytest.mark.parametrize(
    ("op", "given"),
    [
        ("set", {"path": "fir.file", "value": FILE}),
        ("set", {"path": "fir.file", "value": "beside.wav"}),
        ("patch", {"changes": {"fir.file": FILE}}),
        ("validate", {"changes": {"fir.file": FILE}}),
        ("load", {"preset": {"filter": [{"type": "convolve", "file": FILE}]}}),
        ("load", {"preset": {"filter": [{"type": "convolve", "file": FILE, "bypass": True}]}}),
        ("load", {"preset": {"filter": [{"type": "fir", "slot": "other", "file": "room.wav"}]}}),
        ("validate", {"preset": {"filter": [{"type": "convolve", "file": FILE}]}}),
    ],
)
def test_no_file_comes_from_outside_whichever_way_in(op: str, given: dict[str, Any]) -> None:
    read: list[str] = []
    bench = Bench(with_room(), resources=reading(read))
    read.clear()
    before = bench.desk.preset
    assert bench.refused(op, **given).code == "not-possible"
    assert bench.desk.preset == before
    assert read == []


def test_a_file_may_stay_what_it_is() -> None:
    bench = Bench(with_room(), resources=reading([]))
    held = bench.ask("get")["preset"]
    held["filter"][0]["bypass"] = True
    assert bench.ask("load", preset=held)
    assert bench.ask("set", path="fir.file", value="room.wav") == {"changes": {}}
    assert bench.desk.preset.slot("fir").params.file == "room.wav"


def with_room() -> Preset:
    return Preset.parse({"filter": [{"type": "fir", "file": "room.wav"}]}, "room")


def reading(read: list[str]) -> Any:
    import numpy as np

    from dsp.filters import Resources

    def read_response(name: str, rate_hz: int) -> Any:
        read.append(name)
        return np.ones((1, 1), dtype=np.float32)

    return Resources(read_response=read_response)


def test_with_nothing_running_a_preset_must_give_as_many_channels_as_the_first_did() -> None:
    stereo = Preset.parse(
        {"filter": [{"type": "channel-matrix", "slot": "double", "layout": "stereo"}]}, "stereo"
    )
    desk = Desk("sent", "What is sent", preset("telephone"), SETTING)
    with pytest.raises(ControlError, match="preset stereo: channels that come out must be 1 here, got 2"):
        desk.load(stereo, Client(1, "Anna", "control"))
    assert desk.preset == preset("telephone")
    assert desk.revision == 0
    both = Desk("main", "Both", stereo, SETTING)
    with pytest.raises(ControlError, match="preset telephone: channels that come out must be 2 here, got 1"):
        both.load(preset("telephone"), Client(1, "Anna", "control"))
