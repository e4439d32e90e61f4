"""De-esser: a dynamic dip that takes sharp s sounds back; all channels get the same."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsp.biquads import Cascade, Sos, acts, rbj
from dsp.dynamics import GainSmoother, LevelDetector, compressor_gain_db, factors
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import choice, number
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class DeEsserParams:
    """Parameters of `DeEsser`."""

    freq_hz: float = number(
        6000.0, 1000.0, 16_000.0, "Hz", "middle of the band, or where the shelf begins", log=True
    )
    shape: str = choice(
        "band", ("band", "shelf"), "what is taken back: a band, or all from the frequency upwards"
    )
    q: float = number(0.8, 0.2, 10.0, "", "of the band: higher is narrower", log=True)
    threshold_db: float = number(
        -32.0, -80.0, 0.0, "dB", "peak level of the band above which it acts", step=0.5
    )
    ratio: float = number(4.0, 1.0, 50.0, "", "dB more going in for 1 dB more coming out", log=True)
    range_db: float = number(10.0, 0.0, 40.0, "dB", "most that is taken away", step=0.5)
    attack_ms: float = number(1.0, 0.1, 50.0, "ms", "time constant of a gain that falls", log=True)
    release_ms: float = number(40.0, 5.0, 1000.0, "ms", "time constant of a gain that rises again", log=True)


class DeEsser(Filter):
    """The band, scaled by ``gain - 1``, is added to the sound.

    With a band-pass of 0 dB that is the peaking section of the cookbook, with a first-order high-pass a shelf: both
    change nothing at gain 1 and have no hump at any gain. Where the frequency is out of reach nothing is done.
    """

    def __init__(self, params: DeEsserParams, setting: Setting) -> None:
        rate, channels = setting.sample_rate_hz, setting.channels
        self._params = params
        kind = "peaking" if params.shape == "band" else "high-shelf"
        self._band = Cascade(_band(params, rate), channels) if acts(kind, params.freq_hz, rate) else None
        self._detector = LevelDetector("peak", rate, channels)
        self._smoother = GainSmoother(rate, rise_ms=params.release_ms, fall_ms=params.attack_ms)
        self.ready_samples = 0 if self._band is None else self._band.settle_samples

    @property
    def settle_samples(self) -> int:  # type: ignore[override]
        """See `Filter.settle_samples`."""
        if self._band is None:
            return 0
        return self._band.settle_samples + self._detector.settle_samples + self._smoother.settle_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        if self._band is None:
            return block
        params = self._params
        band = self._band.process(block.copy())
        level = self._detector.decibels(band)
        gain = compressor_gain_db(level, params.threshold_db, params.ratio, 0.0)
        np.maximum(gain, np.float32(-params.range_db), out=gain)
        factor = factors(self._smoother.process(gain))
        factor -= np.float32(1.0)
        band *= factor
        block += band
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        if self._band is not None:
            self._band.reset()
        self._detector.reset()
        self._smoother.reset()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        assert isinstance(previous, DeEsser)
        self._detector.adopt(previous._detector)
        self._smoother.adopt(previous._smoother)

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        return {"gain_reduction_db": self._smoother.reduction_db, "level_dbfs": self._detector.level_dbfs}


def _band(params: DeEsserParams, sample_rate_hz: int) -> Sos:
    if params.shape == "band":
        return rbj("bandpass", params.freq_hz, params.q, 0.0, sample_rate_hz)
    k = math.tan(math.pi * params.freq_hz / sample_rate_hz)
    b0 = 1.0 / (1.0 + k)
    return np.array([b0, -b0, 0.0, 1.0, (k - 1.0) * b0, 0.0])


SPECS = (
    FilterSpec(
        name="de-esser",
        summary="Takes sharp s sounds back, only while they last; channels are linked",
        category="dynamics",
        source="Giannoulis, Massberg, Reiss, JAES 60(6), 2012, section 4.3 (frequency-dependent compression); "
        "band: Audio EQ Cookbook",
        params=DeEsserParams,
        build=DeEsser,
        readings=(
            Reading("gain_reduction_db", "dB", "what is taken from the band now"),
            Reading("level_dbfs", "dBFS", "peak level of the band; -200 for silence"),
        ),
    ),
)
