"""What sixteen misalignments of a recording do to its score: ours beside PESQ, visqol-python and STOI.

python -m benchmarks.misalignments [--speech FILE ...] [--no-peers] [--markdown] [--json FILE] [--smoke]

Each file (default: the bundled speech) goes through G.711 and is then moved in time (`tests/support/misalign.py`). A row says by
how much each tool's score is then from its own score of the same recording in its place; nothing should change where only
time did. Peers are asked where their packages are installed, with the files as they are. Beside our score: how far the delay we
find is from the truth while somebody speaks, and the skew. A second table has the order of worse and worse recordings of each
speaker. With --markdown both go into docs/misalignments.md.
"""

import math
import re
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
import soxr
from support.impairments import lossy, mnru
from support.misalign import MISALIGNMENTS, Misaligned, g711

from benchmarks import ROOT
from benchmarks.figures import Figure, deliver, options, progress
from benchmarks.misalignment_peers import Peers, installed
from dsp.alignment import Alignment, align, utterances
from dsp.errors import MetricRefused
from dsp.track import ArrayTrack
from dsp.types import Samples
from softphone.io.speech import builtin_names, speech_path
from softphone.scorer.session import score_tracks

PAGE = ROOT / "docs" / "misalignments.md"
BEGIN, END = (
    "<!-- made by benchmarks.misalignments: begin -->",
    "<!-- made by benchmarks.misalignments: end -->",
)
SCORE_WITHIN, DELAY_WITHIN_MS, SKEW_WITHIN_PPM = 0.15, 5.0, 20.0
STEP_S = 0.01
"""The delay is compared at so many points of what is said."""
SHARE = 95.0
"""Per cent of them that the delay error holds for."""
SHORTEST_S = 3.0
"""A shorter file has no room for what is done to it."""
SMOKE = ("delay-500ms", "skew-500ppm")
ORDER = ("as it is", "MNRU 20 dB", "MNRU 10 dB", "loss 0 %", "loss 5 %", "loss 15 %")

Judge = Callable[[Samples, Samples, int], float | str]


