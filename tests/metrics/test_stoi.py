import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.metrics import MetricRefused, metrics
from dsp.metrics.stoi import measure

RATE = 16000
SPEECH = Path(__file__).parents[2] / "softphone" / "data" / "speech"


def speech(name):
    return soundfile.read(SPEECH / f"{name}.wav", dtype="float32")[0]


MAN, WOMAN = speech("man"), speech("woman")


def noisy(x, snr_db, seed=1):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(x.size) * np.sqrt(np.mean(x**2)) * 10 ** (-snr_db / 20)
    return (x + noise).astype(np.float32)


@pytest.mark.parametrize("x", [MAN, WOMAN], ids=["man", "woman"])
def test_unchanged_speech_is_wholly_intelligible(x):
    assert measure(x, x, RATE) == pytest.approx(1, abs=1e-6)
    assert measure(x, (x * 0.01).astype(np.float32), RATE) == pytest.approx(1, abs=1e-3)


def test_the_value_falls_with_the_noise_and_stays_within_its_range():
    values = [measure(MAN, noisy(MAN, snr), RATE) for snr in (30, 15, 0, -15)]
    assert values == sorted(values, reverse=True)
    assert 1 > values[0] > 0.95
    assert 0 <= values[-1] < 0.5


def test_speech_of_other_words_is_far_below_any_line():
    size = min(MAN.size, WOMAN.size)
    assert measure(MAN[:size], WOMAN[:size], RATE) < 0.4


def test_it_agrees_with_pystoi_itself():
    from pystoi import stoi

    degraded = noisy(WOMAN, 5)
    want = stoi(WOMAN.astype(float), degraded.astype(float), RATE)
    assert measure(WOMAN, degraded, RATE) == pytest.approx(want, abs=1e-6)


def test_a_long_signal_measured_in_parts_gives_what_the_whole_gives():
    from pystoi import stoi

    x = np.concatenate([MAN, WOMAN] * 3)
    degraded = noisy(x, 5)
    assert x.size > 40 * RATE
    want = stoi(x.astype(float), degraded.astype(float), RATE)
    assert measure(x, degraded, RATE) == pytest.approx(want, abs=0.01)


def test_a_long_pause_in_a_long_signal_does_not_count():
    gap = np.zeros(65 * RATE, np.float32)
    x = np.concatenate([MAN, gap, MAN])
    degraded = np.concatenate([noisy(MAN, 5), gap, noisy(MAN, 5, 2)])
    assert measure(x, degraded, RATE) == pytest.approx(measure(MAN, noisy(MAN, 5), RATE), abs=0.03)


def test_at_8_khz_too():
    assert measure(MAN[::2], MAN[::2], 8000) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("reference", "degraded", "rate", "why"),
    [
        (np.zeros_like(MAN), MAN, RATE, "reference is silent"),
        (MAN, np.zeros_like(MAN), RATE, "degraded signal is silent"),
        (MAN, MAN[:-1], RATE, "one length"),
        (MAN.reshape(2, -1), MAN.reshape(2, -1), RATE, "mono"),
        (MAN[:12000], MAN[:12000], RATE, "1 s of speech, got 0.4"),
        (MAN[:0], MAN[:0], RATE, "silent"),
        (MAN, MAN, 7000, "8000 Hz"),
        (MAN, np.where(MAN > 0.3, np.nan, MAN).astype(np.float32), RATE, "finite"),
    ],
)
def test_what_it_cannot_judge_is_refused_with_a_reason(reference, degraded, rate, why):
    with pytest.raises(MetricRefused, match=why):
        measure(reference, degraded, rate)


def test_half_a_second_of_speech_in_ten_of_silence_is_refused():
    x = np.concatenate([np.zeros(5 * RATE, np.float32), MAN[:8000], np.zeros(5 * RATE, np.float32)])
    with pytest.raises(MetricRefused, match="1 s of speech"):
        measure(x, x, RATE)


def test_the_stand_in_of_pystoi_is_a_refusal_here():
    """One click is so loud that pystoi drops all speech as silence and returns 1e-5."""
    from pystoi import stoi

    x = (MAN * 0.003).astype(np.float32)
    x[30000:30160] = 1.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert stoi(x.astype(float), x.astype(float), RATE) == 1e-5
    assert caught
    with pytest.raises(MetricRefused):
        measure(x, x, RATE)


def test_the_registry_knows_what_it_is():
    spec = metrics.get("stoi")
    assert (spec.unit, spec.range, spec.higher_is_better, spec.needs_reference) == (
        "STOI",
        (0, 1),
        True,
        True,
    )
    assert spec.measure is measure
    assert "stoi" in metrics.names()


def test_the_registry_costs_no_import_of_scipy_or_pystoi():
    code = (
        "import sys, dsp.metrics, dsp.metrics.emodel, softphone.scorer.live, softphone.scorer.session;"
        "print([m for m in ('scipy', 'pystoi', 'soundfile', 'soxr', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
