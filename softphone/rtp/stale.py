"""Whether packets that come too late come so for good."""

_STUCK_PACKETS = 5


class StaleRun:
    """Counts stale packets in a row.

    The packets of a stall come together, each less late than the one before. A route that has become longer, or a
    peer whose timestamps stood still in a pause, stays late.
    """

    __slots__ = ("_count", "_index", "_transit")

    def __init__(self) -> None:
        self._count = self._index = 0
        self._transit = 0.0

    def rescale(self, factor: int) -> None:
        """Ticks are shorter by this from now on."""
        self._transit *= factor

    def lasts(self, index: int, transit: float, slack_ticks: int) -> bool:
        """Count a stale packet; True, once, when they keep coming as late as before.

        Args:
            slack_ticks: by which one may be less late than the one before.
        """
        follows = index == self._index + 1 and transit > self._transit - slack_ticks
        self._count = self._count + 1 if follows else 1
        self._index, self._transit = index, transit
        if self._count < _STUCK_PACKETS:
            return False
        self._count = 0
        return True
