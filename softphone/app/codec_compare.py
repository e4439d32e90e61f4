"""Sound files through several codecs, side by side: one row a codec, packet interval and loss, means over the files."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from softphone.app.airtime_of import airtime_of
from softphone.app.codec_measure import ORIGINAL, MeasureJob, measure_file, own_metric, read_speech
from softphone.app.codec_named import named_codec
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.measured_codecs import measured_codecs
from softphone.io.measuring import missing
from softphone.io.row_file import RowFile
from softphone.io.speech import speech_path
from softphone.io.work import work
from softphone.measure_config import MAX_JOBS, MEASURES, CompareOptions, Grid
from softphone.scorer.estimate import Estimate, estimate

ROWS_FILE = "rows.jsonl"
USUAL = (
    "vlc:1600@128", "vlc:2400@128", "vlc:3800@128", "vlc:6000@128", "vlc-wb:6000@128", "codec2:1200", "codec2:2400",
    "codec2:3200", "amr:4750", "opus:6000", "opus:9600", "opus:16000", "pcmu",
)  # fmt: skip
"""Compared where no codec is named, as far as they are installed."""
MEANS = {
    "payload_bps": 1, "wire_bps": 1, "packets_per_s": 2, "encode_ms_per_s": 3, "decode_ms_per_s": 3, "lost_pct": 2,
    "pesq_nb": 3, "pesq_nb_raw": 3, "pesq_wb": 3, "stoi": 4, "score": 3, "dnsmos_sig": 3, "dnsmos_bak": 3,
    "dnsmos_ovrl": 3, "plcmos": 3, "wer_pct": 2, "level_dbov": 2,
}  # fmt: skip
"""Columns that are means over files, and their digits."""
CONDITIONS = ("loss_pct", "burst", "delay_ms", "jitter_ms")
"""Of the line; None where a row knows no such thing."""
SCALES = {
    "pesq_nb": "P.862 (02/2001) mapped by P.862.1 (11/2003) to MOS-LQO, 1 to 4.55, at 8 kHz; what the package `pesq` returns",
    "pesq_nb_raw": "raw P.862, -0.5 to 4.5: pesq_nb with the mapping taken back",
    "pesq_wb": "P.862.2 (11/2007), MOS-LQO, 1 to 4.64, at 16 kHz; not comparable with pesq_nb",
    "stoi": "STOI, 0 to 1, at the codec's sample rate",
    "dnsmos_ovrl": "DNSMOS P.835 overall, 1 to 5, without a reference",
    "plcmos": "PLCMOS v2, 1 to 5, without a reference",
    "wer_pct": "words PocketSphinx gets wrong, of the transcript or, without one, of what it hears in the original",
    "ci95": "half the width of the 95 % interval of the mean over the files, Student's t",
}

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it."""

    files: tuple[str, ...]
    rows: list[dict[str, Any]]
    missing: tuple[str, ...]
    """What could not be measured for want of a package, a line each that says what to install."""
    refused: tuple[str, ...]
    """What a metric would not judge, a line each."""
    per_file: list[dict[str, Any]] = field(default_factory=list)
    took_s: float = 0.0
    reused: int = 0
    """Rows that were taken from the folder of an earlier run."""


def compare(options: CompareOptions, progress: Progress | None = None) -> Comparison:
    """Compare codecs on *options.files*.

    Raises:
        UsageError: a file that is unreadable, silent or without speech; a codec nobody has.
        EnvironmentProblem: a library or a package is missing that was asked for by name.
    """
    began = time.perf_counter()
    if not options.files:
        raise UsageError("codec compare wants sound files to encode, got none: give IN.wav")
    airtime_of((), options.radio)
    check_speech(options.files)
    wanted = MEASURES if options.measures is None else options.measures
    absent = missing(wanted)
    measures = tuple(name for name in MEASURES if name in wanted and name not in absent)
    notes = list(dict.fromkeys(absent.values()))
    codecs = chosen(options, notes)
    with RowFile(None if options.out is None else Path(options.out) / ROWS_FILE) as kept:
        base = [
            MeasureJob(
                file=file, codec=ORIGINAL, complexity=options.complexity, seed=options.seed, measures=measures,
                transcript=transcript_of(file), opus=options.opus_library,
            )
            for file in options.files
        ]  # fmt: skip
        total = len(base) * (1 + len(codecs) * len(options.losses_pct) * len(options.bursts))
        if total > MAX_JOBS:
            raise UsageError(f"{total} measurements are asked for, {MAX_JOBS} at most are done in one run")
        run = Run(kept, options.workers, options.dask, progress, total)
        originals = run.done(measure_file, base)
        said = {row["file"]: row.get("heard") for row in originals}
        jobs = [
            replace(job, codec=codec, loss_pct=loss, burst=burst, transcript=job.transcript or said[job.file])
            for codec in codecs
            for loss in options.losses_pct
            for burst in options.bursts
            for job in base
        ]
        rows = [*originals, *run.done(measure_file, jobs)]
        reused = run.reused
    return Comparison(
        files=options.files,
        rows=summary(rows, options.radio),
        missing=tuple(notes),
        refused=tuple(refusals(rows)),
        per_file=rows,
        took_s=round(time.perf_counter() - began, 2),
        reused=reused,
    )


