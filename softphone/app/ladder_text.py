"""A ladder as lines for a terminal."""

from collections.abc import Sequence

from softphone.app.ladder import Ladder, Step
from softphone.app.ladder_times import clock_of

_TIME = 10
"""Room for the time, left of all columns."""
LEAST_GAP, MOST_GAP = 16, 60
"""Characters between two columns."""
_UNICODE = {"bar": "│", "line": "─", "media": "═", "right": ">", "left": "<", "cut": "…", "again": "↻"}
_ASCII = {"bar": "|", "line": "-", "media": "=", "right": ">", "left": "<", "cut": ".", "again": "again:"}


def ladder_text(ladder: Ladder, *, width: int, ascii_only: bool = False) -> str:
    """*ladder*, no wider than *width* where its columns have room there."""
    signs = _ASCII if ascii_only else _UNICODE
    gaps = _gaps(ladder, width, signs)
    places = [_TIME + 2 + max(0, (len(ladder.columns[0]) - 1) // 2 - 2)]
    for gap in gaps:
        places.append(places[-1] + gap + 1)
    lines = [
        f"{ladder.number}. {ladder.title}",
        f"   {clock_of(ladder.began_at)}   {ladder.ending}",
        f"   Call-ID {ladder.call_id}",
        "",
    ]
    lines += _heads(ladder.columns, places)
    bars = _bars(places, signs)
    lines.append("".join(bars).rstrip())
    for step in ladder.steps:
        lines += _step(step, places, bars, signs)
    lines.append("".join(bars).rstrip())
    text = "\n".join(line.rstrip() for line in lines)
    return text.encode("ascii", "replace").decode() if ascii_only else text


def _gaps(ladder: Ladder, width: int, signs: dict[str, str]) -> list[int]:
    """Room between neighbours: what the longest text on an arrow needs, as far as *width* allows."""
    count = len(ladder.columns)
    wanted = [LEAST_GAP] * (count - 1)
    for step in ladder.steps:
        low, high = sorted((step.source, step.destination))
        if low == high:
            continue
        need = max(
            len(_label(step, signs)) + 8,
            *(len(each) + 2 for each in step.details),
            0,
        )
        share = -(-(need - (high - low - 1)) // (high - low))
        for index in range(low, high):
            wanted[index] = max(wanted[index], share)
    for index, (left, right) in enumerate(zip(ladder.columns, ladder.columns[1:], strict=False)):
        wanted[index] = max(wanted[index], (len(left) + len(right)) // 2 + 2)
    room = max(LEAST_GAP, (width - _TIME - 4 - len(ladder.columns[-1]) // 2) // max(1, count - 1) - 1)
    return [min(each, room, MOST_GAP) for each in wanted]


def _heads(columns: Sequence[str], places: Sequence[int]) -> list[str]:
    """Names above the columns, on two lines in turn where neighbours would touch."""
    rows = [""]
    for name, place in zip(columns, places, strict=True):
        start = max(0, place - len(name) // 2)
        row = next(
            (index for index, line in enumerate(rows) if not line or len(line) + 2 <= start), len(rows)
        )
        if row == len(rows):
            rows.append("")
        rows[row] = rows[row].ljust(start) + name
    return rows


def _bars(places: Sequence[int], signs: dict[str, str]) -> list[str]:
    line = [" "] * (places[-1] + 1)
    for place in places:
        line[place] = signs["bar"]
    return line


def _label(step: Step, signs: dict[str, str]) -> str:
    return f"{signs['again']} {step.label}" if step.repeated else step.label


def _step(step: Step, places: Sequence[int], bars: Sequence[str], signs: dict[str, str]) -> list[str]:
    label = _label(step, signs)
    first = list(bars)
    first[:_TIME] = f"{step.at_s:9.3f} "
    if step.source == step.destination:
        return ["".join(first) + f" {label}", *("".join(bars) + f"   {each}" for each in step.details)]
    low, high = sorted((step.source, step.destination))
    start, room = places[low] + 1, places[high] - places[low] - 1
    stroke = signs["media"] if step.kind == "rtp" else signs["line"]
    middle = f" {_cut(label, room - 6, signs)} ".center(room - 1, stroke)
    arrow = middle + signs["right"] if step.destination > step.source else signs["left"] + middle
    first[start : start + room] = arrow
    lines = ["".join(first)]
    for each in step.details:
        for line in _folded(each, room - 2):
            below = list(bars)
            below[start : start + room] = f" {_cut(line, room - 2, signs)} ".ljust(room)
            lines.append("".join(below))
    return lines


def _folded(text: str, room: int) -> list[str]:
    """*text* on as many lines as it needs, broken between its parts."""
    lines: list[str] = []
    for part in text.split(" · "):
        if lines and len(lines[-1]) + 3 + len(part) <= room:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return lines


def _cut(text: str, room: int, signs: dict[str, str]) -> str:
    return text if len(text) <= room else text[: max(0, room - 1)] + signs["cut"]
