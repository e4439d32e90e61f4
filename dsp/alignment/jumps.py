"""Where exactly the delay jumped: both alignments are compared item by item.

Around a jump, what is heard fits the reference at the first lag before it and at the second lag after it; the sum of squared
differences over all says where it changes best. An item is a sample, or a frame of band features where the codec keeps no
waveform.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.bands import Halves
from dsp.alignment.narrow import NarrowTrack

Doubles = NDArray[np.float64]

_MEAN = 64
"""Samples on either side whose mean is taken off: a constant offset and most of a hum do not count."""
_AROUND = 16
"""Samples on either side whose power a difference is counted by: codecs and losses are as wrong as the speech is loud."""
_ALIKE = 0.25
"""Twice the product, as a share of the power of both, above which what is heard counts as what was said."""
_FLOOR = 1e-4
"""Of the highest such power, added to it."""


class Witness(Protocol):
    """Both signals in items that can be subtracted."""

    @property
    def item(self) -> int:
        """Samples of the narrow track in one."""

    def said(self, start: int, stop: int) -> Doubles:
        """Items of the reference, ``(n, values)``."""

    def heard(self, start: int, stop: int) -> Doubles:
        """Items of the degraded signal at the reference's level and polarity."""


@dataclass(frozen=True, slots=True)
class Waveforms:
    """Sample by sample."""

    reference: NarrowTrack
    degraded: NarrowTrack
    gain: float
    item: int = 1

    def said(self, start: int, stop: int) -> Doubles:
        """See `Witness.said`."""
        return _centred(self.reference, start, stop)

    def heard(self, start: int, stop: int) -> Doubles:
        """See `Witness.heard`."""
        return self.gain * _centred(self.degraded, start, stop)


@dataclass(frozen=True, slots=True)
class Envelopes:
    """Frame by frame."""

    reference: Halves
    degraded: Halves
    item: int

    def said(self, start: int, stop: int) -> Doubles:
        """See `Witness.said`."""
        return _rows(self.reference, start, stop)

    def heard(self, start: int, stop: int) -> Doubles:
        """See `Witness.heard`."""
        return _rows(self.degraded, start, stop)


def _centred(track: NarrowTrack, start: int, stop: int) -> Doubles:
    piece = track.read(start - _MEAN, stop + _MEAN).astype(np.float64)
    return (piece[_MEAN : piece.size - _MEAN] - _moving_mean(piece, _MEAN))[:, None]


def _moving_mean(values: Doubles, side: int) -> Doubles:
    """Mean of *side* values before and behind each that has them."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    return (sums[2 * side + 1 :] - sums[: -2 * side - 1]) / (2 * side + 1)


def _rows(features: Halves, start: int, stop: int) -> Doubles:
    out = np.zeros((max(0, stop - start), features.shape[1]))
    low, high = max(0, start), min(features.shape[0], stop)
    if low < high:
        out[low - start : high - start] = features[low:high]
    return out


def gain_at(
    reference: NarrowTrack, degraded: NarrowTrack, spans: list[tuple[int, int, int]], polarity: int
) -> float:
    """What to multiply the degraded signal by, from spans ``(start, stop, lag)`` of the reference that are in place."""
    product = power = said = 0.0
    for start, stop, lag in spans:
        x, y = _centred(reference, start, stop), _centred(degraded, start + lag, stop + lag)
        product += float(np.sum(x * y))
        power += float(np.sum(y * y))
        said += float(np.sum(x * x))
    if power <= 0:
        return float(polarity)
    if product * polarity < 0.1 * np.sqrt(power * said):
        return polarity * float(np.sqrt(said / power))
    return product / power


def later_from(witness: Witness, low: int, high: int, lags: tuple[int, int]) -> int:
    """First item of the reference, of ``low .. high``, that is heard at the second, larger lag."""
    return low + _turn(
        _worse(witness.said(low, high), *(witness.heard(low + lag, high + lag) for lag in lags))
    )


def earlier_from(witness: Witness, low: int, high: int, lags: tuple[int, int]) -> int:
    """First item of the degraded signal, of ``low .. high``, that belongs to the second, smaller lag."""
    return low + _turn(
        _worse(witness.heard(low, high), *(witness.said(low - lag, high - lag) for lag in lags))
    )


def _worse(signal: Doubles, first: Doubles, second: Doubles) -> Doubles:
    """How much worse *first* fits the signal than *second*, at each item."""
    if signal.size == 0:
        return np.zeros(0)
    power = np.sum(signal * signal + 0.5 * (first * first + second * second), axis=1)
    return _by_power(np.sum((signal - first) ** 2 - (signal - second) ** 2, axis=1), power)


def _by_power(values: Doubles, power: Doubles) -> Doubles:
    """Each value as a share of the power around it."""
    around = _moving_mean(np.pad(power, _AROUND), _AROUND)
    return np.asarray(values / (around + _FLOOR * around.max() + 1e-20))


def begins_at(witness: Witness, low: int, high: int, lag: int) -> int:
    """First item of the reference, of ``low .. high``, that is heard."""
    return low + _turn(_gain_of_presence(witness, low, high, lag))


def ends_at(witness: Witness, low: int, high: int, lag: int) -> int:
    """First item of the reference, of ``low .. high``, that is no more heard."""
    return high - _turn(_gain_of_presence(witness, low, high, lag)[::-1])


def _gain_of_presence(witness: Witness, low: int, high: int, lag: int) -> Doubles:
    x, y = witness.said(low, high), witness.heard(low + lag, high + lag)
    if x.size == 0:
        return np.zeros(0)
    power = np.sum(x * x + y * y, axis=1)
    return _by_power(np.sum(2 * x * y, axis=1) - _ALIKE * power, power)


def _turn(worse: Doubles) -> int:
    """Where to change from the first to the second, by how much worse the first is at each item."""
    return int(np.argmin(np.concatenate(([0.0], np.cumsum(worse)))))
