"""Calls whose sound goes through filters, as a user asks for them."""

from pathlib import Path

import numpy as np
import pytest
from support.command import Answering, softphone
from support.peers import read_wav

pytestmark = pytest.mark.e2e


def band_share_db(path: Path, low_hz: float, high_hz: float) -> float:
    """Level of a band of a recording of ours, re the whole."""
    samples, rate_hz = read_wav(path)
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(samples.size, 1 / rate_hz)
    return float(10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum() + 1e-12))


def recorded(tmp_path, *, caller=(), callee=()):
    """A call of 1.5 s in G.722 (16 kHz); RESULT of the caller, and what each side heard and what the caller sent."""
    heard, sent, back = (tmp_path / f"{name}.wav" for name in ("heard", "sent", "back"))
    common = ("--codec", "g722")
    with Answering("--calls", "1", *common, "--record", str(heard), *callee) as other:
        status, result, err = softphone(
            "call",
            other.uri,
            "--seconds",
            "3",
            *common,
            "--record",
            str(back),
            "--record-sent",
            str(sent),
            *caller,
        )
        other.finish()
    assert status == 0, err
    return result, heard, sent, back


def test_what_the_preset_cuts_is_not_in_what_the_other_side_hears(tmp_path):
    result, heard, sent, back = recorded(tmp_path, caller=("--filter", "telephone"))
    assert result["filter"] == {"sent": "telephone", "heard": None}
    # The bundled man has -19 dB of his power above 4 kHz and -12 below 150 Hz; the preset leaves 300 to 3400 Hz.
    for recording in (heard, sent):
        assert band_share_db(recording, 4000, 8000) < -40
        assert band_share_db(recording, 0, 150) < -35
    assert band_share_db(back, 4000, 8000) > -35


def test_the_side_that_hears_may_filter(tmp_path):
    result, heard, _, back = recorded(tmp_path, caller=("--filter-in", "telephone"))
    assert result["filter"] == {"sent": None, "heard": "telephone"}
    assert band_share_db(back, 4000, 8000) < -40
    assert band_share_db(heard, 4000, 8000) > -35
    assert result["received"]["playout_delay_ms"] > 27  # those of the preset


@pytest.mark.parametrize(
    "command", [("call", "sip:bob@127.0.0.1:9"), ("answer", "--listen", "127.0.0.1:0"), ("demo",)]
)
def test_a_preset_that_cannot_be_is_refused_before_anything_is_sent(command):
    status, result, err = softphone(*command, "--filter-in", "telefone")
    assert (status, result["error"]) == (2, "no preset 'telefone'; did you mean telephone?")
    assert result["error"] in err


def test_both_sides_of_the_demo_are_filtered(tmp_path):
    status, result, err = softphone(
        "demo",
        "--seconds",
        "2",
        "--out",
        str(tmp_path),
        "--filter",
        "telephone",
        "--codec",
        "l16-wb",
        "--ptime",
        "20",
    )
    assert status == 0, err
    for side in ("caller", "callee"):
        assert result[side]["filter"] == {"sent": "telephone", "heard": None}
        assert band_share_db(tmp_path / f"{side}-heard.wav", 4000, 8000) < -40
