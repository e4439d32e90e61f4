"""Delay: the sound later by whole samples."""

from dataclasses import dataclass

from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.params import number
from dsp.tapped_line import TappedLine
from dsp.types import Block

LONGEST_MS = 5000.0


@dataclass(frozen=True, slots=True)
class DelayParams:
    """Parameters of `Delay`."""

    delay_ms: float = number(100.0, 0.0, LONGEST_MS, "ms", "how much later, to the nearest sample")


class Delay(Filter):
    """Gives what came some time ago.

    The line holds the longest delay, so that one that follows it knows all of the past. The delay is what is wanted,
    so it is no latency: files get longer by it.
    """

    def __init__(self, params: DelayParams, setting: Setting) -> None:
        rate_hz = setting.sample_rate_hz
        self._delay = round(params.delay_ms * rate_hz / 1000.0)
        self._line = TappedLine(round(LONGEST_MS * rate_hz / 1000.0), setting.channels)
        self.tail_samples = self._delay
        self.settle_samples = self._delay

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        self.settle_samples = self._delay
        for start in range(0, block.shape[1], self._line.chunk):
            piece = block[:, start : start + self._line.chunk]
            self._line.write(piece)
            self._line.read(self._delay, piece)
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._line.reset()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        if isinstance(previous, Delay):
            self._line.adopt(previous._line)
            self.settle_samples = 0  # until it runs: the past is there now, and would not be after a reset


SPECS = (
    FilterSpec(
        name="delay",
        summary="The same sound later",
        category="time and pitch",
        source="definition",
        params=DelayParams,
        build=Delay,
        linear=True,
    ),
)
