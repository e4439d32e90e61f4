"""A recording at another sample rate, as a whole or a section of it: nothing is lost below the lower Nyquist frequency.

Conventions: a recording of D seconds has floor(D * to_hz + 1/2) samples at the new rate, and they are centred in it,
so that sample 0 lies at (D - (N - 1) / to_hz) / 2; sections of one recording share that grid.

Downwards everything above the new Nyquist frequency is taken away as by an ideal low pass, in the frequency domain,
and the samples between samples are exact. Upwards it is a sum of sines x / x over 50 samples on either side, each
under a raised cosine: the old Nyquist frequency is a slope, not a cliff, as it is in Praat.

Source: A. V. Oppenheim and R. W. Schafer, Discrete-Time Signal Processing, 3rd ed., sections 4.6 and 8.7 (overlap);
grid and depth as documented in the manual of Praat, "Sound: Resample...".
"""

from math import ceil, floor, gcd, pi

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.phonation.section import Section, Transforms
from dsp.types import Samples

Floats = NDArray[np.float64]

BLOCK_S = 4.0
"""One transform: small enough for the cache."""
GUARD_S = 0.3
"""Of it thrown away at either end; what is left of an ideal low pass behind it lies at its cut-off alone."""
DEPTH = 50
"""Samples on either side, upwards."""
MOST_POINTS = 1 << 20
"""Of a transform of a whole recording, for sines: 23 s at 44.1 kHz."""
SILENCE = 2000
"""Samples of silence that such a transform has besides, half of them in front: where it cuts between the real and the imaginary
part of a line, what is left of that line depends on where the sound begins."""


def resampled(samples: Samples, from_hz: int, to_hz: int, *, by_sines: bool = False) -> Floats:
    """Give a whole recording, ``(n,)``, at *to_hz*, ``(floor(n / from_hz * to_hz + 1/2),)``, float64.

    Args:
        samples: mono.
        from_hz: their rate.
        to_hz: the rate wanted.
        by_sines: downwards, too, read between the samples by a sum of sines x / x over 50 samples on either side,
            after an ideal low pass, where the recording is no longer than 2^20 samples. What this errs is 110 dB and
            more down, but is what Praat has where there is nothing else.

    Raises:
        ParameterError: for a rate that is not positive.
    """
    sound, _ = _resampled(samples, from_hz, to_hz, 0, samples.size, by_sines)
    return sound


def takes_sines(section: Section) -> bool:
    """Whether *section* is short enough to be read by sums of sines; longer ones are the same with and without."""
    return section.samples.size + SILENCE <= MOST_POINTS


def resampled_section(section: Section, to_hz: int, *, by_sines: bool = False) -> tuple[Floats, float]:
    """Give a section with its margins at *to_hz*, float64, and when in the recording its first sample is, in seconds.

    Raises:
        ParameterError: for a rate that is not positive.
    """
    whole = section.whole
    rate_hz = whole.sample_rate_hz
    return _resampled(
        section.samples, rate_hz, to_hz, section.first, whole.size, by_sines, section.transforms
    )


def _resampled(
    samples: Samples,
    from_hz: int,
    to_hz: int,
    first: int,
    size: int,
    by_sines: bool,
    transforms: Transforms | None = None,
) -> tuple[Floats, float]:
    if from_hz <= 0 or to_hz <= 0:
        raise ParameterError(f"sample rates must be positive, got {from_hz} and {to_hz} Hz")
    count = floor(size * to_hz / from_hz + 0.5)
    origin_s = 0.5 * (size / from_hz - (count - 1) / to_hz)
    # Which samples of the new grid lie in this part of the recording.
    low = max(0, ceil((first / from_hz - origin_s) * to_hz - 1e-6))
    high = min(count, ceil(((first + samples.size) / from_hz - origin_s) * to_hz - 1e-6))
    at_s = origin_s + low / to_hz
    if high <= low:
        return np.zeros(0), at_s
    if from_hz == to_hz:
        return samples[low - first : high - first].astype(np.float64), at_s
    start = at_s * from_hz - 0.5 - first
    common = gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    if to_hz > from_hz:
        return _between(samples, start, up, down, high - low), at_s
    if by_sines and samples.size + SILENCE <= MOST_POINTS:
        return _between(_low_passed(samples, to_hz / from_hz), start, up, down, high - low), at_s
    return _filtered(samples, start, up, down, high - low, from_hz, transforms), at_s


