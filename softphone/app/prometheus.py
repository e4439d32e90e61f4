"""What a probe has measured, as a text file for Prometheus (text exposition format 0.0.4, textfile collector of node_exporter)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from softphone.app.result import Result
from softphone.call.outcome import Outcome

SETUP_BOUNDS_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
LOSS_BOUNDS = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
JITTER_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
MOS_BOUNDS = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.3)


@dataclass(slots=True)
class Histogram:
    """Counts of values up to each bound, and their sum."""

    bounds: tuple[float, ...]
    total: float = 0.0
    counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count *value*."""
        self.total += value
        place = next((place for place, bound in enumerate(self.bounds) if value <= bound), len(self.bounds))
        self.counts[place] += 1

    def samples(self) -> Iterator[tuple[str, Mapping[str, str], float]]:
        """Suffix of the name, labels and value of each line."""
        so_far = 0
        for bound, count in zip((*self.bounds, None), self.counts, strict=True):
            so_far += count
            yield "_bucket", {"le": "+Inf" if bound is None else f"{bound:g}"}, so_far
        yield "_sum", {}, self.total
        yield "_count", {}, so_far


_HISTOGRAMS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "setup_seconds": ("INVITE to 200.", SETUP_BOUNDS_S),
    "loss_ratio": ("Share of the packets sent to us that the network lost.", LOSS_BOUNDS),
    "jitter_seconds": ("Jitter of what was received, RFC 3550 A.8.", JITTER_BOUNDS_S),
    "mos": ("MOS-CQ of the E-model.", MOS_BOUNDS),
}
_GAUGES: Mapping[str, str] = {
    "last_up": "Whether the newest call completed with audio both ways.",
    "last_start_time_seconds": "When the newest call began, in seconds since 1970.",
    "last_setup_seconds": "INVITE to 200, of the newest call.",
    "last_duration_seconds": "How long audio ran.",
    "last_loss_ratio": "Share of the packets sent to us that the network lost.",
    "last_discard_ratio": "Share that came too late to be played.",
    "last_jitter_seconds": "Jitter of what was received, RFC 3550 A.8.",
    "last_rtt_seconds": "Round trip, by RTCP.",
    "last_mos": "MOS-CQ of the E-model.",
    "last_score": "Score of what was heard, where it was scored.",
    "last_level_dbov": "Active speech level heard, P.56.",
}


class Metrics:
    """Counters since the start of one probe, and what the newest call gave; their number does not grow."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._outcomes = {outcome.value: 0 for outcome in Outcome}
        self._histograms = {name: Histogram(bounds) for name, (_, bounds) in _HISTOGRAMS.items()}
        self._last: dict[str, float | None] = {}

    def add(self, result: Result) -> None:
        """Count a call."""
        outcome = str(result["outcome"])
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1
        received = result.get("received") or {}
        measured = {
            "setup_seconds": result.get("setup_s"),
            "loss_ratio": _scaled(received.get("loss_pct"), 0.01),
            "jitter_seconds": _scaled(received.get("jitter_ms"), 0.001),
            "mos": (result.get("emodel") or {}).get("mos_cq"),
        }
        for name, value in measured.items():
            if value is not None:
                self._histograms[name].add(float(value))
        self._last = {
            "last_up": float(outcome == Outcome.COMPLETED.value),
            "last_start_time_seconds": datetime.fromisoformat(result["started_at"]).timestamp(),
            "last_duration_seconds": result.get("duration_s"),
            "last_discard_ratio": _scaled(received.get("discard_pct"), 0.01),
            "last_rtt_seconds": _scaled(result.get("rtt_ms"), 0.001),
            "last_score": (result.get("score") or {}).get("value"),
            "last_level_dbov": received.get("level_dbov"),
            **{f"last_{name}": value for name, value in measured.items()},
        }

    def render(self) -> str:
        """The whole file."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        labels = {"target": self._target}
        yield from _head("calls_total", "Calls placed, by what became of them.", "counter")
        for outcome, count in self._outcomes.items():
            yield _sample("calls_total", {**labels, "outcome": outcome}, count)
        for name, histogram in self._histograms.items():
            yield from _head(f"call_{name}", _HISTOGRAMS[name][0], "histogram")
            for suffix, more, value in histogram.samples():
                yield _sample(f"call_{name}{suffix}", {**labels, **more}, value)
        for name, text in _GAUGES.items():
            if (newest := self._last.get(name)) is not None:
                yield from _head(f"call_{name}", text, "gauge")
                yield _sample(f"call_{name}", labels, newest)


def _head(name: str, text: str, kind: str) -> Iterable[str]:
    return f"# HELP softphone_{name} {text}", f"# TYPE softphone_{name} {kind}"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    written = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"softphone_{name}{{{written}}} {value:.10g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else round(value * factor, 9)
