"""Every measure that Praat has, too, beside Praat's: as near as promised, and no farther from the truth."""

import math
from pathlib import Path

import pytest
import soundfile

from tests.support.praat import parselmouth
from tests.support.voice_cases import TOLERANCES, Case, measured, measured_vowel
from tests.support.vowels import vowel

SPEECH = Path(__file__).parents[2] / "softphone" / "data" / "speech"
VOWELS = {
    "70 Hz, jitter": {"f0_hz": 70.0, "jitter_pct": 2.0, "hnr_db": 40.0},
    "150 Hz, both": {"f0_hz": 150.0, "jitter_pct": 1.0, "shimmer_pct": 6.0, "hnr_db": 20.0},
    "220 Hz, shimmer": {"f0_hz": 220.0, "shimmer_pct": 15.0, "hnr_db": 40.0},
    "240 Hz, noise": {"f0_hz": 240.0, "hnr_db": 10.0},
    "470 Hz, clear": {"f0_hz": 470.0, "hnr_db": 40.0},
}


def far_apart(case: Case) -> dict[str, str]:
    """What is farther from Praat's than promised."""
    return {
        key: f"ours {case.ours[key]}, Praat's {case.praats[key]}, {case.share(key):.2f} of the tolerance"
        for key in TOLERANCES
        if case.share(key) > 1.0
    }


def test_the_oracle_is_the_praat_that_was_promised() -> None:
    assert parselmouth.PRAAT_VERSION.startswith("6.")


@pytest.mark.parametrize("name", VOWELS)
def test_a_synthetic_vowel_measures_as_in_praat_and_no_farther_from_the_truth(name: str) -> None:
    case = measured_vowel(name, vowel(seconds=1.0, **VOWELS[name]))  # type: ignore[arg-type]
    assert not far_apart(case)
    worse = {key: case.excess(key) for key in case.truth if case.excess(key) > 1.0}
    assert not worse
    assert len(case.truth) >= 13
    assert sum(case.ours[key] is not None for key in TOLERANCES) == len(TOLERANCES)


@pytest.mark.parametrize("name", ["man", "woman"])
def test_speech_measures_as_in_praat(name: str) -> None:
    samples, rate = soundfile.read(SPEECH / f"{name}.wav", dtype="float32")
    case = measured(name, samples[: 4 * rate], rate)
    assert not far_apart(case)
    assert case.ours["jitter_local_pct"] > 1.0


def test_a_measure_that_only_one_of_them_finds_counts_as_far_apart() -> None:
    found = dict.fromkeys(TOLERANCES, 1.0)
    case = Case("one", found, {**found, "hnr_db": None})
    assert case.share("hnr_db") == math.inf
    assert case.share("f0_mean_hz") == 0.0
