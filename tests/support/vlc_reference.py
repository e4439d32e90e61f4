"""The payload of VLC in plain Python, as docs/vlc-format.md words it: the twin of dsp/native/vlc_{packet,symbols,quantizer}.c.

Range coder, symbols and integer arithmetic; slow, and written apart from the kernel.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsp.codecs.vlc.tables import (
    CENTROIDS,
    F0_LEVELS,
    F0_MOVES,
    GROUP_GAINS,
    MAGNITUDES,
    Tables,
    cosine_table,
    sharpened,
)

WORD = 0xFFFFFFFF
TOTAL = 1 << 15


class RangeDecoder:
    """32-bit code and range; bytes after the last are zero."""

    def __init__(self, data: bytes) -> None:
        self._rest = iter(data)
        self._range = WORD
        self._code = 0
        for _ in range(4):
            self._code = self._code << 8 | next(self._rest, 0)

    def _take(self, unit: int, start: int, count: int) -> None:
        self._code = (self._code - unit * start) & WORD
        self._range = unit * count
        while self._range < 1 << 24:
            self._code = (self._code << 8 | next(self._rest, 0)) & WORD
            self._range <<= 8

    def symbol(self, cdf: NDArray[np.int32]) -> int:
        unit = self._range >> 15
        place = min(self._code // unit, TOTAL - 1)
        found = int(np.searchsorted(cdf, place, side="right")) - 1
        self._take(unit, int(cdf[found]), int(cdf[found + 1] - cdf[found]))
        return found

    def flat(self, symbols: int) -> int:
        unit = self._range // symbols
        found = min(self._code // unit, symbols - 1)
        self._take(unit, found, 1)
        return found


class RangeEncoder:
    """The same with exact integers: the interval as a fraction of all that was written."""

    def __init__(self) -> None:
        self._low, self._range, self._shifts = 0, WORD, 0

    def _take(self, unit: int, start: int, count: int) -> None:
        self._low += unit * start
        self._range = unit * count
        while self._range < 1 << 24:
            self._low <<= 8
            self._range <<= 8
            self._shifts += 1

    def symbol(self, cdf: NDArray[np.int32], symbol: int) -> None:
        self._take(self._range >> 15, int(cdf[symbol]), int(cdf[symbol + 1] - cdf[symbol]))

    def flat(self, symbols: int, symbol: int) -> None:
        self._take(self._range // symbols, symbol, 1)

    def finish(self) -> bytes:
        for bits in range(32, -1, -8):
            mask = (1 << bits) - 1
            value = (self._low + mask) & ~mask
            if value <= self._low + self._range - 1:
                break
        return value.to_bytes(4 + self._shifts, "big").rstrip(b"\0")


@dataclass
class Symbols:
    """What a speech payload says, before any arithmetic."""

    gain: int
    f0: list[int]
    coefficients: NDArray[np.int64] = field(repr=False)


def _context(tables: Tables, near: NDArray[np.int64], k: int, d: int) -> int:
    row, above, second = near[k + 2], near[k + 1], near[k]
    total = 3 * row[d + 1] + 2 * row[d] + 3 * above[d + 2] + 2 * above[d + 3] + above[d + 1] + second[d + 2]
    return int(np.searchsorted(tables.edges, total, side="right"))


def _class(tables: Tables, k: int, d: int, step: int) -> int:
    return int(min(max((int(tables.class_of[k, d]) - step) >> 1, 0), len(tables.cdf) - 1))


def _move_context(move: int) -> int:
    return 0 if abs(move) <= 1 else 1 if abs(move) < 4 else 2


def read_symbols(tables: Tables, payload: bytes) -> Symbols:
    """Decode the symbols of a speech payload."""
    step = payload[0] & 63
    frames, width = tables.class_of.shape
    coder = RangeDecoder(payload[1:])
    gain = coder.flat(128)
    f0, before, last, move = [], 2, -1, 0
    for _ in range(frames // 2):
        before = coder.symbol(tables.flag_cdf[before])
        if before and last < 0:
            last = coder.symbol(tables.f0_cdf)
        elif before:
            move = coder.symbol(tables.move_cdf[_move_context(move)]) - F0_MOVES // 2
            last = min(max(last + move, 0), F0_LEVELS - 1)
        f0.append(last if before else -1)
    found = np.zeros((frames, width), np.int64)
    near = np.zeros((frames + 2, width + 3), np.int64)
    for k in range(frames):
        for d in range(1 if k == 0 else 0, width):
            size = coder.symbol(tables.cdf[_class(tables, k, d, step), _context(tables, near, k, d)])
            if size == MAGNITUDES - 1:
                bits = 0
                while bits < 12 and coder.flat(2):
                    bits += 1
                value = 1
                for _ in range(bits):
                    value = value << 1 | coder.flat(2)
                size += value - 1
            if size:
                found[k, d] = -size if coder.flat(2) else size
            near[k + 2, d + 2] = min(size, 7)
    return Symbols(gain, f0, found)


def write_symbols(tables: Tables, symbols: Symbols, byte_0: int) -> bytes:
    """Encode them again."""
    step = byte_0 & 63
    frames, width = tables.class_of.shape
    coder = RangeEncoder()
    coder.flat(128, symbols.gain)
    before, last, move = 2, -1, 0
    for value in symbols.f0:
        coder.symbol(tables.flag_cdf[before], int(value >= 0))
        before = int(value >= 0)
        if before and last < 0:
            coder.symbol(tables.f0_cdf, value)
        elif before:
            coder.symbol(tables.move_cdf[_move_context(move)], value - last + F0_MOVES // 2)
            move = value - last
        last = value if before else last
    near = np.zeros((frames + 2, width + 3), np.int64)
    for k in range(frames):
        for d in range(1 if k == 0 else 0, width):
            value = int(symbols.coefficients[k, d])
            size = abs(value)
            cdf = tables.cdf[_class(tables, k, d, step), _context(tables, near, k, d)]
            coder.symbol(cdf, min(size, MAGNITUDES - 1))
            if size >= MAGNITUDES - 1:
                excess = size - MAGNITUDES + 2
                bits = excess.bit_length() - 1
                for _ in range(bits):
                    coder.flat(2, 1)
                if bits < 12:
                    coder.flat(2, 0)
                for place in range(bits - 1, -1, -1):
                    coder.flat(2, excess >> place & 1)
            if size:
                coder.flat(2, int(value < 0))
            near[k + 2, d + 2] = min(size, 7)
    return bytes((byte_0,)) + coder.finish()


def rebuild(
    tables: Tables, symbols: Symbols, step: int, bands: int, *, wide: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Levels in 1/256 dB and voicing in 1/4096 from symbols, all in 64-bit integers."""
    frames, width = tables.class_of.shape
    values = np.zeros((frames, width), np.int64)
    for k, d in zip(*np.nonzero(symbols.coefficients), strict=True):
        q = int(symbols.coefficients[k, d])
        size = abs(q) << 12
        if abs(q) < CENTROIDS:
            size = int(tables.centroid[_class(tables, int(k), int(d), step), abs(q)])
        values[k, d] = (size * int(tables.steps[step]) + 2048 >> 12) * (1 if q > 0 else -1)
    basis = tables.basis.astype(np.int64)
    rows = np.stack([values[k] @ basis[tables.group[k]] for k in range(frames)])
    rows = np.clip((rows + 8192) >> 14, -(1 << 30), (1 << 30) - 1)
    cosine = (tables.cosine_wide if wide else tables.cosine).astype(np.int64)
    found = tables.mean + ((cosine.T @ rows + 8192) >> 14)
    levels = found[:, :bands] - 442368 + symbols.gain * 3584
    voicing = (found[:, bands:] * int(tables.voicing_unit[0]) + 32768) >> 16
    return np.clip((levels + 8) >> 4, -51200, 15360), np.clip(voicing, 0, 4096)


