"""What lies between two packets that are played: packets lost, packets that hold no audio, time nothing was sent for."""

_NEVER = -1


class GapMeter:
    """Compares each packet that is played with the end of the one before.

    A packet follows the one before directly when its index is `index` and its timestamp `end`.
    """

    __slots__ = ("_broken_at", "end", "index", "silent")

    def __init__(self) -> None:
        self.end = 0
        """Extended timestamp behind the packet played last."""
        self.index = _NEVER
        """Extended sequence number behind it."""
        self.silent = 0
        """Packets since then that came and hold no audio."""
        self._broken_at = _NEVER

    def restart(self, index: int) -> None:
        """From packet *index* on timestamps have nothing to do with those before."""
        self._broken_at = index

    def rescale(self, factor: int) -> None:
        """Ticks are shorter by this from now on."""
        self.end *= factor

    def measure(self, index: int, timestamp: int, packet_ticks: int) -> tuple[int, int]:
        """(packets lost, ticks that nothing was sent for) before this packet.

        Args:
            packet_ticks: duration of the packet played before, and so of those between.
        """
        if self.index == _NEVER:
            return 0, 0
        missing = max(0, index - self.index)
        lost = max(0, missing - self.silent)
        if self.index <= self._broken_at <= index:
            return lost, 0
        return lost, max(0, timestamp - self.end - missing * packet_ticks)
