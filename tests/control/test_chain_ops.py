"""Every operation about chains: what it does to the desk, to the running chain, and what the others are told."""

from typing import Any

import numpy as np
import pytest
from support.desk_bench import Bench, Running, preset

from dsp.errors import ParameterError
from dsp.filters import Setting
from dsp.preset import Preset
from softphone.control import ControlError


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_get_without_a_path_tells_all_there_is(bench: Bench) -> None:
    found = bench.ask("get")
    assert found["name"] == "telephone"
    assert found["preset"] == preset("telephone").as_mapping()
    assert found["bypass"] == {"on": False, "matched": True, "gain_db": 0.0}
    assert (found["revision"], found["modified"], found["can_undo"], found["can_redo"]) == (
        0,
        False,
        False,
        False,
    )


def test_get_tells_one_value_one_entry_or_one_filter(bench: Bench) -> None:
    assert bench.ask("get", path="low-cut.freq_hz") == {"path": "low-cut.freq_hz", "value": 300.0}
    assert bench.ask("get", path="gain.bypass")["value"] is False
    assert bench.ask("get", path="gain")["value"]["type"] == "gain"
    bands = Bench("bands")
    assert bands.ask("get", path="eq.bands.1.freq_hz")["value"] == 3000.0
    assert bands.ask("get", path="eq.bands.1")["value"]["gain_db"] == 2.0
    assert len(bands.ask("get", path="graphic-eq.gains_db")["value"]) == len(
        preset("bands").slot("graphic-eq").params.gains_db
    )


def test_set_is_heard_in_the_running_chain(bench: Bench) -> None:
    (runner,) = bench.runners
    runner.play(0.2)
    assert bench.ask("set", path="gain.gain_db", value=-6) == {"changes": {"gain.gain_db": -6.0}}
    loud = float(np.abs(runner.play(0.3)[0, -800:]).max())
    assert 20 * np.log10(loud / 0.25) == pytest.approx(-6.0, abs=0.1)


def test_set_takes_what_a_person_types(bench: Bench) -> None:
    assert bench.ask("set", path="low-cut.freq_hz", value="1k")["changes"] == {"low-cut.freq_hz": 1000.0}
    assert bench.ask("set", path="low-cut.bypass", value="on")["changes"] == {"low-cut.bypass": True}


def test_each_change_raises_the_revision_and_what_changes_nothing_does_not(bench: Bench) -> None:
    first = bench.reply(bench.anna, "set", path="gain.gain_db", value=1)
    same = bench.reply(bench.anna, "set", path="gain.gain_db", value=1.0)
    assert (first.revision, same.revision) == (1, 1)
    assert same.result == {"changes": {}}
    assert len(bench.dispatcher.take_events()) == 1


def test_the_others_are_told_who_changed_what(bench: Bench) -> None:
    bench.ask("set", path="gain.gain_db", value=-6)
    (event,) = bench.dispatcher.take_events()
    assert event.topic == "changes"
    assert event.origin_client_id == bench.anna.id
    assert event.body == {
        "chain": "main",
        "revision": 1,
        "who": "Anna",
        "client": bench.anna.id,
        "modified": True,
        "can_undo": True,
        "can_redo": False,
        "changes": {"gain.gain_db": -6.0},
    }


def test_an_unknown_path_names_the_nearest(bench: Bench) -> None:
    for op, given in (("set", {"value": 1}), ("get", {})):
        error = bench.refused(op, path="lowcut.freq", **given)
        assert error.code == "unknown-path"
        assert error.details == {"path": "lowcut.freq", "nearest": "low-cut.freq_hz"}
        assert "did you mean low-cut.freq_hz?" in error.message


@pytest.mark.parametrize(
    "path", ["", "gain", "gain.", ".", "gain.gain_db.0", "gain.bypass.x", "..", "x" * 128]
)
def test_no_path_that_leads_nowhere_changes_anything(bench: Bench, path: str) -> None:
    assert bench.refused("set", path=path, value=1).code in ("unknown-path", "out-of-range")
    assert bench.desk.preset == preset("telephone")


