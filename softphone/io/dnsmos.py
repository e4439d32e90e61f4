"""DNSMOS P.835: mean opinions of speech, background and all, without a reference, by a model inside the package `speechmos`.

Conventions: mono float32 of shape ``(n,)`` at 16 kHz. The model hears windows of 9.01 s; what is shorter is repeated, of
what is longer windows are taken `STEP_S` apart and averaged.
Measures: 1 to 5 each, higher is better. It was trained on noisy and denoised speech, not on coded speech.
Source: C. K. A. Reddy and others, "DNSMOS P.835", ICASSP 2022; the model and the polynomials that map its outputs to the
scale of the listening test are those published with it. Only the model file of the package is used; it is run by
`onnxruntime`, so that ``pip install --no-deps speechmos`` does.
"""

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsp.metrics import MetricRefused, MetricSpec
from dsp.types import Samples
from softphone.io.speech_models import RATE_HZ, check_speech, model_file, session_of

WINDOW_SAMPLES = 144_160
STEP_S = 4.0
INSTALL = "DNSMOS needs onnxruntime and the models of speechmos: pip install onnxruntime, and pip install --no-deps speechmos"
_POLYNOMIALS = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)


@dataclass(frozen=True, slots=True)
class Opinion:
    """Mean opinions, 1 to 5."""

    speech: float
    background: float
    overall: float


def model_path() -> Path:
    """The model file.

    Raises:
        LibraryMissing: a package is not installed.
    """
    return model_file("dnsmos_models/sig_bak_ovr.onnx", INSTALL)


@functools.cache
def _session() -> Any:
    return session_of(model_path())


def opinion(heard: Samples, sample_rate_hz: int) -> Opinion:
    """What listeners would say of *heard*.

    Raises:
        MetricRefused: another rate, silence, or no speech.
        LibraryMissing: a package is not installed.
    """
    check_speech("DNSMOS", heard, sample_rate_hz)
    sound = np.resize(heard, max(heard.size, WINDOW_SAMPLES))
    starts = range(0, sound.size - WINDOW_SAMPLES + 1, round(STEP_S * RATE_HZ))
    session = _session()
    name = session.get_inputs()[0].name
    windows = [
        np.ascontiguousarray(sound[at : at + WINDOW_SAMPLES], dtype=np.float32)[np.newaxis] for at in starts
    ]
    raw = [session.run(None, {name: window})[0][0] for window in windows]
    mapped = np.mean(
        [[np.polyval(p, one) for p, one in zip(_POLYNOMIALS, each, strict=True)] for each in raw], axis=0
    )
    if not all(math.isfinite(each) for each in mapped):
        raise MetricRefused("DNSMOS gave no number")
    return Opinion(*(float(each) for each in mapped))


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """The overall `opinion` of *degraded*; *reference* is not looked at."""
    del reference
    return min(5.0, max(1.0, opinion(degraded, sample_rate_hz).overall))


SPECS = (
    MetricSpec(
        name="dnsmos",
        unit="MOS (P.835 overall)",
        range=(1.0, 5.0),
        higher_is_better=True,
        needs_reference=False,
        sample_rates_hz=(RATE_HZ,),
        measure=measure,
        label="DNSMOS",
        meaning="What listeners would say of the speech and the noise around it together, from 1 (bad) to 5 (excellent), guessed "
        "by a trained network from the recording alone. It was trained on noise and noise suppression, not on codecs.",
        parametric=True,
        extra=INSTALL,
        own_process=True,
        blind_to_gain=False,
    ),
)
