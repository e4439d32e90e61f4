"""Calls between two network namespaces over a line of our own: loss, delay, an outage, another address."""

import json
import subprocess
import threading
from contextlib import ExitStack
from typing import Any

import pytest
from support.command import COMMAND
from support.impairment_relay import BadNetwork, why_not

pytestmark = [pytest.mark.interop, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]

PORT = 5060
CALL = ("--codec", "opus:16000", "--ptime", "60", "--rtp-timeout", "6")
SECONDS = 11
PACKETS = 40
"""Some two seconds of the call."""
LINES = {
    "loss": {"loss_pct": 10.0},
    "delay": {"delay_ms": 200.0, "jitter_ms": 60.0},
    "outage": {},
    "long outage": {},
    "moved": {},
}
IMPATIENT = ("--sip-t1-ms", "50")
"""Who is cut off gives its BYE up after 3.2 s, not after 32."""


class Told:
    """One call over one bad network: RESULTs of both sides."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.network = BadNetwork(seed=8, **LINES[name])
        self.status, self.caller, self.callee = -1, {}, {}
        self.errors = ""

    def run(self) -> None:
        """Call, and let happen what is to happen after some seconds of it."""
        network = self.network
        patience = IMPATIENT if self.name == "long outage" else ()
        with network, ExitStack() as stack:
            callee = stack.enter_context(
                _process(network.inside(network.far, *COMMAND, "answer", "--listen", f"{network.far_host}:{PORT}",
                                        "--calls", "1", "--echo", "--json", *CALL, *patience))
            )  # fmt: skip
            assert callee.stdout is not None
            assert "listening" in callee.stdout.readline()
            caller = stack.enter_context(
                _process(network.inside(network.near, *COMMAND, "call", f"sip:echo@{network.far_host}:{PORT}",
                                        "--seconds", str(SECONDS), "--json", *CALL, *patience))
            )  # fmt: skip
            if self.name not in ("loss", "delay"):
                network.wait_for(PACKETS)
                if self.name == "moved":
                    network.move()
                else:
                    network.cut(5.0 if self.name == "outage" else 30.0)
            out, self.errors = caller.communicate(timeout=60)
            self.status, self.caller = caller.returncode, json.loads(out)
            if self.name == "long outage":
                network._mend()
            out, _ = callee.communicate(timeout=60)
            self.callee = json.loads(out.splitlines()[-1])


def _process(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def told() -> dict[str, Told]:
    """All calls at once: each has its own namespaces."""
    calls = {name: Told(name) for name in LINES}
    threads = [threading.Thread(target=call.run) for call in calls.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return calls


def both(told: Told) -> list[dict[str, Any]]:
    assert told.caller, told.errors
    assert told.callee, told.errors
    return [told.caller, told.callee]


def test_a_call_that_loses_10_percent_goes_on_and_says_so(told):
    call = told["loss"]
    assert call.status == 0, call.errors
    for result in both(call):
        assert result["outcome"] == "completed"
        assert result["received"]["loss_pct"] == pytest.approx(10, abs=6)
    assert call.caller["remote"]["loss_pct"] == pytest.approx(call.callee["received"]["loss_pct"], abs=5)


def test_a_call_of_200_ms_and_60_of_jitter_goes_on_and_measures_them(told):
    call = told["delay"]
    assert call.status == 0, call.errors
    for result in both(call):
        assert result["outcome"] == "completed"
        assert result["received"]["jitter_ms"] > 15
        assert result["received"]["loss_pct"] < 2  # what is on its way at the end has not come
        assert 40 < result["received"]["playout_delay_ms"] < 600
    assert 200 < call.caller["rtt_ms"] < 700
    assert call.caller["setup_s"] > 0.35


def test_a_call_goes_on_after_an_outage_of_5_seconds(told):
    call = told["outage"]
    assert call.network.dropped > 50
    for result in both(call):
        assert result["outcome"] == "completed", call.errors
        assert result["received"]["lost"] == pytest.approx(83, abs=12)
        assert result["duration_s"] == pytest.approx(SECONDS, abs=2)


def test_a_call_that_is_cut_off_ends_as_dropped_on_both_sides(told):
    call = told["long outage"]
    assert call.status == 5, call.errors
    assert [result["outcome"] for result in both(call)] == ["dropped", "dropped"]
    assert call.caller["duration_s"] < SECONDS


def test_a_caller_whose_address_changes_goes_on_or_is_told_that_the_call_dropped(told):
    call = told["moved"]
    outcome = call.caller["outcome"]
    assert outcome in ("completed", "dropped"), (call.caller, call.errors)
    assert call.status == (0 if outcome == "completed" else 5)
    assert call.callee["outcome"] == outcome
    if outcome == "completed":
        assert call.callee["received"]["loss_pct"] < 60