def test_a_value_out_of_range_names_the_range_and_the_unit(bench: Bench) -> None:
    error = bench.refused("set", path="gain.gain_db", value=1000)
    spec = next(
        each
        for each in bench.dispatcher.schema()["chains"][0]["slots"][1]["parameters"]
        if each["path"] == "gain.gain_db"
    )
    assert error.code == "out-of-range"
    assert error.details == {"path": "gain.gain_db", "min": spec["min"], "max": spec["max"], "unit": "dB"}
    assert bench.refused("set", path="gain.gain_db", value="nan").code == "out-of-range"


@pytest.mark.parametrize("value", ["loud", True, None, [1], {"a": 1}])
def test_a_value_of_the_wrong_kind_is_refused(bench: Bench, value: Any) -> None:
    assert bench.refused("set", path="gain.gain_db", value=value).code == "bad-value"


def test_a_choice_that_is_none_names_the_options(bench: Bench) -> None:
    error = bench.refused("set", path="low-cut.kind", value="treble")
    assert error.code == "bad-value"
    assert "highpass" in error.details["options"]


def test_what_cannot_be_built_at_this_rate_leaves_all_as_it_was(bench: Bench) -> None:
    error = bench.refused("set", path="low-cut.freq_hz", value=9000)
    assert (error.code, error.details) == ("bad-value", {"path": "low-cut.freq_hz"})
    assert bench.desk.preset == bench.runners[0].chain.preset == preset("telephone")
    assert bench.desk.revision == 0


def test_patch_is_all_or_nothing(bench: Bench) -> None:
    assert (
        bench.refused("patch", changes={"gain.gain_db": -3, "low-cut.freq_hz": 10**9}).code == "out-of-range"
    )
    assert bench.desk.preset == preset("telephone")
    done = bench.ask("patch", changes={"gain.gain_db": -3, "low-cut.freq_hz": 200})
    assert done["changes"] == {"gain.gain_db": -3.0, "low-cut.freq_hz": 200.0}
    assert bench.desk.revision == 1
    bench.ask("undo")
    assert bench.desk.preset == preset("telephone")


def test_patch_reaches_no_chain_where_one_of_them_refuses(bench: Bench) -> None:
    bench.desk.attach(Running("telephone", Setting(8000)))
    before = [each.chain.preset for each in bench.desk.runners]
    assert bench.refused("patch", changes={"gain.gain_db": -3, "low-cut.freq_hz": 5000}).code == "bad-value"
    assert [each.chain.preset for each in bench.desk.runners] == before
    assert bench.desk.preset == preset("telephone")


def test_all_chains_of_a_desk_follow(bench: Bench) -> None:
    bench.desk.attach(Running("telephone", Setting(8000)))
    bench.ask("set", path="gain.gain_db", value=-3)
    assert {each.chain.preset for each in bench.desk.runners} == {bench.desk.preset}


def test_a_chain_that_comes_late_is_brought_to_what_is_wanted(bench: Bench) -> None:
    bench.ask("preset", name="louder")
    bench.ask("bypass", on=True, matched=False)
    late = Running("telephone")
    bench.desk.attach(late)
    assert late.chain.preset == preset("louder")
    assert late.chain.bypassed


def test_a_chain_that_cannot_be_what_is_wanted_does_not_follow(bench: Bench) -> None:
    bench.ask("set", path="low-cut.freq_hz", value=5000)
    late = Running("telephone", Setting(8000))
    with pytest.raises(ControlError) as refused:
        bench.desk.attach(late)
    assert refused.value.code == "invalid-preset"
    assert late not in bench.desk.runners
    bench.ask("set", path="gain.gain_db", value=-3)
    assert late.chain.preset == preset("telephone")