@dataclass(slots=True)
class Row:
    """One misalignment, a value for each file."""

    name: str
    only_time: bool = True
    scores: dict[str, list[float | str]] = field(default_factory=dict)
    """By tool: the score less its own aligned one, or why there is none."""
    delay_ms: list[float] = field(default_factory=list)
    skew_ppm: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Scores of worse and worse recordings of one speaker."""

    name: str
    scores: tuple[float | str, ...]
    """In the order of `ORDER`."""

    @property
    def in_order(self) -> bool:
        """Whether each is less than the one before it, modulated noise and loss apart."""
        numbers = [score for score in self.scores if not isinstance(score, str)]
        return len(numbers) == len(self.scores) and all(
            worse < better for half in (numbers[:3], numbers[3:]) for better, worse in pairwise(half)
        )


def ours(reference: Samples, degraded: Samples, rate_hz: int) -> float | str:
    """Our score, or why there is none."""
    score = score_tracks(
        ArrayTrack(reference, rate_hz), ArrayTrack(degraded, rate_hz), metrics=(), trusted=True
    )
    mos = score["mos_lqo"]
    return next(iter(score["refused"].values()), "no score") if mos is None else float(mos)


def delay_error_ms(reference: Samples, moved: Misaligned, found: Alignment) -> float:
    """How far the delay found is from the truth in `SHARE` per cent of what is said and heard, in ms."""
    rate = found.sample_rate_hz
    step = round(STEP_S * rate)
    said = np.concatenate(
        [np.arange(span.start, span.stop, step) for span in utterances(ArrayTrack(reference, rate))]
    )
    errors = np.full(said.size, np.nan)
    truth = moved.heard_at(said)
    for stretch in found.stretches:
        inside = (said >= stretch.start) & (said < stretch.stop) & (stretch.copy == 0)
        heard = [stretch.heard_at(float(position)) for position in said[inside]]
        errors[inside] = np.abs(np.array(heard) - truth[inside])
    errors[np.isnan(errors) & ~np.isnan(truth)] = np.inf
    return float(np.percentile(errors[~np.isnan(truth)], SHARE, method="higher")) / rate * 1000


def less(score: float | str, aligned: float | str) -> float | str:
    """The difference, or why there is none."""
    if isinstance(score, str):
        return score
    return f"aligned: {aligned}" if isinstance(aligned, str) else score - aligned


def measured(
    names: Sequence[str], files: Mapping[str, tuple[Samples, int]], judges: Mapping[str, Judge]
) -> tuple[Row, list[Row]]:
    """The aligned recordings (scores as they are) and all misalignments."""
    aligned, rows = Row("in its place"), [Row(name) for name in names]
    for file, (speech, rate) in files.items():
        line = g711(speech, rate)
        base = {tool: judge(speech, line, rate) for tool, judge in judges.items()}
        for tool, score in base.items():
            aligned.scores.setdefault(tool, []).append(score)
        progress(f"{file}: " + ", ".join(f"{tool} {_text(score, '.2f')}" for tool, score in base.items()))
        for row in rows:
            moved = MISALIGNMENTS[row.name](speech, rate)
            row.only_time &= moved.only_time
            for tool, judge in judges.items():
                row.scores.setdefault(tool, []).append(less(judge(speech, moved.samples, rate), base[tool]))
            try:
                found = align(ArrayTrack(speech, rate), ArrayTrack(moved.samples, rate))
            except MetricRefused as error:
                progress(f"{file}, {row.name}: {error}")
                continue
            row.delay_ms.append(delay_error_ms(speech, moved, found))
            row.skew_ppm.append(abs(found.skew_ppm - moved.skew_ppm))
            errors = f"delay {row.delay_ms[-1]:.2f} ms, skew {row.skew_ppm[-1]:.1f} ppm"
            progress(f"{file}, {row.name}: {_text(row.scores['ours'][-1], '+.2f')}, {errors}")
    return aligned, rows


def ranked(files: Mapping[str, tuple[Samples, int]], judge: Judge) -> list[Speaker]:
    """How each speaker's worse and worse recordings are judged."""
    found = []
    for file, (speech, rate) in files.items():
        worse = [
            speech,
            *(mnru(speech, rate, q) for q in (20, 10)),
            *(lossy(speech, rate, pct) for pct in (0, 5, 15)),
        ]
        found.append(Speaker(file, tuple(judge(speech, heard, rate) for heard in worse)))
    return found


def _text(value: float | str, form: str) -> str:
    return value if isinstance(value, str) else format(value, form)


def cell(values: Sequence[float | str], form: str) -> str:
    """The value that is farthest from 0; what is no number comes first."""
    reasons = [value for value in values if isinstance(value, str)]
    if reasons or not values:
        return reasons[0] if reasons else ""
    worst = max((value for value in values if not isinstance(value, str)), key=abs)
    return format(0.0 if abs(worst) < 0.005 else worst, form)


