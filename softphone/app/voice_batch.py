"""Many recordings of voices measured by many processes: a row for each in a CSV file, as soon as it is there."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from softphone.app.voice import job_of
from softphone.errors import UsageError
from softphone.io.crew import share_out
from softphone.io.csv_rows import CsvRows
from softphone.io.scoring_hand import ask_by_hand
from softphone.io.sound_format import is_sound_name
from softphone.io.speech import PREFIX, speech_path
from softphone.io.target import check_apart
from softphone.io.voice_job import VoiceJob
from softphone.io.work import work
from softphone.scorer.voice_view import plain_keys, values_of
from softphone.voice_config import VoiceOptions

CHILD = "softphone.io.voice_child"

Progress = Callable[[float], None]
Row = dict[str, Any]

FIRST = ("file", "task", "verdict", "seconds", "sample_rate_hz", "channel", "channels")
LAST = ("flags", "refused", "warnings", "took_s", "error", "settings", "bytes", "modified")
KEY = ("file", *LAST[-3:])
"""What tells a row that is done: the file as it was named, what it was measured with, its size and its time."""


@dataclass(frozen=True, slots=True)
class VoiceBatch:
    """What came of a list."""

    out: str
    rows: int
    """Recordings, each once."""
    reused: int
    """Of them, done by an earlier run."""
    vowels: int
    """With a sustained vowel: all measures."""
    speech: int
    """With connected speech: those that need no vowel."""
    without_voice: int
    """With neither."""
    failed: int
    """Nothing could be measured, not to be read, or crashed: an error."""
    took_s: float


@dataclass(frozen=True, slots=True)
class _Task:
    job: VoiceJob
    key: tuple[str, ...]


def measure_many(options: VoiceOptions, progress: Progress | None = None) -> VoiceBatch:
    """Measure every recording that is not done yet, and write its row.

    Raises:
        UsageError: no recordings, or the file for the rows is none of these.
        EnvironmentProblem: a file cannot be written, or there is no Dask.
    """
    began = time.perf_counter()
    assert options.out is not None
    names = _recordings(options.files)
    for name in names:
        if not name.startswith(PREFIX):
            check_apart(name, options.out)
    tasks = [_task(name, options) for name in names]
    with CsvRows(Path(options.out), columns(), force=options.force) as file:
        done = file.done({task.key for task in tasks}, _key)
        rows: list[Mapping[str, Any]] = [done[task.key] for task in tasks if task.key in done]
        reused = len(rows)
        for task, answer in _answers([task for task in tasks if task.key not in done], options):
            row = _row(task, answer)
            file.add(row)
            rows.append(row)
            if progress is not None:
                progress(len(rows) / len(tasks))
    kinds = [row.get("task") for row in rows]
    return VoiceBatch(
        out=options.out,
        rows=len(tasks),
        reused=reused,
        vowels=kinds.count("vowel"),
        speech=kinds.count("speech"),
        without_voice=kinds.count("none"),
        failed=sum(bool(row.get("error")) for row in rows),
        took_s=round(time.perf_counter() - began, 2),
    )


def columns() -> tuple[str, ...]:
    """The columns of the file: what is known of each recording, and every figure that is one number."""
    return (*FIRST, *plain_keys(), *LAST)


def _recordings(names: Sequence[str]) -> list[str]:
    """*names*, and for each folder what lies in it, each once."""
    found: list[str] = []
    for name in names:
        if not Path(name).is_dir():
            found.append(name)
            continue
        inside = sorted(str(path) for path in _sound_files(name))
        if not inside:
            raise UsageError(
                f"{name} holds no sound files: wanted a folder with .wav, .flac, .mp3, .ogg or others in it"
            )
        found += inside
    return list(dict.fromkeys(found))


def _sound_files(folder: str) -> Iterator[Path]:
    """All below *folder* whose name says sound; what begins with a dot is nobody's."""
    for place, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for file in files:
            if is_sound_name(file) and not file.startswith("."):
                yield Path(place, file)


def _task(name: str, options: VoiceOptions) -> _Task:
    job = job_of(options, name)
    settings = json.dumps({key: value for key, value in asdict(job).items() if key != "file"})
    try:
        found = speech_path(name).stat()
    except (OSError, ValueError):  # not there, or no bundled speech: its row says so
        return _Task(job, (name, settings, "", ""))
    return _Task(job, (name, settings, str(found.st_size), str(found.st_mtime_ns)))


def _answers(tasks: Sequence[_Task], options: VoiceOptions) -> Iterator[tuple[_Task, dict[str, Any]]]:
    if options.dask is None:
        yield from share_out(tasks, CHILD, options.workers, lambda task: asdict(task.job))
        return
    requests = [asdict(task.job) for task in tasks]
    places = {id(request): task for request, task in zip(requests, tasks, strict=True)}
    for request, answer in work(
        measure_by_hand, requests, workers=options.workers, dask=options.dask, lost=_lost
    ):
        yield places[id(request)], answer


def measure_by_hand(request: Mapping[str, Any]) -> dict[str, Any]:
    """What measuring *request* comes to, in a process beside this one."""
    return ask_by_hand(CHILD, request)


def _lost(request: Mapping[str, Any], why: str) -> dict[str, Any]:
    return {"crashed": f"the workers of the cluster that measured it died: {why}"}


def _row(task: _Task, answer: Mapping[str, Any]) -> Row:
    row: Row = dict(zip(KEY, task.key, strict=True))
    error = answer.get("error") or answer.get("crashed")
    if error is not None:
        row["error"] = _line(str(error))
    if "task" not in answer:
        return row
    values = values_of(answer)
    row |= {key: values.get(key) for key in plain_keys()}
    row |= {key: answer.get(key) for key in ("seconds", "sample_rate_hz", "channel", "channels", "took_s")}
    return row | {
        "task": (answer["task"] or {}).get("kind"),
        "verdict": " ".join(answer["verdict"]),
        "flags": _line("; ".join(f"{name}: {text}" for name, text in answer["flags"].items())),
        "refused": _line("; ".join(f"{name}: {why}" for name, why in answer["refused"].items())),
        "warnings": _line("; ".join(answer["warnings"])),
    }


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEY)


def _line(text: str) -> str:
    return " ".join(text.split())
