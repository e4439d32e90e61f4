"""Which metric orders codecs as listeners do, and where each misleads.

python -m benchmarks.second_witness [--speech FILE ...] [--seconds 8] [--json FILE] [--markdown FILE] [--smoke]

Speech is brought to 8 kHz and -26 dBov; without --speech it is the bundled man and woman, whose figures are of two speakers only.
A metric or codec that is not installed is left out, and told. Rank correlations are Spearman's.
"""

import argparse
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.figures import progress
from benchmarks.heldout_speech import LEVEL_DBOV
from benchmarks.witness_codecs import G113_NAMES, OTHERS, RATE_HZ, TOLD_APART, Condition, conditions
from dsp.errors import DspError
from dsp.level import measure_level
from dsp.types import Samples
from softphone.app.codec_measure import read_sound, resampled
from softphone.errors import SoftphoneError
from softphone.io.every_metric import every_metric
from softphone.io.measuring import missing

METRICS = (
    "visqol", "pesq_nb", "warpq", "stoi", "estoi", "log_spectral_distance", "segmental_snr", "si_sdr", "dnsmos", "plcmos",
)  # fmt: skip
SMOKE = ("pcmu", "mnru:20", "mnru:10", "codec2:2400", "vlc:2400")
GROUPS = ("G.113", "AMR", "MNRU", "Codec2")

Values = dict[tuple[str, str, str], float]
"""(metric, speech, condition) -> value, the higher the better."""


@dataclass(slots=True)
class Found:
    """All that was measured."""

    values: Values
    cpu_ms: dict[str, float]
    """Mean processor time of a metric for one pair."""
    seconds: float
    """Mean length of a pair."""


