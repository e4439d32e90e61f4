"""Network figures of one RTP stream, from the numbers of its packets and the times they were captured at.

Conventions: times in seconds, results in the units of their names; *transit* is arrival less timestamp.
Source: RFC 3550 section 6.4.1 and appendices A.1, A.3, A.8 (loss, jitter); ITU-T G.107 clause 7.5 (BurstR); RFC 5481 section
4.2 (packet delay variation: delay above the least one).
"""

import itertools
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from softphone.capture.numbers import Floats, Ints, extended, unwrapped
from softphone.capture.streams import RtpStream

BREAK_S = 10.0
"""A transit that jumps by more is another time line."""
SKEW_LEAST_S = 10.0
SKEW_ERROR_PPM = 50.0
"""A clock skew that is not known better than this is not given."""
_SKEW_BINS = 100
_RUNS_SHOWN = 10
CLOCK_RATES_HZ = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 90000)
_CLOCK_TOLERANCE = 0.03
_CLOCK_LEAST_S = 1.0


@dataclass(frozen=True, slots=True)
class NetworkFigures:
    """What the line did to one stream, as far as the capturing machine could see it. None: not known."""

    first_at: float
    seconds: float
    """From the first packet to the end of the last one."""
    packets: int
    """That were captured, each copy counted."""
    expected: int
    """That the sender sent between the first and the last one, by their numbers."""
    lost: int
    loss_pct: float
    duplicates: int
    reordered: int
    """Packets that came after one with a higher number."""
    restarts: int
    """Jumps of the sequence numbers by more than `softphone.capture.numbers.MAX_DROPOUT`, to stay."""
    loss_runs: dict[str, int] = field(default_factory=dict)
    """Length of a run of lost packets ("10+": ten or more) -> how often."""
    longest_loss: int = 0
    loss_burst_r: float = 1.0
    """BurstR of what was lost in the network: mean run over that of random loss at the same rate."""
    max_delta_ms: float | None = None
    mean_delta_ms: float | None = None
    """Between packets, as captured."""
    jitter_ms: float | None = None
    """RFC 3550 A.8, after the last packet."""
    jitter_mean_ms: float | None = None
    jitter_max_ms: float | None = None
    pdv_p50_ms: float | None = None
    pdv_p95_ms: float | None = None
    pdv_p99_ms: float | None = None
    pdv_max_ms: float | None = None
    """Delay above the least one, clock skew taken out."""
    skew_ppm: float | None = None
    """Positive: the stream lasts longer than its timestamps say, the sender's clock is slow against the capturing one."""
    ptime_ms: float | None = None
    """Audio in a packet, by the timestamps."""
    silence_gaps: int = 0
    """Times that nothing was sent for on purpose: the timestamps go on, the numbers have no hole."""
    silence_ms: float = 0.0
    payload_bytes: int = 0
    """Without RTP headers, extensions and padding."""
    payload_bps: float = 0.0
    wire_bps: float = 0.0
    """With RTP, UDP and IP headers."""


def clock_rate_of(stream: RtpStream) -> int | None:
    """The usual clock rate that goes best with the pace of the timestamps; None: none does."""
    at, ticks = np.array(stream.at), unwrapped(np.array(stream.timestamp, dtype=np.int64), 32)
    if at.size < 2 or at[-1] - at[0] < _CLOCK_LEAST_S:
        return None
    rate = float(ticks[-1] - ticks[0]) / float(at[-1] - at[0])
    best = min(CLOCK_RATES_HZ, key=lambda each: abs(rate - each) / each)
    return best if abs(rate - best) <= _CLOCK_TOLERANCE * best else None


def network_figures(
    stream: RtpStream, clock_rate_hz: int | None, *, untimed: Collection[int] = ()
) -> NetworkFigures:
    """Figures of *stream*, which has a packet at least.

    Args:
        clock_rate_hz: of its timestamps; None: what needs it is not given.
        untimed: payload types whose timestamps stand still or mark no sound (events, comfort noise): left out of jitter and delay.
    """
    at = np.array(stream.at)
    index, segment, stray = extended(np.array(stream.sequence_number, dtype=np.int64))
    keep = ~stray
    expected = lost = duplicates = reordered = 0
    runs: Counter[int] = Counter()
    edges = np.searchsorted(segment, np.arange(int(segment[-1]) + 2))
    for start, stop in itertools.pairwise(edges.tolist()):
        mine = index[start:stop][keep[start:stop]]
        unique, firsts = np.unique(mine, return_index=True)
        expected += int(unique[-1] - unique[0]) + 1
        lost += int(unique[-1] - unique[0]) + 1 - unique.size
        duplicates += mine.size - unique.size
        first_seen = np.zeros(mine.size, dtype=bool)
        first_seen[firsts] = True
        reordered += int(np.count_nonzero((mine < np.maximum.accumulate(mine)) & first_seen))
        gaps = np.diff(unique) - 1
        runs.update(int(gap) for gap in gaps[gaps > 0])
    payload_bytes = int(np.array(stream.payload_bytes, dtype=np.int64).sum())
    timing = _Timing(stream, at, index, segment, keep, clock_rate_hz, untimed)
    seconds = float(at.max() - at.min()) + (timing.ptime_ms or 0.0) / 1000
    deltas = np.diff(at) * 1000
    return NetworkFigures(
        first_at=float(at[0]),
        seconds=seconds,
        packets=at.size,
        expected=expected,
        lost=lost,
        loss_pct=100 * lost / expected,
        duplicates=duplicates,
        reordered=reordered,
        restarts=int(segment[-1]),
        loss_runs=_runs(runs),
        longest_loss=max(runs, default=0),
        loss_burst_r=_burst_r(runs, expected),
        max_delta_ms=float(deltas.max()) if deltas.size else None,
        mean_delta_ms=float(deltas.mean()) if deltas.size else None,
        **timing.figures(),
        ptime_ms=timing.ptime_ms,
        silence_gaps=timing.silence_gaps,
        silence_ms=timing.silence_ms,
        payload_bytes=payload_bytes,
        payload_bps=8 * payload_bytes / seconds if seconds > 0 else 0.0,
        wire_bps=8 * int(np.array(stream.wire, dtype=np.int64).sum()) / seconds if seconds > 0 else 0.0,
    )


