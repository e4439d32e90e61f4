"""What a report shows of two recordings: their waveforms, levels and spectra over one time axis, that of the degraded one.

Conventions: a *view* has columns of equal time. The reference is drawn where it is heard, so a column of it is what should
be in the same column of the degraded signal; where the recording holds nothing of it there is nothing to see.
"""

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.track import Track

WAVE_COLUMNS = 1000
SPECTRUM_COLUMNS = 600
SPECTRUM_ROWS = 160
WINDOW_S = 0.032
"""Of a spectrum: 31 Hz from line to line, wide enough to see formants and short enough to see gaps of 20 ms."""
WINDOWS = 4
"""Spectra that are averaged where a column is long enough to hold several."""
LEVEL_S = 0.05
RANGE_DB = 70.0
LEAST_DB = -100.0

Floats = NDArray[np.float64]

_RAMP = (
    (0, (10, 8, 30)), (60, (60, 20, 110)), (120, (150, 40, 115)), (180, (235, 95, 75)),
    (225, (252, 185, 95)), (255, (255, 250, 205)),
)  # fmt: skip
"""Colours from faint to loud; lightness rises all the way, so it reads in grey as well."""


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Per column; NaN where there is nothing."""

    low: Floats
    high: Floats
    level_dbov: Floats
    """Power of at least `LEVEL_S` around the column."""


class Timeline:
    """The columns of a view of one recording, and which part of its track lies in each.

    Args:
        seconds: of the degraded signal, which the view spans.
        delay_trace: ``[at_s, delay_ms]`` by time where the track is the reference; None: it is the degraded signal itself.
    """

    def __init__(self, seconds: float, delay_trace: Sequence[Sequence[float]] | None = None) -> None:
        self.seconds = seconds
        self._trace = (
            None if delay_trace is None else np.asarray(delay_trace, dtype=np.float64).reshape(-1, 2)
        )

    def times(self, columns: int) -> Floats:
        """Of the track, in seconds, at the middle of each column; NaN where nothing of it is heard."""
        at = (np.arange(columns) + 0.5) * self.seconds / columns
        if self._trace is None:
            return at
        if self._trace.size == 0:
            return np.full(columns, math.nan)
        nearest = np.searchsorted((self._trace[1:, 0] + self._trace[:-1, 0]) / 2, at)
        times: Floats = at - self._trace[nearest, 1] / 1000
        return times


def waveform(track: Track, timeline: Timeline, columns: int = WAVE_COLUMNS) -> Waveform:
    """The extremes and the level of each column."""
    rate = track.sample_rate_hz
    width = max(1, round(timeline.seconds / columns * rate))
    wide = max(width, round(LEVEL_S * rate))
    low, high, level = (np.full(columns, math.nan) for _ in range(3))
    for column, time_s in enumerate(timeline.times(columns)):
        middle = -1 if math.isnan(time_s) else round(time_s * rate)
        if not 0 <= middle < track.size:
            continue
        piece = np.nan_to_num(track.read(middle - wide // 2, middle - wide // 2 + wide))
        narrow = piece[(wide - width) // 2 :][:width]
        low[column], high[column] = float(narrow.min()), float(narrow.max())
        power = float(np.mean(np.square(piece, dtype=np.float64)))
        level[column] = max(LEAST_DB, 10 * math.log10(power)) if power > 0 else LEAST_DB
    return Waveform(low, high, level)


def spectrogram(track: Track, timeline: Timeline, top_hz: float, columns: int = SPECTRUM_COLUMNS) -> Floats:
    """Power in dB, ``(SPECTRUM_ROWS, columns)``, the highest frequency first; NaN where nothing is heard."""
    rate = track.sample_rate_hz
    size = round(WINDOW_S * rate)
    window = np.hanning(size + 1)[:-1]
    edges = np.linspace(0, top_hz, SPECTRUM_ROWS + 1) * size / rate
    first = np.minimum(np.floor(edges[:-1]).astype(int), size // 2)
    last = np.minimum(np.maximum(np.ceil(edges[1:]).astype(int), first + 1), size // 2 + 1)
    picture = np.full((SPECTRUM_ROWS, columns), math.nan)
    step = timeline.seconds / columns
    count = max(1, min(WINDOWS, int(step / WINDOW_S)))
    for column, time_s in enumerate(timeline.times(columns)):
        if math.isnan(time_s) or not 0 <= time_s * rate < track.size:
            continue
        begins = [
            round((time_s + (number + 0.5) / count * step - step / 2) * rate) - size // 2
            for number in range(count)
        ]
        pieces = np.array([np.nan_to_num(track.read(begin, begin + size)) for begin in begins])
        power = np.mean(np.abs(np.fft.rfft(pieces * window, axis=1)) ** 2, axis=0) / np.sum(window) ** 2
        sums = np.concatenate(([0.0], np.cumsum(power)))
        picture[:, column] = ((sums[last] - sums[first]) / (last - first))[::-1]
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(np.maximum(picture, 10 ** ((LEAST_DB - RANGE_DB) / 10))))


def loudest(*pictures: Floats) -> float:
    """Level of the brightest colour, `LEAST_DB` or more: what one point in 500 exceeds; of all *pictures* together."""
    values = np.concatenate([one[np.isfinite(one)] for one in pictures])
    return max(LEAST_DB, float(np.quantile(values, 0.998))) if values.size else 0.0


def png(picture: Floats, top_db: float) -> bytes:
    """*picture* in colours over `RANGE_DB` below *top_db*, transparent where it is NaN (PNG, third edition, colour type 3)."""
    share = 1 + (picture - top_db) / RANGE_DB
    empty = np.isnan(share)
    indices = np.where(empty, 0, 1 + np.clip(np.where(empty, 0, share), 0, 1) * 254).astype(np.uint8)
    at = [each for each, _ in _RAMP]
    colours = np.array([colour for _, colour in _RAMP])
    palette = np.stack([np.interp(np.arange(256), at, colours[:, each]) for each in range(3)], axis=1)
    rows, columns = indices.shape
    lines = np.concatenate((np.zeros((rows, 1), dtype=np.uint8), indices), axis=1)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", np.rint(palette).astype(np.uint8).tobytes())
        + _chunk(b"tRNS", b"\x00")
        + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
