"""Short and packed SIP between two of ours, as a user asks for it."""

from pathlib import Path

import pytest
from support.command import Answering, softphone

pytestmark = pytest.mark.e2e

PACKED_BOUND = 600
CODEC = ("--codec", "pcmu")


def sip_bytes(result: dict) -> int:
    return result["sent"]["bytes"]["sip"] + result["received"]["bytes"]["sip"]


def test_a_packed_call_takes_at_most_600_bytes_of_sip_and_brings_the_peers_verdict(tmp_path: Path) -> None:
    config = tmp_path / "both.toml"
    config.write_text("[account]\nsip-dictionary = true\n")
    both = (*CODEC, "--config", str(config))
    with Answering("--calls", "1", *both) as ours:
        status, result, err = softphone("call", ours.uri, "--seconds", "1", *both)
        _, (theirs,), _ = ours.finish()
    assert status == 0, err
    assert 0 < sip_bytes(result) == sip_bytes(theirs) <= PACKED_BOUND
    assert result["peer_result"]["verdict"] == ["ok"]
    assert set(result["peer_result"]["emodel"]) == {"model", "mos_cq", "grounded"}
    assert "cost" not in result["peer_result"]


def test_calls_of_one_process_are_challenged_once_and_each_is_within_600_bytes() -> None:
    account = ("--user", "alice", "--password", "wonder", "--sip-dictionary", *CODEC)
    with Answering("--calls", "2", *account) as ours:
        status, results, err = softphone("call", ours.uri, "--seconds", "0.5", "--repeat", "2", *account)
    assert status == 0, err
    first, second = map(sip_bytes, results["calls"])
    assert second < first <= PACKED_BOUND


def test_one_that_is_not_switched_on_is_called_all_the_same() -> None:
    with Answering("--calls", "1", *CODEC) as ours:
        status, result, err = softphone("call", ours.uri, "--seconds", "0.5", "--sip-dictionary", *CODEC)
    assert (status, result["outcome"]) == (0, "completed"), err
    assert 1.4 < result["setup_s"] < 2.5  # the third copy of the INVITE is not packed
