"""What is heard of a chain that is bypassed: the plain sound, as late as the chain is and with a gain.

So two versions can be compared where they stand: nothing moves in time, and the louder one does not win.
"""

from dataclasses import dataclass

import numpy as np

from dsp.delay_line import DelayLine
from dsp.fade import CrossFade
from dsp.types import Block


class _Tap:
    """One delay with one gain."""

    def __init__(self, channels: int, delay_samples: int, gain_db: float) -> None:
        self.wanted = (delay_samples, gain_db)
        self.line = DelayLine(delay_samples, channels)
        self._factor = np.float32(10.0 ** (gain_db / 20.0))

    def process(self, block: Block) -> Block:
        self.line.process(block)
        if self._factor != 1.0:
            block *= self._factor
        return block


@dataclass(slots=True)
class _Fade:
    incoming: _Tap
    slope: CrossFade


class PlainPath:
    """Hands the plain sound on; a change of delay or gain is faded in, of several that wait the newest wins.

    Args:
        channels: of the blocks.
        delay_samples: how much later it comes out; silence comes before.
        gain_db: how much louder it comes out.
        fade_samples: length of the cross-fade to another delay or gain.
    """

    def __init__(self, channels: int, delay_samples: int, gain_db: float, fade_samples: int) -> None:
        self._channels = channels
        self._fade_samples = fade_samples
        self._tap = _Tap(channels, delay_samples, gain_db)
        self._fade: _Fade | None = None
        self._waiting: tuple[int, float] | None = None

    @property
    def gain_db(self) -> float:
        """The gain asked for last."""
        if self._waiting is not None:
            return self._waiting[1]
        return (self._tap if self._fade is None else self._fade.incoming).wanted[1]

    @property
    def changing(self) -> bool:
        """Whether another delay or gain is being faded in."""
        return self._fade is not None

    def change(self, delay_samples: int, gain_db: float) -> None:
        """Have another delay and gain, from the next block on."""
        wanted = (delay_samples, gain_db)
        if self._fade is not None:
            self._waiting = wanted
        elif wanted != self._tap.wanted:
            incoming = _Tap(self._channels, delay_samples, gain_db)
            incoming.line.adopt(self._tap.line)
            # What lies further back than the old line reaches is not known: it has to come in first.
            settle = max(0, delay_samples - self._tap.wanted[0])
            self._fade = _Fade(incoming, CrossFade(settle, self._fade_samples))

    def process(self, block: Block) -> Block:
        """Delay *block*, ``(channels, n)``, in place and return it."""
        if self._fade is None:
            return self._tap.process(block)
        fade = self._fade
        new = fade.incoming.process(block.copy())
        self._tap.process(block)
        if fade.slope.blend(block, new):
            self._end()
        return block

    def reset(self) -> None:
        """Forget the past, and be where the fades lead."""
        while self._fade is not None:
            self._end()
        self._tap.line.reset()

    def _end(self) -> None:
        assert self._fade is not None
        self._tap, self._fade = self._fade.incoming, None
        if self._waiting is not None:
            wanted, self._waiting = self._waiting, None
            self.change(*wanted)
