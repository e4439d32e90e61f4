"""What a peer may put into its RESULT, and what is left of it."""

import json
import random

import pytest

from softphone.app.call_ending import packed_for_peer
from softphone.app.result import BRIEF, brief, check_min_mos, exit_status, read_peer_result


def sent(**keys):
    return json.dumps({"outcome": "completed", "score": None, "emodel": None, **keys}).encode()


def test_control_characters_do_not_reach_whoever_shows_a_peer_result():
    read = read_peer_result(
        sent(dtmf_received="\x1b]0;owned\x07\x9b31m1", verdict=["ok\n\ud800"], **{"\x1b[2J": 1})
    )
    assert read["dtmf_received"] == "?]0;owned??31m1"
    assert read["verdict"] == ["ok??"]
    assert read["?[2J"] == 1


@pytest.mark.parametrize("depth", [9, 400, 100_000])
def test_a_peer_result_that_nests_too_deep_is_none(depth):
    assert read_peer_result(b'{"outcome": "completed", "x": ' + b"[" * depth + b"]" * depth + b"}") is None


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_peer_result_with_a_number_that_no_float_holds_is_none(digits):
    assert read_peer_result(sent(setup_s=0).replace(b'"setup_s": 0', b'"setup_s": 1' + b"0" * digits)) is None


def test_infinity_and_nan_of_a_peer_become_null():
    read = read_peer_result(b'{"outcome": "completed", "rtt_ms": NaN, "srd_s": [1e999, -Infinity]}')
    assert (read["rtt_ms"], read["srd_s"]) == (None, [None, None])
    assert read_peer_result(b'{"outcome": "completed", "emodel": {"mos_cq": NaN, "grounded": true}}') is None


def test_what_the_peer_heard_counts_for_threshold_and_exit_status():
    emodel = {"mos_cq": 2.0, "grounded": True}
    result = {
        "outcome": "completed",
        "score": None,
        "emodel": {"mos_cq": 4.0, "grounded": True},
        "error": None,
    }
    result["peer_result"] = read_peer_result(sent(emodel=emodel))
    check_min_mos(result, 3.0)
    assert "by the peer" in result["error"]
    assert exit_status([result]) == 6


def test_each_side_is_held_against_the_threshold_by_itself_and_its_scale_is_named():
    """A MOS of G.107.1 below one of G.107 is no worse; the first that misses is told."""
    result = {
        "outcome": "completed",
        "score": None,
        "emodel": {"model": "G.107.1", "mos_cq": 3.9, "grounded": True},
        "error": None,
    }
    result["peer_result"] = read_peer_result(sent(emodel={"model": "G.107", "mos_cq": 3.4, "grounded": True}))
    check_min_mos(result, 3.0)
    assert result["error"] is None
    check_min_mos(result, 3.5)
    assert result["error"] == "MOS heard by the peer is 3.40 (MOS-CQE of G.107), wanted at least 3.5"


def test_a_brief_result_holds_what_decides_and_nothing_else():
    whole = {
        **dict.fromkeys(("call_id", "sent", "received", "cost"), "left out"),
        "schema": 1,
        "outcome": "completed",
        "sip_status": 200,
        "reason": "OK",
        "verdict": ["ok"],
        "score": None,
        "dtmf_received": "12#",
        "emodel": {"model": "G.107", "r": 91.0, "mos_cq": 4.2, "grounded": True, "ie": 0},
    }
    short = brief(whole)
    assert short["emodel"] == {"model": "G.107", "mos_cq": 4.2, "grounded": True}
    assert list(short) == [*BRIEF]
    assert brief({**whole, "emodel": None})["emodel"] is None
    assert read_peer_result(json.dumps(short).encode()) == short


def test_a_result_is_cut_in_steps_until_a_bye_has_room_for_it():
    noise = random.Random(1)
    figures = {str(number): noise.random() for number in range(120)}
    whole = {
        **dict.fromkeys(BRIEF),
        "recording": "got.wav",
        "peer_result": None,
        "filter": {"sent": "telephone", "heard": None},
        "held_s": 0.0,
        "airtime": {"technology": "wifi-n", "assumes": {"preamble": "mixed"}, "ms_per_s": 1.9},
    }

    def travels(**more):
        return json.loads(packed_for_peer({**whole, **more}, is_brief=False))

    left_out = {"recording", "peer_result", "filter", "held_s"}
    assert set(travels()) == set(whole) - left_out
    assert travels()["airtime"] == whole["airtime"]
    assumed = {**whole["airtime"], "assumes": figures}
    assert travels(airtime=assumed)["airtime"] == {"technology": "wifi-n", "ms_per_s": 1.9}
    costly = {**whole["airtime"], **figures}
    assert travels(airtime=costly)["airtime"] is None
    assert set(travels(airtime=costly)) == set(travels())
    assert set(travels(sent=figures)) == set(BRIEF)
    assert set(json.loads(packed_for_peer(dict(whole), is_brief=True))) == set(BRIEF)
    assert json.loads(packed_for_peer({**whole, "airtime": None}, is_brief=False))["airtime"] is None
