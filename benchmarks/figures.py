"""A figure: what was measured round by round, a peer's beside it, and what is wanted of it.

Ratios are taken round by round, ours to the peer's, so that a slow moment of the machine is one for both;
what counts is their median.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from support.peers import missing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table."""

    name: str
    unit: str
    at_most: float | None = None
    """The target; None where there is none."""
    of: Literal["ours", "ratio"] = "ours"
    """What the target is a limit of."""
    ours: tuple[float, ...] = ()
    """One value for each round."""
    theirs: tuple[float, ...] = ()
    """The peer's, of the same rounds."""
    peer: str = ""
    """Its name, with the version."""
    skipped: str = ""
    """Why nothing was measured."""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours to the peer's, round by round."""
        return tuple(a / b for a, b in zip(self.ours, self.theirs, strict=True)) if self.theirs else ()

    @property
    def met(self) -> bool | None:
        """Whether the median is within the target; None without a target or a measurement."""
        judged = self.ratios if self.of == "ratio" else self.ours
        if self.at_most is None or not judged:
            return None
        return statistics.median(judged) <= self.at_most

    def measured(self, ours: Sequence[float], theirs: Sequence[float] = (), *, peer: str = "") -> Self:
        """Return this figure with values."""
        return replace(self, ours=tuple(map(float, ours)), theirs=tuple(map(float, theirs)), peer=peer)

    def skip(self, why: str) -> Self:
        """Return this figure without values, and why."""
        return replace(self, skipped=why)

    def as_dict(self, *, judged: bool = True) -> dict[str, Any]:
        """Return the fields, and what follows from them; without *judged* it stays open whether it is met."""
        spread = [spread_of(values) for values in (self.ours, self.theirs, self.ratios)]
        summary = dict(zip(("ours_spread", "theirs_spread", "ratio_spread"), spread, strict=True))
        return asdict(self) | summary | {"met": self.met if judged else None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the figure that `as_dict` wrote."""
        given = {field.name: values[field.name] for field in fields(cls)}
        return cls(**given | {"ours": tuple(given["ours"]), "theirs": tuple(given["theirs"])})


def spread_of(values: Sequence[float]) -> dict[str, float] | None:
    """Return median, least and greatest; None of nothing."""
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


HEADINGS = ("figure", "ours", "peer", "ratio", "target", "result")


def table(figures: Sequence[Figure], *, judged: bool = True) -> str:
    """Return all as text, one row each."""
    rows = [HEADINGS, *(_row(figure, judged=judged) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "   ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _row(figure: Figure, *, judged: bool) -> tuple[str, ...]:
    target = ""
    if figure.at_most is not None:
        of = "the peer's" if figure.of == "ratio" else figure.unit
        target = f"<= {figure.at_most:g} {'x ' if figure.of == 'ratio' else ''}{of}"
    if figure.skipped:
        return figure.name, f"skipped: {figure.skipped}", "", "", target, ""
    theirs = f"{_cell(figure.theirs)} {figure.unit}, {figure.peer}" if figure.theirs else ""
    verdict = {True: "met", False: "missed", None: ""}[figure.met]
    if not judged and verdict:
        verdict = "not judged"
    return figure.name, f"{_cell(figure.ours)} {figure.unit}", theirs, _cell(figure.ratios), target, verdict


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    median = statistics.median(values)
    digits = 3 if median < 1 else 2 if median < 10 else 1
    if len(values) == 1:
        return f"{median:.{digits}f}"
    return f"{median:.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def progress(text: str) -> None:
    """Say on stderr how far it is."""
    print(text, file=sys.stderr, flush=True)


def alternating(pair: tuple[T, T], number: int) -> tuple[T, T]:
    """Return the pair in the order of round *number*: who is first must not always be the same."""
    return pair if number % 2 == 0 else (pair[1], pair[0])


def options(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, print no table")
    parser.add_argument("--smoke", action="store_true", help="everything once and tiny; figures mean nothing")
    return parser


def deliver(figures: Sequence[Figure], path: Path | None) -> int:
    """Write the figures to *path*, or print them; return the exit status."""
    if path is None:
        print(table(figures))
    else:
        path.write_text(json.dumps([figure.as_dict() for figure in figures], indent=1) + "\n")
    return 0


def baresip_missing() -> str:
    """Return why nothing can be compared with baresip; empty if it can."""
    return missing("baresip") or ""


def baresip_name() -> str:
    """Return the peer's name and version."""
    said = subprocess.run(["baresip", "-h"], capture_output=True, text=True, check=False, timeout=10)
    found = re.search(r"baresip v(\S+)", said.stdout + said.stderr)
    return f"baresip {found[1]}" if found else "baresip"
