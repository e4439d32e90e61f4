"""What the networks inside the package `speechmos` have in common: where they lie, how they run, and what they refuse.

They give any sound a score, a pure tone 4.92 of 5, so each sound is looked at first: silence, tones, dialling, hum and noise
are refused.
"""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from dsp.errors import LibraryMissing
from dsp.metrics import MetricRefused
from dsp.metrics.base import check_signal
from dsp.speech_presence import why_no_speech
from dsp.types import Samples

RATE_HZ = 16_000
MIN_SPEECH_S = 0.5


def model_file(inside: str, install: str) -> Path:
    """The file *inside* of the package.

    Raises:
        LibraryMissing: a package is not installed; the message is *install*.
    """
    spec = importlib.util.find_spec("speechmos")
    if spec is None or spec.origin is None or importlib.util.find_spec("onnxruntime") is None:
        raise LibraryMissing(install)
    path = Path(spec.origin).parent / inside
    if not path.is_file():
        raise LibraryMissing(f"{path} is missing: {install}")
    return path


def session_of(path: Path) -> Any:
    """The model at *path*, ready to run in one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])


def check_speech(what: str, heard: Samples, sample_rate_hz: int) -> None:
    """Refuse what is no speech.

    Raises:
        MetricRefused: another rate, samples that are no numbers, silence, hardly any speech, or something else than speech.
    """
    check_signal(what, "signal", heard, sample_rate_hz, rates_hz=(RATE_HZ,), min_speech_s=MIN_SPEECH_S)
    why = why_no_speech(np.ascontiguousarray(heard, dtype=np.float32), sample_rate_hz)
    if why is not None:
        raise MetricRefused(f"{what} judges speech alone, and this is none: {why}")