def test_a_chain_that_was_let_go_does_not_follow(bench: Bench) -> None:
    (runner,) = bench.runners
    bench.desk.detach(runner)
    bench.ask("set", path="gain.gain_db", value=-3)
    assert runner.chain.preset == preset("telephone")
    assert bench.dispatcher.levels() is None


def test_a_desk_where_nothing_runs_still_checks_what_can_be_built() -> None:
    bench = Bench(runners=0)
    assert bench.refused("set", path="low-cut.freq_hz", value=9000).code == "bad-value"
    assert bench.ask("set", path="low-cut.freq_hz", value=4000)["changes"]
    assert bench.ask("get")["readings"] == {}


def test_a_filter_that_changes_the_length_is_for_files_only() -> None:
    bench = Bench(runners=0)
    given = {"filter": [{"type": "stretch"}]}
    assert bench.refused("load", preset=given).code == "invalid-preset"
    given["filter"][0]["bypass"] = True  # type: ignore[assignment]
    assert bench.ask("load", preset=given)
    assert bench.refused("set", path="stretch.bypass", value=False).code == "bad-value"


def test_another_chain_is_meant_where_a_message_says_so(bench: Bench) -> None:
    bench.ask("set", chain="heard", path="gain.gain_db", value=-3)
    assert (bench.desk.revision, bench.other.revision) == (0, 1)
    error = bench.refused("get", chain="herd")
    assert (error.code, error.details) == ("unknown-chain", {"nearest": "heard"})


def test_where_there_is_no_chain_that_is_said() -> None:
    bench = Bench()
    bench.dispatcher.desks.clear()  # type: ignore[attr-defined]
    assert bench.refused("get").code == "unknown-chain"


# bypass


def test_bypass_lets_the_plain_sound_be_heard_as_loud_as_the_filtered_one() -> None:
    bench = Bench("louder")
    (runner,) = bench.runners
    filtered = runner.play(3.5, level=0.1)
    found = bench.ask("bypass", on=True)["bypass"]
    plain = runner.play(0.5, level=0.1)
    assert found == {"on": True, "matched": True, "gain_db": pytest.approx(6.0, abs=0.1)}
    assert np.abs(plain[0, -800:]).max() == pytest.approx(np.abs(filtered[0, -800:]).max(), rel=0.02)
    assert bench.ask("bypass", on=True)["bypass"] == found
    assert bench.ask("bypass", on=False)["bypass"]["gain_db"] == 0.0
    assert np.abs(runner.play(0.5, level=0.1)[0, -800:]).max() == pytest.approx(0.2, rel=0.02)


def test_bypass_can_be_left_unmatched_and_matched_later() -> None:
    bench = Bench("louder")
    (runner,) = bench.runners
    runner.play(3.5, level=0.1)
    assert bench.ask("bypass", on=True, matched=False)["bypass"]["gain_db"] == 0.0
    runner.play(0.5, level=0.1)
    assert bench.ask("bypass", on=True)["bypass"]["gain_db"] == pytest.approx(6.0, abs=0.1)


def test_bypass_is_told_to_the_others_once_and_is_no_step_to_undo(bench: Bench) -> None:
    bench.ask("bypass", on=True)
    bench.ask("bypass", on=True)
    (event,) = bench.dispatcher.take_events()
    assert event.body["bypass"]["on"] is True
    assert bench.refused("undo").code == "nothing-to-undo"


def test_a_chain_that_changes_the_number_of_channels_cannot_be_bypassed() -> None:
    wide = Preset.parse({"filter": [{"type": "channel-matrix", "layout": "stereo"}]}, "wide")
    bench = Bench(wide)
    error = bench.refused("bypass", on=True)
    assert (error.code, bench.desk.bypassed, bench.desk.revision) == ("not-possible", False, 0)
    assert bench.refused("preset", name="louder").code == "invalid-preset"
    assert bench.desk.preset == wide


