"""Noise gate: open above a threshold, shut below a lower one; all channels get the same gain."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsp._native import GateSwitch
from dsp.delay_line import DelayLine
from dsp.dynamics import LevelDetector, factors
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import number
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class GateParams:
    """Parameters of `Gate`."""

    threshold_db: float = number(-45.0, -100.0, 0.0, "dB", "peak level at which it opens", step=0.5)
    hysteresis_db: float = number(
        6.0, 0.0, 30.0, "dB", "how far below the threshold the level falls before it shuts", step=0.5
    )
    range_db: float = number(60.0, 0.0, 100.0, "dB", "what a shut gate takes away", step=0.5)
    attack_ms: float = number(2.0, 0.1, 200.0, "ms", "time from shut to open", log=True)
    hold_ms: float = number(80.0, 0.0, 2000.0, "ms", "time it stays open after the level has fallen")
    release_ms: float = number(150.0, 1.0, 5000.0, "ms", "time from open to shut", log=True)
    lookahead_ms: float = number(
        2.0, 0.0, 50.0, "ms", "how long before a loud sound it begins to open; also the delay", step=0.5
    )


class Gate(Filter):
    """Level, switch, a gain in dB along a smooth step, delayed sound."""

    def __init__(self, params: GateParams, setting: Setting) -> None:
        rate, channels = setting.sample_rate_hz, setting.channels
        per_ms = rate / 1000.0
        self.delay_samples = round(params.lookahead_ms * per_ms)
        self._range = np.float32(params.range_db)
        self._detector = LevelDetector("peak", rate, channels)
        self._switch = GateSwitch(
            10.0 ** (params.threshold_db / 20.0),
            10.0 ** ((params.threshold_db - params.hysteresis_db) / 20.0),
            params.attack_ms * per_ms,
            round(params.hold_ms * per_ms) + self.delay_samples,
            params.release_ms * per_ms,
        )
        self._line = DelayLine(self.delay_samples, channels)
        self._warm_samples = self.delay_samples + round(params.attack_ms * per_ms)
        self.ready_samples = self._warm_samples
        self.settle_samples = (
            self._detector.settle_samples
            + self.delay_samples
            + round((params.hold_ms + params.attack_ms + params.release_ms) * per_ms)
        )

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        position = self._detector.magnitude(block)
        self._switch.process(position)
        self._line.process(block)
        # 3 p^2 - 2 p^3: the gain in dB sets out and arrives without a corner.
        gain = position * position * (np.float32(3.0) - np.float32(2.0) * position)
        gain -= np.float32(1.0)
        gain *= self._range
        block *= factors(gain)
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._detector.reset()
        self._switch.reset()
        self._line.reset()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        assert isinstance(previous, Gate)
        self._detector.adopt(previous._detector)
        self._switch.adopt(previous._switch)
        self._line.adopt(previous._line)
        self.settle_samples = self._warm_samples

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        position = self._switch.position
        taken = float(self._range) * (1.0 - position * position * (3.0 - 2.0 * position))
        return {
            "open": float(self._switch.open),
            "gain_reduction_db": taken,
            "level_dbfs": self._detector.level_dbfs,
        }


SPECS = (
    FilterSpec(
        name="gate",
        summary="Shuts off what is softer than a threshold, such as noise between words; channels are linked",
        category="dynamics",
        source="Zolzer (ed.), DAFX: Digital Audio Effects, 2nd ed., 2011, section 4.2.5 (noise gate)",
        params=GateParams,
        build=Gate,
        readings=(
            Reading("open", "", "1 while it is open or opening, else 0"),
            Reading("gain_reduction_db", "dB", "what is taken away now"),
            Reading("level_dbfs", "dBFS", "level that is compared with the threshold; -200 for silence"),
        ),
    ),
)
