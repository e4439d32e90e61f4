"""Strangers read the short form of SIP, and do not mind that a caller tried the packed one first."""

import pytest
from support.command import Answering, softphone
from support.peers import Baresip, SippCallee, SippCaller, missing

pytestmark = pytest.mark.interop
BARESIP = pytest.mark.skipif(missing("baresip") is not None, reason=str(missing("baresip")))
SIPP = pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp")))
SHORT = ("--codec", "pcmu", "--sip-dictionary")
FALLBACK_S = 1.5
"""When the third copy of an INVITE leaves, with T1 of half a second (RFC 3261 section 17.1.1.2)."""


@pytest.mark.feature("baresip 1.0", "short SIP")
@BARESIP
def test_baresip_is_called_in_the_short_form_once_it_had_no_answer_to_the_packed_one() -> None:
    with Baresip(codecs=("pcmu",)) as bob:
        status, result, err = softphone("call", bob.uri, *SHORT, "--seconds", "1")
        assert (status, result["outcome"]) == (0, "completed"), (err, bob.log)
        assert FALLBACK_S <= result["setup_s"] < FALLBACK_S + 1
        assert result["received"]["packets"] > 0


@pytest.mark.feature("baresip 1.0", "short SIP")
@BARESIP
def test_baresip_calls_one_that_answers_in_the_short_form() -> None:
    with (
        Answering("--calls", "1", *SHORT, "--seconds", "1") as ours,
        Baresip(dial=ours.uri, codecs=("pcmu",), seconds=4) as alice,
    ):
        status, results, err = ours.finish()
        assert (status, results[0]["outcome"], results[0]["ended_by"]) == (0, "completed", "local"), (
            err,
            alice.log,
        )
        assert results[0]["setup_s"] < FALLBACK_S
        alice.wait(5)


@pytest.mark.feature("sipp 3.6", "short SIP")
@SIPP
def test_sipp_is_called_in_the_short_form_once_it_had_no_answer_to_the_packed_one() -> None:
    with SippCallee() as callee:
        status, result, err = softphone(
            "call", f"sip:service@{callee.host}:{callee.port}", *SHORT, "--seconds", "1"
        )
        assert (status, result["outcome"]) == (0, "completed"), (err, callee.messages)
        assert "Aborting call" not in callee.messages


@pytest.mark.feature("sipp 3.6", "short SIP")
@SIPP
def test_sipp_calls_one_that_answers_in_the_short_form() -> None:
    with Answering("--calls", "1", *SHORT) as ours, SippCaller(ours.address, talk_ms=500) as caller:
        _, results, err = ours.finish()
        assert caller.wait(10) == 0, (caller.messages, err)
    assert results[0]["sip_status"] == 200
