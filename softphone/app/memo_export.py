"""Memos written elsewhere: sounds with their results in a folder, or the results alone as CSV or JSON."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softphone.app.memo import Progress, kind_of, memo_info
from softphone.errors import UsageError
from softphone.io.memos.memo import Memo
from softphone.io.memos.store import MemoStore
from softphone.io.memos.transfer import export_sound, file_names
from softphone.io.part_file import write_whole
from softphone.io.target import check_target, made_folder
from softphone.scorer.voice_view import plain_keys

RESULTS = ("memos.json", "memos.csv")
"""Beside the sounds of a folder."""
_ABOUT = (
    *(
        "id",
        "name",
        "started_at",
        "seconds",
        "sample_rate_hz",
        "channels",
        "origin",
        "device",
        "lost",
        "note",
        "tags",
    ),
    *("measured_at", "measures_version", "task", "verdict", "error", "settings"),
)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    out: str
    memos: int
    sounds: int
    """Files of sound."""
    files: tuple[str, ...]


def export(
    store: MemoStore, memos: list[Memo], out: str, *, force: bool = False, progress: Progress | None = None
) -> Exported:
    """Write *memos* to *out*.

    Args:
        store: where they lie.
        memos: which.
        out: a folder, made where it is not there; or a file that ends in .csv or .json, for results alone.
        force: whether files that exist may be replaced.
        progress: told the share that is done, from 0 to 1.

    Raises:
        UsageError: a file exists, or a sound is missing.
        EnvironmentProblem: it cannot be written.
    """
    if not memos:
        raise UsageError("there are no such memos to export: `softphone memo list` shows which there are")
    makers = {".csv": as_csv, ".json": as_json}
    make = makers.get(Path(out).suffix.lower())
    if make is not None:
        write_whole(out, make(memos), force=force)
        return Exported(out, len(memos), 0, (out,))
    folder = made_folder(out)
    sounds = [folder / f"{name}.flac" for name in file_names(memos)]
    results = [folder / name for name in RESULTS]
    for memo in memos:  # before any work
        store.sound_of(memo)
    for path in (*sounds, *results):
        check_target(path, force=force)
    for number, (memo, path) in enumerate(zip(memos, sounds, strict=True)):
        export_sound(store, memo, path, force=force)
        if progress is not None:
            progress((number + 1) / len(memos))
    named = [path.name for path in sounds]
    write_whole(results[0], as_json(memos, named), force=force)
    write_whole(results[1], as_csv(memos, named), force=force)
    return Exported(out, len(memos), len(sounds), tuple(str(path) for path in (*sounds, *results)))


def as_json(memos: list[Memo], sounds: list[str] | None = None) -> bytes:
    """All that is known of *memos*, curves and settings, too; UTF-8."""
    told = [memo_info(memo, full=True) for memo in memos]
    for number, each in enumerate(told):
        each["path"] = None if sounds is None else sounds[number]
    return (json.dumps({"schema": 1, "memos": told}, indent=1, ensure_ascii=False) + "\n").encode(
        errors="replace"
    )


def as_csv(memos: list[Memo], sounds: list[str] | None = None) -> bytes:
    """A row for each memo, a column for each figure but curves; UTF-8."""
    keys = plain_keys()
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*_ABOUT, "sound", *keys])
    for number, memo in enumerate(memos):
        result = memo.result or {}
        values = {**(result.get("exploratory") or {}), **result}
        about = memo_info(memo) | {
            "task": kind_of(result),
            "tags": ", ".join(memo.tags),
            "verdict": ", ".join(result.get("verdict") or ()),
            "settings": _settings(result),
        }
        cells: list[Any] = [about[key] for key in _ABOUT]
        cells.append("" if sounds is None else sounds[number])
        cells += [values.get(key) for key in keys]
        rows.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue().encode(errors="replace")


def _settings(result: dict[str, Any]) -> str | None:
    """What was chosen; all there is to each measure is in the JSON."""
    common = (result.get("settings") or {}).get("common")
    return None if common is None else json.dumps(common, sort_keys=True)
