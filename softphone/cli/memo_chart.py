"""The history of a figure in a terminal, in characters that every terminal has."""

import textwrap
from typing import Any

from softphone.app.memo_history import Found
from softphone.scorer.history import History, as_mapping, span_of, verdict_of, warnings_of
from softphone.scorer.report_plots import steps
from softphone.scorer.voice_view import NO_DIAGNOSIS

COLUMNS, ROWS = 64, 17
WIDTH = 80


def history_text(found: Found) -> str:
    """The chart, what it says, and what to know before it is read."""
    subject, past = found.subject, found.history
    lines = [subject.title, *_chart(past, found), ""]
    base = past.baseline
    if past.newest is not None:
        where = past.position(past.newest)
        beside = "" if where is None else f", {where} the band"
        lines += _filled(f"newest: {past.newest.name}, {subject.text(past.newest.value)}{beside}")
    if base is not None:
        lines += _filled(
            f"baseline: median {subject.text(base.median)}, band {base.low:z.{subject.digits}f} to {subject.text(base.high)}, "
            f"of the first {base.count} memos"
        )
    for line in (verdict_of(past), *warnings_of(past)):
        lines += _filled(line) if line else []
    for each in past.left_out:
        lines += _filled(f"left out: {each.name}: {each.reason}")
    for norm in found.norms:
        lines += _filled(f"norm: {norm.text} ({norm.source})")
    if not found.norms:
        lines += _filled("norm: none is published for this measure, made this way, of this task")
    lines += _filled(f"definition: {subject.source}")
    lines += _filled(f"measured with: {subject.settings}")
    lines += _filled(NO_DIAGNOSIS)
    if found.chart is not None:
        lines.append(f"chart: {found.chart}")
    return "\n".join(lines)


def history_info(found: Found) -> dict[str, Any]:
    """The same as JSON."""
    subject, past = found.subject, found.history
    return {
        "measure": subject.key,
        "label": subject.label,
        "unit": subject.unit,
        "meaning": subject.meaning,
        "source": subject.source,
        **as_mapping(past),
        "newest": None if past.newest is None else past.newest.name,
        "norms": [
            {"text": each.text, "source": each.source}
            | ({} if each.reference is None else {"low": each.reference.low, "high": each.reference.high})
            for each in found.norms
        ],
        "warnings": warnings_of(past),
        "disclaimer": NO_DIAGNOSIS,
        "chart": found.chart,
    }


def _chart(past: History, found: Found) -> list[str]:
    """Rows of values over time: `o` a memo, `O` one of the baseline, `x` outside its band, `+` not comparable."""
    points = (*past.points, *past.others)
    times = [point.at_s for point in points]
    first, last = min(times), max(times)
    low, high = span_of(past)
    cells = [[" "] * COLUMNS for _ in range(ROWS)]

    def row(value: float) -> int:
        return min(ROWS - 1, max(0, round((high - value) / (high - low) * (ROWS - 1))))

    def column(at_s: float) -> int:
        return COLUMNS // 2 if last <= first else round((at_s - first) / (last - first) * (COLUMNS - 1))

    if past.baseline is not None:
        for value, mark in ((past.baseline.low, "."), (past.baseline.high, "."), (past.baseline.median, "-")):
            cells[row(value)] = [mark if place % 2 == 0 else " " for place in range(COLUMNS)]
    for point in past.others:
        cells[row(point.value)][column(point.at_s)] = "+"
    for point in past.points:
        where = past.position(point)
        is_base = past.baseline is not None and point not in past.later
        cells[row(point.value)][column(point.at_s)] = (
            "O" if is_base else "o" if where in (None, "within") else "x"
        )
    labels = {row(mark): f"{mark:g}" for mark in steps(low, high, 5)}
    lines = [f"{labels.get(number, ''):>9} |{''.join(line).rstrip()}" for number, line in enumerate(cells)]
    begins, ends = (min(points, key=lambda each: each.at_s), max(points, key=lambda each: each.at_s))
    gap = COLUMNS - len(begins.started_at) - len(ends.started_at)
    lines += [" " * 10 + "+" + "-" * COLUMNS]
    lines.append(
        " " * 11 + (begins.started_at + " " * gap + ends.started_at if len(points) > 1 else begins.started_at)
    )
    marks = (
        ["O baseline, . its band, - its median", "o later", "x outside the band"]
        if past.baseline
        else ["o memo"]
    )
    if past.others:
        marks.append("+ not comparable")
    lines.append(" " * 11 + "   ".join(marks))
    return lines


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
