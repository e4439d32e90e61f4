"""Tables of `codec compare` and `sweep`: columns that hold nothing are left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from softphone.app.codec_columns import COLUMNS, cell


def comparison(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A plain table that is not cut to the terminal's width, since every column of figures is wanted whole."""
    columns = [one for one in COLUMNS if any(cell(one, row) for row in rows)]
    lines = [[one.title for one in columns], [one.unit for one in columns]]
    lines += [[cell(one, row) for one in columns] for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    text = []
    for number, line in enumerate(lines):
        cells = [
            each.ljust(width) if index == 0 else each.rjust(width)
            for index, (each, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
        if number == 1:
            text.append("  ".join("-" * width for width in widths))
    return "\n".join((title, *text))
