"""Ladders as a drawing (SVG) that needs nothing else.

Places along are shares of the width and letters keep their size, so that it reads on a phone as on a desk. On a screen too narrow
for its columns the arrows keep their method or status, and what stands below them is left out.
"""

import html
from collections.abc import Sequence

from softphone.app.ladder import Ladder, Step
from softphone.app.ladder_times import clock_of

_FIRST, _LAST = 25.0, 83.0
"""Percent of the width, of the outer columns."""
_COLUMN_PX, _EDGES_PX = 190, 150
"""Width that a gap between columns needs for all its words, and what is left and right of them."""
_LINE, _HEAD, _ARROW, _DETAIL, _GAP = 19, 40, 26, 15, 9
_MARGIN, _BETWEEN = 22, 34
_LONGEST, _LONGEST_HEAD = 44, 50
_STYLE = """
.ladder{--ink:#1b1d22;--dim:#5a606b;--card:#fff;--bar:#c3c7cf;--req:#2663c9;--ok:#1c7a45;--info:#5a606b;--no:#b3261e;--rtp:#8450b8;
background:var(--card);display:block;width:100%;max-width:1100px;margin:0 auto;font:13px system-ui,sans-serif}
@media(prefers-color-scheme:dark){.ladder{--ink:#e8e9ec;--dim:#a3a9b5;--card:#1d2025;--bar:#454a55;--req:#7fb0ff;--ok:#6fce98;--info:#a3a9b5;
--no:#ff9a90;--rtp:#bd95ea}}
.ladder text{fill:var(--ink);paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.ladder .title{font-size:15px;font-weight:600}.ladder .dim,.ladder .at{fill:var(--dim)}
.ladder .at{font-size:11px;font-variant-numeric:tabular-nums}
.ladder .mid{text-anchor:middle}.ladder .host{font-weight:600;font-size:12px}.ladder .low{font-size:11px;fill:var(--dim)}
.ladder .bar{stroke:var(--bar)}.ladder .arrow{stroke-width:1.6}.ladder .again{stroke-dasharray:5 4}.ladder .rtp{stroke-width:3}
.ladder .short{display:none}
"""
_KINDS = ("req", "ok", "info", "no", "rtp")


def ladders_svg(ladders: Sequence[Ladder]) -> str:
    """*ladders*, one below the other, as one drawing."""
    parts: list[str] = []
    top = _MARGIN
    for ladder in ladders:
        drawn, height = _ladder(ladder)
        parts.append(f'<g transform="translate(0 {top})">{drawn}</g>')
        top += height + _BETWEEN
    height = top - _BETWEEN + _MARGIN
    most = max(len(each.columns) for each in ladders)
    title = _safe("; ".join(f"{each.title}: {each.ending}" for each in ladders))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ladder" width="100%" height="{height}" role="img" '
        f'aria-label="{title}"><title>{title}</title><style>{_STYLE}{_narrow(most)}{_colours()}</style>'
        f"<defs>{''.join(_head_of(kind) for kind in _KINDS)}</defs>"
        f'<rect width="100%" height="100%" fill="var(--card)"/>{"".join(parts)}</svg>\n'
    )


def _colours() -> str:
    return "".join(
        f".ladder .{kind}{{stroke:var(--{kind})}}.ladder .h-{kind}{{fill:var(--{kind});stroke:none}}"
        for kind in _KINDS
    )


def _narrow(columns: int) -> str:
    """What changes where the columns stand too near each other for all the words."""
    if columns < 3:
        return ""
    room = _EDGES_PX + _COLUMN_PX * (columns - 1)
    return f"@media(max-width:{room}px){{.ladder .long{{display:none}}.ladder .short{{display:inline}}}}"


def _head_of(kind: str) -> str:
    size = 1.5 if kind == "rtp" else 1.0  # its line is thick
    return (
        f'<marker id="h-{kind}" markerUnits="userSpaceOnUse" markerWidth="{12 * size:g}" markerHeight="{10 * size:g}" '
        f'viewBox="0 0 12 10" refX="11" refY="5" orient="auto"><path class="h-{kind}" d="M0 0L11 5L0 10z"/></marker>'
    )


