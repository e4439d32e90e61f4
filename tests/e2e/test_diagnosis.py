"""A failed call says why in one line and in its RESULT, as a user would meet it."""

import socket

import pytest
from support.command import Answering, Calling, softphone
from support.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.e2e

FAST = ("--seconds", "0.5", "--sip-t1-ms", "20")


def diagnosed(status, *arguments, env=None):
    """The diagnosis of a call that ends with *status*, and the one line on standard error."""
    got, result, err = softphone("call", *arguments, *FAST)
    assert got == status, result
    lines = [line for line in err.splitlines() if "--password-env is safe" not in line]
    assert len(lines) == 1, err
    found = result["diagnosis"]
    assert set(found) == {"cause", "why", "try"}
    assert found["why"] in lines[0]
    assert found["try"] in lines[0]
    return found


def test_a_name_that_does_not_resolve_is_dns():
    assert diagnosed(3, "sip:bob@nosuch.invalid")["cause"] == "dns"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_nobody_at_the_port_is_refused(transport):
    found = diagnosed(3, f"sip:bob@127.0.0.1:9;transport={transport}")
    assert found["cause"] == "refused"
    assert transport.upper() in found["why"]


def test_silence_is_a_timeout():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        found = diagnosed(3, f"sip:bob@127.0.0.1:{deaf.getsockname()[1]}")
    assert found["cause"] == "timeout"
    assert "nothing came back" in found["why"]


def test_a_missing_and_a_wrong_password_are_told_apart():
    with Answering("--user", "bob", "--password", "right", "--sip-t1-ms", "20") as callee:
        missing = diagnosed(4, callee.uri)
        wrong = diagnosed(4, callee.uri, "--user", "bob", "--password", "wrong")
    assert (missing["cause"], wrong["cause"]) == ("credentials", "credentials")
    assert "none was given" in missing["why"]
    assert "does not take our user name or password" in wrong["why"]


def test_two_without_a_common_codec():
    with Answering("--codec", "pcma", "--sip-t1-ms", "20") as callee:
        assert diagnosed(4, callee.uri, "--codec", "pcmu")["cause"] == "codec"


def test_two_that_disagree_about_encryption():
    pytest.importorskip("OpenSSL", reason="DTLS-SRTP needs pyOpenSSL")
    with Answering("--srtp", "off", "--sip-t1-ms", "20") as callee:
        found = diagnosed(4, callee.uri, "--srtp", "require", "--srtp-keys", "dtls")
    assert found["cause"] == "encryption"


def test_a_certificate_that_nobody_vouches_for_is_tls():
    pytest.importorskip("cryptography", reason="certificates are made with cryptography")
    with Answering("--transport", "tls", "--sip-t1-ms", "20") as callee:
        found = diagnosed(3, callee.uri)
    assert found["cause"] == "tls"
    assert "--tls-ca" in found["try"]


def test_a_busy_peer():
    with Answering("--reject", "486", "--sip-t1-ms", "20") as callee:
        found = diagnosed(4, callee.uri)
    assert found == {"cause": "busy", "why": "the peer is busy (486 Busy Here)", "try": "call later"}


def test_an_answer_without_audio_is_no_media():
    with ScriptedPeer() as peer, Calling(peer.uri, "--codec", "pcmu", "--seconds", "0.6") as caller:
        peer.accept(peer.expect("INVITE"), talk=False)
        peer.answer_bye()
        status, result, err = caller.finish()
    assert (status, result["outcome"], result["diagnosis"]["cause"]) == (5, "no-audio", "no-media")
    assert "no audio packet came in" in err


def test_silence_where_our_sdp_names_a_private_address_is_one_way_by_nat():
    private = ("--public-address", "10.9.9.9")
    with ScriptedPeer() as peer, Calling(peer.uri, "--codec", "pcmu", "--seconds", "0.6", *private) as caller:
        peer.accept(peer.expect("INVITE"), talk=False)
        peer.answer_bye()
        status, result, err = caller.finish()
    assert (status, result["diagnosis"]["cause"]) == (5, "one-way-nat")
    assert "our SDP names 10.9.9.9" in err
