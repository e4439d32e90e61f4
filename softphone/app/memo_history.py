"""The history of a figure: from the memos of the store to what is drawn, with the norms there are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dsp.voice import VoiceMeasure, measures
from dsp.voice_norms import Norm, norms
from softphone.app.memo import chosen, kind_of
from softphone.errors import UsageError
from softphone.io.memos.memo import Memo
from softphone.io.memos.store import MemoStore
from softphone.io.part_file import write_whole
from softphone.memo_config import HistoryOptions
from softphone.scorer.history import History, LeftOut, Point, history
from softphone.scorer.history_chart import Reference, chart, whole_chart
from softphone.scorer.history_page import WIDE, NormLine, Subject, page
from softphone.scorer.voice_view import NO_DIAGNOSIS, settings_of, settings_text

MOST_TICKS = 7
_DAY_STEPS = (1, 2, 7, 14, 28, 56, 91, 182, 365, 730, 1825, 3650)


@dataclass(frozen=True, slots=True)
class Found:
    """A history with all that is told of it."""

    subject: Subject
    history: History
    norms: tuple[NormLine, ...]
    ticks: tuple[tuple[float, str], ...]
    chart: str | None
    """The file written."""


def history_of(store: MemoStore, options: HistoryOptions) -> Found:
    """What *options* ask for; the chart is written.

    Raises:
        UsageError: no such figure, or a chart that exists.
        EnvironmentProblem: the chart cannot be written.
    """
    measure, subject = _subject(options.measure)
    points, left_out = [], []
    for memo in chosen(store, (), options.tags):
        point = _point(memo, measure, subject.key)
        if isinstance(point, Point):
            points.append(point)
        else:
            left_out.append(LeftOut(memo.name, point))
    if not points:
        why = f"; {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise UsageError(
            f"no memo has {options.measure}, of {len(left_out)}{why}: record one, or measure those there are (`memo measure`)"
        )
    found = history(points, baseline=options.baseline, task=options.task, left_out=left_out)
    if not found.points:
        raise UsageError(f"no memo of the task {options.task} has {options.measure}: leave out --task")
    subject = replace(
        subject, settings=settings_text(json.loads(found.points[0].settings)) or "nothing to choose"
    )
    known = tuple(map(_norm_line, norms(subject.key, options.sex, options.age, found.points[0].task)))
    ticks = ticks_of([point.at_s for point in (*found.points, *found.others)])
    told = Found(subject, found, known, ticks, options.out)
    if options.out is not None:
        write_whole(options.out, _drawn(told, options.out), force=options.force)
    return told


def _drawn(told: Found, out: str) -> bytes:
    if not out.lower().endswith(".svg"):
        return page(told.history, told.subject, ticks=told.ticks, norms=told.norms, disclaimer=NO_DIAGNOSIS)
    return whole_chart(
        chart(
            told.history,
            label=told.subject.title,
            digits=told.subject.digits,
            ticks=told.ticks,
            references=[each.reference for each in told.norms if each.reference is not None],
            width=WIDE[0],
            height=WIDE[1],
        )
    )


def _subject(key: str) -> tuple[VoiceMeasure, Subject]:
    known: dict[str, VoiceMeasure] = {}
    for name in measures.names():
        measure = measures.get(name)
        known |= {each: measure for each, figure in measure.figures.items() if not figure.curve}
    if key not in known:
        import difflib

        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f"the nearest is {nearest[0]}" if nearest else f"there are {', '.join(sorted(known))}"
        raise UsageError(f"no figure {key!r}: {hint}")
    measure, figure = known[key], known[key].figures[key]
    return measure, Subject(
        key=key,
        label=figure.label,
        unit=figure.unit,
        digits=figure.digits,
        meaning=figure.meaning,
        source=measure.source.rstrip("."),
        settings="",
    )


def _point(memo: Memo, measure: VoiceMeasure, key: str) -> Point | str:
    """The value of *memo*, or why there is none."""
    result = memo.result
    if result is None:
        return "not measured yet"
    if result.get("error"):
        return str(result["error"])
    value = result.get(key, (result.get("exploratory") or {}).get(key))
    if not isinstance(value, int | float) or isinstance(value, bool):
        refused: Mapping[str, Any] = result.get("refused") or {}
        return str(refused.get(key) or refused.get(measure.name) or "it was not measured")
    return Point(
        memo_id=memo.id,
        name=memo.name,
        started_at=memo.started_at[:16].replace("T", " "),
        at_s=memo.at_s,
        value=float(value),
        task=kind_of(result) or "none",
        sample_rate_hz=memo.sample_rate_hz,
        settings=json.dumps(settings_of(result, measure), sort_keys=True),
        version=memo.version or "",
        device="imported" if memo.origin == "imported" else memo.device,
    )


def _norm_line(norm: Norm) -> NormLine:
    has_place = norm.low is not None or norm.high is not None
    return NormLine(norm.text, norm.source, Reference(norm.text, norm.low, norm.high) if has_place else None)


def ticks_of(times_s: list[float]) -> tuple[tuple[float, str], ...]:
    """Moments for an axis from the least of *times_s* to the greatest: days, or times of day within two of them."""
    zone = datetime.now(UTC).astimezone().tzinfo
    first, last = (datetime.fromtimestamp(at, zone) for at in (min(times_s), max(times_s)))
    days = (last.date() - first.date()).days
    if days < 2:
        moments = sorted({first, last})
        return tuple(
            (each.timestamp(), f"{each:%H:%M}" if days == 0 else f"{each:%m-%d %H:%M}") for each in moments
        )
    step = next((each for each in _DAY_STEPS if days // each < MOST_TICKS), days)
    start = first.replace(hour=0, minute=0, second=0, microsecond=0)
    found = [start + timedelta(days=number) for number in range(0, days + 1, step)]
    return tuple((each.timestamp(), f"{each:%Y-%m-%d}") for each in found)
