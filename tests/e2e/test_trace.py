"""`--trace` and `softphone ladder` as a user runs them: what went over the wire, whole, readable, and without secrets."""

import json
import subprocess
from xml.etree import ElementTree

import pytest
from support.command import COMMAND, Answering, softphone

from softphone.io.trace_text import entries

pytestmark = pytest.mark.e2e


def run(*arguments):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def traced(path):
    with path.open(encoding="utf-8") as file:
        return list(entries(file))


def test_both_sides_trace_the_same_call_and_its_ladder_is_drawn(tmp_path):
    here, there = tmp_path / "call.txt", tmp_path / "answer.pcapng"
    with Answering(
        "--calls", "1", "--codec", "pcmu", "--trace", str(there), "--user", "bob", "--password", "hunter2"
    ) as callee:
        status, result, _ = softphone(
            "call", callee.uri, "--codec", "pcmu", "--seconds", "1", "--trace", str(here), "--user", "bob", "--password", "hunter2"
        )  # fmt: skip
        assert (status, result["diagnosis"]) == (0, None), result
        status, (theirs,), _ = callee.finish()
        assert (status, theirs["diagnosis"]) == (0, None)
    told = traced(here)
    sip = [each for each in told if each.kind == "sip"]
    assert [each.data.split(b"\r\n")[0].split()[0] for each in sip[:2]] == [b"INVITE", b"SIP/2.0"]
    rtp = [each for each in told if each.kind == "rtp"]
    assert sum(each.sent for each in rtp) == result["sent"]["packets"]
    assert sum(not each.sent for each in rtp) == result["received"]["packets"]
    assert [each.at for each in told] == sorted(each.at for each in told)
    files = [tmp_path / name for name in ("call.txt", "call.pcap", "answer.txt", "answer.pcapng")]
    for path in files:
        assert b"hunter2" not in path.read_bytes()
        assert b"Digest" in path.read_bytes()
        shown = run("ladder", path)
        assert shown.returncode == 0, shown.stderr
        assert shown.stderr == ""
        for words in (
            "INVITE",
            "401 Unauthorized",
            "with credentials",
            "SDP PCMU",
            "RTP PCMU/8000",
            "0.0 % lost",
            "200 OK (BYE)",
        ):
            assert words in shown.stdout, (path, words)
    drawn = tmp_path / "call.svg"
    assert run("ladder", files[1], "--svg", drawn).returncode == 0
    assert ElementTree.parse(drawn).getroot().tag.endswith("svg")
    again = run("ladder", files[1], "--svg", drawn)
    assert again.returncode == 2
    assert "--force" in again.stderr
    (call,) = json.loads(run("ladder", files[0], "--json").stdout)["calls"]
    assert call["call_id"] == result["call_id"]
    assert [each["label"] for each in call["steps"]][-1] == "200 OK (BYE)"


def test_a_call_over_tls_is_traced_in_the_clear_and_its_keys_are_masked(tmp_path):
    pytest.importorskip("cryptography", reason="certificates are made with cryptography")
    masked, plain = tmp_path / "masked.txt", tmp_path / "plain.txt"
    require = ("--srtp", "require")
    with Answering(
        "--calls", "1", "--transport", "tls", *require, "--trace", str(plain), "--trace-keys"
    ) as callee:
        status, result, _ = softphone(
            "call", callee.uri, "--tls-insecure", *require, "--srtp-keys", "sdes", "--seconds", "0.5", "--trace", str(masked)
        )  # fmt: skip
        assert status == 0, result
        callee.finish()
    keys = [line.split("inline:")[1] for line in plain.read_text().splitlines() if "inline:" in line]
    assert keys
    for path, mask in ((masked, b"****"), (tmp_path / "masked.pcap", b"AAAA")):
        data = path.read_bytes()
        assert b"inline:" + mask in data
        assert not any(key.encode() in data for key in keys)
    assert {each.transport for each in traced(masked) if each.kind == "sip"} == {"tls"}
    assert "sdes" in run("ladder", tmp_path / "masked.pcap").stdout


def test_a_trace_that_cannot_be_written_is_said_before_the_call(tmp_path):
    status, result, _ = softphone(
        "call", "sip:bob@127.0.0.1:9", "--trace", str(tmp_path / "missing" / "call")
    )
    assert status == 2
    assert "--trace cannot write" in result["error"]


def test_keys_without_a_trace_are_refused():
    status, result, _ = softphone("call", "sip:bob@127.0.0.1:9", "--trace-keys")
    assert (status, result["error"]) == (2, "--trace-keys is for a trace: give --trace FILE, too")
