"""Peers that know neither VLC nor our modes get a normal call at once, whoever calls, and keep to a limit where they can."""

import pytest
from support.codecs import names
from support.command import Answering, softphone
from support.peers import Baresip, SippCallee, missing
from support.speech import Speech

LOW = "vlc" if "vlc" in names() else "codec2:1300"
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(LOW.partition(":")[0] not in names(), reason="neither VLC nor libcodec2 is here"),
]
needs_baresip = pytest.mark.skipif(missing("baresip") is not None, reason=str(missing("baresip")))
needs_sipp = pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp")))


@pytest.mark.feature("baresip 1.0", "a mode of ours that it does not know: a normal call")
@needs_baresip
@pytest.mark.parametrize("mode", ["vlc", "vlr"])
def test_we_call_baresip_in_a_mode_it_does_not_know(mode: str, man: Speech, woman: Speech) -> None:
    with Baresip(wav=woman.for_baresip, codecs=("opus/48000/1", "pcmu")) as bob:
        status, result, err = softphone(
            "call", bob.uri, "--codec", f"opus,pcmu,{LOW}", "--mode", mode, "--play", str(man.path),
            "--expect", str(woman.path), "--seconds", "3",
        )  # fmt: skip
        assert status == 0, (err, bob.log)
    assert (result["mode"], result["codec"]["name"], result["codec"]["ptime_ms"]) == ("normal", "opus", 20)
    assert (result["verdict"], result["mode_changes"]) == (["ok"], [])
    assert result["score"]["metrics"]["stoi"] > 0.8


@pytest.mark.feature("baresip 1.0", "a mode of ours that it does not know: a normal call")
@needs_baresip
def test_baresip_calls_us_in_mode_vlr(man: Speech, woman: Speech) -> None:
    options = [
        "--calls",
        "1",
        "--codec",
        f"opus,{LOW}",
        "--mode",
        "vlr",
        "--play",
        str(man.path),
        "--seconds",
        "3",
    ]
    with (
        Answering(*options, "--expect", str(woman.path)) as ours,
        Baresip(dial=ours.uri, wav=woman.for_baresip, seconds=5) as alice,
    ):
        status, results, err = ours.finish()
        assert status == 0, (err, alice.log)
    assert (results[0]["mode"], results[0]["codec"]["name"], results[0]["verdict"]) == (
        "normal",
        "opus",
        ["ok"],
    )


@pytest.mark.feature("baresip 1.0", "a limit of the rate is kept, and told (b=AS)")
@needs_baresip
def test_a_limit_is_kept_towards_baresip_and_told_to_it(man: Speech, woman: Speech) -> None:
    with Baresip(wav=woman.for_baresip, codecs=("opus/48000/1",)) as bob:
        status, result, err = softphone(
            "call", bob.uri, "--codec", "opus", "--ptime", "60", "--max-wire-bps", "20000", "--play", str(man.path),
            "--seconds", "4",
        )  # fmt: skip
        assert status == 0, (err, bob.log)
    assert result["verdict"] == ["ok"]
    assert result["sent"]["wire_bps"] <= 20_000
    # It takes rate and interval from our fmtp and ptime; what it adds for RTCP is its own.
    assert result["received"]["wire_bps"] <= 21_000


@pytest.mark.feature("sipp 3.6", "an answer with another codec than the first")
@needs_sipp
def test_sipp_that_answers_pcmu_only_gets_pcmu(man: Speech) -> None:
    with SippCallee() as callee:
        status, result, err = softphone(
            "call", f"sip:service@{callee.host}:{callee.port}", "--codec", f"pcmu,{LOW}", "--mode", "vlr",
            "--play", str(man.path), "--seconds", "2",
        )  # fmt: skip
    assert status == 0, err
    assert (result["mode"], result["codec"]["name"]) == ("normal", "pcmu")
    assert result["received"]["packets"] >= result["sent"]["packets"] - 5
