"""Downward expander: what is soft becomes softer; all channels get the same gain."""

from collections.abc import Mapping
from dataclasses import dataclass

from dsp.dynamics import DETECTORS, GainSmoother, LevelDetector, expander_gain_db, factors
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import choice, number
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class ExpanderParams:
    """Parameters of `Expander`."""

    threshold_db: float = number(-45.0, -100.0, 0.0, "dB", "level below which it expands", step=0.5)
    ratio: float = number(2.0, 1.0, 20.0, "", "dB less coming out for 1 dB less going in", log=True)
    knee_db: float = number(6.0, 0.0, 30.0, "dB", "width of the bend around the threshold", step=0.5)
    range_db: float = number(30.0, 0.0, 100.0, "dB", "most that is taken away", step=0.5)
    attack_ms: float = number(2.0, 0.1, 500.0, "ms", "time constant of a gain that rises", log=True)
    release_ms: float = number(100.0, 5.0, 5000.0, "ms", "time constant of a gain that falls again", log=True)
    detector: str = choice("peak", DETECTORS, "what the level is: of the peaks, or of the power")


class Expander(Filter):
    """Level, static curve, smoothing in dB, gain."""

    def __init__(self, params: ExpanderParams, setting: Setting) -> None:
        rate = setting.sample_rate_hz
        self._params = params
        self._detector = LevelDetector(params.detector, rate, setting.channels)
        self._smoother = GainSmoother(rate, rise_ms=params.attack_ms, fall_ms=params.release_ms)
        self.ready_samples = 0

    @property
    def settle_samples(self) -> int:  # type: ignore[override]
        """See `Filter.settle_samples`."""
        return self._detector.settle_samples + self._smoother.settle_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        params = self._params
        level = self._detector.decibels(block)
        gain = expander_gain_db(level, params.threshold_db, params.ratio, params.knee_db, params.range_db)
        block *= factors(self._smoother.process(gain))
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._detector.reset()
        self._smoother.reset()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        assert isinstance(previous, Expander)
        self._detector.adopt(previous._detector)
        self._smoother.adopt(previous._smoother)

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        return {"gain_reduction_db": self._smoother.reduction_db, "level_dbfs": self._detector.level_dbfs}


SPECS = (
    FilterSpec(
        name="expander",
        summary="Makes soft passages, such as noise in pauses, softer without shutting them off; channels are linked",
        category="dynamics",
        source="Giannoulis, Massberg, Reiss, Digital Dynamic Range Compressor Design, JAES 60(6), 2012, mirrored",
        params=ExpanderParams,
        build=Expander,
        readings=(
            Reading("gain_reduction_db", "dB", "what is taken away now"),
            Reading("level_dbfs", "dBFS", "level that is compared with the threshold; -200 for silence"),
        ),
    ),
)
