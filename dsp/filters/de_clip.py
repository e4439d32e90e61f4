"""De-clip: finds where peaks were cut off flat and puts them back; channels on their own."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsp.autoregression import Mask, Stretch, interpolate, model, runs
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import number
from dsp.sliding import Sliding
from dsp.types import Block, Samples

BEFORE_MS, HOP_MS, AFTER_MS = 32.0, 32.0, 32.0
FLAT = 2e-4
"""Samples that differ by less than this share of their level are level: 16-bit steps at half of full scale are less."""
CORNER = 10.0
"""Beside a cut peak the sound falls by so many times that within one sample; a round peak does not."""
STEP = 2.0**-15
"""A step of 16 bits counts for as much, where it is more: soft sound in 16 bits has level samples by chance."""
FLAT_RUN = 3
"""A peak is cut where so many samples are level."""
LOWEST = 0.01
"""-40 dBFS: nothing is cut below this."""
HIGHEST = 4.0
"""A peak put back is at most so many times the level it was cut at: 12 dB."""
PASSES = 3


@dataclass(frozen=True, slots=True)
class DeClipParams:
    """Parameters of `DeClip`."""

    clip_level_dbfs: float | None = number(
        None,
        -40.0,
        20.0,
        "dBFS",
        "level the peaks were cut at; auto: where three samples and more are level at a peak",
        step=0.1,
        optional=True,
    )
    headroom_db: float = number(
        6.0, 0.0, 24.0, "dB", "what everything is made softer by, so that the peaks have room", step=0.5
    )


class DeClip(Filter):
    """Hop by hop: level of the cut, samples at it, interpolation, again with the model of what that gave."""

    def __init__(self, params: DeClipParams, setting: Setting) -> None:
        per_ms = setting.sample_rate_hz / 1000.0
        self._order = round(min(64.0, 16.0 + per_ms))
        self._level = None if params.clip_level_dbfs is None else 10.0 ** (params.clip_level_dbfs / 20.0)
        self._factor = np.float32(10.0 ** (-params.headroom_db / 20.0))
        self._before, self._hop = round(BEFORE_MS * per_ms), round(HOP_MS * per_ms)
        after = round(AFTER_MS * per_ms)
        self._sliding = Sliding(self._before, self._hop, after, setting.channels, self._mend)
        self.delay_samples = self._sliding.delay_samples
        self.settle_samples = self.delay_samples + self._before + self._hop
        self._peaks = 0

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        self._sliding.process(block)
        block *= self._factor
        return block

    def _mend(self, seen: Samples) -> None:
        x = seen.astype(np.float64)
        cut = np.zeros(x.size, dtype=bool)
        # What lies before the hop is mended, so its peaks say nothing about the level of the cut.
        for sign in (1.0, -1.0):
            level = _cut_level(sign * x[self._before :]) if self._level is None else self._level
            if level is not None:
                cut[self._before :] |= sign * x[self._before :] >= level * (1.0 - FLAT)
        if not cut[self._before : self._before + self._hop].any():
            return
        if not self._put_back(x, cut):
            return
        for begin, end in zip(*runs(cut), strict=True):
            if self._before <= begin < self._before + self._hop:
                seen[begin:end] = x[begin:end]
                self._peaks += 1

    def _put_back(self, x: Stretch, cut: Mask) -> bool:
        """Change the samples of *x* that are *cut*; whether it could be done."""
        floor = np.abs(x[cut])
        sign = np.sign(x[cut])
        for _ in range(PASSES):
            a = model(x, self._order)
            if a is None:
                return False
            interpolate(x, cut, a)
            # The peak was at least as high as the cut, on its side.
            x[cut] = sign * np.clip(sign * x[cut], floor, HIGHEST * floor)
        return True

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._sliding.reset()
        self._peaks = 0

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        assert isinstance(previous, DeClip)
        self._sliding.adopt(previous._sliding)
        self._peaks = previous._peaks
        self.settle_samples = self.delay_samples

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        return {"peaks": float(self._peaks)}


def _cut_level(x: Stretch) -> float | None:
    """Level the positive peaks of *x* were cut at, or None."""
    level = float(x.max(initial=0.0))
    if level < LOWEST:
        return None
    for begin, end in zip(*runs(x >= level * (1.0 - FLAT)), strict=True):
        if end - begin < FLAT_RUN or begin == 0 or end == x.size:
            continue
        fall = level - max(x[begin - 1], x[end])
        if fall > CORNER * max(FLAT * level, STEP):
            return level
    return None


SPECS = (
    FilterSpec(
        name="de-clip",
        summary="Puts back peaks that were cut off flat by too loud a recording",
        category="restoration",
        source="Janssen, Veldhuis, Vries, IEEE ASSP 34(2), 1986; with the cut as a bound: Godsill, Rayner, 1998, section 5",
        params=DeClipParams,
        build=DeClip,
        readings=(Reading("peaks", "", "peaks put back so far"),),
    ),
)
