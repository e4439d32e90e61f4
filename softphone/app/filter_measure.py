"""What a filter did to a sound, measured for a picture: spectrograms in bounded memory, and the response of a chain.

Conventions: blocks ``(channels, n)`` of full scale 1.0; powers are means over the channels, in dB re a full-scale
sine; a frame is about 64 ms with a Hann window, one begins every quarter of that.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.filters import Resources, Setting
from dsp.preset import Preset
from dsp.response import response as chain_response
from dsp.types import Block

FRAME_S = 0.064
MOST_COLUMNS = 600
"""Columns of a spectrogram; when there are twice as many, neighbours are averaged."""
BATCH = 64
"""Frames transformed at once: bounds the memory of a block of any length."""
SILENT_DB = -80.0
"""Bands of the sound that went in below this (re its loudest band) say nothing of the filter."""
_SQUARES_FIT = 1e15
"""What is louder is drawn as this: its square has to fit in single precision."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """Power over time and frequency."""

    times_s: Values
    """Middle of each column."""
    freqs_hz: Values
    power: NDArray[np.float32]
    """``(frequencies, columns)``, re a full-scale sine."""
    seconds: float
    """Length of the sound."""
    channels: int

    @property
    def mean_power(self) -> Values:
        """Mean over time, by frequency."""
        if not self.power.shape[1]:
            return np.zeros(self.power.shape[0])
        mean: Values = self.power.mean(axis=1, dtype=np.float64)
        return mean


@dataclass(frozen=True, slots=True)
class Response:
    """Gain by frequency."""

    freqs_hz: Values
    gains_db: dict[str, Values]
    """By what the curve is called; NaN where nothing is known."""
    measured: bool
    """True: of the chain itself, by an impulse. False: estimated from the levels of one sound before and after."""


def spectrogram(sound: Iterable[Block], sample_rate_hz: int) -> Spectrogram:
    """Spectrogram of the blocks *sound* one after the other; memory does not grow with their number."""
    size = 1 << max(6, round(np.log2(FRAME_S * sample_rate_hz)))
    hop = size // 4
    window = np.hanning(size + 1)[:size].astype(np.float32)
    scale = 1.0 / (float(window.sum()) / 2) ** 2
    columns: list[NDArray[np.float32]] = []
    merged, waiting, total, channels = 1, np.zeros((size // 2 + 1, 0), dtype=np.float32), 0, 1
    for frames, count, wide in _frames(sound, size, hop):
        total, channels = count, wide
        lines = np.minimum(np.abs(np.fft.rfft(frames * window, axis=-1)), _SQUARES_FIT)
        power = (lines**2).mean(axis=0).T * scale
        waiting = np.concatenate([waiting, power.astype(np.float32)], axis=1)
        whole = waiting.shape[1] // merged * merged
        shape = (waiting.shape[0], whole // merged, merged)
        columns += list(waiting[:, :whole].reshape(shape).mean(axis=2).T)
        waiting = waiting[:, whole:]
        while len(columns) >= 2 * MOST_COLUMNS:
            pairs = zip(columns[::2], columns[1::2], strict=False)
            left = [columns[-1]] * merged if len(columns) % 2 else []
            columns = [np.add(one, other) * np.float32(0.5) for one, other in pairs]
            waiting = np.concatenate([np.stack(left, axis=1), waiting], axis=1) if left else waiting
            merged *= 2
    if waiting.shape[1]:
        columns.append(waiting.mean(axis=1))
    made = np.stack(columns, axis=1) if columns else np.zeros((size // 2 + 1, 0), dtype=np.float32)
    times = (np.arange(made.shape[1]) + 0.5) * merged * hop / sample_rate_hz
    freqs = np.arange(size // 2 + 1) * (sample_rate_hz / size)
    return Spectrogram(times, freqs, made, total / sample_rate_hz, channels)


def _frames(sound: Iterable[Block], size: int, hop: int) -> Iterator[tuple[NDArray[np.float32], int, int]]:
    """Batches of frames ``(channels, frames, size)``, the samples seen so far, the channels.

    What is left at the end, less than a hop, is dropped; a sound shorter than a frame is padded by zeros.
    """
    rest: NDArray[np.float32] | None = None
    total = 0
    for whole in sound:
        for start in range(0, max(1, whole.shape[1]), BATCH * hop):
            block = whole[:, start : start + BATCH * hop]
            total += block.shape[1]
            rest = block.copy() if rest is None else np.concatenate([rest, block], axis=1)
            count = (rest.shape[1] - size) // hop + 1 if rest.shape[1] >= size else 0
            if count:
                view = np.lib.stride_tricks.sliding_window_view(rest, size, axis=1)
                yield view[:, : count * hop : hop], total, rest.shape[0]
                rest = rest[:, count * hop :].copy()
    if rest is not None and 0 < total < size:
        padded = np.pad(rest, ((0, 0), (0, size - total)))
        yield padded[:, np.newaxis], total, rest.shape[0]


def is_linear(preset: Preset) -> bool:
    """Whether all filters of *preset* that are switched on are linear and time-invariant."""
    return all(each.spec.linear for each in preset.slots if not each.bypass)


def measured_response(preset: Preset, setting: Setting) -> Response:
    """Response of a chain of linear filters to an impulse on all channels at once; one curve for each different output.

    Raises:
        ParameterError, LibraryMissing: the chain cannot be built here.
    """
    freqs = np.geomspace(10.0, setting.sample_rate_hz / 2, 1500)
    gains = chain_response(preset, setting, freqs).channels_db
    different: dict[str, Values] = {}
    for number, gain in enumerate(gains, 1):
        if not any(np.allclose(gain, each, atol=0.01) for each in different.values()):
            different[f"channel {number}"] = gain
    if len(different) == 1:
        different = {"": gains[0]}
    return Response(freqs, different, measured=True)


def estimated_response(before: Spectrogram, after: Spectrogram) -> Response:
    """How much louder each third of an octave is after than before; unknown where there was nothing before."""
    top = min(before.freqs_hz[-1], after.freqs_hz[-1])
    centres = 1000.0 * 2.0 ** (np.arange(-36, 36) / 6.0)
    centres = centres[(centres >= 31.0) & (centres * 2 ** (1 / 6) <= top)]
    was, is_now = (_bands(each, centres) for each in (before, after))
    gains = 10 * np.log10(np.maximum(is_now, 1e-16) / np.maximum(was, 1e-16))
    floor = was.max(initial=1e-16) * 10 ** (SILENT_DB / 10)
    gains[was <= max(floor, 1e-14)] = np.nan
    return Response(centres, {"": gains}, measured=False)


def _bands(sound: Spectrogram, centres: Values) -> Values:
    """Mean power of a third of an octave around each of *centres*."""
    sums = np.concatenate([[0.0], np.cumsum(sound.mean_power)])
    step = sound.freqs_hz[1]
    low = np.maximum(np.floor(centres * 2 ** (-1 / 6) / step + 0.5).astype(int), 0)
    high = np.minimum(np.ceil(centres * 2 ** (1 / 6) / step + 0.5).astype(int), sums.size - 1)
    high = np.maximum(high, low + 1)
    mean: Values = (sums[high] - sums[low]) / (high - low)
    return mean


def response(
    preset: Preset, before: Spectrogram, after: Spectrogram, sample_rate_hz: int, resources: Resources
) -> Response:
    """Response of *preset*: measured where all its filters are linear, else estimated from the two sounds."""
    if is_linear(preset):
        return measured_response(preset, Setting(sample_rate_hz, before.channels, resources))
    return estimated_response(before, after)
