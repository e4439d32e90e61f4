"""What every call may meet, each with a scenario of sipp that checks what we say, and what our RESULT makes of it."""

import time
from pathlib import Path

import pytest
from support.command import Answering, softphone
from support.peers import HOST, Sipp, SippCallee, missing

SCENARIOS = Path(__file__).with_name("sipp")
FAST = ("--codec", "pcmu", "--seconds", "0.6")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp"))),
]


class Callee(SippCallee):
    """sipp that plays *scenario* to whoever calls, and echoes what it hears."""

    def __init__(self, scenario: str, *more: str, folder: Path = SCENARIOS) -> None:
        super().__init__(timeout_s=20)
        self._file, self._more = str(folder / f"{scenario}.xml"), more

    def command(self) -> list[str]:
        return ["sipp", "-sf", self._file, *self._common, *self._echo, *self._more]

    def ready(self) -> None:
        if "t1" not in self._more:
            super().ready()
            return
        listening = f":{self.port:04X} 00000000:0000 0A"
        for _ in range(250):
            if listening in Path("/proc/net/tcp").read_text():
                return
            time.sleep(0.02)
        raise AssertionError(f"sipp does not listen:\n{self.log}")

    @property
    def uri(self) -> str:
        return f"sip:service@{HOST}:{self.port}"

    def check(self) -> None:
        """All went as the scenario says."""
        assert self.wait(15) == 0, self.messages


class Caller(Sipp):
    """sipp that calls *target* and plays *scenario*."""

    def __init__(self, scenario: str, target: str, *more: str) -> None:
        super().__init__(timeout_s=20)
        self._scenario, self._target, self._more = scenario, target, more

    def command(self) -> list[str]:
        file = str(SCENARIOS / f"{self._scenario}.xml")
        return ["sipp", "-sf", file, *self._common, *self._more, self._target]

    def check(self) -> None:
        """All went as the scenario says."""
        assert self.wait(15) == 0, self.messages


@pytest.mark.feature("sipp 3.6", "held and taken back by re-INVITE")
def test_a_callee_that_holds_us_by_reinvite() -> None:
    with Callee("uas_hold") as callee:
        status, result, err = softphone("call", callee.uri, *FAST)
        callee.check()
    assert (status, result["outcome"]) == (0, "completed"), err
    assert 0.1 < result["held_s"] < 0.5


@pytest.mark.feature("sipp 3.6", "another codec by re-INVITE")
def test_a_callee_that_changes_the_codec_is_followed() -> None:
    with Callee("uas_codec") as callee:
        status, result, err = softphone("call", callee.uri, "--codec", "pcmu,pcma", "--seconds", "0.6")
        callee.check()
    assert (status, result["outcome"], result["codec"]["name"]) == (0, "completed", "pcma"), err


@pytest.mark.feature("sipp 3.6", "CANCEL by us, 487")
def test_a_call_that_nobody_answers_is_cancelled() -> None:
    with Callee("uas_silent") as callee:
        status, result, err = softphone("call", callee.uri, "--ring-timeout", "0.5")
        callee.check()
    assert (status, result["outcome"], result["diagnosis"]["cause"]) == (3, "no-answer", "no-answer"), err


@pytest.mark.feature("sipp 3.6", "refusals and what they mean")
@pytest.mark.parametrize(
    ("status", "exit_status", "cause"),
    [("486", 4, "busy"), ("480", 3, "no-answer")],
)
def test_a_refusal_is_acked_and_told_by_its_cause(
    status: str, exit_status: int, cause: str, tmp_path: Path
) -> None:
    scenario = (SCENARIOS / "uas_refuse.xml").read_text().replace("486 Busy Here", f"{status} No")
    (tmp_path / "uas_refuse.xml").write_text(scenario)
    with Callee("uas_refuse", folder=tmp_path) as callee:
        got, result, err = softphone("call", callee.uri, *FAST)
        callee.check()
    assert (got, result["sip_status"], result["diagnosis"]["cause"]) == (exit_status, int(status), cause), err


@pytest.mark.feature("sipp 3.6", "401 and credentials, checked by sipp")
def test_credentials_are_those_that_the_callee_wants() -> None:
    account = ("--user", "bob", "--password", "hunter2")
    with Callee("uas_challenge") as callee:
        status, result, err = softphone("call", callee.uri, *FAST, *account)
        callee.check()
    assert (status, result["outcome"]) == (0, "completed"), err
    with Callee("uas_challenge") as callee:
        status, result, err = softphone("call", callee.uri, *FAST, *account[:3], "wrong")
        callee.check()
    assert (status, result["sip_status"]) == (4, 403), err


@pytest.mark.feature("sipp 3.6", "early media in an unreliable 183")
def test_early_media_in_an_unreliable_183() -> None:
    with Callee("uas_unreliable_183") as callee:
        status, result, err = softphone("call", callee.uri, *FAST)
        callee.check()
    assert (status, result["outcome"]) == (0, "completed"), err
    assert result["setup_s"] >= 0.25


@pytest.mark.feature("sipp 3.6", "a call over TCP")
def test_our_call_over_tcp() -> None:
    with Callee("uas_plain", "-t", "t1") as callee:
        status, result, err = softphone("call", f"{callee.uri};transport=tcp", *FAST)
        callee.check()
    assert (status, result["outcome"], result["signalling"]["transport"]) == (0, "completed", "tcp"), err


ANSWERED = {
    "uac_no_offer": ((), (), "offer in the 200, answer in ACK"),
    "uac_hold": ((), (), "held and taken back by re-INVITE of the caller"),
    "uac_auth": (("--user", "bob", "--password", "hunter2"), ("-s", "bob"), "a caller that proves who it is"),
    "over tcp": ((), ("-t", "t1"), "a caller over TCP"),
}


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(name, marks=pytest.mark.feature("sipp 3.6", ANSWERED[name][2])) for name in ANSWERED],
)
def test_a_call_that_comes_in_goes_through_what_the_caller_does(scenario: str) -> None:
    ours_more, theirs_more, _ = ANSWERED[scenario]
    file = "uac_plain" if scenario == "over tcp" else scenario
    with (
        Answering("--calls", "1", "--codec", "pcmu", *ours_more) as ours,
        Caller(file, ours.address, "-rtp_echo", *theirs_more) as caller,
    ):
        _, results, err = ours.finish()
        caller.check()
    assert (results[0]["outcome"], results[0]["ended_by"]) == ("completed", "peer"), err


@pytest.mark.feature("sipp 3.6", "CANCEL by the caller, 487")
def test_a_caller_that_gives_up_is_told_487() -> None:
    with (
        Answering("--calls", "1", "--ring", "5", "--codec", "pcmu") as ours,
        Caller("uac_cancel", ours.address) as caller,
    ):
        status, results, err = ours.finish()
        caller.check()
    assert (status, results[0]["sip_status"], results[0]["diagnosis"]["cause"]) == (3, 487, "cancelled"), err
