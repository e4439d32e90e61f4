"""The kernel of dsp.phonation.pulses once more, in NumPy and float64, for the tests to hold it against."""

import math

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.pitch_track import PitchTrack

Floats = NDArray[np.float64]


def pulses_twin(samples: NDArray[np.float32], rate: int, track: PitchTrack, peak: float) -> Floats:
    """All pulses of a recording, in order."""
    x = np.asarray(samples, np.float64)
    pulses: list[float] = []
    for start, stop in _runs(track):
        times, f0 = track.times_s[start:stop], track.f0_hz[start:stop]
        left = max(times[0] - track.step_s / 2, 0.0)
        right = min(times[-1] + track.step_s / 2, x.size / rate)
        first = _first(x, rate, (left + right) / 2, _period((left + right) / 2, times, f0))
        found = [first]
        for side in (-1, 1):
            t = first
            while left <= t <= right:
                period = _period(t, times, f0)
                lag, value, height = _match(x, rate, t, period, side)
                t += lag
                inside = left <= t <= right
                far = side > 0 or not pulses or t - max(pulses) > 0.8 * period
                good = value > 0.3 and (height == 0 or height > 0.01 * peak)
                if good if inside else value > 0.7 and height > 0.023333 * peak and far:
                    found.append(t)
        pulses += found
    return np.sort(np.asarray(pulses))


def _runs(track: PitchTrack) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(track.is_voiced.astype(int), prepend=0, append=0))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _period(t: float, times: Floats, f0: Floats) -> float:
    return 1 / float(np.interp(t, times, f0))


def _first(x: Floats, rate: int, middle: float, period: float) -> float:
    low = max(math.floor((middle - period / 2) * rate - 0.5), 0)
    high = min(math.ceil((middle + period / 2) * rate - 0.5), x.size - 1)
    best = low + int(np.argmax(np.abs(x[low : high + 1])))
    aside = 0.0
    if low < best < high:
        aside = _top(*x[best - 1 : best + 2])
    return (best + aside + 0.5) / rate


def _top(before: float, middle: float, after: float) -> float:
    bend = 2 * middle - before - after
    return 0.5 * (after - before) / bend if bend else 0.0


def _match(x: Floats, rate: int, t: float, period: float, side: int) -> tuple[float, float, float]:
    ends = sorted((t + side * 0.8 * period, t + side * 1.25 * period))
    left = math.floor((t - period / 2) * rate)
    size = math.floor((t + period / 2) * rate) - left + 1
    begins = range(
        math.floor((ends[0] - period / 2) * rate - 0.5), math.ceil((ends[1] - period / 2) * rate - 0.5) + 1
    )
    window = _part(x, left, size)
    others = [_part(x, begin, size) for begin in begins]
    energy = np.sum(window**2)
    r = [0.0, 0.0]
    for other in others:
        power = energy * np.sum(other**2)
        r.append(float(window @ other / math.sqrt(power)) if power > 0 else 0.0)
    tops = [i for i in range(1, len(r) - 1) if r[i] >= r[i - 1] and r[i] >= r[i + 1]]
    if not tops:
        return side * period, 0.0, 0.0
    best = max(tops, key=lambda i: r[i])
    aside = _top(*r[best - 1 : best + 2])
    value = r[best] + 0.25 * (r[best + 1] - r[best - 1]) * aside
    return (begins[0] - 2 + best - left + aside) / rate, value, float(np.abs(others[best - 1]).max())


def _part(x: Floats, begin: int, size: int) -> Floats:
    out = np.zeros(size)
    low, high = max(begin, 0), min(begin + size, x.size)
    if high > low:
        out[low - begin : high - begin] = x[low:high]
    return out
