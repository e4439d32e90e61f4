"""The mute switch of what is sent: silence in place of the microphone, faded into and out of."""

import numpy as np

from dsp.fade import rising
from dsp.types import Samples

FADE_S = 0.01
"""As long as a change of filters takes (`dsp.chain_rows.FADE_MS`); with the same slope (`dsp.fade`), so that no click is left."""


class Mute:
    """Fades blocks of any length to silence and back, in place.

    Args:
        sample_rate_hz: of the blocks.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        count = max(1, round(FADE_S * sample_rate_hz))
        self._gains: Samples = np.concatenate((1.0 - rising(0, count, count), np.zeros(1, dtype=np.float32)))
        """Gain of each sample of a fade to silence; the last one is of all that follow it."""
        self._faded = 0
        """How far: 0 is the plain sound, as many as there are gains is silence."""
        self.on = False
        """What is wanted; heard from the next block on."""

    @property
    def idle(self) -> bool:
        """Whether `process` would change nothing, now and later."""
        return not self.on and self._faded == 0

    def process(self, block: Samples) -> None:
        """Mute *block*, ``(n,)``, as far as it goes."""
        gains, start = self._gains, self._faded
        count = block.size
        if self.on:
            fade = gains[start : start + count]
            block[: fade.size] *= fade
            block[fade.size :] = 0.0
            self._faded = start + fade.size
        else:
            fade = gains[max(0, start - count) : start][::-1]
            block[: fade.size] *= fade
            self._faded = start - fade.size
