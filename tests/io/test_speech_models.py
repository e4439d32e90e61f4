"""DNSMOS and PLCMOS behind their specs: what they refuse, what they need, and the numbers of the published program."""

import importlib.util

import numpy as np
import pytest

from dsp.errors import LibraryMissing
from dsp.metrics import MetricRefused, metrics
from softphone.app.codec_measure import read_sound
from softphone.io import dnsmos, plcmos
from softphone.io.every_metric import every_metric
from softphone.io.measuring import Measuring, missing

RATE = 16_000
SPEECH = read_sound("builtin:man", RATE)[: 3 * RATE]
T = np.arange(SPEECH.size) / RATE
TONE = (0.1 * np.sin(2 * np.pi * 1000 * T)).astype(np.float32)
NOISE = (0.05 * np.random.default_rng(1).standard_normal(T.size)).astype(np.float32)
HUM = sum(0.1 * np.sin(2 * np.pi * 50 * k * T) / k for k in range(1, 9)).astype(np.float32)
NAMES = ("dnsmos", "plcmos")
needs_models = pytest.mark.skipif(
    bool(missing(NAMES)), reason=f"models of speechmos: {'; '.join(missing(NAMES).values())}"
)


def test_the_registry_of_all_shows_them_as_needing_no_reference():
    specs = [every_metric().get(name) for name in NAMES]
    assert not any(spec.needs_reference for spec in specs)
    assert all(spec.own_process and spec.extra and spec.label and spec.meaning for spec in specs)
    assert set(metrics.names()) | set(NAMES) == set(every_metric().names())


@needs_models
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("sound", "why"),
    [
        pytest.param(TONE, "tones", id="tone"),
        pytest.param(NOISE, "noise", id="noise"),
        pytest.param(HUM, "hum", id="hum"),
        pytest.param(np.zeros_like(SPEECH), "silent", id="silence"),
        pytest.param(SPEECH[:1], "silent", id="one sample"),
        pytest.param(np.where(SPEECH > 0.1, np.nan, SPEECH).astype(np.float32), "finite", id="NaN"),
        pytest.param(SPEECH[: SPEECH.size // 2 * 2].reshape(2, -1), "mono", id="stereo"),
    ],
)
def test_no_score_for_what_is_no_speech(name, sound, why):
    with pytest.raises(MetricRefused, match=why):
        every_metric().get(name).measure(sound, sound, RATE)


@pytest.mark.parametrize("name", NAMES)
def test_another_rate_is_refused(name):
    with pytest.raises(MetricRefused, match="16000 Hz, got 8000"):
        every_metric().get(name).measure(SPEECH, SPEECH, 8000)


@needs_models
def test_speech_has_a_score_that_falls_with_gaps_and_does_not_change_from_run_to_run():
    gaps = SPEECH.copy()
    for at in range(0, gaps.size, 3200):
        gaps[at : at + 960] = 0.0
    whole = plcmos.opinion(SPEECH, RATE)
    assert plcmos.opinion(SPEECH, RATE) == whole
    assert 1.0 <= plcmos.opinion(gaps, RATE) < whole - 0.5 <= 5.0


@needs_models
def test_plcmos_hears_what_the_published_program_gives_it():
    """Its features, and the mean over raters: theirs are drawn anew each time, with a spread of 0.06."""
    published = pytest.importorskip("speechmos.plcmos").PLCMOS()
    want = published.stft_transform(SPEECH)
    np.testing.assert_allclose(plcmos.spectra(SPEECH)[0, 0], want, atol=1e-5)
    run = published.session.run
    raters = np.random.default_rng(7).standard_normal((15, 1, 64)).astype(np.float32)
    features = want.astype(np.float32)[np.newaxis, np.newaxis]
    scores = [run(None, {"degraded_audio": features, "rater_embed": one})[0] for one in raters]
    assert plcmos.opinion(SPEECH, RATE) == pytest.approx(float(np.mean(scores)), abs=0.1)


@needs_models
def test_the_child_answers_for_both_and_passes_refusals_on():
    with Measuring() as child:
        assert 1.0 <= child.measure("plcmos", RATE, SPEECH)["value"] <= 5.0
        assert len(child.measure("dnsmos", RATE, SPEECH)["value"]) == 3
        assert "tones" in child.measure("plcmos", RATE, TONE)["refused"]


def test_without_the_packages_each_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for module in (dnsmos, plcmos):
        with pytest.raises(LibraryMissing, match="pip install --no-deps speechmos"):
            module.model_path()
    assert set(missing(("stoi", *NAMES))) == set(NAMES)
