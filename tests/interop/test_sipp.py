"""Calls with sipp, as caller and as callee that echoes RTP."""

from pathlib import Path

import numpy as np
import pytest
from support.command import Answering, softphone
from support.peers import PCAP_FOLDER, SippCallee, SippCaller, missing, read_wav
from support.speech import Speech

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp"))),
]


@pytest.mark.feature("sipp 3.6", "a call without audio is said to be one")
def test_sipp_that_sends_no_audio_calls_us(tmp_path: Path) -> None:
    with (
        Answering("--calls", "1", "--codec", "pcmu") as ours,
        SippCaller(ours.address, talk_ms=1000) as caller,
    ):
        status, results, err = ours.finish()
        assert caller.wait(10) == 0, caller.messages
    assert (status, results[0]["outcome"]) == (5, "no-audio"), err
    assert "one-way" in results[0]["verdict"] or "silent" in results[0]["verdict"]
    assert results[0]["received"]["packets"] == 0
    assert results[0]["sent"]["packets"] == pytest.approx(50, abs=10)


@pytest.mark.feature("sipp 3.6", "a recorded call: audio and a digit")
@pytest.mark.skipif(not PCAP_FOLDER.is_dir(), reason=f"no {PCAP_FOLDER}")
def test_sipp_plays_a_recorded_call_to_us(tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with (
        Answering("--calls", "1", "--codec", "pcma", "--record", str(heard)) as ours,
        SippCaller(ours.address, scenario="uac_pcap") as caller,
    ):
        status, results, err = ours.finish()
        assert caller.wait(10) == 0, caller.messages
    assert (status, results[0]["outcome"], results[0]["codec"]["name"]) == (0, "completed", "pcma"), err
    assert results[0]["dtmf_received"] == "1"
    samples, rate_hz = read_wav(heard)
    assert len(samples) > 7 * rate_hz
    assert float(np.sqrt(np.mean(samples**2))) > 0.01


@pytest.mark.feature("sipp 3.6", "echo: what we say comes back")
def test_sipp_echoes_what_we_say(man: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with SippCallee() as callee:
        status, result, err = softphone(
            "call", f"sip:service@{callee.host}:{callee.port}", "--codec", "pcmu", "--play", str(man.path),
            "--expect", str(man.path), "--record", str(heard),
        )  # fmt: skip
        assert "Aborting call" not in callee.messages
    assert status == 0, err
    assert result["outcome"] == "completed"
    assert result["received"]["loss_pct"] == 0
    assert result["received"]["packets"] >= result["sent"]["packets"] - 5
    assert man.correlation_with(*read_wav(heard)) > 0.97


@pytest.mark.feature("sipp 3.6", "several calls at once")
def test_many_calls_of_sipp_are_answered_at_once() -> None:
    with (
        Answering("--calls", "5", "--codec", "pcmu") as ours,
        SippCaller(ours.address, talk_ms=500, calls=5) as caller,
    ):
        _, results, err = ours.finish()
        assert caller.wait(10) == 0, caller.messages
    assert [one["sip_status"] for one in results] == [200] * 5, err
    assert len({one["call_id"] for one in results}) == 5
