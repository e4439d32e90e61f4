"""When the line was bad: losses and jitter of a stream in windows of equal length.

Conventions: a lost packet belongs to the time at which the next one after it came; jitter is that of `figures`, its greatest in
the window.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from softphone.capture.figures import jitter_after
from softphone.capture.numbers import Floats, extended, unwrapped
from softphone.capture.streams import RtpStream

WINDOW_S = 5.0
MOST_WINDOWS = 720
"""Longer streams have longer windows."""


@dataclass(frozen=True, slots=True)
class Interval:
    """One window of a stream."""

    from_s: float
    """Since its first packet."""
    packets: int
    """That came, copies included."""
    lost: int
    jitter_ms: float | None
    """The greatest; None where nothing timed came."""


def timeline(
    stream: RtpStream, clock_rate_hz: int | None, *, untimed: Collection[int] = ()
) -> list[Interval]:
    """*stream* in windows of `WINDOW_S`, or of whole multiples of it; windows without a packet or a loss are left out.

    Args:
        clock_rate_hz, untimed: as for `softphone.capture.figures.network_figures`.
    """
    at = np.array(stream.at)
    since = at - at.min()
    window_s = WINDOW_S * max(1.0, float(np.ceil(since.max() / (WINDOW_S * MOST_WINDOWS))))
    place = (since // window_s).astype(np.int64)
    count = int(place.max()) + 1
    packets = np.bincount(place, minlength=count)
    index, segment, stray = extended(np.array(stream.sequence_number, dtype=np.int64))
    keep = np.flatnonzero(~stray)
    order = keep[np.lexsort((index[keep], segment[keep]))]
    gaps = np.diff(index[order]) - 1
    gaps[(np.diff(segment[order]) != 0) | (gaps < 0)] = 0
    lost = np.bincount(place[order[1:]], weights=gaps, minlength=count).astype(np.int64)
    jitter = _jitter(stream, at, keep, clock_rate_hz, untimed)
    most = np.full(count, -1.0)
    np.maximum.at(most, place, jitter)
    return [
        Interval(n * window_s, int(packets[n]), int(lost[n]), None if most[n] < 0 else 1000 * float(most[n]))
        for n in range(count)
        if packets[n] or lost[n]
    ]


def _jitter(
    stream: RtpStream,
    at: Floats,
    keep: np.ndarray[tuple[int], np.dtype[np.intp]],
    clock_rate_hz: int | None,
    untimed: Collection[int],
) -> Floats:
    """Interarrival jitter after each packet, in seconds; -1 where there is none."""
    found = np.full(at.size, -1.0)
    kinds = np.array(stream.payload_type) & 0x7F
    rows = keep[~np.isin(kinds[keep], list(untimed))] if untimed else keep
    if clock_rate_hz is None or rows.size < 2:
        return found
    ticks = unwrapped(np.array(stream.timestamp, dtype=np.int64)[rows], 32)
    transit = at[rows] - at[rows[0]] - (ticks - ticks[0]) / clock_rate_hz
    found[rows[1:]] = jitter_after(np.diff(transit))
    return found