def ranked(values: Sequence[float]) -> np.ndarray:
    """Ranks from 0; equal values share the mean of theirs."""
    array = np.asarray(values, dtype=float)
    places = np.empty(array.size)
    places[np.argsort(array, kind="stable")] = np.arange(array.size)
    for value in np.unique(array):
        same = array == value
        places[same] = places[same].mean()
    return places


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Rank correlation; 0 where one of them does not vary."""
    x, y = (each - each.mean() for each in map(ranked, (a, b)))
    length = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / length if length > 0 else 0.0


def speech_of(path: str, seconds: float) -> Samples:
    """The beginning of a file at 8 kHz and `LEVEL_DBOV`."""
    sound = read_sound(path, RATE_HZ)[: round(seconds * RATE_HZ)]
    level = measure_level(sound, RATE_HZ).level_dbov
    if level is None:
        raise SystemExit(f"{path} is silent")
    return np.ascontiguousarray(sound * 10.0 ** ((LEVEL_DBOV - level) / 20.0), dtype=np.float32)


def measured(files: Sequence[str], names: Sequence[str], ways: Sequence[Condition], seconds: float) -> Found:
    """Every metric of every condition of every file."""
    found = Found({}, dict.fromkeys(names, 0.0), 0.0)
    count = 0
    for file in files:
        said = speech_of(file, seconds)
        found.seconds += said.size / RATE_HZ / len(files)
        for way in ways:
            try:
                heard = way.run(said)
            except (DspError, SoftphoneError, ImportError) as error:
                progress(f"{way.name}: {error}")
                continue
            count += 1
            for name in names:
                _measure(found, name, file, way.name, said, heard)
        progress(f"{file}: done")
    found.cpu_ms = {name: total / max(1, count) for name, total in found.cpu_ms.items()}
    return found


def _measure(found: Found, name: str, file: str, way: str, said: Samples, heard: Samples) -> None:
    spec = every_metric().get(name)
    rate = RATE_HZ if not spec.sample_rates_hz else spec.sample_rates_hz[0]
    pair = [resampled(each, RATE_HZ, rate) for each in (said, heard)]
    began = time.process_time()
    try:
        value = spec.measure(pair[0], pair[1], rate)
    except DspError as error:
        progress(f"{name} of {way}: {error}")
        return
    found.cpu_ms[name] += 1000.0 * (time.process_time() - began)
    found.values[name, file, way] = value if spec.higher_is_better else -value


def means(values: Values, metric: str) -> dict[str, float]:
    """Condition -> mean over the speech."""
    per: dict[str, list[float]] = {}
    for (name, _, way), value in values.items():
        if name == metric:
            per.setdefault(way, []).append(value)
    return {way: float(np.mean(each)) for way, each in per.items()}


def agreement(values: Values, metric: str, ranks: Mapping[str, float]) -> tuple[float, float] | None:
    """Rank correlation with *ranks* of the means over all speech, and the mean of that of each file; None: not measured."""
    mean = means(values, metric)
    if len(ways := [way for way in ranks if way in mean]) < 3:
        return None
    wanted = [ranks[way] for way in ways]
    files = sorted({file for name, file, _ in values if name == metric})
    each = [
        spearman([values[metric, file, way] for way in ways], wanted)
        for file in files
        if all((metric, file, way) in values for way in ways)
    ]
    return spearman([mean[way] for way in ways], wanted), float(np.mean(each)) if each else math.nan


def told_apart(values: Values, metric: str) -> tuple[int, int, list[str]]:
    """Pairs of `TOLD_APART` in the right order, all of them, and the wrong ones, by the means."""
    mean = means(values, metric)
    pairs = [(good, bad) for good, bad in TOLD_APART if good in mean and bad in mean]
    wrong = [f"{bad} over {good}" for good, bad in pairs if mean[good] <= mean[bad]]
    return len(pairs) - len(wrong), len(pairs), wrong


def place(values: Values, metric: str, way: str) -> str:
    """Where a condition would stand among the codecs of G.113, 1 being the best."""
    mean = means(values, metric)
    ladder = [mean[name] for name in G113_NAMES if name in mean]
    if way not in mean or not ladder:
        return ""
    return f"{1 + sum(each > mean[way] for each in ladder)}"


def tables(found: Found, ways: Sequence[Condition]) -> str:
    """All of it in Markdown."""
    names = [name for name in METRICS if any(key[0] == name for key in found.values)]
    specs = {name: every_metric().get(name) for name in names}
    groups = {group: {way.name: way.ranks[group] for way in ways if group in way.ranks} for group in GROUPS}
    lines = [
        f"| metric | {' | '.join(GROUPS)} | told apart | CPU ms for {found.seconds:.1f} s |",
        "|---" * (len(GROUPS) + 3) + "|",
    ]
    for name in names:
        cells = []
        for group in GROUPS:
            got = agreement(found.values, name, groups[group])
            cells.append("" if got is None else f"{got[0]:.2f} ({got[1]:.2f})")
        right, of, _ = told_apart(found.values, name)
        lines.append(
            f"| {specs[name].title} | {' | '.join(cells)} | {right} of {of} | {found.cpu_ms[name]:.0f} |"
        )
    lines += ["", "Pairs in the wrong order:", ""]
    for name in names:
        wrong = told_apart(found.values, name)[2]
        if wrong:
            lines.append(f"- {specs[name].title}: {', '.join(wrong)}")
    vocoders = [way.name for way in ways if way.name in OTHERS or way.name.startswith("codec2")]
    lines += ["", f"| place among the {len(G113_NAMES)} codecs of G.113 | {' | '.join(vocoders)} |"]
    lines.append("|---" * (len(vocoders) + 1) + "|")
    lines += [
        f"| {specs[name].title} | {' | '.join(place(found.values, name, way) for way in vocoders)} |"
        for name in names
    ]
    lines += [
        "",
        f"| mean | {' | '.join(specs[name].title for name in names)} |",
        "|---" * (len(names) + 1) + "|",
    ]
    for way in ways:
        cells = []
        for name in names:
            mean = means(found.values, name).get(way.name)
            sign = 1 if specs[name].higher_is_better else -1
            cells.append("" if mean is None else f"{sign * mean:.3g}")
        lines.append(f"| {way.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speech", nargs="+", default=["builtin:man", "builtin:woman"], metavar="FILE")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each file (8)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the values there, too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, too")
    parser.add_argument("--smoke", action="store_true", help="few conditions; figures mean nothing")
    given = parser.parse_args()
    why = missing(METRICS)
    for name, reason in why.items():
        progress(f"{name} is left out: {reason}")
    names = [name for name in METRICS if name not in why]
    ways = conditions()
    if given.smoke:
        ways = [way for way in ways if way.name in SMOKE]
        names = [name for name in names if not every_metric().get(name).own_process]
    found = measured(given.speech, names, ways, given.seconds)
    text = tables(found, ways)
    print(text)
    if given.markdown is not None:
        given.markdown.write_text(text, encoding="utf-8")
    if given.json is not None:
        rows = [
            {"metric": m, "speech": s, "condition": c, "value": v} for (m, s, c), v in found.values.items()
        ]
        given.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
