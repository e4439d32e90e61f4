"""The live filter on a real PortAudio stream: JACK with its dummy driver instead of a sound card."""

import os
from collections.abc import Iterator

import pytest
from support.jack import PERIOD, RATE_HZ, Jack, jack_missing, result_of

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        bool(jack_missing()) and not os.environ.get("SOFTPHONE_PEERS_REQUIRED"),
        reason=jack_missing() or "it is here",
    ),
]


@pytest.fixture(scope="module")
def jack() -> Iterator[Jack]:
    with Jack() as server:
        yield server


def test_a_filter_on_a_real_stream_adds_one_block_and_tells_the_latency_it_has(jack: Jack) -> None:
    with jack.pass_through() as program:
        bare = jack.round_trip_samples(program)
    with jack.live("no-filter") as program:
        added = jack.round_trip_samples(program) - bare
        done = result_of(program)
        assert program.process.returncode == 0
    assert (done["ended_by"], done["reconnects"], done["block_ms"]) == ("stopped", 0, 10.0)
    # One block, where each was ready in time; a machine that is too busy for that gets a cushion of up to 4.
    assert added % PERIOD == 0
    assert PERIOD <= added <= (PERIOD if done["xruns_ours"] == 0 else 4 * PERIOD)
    # JACK tells PortAudio of 30 ms for the dummy card's own way, both ways and a period between; ours is on top of what
    # it tells a program that only copies.
    assert done["latency_ms"] >= 1000 * added / RATE_HZ


def test_either_direction_may_be_without_a_card(jack: Jack) -> None:
    words = ("--in-device", "null:tone=1000", "--out-device", "system")
    with jack.live("no-filter", *words, ports=1) as program:
        done = result_of(program)
    assert done["device"] == "null:tone=1000 -> system"
    assert done["peak_after_dbfs"] == pytest.approx(-17.0, abs=0.1)
    words = ("--in-device", "system", "--out-device", "null")
    with jack.live("no-filter", *words, ports=1) as program:
        done = result_of(program)
    assert done["device"] == "system -> null"


def test_a_card_that_is_gone_for_good_holds_the_filter_up_neither_while_it_runs_nor_when_it_ends() -> None:
    with Jack("gone") as card, card.live("no-filter", "-v") as program:
        card.end()
        done = result_of(program)
        assert program.process.returncode == 0
    assert done["ended_by"] == "stopped"
