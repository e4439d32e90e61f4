"""Our measures of a voice beside Praat's and beside the truth, and how far they may be apart."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.analysis import phonation
from dsp.phonation.phonation import VoiceSettings
from dsp.types import Block
from dsp.voice import MeasureRefused, measures
from tests.support.praat_voice import praat_figures
from tests.support.vowels import AH, Vowel

Sound = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The greater of a share of the value and a distance."""

    share: float = 0.0
    distance: float = 0.0
    unit: str = ""

    def of(self, value: float) -> float:
        """How far from *value* is near enough."""
        return max(self.share * abs(value), self.distance)

    def __str__(self) -> str:
        parts = [f"{100 * self.share:g} %"] if self.share else []
        parts += [f"{self.distance:g} {self.unit}".strip()] if self.distance or not parts else []
        return " or ".join(parts)


PITCH = Tolerance(share=0.002)
PERTURBATION = Tolerance(0.03, 0.02, "points")
LEVEL = Tolerance(distance=0.3, unit="dB")
FORMANT = Tolerance(share=0.03)
TOLERANCES: Mapping[str, Tolerance] = {
    "f0_mean_hz": PITCH,
    "f0_median_hz": PITCH,
    "f0_min_hz": PITCH,
    "f0_max_hz": PITCH,
    "voiced_fraction": Tolerance(distance=0.002),
    "jitter_local_pct": PERTURBATION,
    "jitter_local_abs_us": Tolerance(0.03, 0.4, "µs"),  # 0.02 % of the shortest period, 2 ms
    "jitter_rap_pct": PERTURBATION,
    "jitter_ppq5_pct": PERTURBATION,
    "jitter_ddp_pct": PERTURBATION,
    "shimmer_local_pct": PERTURBATION,
    "shimmer_local_db": Tolerance(0.03, 0.02, "dB"),
    "shimmer_apq3_pct": PERTURBATION,
    "shimmer_apq5_pct": PERTURBATION,
    "shimmer_apq11_pct": PERTURBATION,
    "shimmer_dda_pct": PERTURBATION,
    "hnr_db": LEVEL,
    "hnr_ac_db": LEVEL,
    "nhr": Tolerance(0.03, 0.001),
    "voice_breaks": Tolerance(),
    "voice_break_degree_pct": Tolerance(distance=0.02, unit="points"),
    "cpp_db": LEVEL,
    "cpps_db": LEVEL,
    "ltas_db": LEVEL,
    "alpha_ratio_db": LEVEL,
    "hammarberg_db": LEVEL,
    "l1_l0_db": LEVEL,
    "spectral_slope_db": LEVEL,
    "spectral_tilt_db": LEVEL,
    "intensity_mean_dbfs": LEVEL,
    "intensity_median_dbfs": LEVEL,
    "f1_hz": FORMANT,
    "f2_hz": FORMANT,
    "f3_hz": FORMANT,
    "f4_hz": FORMANT,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording in memory."""

    samples: Sound
    sample_rate_hz: int
    channels: int = 1

    @property
    def size(self) -> int:
        return self.samples.size

    def read(self, start: int, stop: int) -> Block:
        return self.samples[None, start:stop]


@dataclass(frozen=True, slots=True)
class Case:
    """One recording, measured by both."""

    name: str
    ours: Mapping[str, Any]
    praats: Mapping[str, Any]
    truth: Mapping[str, float] = field(default_factory=dict)

    def apart(self, key: str) -> float:
        """How far ours and Praat's are apart, in the unit of the measure; infinite where only one of them finds it."""
        return distance(self.ours[key], self.praats[key])

    def share(self, key: str) -> float:
        """The same as a share of what is tolerated; above 1: too far."""
        apart = self.apart(key)
        allowed = TOLERANCES[key].of(0.0 if self.praats[key] is None else greatest(self.praats[key]))
        return apart / allowed if allowed else math.inf if apart else 0.0

    def excess(self, key: str) -> float:
        """How much farther from the truth ours is than Praat's, as a share of what is tolerated."""
        true = self.truth[key]
        more = distance(self.ours[key], true) - distance(self.praats[key], true)
        return more / TOLERANCES[key].of(true) if not math.isnan(more) else 0.0


def greatest(value: Any) -> float:
    return 0.0 if isinstance(value, list) else float(value)


def distance(one: Any, other: Any) -> float:
    """Between two values; the greatest of two curves, as far as both go."""
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    if isinstance(one, list):
        size = min(len(one), len(other))
        return float(np.abs(np.subtract(one[:size], other[:size])).max())
    return abs(float(one) - float(other))


def our_figures(samples: Sound, sample_rate_hz: int) -> dict[str, Any]:
    """All of our measures, also of what the task forbids; None where one is refused."""
    seen = phonation(Heard(samples, sample_rate_hz), settings=VoiceSettings())
    found: dict[str, Any] = {}
    for name in measures.names():
        measure = measures.get(name)
        try:
            found.update(measure.run(seen))
        except MeasureRefused:
            found.update(dict.fromkeys(measure.figures))
    return found


def measured(name: str, samples: Sound, sample_rate_hz: int) -> Case:
    """A recording of which the truth is not known."""
    return Case(name, our_figures(samples, sample_rate_hz), praat_figures(samples, sample_rate_hz))


def measured_vowel(name: str, made: Vowel) -> Case:
    """A synthetic vowel; its HNR is known where nothing but noise makes cycles differ."""
    case = measured(name, made.samples, made.sample_rate_hz)
    truth = made.truth
    known = {key: float(getattr(truth, key)) for key in TOLERANCES if hasattr(truth, key) and key != "hnr_db"}
    known |= {f"f{number}_hz": hz for number, (hz, _) in enumerate(AH, start=1)}
    if truth.jitter_local_pct < 1e-6 and truth.shimmer_local_pct < 1e-6 and math.isfinite(truth.hnr_db):
        known["hnr_db"] = truth.hnr_db
    return Case(case.name, case.ours, case.praats, known)
