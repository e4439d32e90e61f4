"""Calls with Asterisk: who we are, what is heard, digits, early media, encryption, transports."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command import COMMAND, softphone
from support.pbx import USERS, Asterisk, asterisk_missing
from support.peers import read_wav
from support.speech import Speech

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(asterisk_missing() is not None, reason=str(asterisk_missing())),
]


@pytest.fixture(scope="module")
def pbx() -> Iterator[Asterisk]:
    """One for all tests of this file."""
    with Asterisk() as asterisk:
        yield asterisk


@pytest.fixture(autouse=True)
def _passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for user, password in USERS.items():
        monkeypatch.setenv(f"PASSWORD_{user.upper()}", password)


def call_as(user: str, uri: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    return softphone("call", uri, "--user", user, "--password-env", f"PASSWORD_{user.upper()}", *arguments)


@pytest.mark.feature("Asterisk 16", "digest, echo: what we say comes back")
@pytest.mark.parametrize("codec", ["opus", "g722", "pcmu"])
def test_the_echo_says_what_we_said(pbx: Asterisk, codec: str, man: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    status, result, err = call_as(
        "alice", pbx.extension("echo"), "--codec", codec, "--play", str(man.path), "--record", str(heard)
    )
    assert (status, result["outcome"], result["codec"]["name"]) == (0, "completed", codec), err
    assert man.correlation_with(*read_wav(heard)) > 0.8


@pytest.mark.feature("Asterisk 16", "a wrong password is said to be one")
def test_a_wrong_password_is_unauthorized(pbx: Asterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD_ALICE", "another")
    status, result, err = call_as("alice", pbx.extension("echo"))
    assert (status, result["outcome"]) == (4, "unauthorized"), err
    assert result["diagnosis"]["cause"] == "credentials"


@pytest.mark.feature("Asterisk 16", "busy, and nobody of that name")
@pytest.mark.parametrize(("extension", "outcome"), [("busy", "busy"), ("nobody", "no-answer")])
def test_refusals_are_told_apart(pbx: Asterisk, extension: str, outcome: str) -> None:
    status, result, err = call_as("alice", pbx.extension(extension))
    assert result["outcome"] in (outcome, "declined", "unreachable"), err
    assert status in (3, 4)


@pytest.mark.feature("Asterisk 16", "DTMF both ways (RFC 4733)")
def test_digits_are_said_back(pbx: Asterisk) -> None:
    _, result, err = call_as("alice", pbx.extension("digits"), "--dtmf", "1234", "--seconds", "6")
    assert result["sip_status"] == 200, err
    assert result["dtmf_received"] == "1234"


@pytest.mark.feature("Asterisk 16", "early media is heard before the answer")
def test_early_media_is_recorded(pbx: Asterisk, man: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    status, result, err = call_as(
        "alice", pbx.extension("early"), "--codec", "pcmu", "--play", str(man.path), "--record", str(heard)
    )
    assert (status, result["outcome"]) == (0, "completed"), err
    assert result["setup_s"] > 1.5
    assert result["first_rtp_s"] < 1
    samples, rate_hz = read_wav(heard)
    assert len(samples) > 5 * rate_hz, "two seconds of tone, four of echo"
    assert abs(samples[rate_hz // 2 : rate_hz]).max() > 0.01, "the tone"


@pytest.mark.feature("Asterisk 16", "a call over TCP")
def test_a_call_over_tcp(pbx: Asterisk) -> None:
    status, result, err = call_as("alice", pbx.extension("echo"), "--transport", "tcp", "--seconds", "2")
    assert (status, result["outcome"]) == (0, "completed"), err
    assert result["signalling"]["transport"] == "tcp"


@pytest.mark.feature("Asterisk 16", "TLS: certificate checked, and refused where it is not known")
def test_a_call_over_tls(pbx: Asterisk) -> None:
    uri = pbx.extension("echo", tls=True)
    status, result, err = call_as("alice", uri, "--tls-ca", str(pbx.certificate), "--seconds", "2")
    assert (status, result["outcome"]) == (0, "completed"), err
    assert result["signalling"] == result["signalling"] | {"transport": "tls", "verified": True}
    status, result, err = call_as("alice", uri, "--seconds", "2")
    assert (status, result["outcome"]) == (3, "unreachable"), err
    assert result["diagnosis"]["cause"] == "tls"
    status, result, err = call_as("alice", uri, "--seconds", "2", "--tls-insecure")
    assert (status, result["signalling"]["verified"]) == (0, False), err


@pytest.mark.feature("Asterisk 16", "SRTP with keys in SDP, over TLS")
def test_sdes_over_tls(pbx: Asterisk, man: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    status, result, err = call_as(
        "carol", pbx.extension("echo", tls=True), "--tls-ca", str(pbx.certificate), "--srtp", "require",
        "--play", str(man.path), "--record", str(heard),
    )  # fmt: skip
    assert (status, result["outcome"], result["encryption"]) == (0, "completed", "sdes"), err
    assert man.correlation_with(*read_wav(heard)) > 0.8


@pytest.mark.feature("Asterisk 16", "who must encrypt refuses a call in the clear")
def test_a_plain_call_of_one_who_must_encrypt_is_incompatible(pbx: Asterisk) -> None:
    status, result, err = call_as("carol", pbx.extension("echo"), "--seconds", "2")
    assert (status, result["outcome"]) == (4, "incompatible"), err


@pytest.mark.feature("Asterisk 16", "DTLS-SRTP")
def test_dtls_srtp(pbx: Asterisk, man: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    status, result, err = call_as(
        "dave", pbx.extension("echo"), "--srtp", "require", "--srtp-keys", "dtls",
        "--play", str(man.path), "--record", str(heard),
    )  # fmt: skip
    assert (status, result["outcome"], result["encryption"]) == (0, "completed", "dtls"), err
    assert man.correlation_with(*read_wav(heard)) > 0.8


@pytest.mark.feature("Asterisk 16", "registration; a call comes in through it; the contact goes at the end")
def test_we_register_and_are_called(pbx: Asterisk) -> None:
    command = [
        *COMMAND, "register", f"sip:bob@{pbx.host}:{pbx.port}", "--password-env", "PASSWORD_BOB",
        "--calls", "1", "--json",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        events = []
        while "registered" not in events:
            line = process.stdout.readline()
            assert line, process.communicate()
            events.append(json.loads(line).get("event"))
        assert "bob/sip:" in pbx.say("pjsip show contacts")
        status, result, err = call_as("alice", pbx.extension("bob"), "--seconds", "2")
        assert (status, result["outcome"]) == (0, "completed"), err
        out, err = process.communicate(timeout=20)
    results = [json.loads(line) for line in out.splitlines()]
    outcomes = [one["outcome"] for one in results if "outcome" in one]
    assert (process.returncode, outcomes) == (0, ["completed"]), err
    assert "bob/sip:" not in pbx.say("pjsip show contacts")
