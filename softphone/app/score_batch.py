"""Many recordings scored by many processes: a list of pairs in, a row for each out as soon as it is there."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dsp.checks import checks
from softphone.app.score_trust import is_trusted
from softphone.io.crew import share_out
from softphone.io.csv_rows import CsvRows
from softphone.io.judges import NO_REFERENCE_NEEDED, check_metrics
from softphone.io.pairs_file import Pair, read_pairs
from softphone.io.score_file import ScoreJob
from softphone.io.scoring_hand import CHILD, score_by_hand
from softphone.io.speech import speech_path
from softphone.io.target import check_apart
from softphone.io.work import work
from softphone.score_config import ScoreOptions
from softphone.scorer.score import HEADLINE, NOTHING_HEARD
from softphone.scorer.session import default_metrics

Progress = Callable[[float], None]
Row = dict[str, Any]

FIRST = (
    "degraded", "reference", "mos_lqo", "verdict", "trusted", "delay_ms", "delay_changes", "skew_ppm", "gain_db", "seconds",
    "scored_s", "speech_s", "segments", "worst_mos", "worst_from_s", "worst_to_s", "missing_s", "inserted_s", "polarity",
    "copies", "waveform_kept", "channel", "reference_found",
)  # fmt: skip
LAST = (
    "refused", "warnings", "took_s", "error", "degraded_bytes", "degraded_modified", "reference_bytes", "reference_modified",
)  # fmt: skip
KEY = ("degraded", "reference", *LAST[-4:])
"""What tells a row that is done: the pair as it stands in the list, and size and time of both files."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of a list."""

    out: str
    rows: int
    """In the list, each pair once."""
    reused: int
    """Of them, done by an earlier run."""
    scored: int
    """With a MOS."""
    refused: int
    """Read, but not to be judged: no MOS, and why."""
    failed: int
    """Not to be read, or crashed: an error."""
    mos_lqo_mean: float | None
    mos_lqo_least: float | None
    missed: int
    """Below `--min-mos`, of those that count for it."""
    untested: int
    """With `--min-mos`: without a score that it can be held against."""
    took_s: float


@dataclass(frozen=True, slots=True)
class _Task:
    """A pair on its way."""

    pair: Pair
    key: tuple[str, ...]
    request: Mapping[str, Any] | None
    """None: the row cannot be done, for it names no recording."""


def score_pairs(options: ScoreOptions, progress: Progress | None = None) -> Batch:
    """Score every pair of the list that is not done yet, and write its row.

    Raises:
        UsageError: the list, or the file for the scores, is none; an unknown metric.
        EnvironmentProblem: a file cannot be written, or there is no Dask.
    """
    began = time.perf_counter()
    assert options.pairs is not None
    assert options.out is not None
    check_apart(options.pairs, options.out)
    pairs = read_pairs(options.pairs)
    names = check_metrics(options.metrics)
    stamps: dict[str, tuple[str, str]] = {}
    tasks = list({task.key: task for task in (_task(pair, options, stamps) for pair in pairs)}.values())
    with CsvRows(Path(options.out), columns_of(names), force=options.force) as file:
        done = file.done({task.key for task in tasks}, _key)
        rows: list[Mapping[str, Any]] = [done[task.key] for task in tasks if task.key in done]
        reused = len(rows)
        left = [task for task in tasks if task.key not in done]
        for task, answer in _answers(left, options):
            row = _row(task, answer)
            file.add(row)
            rows.append(row)
            if progress is not None:
                progress(len(rows) / max(1, len(tasks)))
    return _summed(rows, len(tasks), reused, options, round(time.perf_counter() - began, 2))


def columns_of(names: Sequence[str] | None) -> tuple[str, ...]:
    """The columns of the file of scores."""
    asked = (*default_metrics(), *NO_REFERENCE_NEEDED) if names is None else names
    metrics = [figure for name in asked for figure in NO_REFERENCE_NEEDED.get(name, (name,))]
    figures = [figure for name in checks.names() for figure in checks.get(name).figures]
    return tuple(dict.fromkeys((*FIRST, HEADLINE, *metrics, *figures, *LAST)))


def _task(pair: Pair, options: ScoreOptions, stamps: dict[str, tuple[str, str]]) -> _Task:
    """*stamps* keeps those of what was looked at before: many recordings have one reference."""
    paths = pair.degraded_path, pair.reference_path or ""
    for path in paths:
        if path not in stamps:
            stamps[path] = _stamp(path)
    key = (pair.degraded, pair.reference, *stamps[paths[0]], *stamps[paths[1]])
    if not pair.degraded:
        return _Task(pair, key, None)
    job = ScoreJob(
        pair.degraded_path,
        pair.reference_path,
        metrics=options.metrics,
        trusted=is_trusted(options.codec),
    )
    return _Task(pair, key, asdict(job))


