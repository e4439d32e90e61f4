"""Tables of a report on a voice: what was measured, what was not and why, and how each number was made."""

import html
from collections.abc import Mapping
from typing import Any

from softphone.scorer.voice_view import (
    EXPLORATORY,
    Group,
    Row,
    groups,
    in_order,
    refusals,
    settings_of,
    settings_text,
    values_of,
)

Result = Mapping[str, Any]


def measured(result: Result, sex: str | None, age: float | None) -> str:
    """A table for each group of measures, and the sources of the norms in them."""
    found = groups(result, sex=sex, age=age)
    if not found:
        return ""
    sources = dict.fromkeys(norm.source for group in found for row in group.rows for norm in row.norms)
    note = (
        "A norm stands only where it was published for the same algorithm and the same task."
        if sources
        else "For none of these numbers a norm is published that was made with the same algorithm on the same task."
    )
    parts = ["<h2>Measures</h2>", f'<p class="note">{note}</p>', *(_table(group) for group in found)]
    if sources:
        items = "".join(f"<li>{html.escape(source)}</li>" for source in sources)
        parts.append(f'<h2>Where the norms are from</h2><ul class="note">{items}</ul>')
    return "\n".join(parts)


def not_measured(result: Result) -> str:
    """What was refused, and why."""
    refused = refusals(result)
    if not refused:
        return ""
    items = "".join(f"<li><b>{html.escape(labels)}</b>: {html.escape(why)}</li>" for labels, why in refused)
    return f"<h2>Not measured, and why</h2><ul>{items}</ul>"


def made_with(result: Result) -> str:
    """Settings and definition of each measure: without them a number means nothing."""
    entries, values = [], values_of(result)
    for measure in in_order():
        if not any(values.get(key) is not None for key in measure.figures):
            continue
        labels = ", ".join(figure.label for figure in measure.figures.values())
        settings = settings_text(settings_of(result, measure))
        said = "".join(f"<dd>{html.escape(each)}</dd>" for each in (settings, measure.source) if each)
        entries.append(f"<dt>{html.escape(labels)}</dt>{said}")
    return f"<h2>Settings and definitions</h2><dl>{''.join(entries)}</dl>" if entries else ""


def _table(group: Group) -> str:
    # Roles, for a style that lays rows out as boxes, as on a phone, takes from a table what it is to a screen reader.
    head = "".join(
        f'<th role="columnheader" scope="col"{cls}>{text}</th>'
        for text, cls in (
            ("measure", ""), ("value", ' class="n"'), ("unit", ""), ("norm", ""), ("what it means", ""),
        )
    )  # fmt: skip
    title = group.title[0].upper() + group.title[1:]
    mark = "" if group.title != EXPLORATORY else ": curiosities; no healthy or ill value is known"
    return (
        f'<div class="wide"><table class="voice" role="table"><caption>{html.escape(title + mark)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead><tbody role="rowgroup">{"".join(map(_row, group.rows))}'
        "</tbody></table></div>"
    )


def _row(row: Row) -> str:
    flag = f"<small>{html.escape(row.flag)}</small>" if row.flag else ""
    norms = "".join(f"<div>{html.escape(norm.text)}</div>" for norm in row.norms)
    return (
        f'<tr role="row"><th role="rowheader" scope="row">{html.escape(row.figure.label)}</th>'
        f'<td role="cell" class="n"><b>{row.text}</b></td><td role="cell" class="u">{html.escape(row.figure.unit)}</td>'
        f'<td role="cell" class="norm">{norms}</td>'
        f'<td role="cell" class="m">{html.escape(row.figure.meaning)}{flag}</td></tr>'
    )
