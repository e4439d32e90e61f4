"""Compressor: feed-forward, with a soft knee; all channels get the same gain."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsp.biquads import Cascade, rbj
from dsp.dynamics import DETECTORS, GainSmoother, LevelDetector, compressor_gain_db, factors
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import choice, number
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class CompressorParams:
    """Parameters of `Compressor`."""

    threshold_db: float = number(-24.0, -80.0, 0.0, "dB", "level above which it compresses", step=0.5)
    ratio: float = number(3.0, 1.0, 50.0, "", "dB more going in for 1 dB more coming out", log=True)
    knee_db: float = number(6.0, 0.0, 30.0, "dB", "width of the bend around the threshold", step=0.5)
    attack_ms: float = number(5.0, 0.1, 500.0, "ms", "time constant of a gain that falls", log=True)
    release_ms: float = number(120.0, 5.0, 5000.0, "ms", "time constant of a gain that rises again", log=True)
    makeup_db: float | None = number(
        None,
        0.0,
        40.0,
        "dB",
        "gain afterwards; auto: half of what a full-scale level loses",
        step=0.5,
        optional=True,
    )
    detector: str = choice("peak", DETECTORS, "what the level is: of the peaks, or of the power")
    sidechain_hz: float = number(
        0.0, 0.0, 1000.0, "Hz", "what lies below this does not count for the level; 0: all counts"
    )


class Compressor(Filter):
    """Level, static curve, smoothing in dB, gain."""

    def __init__(self, params: CompressorParams, setting: Setting) -> None:
        rate, channels = setting.sample_rate_hz, setting.channels
        self._params = params
        full_scale = compressor_gain_db(
            np.zeros(1, dtype=np.float32), params.threshold_db, params.ratio, params.knee_db
        )
        self._makeup = np.float32(
            -0.5 * float(full_scale[0]) if params.makeup_db is None else params.makeup_db
        )
        self._side = (
            None
            if params.sidechain_hz <= 0.0
            else Cascade(rbj("highpass", max(1.0, params.sidechain_hz), 0.7071, 0.0, rate), channels)
        )
        self._detector = LevelDetector(params.detector, rate, channels)
        self._smoother = GainSmoother(rate, rise_ms=params.release_ms, fall_ms=params.attack_ms)
        self.ready_samples = 0 if self._side is None else self._side.settle_samples

    @property
    def settle_samples(self) -> int:  # type: ignore[override]
        """See `Filter.settle_samples`."""
        side = 0 if self._side is None else self._side.settle_samples
        return side + self._detector.settle_samples + self._smoother.settle_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        params = self._params
        heard = block if self._side is None else self._side.process(block.copy())
        gain = compressor_gain_db(
            self._detector.decibels(heard), params.threshold_db, params.ratio, params.knee_db
        )
        self._smoother.process(gain)
        gain += self._makeup
        block *= factors(gain)
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        if self._side is not None:
            self._side.reset()
        self._detector.reset()
        self._smoother.reset()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        assert isinstance(previous, Compressor)
        self._detector.adopt(previous._detector)
        self._smoother.adopt(previous._smoother)

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        return {"gain_reduction_db": self._smoother.reduction_db, "level_dbfs": self._detector.level_dbfs}


SPECS = (
    FilterSpec(
        name="compressor",
        summary="Makes loud passages softer, so that soft ones can be raised; channels are linked",
        category="dynamics",
        source="Giannoulis, Massberg, Reiss, Digital Dynamic Range Compressor Design, JAES 60(6), 2012",
        params=CompressorParams,
        build=Compressor,
        readings=(
            Reading("gain_reduction_db", "dB", "what is taken away now, without the make-up gain"),
            Reading("level_dbfs", "dBFS", "level that is compared with the threshold; -200 for silence"),
        ),
    ),
)
