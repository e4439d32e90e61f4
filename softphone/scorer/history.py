"""One figure of one voice over weeks, and how it lies to what that person's first memos gave.

Only what can be compared is joined: values of one task (vowel, speech), made with one and the same settings, at sample rates of
one class. All rates from 44.1 kHz on are one class, every rate below is its own (what is missing above half the rate changes
spectra, and coarse samples change jitter and shimmer).

The baseline is the first memos of that row, its median and its band. The band is the range from the least to the greatest
value of the baseline's *k* memos. If nothing has changed, so that all values come from one distribution, whatever its shape,
the next value lies in that range with probability (k - 1) / (k + 1): of k + 1 values each is equally likely the least or the
greatest of all. (Order statistics: H. A. David and H. N. Nagaraja, Order Statistics, 3rd ed. 2003, chapter 7, prediction
intervals.) So the band promises no more than few memos can: 67 % with 5, 80 % with 9, 90 % with 19.
"""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

FULL_RATE_HZ = 44_100
LEAST_BASELINE = 3
"""Fewer memos are no baseline: of three, the band holds half of what comes."""

Position = Literal["below", "within", "above"]


@dataclass(frozen=True, slots=True)
class Point:
    """The value of one memo."""

    memo_id: str
    name: str
    started_at: str
    """As a person reads it: date and time of day."""
    at_s: float
    """Seconds since 1970."""
    value: float
    task: str
    sample_rate_hz: int
    settings: str
    """What it was measured with, as one line; equal only where all is equal."""
    version: str
    """Of the measures."""
    device: str
    """What it was recorded with; ``imported``: a file does not say."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A memo that has no such value."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the first memos gave."""

    count: int
    median: float
    low: float
    high: float

    @property
    def coverage(self) -> float:
        """Probability that one more value lies in the band, if nothing has changed."""
        return (self.count - 1) / (self.count + 1)

    def position(self, value: float) -> Position:
        """Where *value* lies to the band, whose ends belong to it."""
        return "below" if value < self.low else "above" if value > self.high else "within"


@dataclass(frozen=True, slots=True)
class History:
    """What is drawn and told."""

    points: tuple[Point, ...]
    """Those that are joined, the oldest first."""
    others: tuple[Point, ...]
    """Of another task, other settings or another class of sample rates."""
    left_out: tuple[LeftOut, ...]
    baseline: Baseline | None
    """None: there are too few memos."""

    @property
    def later(self) -> tuple[Point, ...]:
        """The points behind the baseline."""
        return () if self.baseline is None else self.points[self.baseline.count :]

    @property
    def outside(self) -> int:
        """How many of the later ones lie outside the band."""
        if self.baseline is None:
            return 0
        return sum(self.baseline.position(point.value) != "within" for point in self.later)

    @property
    def outside_by_chance(self) -> float:
        """How many would on average, if nothing has changed."""
        return 0.0 if self.baseline is None else len(self.later) * (1 - self.baseline.coverage)

    @property
    def newest(self) -> Point | None:
        """The last one that is joined."""
        return self.points[-1] if self.points else None

    def position(self, point: Point) -> Position | None:
        """Where a later *point* lies; None for one of the baseline, or where there is none."""
        if self.baseline is None or point not in self.later:
            return None
        return self.baseline.position(point.value)


def rate_class(sample_rate_hz: int) -> str:
    """Which sample rates are compared with each other."""
    return "44.1 kHz or more" if sample_rate_hz >= FULL_RATE_HZ else f"{sample_rate_hz / 1000:g} kHz"


def history(
    points: Iterable[Point], *, baseline: int, task: str | None = None, left_out: Iterable[LeftOut] = ()
) -> History:
    """Put *points* in order.

    Args:
        points: of one figure, in any order.
        baseline: how many of the first are the baseline; with fewer, all but the newest.
        task: which to join; None: that of the row with the most points, of equal ones the one with the newest.
        left_out: told as it is.
    """
    rows: dict[tuple[str, str, str], list[Point]] = {}
    for point in sorted(points, key=lambda each: (each.at_s, each.memo_id)):
        rows.setdefault((point.task, rate_class(point.sample_rate_hz), point.settings), []).append(point)
    wanted = [row for key, row in rows.items() if task in (None, key[0])]
    main = max(wanted, key=lambda row: (len(row), row[-1].at_s), default=[])
    others = [point for row in rows.values() if row is not main for point in row]
    return History(
        points=tuple(main),
        others=tuple(sorted(others, key=lambda each: each.at_s)),
        left_out=tuple(left_out),
        baseline=baseline_of([point.value for point in main], baseline),
    )