def _stamp(path: str) -> tuple[str, str]:
    """Size and time of what is at *path*, of a folder those of all that is in it; empty where nothing is."""
    if not path:
        return "", ""
    try:
        file = speech_path(path)
        files = [each for each in file.rglob("*") if each.is_file()] if file.is_dir() else [file]
        found = [each.stat() for each in files]
    except (OSError, ValueError):  # not there, or no bundled speech: its row says so
        return "", ""
    return str(sum(one.st_size for one in found)), str(max((one.st_mtime_ns for one in found), default=0))


def _answers(tasks: Sequence[_Task], options: ScoreOptions) -> Iterator[tuple[_Task, dict[str, Any]]]:
    for task in tasks:
        if task.request is None:
            yield task, {"error": f"line {task.pair.line} names no recording in the column degraded"}
    able = [task for task in tasks if task.request is not None]
    if options.dask is None:
        yield from share_out(able, CHILD, options.workers, lambda task: task.request)
        return
    requests = [dict(task.request or {}) for task in able]
    places = {id(request): task for request, task in zip(requests, able, strict=True)}
    for request, answer in work(
        score_by_hand, requests, workers=options.workers, dask=options.dask, lost=_lost
    ):
        yield places[id(request)], answer


def _lost(request: Mapping[str, Any], why: str) -> dict[str, Any]:
    return {"crashed": f"the workers of the cluster that scored it died: {why}"}


def _row(task: _Task, answer: Mapping[str, Any]) -> Row:
    row: Row = dict(zip(KEY, task.key, strict=True))
    error = answer.get("error") or answer.get("crashed")
    if error is not None:
        return row | {"error": _line(str(error))}
    worst = answer["worst"][0] if answer["worst"] else {}
    found = {
        name: answer[name]
        for name in (
            "mos_lqo", "trusted", "delay_ms", "skew_ppm", "gain_db", "seconds", "scored_s", "speech_s", "polarity", "copies",
            "waveform_kept", "channel", "took_s",
        )
    }  # fmt: skip
    if answer["mos_lqo"] is None:
        found["trusted"] = None
    figures = {key: value for each in answer["checks"].values() for key, value in each["figures"].items()}
    return {
        **figures,
        **answer["metrics"],
        **row,
        **found,
        "verdict": " ".join(answer["verdict"]),
        "delay_changes": " ".join(f"{c['at_s']:g}:{c['by_ms']:+g}" for c in answer["delay_changes"]),
        "segments": len(answer["segments"]),
        "worst_mos": worst.get("mos_lqo"),
        "worst_from_s": worst.get("from_s"),
        "worst_to_s": worst.get("to_s"),
        "missing_s": round(sum(part["speech_s"] for part in answer["missing"]), 3),
        "inserted_s": round(sum(part["to_s"] - part["from_s"] for part in answer["inserted"]), 3),
        "reference_found": answer["reference"],
        "refused": _line("; ".join(f"{name}: {why}" for name, why in answer["refused"].items())),
        "warnings": _line("; ".join(answer["warnings"])),
    }


def _summed(
    rows: Sequence[Mapping[str, Any]], count: int, reused: int, options: ScoreOptions, took_s: float
) -> Batch:
    scores = [float(row["mos_lqo"]) for row in rows if row.get("mos_lqo") not in (None, "")]
    failed = sum(bool(row.get("error")) for row in rows)
    missed = untested = 0
    if options.min_mos is not None:
        for row in rows:
            mos, words = row.get("mos_lqo"), str(row.get("verdict") or "").split()
            if mos in (None, ""):
                is_missed = not set(NOTHING_HEARD).isdisjoint(words)
                missed, untested = missed + is_missed, untested + (not is_missed)
            elif str(row.get("trusted")) != "True":
                untested += 1
            else:
                missed += float(str(mos)) < options.min_mos
    assert options.out is not None
    return Batch(
        out=options.out,
        rows=count,
        reused=reused,
        scored=len(scores),
        refused=len(rows) - len(scores) - failed,
        failed=failed,
        mos_lqo_mean=round(sum(scores) / len(scores), 3) if scores else None,
        mos_lqo_least=min(scores, default=None),
        missed=missed,
        untested=untested,
        took_s=took_s,
    )


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEY)


def _line(text: str) -> str:
    return " ".join(text.split())