def quantized(
    tables: Tables, levels_db: NDArray[np.float32], voicing: NDArray[np.float32], step: int, weight: float
) -> NDArray[np.int64]:
    """Coefficients that our encoder chooses for frames of 8 ms, in double precision: greedily by squared error and price."""
    frames, width = tables.class_of.shape
    bands = levels_db.shape[1]
    sharp = sharpened(bands, width - bands)
    values = np.concatenate([levels_db, voicing * (65536.0 / int(tables.voicing_unit[0]))], axis=1).astype(
        np.float64
    )
    over_time = cosine_table(frames) @ (values - tables.mean / 4096.0 @ np.linalg.inv(sharp))
    gains = np.asarray(GROUP_GAINS)
    rows = [
        np.linalg.solve((tables.basis[g] / 16384.0 / gains[g] @ np.linalg.inv(sharp)).T, over_time[k])
        for k, g in enumerate(tables.group)
    ]
    sizes = np.abs(rows) * 4096.0 / tables.steps[step]
    bits = np.log2(TOTAL / np.diff(tables.cdf, axis=-1)) + (np.arange(MAGNITUDES) > 0)
    found = np.zeros((frames, width), np.int64)
    near = np.zeros((frames + 2, width + 3), np.int64)
    for k in range(frames):
        for d in range(1 if k == 0 else 0, width):
            nearest, klass = int(sizes[k, d] + 0.5), _class(tables, k, d, step)
            cost = bits[klass, _context(tables, near, k, d)]

            def price(
                size: int, k: int = k, d: int = d, klass: int = klass, cost: NDArray[np.float64] = cost
            ) -> float:
                value = tables.centroid[klass, size] / 4096.0 if size < CENTROIDS else size
                return float((sizes[k, d] - value) ** 2 + weight * cost[min(size, MAGNITUDES - 1)])

            best = min((nearest, max(nearest - 1, 0), 0), key=price)
            found[k, d] = best if rows[k][d] > 0 else -best
            near[k + 2, d + 2] = min(best, 7)
    return found


def silence_levels(payload: bytes, bands: int) -> list[int]:
    """Levels of a silence descriptor in 1/256 dB."""
    _, gain, low, high = (*payload, 0, 0, 0)[:4]
    terms = [nibble - 16 if nibble > 7 else nibble for nibble in (low >> 4, low & 15, high >> 4, high & 15)]
    levels = []
    for band in range(bands):
        total = 8192
        for j, term in enumerate(terms, start=1):
            total += term * 768 * math.floor(16384 * math.cos(math.pi * j * (band + 0.5) / bands) + 0.5)
        levels.append((total >> 14) - 27648 + 224 * (gain & 127))
    return levels
