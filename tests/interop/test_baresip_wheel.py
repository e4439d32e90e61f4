"""Calls with the current baresip, as baresip-python brings it: echo, digits, hold, transfers, encryption, TCP."""

import time
from pathlib import Path

import pytest
from support.baresip_wheel import BaresipWheel, wheel_missing
from support.command import Answering, Calling, softphone
from support.peers import free_udp_port, read_wav
from support.speech import Speech

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(wheel_missing() is not None, reason=str(wheel_missing())),
]
PEER = "baresip-python 0.5"


@pytest.mark.feature(PEER, "we call: echo")
@pytest.mark.parametrize(("ours", "theirs"), [("opus", "opus/48000/2"), ("pcmu", "pcmu")])
def test_the_echo_says_what_we_said(ours: str, theirs: str, man: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with BaresipWheel(free_udp_port(), codecs=(theirs,)) as peer:
        status, result, err = softphone(
            "call", peer.uri, "--codec", ours, "--play", str(man.path), "--record", str(heard)
        )
    assert (status, result["outcome"], result["codec"]["name"]) == (0, "completed", ours), err
    assert man.correlation_with(*read_wav(heard)) > 0.7


@pytest.mark.feature(PEER, "it calls us, and sends digits by RFC 4733")
def test_it_calls_us_and_sends_digits() -> None:
    with (
        Answering("--calls", "1", "--codec", "pcmu") as ours,
        BaresipWheel(free_udp_port(), dial=ours.uri) as peer,
    ):
        peer.wait_for("established")
        peer.say("dtmf 12#")
        peer.wait_for("done")
        time.sleep(0.5)  # it tells so when the last digit begins
        peer.say("hangup")
        status, results, err = ours.finish()
    assert (status, results[0]["outcome"], results[0]["dtmf_received"]) == (0, "completed", "12#"), err


@pytest.mark.feature(PEER, "digits by INFO")
def test_it_sends_digits_by_info() -> None:
    with (
        Answering("--calls", "1", "--codec", "pcmu") as ours,
        BaresipWheel(free_udp_port(), dial=ours.uri, dtmf="info") as peer,
    ):
        peer.wait_for("established")
        peer.say("dtmf 12#")
        peer.wait_for("done")
        time.sleep(0.5)  # it tells so when the last digit begins
        peer.say("hangup")
        _, results, err = ours.finish()
    assert results[0]["dtmf_received"] == "12#", err


@pytest.mark.feature(PEER, "it holds and resumes")
def test_it_holds_us() -> None:
    with BaresipWheel(free_udp_port()) as peer, Calling(peer.uri, "--seconds", "3") as ours:
        peer.wait_for("established")
        peer.do("hold")
        peer.do("resume")
        status, result, err = ours.finish()
    assert (status, result["outcome"]) == (0, "completed"), err
    assert result["held_s"] > 0


@pytest.mark.feature(PEER, "it transfers us (REFER), we follow")
def test_it_transfers_us() -> None:
    with (
        BaresipWheel(free_udp_port()) as peer,
        Answering("--calls", "1", "--seconds", "1") as third,
        Calling(peer.uri, "--seconds", "8", "--transfers", "follow") as ours,
    ):
        peer.wait_for("established")
        peer.say(f"transfer {third.uri}")
        peer.wait_for("done")
        _, results, third_err = third.finish()
        _, result, err = ours.finish()
    assert results[0]["outcome"] == "completed", third_err
    assert result["transfer"]["status"] == 200, err


@pytest.mark.feature(PEER, "SRTP with keys in SDP, we call")
def test_sdes() -> None:
    with BaresipWheel(free_udp_port(), extra=("mediaenc=srtp",)) as peer:
        status, result, err = softphone(
            "call", peer.uri, "--srtp", "prefer", "--srtp-keys", "sdes", "--seconds", "1"
        )
    assert (status, result["outcome"], result["encryption"]) == (0, "completed", "sdes"), err
    assert set(result["verdict"]) <= {"ok", "dropouts"}  # what came in was made out


@pytest.mark.feature(PEER, "SRTP with keys in SDP, it calls")
@pytest.mark.parametrize("theirs", ["srtp", "srtp-mand"])
def test_it_calls_with_sdes(theirs: str) -> None:
    with (
        Answering("--calls", "1", "--srtp", "prefer", "--seconds", "1") as ours,
        BaresipWheel(free_udp_port(), dial=ours.uri, extra=(f"mediaenc={theirs}",)) as peer,
    ):
        peer.wait_for("established")
        status, results, err = ours.finish()
    result = results[0]
    assert (status, result["outcome"], result["encryption"]) == (0, "completed", "sdes"), err
    assert set(result["verdict"]) <= {"ok", "dropouts"}  # what came in was made out


@pytest.mark.feature(PEER, "DTLS-SRTP, we call")
def test_dtls_srtp() -> None:
    with BaresipWheel(free_udp_port(), extra=("mediaenc=dtls_srtp",)) as peer:
        status, result, err = softphone(
            "call", peer.uri, "--srtp", "require", "--srtp-keys", "dtls", "--seconds", "1"
        )
    assert (status, result["outcome"], result["encryption"]) == (0, "completed", "dtls"), err
    assert set(result["verdict"]) <= {"ok", "dropouts"}


@pytest.mark.feature(PEER, "DTLS-SRTP, it calls")
def test_it_calls_with_dtls_srtp() -> None:
    with (
        Answering("--calls", "1", "--srtp", "prefer", "--seconds", "1") as ours,
        BaresipWheel(free_udp_port(), dial=ours.uri, extra=("mediaenc=dtls_srtp",)) as peer,
    ):
        peer.wait_for("established")
        status, results, err = ours.finish()
    result = results[0]
    assert (status, result["outcome"], result["encryption"]) == (0, "completed", "dtls"), err
    assert set(result["verdict"]) <= {"ok", "dropouts"}


@pytest.mark.feature(PEER, "a call over TCP")
def test_tcp() -> None:
    with BaresipWheel(free_udp_port(), transport="tcp") as peer:
        status, result, err = softphone("call", peer.uri, "--transport", "tcp", "--seconds", "1")
    assert (status, result["outcome"], result["signalling"]["transport"]) == (0, "completed", "tcp"), err
