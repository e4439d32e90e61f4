"""What every metric of the registry keeps to: its best value, its refusals, its range, its direction, its word on gain."""

import importlib.util
import math

import numpy as np
import pytest

from dsp.metrics import MetricRefused, MetricSpec, metrics
from softphone.app.codec_measure import read_sound

RATE = 16_000
SPEECH = read_sound("builtin:woman", RATE)[: 4 * RATE]
NOISE = np.random.default_rng(1).standard_normal(SPEECH.size).astype(np.float32)
NAMES = metrics.names()
INSTALLED = {"pesq_nb": "pesq", "pesq_wb": "pesq"}


def spec_of(name: str) -> MetricSpec:
    package = INSTALLED.get(name)
    if package is not None and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return metrics.get(name)


def modulated(q_db: float) -> np.ndarray:
    """Noise that follows the speech (ITU-T P.810), *q_db* below it."""
    return (SPEECH * (1.0 + 10.0 ** (-q_db / 20.0) * NOISE)).astype(np.float32)


def test_the_contract_is_held_against_every_metric_there_is():
    assert {"stoi", "estoi", "si_sdr", "log_spectral_distance", "segmental_snr", "warpq"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_in_words(name):
    spec = metrics.get(name)
    low, high = spec.range
    assert spec.label
    assert spec.unit
    assert low < high
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert spec.needs_reference
    assert spec.meaning.endswith(".")
    assert spec.meaning.count(". ") >= 1
    assert (spec.extra is not None) == (name in INSTALLED) == spec.own_process


@pytest.mark.parametrize("name", NAMES)
def test_equal_signals_get_the_best_value(name):
    spec = spec_of(name)
    low, high = spec.range
    best = high if spec.higher_is_better else low
    assert spec.measure(SPEECH, SPEECH, RATE) == pytest.approx(best, abs=1e-3 * (high - low))


@pytest.mark.parametrize(
    ("reference", "degraded", "rate"),
    [
        pytest.param(np.zeros_like(SPEECH), SPEECH, RATE, id="silent reference"),
        pytest.param(SPEECH, np.zeros_like(SPEECH), RATE, id="silent recording"),
        pytest.param(SPEECH, np.where(SPEECH > 0.1, np.nan, SPEECH), RATE, id="NaN in the recording"),
        pytest.param(np.where(SPEECH > 0.1, np.inf, SPEECH), SPEECH, RATE, id="infinity in the reference"),
        pytest.param(SPEECH[:1], SPEECH[:1], RATE, id="one sample"),
        pytest.param(SPEECH[:0], SPEECH[:0], RATE, id="nothing"),
        pytest.param(SPEECH, SPEECH[:-1], RATE, id="unequal lengths"),
        pytest.param(SPEECH[:64000].reshape(2, -1), SPEECH[:64000].reshape(2, -1), RATE, id="stereo"),
        pytest.param(SPEECH, SPEECH, 4000, id="4 kHz"),
        pytest.param(SPEECH, SPEECH, 192_000, id="192 kHz"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_judged_is_refused_in_one_line(name, reference, degraded, rate):
    spec = spec_of(name)
    with pytest.raises(MetricRefused) as refusal:
        spec.measure(reference.astype(np.float32), degraded.astype(np.float32), rate)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) > 15


@pytest.mark.parametrize("name", NAMES)
def test_more_noise_is_never_better_and_the_range_holds(name):
    spec = spec_of(name)
    values = [spec.measure(SPEECH, modulated(q_db), RATE) for q_db in (30, 20, 10, 0)]
    values.append(spec.measure(SPEECH, 0.1 * NOISE, RATE))
    low, high = spec.range
    assert all(low <= value <= high for value in values)
    ordered = sorted(values[:3], reverse=spec.higher_is_better)
    assert values[:3] == ordered
    assert len(set(values[:3])) == 3
    best, worst = values[0], values[-1]
    assert (best > worst) == spec.higher_is_better


@pytest.mark.parametrize("name", NAMES)
def test_it_is_blind_to_gain_where_it_says_so_and_only_there(name):
    spec = spec_of(name)
    heard = modulated(20)
    before, after = spec.measure(SPEECH, heard, RATE), spec.measure(SPEECH, 0.5 * heard, RATE)
    share = abs(after - before) / (spec.range[1] - spec.range[0])
    if spec.blind_to_gain:
        assert share < 0.01
    else:
        assert share > 0.02


@pytest.mark.parametrize("name", NAMES)
def test_samples_in_any_order_of_memory_will_do(name):
    """A channel of a stereo recording is every second sample."""
    spec = spec_of(name)
    stereo = np.stack((SPEECH, modulated(20)), axis=1)
    want = spec.measure(SPEECH, modulated(20), RATE)
    assert spec.measure(stereo[:, 0], stereo[:, 1], RATE) == pytest.approx(want, abs=1e-6)
