"""What is found along a recording, kept until its end.

Recordings of up to `dsp.phonation.section.WHOLE_S` keep float64. Longer ones, of which there may be hours, keep levels and
strengths as float32, which is a millionth of what they are accurate to.
"""

import math
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dsp.phonation.section import WHOLE_S, Whole

Floats = NDArray[np.float64]

PIECE_BYTES = 1 << 18


class Kept:
    """Rows that come in parts; neither two of the whole nor many small parts are ever in memory.

    Args:
        dtype: of the items.
        columns: items of a row; None: rows are single items.
    """

    def __init__(self, dtype: DTypeLike = np.float64, columns: int | None = None) -> None:
        self._dtype = np.dtype(dtype)
        self._row = () if columns is None else (columns,)
        self._rows = max(1, PIECE_BYTES // (self._dtype.itemsize * math.prod(self._row)))
        self._pieces: list[NDArray[Any]] = []
        self.size = 0
        """Rows in all."""

    def append(self, values: NDArray[Any]) -> None:
        """Keep *values*, ``(n,)`` or ``(n, columns)``, as well."""
        while values.shape[0]:
            place = self.size % self._rows
            if place == 0:
                self._pieces.append(self._room(self._rows))
            count = min(values.shape[0], self._rows - place)
            self._pieces[-1][place : place + count] = values[:count]
            values = values[count:]
            self.size += count

    def joined(self) -> NDArray[Any]:
        """All rows; the last that is asked for, as pieces are given back while they are joined."""
        whole = self._room(self.size)
        self._pieces.reverse()
        for start in range(0, self.size, self._rows):
            part = whole[start : start + self._rows]
            part[:] = self._pieces.pop()[: part.shape[0]]
        self.size = 0
        return whole

    def _room(self, rows: int) -> NDArray[Any]:
        """Memory that goes back to the system when it is done with, which a heap in which other things come and go does not."""
        count = rows * math.prod(self._row)
        if not count:
            return np.empty((rows, *self._row), dtype=self._dtype)
        room = mmap.mmap(-1, count * self._dtype.itemsize)
        return np.frombuffer(room, dtype=self._dtype).reshape(rows, *self._row)


def fine_type(whole: Whole) -> type[np.float64] | type[np.float32]:
    """What levels and strengths of a recording are kept as."""
    return np.float64 if whole.seconds <= WHOLE_S else np.float32


def even_times(first_s: float, step_s: float, count: int) -> Floats:
    """Times of *count* frames, ``(count,)``."""
    times_s = np.arange(count, dtype=np.float64)
    times_s *= step_s
    times_s += first_s
    return times_s
