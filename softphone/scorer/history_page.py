"""The history of a figure as one HTML page that needs nothing else."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from softphone.scorer.history import History, verdict_of, warnings_of
from softphone.scorer.history_chart import STYLE as CHART_STYLE
from softphone.scorer.history_chart import Reference, chart
from softphone.scorer.html_page import whole_page
from softphone.scorer.report_style import STYLE

_OWN = """
.narrow{display:none}td:first-child{white-space:nowrap}.chart{width:100%;height:auto;display:block}
@media(max-width:40rem){.wide-chart{display:none}.narrow{display:block}}
.key i.round{border-radius:50%}.key i.base{background:var(--card);border:2px solid var(--deg)}.key i.off{background:#b4540a}
.key i.band{background:var(--deg);opacity:.25}.key i.other{background:none;border:1.5px solid var(--dim)}
.key i.norm{background:var(--note);opacity:.4}.key span{white-space:nowrap}
@media(prefers-color-scheme:dark){.key i.off{background:#f0a35a}}
"""
NARROW, WIDE = (380, 340), (900, 400)


@dataclass(frozen=True, slots=True)
class NormLine:
    """A published norm and where it stands."""

    text: str
    source: str
    reference: Reference | None
    """What is drawn of it; None: nothing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the page is about."""

    key: str
    label: str
    unit: str
    digits: int
    meaning: str
    source: str
    """Of the measure's definition."""
    settings: str
    """What it was measured with, in words."""

    @property
    def title(self) -> str:
        """Label and unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def text(self, value: float) -> str:
        """*value* with its unit."""
        return f"{value:z.{self.digits}f} {self.unit}".rstrip()


def page(
    found: History,
    subject: Subject,
    *,
    ticks: Sequence[tuple[float, str]],
    norms: Sequence[NormLine],
    disclaimer: str,
) -> bytes:
    """The page, UTF-8.

    Args:
        found: what is drawn.
        subject: of which figure.
        ticks: see `softphone.scorer.history_chart.chart`.
        norms: published ones, for this task.
        disclaimer: what it is not.
    """
    title = f"{subject.label} over time"
    references = [each.reference for each in norms if each.reference is not None]
    drawings = "".join(
        f'<div class="{kind}">'
        + chart(
            found,
            label=subject.title,
            digits=subject.digits,
            ticks=ticks,
            references=references,
            width=size[0],
            height=size[1],
        )
        + "</div>"
        for kind, size in (("wide-chart", WIDE), ("narrow", NARROW))
    )
    parts = [
        _facts(found, subject),
        f"<figure><figcaption>{_say(subject.title)}</figcaption>{drawings}{_key(found, bool(references))}</figure>",
        "".join(f"<p>{_say(line)}.</p>" for line in (verdict_of(found),) if line),
        _words(warnings_of(found)),
        f"<h2>What it is</h2><p>{_say(subject.meaning)}</p><p class=note>Definition: {_say(subject.source)}. "
        f"Measured with: {_say(subject.settings)}.</p>",
        _norms(norms),
        _table(found, subject),
        f"<p class=note>{_say(disclaimer)}</p>",
    ]
    return whole_page(title, STYLE + CHART_STYLE + _OWN, parts)


def _say(text: str) -> str:
    return html.escape(text, quote=False)


def _facts(found: History, subject: Subject) -> str:
    facts = []
    if found.newest is not None:
        where = found.position(found.newest)
        beside = (
            f", {where} the band" if where in ("above", "below") else ", within the band" if where else ""
        )
        facts.append(("newest", f"{subject.text(found.newest.value)}{beside}"))
    if found.baseline is not None:
        base = found.baseline
        facts += [
            ("baseline, median", f"{subject.text(base.median)} of {base.count} memos"),
            ("baseline, band", f"{base.low:z.{subject.digits}f} to {subject.text(base.high)}"),
        ]
    if found.points:
        facts.append(
            (
                "memos",
                f"{len(found.points)}, {found.points[0].started_at[:10]} to {found.points[-1].started_at[:10]}",
            )
        )
    cells = "".join(f"<div><span>{_say(name)}</span>{_say(text)}</div>" for name, text in facts)
    return f'<div class="top"><div class="facts">{cells}</div></div>'


def _key(found: History, has_norms: bool) -> str:
    entries = [("round base", "baseline"), ("band", "its band; dashed: its median"), ("round deg", "later")]
    if found.baseline is None:
        entries = [("round deg", "memo")]
    elif found.outside:
        entries.append(("round off", "outside the band"))
    if found.others:
        entries.append(("round other", "not comparable"))
    if has_norms:
        entries.append(("norm", "published norm"))
    cells = "".join(f'<span><i class="{kind}"></i>{text}</span>' for kind, text in entries)
    return f'<p class="note key">{cells}</p>'


def _words(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    return f'<ul class="words">{"".join(f"<li>{_say(line)}.</li>" for line in lines)}</ul>'


def _norms(norms: Sequence[NormLine]) -> str:
    if not norms:
        return "<h2>Norms</h2><p>None is published for this measure, made this way, of this task.</p>"
    lines = "".join(
        f"<li>{_say(each.text)} <span class=dim>({_say(each.source)})</span></li>" for each in norms
    )
    return f"<h2>Norms</h2><ul>{lines}</ul>"


def _table(found: History, subject: Subject) -> str:
    rows: list[tuple[str, str, str, str]] = []
    for point in reversed(found.points):
        where = found.position(point) or ("baseline" if found.baseline is not None else "")
        rows.append((point.started_at, point.name, f"{point.value:z.{subject.digits}f}", where))
    rows += [
        (each.started_at, each.name, f"{each.value:z.{subject.digits}f}", "not comparable")
        for each in found.others
    ]
    rows += [("", each.name, "", each.reason) for each in found.left_out]
    body = "".join(
        f"<tr><td>{_say(when)}</td><td>{_say(name)}</td><td class=n>{_say(value)}</td><td>{_say(where)}</td></tr>"
        for when, name, value, where in rows
    )
    return (
        f'<h2>Memos</h2><div class="wide"><table><thead><tr><th>recorded</th><th>memo</th><th class=n>{_say(subject.title)}</th>'
        f"<th>to the baseline</th></tr></thead><tbody>{body}</tbody></table></div>"
    )
