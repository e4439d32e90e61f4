"""Train the tables of the VLC bitstream: ``python -m tools.train_vlc CORPUS [--model narrow|wide]``.

CORPUS is the folder that ``tools/make_vlc_corpus.py`` wrote; its ``train`` part is used. Writes
``dsp/codecs/vlc/tables/{narrow,wide}.py``.
"""

import argparse
import base64
import sys
import textwrap
import wave
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.codecs.vlc.analysis import Analysis
from dsp.codecs.vlc.model import NARROW, PACKETS_MS, WIDE, Model
from dsp.codecs.vlc.tables import (
    CENTROIDS,
    CLASSES,
    CONTEXTS,
    F0_LEVELS,
    F0_MOVES,
    GROUP_GAINS,
    GROUPS,
    MAGNITUDES,
    sharpened,
)

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]

TOTAL = 1 << 15
VOICING_SPAN_DB = 6.0
"""What voicing 1 weighs among levels: chosen on development speech, as are the limits, edges and the bit's weight."""
GROUP_LIMITS = (1, 3, 6, 10)
"""First rows of bases 1 to 4 in packets of 128 ms."""
GROUP_WEIGHTS = (1.4, 1.2, 1.0, 0.85, 0.7)
"""How much finer than the step the coefficients of each basis are quantised: slow changes are heard more."""
EDGES = (1, 2, 3, 5, 7, 10, 14, 20, 30)
BIT_WEIGHT = 0.07
"""Squared error, in squares of the step, that is worth a bit when the encoder rounds."""
STEP_INDICES = (4, 9, 14, 19, 24, 29)
"""Quantiser steps the statistics are taken at; every table serves all."""
_BASIS_MS = 128


@dataclass(frozen=True, slots=True)
class Recording:
    """Parameters of one recording, frames of 8 ms; f0 in fiftieths of an octave above 55 Hz per 16 ms, -1 unvoiced."""

    values: Reals
    """``(n, bands + voicing bands)``: levels in dB, voicing times `VOICING_SPAN_DB`."""
    f0: Integers
    """``(n / 2,)``."""


def cosines(frames: int) -> Reals:
    """Orthonormal DCT-II, ``[row, frame]``."""
    row, frame = np.mgrid[:frames, :frames]
    table = np.sqrt(2.0 / frames) * np.cos(np.pi * row * (frame + 0.5) / frames)
    table[0] = np.sqrt(1.0 / frames)
    return np.asarray(table, dtype=np.float64)


