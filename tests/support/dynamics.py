"""Speech, tones and running a filter, for the tests of dynamics, loudness and restoration."""

import importlib.resources
from functools import cache
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from support.filters import setting

from dsp.filters import Filter, filters
from dsp.types import Block, Samples

SPEAKERS = ("man", "woman")


@cache
def _speech(name: str, rate_hz: int) -> NDArray[np.float32]:
    source = importlib.resources.files("softphone") / "data" / "speech" / f"{name}.wav"
    with importlib.resources.as_file(source) as path:
        samples, from_hz = soundfile.read(path, dtype="float32")
    return np.ascontiguousarray(soxr.resample(samples, from_hz, rate_hz), dtype=np.float32)


def speech(name: str, rate_hz: int) -> Samples:
    """The bundled speaker *name*, ``(n,)``."""
    return _speech(name, rate_hz).copy()


def tone(freq_hz: float, peak_dbfs: float, seconds: float, rate_hz: int, phase: float = 0.0) -> Samples:
    """A sine that peaks at *peak_dbfs*."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10 ** (peak_dbfs / 20) * np.sin(2 * np.pi * freq_hz * t + phase)).astype(np.float32)


def make(name: str, rate_hz: int, channels: int = 1, **values: Any) -> Filter:
    """The filter *name* with these parameters."""
    spec = filters.get(name)
    return spec.build(spec.params(**values), setting(rate_hz, channels))


def run(running: Filter, sound: Samples | Block) -> Block:
    """What comes out for *sound*, ``(n,)`` or ``(channels, n)``, lined up with it."""
    block = np.atleast_2d(sound)
    late = np.concatenate(
        (block, np.zeros((block.shape[0], running.delay_samples), dtype=np.float32)), axis=1
    )
    return running.process(np.ascontiguousarray(late))[:, running.delay_samples :].copy()


def snr_db(wanted: Samples, found: Samples) -> float:
    """Power of *wanted* over that of the difference."""
    exact = wanted.astype(np.float64)
    return float(10 * np.log10(np.sum(exact**2) / (np.sum((found - exact) ** 2) + 1e-30)))


def level_db(sound: NDArray[np.float32]) -> float:
    """Level of a steady sine, as its peak."""
    return float(10 * np.log10(2 * np.mean(sound.astype(np.float64) ** 2) + 1e-30))


def true_peak_db(sound: Block, oversampling: int = 4) -> float:
    """True peak found with another interpolator, SciPy's, at *oversampling* points per sample."""
    from scipy.signal import resample_poly

    fine = resample_poly(sound.astype(np.float64), oversampling, 1, axis=-1, window=("kaiser", 8.0))
    return float(20 * np.log10(np.abs(fine).max()))
