"""Where units of a second of the reference are likely to be heard: correlation of band features, and the best order.

Conventions: positions are frames of `bands` (5 ms); correlation itself runs at half that rate. A *unit* is `UNIT` frames of
the reference; a *match* says where one begins in the degraded signal.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.bands import BANDS, HOP_S, Floats

THIN = 2
"""Frames of `bands` for each of ours."""
UNIT_S = 1.0
UNIT = round(UNIT_S / HOP_S / THIN)
STEP = UNIT // 2
LEAST_SIMILARITY = 0.5
"""Of a second of speech against other speech: 0 on the average, with a standard deviation of 0.17."""
_BLOCK = 1024
_SPOKEN = 0.3
"""A unit holds at least so much speech."""
_BATCH = 1 << 17
"""Numbers in one inverse transform."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Matches:
    """Places where units are likely, by time in the degraded signal."""

    said: Ints
    """First frame of the unit, in the reference."""
    heard: Ints
    """First frame in the degraded signal; may be negative."""
    similarity: Floats


def thinned(features: NDArray[np.floating]) -> Floats:
    """Features, or levels, at half the rate, ``(frames // THIN, BANDS)``."""
    whole = features[: features.shape[0] // THIN * THIN]
    return np.asarray(whole.reshape(-1, THIN, BANDS).mean(axis=1, dtype=np.float32))


def unit_starts(spoken: NDArray[np.bool_], most: int) -> Ints:
    """First thinned frames of the units of a reference in which enough is said; evenly fewer where there are more than *most*."""
    said = spoken[: spoken.size // THIN * THIN].reshape(-1, THIN).mean(axis=1)
    sums = np.concatenate(([0.0], np.cumsum(said)))
    starts = np.arange(0, max(1, said.size - UNIT // 2), STEP)
    inside = sums[np.minimum(starts + UNIT, said.size)] - sums[starts]
    starts = starts[inside >= _SPOKEN * UNIT]
    return np.asarray(starts[:: max(1, -(-starts.size // most))])


class Heard:
    """The features of a degraded signal, ready to be searched.

    Args:
        features: thinned ones.
    """

    def __init__(self, features: Floats) -> None:
        self.frames = features.shape[0]
        self._advance = _BLOCK - UNIT
        # Half a unit may lie before the beginning, or behind the end.
        self.lags = self.frames
        blocks = -(-self.lags // self._advance)
        padded = np.zeros((blocks * self._advance + UNIT, BANDS), dtype=np.float32)
        padded[UNIT // 2 : UNIT // 2 + self.frames] = features
        cut = np.lib.stride_tricks.sliding_window_view(padded, _BLOCK, axis=0)[:: self._advance]
        self._spectra = np.fft.rfft(cut, _BLOCK, axis=-1)  # (blocks, BANDS, bins)
        energy = np.concatenate(([0.0], np.cumsum(np.sum(padded * padded, axis=1), dtype=np.float64)))
        self._energy = np.asarray(energy[UNIT:] - energy[:-UNIT], dtype=np.float32)[: self.lags]

    def similarities(self, units: Floats) -> Iterator[tuple[int, Floats]]:
        """Of units ``(n, UNIT, BANDS)`` at every lag: (first unit, ``(some, lags)``); lag *k* is frame ``k - UNIT // 2``."""
        spectra = np.conj(np.fft.rfft(units, _BLOCK, axis=1)).transpose(0, 2, 1)
        energy = np.sum(units.astype(np.float64) ** 2, axis=(1, 2)).astype(np.float32)
        blocks = self._spectra.shape[0]
        some = max(1, _BATCH // (blocks * _BLOCK))
        for first in range(0, units.shape[0], some):
            mine = spectra[first : first + some]
            cross = self._spectra[None, :, 0] * mine[:, None, 0]
            for band in range(1, BANDS):
                cross += self._spectra[None, :, band] * mine[:, None, band]
            raw = np.fft.irfft(cross, _BLOCK, axis=-1)[:, :, : self._advance].reshape(mine.shape[0], -1)
            own = energy[first : first + some, None]
            yield (
                first,
                raw[:, : self.lags]
                / np.sqrt(own * (self._energy + np.float32(0.1) * own) + np.float32(1e-6)),
            )


def units_of(features: Floats, starts: Ints) -> Floats:
    """The units of thinned *features* at those frames, zeros behind the end: ``(n, UNIT, BANDS)``."""
    padded = np.concatenate((features, np.zeros((UNIT, BANDS), dtype=np.float32)))
    return np.asarray(padded[starts[:, None] + np.arange(UNIT)])


def find_matches(reference: Floats, starts: Ints, heard: Heard) -> Matches:
    """The best places of each unit, more where the reference may be heard often; *reference* are thinned features."""
    most = 4 + 2 * -(-heard.frames // max(1, reference.shape[0]))
    said: list[Ints] = []
    where: list[Ints] = []
    how: list[Floats] = []
    for first, similarity in heard.similarities(units_of(reference, starts)):
        padded = np.pad(similarity, ((0, 0), (1, 1)), constant_values=-1)
        top = (similarity >= padded[:, :-2]) & (similarity > padded[:, 2:]) & (similarity > LEAST_SIMILARITY)
        for row in range(similarity.shape[0]):
            peaks = np.flatnonzero(top[row])
            if peaks.size > most:
                peaks = peaks[np.argpartition(-similarity[row, peaks], most)[:most]]
            said.append(np.full(peaks.size, starts[first + row]))
            where.append(peaks - UNIT // 2)
            how.append(similarity[row, peaks])
    if not said:
        empty = np.zeros(0, dtype=np.int64)
        return Matches(empty, empty, np.zeros(0, dtype=np.float32))
    all_said, all_where, all_how = np.concatenate(said), np.concatenate(where), np.concatenate(how)
    order = np.lexsort((all_said, all_where))
    return Matches(all_said[order] * THIN, all_where[order] * THIN, all_how[order])
