"""PESQ by the package `pesq`, guarded: what is refused, how long signals are cut, the mapping of P.862.1 undone."""

import math

import numpy as np
import pytest

from dsp.metrics import MetricRefused, metrics
from dsp.metrics.pesq import BEST_NARROW, BEST_WIDE, CHUNK_S, parts, raw_of
from softphone.app.codec_measure import read_sound

RATE_HZ = 8000


@pytest.mark.parametrize("raw", [-0.5, 1.0, 2.5, 3.0, 4.5])
def test_the_raw_score_is_the_inverse_of_p_862_1(raw: float) -> None:
    mapped = 0.999 + 4.0 / (1.0 + math.exp(-1.4945 * raw + 4.6607))  # P.862.1 equation 1
    assert raw_of(mapped) == pytest.approx(raw, abs=1e-6)


def test_long_signals_are_cut_where_they_are_quiet_and_nothing_is_left_out() -> None:
    rng = np.random.default_rng(1)
    sound = 0.1 * rng.standard_normal(60 * RATE_HZ).astype(np.float32)
    sound[round(11.3 * RATE_HZ) : round(11.5 * RATE_HZ)] = 0.0
    found = parts(sound, RATE_HZ)
    assert len(found) == 60 / CHUNK_S
    assert [stop for _, stop in found[:-1]] == [start for start, _ in found[1:]]
    assert (found[0][0], found[-1][1]) == (0, sound.size)
    assert 11.3 < found[0][1] / RATE_HZ < 11.5
    assert parts(sound[: 5 * RATE_HZ], RATE_HZ) == [(0, 5 * RATE_HZ)]


@pytest.mark.parametrize("name", ["pesq_nb", "pesq_wb"])
def test_what_it_cannot_judge_is_refused_without_the_package(name: str) -> None:
    measure = metrics.get(name).measure
    speech = read_sound("builtin:man", 16_000)[:32_000]
    silence = np.zeros_like(speech)
    for said, heard, rate_hz, why in (
        (silence, speech, 16_000, "reference is silent"),
        (speech, silence, 16_000, "degraded signal is silent"),
        (speech, speech[1:], 16_000, "one length"),
        (speech, speech, 44_100, "Hz, got 44100"),
        (speech[:100], speech[:100], 16_000, "0.5 s or more"),
        (speech * np.float32(np.nan), speech, 16_000, "finite"),
    ):
        with pytest.raises(MetricRefused, match=why):
            measure(said, heard, rate_hz)


@pytest.mark.parametrize(
    ("name", "rate_hz", "best"), [("pesq_nb", 8000, BEST_NARROW), ("pesq_wb", 16_000, BEST_WIDE)]
)
def test_equal_signals_get_the_best_score_and_noise_lowers_it(name: str, rate_hz: int, best: float) -> None:
    pytest.importorskip("pesq")
    measure = metrics.get(name).measure
    speech = read_sound("builtin:man", rate_hz)[: 4 * rate_hz]
    noise = np.random.default_rng(1).standard_normal(speech.size).astype(np.float32)
    assert measure(speech, speech, rate_hz) == pytest.approx(best, abs=1e-3)
    assert 1.0 < measure(speech, speech + np.float32(0.01) * noise, rate_hz) < best - 0.5
