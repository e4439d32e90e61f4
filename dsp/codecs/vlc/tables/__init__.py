"""Tables of the bitstream, and the matrices that follow from them (docs/vlc-format.md, "Tables").

The trained part lies in the modules `narrow` and `wide`, written by ``tools/train_vlc.py``; the rest is made
of formulas here.
"""

import base64
import functools
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.codecs.vlc.model import FRAME_MS, PACKETS_MS, Model
from dsp.codecs.vlc.tables import narrow, wide

GROUPS = 5
"""Bases across the bands, by the rate of change they are for."""
CLASSES = 40
"""Of coefficients, by their spread over the step in quarters of an octave."""
CONTEXTS = 10
MAGNITUDES = 18
"""Symbols of a magnitude: 0 to 16, and 17 for what is larger."""
STEPS = 32
"""Quantiser steps: 2 dB * 2 ** (index / 8)."""
F0_LEVELS = 148
"""Of f0, in fiftieths of an octave above 55 Hz."""
F0_MOVES = 31
"""Differences of f0, -15 to 15 fiftieths of an octave."""
CENTROIDS = 4

GROUP_GAINS = (1.0, 0.97, 0.86, 0.67, 0.54)
"""What the trained bases make of their coefficients: fast changes of the levels, of which quantisation makes too many, shrink."""
SHARPENING = 0.2
"""How much of what a level exceeds its neighbourhood by is added to it in the trained bases: bands overlap."""

_TRAINED = {"vlc": narrow.DATA, "vlc-wb": wide.DATA}

Integers = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """What the coder of one model and packet length needs; T frames of D values (bands, then voicing bands)."""

    mean: Integers
    """``(D,)`` in 1/4096 dB; the level part adds up to about 0."""
    group: Integers
    """``(T,)``: which basis belongs to a row."""
    basis: Integers
    """``(GROUPS, D, D)`` in 1/16384: ``[group, coefficient, value]``."""
    cosine: Integers
    """``(T, T)`` in 1/16384: ``[row, frame]``, frames of 8 ms."""
    cosine_wide: Integers
    """``(T, T / 2)``: the same at the middles of frames of 16 ms."""
    class_of: Integers
    """``(T, D)``: twice the class at step 0."""
    edges: Integers
    """``(CONTEXTS - 1,)``: least sum of neighbours of contexts 1, 2 ..."""
    cdf: Integers
    """``(CLASSES, CONTEXTS, MAGNITUDES + 1)``, 0 to 32768."""
    centroid: Integers
    """``(CLASSES, CENTROIDS)`` in 1/4096 step: where magnitudes 0 to 3 are put."""
    steps: Integers
    """``(STEPS,)`` in 1/4096 dB."""
    flag_cdf: Integers
    """``(3, 3)``: the voiced flag after none, one, or at the start."""
    f0_cdf: Integers
    """``(F0_LEVELS + 1,)``."""
    move_cdf: Integers
    """``(3, F0_MOVES + 1)``: after a small, middle or large move."""
    voicing_unit: Integers
    """``(1,)``: 1/4096 dB of the transform's voicing values -> 1/4096, in 1/65536."""

    def packed(self) -> bytes:
        """All of them as `dsp._native.VlcPacketCoder` takes them."""
        fields = (getattr(self, name) for name in self.__slots__)
        return b"".join(np.ascontiguousarray(field, dtype=np.int32).tobytes() for field in fields)


class _Reader:
    """Takes little-endian arrays off a byte string, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, kind: str, *shape: int) -> Integers:
        values = np.frombuffer(self._data, kind, int(np.prod(shape)), self._at)
        self._at += values.nbytes
        return values.reshape(shape).astype(np.int32)


def cumulative(counts: Integers) -> Integers:
    """Frequencies along the last axis -> their running sums, from 0."""
    sums = np.cumsum(counts, axis=-1, dtype=np.int32)
    return np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)


def cosine_table(frames: int, per_frame: int = 1) -> NDArray[np.float64]:
    """Orthonormal DCT-II of *frames* frames, ``[row, frame]``, read at the middles of *per_frame* of them at a time."""
    row = np.arange(frames)[:, np.newaxis]
    middle = (np.arange(frames // per_frame) + 0.5) * per_frame
    table = np.sqrt(2.0 / frames) * np.cos(np.pi * row * middle / frames)
    table[0] = np.sqrt(1.0 / frames)
    return np.asarray(table, dtype=np.float64)


def _fixed(values: NDArray[np.float64], bits: int) -> Integers:
    return np.floor(values * (1 << bits) + 0.5).astype(np.int32)


def sharpened(bands: int, voicing_bands: int) -> NDArray[np.float64]:
    """The matrix ``(D, D)`` that a row of levels and voicing is multiplied by where it is sharpened.

    A level's neighbourhood is a Gaussian of one band.
    """
    distance = np.subtract.outer(np.arange(bands), np.arange(bands))
    near = np.exp(-0.5 * distance**2.0)
    matrix = np.eye(bands + voicing_bands)
    matrix[:bands, :bands] += SHARPENING * (np.eye(bands) - near / near.sum(axis=0))
    return np.asarray(matrix, dtype=np.float64)


@functools.cache
def tables(model: Model, packet_ms: int) -> Tables:
    """Return the tables for packets of *packet_ms*, one of `PACKETS_MS`."""
    width, frames = model.bands + model.voicing_bands, packet_ms // FRAME_MS
    reader = _Reader(zlib.decompress(base64.b64decode(_TRAINED[model.name])))
    voicing_unit = reader.take("<i4", 1)
    mean = reader.take("<i2", width) * 16
    limits = reader.take("<u1", GROUPS - 1)
    basis = reader.take("<i2", GROUPS, width, width)
    classes = {ms: reader.take("<u1", ms // FRAME_MS, width) for ms in PACKETS_MS}
    edges = reader.take("<u1", CONTEXTS - 1)
    cdf = cumulative(reader.take("<u2", CLASSES, CONTEXTS, MAGNITUDES))
    centroid = reader.take("<u2", CLASSES, CENTROIDS)
    flag_cdf = cumulative(reader.take("<u2", 3, 2))
    f0_cdf = cumulative(reader.take("<u2", F0_LEVELS))
    move_cdf = cumulative(reader.take("<u2", 3, F0_MOVES))
    # Row k changes at k / (2 * packet) Hz: the limits are the first rows of each basis in packets of 128 ms.
    group = np.searchsorted(limits * frames, np.arange(frames) * 16, side="right").astype(np.int32)
    return Tables(
        mean=mean,
        group=group,
        basis=basis,
        cosine=_fixed(cosine_table(frames), 14),
        cosine_wide=_fixed(cosine_table(frames, 2), 14),
        class_of=classes[packet_ms],
        edges=edges,
        cdf=cdf,
        centroid=centroid,
        steps=_fixed(2.0 ** (1.0 + np.arange(STEPS) / 8.0), 12),
        flag_cdf=flag_cdf,
        f0_cdf=f0_cdf,
        move_cdf=move_cdf,
        voicing_unit=voicing_unit,
    )
