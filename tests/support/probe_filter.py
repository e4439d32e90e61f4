"""A filter that says of itself what it is told to say, and chains of it: to test the chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.chain import FilterChain
from dsp.chain_rows import FADE_MS
from dsp.errors import LibraryMissing, ParameterError
from dsp.filters import Filter, FilterSpec, Reading, Setting, filters
from dsp.params import flag, integer, number
from dsp.preset import Preset
from dsp.types import Block, Samples

RATE_HZ = 8000
FADE = round(FADE_MS * RATE_HZ / 1000)


@dataclass(frozen=True, slots=True)
class ProbeParams:
    level: float = number(1.0, -1000.0, 1000.0, "", "what every sample becomes a multiple of")
    settle: int = integer(0, 0, 10**6, "samples", "how long it says it takes")
    delay: int = integer(0, 0, 10**6, "samples", "how late it says it is")
    tail: int = integer(0, 0, 10**6, "samples", "how long it says it rings on")
    copies: int = integer(0, 0, 8, "", "channels out; 0: as many as come in")
    stretch: int = integer(1, 1, 4, "", "how much longer the output is")
    missing: bool = flag(False, "ask for an engine that is not there")


class Probe(Filter):
    """Multiplies, counts, and says of itself what it is told to say."""

    def __init__(self, params: ProbeParams, setting: Setting) -> None:
        if params.missing:
            raise LibraryMissing("the engine is not installed")
        if params.level == 13.0:
            raise ParameterError("level must not be 13")
        self._params = params
        self.channels_out = params.copies or None
        self.settle_samples, self.delay_samples = params.settle, params.delay
        self.tail_samples, self.length_factor = params.tail, float(params.stretch)
        self.seen = self.taken = self.resets = 0
        self.far: Samples | None = None

    def process(self, block: Block) -> Block:
        self.seen += block.shape[1]
        block *= np.float32(self._params.level)
        if self.far is not None:
            block += self.far
        if self._params.copies:
            block = np.repeat(block[:1], self._params.copies, axis=0)
        return np.repeat(block, self._params.stretch, axis=1) if self._params.stretch > 1 else block

    def reset(self) -> None:
        self.seen = 0
        self.resets += 1

    def adopt(self, previous: Filter) -> None:
        assert isinstance(previous, Probe)
        self.taken = previous.seen + previous.taken

    def hear_far(self, far: Samples) -> None:
        self.far = far

    def readings(self) -> Mapping[str, float]:
        return {"seen": self.seen, "taken": self.taken, "resets": self.resets}


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let presets know ``probe``, ``ear`` (hears the far end) and ``rubber`` (changes the length) during one test."""
    for name, more in (("probe", {}), ("ear", {"takes_far": True}), ("rubber", {"changes_length": True})):
        spec = FilterSpec(
            name, "For tests", "level", "own", ProbeParams, Probe,
            readings=(Reading("seen", "samples", "what it saw"),), **more,
        )  # fmt: skip
        monkeypatch.setitem(filters._items, name, spec)


def preset(*entries: Mapping[str, Any] | float, name: str = "one") -> Preset:
    """A probe for each number; any other entry as it stands."""
    tables = [
        {"type": "probe", "level": each} if isinstance(each, (int, float)) else each for each in entries
    ]
    return Preset.parse({"filter": tables}, name)


def chain(*entries: Mapping[str, Any] | float, channels: int = 1) -> FilterChain:
    return FilterChain(preset(*entries), Setting(RATE_HZ, channels))


def ones(count: int, channels: int = 1) -> Block:
    return np.ones((channels, count), dtype=np.float32)


def run(running: FilterChain, count: int) -> Block:
    return running.process(ones(count)).copy()


def fade(count: int = FADE) -> NDArray[np.float64]:
    """What a fade from 0 to 1 is: the integral of a Blackman-Harris window of three terms, by adding it up."""
    turns = 2 * np.pi * (np.arange(1000 * (count + 1)) + 0.5) / (1000 * (count + 1))
    slope = 0.42323 - 0.49755 * np.cos(turns) + 0.07922 * np.cos(2 * turns)
    risen: NDArray[np.float64] = np.cumsum(slope)[999 : 1000 * count : 1000] / slope.sum()
    return risen
