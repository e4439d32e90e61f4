"""De-click: finds clicks of up to a few milliseconds and puts the sound under them back; channels on their own."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsp.autoregression import Mask, Stretch, interpolate, model, outliers, runs, widened
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import number
from dsp.sliding import Sliding
from dsp.types import Block, Samples

BEFORE_MS, HOP_MS, AFTER_MS = 48.0, 32.0, 24.0
SCALE_MS = 8.0
"""Over this long what is usual is taken, before and after a sample: a click is much shorter."""
FLANK = 0.25
"""Around an outlier, what reaches this share of the threshold belongs to it,"""
SHADOW = 0.15
"""but not what is below this share of the largest outlier close by: that is only its echo in the model."""
LEAST = 1e-5
"""-100 dBFS: what is usual is taken to be no less, so that digital silence has no clicks."""
SMOOTH = np.array([1.0, -3.0, 3.0, -1.0])
"""A model that clicks cannot spoil: that sound is smooth, so that its third differences are small."""
SURE = 0.4
"""Share of what interpolation changes a sample by that counts like an outlier: over a gap it errs more than over one."""
CORE = 0.1
"""A sample belongs to a click when it is changed by this share of what the click's worst sample is changed by."""
FIRST = 0.4
"""Share of the threshold over which an outlier is looked into: what clicks are there spoils the model at first."""
PASSES = 3


@dataclass(frozen=True, slots=True)
class DeClickParams:
    """Parameters of `DeClick`."""

    threshold_db: float = number(
        30.0,
        12.0,
        60.0,
        "dB",
        "how far a click stands out of what is usual around it; lower finds more",
        step=0.5,
    )
    max_ms: float = number(2.0, 0.1, 8.0, "ms", "longest click; what is longer is left as it is", log=True)


class DeClick(Filter):
    """Hop by hop: model, outliers, interpolation."""

    def __init__(self, params: DeClickParams, setting: Setting) -> None:
        per_ms = setting.sample_rate_hz / 1000.0
        self._order = round(min(64.0, 16.0 + per_ms))
        self._threshold = 10.0 ** (params.threshold_db / 20.0)
        self._longest = max(1, round(params.max_ms * per_ms))
        self._step = max(1, round(per_ms))
        self._margin = max(1, round(0.1 * per_ms))
        self._before, self._hop = round(BEFORE_MS * per_ms), round(HOP_MS * per_ms)
        after = round(AFTER_MS * per_ms)
        self._sliding = Sliding(self._before, self._hop, after, setting.channels, self._mend)
        self.delay_samples = self._sliding.delay_samples
        self.settle_samples = self.delay_samples + self._before + self._hop
        self._found = 0

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        return self._sliding.process(block)

    def _mend(self, seen: Samples) -> None:
        x = seen.astype(np.float64)
        clean, mask = x.copy(), np.zeros(x.size, dtype=bool)
        a = model(x, self._order)
        for turn in range(PASSES):
            if a is None:
                return
            more = self._clicks(x, SMOOTH, FIRST) if turn == 0 else self._clicks(clean, a, FIRST) & ~mask
            if turn == 0 and not more.any():
                more = self._clicks(x, a, FIRST)
            if not more.any():
                break
            mask |= more
            for _ in range(2):  # first with all that may belong to a click, then with what does
                clean = x.copy()
                interpolate(clean, mask, a)
                mask = self._core(np.abs(x - clean), mask)
                a = model(clean, self._order)
                if a is None:
                    return
            clean = x.copy()
            interpolate(clean, mask, a)
        if a is None or not mask.any():
            return
        far, limit = np.abs(outliers(x, a)), self._threshold * self._usual(np.abs(outliers(clean, a)))
        loudest = 2.0 * np.abs(x[~mask]).max(initial=0.0)
        for begin, end in zip(*runs(mask), strict=True):
            here = clean[begin:end]
            change = np.abs(x[begin:end] - here)
            if not (np.maximum(far[begin:end], SURE * change) > limit[begin:end]).any():
                continue
            if self._before <= begin < self._before + self._hop and np.abs(here).max() <= loudest:
                seen[begin:end] = here
                self._found += 1

    def _clicks(self, x: Stretch, a: Stretch, share: float) -> Mask:
        """Which samples of *x* may belong to clicks: those around an outlier over *share* of the threshold."""
        far = np.abs(outliers(x, a))
        limit = share * self._threshold * self._usual(far)
        nearby = np.lib.stride_tricks.sliding_window_view(np.pad(far, a.size - 1), 2 * a.size - 1).max(axis=1)
        flanks = widened(far > np.maximum(FLANK * limit, SHADOW * nearby), self._margin)
        found = np.zeros(x.size, dtype=bool)
        found = np.zeros(x.size, dtype=bool)
        for begin, end in zip(*runs(flanks), strict=True):
            short = end - begin <= 4 * self._longest + 4 * a.size
            found[begin:end] = short and (far[begin:end] > limit[begin:end]).any()
        return found

    def _core(self, change: Stretch, mask: Mask) -> Mask:
        """Of each run in *mask* the part that is changed by most of what is changed at all; none of one too long."""
        found = np.zeros(mask.size, dtype=bool)
        for begin, end in zip(*runs(mask), strict=True):
            inside = begin + np.flatnonzero(change[begin:end] > CORE * change[begin:end].max())
            if inside.size and inside[-1] - inside[0] < self._longest:
                found[max(begin, inside[0] - 1) : min(end, inside[-1] + 2)] = True
        return found

    def _usual(self, far: Stretch) -> Stretch:
        """Standard deviation of *far* around each sample, from the median: the larger one of before and after it."""
        step = self._step
        width = round(SCALE_MS) * step
        padded = np.pad(far, width, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, width)[::step]
        usual = np.median(windows, axis=1) / 0.6745
        at = np.arange(far.size) // step
        later = np.minimum(at + width // step, usual.size - 1)
        found: Stretch = np.maximum(np.maximum(usual[at], usual[later]), LEAST)
        return found

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._sliding.reset()
        self._found = 0

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        assert isinstance(previous, DeClick)
        self._sliding.adopt(previous._sliding)
        self._found = previous._found
        self.settle_samples = self.delay_samples

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        return {"clicks": float(self._found)}


SPECS = (
    FilterSpec(
        name="de-click",
        summary="Finds clicks and crackle, and puts the sound under them back",
        category="restoration",
        source="Godsill, Rayner, Digital Audio Restoration, 1998, chapter 5; Janssen, Veldhuis, Vries, IEEE ASSP 34(2), 1986",
        params=DeClickParams,
        build=DeClick,
        readings=(Reading("clicks", "", "clicks mended so far"),),
    ),
)
