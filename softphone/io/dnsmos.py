"""DNSMOS P.835: mean opinions of speech, background and all, without a reference, by a model inside the package `speechmos`.

Conventions: mono float32 of shape ``(n,)`` at 16 kHz. The model hears windows of 9.01 s; what is shorter is repeated, of
what is longer windows are taken `STEP_S` apart and averaged.
Measures: 1 to 5 each, higher is better. It was trained on noisy and denoised speech, not on coded speech.
Source: C. K. A. Reddy and others, "DNSMOS P.835", ICASSP 2022; the model and the polynomials that map its outputs to the
scale of the listening test are those published with it. Only the model file of the package is used; it is run by
`onnxruntime`, so that ``pip install --no-deps speechmos`` does.
"""

import functools
import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsp.errors import LibraryMissing
from dsp.level import measure_level
from dsp.metrics import MetricRefused
from dsp.types import Samples

RATE_HZ = 16_000
WINDOW_SAMPLES = 144_160
STEP_S = 4.0
MIN_SPEECH_S = 0.5
SILENT_DBOV = -75.0
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
    spec = importlib.util.find_spec("speechmos")
    if spec is None or spec.origin is None or importlib.util.find_spec("onnxruntime") is None:
        raise LibraryMissing(INSTALL)
    path = Path(spec.origin).parent / "dnsmos_models" / "sig_bak_ovr.onnx"
    if not path.is_file():
        raise LibraryMissing(f"{path} is missing: {INSTALL}")
    return path


@functools.cache
def _session() -> Any:
    path = model_path()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])


def opinion(heard: Samples, sample_rate_hz: int) -> Opinion:
    """What listeners would say of *heard*.

    Raises:
        MetricRefused: another rate, silence, or hardly any speech.
        LibraryMissing: a package is not installed.
    """
    if sample_rate_hz != RATE_HZ:
        raise MetricRefused(f"DNSMOS needs {RATE_HZ} Hz, got {sample_rate_hz}")
    if heard.ndim != 1 or not np.isfinite(heard).all():
        raise MetricRefused("DNSMOS needs mono, finite samples")
    level = measure_level(np.ascontiguousarray(heard, dtype=np.float32), sample_rate_hz)
    if level.level_dbov is None or level.level_dbov < SILENT_DBOV:
        raise MetricRefused("the signal is silent")
    if level.activity * level.seconds < MIN_SPEECH_S:
        raise MetricRefused(f"DNSMOS needs {MIN_SPEECH_S:g} s of speech")
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
