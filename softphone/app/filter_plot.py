"""A picture of what a filter did: its response, and the sound before and after."""

import io
import itertools
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dsp.filters import Resources
from dsp.preset import Preset
from dsp.types import Block
from softphone.app.filter_measure import Response, Spectrogram, response, spectrogram
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io import resources as product
from softphone.io.sound_file import SoundReader

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

Sound: TypeAlias = str | os.PathLike[str] | Block | Iterable[Block]
"""A sound file, a block of samples, or blocks one after the other."""

RANGE_DB = 80.0
"""Colours reach this far below the loudest point of both spectrograms."""
LOWEST_HZ = 30.0
ROWS = 320
BLOCK_SAMPLES = 65_536
FREQS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_LINE, _INK, _FAINT = "#0b62a4", "#222222", "#c9c9c9"


def plot(
    preset: Preset,
    before: Sound,
    after: Sound,
    sample_rate_hz: int,
    png_path: str | os.PathLike[str],
    *,
    resources: Resources | None = None,
) -> None:
    """Draw the response of *preset* and the spectrograms of *before* and *after*, one colour scale for both.

    A file of any length is read block by block; memory does not grow with it.

    Args:
        before: what went into the chain.
        after: what came out, at the same rate, its delay taken off.
        resources: what the filters of *preset* are handed, to measure the response; default: as in a run.

    Raises:
        EnvironmentProblem: matplotlib is not installed.
        UsageError: a file cannot be read, or the picture not written.
        ParameterError, LibraryMissing: the filters cannot be built here.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise EnvironmentProblem('plots need matplotlib: pip install "softphone[plots]"') from None
    sounds = [spectrogram(_blocks(each), sample_rate_hz) for each in (before, after)]
    gains = response(
        preset, sounds[0], sounds[1], sample_rate_hz, product.resources() if resources is None else resources
    )
    figure = Figure(figsize=(11, 9), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    _draw(figure, preset, gains, sounds, sample_rate_hz)
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure.savefig(made, format="png")
    _write(Path(png_path), made.getvalue())


def _blocks(sound: Sound) -> Iterator[Block]:
    if isinstance(sound, np.ndarray):
        yield np.atleast_2d(sound)
    elif isinstance(sound, (str, os.PathLike)):
        with SoundReader(sound) as reader:
            yield from reader.blocks(BLOCK_SAMPLES)
    else:
        yield from sound


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def _draw(
    figure: "Figure", preset: Preset, gains: Response, sounds: list[Spectrogram], sample_rate_hz: int
) -> None:
    rows = figure.add_gridspec(3, 1, height_ratios=(1.0, 1.0, 1.0))
    top = figure.add_subplot(rows[0])
    upper = figure.add_subplot(rows[1])
    lower = figure.add_subplot(rows[2], sharex=upper, sharey=upper)
    figure.suptitle(_cut(preset.name, 70), fontsize=17, fontweight="bold", color=_INK, parse_math=False)
    _draw_gains(top, gains, preset, sample_rate_hz)
    peak = max((float(each.power.max(initial=0.0)) for each in sounds), default=0.0)
    high = 5.0 * np.ceil(2.0 * np.log10(max(peak, 1e-10)))
    _draw_sound(upper, sounds[0], sample_rate_hz, float(high))
    image = _draw_sound(lower, sounds[1], sample_rate_hz, float(high))
    _heading(upper, "Before")
    _heading(lower, "After")
    upper.tick_params(labelbottom=False)
    lower.set_xlabel("Time (s)", fontsize=12)
    lower.set_xlim(0, max(0.1, *(each.seconds for each in sounds)))
    bar = figure.colorbar(image, ax=[upper, lower], pad=0.01, aspect=30)
    bar.set_label("Level (dB re a full-scale sine)", fontsize=12)
    bar.ax.tick_params(labelsize=11)


def _draw_gains(axes: "Axes", gains: Response, preset: Preset, sample_rate_hz: int) -> None:
    known = np.concatenate([each[np.isfinite(each)] for each in gains.gains_db.values()])
    for number, (name, values) in enumerate(gains.gains_db.items()):
        axes.plot(gains.freqs_hz, values, color=_LINE if number == 0 else None, linewidth=2.2, label=name)
    if len(gains.gains_db) > 1:
        axes.legend(fontsize=11, loc="lower right")
    top = float(known.max()) if known.size else 0.0
    bottom = float(known.min()) if known.size else 0.0
    axes.set_ylim(max(bottom, top - 90.0, -120.0) - 3.0 - 0.03 * (top - bottom), max(top, 0.0) + 3.0)
    if axes.get_ylim()[1] - axes.get_ylim()[0] < 12.0:
        middle = (top + max(bottom, top - 90.0)) / 2
        axes.set_ylim(middle - 6.0, middle + 6.0)
    axes.axhline(0.0, color=_INK, linewidth=1.0, alpha=0.6)
    axes.set_xscale("log")
    _frequency_ticks(axes.xaxis, sample_rate_hz)
    axes.set_xlim(20.0, sample_rate_hz / 2)
    axes.grid(visible=True, color=_FAINT, linewidth=0.7)
    axes.set_ylabel("Gain (dB)", fontsize=12)
    axes.set_xlabel("Frequency (Hz)", fontsize=12)
    axes.tick_params(labelsize=11)
    heard = [each.slot for each in preset.slots if not each.bypass]
    how = (
        "Response, measured"
        if gains.measured
        else "Estimated from this sound: level after less level before, by third octaves"
    )
    lines = [_cut(f"{how} ({' → '.join(heard) or 'no filters'})", 110)]
    if preset.about:
        lines.insert(0, _cut(preset.about, 110))
    _heading(axes, "\n".join(lines))


def _heading(axes: "Axes", words: str) -> None:
    axes.set_title(words, fontsize=13, loc="left", color=_INK, parse_math=False)


def _draw_sound(axes: "Axes", sound: Spectrogram, sample_rate_hz: int, high: float) -> "QuadMesh":
    edges = np.geomspace(LOWEST_HZ, sample_rate_hz / 2, ROWS + 1)
    level = _rows(sound, edges)
    times = np.linspace(0.0, max(sound.seconds, 1e-3), level.shape[1] + 1)
    image = axes.pcolormesh(
        times, edges, level, cmap="magma", vmin=high - RANGE_DB, vmax=high, rasterized=True
    )
    axes.set_facecolor("black")
    axes.set_yscale("log")
    _frequency_ticks(axes.yaxis, sample_rate_hz)
    axes.set_ylim(LOWEST_HZ, sample_rate_hz / 2)
    axes.set_ylabel("Frequency (Hz)", fontsize=12)
    axes.tick_params(labelsize=11)
    return image


def _rows(sound: Spectrogram, edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Level in dB of each row between *edges*: the loudest line in it, or between the lines around it."""
    if not sound.times_s.size:
        return np.full((edges.size - 1, 1), -200.0, dtype=np.float32)
    lines = 10.0 * np.log10(np.maximum(sound.power, np.float32(1e-20)))
    made = np.empty((edges.size - 1, lines.shape[1]), dtype=np.float32)
    places = edges / sound.freqs_hz[1]
    for row, (start, stop) in enumerate(itertools.pairwise(places)):
        first, after = int(np.ceil(start)), min(int(np.ceil(stop)), lines.shape[0])
        if after > first:
            made[row] = lines[first:after].max(axis=0)
        else:
            below = min(int(start), lines.shape[0] - 2)
            part = np.float32((start + stop) / 2 - below)
            made[row] = (1 - part) * lines[below] + part * lines[below + 1]
    return made


def _frequency_ticks(axis: "Axis", sample_rate_hz: int) -> None:
    shown = [each for each in FREQS_HZ if each <= sample_rate_hz / 2]
    if sample_rate_hz / 2 > 1.25 * shown[-1]:
        shown.append(sample_rate_hz // 2)
    axis.set_ticks(shown, [f"{each / 1000:g}k" if each >= 1000 else str(each) for each in shown])
    axis.set_ticks([], minor=True)


def _cut(words: str, most: int) -> str:
    words = " ".join(words.split())
    return words if len(words) <= most else words[: most - 3].rstrip() + "..."
