"""What kernels are fed with: bundled speech in blocks, and a cascade of eight sections."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from support.peers import read_wav

from benchmarks import ROOT
from dsp.biquads import rbj_sections
from dsp.types import Samples

BANDS = tuple((60.0 * 2.2**number, 0.9 + 0.1 * number, (-1) ** number * 4.0) for number in range(8))
"""Frequency in Hz, Q and gain in dB of eight peaks that all tools call the same (Audio EQ Cookbook)."""


def speech(rate_hz: int = 16_000) -> Samples:
    """Bundled speech."""
    samples, file_hz = read_wav(ROOT / "softphone" / "data" / "speech" / "man.wav")
    if rate_hz != file_hz:
        samples = np.asarray(soxr.resample(samples, file_hz, rate_hz), dtype=np.float32)
    return np.ascontiguousarray(samples)


def speech_blocks(samples: int, rate_hz: int = 16_000) -> list[Samples]:
    """Bundled speech in whole blocks of *samples*."""
    spoken = speech(rate_hz)
    whole = spoken[: len(spoken) // samples * samples].reshape(-1, samples)
    return [np.ascontiguousarray(block) for block in whole]


def speech_of(samples: int, rate_hz: int = 48_000) -> Samples:
    """Bundled speech, again and again, of exactly this length."""
    return np.resize(speech(rate_hz), samples)


def over(blocks: list[Any], work: Callable[[Any], object]) -> Callable[[], object]:
    """Return a call that does *work* on the next block, round and round."""
    rest: Iterator[Any] = itertools.cycle(blocks)
    return lambda: work(next(rest))


def peaks(sections: int = 8, rate_hz: int = 48_000) -> NDArray[np.float64]:
    """The first of `BANDS` as second-order sections."""
    rows = [rbj_sections("peaking", freq_hz, q, gain_db, rate_hz) for freq_hz, q, gain_db in BANDS[:sections]]
    return np.ascontiguousarray(np.concatenate(rows))
