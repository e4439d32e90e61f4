"""Packets whose time of playout passed without them: lost in the network, or late."""

from softphone.rtp.bursts import BurstMeter

_MAX_KEPT = 256
_MAX_KEPT_AT_ONCE = 64


class Losses:
    """Counts of them, and since when each was wanted, for those that come after all."""

    def __init__(self, clock_rate_hz: int) -> None:
        self.packets = 0
        self.bursts = 0
        """Runs of them."""
        self.runs = BurstMeter()
        self._clock_rate_hz = clock_rate_hz
        self._burst_end: int | None = None
        self._wanted: dict[int, tuple[float, int]] = {}

    def rescale(self, factor: int) -> None:
        """Ticks are shorter by this from now on."""
        self._clock_rate_hz *= factor
        for index, (since, growth) in self._wanted.items():
            self._wanted[index] = since, growth * factor

    def add(
        self, first: int, until: int, since: float, now: float, *, packet_ticks: int, growth: int
    ) -> None:
        """The packets *first* to *until* - 1 are passed over.

        Args:
            since: when the first of them was wanted.
            packet_ticks: how much later each of the others was, though not later than *now*.
            growth: by how much the delay has grown so far.
        """
        self.packets += until - first
        self.runs.add(first, until)
        if first != self._burst_end:
            self.bursts += 1
        self._burst_end = until
        packet_s = packet_ticks / self._clock_rate_hz
        for index in range(max(first, until - _MAX_KEPT_AT_ONCE), until):
            self._wanted[index] = (min(now, since + (index - first) * packet_s), growth)
        while len(self._wanted) > _MAX_KEPT:
            del self._wanted[next(iter(self._wanted))]

    def lateness_ticks(self, index: int, arrival: float, growth: int) -> int:
        """By how much packet *index* misses its playout still, now that the delay has grown by *growth*."""
        wanted = self._wanted.pop(index, None)
        if wanted is None:
            return 0
        since, growth_then = wanted
        return int((arrival - since) * self._clock_rate_hz) + 1 - (growth - growth_then)

    def burst_ratio(self, played: int) -> float:
        """BurstR of G.107 beside *played* packets: mean burst over that of random loss of the same rate."""
        if not self.packets:
            return 1.0
        loss = self.packets / (self.packets + played)
        return max(1.0, self.packets / self.bursts * (1.0 - loss))