def baseline_of(values: list[float], most: int) -> Baseline | None:
    """Of *values*, the oldest first; None: there are not `LEAST_BASELINE` before the newest."""
    first = values[: min(most, len(values) - 1)]
    if len(first) < LEAST_BASELINE:
        return None
    return Baseline(len(first), statistics.median(first), min(first), max(first))


def warnings_of(found: History) -> list[str]:
    """What to know before the line is read, a sentence each."""
    said = []
    if found.others:
        kinds = sorted({f"{each.task}, {rate_class(each.sample_rate_hz)}" for each in found.others})
        said.append(
            f"not joined to the others, for their values cannot be compared: {_memos(len(found.others))} of another task or "
            f"sample rate, or measured with other settings ({'; '.join(kinds)})"
        )
    for names, what, advice in (
        (
            {point.device for point in found.points},
            "devices",
            "a change between them may be the microphone's",
        ),
        (
            {point.version for point in found.points},
            "versions of the measures",
            "`memo measure` makes them one",
        ),
    ):
        if len(names) > 1:
            some = ", ".join(sorted(names)[:3]) + (" and others" if len(names) > 3 else "")
            said.append(f"the memos come from {len(names)} {what} ({some}): {advice}")
    if found.points and found.baseline is None:
        said.append(
            f"{_memos(len(found.points))} so far: a baseline needs {LEAST_BASELINE} before the newest, and says more the "
            "more there are"
        )
    return said


def verdict_of(found: History) -> str | None:
    """What the line says, in a sentence; None: there is no baseline yet."""
    base = found.baseline
    if base is None:
        return None
    chance = f"{found.outside_by_chance:.1f}"
    return (
        f"of {_memos(len(found.later))} after the baseline {found.outside} outside its band; if nothing has changed, "
        f"{chance} would on average (the band of {base.count} memos holds {100 * base.coverage:.0f} % of what comes)"
    )


def _memos(count: int) -> str:
    return "1 memo" if count == 1 else f"{count} memos"


def span_of(found: History, more: Iterable[float] = ()) -> tuple[float, float]:
    """Least and greatest value that a chart has to show, a twentieth of room around them.

    Args:
        found: whose points and band are in it.
        more: what else is to be seen.
    """
    values = [point.value for point in (*found.points, *found.others)]
    if found.baseline is not None:
        values += [found.baseline.low, found.baseline.high]
    values += [value for value in more if math.isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.05 * (high - low) or max(0.05 * abs(high), 0.5)
    return low - room, high + room


def as_mapping(found: History) -> dict[str, object]:
    """*found* as JSON knows it."""
    base = found.baseline
    told: Mapping[str, float] | None = None
    if base is not None:
        told = {
            "count": base.count,
            "median": base.median,
            "low": base.low,
            "high": base.high,
            "coverage": round(base.coverage, 4),
        }
    return {
        "task": found.points[0].task if found.points else None,
        "sample_rates": rate_class(found.points[0].sample_rate_hz) if found.points else None,
        "settings": found.points[0].settings if found.points else None,
        "points": [_told(point) | {"position": found.position(point)} for point in found.points],
        "others": [
            _told(point)
            | {"task": point.task, "sample_rate_hz": point.sample_rate_hz, "settings": point.settings}
            for point in found.others
        ],
        "left_out": [{"name": each.name, "reason": each.reason} for each in found.left_out],
        "baseline": told,
        "outside": found.outside if base is not None else None,
        "outside_by_chance": round(found.outside_by_chance, 2) if base is not None else None,
    }


def _told(point: Point) -> dict[str, object]:
    return {
        "id": point.memo_id,
        "name": point.name,
        "started_at": point.started_at,
        "value": point.value,
        "device": point.device,
    }