class _Timing:
    """What the timestamps tell."""

    def __init__(
        self,
        stream: RtpStream,
        at: Floats,
        index: Ints,
        segment: Ints,
        keep: NDArray[np.bool_],
        clock_rate_hz: int | None,
        untimed: Collection[int],
    ) -> None:
        self.ptime_ms: float | None = None
        self.silence_gaps, self.silence_ms = 0, 0.0
        kinds = np.array(stream.payload_type) & 0x7F
        audio = keep & ~np.isin(kinds, list(untimed)) if untimed else keep
        self._clock_hz = clock_rate_hz
        self._at = at[audio]
        self._ticks = unwrapped(np.array(stream.timestamp, dtype=np.int64)[audio], 32)
        if clock_rate_hz is None or self._at.size < 2:
            return
        number, line = index[audio], segment[audio]
        # Beside each other by number, in one segment; the order of sending.
        order = np.lexsort((number, line))
        steps = np.diff(self._ticks[order])
        next_one = (np.diff(number[order]) == 1) & (np.diff(line[order]) == 0) & (steps > 0)
        if not next_one.any():
            return
        values, counts = np.unique(steps[next_one], return_counts=True)
        ticks = int(values[counts.argmax()])
        self.ptime_ms = 1000 * ticks / clock_rate_hz
        silent = steps[next_one & (steps >= 1.5 * ticks) & (steps < BREAK_S * 60 * clock_rate_hz)] - ticks
        self.silence_gaps = silent.size
        self.silence_ms = float(1000 * silent.sum() / clock_rate_hz)

    def figures(self) -> dict[str, float | None]:
        """Jitter, delay variation and skew."""
        names = (
            *("jitter_ms", "jitter_mean_ms", "jitter_max_ms", "pdv_p50_ms", "pdv_p95_ms", "pdv_p99_ms"),
            *("pdv_max_ms", "skew_ppm"),
        )
        found: dict[str, float | None] = dict.fromkeys(names)
        if self._clock_hz is None or self._at.size < 2:
            return found
        transit = (self._at - self._at[0]) - (self._ticks - self._ticks[0]) / self._clock_hz
        steps = np.diff(transit)
        broken = np.abs(steps) >= BREAK_S
        jitter = 1000 * jitter_after(steps)[~broken]
        if jitter.size:
            found["jitter_ms"], found["jitter_max_ms"] = float(jitter[-1]), float(jitter.max())
            found["jitter_mean_ms"] = float(jitter.mean())
        edges = [0, *(np.flatnonzero(broken) + 1).tolist(), transit.size]
        lines = list(itertools.pairwise(edges))
        start, stop = max(lines, key=lambda line: line[1] - line[0])
        skew = _skew(self._at[start:stop], transit[start:stop])
        found["skew_ppm"] = None if skew is None else 1e6 * skew
        delays = []
        for a, b in lines:
            delay = transit[a:b] - (skew or 0.0) * (self._at[a:b] - self._at[a])
            delays.append(delay - delay.min())
        above = 1000 * np.concatenate(delays)
        for name, value in zip(names[3:6], np.percentile(above, (50, 95, 99)), strict=True):
            found[name] = float(value)
        found["pdv_max_ms"] = float(above.max())
        return found


def jitter_after(steps: Floats) -> Floats:
    """Interarrival jitter after each change of the transit (RFC 3550 appendix A.8), in its unit."""
    value, values = 0.0, []
    for step in np.abs(steps).tolist():
        if step < BREAK_S:
            value += (step - value) * 0.0625
        values.append(value)
    return np.array(values)


def _skew(at: Floats, transit: Floats) -> float | None:
    """Slope of the least delay over time (seconds per second), by the median of the slopes between bins (Theil and Sen)."""
    if at.size < 2 * _SKEW_BINS // 10 or at.max() - at.min() < SKEW_LEAST_S:
        return None
    order = np.argsort(at, kind="stable")
    pieces = [piece for piece in np.array_split(order, min(_SKEW_BINS, at.size // 10)) if piece.size]
    best = np.array([piece[transit[piece].argmin()] for piece in pieces])
    x, y = at[best] - at[best[0]], transit[best]
    first, second = np.triu_indices(x.size, 1)
    apart = x[second] - x[first] > 0
    if not apart.any():
        return None
    slope = float(np.median((y[second] - y[first])[apart] / (x[second] - x[first])[apart]))
    rest = y - slope * x
    spread = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    error = spread / (float(x.std()) * x.size**0.5) if x.std() > 0 else np.inf
    return slope if 1e6 * error <= SKEW_ERROR_PPM else None


def _runs(runs: Counter[int]) -> dict[str, int]:
    shown: Counter[str] = Counter()
    for length in sorted(runs):
        shown[str(length) if length < _RUNS_SHOWN else f"{_RUNS_SHOWN}+"] += runs[length]
    return dict(shown)


def _burst_r(runs: Counter[int], expected: int) -> float:
    lost = sum(length * count for length, count in runs.items())
    if not lost:
        return 1.0
    return max(1.0, lost / sum(runs.values()) * (1 - lost / expected))
