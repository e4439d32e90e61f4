"""PLCMOS v2: what listeners would say of speech with concealed losses, without a reference, by a model of `speechmos`.

Conventions: mono float32 of shape ``(n,)`` at 16 kHz. The model hears the logarithm of spectra of 32 ms frames, 16 ms apart, in
one run; what is longer than `WINDOW_S` is heard in windows that long, and averaged. Each run is as one of many raters, who is a
vector of 64 normally distributed numbers: the mean over `RATERS` fixed ones counts, so that the same sound has the same score.
Measures: 1 to 5, higher is better. It was trained on wideband speech with lost packets and concealment, not on codecs.
Source: L. Diener and others, "PLCMOS - a data-driven non-intrusive metric for the evaluation of packet loss concealment
algorithms", Interspeech 2023; the model published with it. Only the model file of the package is used; it is run by
`onnxruntime`, so that ``pip install --no-deps speechmos`` does.
"""

import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dsp.metrics import MetricRefused, MetricSpec
from dsp.types import Samples
from softphone.io.speech_models import RATE_HZ, check_speech, model_file, session_of

WINDOW_S = 10.0
RATERS = 8
FRAME, HOP = 512, 256
FLOOR_DB = -120.0
"""Lines without power are set so far below the weakest line that has some."""
INSTALL = "PLCMOS needs onnxruntime and the models of speechmos: pip install onnxruntime, and pip install --no-deps speechmos"


def model_path() -> Path:
    """The model file.

    Raises:
        LibraryMissing: a package is not installed.
    """
    return model_file("plcmos_models/plcmos_v2.onnx", INSTALL)


@functools.cache
def _session() -> Any:
    return session_of(model_path())


@functools.cache
def _raters() -> NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal((RATERS, 64)).astype(np.float32)


def spectra(sound: Samples) -> NDArray[np.float32]:
    """What the model hears: ``(1, 1, frames, 257)``, natural logarithms of powers, by 20."""
    count = math.ceil((sound.size + HOP) / HOP)
    padded = np.zeros((count - 1) * HOP + FRAME, dtype=np.float64)
    padded[HOP : HOP + sound.size] = sound
    window = np.hamming(FRAME + 1)[:-1]
    lines = np.fft.rfft(sliding_window_view(padded, FRAME)[::HOP] * window)
    power = np.square(lines.real) + np.square(lines.imag)
    least = power[power > 0.0].min(initial=math.inf)
    logs = np.log(np.maximum(power, least * 10.0 ** (FLOOR_DB / 10.0)))
    return np.asarray(logs / 20.0, dtype=np.float32)[np.newaxis, np.newaxis]


def opinion(heard: Samples, sample_rate_hz: int) -> float:
    """Mean opinion of *heard*, 1 to 5.

    Raises:
        MetricRefused: another rate, silence, or no speech.
        LibraryMissing: a package is not installed.
    """
    check_speech("PLCMOS", heard, sample_rate_hz)
    session = _session()
    pieces = max(1, round(heard.size / (WINDOW_S * RATE_HZ)))
    found = [
        float(session.run(None, {"degraded_audio": spectra(piece), "rater_embed": rater[np.newaxis]})[0])
        for piece in np.array_split(heard, pieces)
        for rater in _raters()
    ]
    value = float(np.mean(found))
    if not math.isfinite(value):
        raise MetricRefused("PLCMOS gave no number")
    return min(5.0, max(1.0, value))


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """`opinion` of *degraded*; *reference* is not looked at."""
    del reference
    return opinion(degraded, sample_rate_hz)


SPECS = (
    MetricSpec(
        name="plcmos",
        unit="MOS",
        range=(1.0, 5.0),
        higher_is_better=True,
        needs_reference=False,
        sample_rates_hz=(RATE_HZ,),
        measure=measure,
        label="PLCMOS",
        meaning="What listeners would say of speech with gaps that were filled in, from 1 (bad) to 5 (excellent), guessed by a "
        "trained network from the recording alone. It was trained on lost packets, not on codecs or noise.",
        parametric=True,
        extra=INSTALL,
        own_process=True,
        blind_to_gain=False,
    ),
)
