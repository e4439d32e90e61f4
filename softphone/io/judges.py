"""Metrics that do not run in this process: those that may crash or weigh much, and those that need no reference."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dsp.errors import LibraryMissing, MetricRefused
from dsp.level import measure_level
from dsp.metrics import metrics
from dsp.track import Track
from dsp.types import Samples
from softphone.errors import UsageError
from softphone.io.measuring import missing, shared_measuring
from softphone.scorer.score import Score

ALL = "all"
PIECE_S = 60.0
"""A recording is heard in pieces of this length..."""
MOST_S, SAMPLE_S = 300.0, 20.0
"""... and of one that is longer than the first, so much in all, in shorter pieces evenly spread: an hour would take minutes."""
WIDE_HZ = 16_000


NO_REFERENCE_NEEDED = {"dnsmos": ("dnsmos_sig", "dnsmos_bak", "dnsmos"), "plcmos": ("plcmos",)}
"""What can be said of a recording alone, and the figures it gives."""


def check_metrics(asked: Sequence[str] | None) -> tuple[str, ...] | None:
    """*asked* as names of metrics, with ``all`` spelled out.

    Raises:
        UsageError: one that nobody knows.
    """
    if asked is None:
        return None
    with_reference = [name for name in metrics.names() if metrics.get(name).needs_reference]
    known = tuple(dict.fromkeys((*with_reference, *NO_REFERENCE_NEEDED)))
    if ALL in asked:
        return known
    strangers = [name for name in asked if name not in known]
    if strangers or not asked:
        raise UsageError(
            f"--metrics must be of {', '.join((*known, ALL))}, got {', '.join(strangers) or 'none'}"
        )
    return tuple(dict.fromkeys(asked))


def measure_in_child(name: str, sample_rate_hz: int, said: Samples, heard: Samples) -> float:
    """What metric *name* says, from a process of its own.

    Raises:
        MetricRefused: it would not judge these, or its process died.
        LibraryMissing: something is to be installed.
    """
    rates = metrics.get(name).sample_rates_hz
    rate = sample_rate_hz
    if rates and rate not in rates:
        rate = max((each for each in rates if each < rate), default=rate)
        said, heard = _at(said, sample_rate_hz, rate), _at(heard, sample_rate_hz, rate)
    return float(_answer(name, rate, said, heard))


def hear(score: Score, degraded: Track, names: Sequence[str]) -> None:
    """Add to *score* what the models *names* say of *degraded* alone, a mean weighted by what is said, or why they do not."""
    totals: dict[str, float] = {}
    weights: dict[str, float] = {}
    absent = missing(names)
    score["refused"] |= absent
    waiting = [name for name in names if name not in absent]
    for start, stop in _pieces(degraded.size, degraded.sample_rate_hz):
        if not waiting:
            break
        piece = degraded.read(start, stop)
        level = measure_level(np.ascontiguousarray(piece), degraded.sample_rate_hz)
        weight = level.activity * level.seconds
        heard = _at(piece, degraded.sample_rate_hz, WIDE_HZ)
        for name in list(waiting):
            try:
                value = _answer(name, WIDE_HZ, heard)
            except MetricRefused as error:
                score["refused"].setdefault(name, str(error))
                continue
            except LibraryMissing as error:
                score["refused"][name] = str(error)
                waiting.remove(name)
                continue
            weights[name] = weights.get(name, 0.0) + weight
            values = value if isinstance(value, list) else [value]
            for key, one in zip(NO_REFERENCE_NEEDED[name], values, strict=True):
                totals[key] = totals.get(key, 0.0) + weight * float(one)
    for name in names:
        score["metrics"].setdefault(name, None)
        if weights.get(name):
            score["refused"].pop(name, None)
            keys = NO_REFERENCE_NEEDED[name]
            score["metrics"] |= {key: round(totals[key] / weights[name], 4) for key in keys}


def _pieces(size: int, sample_rate_hz: int) -> list[tuple[int, int]]:
    """What the models hear of a recording of *size* samples, as (start, stop)."""
    if size <= MOST_S * sample_rate_hz:
        length = round(PIECE_S * sample_rate_hz)
        return [(start, min(start + length, size)) for start in range(0, size, length)]
    length = round(SAMPLE_S * sample_rate_hz)
    starts = np.linspace(0, size - length, round(MOST_S / SAMPLE_S)).astype(int).tolist()
    return [(start, start + length) for start in starts]


def _answer(name: str, rate: int, *signals: Samples) -> Any:
    answer = shared_measuring().measure(name, rate, *signals)
    if "value" in answer:
        return answer["value"]
    if "missing" in answer:
        raise LibraryMissing(answer["missing"])
    raise MetricRefused(answer.get("refused", f"{name} gave no answer"))


def _at(samples: Samples, rate: int, wanted: int) -> Samples:
    if rate == wanted:
        return samples
    import soxr

    resampled: Samples = np.ascontiguousarray(soxr.resample(samples, rate, wanted), dtype=np.float32)
    return resampled