def _ladder(ladder: Ladder) -> tuple[str, int]:
    """One ladder, and its height."""
    places = _places(len(ladder.columns))
    parts, y = [], 0
    for kind, text in (
        ("title", f"{ladder.number}. {ladder.method}"),
        ("", ladder.from_uri),
        ("", f"→ {ladder.to_uri}"),
        ("dim", ladder.ending),
        ("dim", clock_of(ladder.began_at)),
        ("dim", f"Call-ID {ladder.call_id}"),
    ):
        y += _LINE
        parts.append(f'<text class="{kind}" x="12" y="{y}">{_cut(text, _LONGEST_HEAD)}</text>')
    y += _LINE
    for name, place in zip(ladder.columns, places, strict=True):
        host, colon, port = name.rpartition(":")
        if not port.isdigit():
            host, colon, port = name, "", ""
        parts.append(f'<text class="mid host" x="{place:.2f}%" y="{y + 12}">{_cut(host, _LONGEST)}</text>')
        parts.append(f'<text class="mid low" x="{place:.2f}%" y="{y + 26}">{colon}{port}</text>')
    y += _HEAD
    rows, bottom = _rows(ladder.steps, places, y)
    bars = [f'<line class="bar" x1="{x:.2f}%" x2="{x:.2f}%" y1="{y - 8}" y2="{bottom}"/>' for x in places]
    return "".join((*parts, *bars, *rows)), bottom


def _places(count: int) -> list[float]:
    if count == 1:
        return [(_FIRST + _LAST) / 2]
    return [_FIRST + index * (_LAST - _FIRST) / (count - 1) for index in range(count)]


def _rows(steps: Sequence[Step], places: Sequence[float], y: int) -> tuple[list[str], int]:
    parts = []
    for step in steps:
        y += _ARROW
        x1, x2 = places[step.source], places[step.destination]
        kind, middle = _kind(step), (x1 + x2) / 2
        again = " again" if step.repeated else ""
        parts.append(f'<text class="at" x="12" y="{y}">{step.at_s:.3f}</text>')
        if step.source != step.destination:
            parts.append(
                f'<line class="arrow {kind}{again}" x1="{x1:.2f}%" x2="{x2:.2f}%" y1="{y}" y2="{y}" '
                f'marker-end="url(#h-{kind})"/>'
            )
        label = f"↻ {step.label}" if step.repeated else step.label
        parts.append(f'<text class="mid long" x="{middle:.2f}%" y="{y - 6}">{_cut(label, _LONGEST)}</text>')
        parts.append(
            f'<text class="mid low short" x="{middle:.2f}%" y="{y - 6}">{_safe(_short(step))}</text>'
        )
        for line in _detail_lines(step):
            y += _DETAIL
            parts.append(
                f'<text class="mid low long" x="{middle:.2f}%" y="{y}">{_cut(line, _LONGEST)}</text>'
            )
        y += _GAP
    return parts, y + _GAP


def _detail_lines(step: Step) -> list[str]:
    """What stands under the arrow, in pieces that a phone has room for."""
    lines = []
    for each in step.details:
        first, _, rest = each.partition(" · ")
        lines += [first, rest] if rest else [first]
    return lines


def _kind(step: Step) -> str:
    if step.kind == "rtp":
        return "rtp"
    if step.status is None:
        return "req"
    return "info" if step.status < 200 else "ok" if step.status < 300 else "no"


def _short(step: Step) -> str:
    if step.kind == "rtp":
        return "RTP"
    return (step.method or "") if step.status is None else str(step.status)


def _cut(text: str, room: int) -> str:
    return _safe(text) if len(text) <= room else f"{_safe(text[: room - 1])}…<title>{_safe(text)}</title>"


def _safe(text: str) -> str:
    return html.escape("".join(char if char.isprintable() else "?" for char in text))
