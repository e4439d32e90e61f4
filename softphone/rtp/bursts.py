"""Bursts of loss and the gaps between them (RFC 3611 section 4.7.2)."""

from dataclasses import dataclass

GMIN = 16
"""So many packets that came in a row end a burst: the value that the RFC recommends."""


@dataclass(frozen=True, slots=True)
class BurstGaps:
    """Over all of a reception; densities are shares of packets lost or discarded, durations are means."""

    burst_density: float
    gap_density: float
    burst_packets: float
    """Mean length of a burst, 0 where there was none."""
    gap_packets: float
    """Mean length of a gap; of all where there was no burst."""


class BurstMeter:
    """Told each run of packets that were lost or discarded, in the order of their numbers.

    Runs with fewer than `GMIN` packets received between them belong together; together they are a burst if that is more than one
    packet, while a single one lies in a gap.
    """

    def __init__(self) -> None:
        self._start = self._end = 0
        """First index of the group that may still grow, and the one behind it."""
        self._lost = 0
        self._bursts = self._burst_packets = self._burst_lost = 0
        self._gap_lost = 0
        self._first: int | None = None

    def begin(self, index: int) -> None:
        """The packet of this index is the first of all; later calls do nothing."""
        if self._first is None:
            self._first = self._start = self._end = index

    def add(self, first: int, until: int) -> None:
        """The packets *first* to *until* - 1 were lost or discarded."""
        self.begin(first)
        if self._lost and first - self._end < GMIN:
            self._lost += until - first
        else:
            self._close()
            self._start, self._lost = first, until - first
        self._end = until

    def _close(self) -> None:
        if self._lost > 1:
            self._bursts += 1
            self._burst_packets += self._end - self._start
            self._burst_lost += self._lost
        else:
            self._gap_lost += self._lost

    def read(self, until: int) -> BurstGaps:
        """What it comes to with the packets before index *until*; changes nothing."""
        bursts, burst_packets, burst_lost = self._bursts, self._burst_packets, self._burst_lost
        gap_lost = self._gap_lost
        if self._lost > 1:
            bursts, burst_packets = bursts + 1, burst_packets + self._end - self._start
            burst_lost += self._lost
        else:
            gap_lost += self._lost
        until = max(until, self._end)
        first = until if self._first is None else self._first
        gap_packets = max(0, until - first - burst_packets)
        return BurstGaps(
            burst_density=burst_lost / burst_packets if burst_packets else 0.0,
            gap_density=gap_lost / gap_packets if gap_packets else 0.0,
            burst_packets=burst_packets / bursts if bursts else 0.0,
            gap_packets=gap_packets / max(1, bursts),
        )