def test_bypass_is_taken_back_where_one_of_the_chains_cannot() -> None:
    bench = Bench("louder")
    (runner,) = bench.runners
    stuck = Running("louder")

    def refuse(bypassed: bool, *, gain_db: float = 0.0) -> None:
        raise ParameterError("not this one")

    bench.desk.attach(stuck)
    stuck.chain.bypass = refuse  # type: ignore[method-assign]
    assert bench.refused("bypass", on=True).code == "not-possible"
    assert not runner.chain.bypassed


# response, meters


def test_response_is_that_of_the_filters_and_names_those_left_out() -> None:
    bench = Bench("bands")
    found = bench.ask("response", points=64)
    assert len(found["hz"]) == len(found["gain_db"]) == 64
    assert found["left_out"] == ["compressor"]
    assert (found["hz"][0], found["hz"][-1]) == (20.0, 8000.0)
    telephone = Bench().ask("response")
    at_100 = int(np.argmin(np.abs(np.array(telephone["hz"]) - 100)))
    # Butterworth of order 4 below its corner of 300 Hz: 10 log10(1 + 3^8) = 38.2 dB
    assert telephone["gain_db"][at_100] == pytest.approx(-38.2, abs=1.0)


def test_response_follows_a_change_and_is_worked_out_once_for_all_who_ask(bench: Bench) -> None:
    before = bench.ask("response")
    assert bench.ask("response") == before
    bench.ask("set", path="low-cut.bypass", value=True)
    after = bench.ask("response")
    assert after["revision"] == 1
    assert max(map(abs, after["gain_db"])) < 0.01
    assert len(bench.ask("response", points=16)["hz"]) == 16


def test_levels_show_meters_gain_reduction_and_gates() -> None:
    bench = Bench("bands")
    (runner,) = bench.runners
    bench.ask("patch", changes={"compressor.threshold_db": -40})
    runner.play(1.0, level=0.5)
    body = bench.dispatcher.levels()
    assert body is not None
    assert body["chain"] == "main"
    assert body["in"]["peak_dbfs"] == -6.0
    assert body["in"]["rms_dbfs"] == -9.0
    assert body["gain_reduction_db"]["compressor"] == pytest.approx(
        body["readings"]["compressor.gain_reduction_db"], abs=0.05
    )
    assert body["gain_reduction_db"]["compressor"] != 0
    assert (body["load_pct"], body["latency_ms"], body["xruns"], body["device"]) == (1.5, 20.0, 0, "null")


def test_a_gate_shows_whether_it_is_open(bench: Bench) -> None:
    bench.ask("load", preset={"filter": [{"type": "gate", "threshold_db": -30}]})
    (runner,) = bench.runners
    runner.play(1.0, level=0.5)
    body = bench.dispatcher.levels()
    assert body is not None
    assert body["gates"] == {"gate": 1}
    runner.play(3.0, level=0.0001)
    body = bench.dispatcher.levels()
    assert body is not None
    assert body["gates"] == {"gate": 0}


def test_spectrum_tells_its_frequencies_once(bench: Bench) -> None:
    bench.runners[0].play(0.5, hz=1000, level=1.0)
    first = bench.dispatcher.spectrum(axis=True)
    later = bench.dispatcher.spectrum()
    assert first is not None
    assert later is not None
    assert "hz" not in later
    assert len(first["hz"]) == len(first["in_db"]) == len(later["out_db"]) == 96
    loudest = first["hz"][int(np.argmax(first["in_db"]))]
    assert loudest == pytest.approx(1000, rel=0.06)
    assert max(first["in_db"]) == 0


def test_meters_begin_anew(bench: Bench) -> None:
    (runner,) = bench.runners
    runner.play(0.5, level=1.0)
    runner.play(0.5, level=0.1)
    bench.ask("reset_meters")
    runner.play(0.5, level=0.1)
    body = bench.dispatcher.levels()
    assert body is not None
    assert body["in"]["max_peak_dbfs"] == -20.0
