"""Measurements in a child process: values, refusals, and what becomes of a crash."""

import os

import numpy as np
import pytest

from softphone.app.codec_measure import read_sound
from softphone.io.measuring import Measuring, missing

SPEECH = read_sound("builtin:man", 16_000)[: 3 * 16_000]


def test_values_and_refusals_come_back_and_a_dead_child_is_replaced() -> None:
    with Measuring() as child:
        assert child.measure("stoi", 16_000, SPEECH, SPEECH)["value"] == pytest.approx(1.0, abs=1e-4)
        assert "silent" in child.measure("stoi", 16_000, np.zeros_like(SPEECH), SPEECH)["refused"]
        assert "nothing" in child.measure("nothing", 16_000, SPEECH, SPEECH)["refused"]
        process = child._process
        assert process is not None
        process.kill()
        process.wait()
        assert child.measure("stoi", 16_000, SPEECH, SPEECH)["value"] > 0.99
    assert child._process is None


def test_a_crash_while_measuring_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softphone.io.measuring._CHILD", "antigravity_is_no_module")
    with Measuring() as child:
        answer = child.measure("stoi", 16_000, SPEECH, SPEECH)
    assert answer["refused"].startswith("measuring stoi ended its process with status 1")


def test_the_child_ends_when_nobody_listens_any_more() -> None:
    child = Measuring()
    child.measure("stoi", 16_000, SPEECH, SPEECH)
    process = child._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=10) == 0
    child.close()


def test_what_is_not_installed_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = missing(("pesq_nb", "stoi", "dnsmos", "words"))
    assert set(found) == {"pesq_nb", "dnsmos", "words"}
    assert 'pip install "softphone[pesq]"' in found["pesq_nb"]
    assert 'pip install "softphone[wer]"' in found["words"]
    assert "pip install --no-deps speechmos" in found["dnsmos"]


def test_dnsmos_is_that_of_the_oracle_of_noise_suppression() -> None:
    from support.suppression import dnsmos, dnsmos_missing

    why = dnsmos_missing()
    if why is not None:
        pytest.skip(why)
    oracle = dnsmos(SPEECH[:144_160], step_s=4.0)
    with Measuring() as child:
        found = child.measure("dnsmos", 16_000, SPEECH)["value"]
    # The oracle doubles what is too short, ours repeats it: 8 s against 9 s of the same speech.
    assert found[2] == pytest.approx(oracle.overall, abs=0.1)


def test_the_recogniser_hears_the_same_words_each_time() -> None:
    pytest.importorskip("pocketsphinx")
    said = SPEECH[:32_000]
    with Measuring() as child:
        first = child.measure("words", 16_000, said)["value"]
        child.measure("words", 16_000, said[::-1].copy())
        again = child.measure("words", 16_000, said)["value"]
    assert first == again
    assert len(first.split()) > 1
    assert os.path.sep not in first