def packets(recordings: Iterable[Recording], frames: int) -> Reals:
    """All whole packets of *frames* frames, ``(packets, frames, values)``, starting at three places."""
    found = []
    for recording in recordings:
        for start in range(0, frames, -(-frames // 3)):
            part = recording.values[start:]
            count = len(part) // frames
            found.append(part[: count * frames].reshape(count, frames, -1))
    return np.concatenate(found)


def group_of(frames: int) -> Integers:
    """Which basis each row of the DCT takes."""
    return np.asarray(np.searchsorted(np.array(GROUP_LIMITS) * frames, np.arange(frames) * 16, side="right"))


def bases(rows: Reals, bands: int) -> Reals:
    """Karhunen-Loeve bases over `GROUP_WEIGHTS`, ``[group, coefficient, value]``.

    *rows* are those of a DCT over time, ``(packets, frames, values)``.
    The first vector of group 0 is the level: ones over the bands; the others of group 0 are orthogonal to it.
    """
    width = rows.shape[2]
    level = np.concatenate([np.ones(bands), np.zeros(width - bands)]) / np.sqrt(bands)
    found = []
    group = group_of(rows.shape[1])
    for index in range(GROUPS):
        part = rows[:, group == index].reshape(-1, width)
        moment = part.T @ part / len(part)
        if index == 0:
            outside = np.eye(width) - np.outer(level, level)
            vectors = np.linalg.eigh(outside @ moment @ outside)[1].T[::-1]
            vectors = np.concatenate([level[np.newaxis], vectors[:-1]])
        else:
            vectors = np.linalg.eigh(moment)[1].T[::-1]
        # The sign of a vector is free: made definite, so that every machine writes the same tables.
        found.append(
            vectors * np.sign(vectors[np.arange(width), np.argmax(np.abs(vectors), axis=1)])[:, np.newaxis]
        )
    return np.stack(found)


def classes_at(class_of: Integers, step_index: int) -> Integers:
    """Class of each coefficient at a step."""
    return np.clip((class_of - step_index) >> 1, 0, CLASSES - 1)


def context(sizes: Integers) -> Integers:
    """Context of every coefficient from the magnitudes ``(packets, rows, coefficients)`` before it."""
    near = np.minimum(sizes, 7)
    total = np.zeros_like(near)
    total[:, :, 1:] += 3 * near[:, :, :-1]
    total[:, :, 2:] += 2 * near[:, :, :-2]
    total[:, 1:] += 3 * near[:, :-1]
    total[:, 1:, :-1] += 2 * near[:, :-1, 1:]
    total[:, 1:, 1:] += near[:, :-1, :-1]
    total[:, 2:] += near[:, :-2]
    return np.asarray(np.digitize(total, EDGES))


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the entropy coder and the rounding need."""

    counts: Reals
    """``(CLASSES, CONTEXTS, MAGNITUDES)``."""
    centroid: Reals
    """``(CLASSES, CENTROIDS)`` in steps."""

    def probabilities(self) -> Reals:
        """Smoothed: few counts lean on the class, few of those on all."""
        overall = self.counts.sum(axis=(0, 1)) + 1.0
        overall /= overall.sum()
        of_class = self.counts.sum(axis=1, keepdims=True) + 20.0 * overall
        of_class /= of_class.sum(axis=2, keepdims=True)
        smoothed = self.counts + 10.0 * of_class
        return np.asarray(smoothed / smoothed.sum(axis=2, keepdims=True))


def rounded(sizes: Reals) -> Integers:
    """Magnitudes of *sizes* (in steps) by a dead zone."""
    whole = np.floor(sizes + 0.33).astype(np.int64)
    whole[:, 0, 0] = 0
    return whole


def priced(sizes: Reals, klass: Integers, statistics: Statistics) -> Integers:
    """Magnitudes of *sizes* (in steps), greedily by squared error + `BIT_WEIGHT` * bits, as the encoder does it."""
    bits = -np.log2(statistics.probabilities())
    bits[:, :, 1:] += 1.0
    count, rows, width = sizes.shape
    chosen = np.zeros(sizes.shape, np.int64)
    near = np.zeros((count, rows + 2, width + 3), np.int64)
    every = np.arange(count)
    for k in range(rows):
        for d in range(width):
            nearest = (sizes[:, k, d] + 0.5).astype(np.int64)
            if (k == 0 and d == 0) or not nearest.any():
                continue
            row, above = near[:, k + 2], near[:, k + 1]
            total = 3 * row[:, d + 1] + 2 * row[:, d] + 3 * above[:, d + 2] + 2 * above[:, d + 3]
            total += above[:, d + 1] + near[:, k, d + 2]
            cost = bits[klass[k, d], np.digitize(total, EDGES)]
            best, least = nearest, np.full(count, np.inf)
            for candidate in (nearest, np.maximum(nearest - 1, 0), np.zeros_like(nearest)):
                centroid = statistics.centroid[klass[k, d], np.minimum(candidate, CENTROIDS - 1)]
                value = np.where(candidate < CENTROIDS, centroid, candidate)
                price = (sizes[:, k, d] - value) ** 2 + BIT_WEIGHT * cost[
                    every, np.minimum(candidate, MAGNITUDES - 1)
                ]
                best, least = np.where(price < least, candidate, best), np.minimum(price, least)
            chosen[:, k, d] = best
            near[:, k + 2, d + 2] = np.minimum(best, 7)
    return chosen


def gather(parts: Sequence[tuple[Reals, Integers]], before: Statistics | None) -> Statistics:
    """Statistics of coefficients ``(packets, rows, coefficients)`` with their ``class_of``, rounded by *before*."""
    counts = np.zeros(CLASSES * CONTEXTS * MAGNITUDES)
    total = np.zeros((CLASSES, CENTROIDS))
    number = np.zeros((CLASSES, CENTROIDS))
    for coefficients, class_of in parts:
        for index in STEP_INDICES:
            sizes = np.abs(coefficients) / 2.0 ** (1.0 + index / 8.0)
            klass = classes_at(class_of, index)
            chosen = rounded(sizes) if before is None else priced(sizes, klass, before)
            wide = np.broadcast_to(klass, chosen.shape)
            place = (wide * CONTEXTS + context(chosen)) * MAGNITUDES + np.minimum(chosen, MAGNITUDES - 1)
            flat = place.reshape(len(place), -1)[:, 1:]
            counts += np.bincount(flat.ravel(), minlength=counts.size)
            for magnitude in range(1, CENTROIDS):
                there = chosen == magnitude
                total[:, magnitude] += np.bincount(wide[there], sizes[there], CLASSES)
                number[:, magnitude] += np.bincount(wide[there], minlength=CLASSES)
    centroid = (total + 50.0 * np.arange(CENTROIDS)) / (number + 50.0)
    return Statistics(counts.reshape(CLASSES, CONTEXTS, MAGNITUDES), centroid)


def frequencies(probabilities: Reals) -> Integers:
    """Probabilities along the last axis -> positive integers adding up to `TOTAL`."""
    symbols = probabilities.shape[-1]
    flat = probabilities.reshape(-1, symbols)
    whole = np.floor(flat * (TOTAL - symbols)).astype(np.int64) + 1
    whole[np.arange(len(whole)), whole.argmax(axis=1)] += TOTAL - whole.sum(axis=1)
    return np.asarray(whole.reshape(probabilities.shape))


def pitch_counts(recordings: Iterable[Recording]) -> tuple[Reals, Reals, Reals]:
    """Counts of voiced flags ``(3, 2)``, of first values ``(F0_LEVELS,)`` and of moves ``(3, F0_MOVES)``."""
    flags, levels, moves = np.ones((3, 2)), np.ones(F0_LEVELS), np.full((3, F0_MOVES), 0.5)
    for recording in recordings:
        for ms in PACKETS_MS:
            per_packet = ms // 16
            for start in range(0, len(recording.f0) - per_packet + 1, per_packet):
                before, last, move = 2, -1, 0
                for value in recording.f0[start : start + per_packet].tolist():
                    flags[before, int(value >= 0)] += 1
                    before = int(value >= 0)
                    if value < 0:
                        continue
                    if last < 0:
                        levels[value] += 1
                        last = value
                        continue
                    size = abs(move)
                    move = max(-15, min(15, value - last))
                    moves[0 if size <= 1 else 1 if size < 4 else 2, move + 15] += 1
                    last += move
    # A voice not heard in training may lie anywhere: first values are smoothed over a quarter of an octave.
    kernel = np.hanning(27)[1:-1]
    smooth = np.convolve(levels, kernel / kernel.sum(), mode="same") + 0.002 * levels.sum()
    return flags, smooth, moves


def train(model: Model, recordings: Sequence[Recording], passes: int = 2) -> bytes:
    """Return the tables, laid out as docs/vlc-format.md says."""
    values = np.concatenate([recording.values for recording in recordings])
    mean = values.mean(axis=0)
    mean[: model.bands] -= mean[: model.bands].mean()
    level = np.concatenate([np.ones(model.bands), np.zeros(model.voicing_bands)])

    def rows(milliseconds: int) -> Reals:
        block = packets(recordings, milliseconds // 8) - mean
        block -= block[:, :, : model.bands].mean(axis=(1, 2), keepdims=True) * level
        return np.einsum("kt,btd->bkd", cosines(milliseconds // 8), block, optimize=True)

    sharp = sharpened(model.bands, model.voicing_bands)
    plain = bases(rows(_BASIS_MS), model.bands)
    basis = np.floor(np.array(GROUP_GAINS)[:, np.newaxis, np.newaxis] * (plain @ sharp) * 16384 + 0.5).astype(
        np.int64
    )
    across = np.linalg.inv(plain)
    parts = []
    for ms in PACKETS_MS:
        over_time = rows(ms)
        group = group_of(ms // 8)
        coefficients = np.stack([over_time[:, k] @ across[group[k]] for k in range(len(group))], axis=1)
        spread = np.sqrt((coefficients**2).mean(axis=0)) + 1e-6
        # A third of the packets, which overlap threefold, is enough to count symbols.
        parts.append(
            (coefficients[::3], np.clip(np.round(8 * np.log2(spread)) + 33, 0, 255).astype(np.int64))
        )
    statistics = None
    for _ in range(passes + 1):
        statistics = gather(parts, statistics)
    assert statistics is not None
    flags, levels, moves = pitch_counts(recordings)
    sections: list[tuple[str, NDArray[np.generic] | Integers]] = [
        ("<i4", np.array([round(65536 / VOICING_SPAN_DB)])),
        ("<i2", np.round(mean @ sharp * 256)),
        ("<u1", np.array(GROUP_LIMITS)),
        ("<i2", basis),
        *(("<u1", class_of) for _, class_of in parts),
        ("<u1", np.array(EDGES)),
        ("<u2", frequencies(statistics.probabilities())),
        ("<u2", np.round(statistics.centroid * 4096)),
        ("<u2", frequencies(flags / flags.sum(axis=1, keepdims=True))),
        ("<u2", frequencies(levels / levels.sum())),
        ("<u2", frequencies(moves / moves.sum(axis=1, keepdims=True))),
    ]
    return b"".join(np.ascontiguousarray(array).astype(kind).tobytes() for kind, array in sections)


def module_text(model: Model, data: bytes, seconds: float) -> str:
    """The Python module that holds *data*."""
    lines = textwrap.wrap(base64.b64encode(zlib.compress(data, 9)).decode(), 110)
    body = "\n".join(f'    b"{line}"' for line in lines)
    return (
        f'"""Trained tables of {model.name}: zlib, then base64, of the bytes that docs/vlc-format.md lays out.\n\n'
        f"Written by tools/train_vlc.py from {seconds:.0f} s of speech.\n"
        f'"""\n\nDATA = (\n{body}\n)\n'
    )


def module_path(model: Model) -> Path:
    """Where the tables of *model* live."""
    return (
        Path(__file__).parents[1]
        / "dsp"
        / "codecs"
        / "vlc"
        / "tables"
        / f"{'narrow' if model is NARROW else 'wide'}.py"
    )


def read_wav(path: Path) -> NDArray[np.float32]:
    """Samples of a mono WAV file of 16 bit."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(
            32768.0
        )


def analysed(model: Model, samples: NDArray[np.float32]) -> Recording:
    """What the encoder would find in *samples*."""
    analysis = Analysis(model, packet_ms=_BASIS_MS)
    size = analysis.packet_samples
    values, f0 = [], []
    for start in range(0, samples.size - size + 1, size):
        found = analysis.push(samples[start : start + size])
        values.append(np.concatenate([found.levels_db, found.voicing * VOICING_SPAN_DB], axis=1))
        octaves = np.log2(found.f0_hz / 55.0).reshape(-1, 2).mean(axis=1)
        index = np.clip(np.floor(octaves * 50.0 + 0.5), 0, F0_LEVELS - 1).astype(np.int64)
        f0.append(np.where(found.voiced[::2], index, -1))
    return Recording(np.concatenate(values).astype(np.float64), np.concatenate(f0))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("corpus", type=Path, help="what tools/make_vlc_corpus.py wrote")
    parser.add_argument("--model", choices=("narrow", "wide"), help="only this one")
    parser.add_argument("--seconds", type=int, default=300, help="of each language (default %(default)s)")
    options = parser.parse_args()
    for name, model, rate in (("narrow", NARROW, 8), ("wide", WIDE, 16)):
        if options.model not in (None, name):
            continue
        files = sorted((options.corpus / "train").glob(f"*.{rate}.wav"))
        if not files:
            sys.exit(
                f"no train/*.{rate}.wav in {options.corpus}: run python -m tools.make_vlc_corpus {options.corpus}"
            )
        recordings = [analysed(model, read_wav(path)[: options.seconds * rate * 1000]) for path in files]
        seconds = sum(len(recording.values) for recording in recordings) * 0.008
        module_path(model).write_text(module_text(model, train(model, recordings), seconds))
        print(f"{module_path(model)}: {seconds:.0f} s of speech", file=sys.stderr)


if __name__ == "__main__":
    main()