def _low_passed(samples: Samples, share: float) -> Floats:
    """Take away what is above *share* of half the rate, at one go, down to the very line at which Praat does."""
    points = 1 << (samples.size + SILENCE - 1).bit_length()
    sound = np.zeros(points)
    sound[SILENCE // 2 : SILENCE // 2 + samples.size] = samples
    spectrum = np.fft.rfft(sound)
    # In the order mean, real 1, imaginary 1, real 2, ..., counted from 1, this is the first that goes.
    gone = floor(points * share) - 1
    spectrum[gone // 2 + gone % 2 :] = 0.0
    if gone % 2 == 1:
        spectrum.imag[gone // 2] = 0.0
    low_passed: Floats = np.fft.irfft(spectrum, points)[SILENCE // 2 :][: samples.size]
    return low_passed


def _filtered(
    samples: Samples,
    start: float,
    up: int,
    down: int,
    count: int,
    from_hz: int,
    transforms: Transforms | None,
) -> Floats:
    """Read *samples* at positions start + j down / up, j < *count*, through an ideal low pass."""
    guard = ceil(GUARD_S * from_hz / down)
    units = _smooth(max(2 * guard + 1, round(BLOCK_S * from_hz / down)))
    whole, kept, points = units * down, units - 2 * guard, units * up
    bins = (points + 1) // 2  # without the cut-off itself
    turn = np.exp(2j * pi / whole * start * np.arange(bins)) * (up / down)
    out = np.empty(count)
    block = np.zeros(whole)
    for index in range(ceil(count / (kept * up))):
        begin = (index * kept - guard) * down
        lines = None if transforms is None else transforms.lines.get((begin, whole))
        if lines is None or lines.size < bins:
            inside = samples[max(0, begin) : max(0, begin + whole)]
            block[:] = 0.0
            block[max(0, -begin) : max(0, -begin) + inside.size] = inside
            lines = np.fft.rfft(block)
            if transforms is not None:
                transforms.lines[begin, whole] = lines[: ceil(transforms.up_to_hz / from_hz * whole)].copy()
        spectrum = lines[:bins] * turn
        sound = np.fft.irfft(spectrum, points)[guard * up : (units - guard) * up]
        into = index * kept * up
        out[into : into + sound.size] = sound[: count - into]
    return out


def _between(samples: Samples | Floats, start: float, up: int, down: int, count: int) -> Floats:
    """Read *samples* at positions start + j down / up, j < *count*, as sums of sines x / x."""
    padded = np.zeros(samples.size + 4 * DEPTH)
    padded[2 * DEPTH : 2 * DEPTH + samples.size] = samples
    reach = np.arange(1 - DEPTH, DEPTH + 1)
    out = np.empty(count)
    for phase in range(min(up, count)):
        position = start + phase * down / up
        left = floor(position)
        part = position - left
        away = part - reach
        width = DEPTH + np.where(reach <= 0, part, 1.0 - part)
        taps = np.sinc(away) * (0.5 + 0.5 * np.cos(pi * away / width))
        rows = out[phase::up].size
        behind = left + 1 + DEPTH
        windows = np.lib.stride_tricks.sliding_window_view(padded[behind:], reach.size)[::down]
        out[phase::up] = windows[:rows] @ taps
    return out


def _smooth(least: int) -> int:
    """Give the least number from *least* on that has no prime factor above 5."""
    while True:
        rest = least
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return least
        least += 1
