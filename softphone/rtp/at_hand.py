"""While packets are lost: keeping the next one at hand, for decoders that fill a gap from both of its sides."""

from math import inf

_MEMORY_S = 10.0
"""A loss is followed by another within this, or the line is held to be good again."""


class NextAtHand:
    """Whether playout should stay one packet behind."""

    def __init__(self) -> None:
        self.wanted = False
        """Whether the decoder makes use of it."""
        self._lost_at = -inf

    def lost(self, now: float) -> None:
        """A packet was wanted, its successor is here and it is not."""
        self._lost_at = now

    def active(self, now: float) -> bool:
        """Whether it is worth the delay now."""
        return self.wanted and now - self._lost_at < _MEMORY_S
