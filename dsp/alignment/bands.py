"""Levels in eight bands of the telephone's range every 5 ms, and what of them tells speech from speech.

Conventions: a frame is centred on sample ``hop * t``; band levels are in dB, ``(frames, BANDS)`` float32. *Features* are
band levels less the floor (what is below is silence), less their own mean over half a second: gain, a filtered line and
slow control of the level drop out, silence is zero.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.narrow import NarrowTrack

HOP_S = 0.005
WINDOW_S = 0.032
"""Two or more periods of a low voice, so that single glottal pulses do not show."""
EDGES_HZ = (150.0, 350.0, 570.0, 840.0, 1170.0, 1600.0, 2150.0, 2850.0, 3700.0)
"""Equal steps of the mel scale (O'Shaughnessy 1987), about."""
BANDS = len(EDGES_HZ) - 1
RANGE_DB = 35.0
"""Speech that is further below its own level than this counts as silence."""
EMPTY_DB = -110.0
_MEAN_S = 0.5
_BLOCK_FRAMES = 4096
_TRANSFORMED = 512
"""Frames transformed at once: more would leave the cache."""

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
"""Decibels are kept in 16 bits: to 0.06 dB."""


@dataclass(frozen=True, slots=True)
class BandLevels:
    """Of a whole track."""

    hop: int
    """Samples of the narrow track from frame to frame."""
    levels: Halves
    """dBov, ``(frames, BANDS)``."""
    wide: Floats
    """dBov of all bands together, ``(frames,)``."""


def band_levels(track: NarrowTrack) -> BandLevels:
    """Measure *track* in one pass."""
    rate = track.sample_rate_hz
    hop, window = round(rate * HOP_S), round(rate * WINDOW_S)
    size = 1 << (window - 1).bit_length()
    taper = np.hanning(window + 2)[1:-1].astype(np.float32)
    taper *= math.sqrt(
        2.0 / (size * float(np.sum(taper**2)))
    )  # then |X|^2 of one side sums to the mean square
    edges = np.searchsorted(np.fft.rfftfreq(size, 1 / rate), EDGES_HZ)
    frames = track.size // hop + 1
    levels = np.empty((frames, BANDS), dtype=np.float16)
    wide = np.empty(frames, dtype=np.float32)
    empty = np.float32(10 ** (EMPTY_DB / 10))
    for first in range(0, frames, _BLOCK_FRAMES):
        count = min(_BLOCK_FRAMES, frames - first)
        begin = first * hop - window // 2
        piece = track.read(begin, begin + (count - 1) * hop + window)
        cut = np.lib.stride_tricks.sliding_window_view(piece, window)[::hop]
        for some in range(0, count, _TRANSFORMED):
            spectrum = np.fft.rfft(cut[some : some + _TRANSFORMED] * taper, size)[:, : edges[-1]]
            power = np.add.reduceat(spectrum.real**2 + spectrum.imag**2, edges[:-1], axis=1)
            at = slice(first + some, first + some + power.shape[0])
            wide[at] = 10 * np.log10(power.sum(axis=1) + empty)
            levels[at] = 10 * np.log10(power + empty / BANDS)
    return BandLevels(hop, levels, wide)


def loudness_of(levels: NDArray[np.floating]) -> Floats:
    """Level of what is loud, in dB: the mean power weighted by power, over the first axis."""
    squares, total = np.zeros(levels.shape[1:]), np.zeros(levels.shape[1:])
    for first in range(0, levels.shape[0], _BLOCK_FRAMES):
        power = np.exp(
            levels[first : first + _BLOCK_FRAMES].astype(np.float32) * np.float32(math.log(10) / 10)
        )
        total += power.sum(axis=0)
        squares += np.square(power, out=power).sum(axis=0)
    return np.asarray(10 * np.log10(squares / total), dtype=np.float32)


def depth_of(levels: NDArray[np.floating], loudness: Floats) -> Floats:
    """How far below the *loudness* of each band its speech can be followed, in dB: down to the noise, at most `RANGE_DB`."""
    some = levels[:: max(1, levels.shape[0] // 20000)].astype(np.float32)
    noise = np.percentile(some, 10, axis=0)
    return np.asarray(np.clip(loudness - noise - 3.0, 12.0, RANGE_DB), dtype=np.float32)


def features_of(levels: NDArray[np.floating], floor: Floats, *, frame_s: float = HOP_S) -> Halves:
    """Features of band levels, same shape; *floor* in dB: `loudness_of` less `depth_of`, the smaller of two signals compared."""
    width = round(_MEAN_S / frame_s)
    frames = levels.shape[0]
    out = np.empty(levels.shape, dtype=np.float16)
    for first in range(0, frames, _BLOCK_FRAMES):
        stop = min(frames, first + _BLOCK_FRAMES)
        low, high = max(0, first - width), min(frames, stop + width)
        height = np.maximum(levels[low:high].astype(np.float32) - floor, np.float32(0))
        height -= moving_mean(height, width)
        out[first:stop] = height[first - low : stop - low]
    return out


def moving_mean(values: Floats, width: int) -> Floats:
    """Mean over *width* frames around each, zeros beyond the ends; along the first axis."""
    pad = [(width // 2 + 1, width - width // 2 - 1)] + [(0, 0)] * (values.ndim - 1)
    sums = np.cumsum(np.pad(values, pad), axis=0, dtype=np.float64)
    return np.asarray((sums[width:] - sums[:-width]) / width, dtype=np.float32)