def check_speech(files: Sequence[str]) -> None:
    """See to it that every file holds speech and counts once.

    Raises:
        UsageError: naming the one that does not.
    """
    seen: dict[Path, str] = {}
    for file in files:
        read_speech(file)
        path = speech_path(file).resolve()
        if path in seen:
            raise UsageError(
                f"{file} is {seen[path]} again: a recording counts once, or the intervals mean nothing"
            )
        seen[path] = file


def chosen(options: Grid, notes: list[str]) -> list[str]:
    """The codecs of *options* with their packet intervals; of `USUAL`, what is there, and *notes* on what is not."""
    names = USUAL if options.codecs is None else options.codecs
    ptimes = (None,) if options.ptimes_ms is None else options.ptimes_ms
    measuring_only = {spec.name for spec in measured_codecs()}
    found: list[str] = []
    for name in names:
        for ptime in ptimes:
            try:
                codec = named_codec(
                    name,
                    ptime_ms=ptime,
                    complexity=options.complexity,
                    opus=options.opus_library,
                    measuring=True,
                )
            except EnvironmentProblem as error:
                if options.codecs is not None and codec_name(name) not in measuring_only:
                    raise
                notes.append(str(error))
                break
            except UsageError:
                if options.codecs is not None:
                    raise
                break
            text = f"{codec.name}@{codec.settings.ptime_ms}"
            if text not in found:
                found.append(text)
    notes[:] = dict.fromkeys(notes)
    if not found:
        raise EnvironmentProblem("; ".join(notes) or "there is no codec to compare")
    return found


def codec_name(text: str) -> str:
    """``opus`` of ``opus:6000@60``."""
    return text.partition("@")[0].partition(":")[0].strip().lower()


def transcript_of(file: str) -> str | None:
    """What is said in *file*: the text file of its name beside it, if there is one.

    Raises:
        UsageError: it cannot be read.
    """
    path = speech_path(file).with_suffix(".txt")
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}, the transcript of {file}, cannot be read: {error}") from None


@dataclass(slots=True)
class Run:
    """Jobs on their way, with what an earlier run left."""

    kept: RowFile
    workers: int
    dask: str | None
    progress: Progress | None
    total: int
    reused: int = 0
    finished: int = 0

    def done(self, function: Callable[[Any], dict[str, Any]], jobs: Sequence[Any]) -> list[dict[str, Any]]:
        """The rows of *jobs*, in their order."""
        rows: dict[int, dict[str, Any]] = {}
        keys = [key_of(job) for job in jobs]
        for index, key in enumerate(keys):
            old = self.kept.get(key)
            if old is not None:
                rows[index] = old
        self.reused += len(rows)
        self.finished += len(rows)
        left = [(index, job) for index, job in enumerate(jobs) if index not in rows]
        places = {id(job): index for index, job in left}
        for job, row in work(function, [job for _, job in left], workers=self.workers, dask=self.dask):
            index = places[id(job)]
            rows[index] = row
            self.kept.add(keys[index], row)
            self.finished += 1
            if self.progress is not None:
                self.progress(self.finished / max(1, self.total))
        return [rows[index] for index in range(len(jobs))]


def key_of(job: Any) -> dict[str, Any]:
    """What tells one job from another: all that was asked, size and time of the file, and whose code it was done with."""
    key = asdict(job)
    path = speech_path(job.file)
    found = path.stat()
    key |= {"file": str(path.resolve()), "bytes": found.st_size, "modified": found.st_mtime_ns}
    if job.codec != ORIGINAL:
        codec = named_codec(job.codec, complexity=job.complexity, opus=job.opus, measuring=True)
        key["library"] = codec.spec.library()
    with suppress(PackageNotFoundError):
        key["version"] = version("softphone")
    return key


def summary(
    rows: Sequence[Mapping[str, Any]], radio: str, more: Mapping[str, int] | None = None
) -> list[dict[str, Any]]:
    """One row for each codec and condition, with means over the files.

    Args:
        rows: as `measure_file` makes them.
        radio: what airtime is reckoned for.
        more: columns that are means besides `MEANS`, and their digits.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (row["codec"], *(row.get(name) for name in CONDITIONS))
        groups.setdefault(key, []).append(row)
    return [_summed(members, radio, MEANS | dict(more or {})) for members in groups.values()]


def _summed(members: Sequence[Mapping[str, Any]], radio: str, means: Mapping[str, int]) -> dict[str, Any]:
    first = members[0]
    found: dict[str, Any] = {
        name: first.get(name)
        for name in (
            "codec",
            "bit_rate_bps",
            "ptime_ms",
            "sample_rate_hz",
            "algorithmic_delay_ms",
            *CONDITIONS,
        )
    }
    found["codec"] = first["codec"].partition("@")[0]
    found |= {name: first[name] for name in ("emodel_model", "emodel_equipment") if name in first}
    for name, digits in means.items():
        found[name] = _mean([row.get(name) for row in members], digits)
    words = sum(row.get("words") or 0 for row in members)
    errors = sum(row.get("word_errors") or 0 for row in members)
    found["wer_pooled_pct"] = round(100 * errors / words, 2) if words else None
    found["score_metric"] = own_metric() or "stoi"
    if found["score_metric"] == "stoi":
        found["score"] = found["stoi"]
    found["airtime"] = airtime_of(members, radio)
    return found


def _mean(values: Sequence[Any], digits: int) -> Estimate | None:
    return estimate([value for value in values if isinstance(value, int | float)], digits=digits)


def refusals(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What metrics would not judge, a line each."""
    for row in rows:
        for what, why in (row.get("refused") or {}).items():
            yield f"{row['codec']}, {row['file']}: {what}: {why}"
