"""Codec2 with baresip, which knows one mode, 2400, one frame a packet, and says nothing of it in SDP."""

from pathlib import Path

import numpy as np
import pytest
import soxr
from support.codecs import names
from support.command import Answering, softphone
from support.peers import Baresip, missing, read_wav
from support.speech import RATE_HZ, Speech

from dsp.alignment import align
from dsp.track import ArrayTrack

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(missing("baresip") is not None, reason=str(missing("baresip"))),
    pytest.mark.skipif("codec2" not in names(), reason="libcodec2 is not installed"),
]
LEAST = 0.7
"""Of envelopes, since no waveform is kept. Measured: 0.82 and 0.88; other speech stays below 0.5."""


def likeness(said: Speech, recording: tuple[np.ndarray, int]) -> float:
    heard, rate_hz = recording
    at_rate = np.ascontiguousarray(soxr.resample(heard, rate_hz, RATE_HZ), dtype=np.float32)
    return align(ArrayTrack(said.samples, RATE_HZ), ArrayTrack(at_rate, RATE_HZ)).similarity


@pytest.mark.feature("baresip 1.0", "Codec2")
@pytest.mark.parametrize("asked", ["codec2", "codec2:1300"])
def test_we_call_baresip_in_the_mode_it_knows(asked: str, man: Speech, woman: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    with Baresip(wav=woman.for_baresip, codecs=("codec2",)) as bob:
        status, result, err = softphone(
            "call", bob.uri, "--codec", asked, "--play", str(man.path), "--record", str(heard),
            "--expect", str(woman.path),
        )  # fmt: skip
        assert status == 0, (err, bob.log)
        assert result["codec"] == {
            "name": "codec2", "sample_rate_hz": 8000, "bit_rate_bps": 2400, "ptime_ms": 20,
        }  # fmt: skip
        assert result["received"]["undecodable"] <= 1  # baresip opens its stream with a packet of no payload
        assert result["score"]["metrics"]["stoi"] > 0.75  # measured: 0.79
        bob.wait_for("terminated", 5)
        assert likeness(woman, read_wav(heard)) > LEAST
        assert likeness(man, bob.recording("dec")) > LEAST


@pytest.mark.feature("baresip 1.0", "Codec2")
def test_baresip_calls_us_in_the_mode_it_knows(man: Speech, woman: Speech, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    options = ("--calls", "1", "--codec", "codec2:700", "--play", str(man.path), "--record", str(heard))
    with (
        Answering(*options) as ours,
        Baresip(dial=ours.uri, wav=woman.for_baresip, codecs=("codec2",), seconds=5) as alice,
    ):
        status, results, err = ours.finish()
        assert status == 0, (err, alice.log)
        assert (results[0]["codec"]["bit_rate_bps"], results[0]["codec"]["ptime_ms"]) == (2400, 20)
        assert results[0]["received"]["undecodable"] <= 1
        alice.wait(5)
        assert likeness(woman, read_wav(heard)) > LEAST
        assert likeness(man, alice.recording("dec")) > LEAST
