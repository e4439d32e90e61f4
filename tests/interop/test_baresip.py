"""Calls with baresip in both directions; what was said is looked for in the recordings of both sides.

Thresholds of the correlation: baresip with itself gave 0.89 (man) and 0.92 (woman) in Opus at 16 kb/s,
at 20 and at 60 ms, 0.993 in PCMU; we with it 0.998 in G.722; the wrong speech is refused by `find_offset`.
"""

import re
import time
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

FORMATS = [
    pytest.param("opus", "opus/48000/1", 20, 0.8, id="opus-20ms"),  # measured over all that is said: 0.84
    pytest.param("opus", "opus/48000/1", 60, 0.8, id="opus-60ms"),
    pytest.param("pcmu", "pcmu", 20, 0.97, id="pcmu-20ms"),
    pytest.param("g722", "g722", 20, 0.97, id="g722-20ms"),
]


def check_result(result: dict[str, Any], codec: str, ptime_ms: int) -> None:
    assert result["outcome"] == "completed"
    assert result["sip_status"] == 200
    assert (result["codec"]["name"], result["codec"]["ptime_ms"]) == (codec, ptime_ms)
    assert result["verdict"] == ["ok"]
    seconds = result["duration_s"]
    assert seconds == pytest.approx(4, abs=1.5)
    for way in ("sent", "received"):
        assert result[way]["packets"] == pytest.approx(seconds * 1000 / ptime_ms, rel=0.2)
    assert result["received"]["loss_pct"] == 0
    assert result["peer_result"] is None, "a stranger sends none"
    assert result["score"]["metric"] == "visqol"
    assert result["score"]["value"] > 3.0
    assert result["score"]["metrics"]["stoi"] > 0.8


def check_recordings(
    heard: Path, sent: Path, peer: Baresip, *, ours: Speech, theirs: Speech, least: float
) -> None:
    assert theirs.correlation_with(*read_wav(heard)) > least, "what we heard is what the peer said"
    assert ours.correlation_with(*read_wav(sent)) > 0.97, "what we say we sent is what we were to say"
    assert ours.correlation_with(*peer.recording("dec")) > least, "what the peer heard is what we said"


@pytest.mark.feature("baresip 1.0", "audio both ways: Opus at 20 and 60 ms, PCMU, G.722")
@pytest.mark.parametrize(("codec", "theirs", "ptime_ms", "least"), FORMATS)
def test_we_call_baresip(
    codec: str, theirs: str, ptime_ms: int, least: float, man: Speech, woman: Speech, tmp_path: Path
) -> None:
    heard, sent = tmp_path / "heard.wav", tmp_path / "sent.wav"
    with Baresip(wav=woman.for_baresip, codecs=(theirs,), ptime_ms=ptime_ms) as bob:
        status, result, err = softphone(
            "call", bob.uri, "--codec", codec, "--bitrate", "16000", "--ptime", str(ptime_ms),
            "--play", str(man.path), "--record", str(heard), "--record-sent", str(sent),
            "--expect", str(woman.path),
        )  # fmt: skip
        assert status == 0, (err, bob.log)
        assert result["ended_by"] == "local"
        assert result["peer"] == bob.uri
        check_result(result, codec, ptime_ms)
        bob.wait_for("terminated", 5)
        check_recordings(heard, sent, bob, ours=man, theirs=woman, least=least)


@pytest.mark.feature("baresip 1.0", "audio both ways: Opus at 20 and 60 ms, PCMU, G.722")
@pytest.mark.parametrize(("codec", "theirs", "ptime_ms", "least"), FORMATS)
def test_baresip_calls_us(
    codec: str, theirs: str, ptime_ms: int, least: float, man: Speech, woman: Speech, tmp_path: Path
) -> None:
    heard, sent = tmp_path / "heard.wav", tmp_path / "sent.wav"
    options = [
        "--calls", "1", "--codec", codec, "--bitrate", "16000", "--ptime", str(ptime_ms),
        "--play", str(man.path), "--record", str(heard), "--record-sent", str(sent),
        "--expect", str(woman.path),
    ]  # fmt: skip
    with (
        Answering(*options) as ours,
        Baresip(
            dial=ours.uri, wav=woman.for_baresip, codecs=(theirs,), ptime_ms=ptime_ms, seconds=5
        ) as alice,
    ):
        status, results, err = ours.finish()
        assert status == 0, (err, alice.log)
        assert len(results) == 1
        assert results[0]["ended_by"] == "peer"
        check_result(results[0], codec, ptime_ms)
        alice.wait(5)
        check_recordings(heard, sent, alice, ours=man, theirs=woman, least=least)


@pytest.mark.feature("baresip 1.0", "DTMF (RFC 4733)")
def test_baresip_hears_our_digits(man: Speech) -> None:
    with Baresip(codecs=("pcmu",)) as bob:
        status, _, err = softphone(
            "call", bob.uri, "--codec", "pcmu", "--play", str(man.path), "--dtmf", "12#"
        )
        assert status == 0, (err, bob.log)
        assert re.findall(r"received event: '(.)' \(end=1\)", bob.log) == ["1", "2", "#"]


@pytest.mark.feature("baresip 1.0", "no codec in common: 488")
def test_a_codec_baresip_does_not_have_is_refused() -> None:
    with Baresip(codecs=("pcmu",)) as bob:
        status, result, err = softphone("call", bob.uri, "--codec", "l16-wb", "--seconds", "1")
        assert (status, result["outcome"]) == (4, "incompatible"), (err, bob.log)


@pytest.mark.feature("baresip 1.0", "a peer that vanishes is a dropped call")
def test_baresip_that_vanishes_is_a_dropped_call(man: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with (
        Answering("--calls", "1", "--codec", "opus", "--rtp-timeout", "1", "--record", str(heard)) as ours,
        Baresip(dial=ours.uri, wav=man.for_baresip) as alice,
    ):
        alice.wait_for("Call established", 5)
        time.sleep(1.5)
        alice.kill()
        status, results, err = ours.finish()
    assert (status, results[0]["outcome"], results[0]["ended_by"]) == (5, "dropped", "network"), err
    samples, rate_hz = read_wav(heard)
    assert len(samples) > rate_hz, "the recording is whole"
