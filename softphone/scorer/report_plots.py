"""Plots of a report: vector drawings that stretch to any width, with their numbers beside them as text that does not.

Every plot has the same time axis, so that what happens at one moment stands in one column of the page.
"""

import base64
import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from softphone.scorer.report_views import Floats, Waveform

WIDTH, HEIGHT = 1000, 100
LAST_PLACE = 97.0
"""Per cent of the width or height behind which a number ends at its mark, so that it does not stick out."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Numbers beside a plot, from its lowest to its highest."""

    low: float
    high: float
    unit: str
    ticks: tuple[float, ...]

    def y(self, value: float) -> float:
        """Height in the drawing, which counts downwards."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT * (1 - min(1.0, max(0.0, share)))


@dataclass(frozen=True, slots=True)
class Block:
    """Something that lasts."""

    from_s: float
    to_s: float
    kind: str
    """Class of its colour."""
    title: str
    value: float | None = None
    """How high it is; None: all of the plot."""


def steps(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """Round numbers from *low* to *high*, at most *most* of them."""
    span = max(high - low, 1e-9)
    power = 10 ** math.floor(math.log10(span / most))
    step = next(power * each for each in (1, 2, 2.5, 5, 10, 20) if span / (power * each) <= most - 1 + 1e-9)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(number * step for number in range(first, last + 1))


def moments(seconds: float) -> tuple[float, ...]:
    """Round times from 0 to *seconds*: of seconds, minutes or hours, as long as it is."""
    unit = 1 if seconds < 120 else 60 if seconds < 7200 else 3600
    return tuple(unit * each for each in steps(0, seconds / unit))


def clock(seconds: float, span: float) -> str:
    """A time as one reads it on an axis of *span* seconds."""
    if span < 120:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if span >= 3600 else f"{minutes}:{rest:02d}"


def figure(
    title: str, drawing: str, axis: Axis | None, seconds: float, *, shape: str = "", note: str = ""
) -> str:
    """A plot over time with its title, its axes, and a sentence below; *shape* is "tall", "strip" or that of most."""
    marks = [(100 * tick / max(seconds, 1e-9), clock(tick, seconds)) for tick in moments(seconds)]
    return framed(title, drawing, axis, marks, shape=shape, note=note)


def framed(
    title: str,
    drawing: str,
    axis: Axis | None,
    marks: Sequence[tuple[float, str]],
    *,
    right: Axis | None = None,
    shape: str = "",
    note: str = "",
) -> str:
    """A plot over whatever *marks* stand for: (per cent of the width, text); *right* is an axis on the other side."""
    below = "".join(
        f'<span{" class=end" if place > LAST_PLACE else ""} style="left:{place:.2f}%">{text}</span>'
        for place, text in marks
    )
    beyond = "" if right is None else f'<div class="y r">{_numbers(right)}</div>'
    return (
        f'<figure><figcaption>{html.escape(title)}</figcaption><div class="plot{f" {shape}" if shape else ""}">'
        f'<div class="y">{"" if axis is None else _numbers(axis)}</div><div class="area">{drawing}</div>{beyond}'
        f'<div class="x">{below}</div></div>{f"<p class=note>{html.escape(note)}</p>" if note else ""}</figure>\n'
    )


def _numbers(axis: Axis) -> str:
    """What stands beside a plot."""
    spans = []
    for tick in axis.ticks:
        place = axis.y(tick)
        edge = " class=low" if place > LAST_PLACE else " class=high" if place < HEIGHT - LAST_PLACE else ""
        spans.append(f'<span{edge} style="top:{place:.1f}%">{tick:g}</span>')
    return "".join(spans) + f"<em>{html.escape(axis.unit)}</em>"


def svg(inner: str, label: str) -> str:
    """A drawing of `WIDTH` by `HEIGHT` that is stretched to its place."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{html.escape(label)}">{inner}</svg>'
    )


def grid(axis: Axis) -> str:
    """Lines at the numbers of *axis*."""
    return "".join(f'<path class="grid" d="M0 {axis.y(tick):.1f}H{WIDTH}"/>' for tick in axis.ticks)


def outline(wave: Waveform, axis: Axis, kind: str) -> str:
    """A waveform as the area between its extremes."""
    parts = []
    for run in _runs(np.isfinite(wave.low)):
        x = [WIDTH * (column + 0.5) / wave.low.size for column in run]
        upper = " ".join(
            f"{at:.1f} {axis.y(wave.high[column]) - 0.2:.1f}" for at, column in zip(x, run, strict=True)
        )
        lower = " ".join(
            f"{at:.1f} {axis.y(wave.low[column]) + 0.2:.1f}"
            for at, column in zip(x[::-1], run[::-1], strict=True)
        )
        parts.append(f'<path class="{kind} solid" d="M{upper} L{lower}Z"/>')
    return "".join(parts)


def curve(values: Floats, axis: Axis, kind: str) -> str:
    """A line through *values*, one for each column; broken where there is none."""
    x = WIDTH * (np.arange(values.size) + 0.5) / max(1, values.size)
    return _lines(x, values, axis, kind)


def trace(points: Sequence[Sequence[float]], seconds: float, axis: Axis, kind: str) -> str:
    """A line through ``[at_s, value]``."""
    if not points:
        return ""
    data = np.asarray(points, dtype=np.float64)
    return _lines(WIDTH * data[:, 0] / max(seconds, 1e-9), data[:, 1], axis, kind)


def _lines(x: Floats, values: Floats, axis: Axis, kind: str) -> str:
    parts = []
    for run in _runs(np.isfinite(values)):
        points = [f"{x[each]:.1f} {axis.y(float(values[each])):.1f}" for each in run]
        if len(points) == 1:
            points.append(f"{x[run[0]] + 1:.1f} {axis.y(float(values[run[0]])):.1f}")
        parts.append(f'<path class="{kind} line" d="M{" ".join(points)}"/>')
    return "".join(parts)


def bars(blocks: Iterable[Block], seconds: float, axis: Axis | None = None) -> str:
    """What lasts, as boxes that tell their title under the pointer; never thinner than can be seen."""
    parts = []
    for block in blocks:
        x = WIDTH * block.from_s / max(seconds, 1e-9)
        width = max(2.0, WIDTH * (block.to_s - block.from_s) / max(seconds, 1e-9))
        top = 0.0 if axis is None or block.value is None else axis.y(block.value)
        top = min(top, HEIGHT - 2.0)
        parts.append(
            f'<rect class="{block.kind}" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{HEIGHT - top:.1f}">'
            f"<title>{html.escape(block.title)}</title></rect>"
        )
    return "".join(parts)


def image(data: bytes, label: str) -> str:
    """A PNG that fills its place."""
    return f'<img alt="{html.escape(label)}" src="data:image/png;base64,{base64.b64encode(data).decode("ascii")}">'


def _runs(present: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> list[list[int]]:
    """The runs of True, as lists of their places."""
    places = np.flatnonzero(present)
    if not places.size:
        return []
    return [run.tolist() for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)]
