"""The filters of a call follow the desks from its first sound to its end."""

import numpy as np
import pytest

from dsp.filters import Resources, Setting
from dsp.preset import Preset
from softphone.app.chain_runner import EMPTY, FollowedChains, StageRunner, Wanted
from softphone.control.desk import Desk
from softphone.control.op import Client
from softphone.media.filter_stage import FilterStage

ANNA = Client(1, "Anna", "control")
ALL = Wanted(levels=True, spectrum=True)


def preset(what="gain", **values):
    return Preset.parse({"filter": [{"type": what, **values}]}, "x")


def desks(sent=EMPTY, heard=EMPTY):
    return {
        "sent": Desk("sent", "What is sent", sent, Setting(16_000)),
        "heard": Desk("heard", "What is heard", heard, Setting(16_000)),
    }


def now(work):
    work()


def tone(frames=1600, rate_hz=16_000):
    return np.sin(2 * np.pi * 500 / rate_hz * np.arange(frames), dtype=np.float32)


def heard_of(stage, blocks=40):
    """What comes out in the end: a change has been faded in by then."""
    out = None
    for _ in range(blocks):
        out = tone()
        stage.process(out)
    return float(np.abs(out).max())


def followed(desks, side="sent", rate_hz=16_000):
    chains = FollowedChains(desks, now, Resources())
    stage = FilterStage(chains.make(side, Setting(rate_hz)))
    chains.follow(side, stage, lambda: {"block_ms": 20})
    return chains, stage


def test_a_call_begins_with_what_the_desk_holds_and_follows_it():
    both = desks(sent=preset(gain_db=-6.0))
    _, stage = followed(both)
    assert heard_of(stage) == pytest.approx(0.5, rel=0.01)
    both["sent"].load(preset(gain_db=-20.0), ANNA)
    assert heard_of(stage) == pytest.approx(0.1, rel=0.01)
    both["heard"].load(preset(gain_db=0.0), ANNA)
    assert heard_of(stage) == pytest.approx(0.1, rel=0.01)


def test_a_bypass_that_stands_is_a_new_calls_too():
    both = desks(sent=preset(gain_db=-20.0))
    both["sent"].bypass(True, False)
    _, stage = followed(both)
    assert heard_of(stage) == pytest.approx(1.0, rel=0.01)


def test_several_calls_follow_one_desk_until_each_has_ended():
    both = desks()
    (first, first_stage), (_, second_stage) = followed(both), followed(both)
    first.end()
    both["sent"].load(preset(gain_db=-20.0), ANNA)
    assert heard_of(first_stage) == pytest.approx(1.0, rel=0.01)
    assert heard_of(second_stage) == pytest.approx(0.1, rel=0.01)
    assert len(both["sent"].runners) == 1


@pytest.mark.parametrize(
    ("wanted", "rate_hz", "why"),
    [
        (preset("butterworth", freq_hz=7000, kind="highpass"), 8_000, "7000"),
        (preset("echo-canceller"), 16_000, "--filter"),
    ],
)
def test_a_preset_that_a_call_cannot_have_costs_the_filter_and_not_the_call(wanted, rate_hz, why, caplog):
    side = "heard" if wanted.slots[0].spec.takes_far else "sent"
    both = desks(**{side: wanted})
    chains, stage = followed(both, side, rate_hz)
    assert heard_of(stage, 3) > 0.5
    assert why in caplog.messages[0]
    both[side].load(preset(gain_db=-20.0), ANNA)
    chains.desk_changed(side)
    assert heard_of(stage) == pytest.approx(0.1, rel=0.05)


def test_a_call_that_is_over_follows_no_desk_that_changes_again():
    both = desks(sent=preset("butterworth", freq_hz=7000, kind="highpass"))
    chains, stage = followed(both, rate_hz=8_000)
    chains.end()
    both["sent"].load(preset(gain_db=-20.0), ANNA)
    chains.desk_changed("sent")
    assert heard_of(stage) > 0.5
    assert both["sent"].runners == ()


def test_a_call_that_catches_up_after_two_changes_at_once_follows_its_desk_once():
    both, later = desks(sent=preset("butterworth", freq_hz=7000, kind="highpass")), []
    chains = FollowedChains(both, later.append, Resources())
    stage = FilterStage(chains.make("sent", Setting(8_000)))
    chains.follow("sent", stage, dict)
    later.pop()()
    assert both["sent"].runners == ()
    both["sent"].load(preset(gain_db=-6.0), ANNA)
    chains.desk_changed("sent")
    chains.desk_changed("sent")
    for work in later:
        work()
    both["sent"].load(preset(gain_db=-20.0), ANNA)  # a chain that followed twice would be changed twice
    assert heard_of(stage) == pytest.approx(0.1, rel=0.01)
    chains.end()
    later[-1]()
    assert both["sent"].runners == ()


def test_the_meters_stand_before_and_behind_the_filters():
    both = desks(sent=preset(gain_db=-20.0))
    chains = FollowedChains(both, now, Resources())
    stage = FilterStage(chains.make("sent", Setting(16_000)))
    runner = StageRunner(stage, Setting(16_000), lambda: {"block_ms": 20, "running": True})
    runner.watch(ALL)
    for _ in range(10):
        stage.process(tone())
    levels = runner.levels()
    assert (levels["at_s"], levels["block_ms"], levels["running"]) == (1.0, 20, True)
    assert levels["in"].max_peak_dbfs == pytest.approx(0.0, abs=0.1)
    assert levels["out"].max_peak_dbfs == pytest.approx(-20.0, abs=0.1)
    hz, before, after = runner.spectrum()
    loudest = int(np.argmax(before))
    assert hz[loudest] == pytest.approx(500, rel=0.1)
    assert before[loudest] - after[loudest] == pytest.approx(20.0, abs=0.5)
    runner.reset_meters()
    stage.process(np.zeros(1600, dtype=np.float32))
    assert runner.levels()["in"].max_peak_dbfs is None


def test_nobody_is_there_and_nothing_is_measured():
    both = desks()
    chains, stage = followed(both)
    (runner,) = both["sent"].runners
    assert (stage.before, stage.after, runner.spectrum()) == ([], [], None)
    chains.watch({"sent": ALL})
    stage.process(tone())
    assert runner.levels()["in"].max_peak_dbfs == pytest.approx(0.0, abs=0.1)
    chains.watch({})
    assert (stage.before, stage.after, runner.spectrum()) == ([], [], None)
    assert runner.levels()["in"].max_peak_dbfs is None
    chains.watch({"sent": ALL})
    stage.process(np.zeros(1600, dtype=np.float32))
    assert runner.levels()["in"].max_peak_dbfs is None  # what was before is forgotten


@pytest.mark.parametrize("wanted", [Wanted(levels=True), Wanted(spectrum=True)])
def test_only_the_meters_that_somebody_wants_run(wanted):
    both = desks()
    chains, stage = followed(both)
    (runner,) = both["sent"].runners
    chains.watch({"sent": wanted, "heard": ALL})
    stage.process(tone())
    assert (len(stage.before), len(stage.after)) == (1, 1)
    assert (runner.levels()["out"].max_peak_dbfs is not None) == wanted.levels
    assert (runner.spectrum() is not None) == wanted.spectrum
