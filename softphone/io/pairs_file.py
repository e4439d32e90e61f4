"""The list of a batch: a CSV file with the columns ``degraded`` and ``reference``, as people and spreadsheets write it.

Read are UTF-8 with or without a byte order mark and UTF-16 with one; commas, semicolons or tabs; columns in any order and case,
others besides them. Blank rows are left out. A path is relative to the folder of the list.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softphone.errors import UsageError
from softphone.io.speech import PREFIX

DEGRADED, REFERENCE = "degraded", "reference"
SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Pair:
    """One row."""

    degraded: str
    """As it stands in the list; empty: the row names a reference only."""
    reference: str
    """As it stands; empty: none."""
    degraded_path: str
    reference_path: str | None
    line: int
    """Of the list, from 1."""


def read_pairs(path: str) -> list[Pair]:
    """All rows.

    Raises:
        UsageError: no such file, or no list of pairs.
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--pairs {path} cannot be read ({reason}): wanted a CSV file") from None
    if b"\0" in data and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError(
            f"--pairs {path} is no CSV file: wanted text with the columns {DEGRADED},{REFERENCE}"
        )
    text = _text(data, path)
    head = text.lstrip("\r\n\t ").split("\n", 1)[0]
    separator = max(SEPARATORS, key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return list(_pairs(rows, Path(path)))
    except csv.Error as error:
        raise UsageError(f"--pairs {path} line {rows.line_num} is no CSV ({error})") from None


def _text(data: bytes, path: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise UsageError(f"--pairs {path} is no UTF-16 text ({error.reason}): save it as UTF-8") from None
    # A name that is no UTF-8 keeps its bytes: where files can have such a name, this one is found.
    return data.decode("utf-8-sig", "surrogateescape")


def _pairs(rows: Any, path: Path) -> Iterator[Pair]:
    columns: list[str] | None = None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if columns is None:
            columns = [cell.lower() for cell in cells]
            absent = [name for name in (DEGRADED, REFERENCE) if columns.count(name) != 1]
            if absent:
                raise UsageError(
                    f"--pairs {path} needs the columns {DEGRADED} and {REFERENCE} once each, in its first line; "
                    f"got {', '.join(cells)[:200]}"
                )
            continue
        degraded, reference = (_cell(cells, columns.index(name)) for name in (DEGRADED, REFERENCE))
        yield Pair(
            degraded=degraded,
            reference=reference,
            degraded_path=_path(degraded, path) if degraded else "",
            reference_path=_path(reference, path) if reference else None,
            line=rows.line_num,
        )
    if columns is None:
        raise UsageError(f"--pairs {path} is empty: wanted the columns {DEGRADED},{REFERENCE}")


def _cell(cells: list[str], index: int) -> str:
    return cells[index] if index < len(cells) else ""


def _path(text: str, of: Path) -> str:
    return text if text.startswith(PREFIX) else str(of.resolve().parent / text)
