"""The background under speech, from the levels of packets: what noise stays when nobody speaks."""

from collections import deque
from collections.abc import Iterable

import numpy as np

from dsp.codecs.vlc.model import Array

MEMORY_PACKETS = 32
"""2 to 4.6 s."""
SHARE = 8
"""One packet in so many is a pause."""


class Background:
    """Of the lower quartiles of the last packets' levels the lower eighth, band by band; worked out when asked for."""

    def __init__(self) -> None:
        # Levels of a packet, (frames, bands), or their quartile, (bands,).
        self._heard: deque[Array] = deque(maxlen=MEMORY_PACKETS)
        self._begun = False

    def follow(self, levels_db: Array) -> None:
        """Take the levels, ``(frames, bands)``, of the next packet, which are not changed afterwards."""
        # The first packet begins with the silence before the call.
        if self._begun:
            self._heard.append(levels_db)
        self._begun = True

    def begin_with(self, levels_db: Iterable[Array]) -> None:
        """Forget the past; take these for what was heard last."""
        self._heard.clear()
        self._heard.extend(levels_db)

    def heard(self) -> tuple[Array, ...]:
        """What `begin_with` takes to be as now."""
        return tuple(self._heard)

    @property
    def levels_db(self) -> Array | None:
        """``(bands,)``; None while nothing is known."""
        if not self._heard:
            return None
        for index, levels in enumerate(self._heard):
            if levels.ndim > 1:
                quartile = levels.shape[0] // 4
                self._heard[index] = np.partition(levels, quartile, axis=0)[quartile]
        place = len(self._heard) // SHARE
        least: Array = np.partition(np.stack(self._heard), place, axis=0)[place]
        return least
