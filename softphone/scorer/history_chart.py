"""A figure over weeks as a drawing (SVG) that needs nothing else: dots, the line through them, and the baseline's band."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from softphone.scorer.history import Baseline, History, Point, span_of
from softphone.scorer.report_plots import steps

STYLE = """
.chart{--ink:#1b1d22;--dim:#5a606b;--card:#fff;--edge:#dfe1e6;--grid:#e6e8ec;--line:#2663c9;--band:#2663c9;--norm:#8450b8;--off:#b4540a}
@media(prefers-color-scheme:dark){.chart{--ink:#e8e9ec;--dim:#a3a9b5;--card:#1d2025;--edge:#31353d;--grid:#2c3038;--line:#7fb0ff;
--band:#7fb0ff;--norm:#bd95ea;--off:#f0a35a}}
.chart text{font:13px system-ui,sans-serif;fill:var(--dim)}.chart .end{text-anchor:end}.chart .mid{text-anchor:middle}
.chart .back{fill:var(--card);stroke:var(--edge)}.chart .grid{stroke:var(--grid);fill:none}
.chart .line{stroke:var(--line);fill:none;stroke-width:1.6;stroke-linejoin:round}
.chart .dot{fill:var(--line)}.chart .base{fill:var(--card);stroke:var(--line);stroke-width:2}
.chart .off{fill:var(--off)}.chart .other{fill:none;stroke:var(--dim);stroke-width:1.3}
.chart .band{fill:var(--band);opacity:.14}.chart .median{stroke:var(--band);stroke-width:1.2;stroke-dasharray:6 4}
.chart .norm{stroke:var(--norm);stroke-width:1.2;stroke-dasharray:2 4}.chart .area{fill:var(--norm);opacity:.09}
"""
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 30
_LABEL_WIDTH = 92
"""Room that a date takes."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A published value, or range of values, to be drawn behind the dots."""

    label: str
    low: float | None
    """None: it has no lower end."""
    high: float | None


@dataclass(frozen=True, slots=True)
class Frame:
    """What a drawing is of: times along, values up."""

    from_s: float
    to_s: float
    low: float
    high: float
    width: int
    height: int

    def x(self, at_s: float) -> float:
        """Place of a time."""
        room = self.width - _LEFT - _RIGHT
        if self.to_s <= self.from_s:
            return _LEFT + room / 2
        return _LEFT + room * (at_s - self.from_s) / (self.to_s - self.from_s)

    def y(self, value: float) -> float:
        """Height of a value, counted downwards; what lies outside stands at the edge."""
        share = (value - self.low) / (self.high - self.low)
        return _TOP + (self.height - _TOP - _BOTTOM) * (1 - min(1.0, max(0.0, share)))


def chart(
    found: History,
    *,
    label: str,
    digits: int,
    ticks: Sequence[tuple[float, str]],
    references: Sequence[Reference] = (),
    width: int = 900,
    height: int = 400,
) -> str:
    """The drawing, *width* by *height*; it has the colours of `STYLE`.

    Args:
        found: what is drawn.
        label: of the figure, with its unit.
        digits: behind the point.
        ticks: (seconds since 1970, as a person reads it), the oldest first.
        references: behind it all.
        width: in pixels.
        height: in pixels.
    """
    frame = _frame(found, references, width, height)
    parts = [
        f'<rect class="back" x="{_LEFT}" y="{_TOP}" width="{width - _LEFT - _RIGHT}" height="{height - _TOP - _BOTTOM}"/>',
        *(_reference(each, frame) for each in references),
        *_values(frame, digits),
        *_times(frame, ticks),
    ]
    if found.baseline is not None:
        parts += _band(found.baseline, frame)
    if len(found.points) > 1:
        way = " ".join(f"{frame.x(each.at_s):.1f} {frame.y(each.value):.1f}" for each in found.points)
        parts.append(f'<path class="line" d="M{way}"/>')
    parts += [_dot(each, "other", frame, digits) for each in found.others]
    parts += [_dot(each, _kind(found, each), frame, digits) for each in found.points]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(label)} over time">{"".join(parts)}</svg>'
    )


def whole_chart(drawing: str) -> bytes:
    """*drawing* as a file of its own, UTF-8."""
    head, _, rest = drawing.partition(">")
    return f"{head}><style>{STYLE}</style>{rest}\n".encode(errors="replace")


def _frame(found: History, references: Sequence[Reference], width: int, height: int) -> Frame:
    times = [point.at_s for point in (*found.points, *found.others)]
    first, last = min(times, default=0.0), max(times, default=0.0)
    room = 0.03 * (last - first)
    low, high = span_of(found, _near(found, references))
    return Frame(first - room, last + room, low, high, width, height)


def _near(found: History, references: Sequence[Reference]) -> list[float]:
    """The ends of references that lie so near that the dots still use half of the drawing."""
    low, high = span_of(found)
    reach = high - low
    ends = [end for each in references for end in (each.low, each.high) if end is not None]
    return [end for end in ends if low - reach / 2 <= end <= high + reach / 2]


def _reference(each: Reference, frame: Frame) -> str:
    top = frame.y(frame.high if each.high is None else each.high)
    bottom = frame.y(frame.low if each.low is None else each.low)
    title = f"<title>{html.escape(each.label)}</title>"
    span = f'x="{_LEFT}" width="{frame.width - _LEFT - _RIGHT}"'
    area = f'<rect class="area" {span} y="{top:.1f}" height="{max(0.0, bottom - top):.1f}">{title}</rect>'
    ends = [end for end in (each.low, each.high) if end is not None and frame.low <= end <= frame.high]
    return area + "".join(
        f'<path class="norm" d="M{_LEFT} {frame.y(end):.1f}H{frame.width - _RIGHT}">{title}</path>'
        for end in ends
    )


def _values(frame: Frame, digits: int) -> list[str]:
    marks = steps(frame.low, frame.high)
    places = (
        max([digits, *(_places(mark) for mark in marks)]) if digits else max(map(_places, marks), default=0)
    )
    return [
        f'<path class="grid" d="M{_LEFT} {frame.y(mark):.1f}H{frame.width - _RIGHT}"/>'
        f'<text class="end" x="{_LEFT - 7}" y="{frame.y(mark) + 4:.1f}">{mark:z.{places}f}</text>'
        for mark in marks
    ]


def _places(value: float) -> int:
    text = f"{value:.6f}".rstrip("0")
    return len(text.partition(".")[2])


def _times(frame: Frame, ticks: Sequence[tuple[float, str]]) -> list[str]:
    parts, free_from = [], 0.0
    for at_s, text in ticks:
        x = frame.x(at_s)
        middle = min(max(x, _LEFT + _LABEL_WIDTH / 2 - 20), frame.width - _LABEL_WIDTH / 2)
        if not _LEFT <= x <= frame.width - _RIGHT or middle - _LABEL_WIDTH / 2 < free_from:
            continue
        free_from = middle + _LABEL_WIDTH / 2
        parts.append(
            f'<path class="grid" d="M{x:.1f} {_TOP}V{frame.height - _BOTTOM}"/>'
            f'<text class="mid" x="{middle:.1f}" y="{frame.height - 10}">{html.escape(text)}</text>'
        )
    return parts


def _band(base: Baseline, frame: Frame) -> list[str]:
    top, bottom = frame.y(base.high), frame.y(base.low)
    width = frame.width - _LEFT - _RIGHT
    return [
        f'<rect class="band" x="{_LEFT}" y="{top:.1f}" width="{width}" height="{max(1.0, bottom - top):.1f}"/>',
        f'<path class="median" d="M{_LEFT} {frame.y(base.median):.1f}H{frame.width - _RIGHT}"/>',
    ]


def _kind(found: History, point: Point) -> str:
    if found.baseline is not None and point not in found.later:
        return "base"
    return "dot" if found.position(point) in (None, "within") else "off"


def _dot(point: Point, kind: str, frame: Frame, digits: int) -> str:
    title = html.escape(f"{point.name}, {point.started_at}: {point.value:z.{digits}f}")
    return (
        f'<circle class="{kind}" cx="{frame.x(point.at_s):.1f}" cy="{frame.y(point.value):.1f}" r="4.5">'
        f"<title>{title}</title></circle>"
    )
