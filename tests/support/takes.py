"""Recordings of a voice, in memory or made as they are read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsp.phonation.phonation import Phonation, VoiceSettings
from dsp.types import Block, Samples
from softphone.scorer.voice import voice_result

RATE_HZ = 44100


@dataclass
class Take:
    """A `Recording` in memory, ``(channels, n)``."""

    block: Block
    sample_rate_hz: int = RATE_HZ

    @property
    def channels(self) -> int:
        return self.block.shape[0]

    @property
    def size(self) -> int:
        return self.block.shape[1]

    def read(self, start: int, stop: int) -> Block:
        assert 0 <= start <= stop <= self.size
        return np.ascontiguousarray(self.block[:, start:stop])


@dataclass
class Endless:
    """A `Recording` that repeats *samples* for *seconds*, and remembers what was read."""

    samples: Samples
    seconds: float
    sample_rate_hz: int = RATE_HZ
    channels: int = 1
    longest_read: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        return round(self.seconds * self.sample_rate_hz)

    def read(self, start: int, stop: int) -> Block:
        assert 0 <= start <= stop <= self.size
        self.longest_read = max(self.longest_read, stop - start)
        return np.take(self.samples, range(start, stop), mode="wrap")[None]


def take(samples: Any, sample_rate_hz: int = RATE_HZ) -> Take:
    """Mono ``(n,)`` or ``(channels, n)``."""
    return Take(np.ascontiguousarray(np.atleast_2d(samples), dtype=np.float32), sample_rate_hz)


def measured(
    samples: Any,
    sample_rate_hz: int = RATE_HZ,
    *,
    channel: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[dict[str, Any], Phonation | None]:
    """The result with the default settings, and what was seen."""
    result, seen = voice_result(
        take(samples, sample_rate_hz), settings=VoiceSettings(), channel=channel, progress=progress
    )
    return dict(result), seen
