"""Finds a late copy of a signal: beside the original, in a recording of its own, or with nothing but the sum of both.

Two measures, each the mean over stretches of 8 s spread over the recording. The *response* from a known signal to what
is heard is their cross spectrum over the power spectrum of the first; a copy is a peak of its impulse response, at the
copy's delay, whatever else is said. Without the original, the real *cepstrum*: a copy of gain g, delayed by t, makes a
ripple of g in the log spectrum, a peak at quefrency t that stays while the pitch moves.

A peak counts by how far it stands out of the values around it, in units of their standard deviation, taken robustly.

Source: B. P. Bogert, M. J. R. Healy and J. W. Tukey, "The quefrency alanysis of time series for echoes", 1963; J. S. Bendat
and A. G. Piersol, "Random Data", chapter 6 (response from cross spectra); the limits are measured, see docs/verdicts.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.checks.features import finite
from dsp.track import Track
from dsp.types import Samples

STRETCH_S = 8.0
LONGEST_S = 2.0
"""Longest delay."""
MOST_STRETCHES = 48
"""So that an hour takes no longer than some minutes do: an echo is there all the time."""
BAND_HZ = (150.0, 3600.0)
EDGE_HZ = 100.0
"""Rise and fall of the band: a sharp edge rings."""
LEAST_SHARE = 0.01
"""Lines weaker than this share of those around them say little and weigh less."""
AROUND_HZ = 50.0
NEAR_S = 0.004
"""A path is as wide as this on either side of its peak."""

Values = NDArray[np.float64]
Reader = Callable[[int, int], Samples]
"""(start, stop) -> samples."""


@dataclass(frozen=True, slots=True)
class Echo:
    """A late copy."""

    delay_s: float
    loss_db: float
    """How far under the original it lies."""
    clearness: float
    """Height of its peak in standard deviations of what is around it."""


@dataclass(frozen=True, slots=True)
class Response:
    """What comes of a signal, as an impulse response."""

    values: Values
    """From delay 0 on; negative delays at the end."""
    step_s: float
    itself: float
    """Energy of the peak that the signal against itself has: the unit of `values` squared."""

    def energy(self, place: int) -> float:
        """Around index *place*, in units of `itself`."""
        near = round(NEAR_S / self.step_s)
        return float(
            np.sum(np.take(self.values, range(place - near, place + near + 1), mode="wrap") ** 2)
            / self.itself
        )

    def strongest(self, low_s: float, high_s: float) -> tuple[int, float]:
        """Index of the largest value between two delays (the first may be negative), and its clearness."""
        low, high = round(low_s / self.step_s), round(high_s / self.step_s)
        return _clearest(np.abs(np.take(self.values, range(low, high), mode="wrap")), low, by_height=True)


def response(said: Reader, heard: Reader, size: int, sample_rate_hz: int) -> Response | None:
    """From *said* to *heard*, which are on one clock and *size* samples long; None where nothing is said."""
    length = round(STRETCH_S * sample_rate_hz)
    total = round((STRETCH_S + LONGEST_S) * sample_rate_hz)
    step_hz = sample_rate_hz / total
    count = _count(step_hz, sample_rate_hz)
    cross: NDArray[np.complex128] = np.zeros(count, dtype=np.complex128)
    power = np.zeros(count)
    window = _window(length, whole=size <= length)
    for start, stop in stretches_of(size, sample_rate_hz):
        one, other = (finite(read(start, stop)) * window for read in (said, heard))
        if not one.any():
            continue
        one_lines, other_lines = (np.fft.rfft(each, total)[:count] for each in (one, other))
        cross += other_lines * np.conj(one_lines)
        power += np.abs(one_lines) ** 2
    if not power.any():
        return None
    weight = _band(count, step_hz) / (
        power + LEAST_SHARE * _moving_mean(power, round(AROUND_HZ / step_hz)) + 1e-12
    )
    points = 2 * count
    values, itself = (np.fft.irfft(each * weight, points) for each in (cross, power + 0j))
    step_s = total / sample_rate_hz / points
    if size > length:
        lags = np.minimum(np.arange(points), points - np.arange(points)) * step_s
        values = values / np.interp(lags / STRETCH_S, *_window_overlap())
    return Response(values, step_s, Response(itself, step_s, 1.0).energy(0))


def cepstral_echo(track: Track, low_s: float) -> Echo | None:
    """The clearest peak of the cepstrum between *low_s* and `LONGEST_S`; None for a track too short to have one."""
    rate = track.sample_rate_hz
    length = round(STRETCH_S * rate)
    step_hz = rate / length
    count = _count(step_hz, rate)
    first = round(BAND_HZ[0] / step_hz)
    window = np.hanning(count - first)
    points = 1 << (2 * (count - first) - 1).bit_length()
    quefrency_s = np.arange(points // 2 + 1) / (step_hz * points)
    longest = min(LONGEST_S, 0.5 * track.size / rate)
    turn = np.exp(-2j * np.pi * first * np.arange(points // 2 + 1) / points)
    total, stretches = np.zeros(points // 2 + 1), 0
    for start, stop in stretches_of(track.size, rate):
        samples = finite(track.read(start, min(stop, track.size)))
        if not samples.any():
            continue
        power = np.abs(np.fft.rfft(samples * _tapered(samples.size, rate), length)[first:count]) ** 2
        log = np.log(power + 1e-3 * _moving_mean(power, round(AROUND_HZ / 2 / step_hz)) + 1e-12)
        log = (log - _moving_mean(log, round(AROUND_HZ / step_hz))) * window
        total += (np.fft.rfft(log, points) * turn).real
        stretches += 1
    low, high = (int(np.searchsorted(quefrency_s, each)) for each in (low_s, longest))
    if not stretches or high - low < 100:
        return None
    values = total[low:high] / (stretches * window.sum())
    place, clearness = _clearest(values, low, by_height=False)
    gain = float(total[place] / (stretches * window.sum()))
    return Echo(float(quefrency_s[place]), -20.0 * np.log10(gain), clearness) if gain > 0 else None


def stretches_of(size: int, sample_rate_hz: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of the stretches that are looked at: overlapping by half, at most `MOST_STRETCHES`."""
    length = round(STRETCH_S * sample_rate_hz)
    last = max(0, size - length)
    count = min(MOST_STRETCHES, 1 + -(-last // (length // 2)))
    for place in range(count):
        start = round(last * place / max(1, count - 1))
        yield start, start + length


def _count(step_hz: float, rate: int) -> int:
    """Lines up to the end of the band."""
    return round(min(BAND_HZ[1], 0.45 * rate) / step_hz)


def _window(length: int, *, whole: bool) -> Samples:
    window: Samples = (np.ones(length) if whole else np.hanning(length)).astype(np.float32)
    return window


def _window_overlap() -> tuple[Values, Values]:
    """(shift as a share of the window, overlap of a Hann window with itself)."""
    window = np.hanning(512)
    overlap = np.correlate(window, window, "full")[511:]
    return np.arange(512) / 512.0, np.maximum(overlap / overlap[0], 0.2)


def _tapered(size: int, rate: int) -> Samples:
    """Rises and falls within half a second, or a quarter of *size*."""
    edge = min(rate // 2, size // 4)
    window = np.ones(size, dtype=np.float32)
    rise = np.hanning(2 * edge)[:edge]
    window[:edge], window[size - edge :] = rise, rise[::-1]
    return window


def _band(count: int, step_hz: float) -> Values:
    hz = np.arange(count) * step_hz
    rise = np.clip((hz - BAND_HZ[0]) / EDGE_HZ, 0.0, 1.0)
    fall = np.clip((hz[-1] - hz) / EDGE_HZ, 0.0, 1.0)
    band: Values = 0.25 * (1.0 - np.cos(np.pi * rise)) * (1.0 - np.cos(np.pi * fall))
    return band


def _moving_mean(values: Values, reach: int) -> Values:
    """Mean over *reach* values on either side; fewer at the ends."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    low = np.maximum(np.arange(values.size) - reach, 0)
    high = np.minimum(np.arange(values.size) + reach + 1, values.size)
    mean: Values = (sums[high] - sums[low]) / (high - low)
    return mean


def _clearest(values: Values, first: int, *, by_height: bool) -> tuple[int, float]:
    """(index counted from *first*, clearness) of the peak that is highest, or that stands out most."""
    size, step = min(301, values.size), 50
    reach = size // 2
    padded = np.pad(np.abs(values), reach, mode="reflect") if values.size > reach else np.abs(values)
    parts = np.lib.stride_tricks.sliding_window_view(padded, size)[::step]
    at = np.arange(len(parts)) * step
    deviation = np.interp(np.arange(values.size), at, np.median(parts, axis=1) / 0.6745) + 1e-15
    clear = values / deviation
    place = int((values if by_height else clear).argmax())
    return first + place, float(clear[place])
