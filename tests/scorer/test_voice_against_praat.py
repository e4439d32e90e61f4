"""Every figure of `voice_result` against Praat's, on vowels of which the truth is known and on real voices.

The margins are those that the measures are promised at (docs/voice-against-praat.md has the tables).
"""

from typing import Any

import numpy as np
import pytest
from support.praat import parselmouth  # noqa: F401  (skips where there is none)
from support.sections_of import real_voice
from support.takes import measured
from support.vowels import vowel

RATE = 44100


def praat(samples: np.ndarray, rate: int) -> dict[str, Any]:
    from support.praat_voice import praat_figures

    return praat_figures(samples, rate)


def relative(key: str) -> float:
    return {
        "f0": 0.002,
        "ji": 0.03,
        "sh": 0.03,
        "nh": 0.03,
        "f1": 0.03,
        "f2": 0.03,
        "f3": 0.03,
        "f4": 0.03,
    }.get(key[:2], 0.0)


ABSOLUTE = {
    "hnr_db": 0.3, "hnr_ac_db": 0.3, "cpps_db": 0.3, "cpp_db": 0.3, "l1_l0_db": 0.3, "alpha_ratio_db": 0.3, "hammarberg_db": 0.3,
    "spectral_slope_db": 0.3, "spectral_tilt_db": 0.3, "intensity_mean_dbfs": 0.3, "intensity_median_dbfs": 0.3,
    "jitter_local_abs_us": 0.2, "f0_sd_hz": 0.05, "f0_sd_semitones": 0.01, "f0_min_hz": 0.2, "f0_max_hz": 0.2,
    "voiced_fraction": 0.01, "nhr": 0.002, "voice_breaks": 0.0, "voice_break_degree_pct": 0.2,
}  # fmt: skip
"""Beside what is relative; of jitter and shimmer 0.02."""
LTAS_DB = 0.3


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Figures that differ by more than they may: ours and theirs."""
    wrong = {}
    for key, wanted in theirs.items():
        got = ours.get(key)
        if key == "ltas_db" or key in ours["refused"] or wanted is None:
            continue
        margin = max(relative(key) * abs(wanted), ABSOLUTE.get(key, 0.02 if key[:2] in ("ji", "sh") else 0.0))
        if got is None or abs(got - wanted) > margin:
            wrong[key] = (got, wanted)
    return wrong


def ltas_differs(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """Greatest difference of a band within 80 dB of the strongest."""
    got, wanted = np.array(ours["ltas_db"]), np.array(theirs["ltas_db"])
    bands = min(got.size, wanted.size)
    strong = wanted[:bands] > wanted.max() - 80.0
    return float(np.abs(got[:bands] - wanted[:bands])[strong].max())


@pytest.mark.parametrize(
    ("f0", "wanted"),
    [
        (75.0, {"jitter_pct": 0.5, "shimmer_pct": 3.0, "hnr_db": 20.0}),
        (120.0, {"jitter_pct": 1.0, "shimmer_pct": 5.0, "hnr_db": 15.0}),
        (120.0, {"hnr_db": 40.0}),
        (210.0, {"jitter_pct": 2.0, "shimmer_pct": 8.0, "hnr_db": 25.0}),
        (210.0, {"hnr_db": 5.0}),
        (350.0, {"jitter_pct": 0.3, "shimmer_pct": 12.0, "hnr_db": 30.0}),
        (480.0, {"jitter_pct": 3.0, "shimmer_pct": 2.0}),
    ],
)
def test_a_vowel_has_praats_figures(f0, wanted):
    samples = vowel(f0, seconds=1.2, **wanted).samples
    ours, _ = measured(samples)
    theirs = praat(samples, RATE)
    assert ours["task"]["kind"] == "vowel"
    assert not {key for key in theirs if key in ours["refused"]}
    assert differences(ours, theirs) == {}
    assert ltas_differs(ours, theirs) <= LTAS_DB


@pytest.mark.parametrize("name", ["man", "woman"])
def test_a_real_voice_has_praats_figures(name):
    samples, rate = real_voice(name)
    samples = samples[: 3 * rate]
    ours, _ = measured(samples, rate)
    theirs = praat(samples, rate)
    assert differences(ours, theirs) == {}
    assert ltas_differs(ours, theirs) <= LTAS_DB


@pytest.mark.parametrize("rate", [16000, 48000])
def test_a_vowel_at_another_rate_has_praats_figures(rate):
    samples = vowel(
        150.0, seconds=1.0, sample_rate_hz=rate, jitter_pct=0.8, shimmer_pct=4.0, hnr_db=20.0
    ).samples
    ours, _ = measured(samples, rate)
    assert differences(ours, praat(samples, rate)) == {}
