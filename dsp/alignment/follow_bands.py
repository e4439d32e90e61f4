"""As `follow`, for codecs that keep no waveform: the lag of band features in windows of 0.4 s.

Conventions: frames of `bands` (5 ms) inside, samples of the narrow tracks outside. The similarity is the normalised
correlation over all bands: 0.9 at the right lag for a vocoder.
"""

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.bands import HOP_S, Floats, Halves
from dsp.alignment.fine import Course, steadiest, summit
from dsp.alignment.path import Run, bounds_of

WINDOW = round(0.4 / HOP_S)
STEP = round(0.1 / HOP_S)
REACH = 24
JUMP = 1.0
DRIFT = 0.1
"""Peaks of envelopes are broad: what moves must gain more than with waveforms."""
_SPOKEN = 0.4
_BATCH = 2048

Ints = NDArray[np.int64]


def courses(
    runs: list[Run], said: Halves, heard: Halves, speaking: NDArray[np.bool_], hop: int
) -> list[Course]:
    """The course of each run, for features *said* and *heard*, ``(frames, BANDS)``."""
    found = []
    sums = np.concatenate(([0], np.cumsum(speaking)))
    for number, run in enumerate(runs):
        low, last = bounds_of(runs, number)
        high = said.shape[0] if last is None else last
        middles = np.arange(-(-low // STEP), high // STEP + 1, dtype=np.int64) * STEP
        begin, end = (np.clip(middles + side, 0, speaking.size) for side in (-WINDOW // 2, WINDOW // 2))
        bases = np.rint(np.interp(middles, run.said, run.offsets)).astype(np.int64)
        inside = (middles + bases >= WINDOW // 4) & (middles + bases <= heard.shape[0] - WINDOW // 4)
        kept = (sums[end] - sums[begin] >= _SPOKEN * WINDOW) & inside
        found.append(_course(middles[kept], bases[kept], said, heard, hop))
    return found


def _course(middles: Ints, bases: Ints, said: Halves, heard: Halves, hop: int) -> Course:
    if middles.size == 0:
        none = np.zeros(0)
        return Course(middles, none, none, none)
    similarity = np.concatenate(
        [
            _similarities(middles[some : some + _BATCH], bases[some : some + _BATCH], said, heard)
            for some in range(0, middles.size, _BATCH)
        ]
    )
    gaps = np.diff(middles, prepend=middles[:1]) // STEP
    chosen = steadiest(similarity, np.diff(bases, prepend=bases[:1]), gaps, jump=JUMP, drift=DRIFT)
    rows = np.arange(middles.size)
    best = np.clip(chosen, 1, 2 * REACH - 1)
    left, mid, right = (similarity[rows, best + k].astype(np.float64) for k in (-1, 0, 1))
    lag = (bases + best - REACH + summit(left, mid, right)) * hop
    return Course(middles * hop, lag, mid, similarity.max(axis=1).astype(np.float64))


def _similarities(middles: Ints, bases: Ints, said: Halves, heard: Halves) -> Floats:
    """``(windows, 2 * REACH + 1)``."""
    size = WINDOW + 2 * REACH
    x = _cut(said, middles - WINDOW // 2, WINDOW)
    y = _cut(heard, middles - WINDOW // 2 + bases - REACH, size)
    cross = np.sum(np.fft.rfft(y, size, axis=1) * np.conj(np.fft.rfft(x, size, axis=1)), axis=2)
    raw = np.fft.irfft(cross, size, axis=1)[:, : 2 * REACH + 1]
    energy = np.cumsum(np.sum(y * y, axis=2), axis=1)
    energy = np.pad(energy, ((0, 0), (1, 0)))
    around = energy[:, WINDOW:] - energy[:, : 2 * REACH + 1]
    own = np.sum(x * x, axis=(1, 2))[:, None]
    return np.asarray(raw / np.sqrt(own * (around + 0.1 * own) + 1e-6), dtype=np.float32)


def _cut(features: Halves, starts: Ints, length: int) -> Floats:
    """Rows of features ``(windows, length, BANDS)``, zeros outside."""
    index = starts[:, None] + np.arange(length)
    outside = (index < 0) | (index >= features.shape[0])
    cut: Floats = features[np.clip(index, 0, features.shape[0] - 1)].astype(np.float32)
    cut[outside] = 0
    return cut
