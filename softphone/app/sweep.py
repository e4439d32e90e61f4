"""A grid of test calls in virtual time: codecs by packet interval, loss, burst, delay and jitter, means over the speech."""

import csv
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softphone.app.airtime_of import airtime_of
from softphone.app.codec_compare import Progress, Run, check_speech, chosen, refusals, summary
from softphone.app.sweep_call import MEASURES, SweepJob, sweep_row
from softphone.errors import UsageError
from softphone.io.measuring import missing
from softphone.io.part_file import write_whole
from softphone.io.row_file import RowFile
from softphone.measure_config import MAX_JOBS, SweepOptions

ROWS_FILE, CSV_FILE, JSON_FILE, PLOT_FILE = "rows.jsonl", "sweep.csv", "sweep.json", "sweep.png"
LINE_MEANS = {
    "discard_pct": 2,
    "concealed_pct": 2,
    "mouth_to_ear_ms": 1,
    "emodel_r": 2,
    "emodel_mos_cq": 3,
}
"""Columns that are means over the speech, besides those of a comparison, and their digits."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What came of it."""

    speech: tuple[str, ...]
    rows: list[dict[str, Any]]
    missing: tuple[str, ...]
    refused: tuple[str, ...]
    took_s: float
    reused: int
    """Calls that were taken from the folder of an earlier run."""


def sweep(options: SweepOptions, progress: Progress | None = None) -> Sweep:
    """Make every call of the grid.

    Raises:
        UsageError: speech that is unreadable or silent, a codec nobody has, too large a grid.
        EnvironmentProblem: a library is missing, or a folder cannot be written.
    """
    began = time.perf_counter()
    airtime_of((), options.radio)
    check_speech(options.speech)
    absent = missing(MEASURES)
    measures = tuple(name for name in MEASURES if name not in absent)
    notes = list(dict.fromkeys(absent.values()))
    jobs = [
        SweepJob(
            file=file, codec=codec, loss_pct=loss, burst=burst, delay_ms=delay, jitter_ms=jitter,
            seed=options.seed, complexity=options.complexity, measures=measures, opus=options.opus_library,
        )
        for codec in chosen(options, notes)
        for loss in options.losses_pct
        for burst in (options.bursts if loss > 0 else options.bursts[:1])
        for delay in options.delays_ms
        for jitter in options.jitters_ms
        for file in options.speech
    ]  # fmt: skip
    if len(jobs) > MAX_JOBS:
        raise UsageError(f"the grid has {len(jobs)} calls, {MAX_JOBS} at most are made in one run")
    with RowFile(None if options.out is None else Path(options.out) / ROWS_FILE) as kept:
        run = Run(kept, options.workers, options.dask, progress, len(jobs))
        rows = run.done(sweep_row, jobs)
    return Sweep(
        speech=options.speech,
        rows=summary(rows, options.radio, LINE_MEANS),
        missing=tuple(notes),
        refused=tuple(refusals(rows)),
        took_s=round(time.perf_counter() - began, 2),
        reused=run.reused,
    )


def as_json(options: SweepOptions, done: Sweep) -> dict[str, Any]:
    """The one JSON object of a sweep."""
    return {
        "schema": 1,
        "speech": list(done.speech),
        "conditions": {"complexity": options.complexity, "seed": options.seed, "radio": options.radio},
        "rows": done.rows,
        "missing": list(done.missing),
        "refused": list(done.refused),
        "out": options.out,
        "plot": options.plot,
        "reused": done.reused,
        "took_s": done.took_s,
    }


def write_results(options: SweepOptions, done: Sweep, picture: bytes | None) -> None:
    """Write CSV, JSON and, where there is one, the picture into the folder of the sweep, over those of an earlier run.

    Raises:
        EnvironmentProblem: it cannot be written.
    """
    if options.out is None:
        return
    folder = Path(options.out)
    write_whole(folder / CSV_FILE, as_csv(done.rows), force=True)
    text = json.dumps(as_json(options, done), indent=1, allow_nan=False)
    write_whole(folder / JSON_FILE, text.encode() + b"\n", force=True)
    if picture is not None:
        write_whole(folder / PLOT_FILE, picture, force=True)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One line a row; of a mean there are columns for n, the mean itself and the half width of its 95 % interval."""
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue().encode()


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping) and "ci95" in value:
            found |= {name: value["mean"], f"{name}_ci95": value["ci95"], f"{name}_n": value["n"]}
        elif name == "airtime":
            keys = (
                "technology",
                "ms_per_s",
                "occupancy_ms_per_s",
                "mean_radiated_mw",
                "radio_mw",
                "vs_g711_20ms",
            )
            found |= {f"airtime_{key}": None if value is None else value[key] for key in keys}
        else:
            found[name] = value
    return found
