"""Echo: repeats that fade away."""

import math
from dataclasses import dataclass

import numpy as np

from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.params import number
from dsp.tapped_line import TappedLine
from dsp.types import Block

LONGEST_MS = 2000.0
_FADE_MS = 10.0
_HEARD_DB = 60.0
_SETTLED_DB = 90.0


@dataclass(frozen=True, slots=True)
class EchoParams:
    """Parameters of `Echo`."""

    delay_ms: float = number(250.0, 10.0, LONGEST_MS, "ms", "from one repeat to the next", log=True)
    level_db: float = number(-10.0, -60.0, 6.0, "dB", "level of the first repeat; -60 dB is none")
    feedback_db: float = number(
        -15.0, -60.0, -3.0, "dB", "how much softer each further repeat is; -60 dB is a single one"
    )


class Echo(Filter):
    """A feedback comb beside the plain sound: ``w[n] = x[n] + g w[n - D]``, ``y[n] = x[n] + a w[n - D]``.

    One that follows another goes on with its line, and fades from its delay and feedback to its own.
    """

    def __init__(self, params: EchoParams, setting: Setting) -> None:
        rate_hz = setting.sample_rate_hz
        self._delay = round(params.delay_ms * rate_hz / 1000.0)
        self._feedback = _factor(params.feedback_db)
        self._level = _factor(params.level_db)
        self._line = TappedLine(round(LONGEST_MS * rate_hz / 1000.0), setting.channels)
        self._fade_samples = round(_FADE_MS * rate_hz / 1000.0)
        self._from: tuple[int, np.float32] | None = None
        self._faded = 0
        per_repeat = -params.feedback_db if self._feedback else math.inf
        self.tail_samples = self._delay * (1 + math.floor(_HEARD_DB / per_repeat))
        self._alone_samples = self._delay * (1 + math.ceil(_SETTLED_DB / per_repeat))
        self.settle_samples = self._alone_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        self.settle_samples = self._alone_samples
        start = 0
        while start < block.shape[1]:
            reach = self._delay if self._from is None else min(self._delay, self._from[0], self._fade_left())
            piece = block[:, start : start + min(reach, self._line.chunk)]
            past = self._past(piece.shape, self._delay)
            repeat = self._feedback * past
            if self._from is not None:
                repeat, past = self._fade(repeat, past)
            self._line.write(piece + repeat)
            piece += self._level * past
            start += piece.shape[1]
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._line.reset()
        self._from = None

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        if isinstance(previous, Echo):
            self._line.adopt(previous._line)
            self._from, self._faded = (previous._delay, previous._feedback), 0
            self.settle_samples = 0  # until it runs: the past is there now, and would not be after a reset

    def _past(self, shape: tuple[int, ...], delay: int) -> Block:
        """What `TappedLine.read` would give after as many samples more."""
        past = np.empty(shape, dtype=np.float32)
        self._line.read(delay - shape[1], past)
        return past

    def _fade_left(self) -> int:
        return self._fade_samples - self._faded

    def _fade(self, repeat: Block, past: Block) -> tuple[Block, Block]:
        assert self._from is not None
        delay, feedback = self._from
        count = repeat.shape[1]
        u = np.arange(self._faded + 1, self._faded + 1 + count) / (self._fade_samples + 1)
        # A raised cosine whose slope is one too: next to nothing far from a tone.
        weight = (0.5 - 0.5 * np.cos(np.pi * (u - np.sin(2.0 * np.pi * u) / (2.0 * np.pi)))).astype(
            np.float32
        )
        before = self._past(repeat.shape, delay)
        self._faded += count
        if self._fade_left() == 0:
            self._from = None
        was = feedback * before
        return was + weight * (repeat - was), before + weight * (past - before)


def _factor(db: float) -> np.float32:
    return np.float32(0.0 if db <= -60.0 else 10.0 ** (db / 20.0))


SPECS = (
    FilterSpec(
        name="echo",
        summary="Repeats of the sound that fade away",
        category="time and pitch",
        source="M. R. Schroeder, Natural sounding artificial reverberation (JAES 10(3), 1962): the comb filter",
        params=EchoParams,
        build=Echo,
        linear=True,
    ),
)
