"""Flows of SIP that a PBX may go through with us, each with a scenario of sipp that checks what we say."""

from pathlib import Path

import pytest
from support.command import Answering, softphone
from support.peers import HOST, Sipp, SippCallee, missing

SCENARIOS = Path(__file__).with_name("sipp")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp"))),
]


class Callee(SippCallee):
    """sipp that plays *scenario* to whoever calls, and echoes what it hears."""

    def __init__(self, scenario: str, **keys: str) -> None:
        super().__init__(timeout_s=20)
        self._scenario, self._keys = scenario, keys

    def command(self) -> list[str]:
        keys = [word for name, value in self._keys.items() for word in ("-key", name, value)]
        return ["sipp", "-sf", str(SCENARIOS / f"{self._scenario}.xml"), *self._common, *self._echo, *keys]

    @property
    def uri(self) -> str:
        return f"sip:service@{HOST}:{self.port}"

    def check(self) -> None:
        """All went as the scenario says."""
        assert self.wait(15) == 0, self.messages


class Caller(Sipp):
    """sipp that calls *target* and plays *scenario*."""

    def __init__(self, scenario: str, target: str) -> None:
        super().__init__(timeout_s=20)
        self._scenario, self._target = scenario, target

    def command(self) -> list[str]:
        return ["sipp", "-sf", str(SCENARIOS / f"{self._scenario}.xml"), *self._common, self._target]


CALLS = {
    "uas_reliable_183": "early media in a reliable 183, PRACK",
    "uas_update": "held and taken back by UPDATE",
}


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=pytest.mark.feature("sipp 3.6", CALLS[name])) for name in CALLS]
)
def test_our_call_goes_through_what_the_callee_does(scenario: str) -> None:
    with Callee(scenario) as callee:
        status, result, err = softphone("call", callee.uri, "--codec", "pcmu", "--seconds", "1")
        callee.check()
    assert (status, result["outcome"]) == (0, "completed"), err


@pytest.mark.feature("sipp 3.6", "session timers: 422, refresh by UPDATE")
def test_a_session_is_refreshed() -> None:
    with Callee("uas_session_timer") as callee:
        status, result, err = softphone(
            "call", callee.uri, "--codec", "pcmu", "--seconds", "1", "--session-expires", "90"
        )
        callee.check()
    assert (status, result["outcome"], result["session_expires_s"]) == (0, "completed", 120), err


@pytest.mark.feature(
    "sipp 3.6", "a redirect is followed, to where two answer: the first wins, the other gets BYE"
)
def test_a_redirect_to_two_who_answer_is_followed() -> None:
    with (
        Callee("uas_forked") as there,
        Callee("uas_redirect", elsewhere=f"{HOST}:{there.port}") as callee,
    ):
        status, result, err = softphone("call", callee.uri, "--codec", "pcmu", "--seconds", "1")
        callee.check()
        there.check()
    assert (status, result["outcome"]) == (0, "completed"), err
    assert result["redirected_to"] == f"sip:moved@{HOST}:{there.port}"


@pytest.mark.feature("sipp 3.6", "a REFER of the callee is followed, and it is told")
def test_a_transfer_is_followed_and_told() -> None:
    with (
        SippCallee() as there,
        Callee("uas_refer", elsewhere=f"{HOST}:{there.port}") as callee,
    ):
        status, result, err = softphone(
            "call", callee.uri, "--codec", "pcmu", "--seconds", "2", "--transfers", "follow"
        )
        callee.check()
    assert (status, result["outcome"]) == (0, "completed"), err


@pytest.mark.feature("sipp 3.6", "it is transferred by us (REFER), and tells how that goes")
def test_we_transfer_and_are_told(tmp_path: Path) -> None:
    script = tmp_path / "transfer.toml"
    script.write_text('[[step]]\nat = 0.5\ntransfer = "sip:carol@192.0.2.3"\n')
    with Callee("uas_transferred") as callee:
        status, result, err = softphone("call", callee.uri, "--codec", "pcmu", "--script", str(script))
        callee.check()
    assert (status, result["outcome"], result["transfer"]["status"]) == (0, "completed", 200), err


@pytest.mark.feature("sipp 3.6", "early media of ours in a reliable 183")
def test_our_early_media_is_sent_reliably() -> None:
    with (
        Answering("--calls", "1", "--codec", "pcmu", "--ring", "0.5", "--early-media", "builtin:man") as ours,
        Caller("uac_reliable_183", ours.address) as caller,
    ):
        _, results, err = ours.finish()
        assert caller.wait(10) == 0, caller.messages
    assert results[0]["sip_status"] == 200, err


@pytest.mark.feature("sipp 3.6", "digits by INFO")
def test_digits_by_info_are_heard() -> None:
    with (
        Answering("--calls", "1", "--codec", "pcmu") as ours,
        Caller("uac_info", ours.address) as caller,
    ):
        _, results, err = ours.finish()
        assert caller.wait(10) == 0, caller.messages
    assert results[0]["dtmf_received"] == "4#2", err


@pytest.mark.feature("sipp 3.6", "session timers as callee: 422, who refreshes, UPDATE")
def test_a_callers_session_timer_is_kept() -> None:
    with (
        Answering("--calls", "1", "--codec", "pcmu") as ours,
        Caller("uac_timer", ours.address) as caller,
    ):
        _, results, err = ours.finish()
        assert caller.wait(10) == 0, caller.messages
    assert results[0]["session_expires_s"] == 90, err


@pytest.mark.feature("sipp 3.6", "Replaces, REFER, UPDATE and NOTIFY that fit no call are refused")
def test_what_fits_no_call_is_refused() -> None:
    with Answering("--codec", "pcmu") as ours, Caller("uac_strangers", ours.address) as caller:
        assert caller.wait(10) == 0, caller.messages
