"""Encrypted calls with baresip in both directions: keys in SDP, and keys by a handshake."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.command import Answering, softphone
from support.peers import Baresip, missing, read_wav
from support.speech import Speech

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(missing("baresip") is not None, reason=str(missing("baresip"))),
]

SDES = ("--srtp", "prefer", "--srtp-keys", "sdes")
DTLS = ("--srtp", "require")


def check(result: dict[str, Any], encryption: str) -> None:
    assert result["outcome"] == "completed", result
    assert result["encryption"] == encryption
    assert set(result["verdict"]) <= {"ok", "dropouts"}, (
        "a busy machine may be late; noise and silence are told otherwise"
    )
    assert result["received"]["loss_pct"] == 0
    assert result["srtp"]["suite"] == "AES_CM_128_HMAC_SHA1_80"
    assert (result["srtp"]["replayed"], result["srtp"]["unsent"]) == (0, 0)
    # baresip opens its way through a NAT with an RTCP packet, which it sends before it has keys.
    assert result["srtp"]["unauthenticated"] <= 2


@pytest.mark.feature("baresip 1.0", "SRTP with keys in SDP: we call")
def test_speech_goes_both_ways_in_a_call_to_baresip(man: Speech, woman: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with Baresip(wav=woman.for_baresip, codecs=("pcmu",), mediaenc="srtp") as bob:
        status, result, err = softphone(
            "call", bob.uri, "--codec", "pcmu", "--play", str(man.path), "--record", str(heard), *SDES
        )
        assert status == 0, (err, bob.log)
        check(result, "sdes")
        bob.wait_for("terminated", 5)
        assert woman.correlation_with(*read_wav(heard)) > 0.97, "what we heard is what the peer said"
        assert man.correlation_with(*bob.recording("dec")) > 0.97, "what the peer heard is what we said"


@pytest.mark.feature("baresip 1.0", "DTLS-SRTP: we call")
def test_a_handshake_with_baresip_and_reports_on_the_same_port() -> None:
    pytest.importorskip("OpenSSL", reason="DTLS-SRTP needs pyOpenSSL")
    with Baresip(codecs=("pcmu",), mediaenc="dtls_srtp", rtcp_mux=True) as bob:
        status, result, err = softphone("call", bob.uri, "--codec", "pcmu", "--seconds", "1.5", *DTLS)
        assert status == 0, (err, bob.log)
        check(result, "dtls")
        assert result["received"]["level_dbov"] > -30


@pytest.mark.parametrize(
    ("mediaenc", "options", "encryption"),
    [("srtp-mand", SDES, "sdes"), ("dtls_srtp", DTLS, "dtls")],
)
@pytest.mark.feature("baresip 1.0", "SRTP with keys in SDP and DTLS-SRTP: it calls")
def test_baresip_calls_us(mediaenc: str, options: Sequence[str], encryption: str) -> None:
    if encryption == "dtls":
        pytest.importorskip("OpenSSL", reason="DTLS-SRTP needs pyOpenSSL")
    with (
        Answering("--calls", "1", "--codec", "pcmu", *options) as ours,
        Baresip(dial=ours.uri, codecs=("pcmu",), seconds=2, mediaenc=mediaenc) as alice,
    ):
        status, results, err = ours.finish()
        assert status == 0, (err, alice.log)
        check(results[0], encryption)
        assert results[0]["received"]["level_dbov"] > -30, (
            "its tone of 0.1 is heard, and no noise of a wrong key"
        )
        assert alice.recording("dec")[0].std() > 0.01


@pytest.mark.feature("baresip 1.0", "SRTP: refused where only one side demands it")
def test_baresip_that_demands_keys_is_not_talked_to_in_the_clear() -> None:
    with Baresip(codecs=("pcmu",), mediaenc="srtp-mand") as bob:
        status, result, _ = softphone("call", bob.uri, "--codec", "pcmu", "--seconds", "1")
        assert (status, result["sip_status"], result["encryption"]) == (4, 488, "none")
