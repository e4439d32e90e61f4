"""Jitter, shimmer and voice breaks: by their definitions, against Praat, and against what was drawn."""

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from dsp.phonation.perturbation import Jitter, Shimmer, jitter_of, shimmer_of
from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.pulses import PulseContour, Pulses
from dsp.phonation.section import Section, Whole
from tests.support.praat import parselmouth
from tests.support.vowels import vowel

RATE = 44100
SPEECH = Path(__file__).parents[2] / "softphone" / "data" / "speech"
LIMITS = (0, 0, 0.0001, 0.02, 1.3)
JITTER = {
    "local_pct": ("local", 100),
    "local_abs_us": ("local, absolute", 1e6),
    "rap_pct": ("rap", 100),
    "ppq5_pct": ("ppq5", 100),
    "ddp_pct": ("ddp", 100),
}
SHIMMER = {
    "local_pct": ("local", 100),
    "local_db": ("local_dB", 1),
    "apq3_pct": ("apq3", 100),
    "apq5_pct": ("apq5", 100),
    "apq11_pct": ("apq11", 100),
    "dda_pct": ("dda", 100),
}
GRID = [
    {"f0_hz": 70.0, "jitter_pct": 1.0, "shimmer_pct": 4.0, "hnr_db": 25.0},
    {"f0_hz": 120.0, "jitter_pct": 0.3, "shimmer_pct": 2.0, "hnr_db": 40.0},
    {"f0_hz": 120.0, "jitter_pct": 4.0, "shimmer_pct": 15.0, "hnr_db": 15.0},
    {"f0_hz": 200.0, "jitter_pct": 2.0, "shimmer_pct": 8.0, "hnr_db": 10.0},
    {"f0_hz": 240.0, "hnr_db": 3.0},
    {"f0_hz": 500.0, "jitter_pct": 1.0, "shimmer_pct": 6.0, "hnr_db": 30.0},
    {"f0_hz": 180.0, "jitter_pct": 0.5, "f0_hz_per_s": 40.0, "sample_rate_hz": 16000},
]


class Praat:
    """What Praat finds in *samples*; and its pitch, so that what differs is not the pitch."""

    def __init__(self, samples: NDArray[np.float32], rate: int) -> None:
        call = parselmouth.praat.call
        self.sound = parselmouth.Sound(samples.astype(np.float64), rate)
        self.pitch = call(self.sound, "To Pitch", 0, 60, 600)
        self.points = call([self.sound, self.pitch], "To PointProcess (cc)")
        f0 = np.nan_to_num(self.pitch.selected_array["frequency"])
        ones = np.ones(f0.size)
        self.track = PitchTrack(np.asarray(self.pitch.xs()), f0, ones, ones, self.pitch.dx, 600.0)

    def times_s(self) -> NDArray[np.float64]:
        call = parselmouth.praat.call
        count = call(self.points, "Get number of points")
        return np.asarray([call(self.points, "Get time from index", at + 1) for at in range(count)])

    def jitter(self, kind: str) -> float:
        return float(parselmouth.praat.call(self.points, f"Get jitter ({kind})", *LIMITS))

    def shimmer(self, kind: str) -> float:
        return float(parselmouth.praat.call([self.sound, self.points], f"Get shimmer ({kind})", *LIMITS, 1.6))


def pulses_of(samples: NDArray[np.float32], rate: int, track: PitchTrack) -> Pulses:
    mean = float(samples.mean(dtype=np.float64))
    whole = Whole(rate, samples.size, mean, float(np.abs(samples - mean).max()))
    contour = PulseContour()
    contour.push(Section(whole, samples, 0, 0, samples.size, track))
    return contour.finish()


def hold(found: Jitter | Shimmer, name: str, wanted: float) -> None:
    """Within what is promised: 3 % of the value, or 0.02."""
    value = getattr(found, name)
    if math.isnan(wanted):
        assert value is None
        return
    assert value == pytest.approx(wanted, rel=0.001, abs=0.001 if name != "local_abs_us" else 0.05), name


def against_praat(samples: NDArray[np.float32], rate: int) -> None:
    praat = Praat(samples, rate)
    pulses = pulses_of(samples, rate, praat.track)
    assert pulses.times_s == pytest.approx(praat.times_s(), abs=2e-6)
    for name, (kind, scale) in JITTER.items():
        hold(jitter_of(pulses), name, scale * praat.jitter(kind))
    for name, (kind, scale) in SHIMMER.items():
        hold(shimmer_of(pulses), name, scale * praat.shimmer(kind))


@pytest.mark.parametrize("kind", GRID, ids=lambda kind: f"{kind['f0_hz']:g}Hz")
def test_synthetic_vowels_have_the_perturbation_praat_finds(kind: dict[str, float]) -> None:
    made = vowel(seconds=2.0, **kind)  # type: ignore[arg-type]
    against_praat(made.samples, made.sample_rate_hz)


