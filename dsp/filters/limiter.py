"""Look-ahead limiter on the true peak; all channels get the same gain."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import number
from dsp.peak_limiter import PeakLimiter
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class LimiterParams:
    """Parameters of `Limiter`."""

    ceiling_dbtp: float = number(-1.0, -40.0, 0.0, "dBTP", "highest true peak that comes out", step=0.1)
    gain_db: float = number(0.0, -40.0, 40.0, "dB", "gain before the limiter", step=0.5)
    lookahead_ms: float = number(
        5.0, 1.0, 20.0, "ms", "how long before a peak the gain begins to fall; also the delay", step=0.5
    )
    release_ms: float = number(80.0, 1.0, 2000.0, "ms", "time constant of a gain that rises again", log=True)


class Limiter(Filter):
    """Gain, then `PeakLimiter`."""

    def __init__(self, params: LimiterParams, setting: Setting) -> None:
        self._gain = np.float32(10.0 ** (params.gain_db / 20.0))
        self._limiter = PeakLimiter(
            setting.sample_rate_hz,
            setting.channels,
            ceiling_dbtp=params.ceiling_dbtp,
            lookahead_ms=params.lookahead_ms,
            release_ms=params.release_ms,
        )
        self.delay_samples = self._limiter.delay_samples
        self.settle_samples = self._limiter.settle_samples
        self.ready_samples = self._limiter.ready_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        if self._gain != 1.0:
            block *= self._gain
        return self._limiter.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._limiter.reset()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        assert isinstance(previous, Limiter)
        if self._gain == previous._gain:
            self._limiter.adopt(previous._limiter)
            self.settle_samples = self._limiter.settle_samples
        else:  # what waits in the delay line is of another loudness
            self.settle_samples = self._limiter.ready_samples

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        return {"gain_reduction_db": self._limiter.reduction_db}


SPECS = (
    FilterSpec(
        name="limiter",
        summary="Holds the true peak at a ceiling, looking ahead; channels are linked",
        category="dynamics",
        source="Giannoulis, Massberg, Reiss, JAES 60(6), 2012, section 4.4; true peak: ITU-R BS.1770-5 Annex 2",
        params=LimiterParams,
        build=Limiter,
        readings=(Reading("gain_reduction_db", "dB", "most that was taken away in the newest block"),),
    ),
)
