"""Why a call failed: each way to fail has its cause, in one line, and something to try."""

import json
import random
from pathlib import Path

import pytest

from softphone.app.diagnosis import CAUSES, CallFacts, diagnosis_of, diagnosis_of_error
from softphone.app.status_words import STATUSES

NAT = CallFacts(media_host="192.168.1.7", peer_host="203.0.113.5")
HEARD = {"packets": 500}
NOTHING = {"packets": 0}


def ended(
    outcome: str, status: int | None = None, reason: str = "", by: str = "peer", **more: object
) -> dict[str, object]:
    return {
        "outcome": outcome,
        "sip_status": status,
        "reason": reason,
        "ended_by": by,
        "peer": "sip:bob@b",
        **more,
    }


def network(reason: str, status: int = 503) -> dict[str, object]:
    return ended("unreachable", status, reason, "network")


def audio(received: object, *verdict: str, **more: object) -> dict[str, object]:
    return ended("no-audio", 200, "OK", verdict=list(verdict), received=received, sent=HEARD, **more)


CASES = [
    (network("no address found for the host name 'b': check its spelling and the name server"),
     "dns", "host name 'b'", "check its spelling"),
    (network("connection refused: nobody takes TCP at 192.0.2.1:5060"), "refused", "nobody takes TCP", "--transport"),
    (network("connection refused: nobody takes TLS at 192.0.2.1:5061"), "refused", "nobody takes TLS", "port"),
    (network("no route to 192.0.2.1: check the network connection"), "unreachable", "no route", "network connection"),
    (network("no TLS connection to 192.0.2.1:5061 within 5 s"), "timeout", "within 5 s", "firewall"),
    (network("Request Timeout", 408), "timeout", "nothing came back from sip:bob@b", "firewall"),
    (network("the TLS certificate of b is not trusted (self-signed certificate): name its authority with --tls-ca PEM"),
     "tls", "not trusted", "--tls-ca"),
    (network("no TLS with b:5060 (wrong version number): does it speak TLS at this port?"),
     "tls", "wrong version", "does it speak"),
    (network("Service Unavailable"), "unreachable", "Service Unavailable", "network"),
    (ended("unauthorized", 407, "Proxy Authentication Required"), "credentials", "none was given (407", "--password-env"),
    (ended("declined", 403, "Forbidden"), "forbidden", "does not let us (403 Forbidden)", "rights"),
    (ended("declined", 404, "Not Found"), "not-found", "no such user", "check the user"),
    (ended("declined", 604, "Does Not Exist Anywhere"), "not-found", "anywhere", "check the user"),
    (ended("busy", 486, "Busy Here"), "busy", "the peer is busy (486 Busy Here)", "later"),
    (ended("declined", 603, "Decline"), "declined", "does not want", ""),
    (ended("declined", 477, "Of Their Own"), "declined", "(477 Of Their Own)", "ask"),
    (ended("incompatible", 488, "Not Acceptable Here"), "codec", "no codec", "wants encrypted media, --srtp prefer"),
    (ended("incompatible", 488, "Not Acceptable Here: codec: wanted PCMU"), "codec", "wanted PCMU", "as pcmu,pcma"),
    (ended("incompatible", 488, "Not Acceptable Here: encryption: wanted DTLS-SRTP, got RTP/AVP with no key that we know"),
     "encryption", "wanted DTLS-SRTP", "--srtp"),
    (ended("incompatible", 488, "the peer offers RTP/SAVP only", "local"), "encryption", "encrypted", "--srtp"),
    (ended("declined", 302, "Moved Temporarily"), "redirect", "elsewhere", "call that address"),
    (ended("declined", 305, "Use Proxy"), "redirect", "proxy", "--proxy"),
    (ended("declined", 500, "Server Internal Error"), "server", "went wrong", "log"),
    (ended("declined", 599, "Odd"), "server", "(599 Odd)", "log"),
    (ended("no-answer", 480, "Temporarily Unavailable"), "no-answer", "not there now", "later"),
    (ended("no-answer", 408, "Request Timeout"), "no-answer", "in time", "later"),
    (ended("no-answer", 487, "Request Terminated"), "cancelled", "cancelled", ""),
    (ended("no-answer", 487, "Request Terminated", "local"), "no-answer", "gave up", "--ring-timeout"),
    (ended("unreachable", 503, "192.0.2.1:5061 has closed its connection", "network"), "unreachable", "closed", "--transport tls"),
    (ended("unreachable", 503, "no transport UDP here", "network"), "unreachable", "no transport UDP", "want the same"),
    (ended("no-answer", 487, "hung up before an answer", "local"), "cancelled", "we hung up", ""),
    (ended("no-answer", None, "", "local"), "cancelled", "before it was answered", ""),
    (audio(NOTHING, "one-way"), "no-media", "no audio packet came in", "--rtp-ports"),
    (audio(NOTHING, "one-way", remote={"loss_pct": 0.0}), "one-way", "the peer hears us", "firewall"),
    (audio(NOTHING, "one-way", peer_result={"received": HEARD}), "one-way", "the peer hears us", "firewall"),
    (audio(HEARD, "one-way", remote={"loss_pct": 100.0}), "one-way", "hears nothing of us", "NAT"),
    (audio(HEARD, "silent"), "silent", "next to no sound", "microphone"),
    (ended("dropped", 200, "nothing was heard for 10 s", "network", received=NOTHING, remote={"loss_pct": None}),
     "no-media", "no audio packet came in", "--trace"),
    (ended("dropped", 200, "nothing was heard for 10 s", "network", received=HEARD),
     "dropped", "nothing was heard for 10 s", "network"),
    (ended("failed", 200, "libopus was not found", "local", error="libopus was not found"), "local", "libopus", "-vv"),
    (ended("failed", 200, "", "local", error="the DTLS handshake failed: fingerprint differs"),
     "encryption", "fingerprint", "srtp.md"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("result", "cause", "why", "advice"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_each_way_to_fail_has_its_cause_and_something_to_try(result, cause, why, advice):
    found = diagnosis_of(result)
    assert found.cause == cause
    assert found.cause in CAUSES
    assert why in found.why
    assert advice in found.advice
    assert "\n" not in found.line


def test_every_cause_has_a_case():
    told = {cause for _, cause, _, _ in CASES} | {"one-way-nat"}
    assert told == CAUSES


def test_a_call_that_did_what_was_asked_for_has_none():
    assert diagnosis_of(ended("completed", 200, "OK")) is None
    assert (
        diagnosis_of(ended("completed", 200, "OK", error="MOS heard here is 2.1, wanted at least 3")) is None
    )


@pytest.mark.parametrize("outcome", ["no-audio", "dropped"])
def test_silence_behind_a_private_address_is_one_way_by_nat(outcome):
    result = {**audio(NOTHING, "one-way"), "outcome": outcome}
    found = diagnosis_of(result, NAT)
    assert found.cause == "one-way-nat"
    assert "192.168.1.7" in found.why
    assert "--stun" in found.advice


def test_silence_behind_a_nat_that_the_address_of_stun_does_not_open_asks_for_a_relay():
    result = {**audio(NOTHING, "one-way"), "outcome": "no-audio", "local": "sip:caller@10.0.0.2:52853"}
    found = diagnosis_of(result, CallFacts(media_host="198.51.100.50", peer_host="198.51.100.10"))
    assert found.cause == "one-way-nat"
    assert found.advice.startswith("--turn")
    result["local"] = "sip:caller@198.51.100.50:52853"
    assert (
        diagnosis_of(result, CallFacts(media_host="198.51.100.50", peer_host="198.51.100.10")).cause
        != "one-way-nat"
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("203.0.113.9", "203.0.113.5"),
        ("192.168.1.7", "192.168.1.8"),
        ("127.0.0.1", "127.0.0.1"),
        ("pbx.example.com", "203.0.113.5"),
    ],
)
def test_a_private_address_is_no_nat_where_the_peer_is_a_neighbour(ours, theirs):
    assert (
        diagnosis_of(audio(NOTHING, "one-way"), CallFacts(media_host=ours, peer_host=theirs)).cause
        == "no-media"
    )


def test_a_password_that_is_refused_is_told_from_one_that_is_missing():
    result = ended("unauthorized", 401, "Unauthorized")
    assert "none was given" in diagnosis_of(result).why
    assert "does not take our" in diagnosis_of(result, CallFacts(password=True)).why


def test_488_to_a_call_that_requires_encryption_is_not_the_codecs_fault():
    assert (
        diagnosis_of(ended("incompatible", 488, "Not Acceptable Here"), CallFacts(srtp="require")).cause
        == "encryption"
    )


def test_the_side_that_refuses_says_so_of_itself():
    answering = CallFacts(answers=True)
    assert (
        diagnosis_of(ended("busy", 486, "Busy Here", "local"), answering).line
        == "this side refused the call (486 Busy Here)"
    )
    gone = diagnosis_of(ended("no-answer", 487, "Request Terminated"), answering)
    assert (gone.cause, gone.why) == ("cancelled", "the caller gave up before the call was answered")


def test_where_nothing_came_back_from_is_told_with_the_transport():
    result = network("Request Timeout", 408) | {"signalling": {"transport": "udp", "peer": "192.0.2.1:5060"}}
    assert diagnosis_of(result).why == "nothing came back from 192.0.2.1:5060 (udp)"


def test_an_error_before_there_is_a_result_is_diagnosed_by_its_words():
    found = diagnosis_of_error(
        "no address found for the host name 'b': check its spelling and the name server"
    )
    assert found.as_json() == {
        "cause": "dns",
        "why": "no address found for the host name 'b'",
        "try": "check its spelling and the name server",
    }
    assert diagnosis_of_error("something else") is None


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            "the registrar b wants a password: 401 Unauthorized; give --password-env or an account's keyring",
            "credentials",
        ),
        ("the registrar b refused alice: 403 Forbidden; check user, auth-user and password", "credentials"),
        ("the registrar b cannot be reached: connection refused: nobody takes UDP at b:5060", "refused"),
        (
            "the registrar b cannot be reached: 408 Request Timeout; check its name, and that it runs",
            "unreachable",
        ),
    ],
)
def test_a_registrar_that_does_not_take_us_is_diagnosed_too(message, cause):
    assert diagnosis_of_error(message).cause == cause


def test_a_peers_words_stay_on_one_line_and_short():
    found = diagnosis_of(ended("declined", 477, "x\r\nsoftphone: fine\x1b[2J" + "y" * 500))
    assert found.line.isprintable()
    assert len(found.why) < 260


def test_any_status_and_any_words_lead_to_a_known_cause():
    rng = random.Random(1)
    for status in (*range(300, 700), None):
        for outcome in ("busy", "declined", "no-answer", "unreachable", "unauthorized", "incompatible"):
            reason = "".join(
                rng.choice("TLSrefused host name within 3 s certificate\x00é") for _ in range(30)
            )
            facts = CallFacts(answers=rng.random() < 0.5, password=rng.random() < 0.5)
            found = diagnosis_of(
                ended(outcome, status, reason, rng.choice(("local", "peer", "network"))), facts
            )
            assert found.cause in CAUSES
            assert found.why
            json.dumps(found.as_json())


def test_the_document_names_every_cause_and_nothing_else():
    text = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| `")]
    assert {row.strip("`") for row in rows} == CAUSES


def test_every_status_has_a_meaning_that_reads_on_in_a_line():
    for status in STATUSES.values():
        assert status.meaning[0].islower()
        assert not status.meaning.endswith(".")