def _largest(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{max(values):.1f}" if math.isfinite(max(values)) else "not found"


def lines(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    parts = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(part) + " |" for part in parts)


def tables(aligned: Row, rows: Sequence[Row], speakers: Sequence[Speaker], files: Sequence[str]) -> str:
    """Both tables, with what they were made of."""
    tools = list(aligned.scores)
    heading = ["", *tools, "delay error, ms", "skew error, ppm"]
    means = []
    for tool in tools:
        numbers = [value for value in aligned.scores[tool] if not isinstance(value, str)]
        means.append(f"{statistics.mean(numbers):.2f}" if numbers else cell(aligned.scores[tool], ""))
    body = [[f"*{aligned.name}*", *means, "", ""]]
    for row in rows:
        mark = "" if row.only_time else " ¹"
        scores = [cell(row.scores[tool], "+.2f") for tool in tools]
        errors = [_largest(values) for values in (row.delay_ms, row.skew_ppm)]
        body.append([f"`{row.name}`{mark}", *scores, *errors])
    order = [
        [
            speaker.name,
            *(_text(score, ".2f") for score in speaker.scores),
            "yes" if speaker.in_order else "**no**",
        ]
        for speaker in speakers
    ]
    return "\n\n".join(
        (
            f"Speech: {', '.join(files)}. First row: the mean score. Other rows: the largest change of any of the files.",
            lines(heading, body),
            lines(("speaker", *ORDER, "in order"), order),
        )
    )


def figures(rows: Sequence[Row], speakers: Sequence[Speaker]) -> list[Figure]:
    """What is wanted of it."""
    moved = [
        abs(value)
        for row in rows
        if row.only_time
        for value in row.scores["ours"]
        if not isinstance(value, str)
    ]
    refused = sum(isinstance(value, str) for row in rows for value in row.scores["ours"])
    wanted = (
        ("worst change of a score where only time changed", "MOS", SCORE_WITHIN, max(moved, default=0.0)),
        ("misaligned recordings without a score", "recordings", 0.0, refused),
        (
            "worst delay error",
            "ms",
            DELAY_WITHIN_MS,
            max((v for row in rows for v in row.delay_ms), default=0.0),
        ),
        (
            "worst skew error",
            "ppm",
            SKEW_WITHIN_PPM,
            max((v for row in rows for v in row.skew_ppm), default=0.0),
        ),
        ("speakers out of order", "speakers", 0.0, sum(not speaker.in_order for speaker in speakers)),
    )
    return [Figure(name, unit, at_most).measured([value]) for name, unit, at_most, value in wanted]


def with_tables(page: str, text: str) -> str:
    """*page* with *text* between its marks.

    Raises:
        ValueError: it has none.
    """
    if BEGIN not in page or END not in page:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return re.sub(f"(?s){re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n{text}\n{END}", page)


def load(path: Path) -> tuple[Samples, int]:
    """One channel of a sound file, at 8 or 16 kHz."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    to = 8000 if rate < 16_000 else 16_000
    speech = sound.mean(axis=1) if rate == to else soxr.resample(sound.mean(axis=1), rate, to)
    return np.ascontiguousarray(speech, dtype=np.float32), to


def main() -> int:
    parser = options(__doc__)
    parser.add_argument(
        "--speech", nargs="+", metavar="FILE", help="sound files; default: the bundled speech"
    )
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument(
        "--markdown", action="store_true", help=f"write the tables into {PAGE.relative_to(ROOT)}"
    )
    given = parser.parse_args()
    given_names = given.speech or [f"builtin:{name}" for name in builtin_names()]
    files = {Path(name).name.removeprefix("builtin:"): load(speech_path(name)) for name in given_names}
    for name in [name for name, (speech, rate) in files.items() if speech.size < SHORTEST_S * rate]:
        progress(f"{name}: left out, it is shorter than {SHORTEST_S:g} s")
        del files[name]
    if not files:
        parser.error(f"there is no speech of {SHORTEST_S:g} s or more")
    names = tuple(MISALIGNMENTS)
    if given.smoke:
        name, (speech, rate) = next(iter(files.items()))
        files, names = {name: (speech[: 4 * rate], rate)}, SMOKE
    with Peers() as peers:
        judges: dict[str, Judge] = {"ours": ours}
        # The figures are ours alone.
        alone = given.smoke or given.no_peers or (given.json is not None and not given.markdown)
        for tool in () if alone else installed():
            judges[tool] = partial(peers.score, tool)
        aligned, rows = measured(names, files, judges)
    speakers = ranked(files, ours)
    text = tables(aligned, rows, speakers, list(files))
    if given.markdown:
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    if given.json is None:
        print(text, end="\n\n")
    return deliver(figures(rows, speakers), given.json)


if __name__ == "__main__":
    sys.exit(main())