@pytest.mark.parametrize("name", ["man", "woman"])
def test_speech_has_the_perturbation_praat_finds(name: str) -> None:
    samples, rate = soundfile.read(SPEECH / f"{name}.wav", dtype="float32")
    against_praat(samples, rate)


@pytest.mark.parametrize("asked_pct", [0.0, 0.5, 1.0, 2.0, 4.0])
def test_jitter_is_no_further_from_the_truth_than_praats(asked_pct: float) -> None:
    made = vowel(110.0, seconds=2.0, jitter_pct=asked_pct)
    praat, truth = Praat(made.samples, RATE), made.truth
    found = jitter_of(pulses_of(made.samples, RATE, praat.track))
    for value, kind, wanted in (
        (found.local_pct, "local", truth.jitter_local_pct),
        (found.rap_pct, "rap", truth.jitter_rap_pct),
        (found.ppq5_pct, "ppq5", truth.jitter_ppq5_pct),
    ):
        assert value is not None
        assert abs(value - wanted) <= abs(100 * praat.jitter(kind) - wanted) + max(0.03 * wanted, 0.02)


@pytest.mark.parametrize("asked_pct", [0.0, 3.0, 8.0, 15.0])
def test_shimmer_is_no_further_from_the_truth_than_praats(asked_pct: float) -> None:
    made = vowel(110.0, seconds=2.0, shimmer_pct=asked_pct)
    praat, truth = Praat(made.samples, RATE), made.truth
    found = shimmer_of(pulses_of(made.samples, RATE, praat.track))
    for value, kind, wanted in (
        (found.local_pct, "local", truth.shimmer_local_pct),
        (found.apq3_pct, "apq3", truth.shimmer_apq3_pct),
        (found.apq11_pct, "apq11", truth.shimmer_apq11_pct),
    ):
        assert value is not None
        assert abs(value - wanted) <= abs(100 * praat.shimmer(kind) - wanted) + max(0.03 * wanted, 0.02)


def test_jitter_of_periods_that_are_written_down() -> None:
    times = np.cumsum([0.0, 0.010, 0.011, 0.010, 0.011, 0.010, 0.0104])
    found = jitter_of(Pulses(times, np.zeros(7)))
    mean = 0.0104
    assert found.local_abs_us == pytest.approx(880.0)
    assert found.local_pct == pytest.approx(100 * 0.00088 / mean)
    assert found.rap_pct == pytest.approx(100 * np.mean([2 / 3, 2 / 3, 2 / 3, 1.4 / 3]) * 0.001 / mean)
    assert found.ddp_pct == pytest.approx(3 * found.rap_pct)
    assert found.ppq5_pct == pytest.approx(100 * np.mean([0.0004, 0.00052]) / mean)


def test_shimmer_of_amplitudes_that_are_written_down() -> None:
    amplitude = np.asarray([0.0, 0.5, 0.4, 0.5, 0.4, 0.0])
    found = shimmer_of(Pulses(np.arange(6) * 0.01, amplitude))
    mean = np.mean([0.5, 0.4, 0.5])  # each that has a next one
    assert found.local_pct == pytest.approx(100 * 0.1 / mean)
    assert found.local_db == pytest.approx(20 * math.log10(0.5 / 0.4))
    assert found.apq3_pct == pytest.approx(100 * (0.2 / 3) / mean)
    assert found.dda_pct == pytest.approx(3 * found.apq3_pct)
    assert found.apq5_pct is None
    assert found.apq11_pct is None


def test_a_doubled_period_is_left_out_of_jitter() -> None:
    times = np.cumsum([0.0, *[0.008] * 20, 0.016, *[0.008] * 20])
    found = jitter_of(Pulses(times, np.zeros(times.size)))
    assert found.local_pct == pytest.approx(0.0, abs=1e-9)
    assert found.ppq5_pct == pytest.approx(0.0, abs=1e-9)
    assert found.local_abs_us == pytest.approx(0.0, abs=1e-6)


def test_an_amplitude_that_leaps_is_left_out_of_shimmer() -> None:
    amplitude = np.asarray([0.0, *[0.1] * 15, 0.17, *[0.1] * 15, 0.0])
    found = shimmer_of(Pulses(np.arange(33) * 0.01, amplitude))
    assert found.local_pct == pytest.approx(0.0, abs=1e-9)
    assert found.apq3_pct == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_pulses_give_no_perturbation(count: int) -> None:
    pulses = Pulses(np.arange(count) * 0.01, np.zeros(count))
    assert jitter_of(pulses) == Jitter(None, None, None, None, None)
    assert shimmer_of(pulses) == Shimmer(None, None, None, None, None, None)
