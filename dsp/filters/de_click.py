"""De-click: finds clicks of up to a few milliseconds and puts the sound under them back; channels on their own."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsp.autoregression import Stretch, interpolate_gap, model, outliers, widened
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import number
from dsp.sliding import Sliding
from dsp.types import Block, Samples

BEFORE_MS, HOP_MS, AFTER_MS = 48.0, 32.0, 24.0
SCALE_MS = 12.0
"""Over this long what is usual is taken, before and after a sample: a click is much shorter."""
SCALE_PER_MS = 16
"""As many samples of each ms are looked at for it."""
LEAST = 1e-5
"""-100 dBFS: what is usual is taken to be no less, so that digital silence has no clicks."""
SMOOTH = np.array([1.0, -3.0, 3.0, -1.0])
"""A model that clicks cannot spoil: that sound is smooth, so that its third differences are small."""
SUSPECT = 10.0
"""What differs by so many times what is usual is left out of the first model."""
FIRST = 0.4
"""Share of the threshold over which an outlier is looked into while the model is still spoilt by clicks."""
TURNS = 2
LOW = 3.5
"""A click reaches as far as what stays when it is mended is over so many times what is usual."""
SHORT, LONGER = 3, 0.4
"""For a click of more samples the threshold grows by this power of them: more samples explain more of any sound."""
SLACK = 1.25
"""What is mended may be longer than a click by this: a little around it counts to it."""
GROWTH = (0.9,) * 6 + (0.6,) * 4 + (0.3,) * 6 + (0.1,) * 6
"""Turn by turn a click takes in what stays over this share of the largest that stays: exactly first, then fast."""
REST = 0.5
"""Where more of an outlier than this share stays beside what was mended, it was no click: sound begins there."""
LOUDER = 2.0
"""What is put back is at most so many times as loud as the sound around."""
SMALL = 0.1
"""or so small beside what it takes the place of."""
MOST = 24
"""Candidates looked into each turn, the most striking first."""
NORMAL = {0.5: 0.6745, 0.9: 1.645}
"""Quantiles of the magnitude of normally distributed numbers, in standard deviations."""


@dataclass(frozen=True, slots=True)
class DeClickParams:
    """Parameters of `DeClick`."""

    threshold_db: float = number(
        25.0,
        12.0,
        60.0,
        "dB",
        "how far a click stands out of what is usual around it; lower finds more",
        step=0.5,
    )
    max_ms: float = number(2.0, 0.1, 8.0, "ms", "longest click; what is longer is left as it is", log=True)


class DeClick(Filter):
    """Hop by hop: model, outliers, clicks grown around them, the model again without the clicks."""

    def __init__(self, params: DeClickParams, setting: Setting) -> None:
        per_ms = setting.sample_rate_hz / 1000.0
        self._order = round(min(64.0, 8.0 + per_ms))
        self._threshold = 10.0 ** (params.threshold_db / 20.0)
        self._longest = max(1, round(SLACK * params.max_ms * per_ms))
        self._reach = 4 + round(0.3 * per_ms)
        self._step = max(1, round(per_ms))
        self._scale = round(max(SCALE_MS, 2.0 * SLACK * params.max_ms))
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
        a = model(x * self._unsuspected(x), self._order)
        clean, clicks = x, list[tuple[int, int]]()
        for turn in range(TURNS):
            if a is None:
                return
            far = np.abs(outliers(x, a))
            if turn == 0:
                clean, clicks = self._search(x, a, far, self._usual(far, 0.5), FIRST)
            else:
                clean, clicks = self._search(x, a, far, self._usual(np.abs(outliers(clean, a)), 0.9), 1.0)
            if not clicks:
                return
            if turn + 1 < TURNS:
                a = model(clean, self._order)
        for begin, end in clicks:
            if self._before <= begin < self._before + self._hop:
                seen[begin:end] = clean[begin:end]
                self._found += 1

    def _unsuspected(self, x: Stretch) -> Stretch:
        """Weight of each sample in the first model: 1, near what may be a click down to 0."""
        rough = np.abs(np.convolve(x, SMOOTH, mode="valid"))
        blocks = np.maximum(
            rough[: rough.size // self._step * self._step].reshape(-1, self._step).max(axis=1), LEAST
        )
        usual = quantile(np.pad(blocks, self._scale, mode="reflect"), 2 * self._scale + 1, 1, 0.5)
        suspect = blocks > SUSPECT * usual
        if not suspect.any() or suspect.mean() > 0.5:
            return np.ones_like(x)
        mask = np.zeros(x.size, dtype=bool)
        mask[: suspect.size * self._step] = np.repeat(suspect, self._step)
        fade = np.hanning(self._order + 2)
        kept: Stretch = np.convolve(widened(mask, self._order), fade / fade.sum(), mode="same")
        return np.clip(1.0 - kept, 0.0, 1.0)

    def _search(
        self, x: Stretch, a: Stretch, far: Stretch, usual: Stretch, share: float
    ) -> tuple[Stretch, list[tuple[int, int]]]:
        """*x* without its clicks, and where these begin and end; the threshold counts by *share*."""
        clean, clicks = x.copy(), []
        order = a.size - 1
        high, low = share * self._threshold * usual, LOW * usual
        edge = 2 * order + self._longest + self._reach
        left = far / high
        left[:edge] = left[left.size - edge :] = 0.0
        for _ in range(MOST):
            at = int(np.argmax(left))
            if not left[at] > 1.0:
                break
            begin, end, part, rest = self._grow(clean, at, a, np.minimum(low, high))
            fits = part.size > 0 and rest.max() < REST * far[at]
            fits = fits and far[at] > high[at] * max(1.0, (end - begin) / SHORT) ** LONGER
            if fits and self._is_quiet(clean, begin, end, part[2 * order : -2 * order]):
                clean[begin:end] = part[2 * order : -2 * order]
                clicks.append((begin, end))
                first, last = max(edge, begin - order), min(left.size - edge, end + order)
                left[first:last] = rest[first - begin + order : last - begin + order] / high[first:last]
                left[begin:end] = 0.0
            else:
                left[max(0, begin - self._reach) : end + self._reach] = 0.0
        return clean, clicks

    def _grow(self, x: Stretch, at: int, a: Stretch, low: Stretch) -> tuple[int, int, Stretch, Stretch]:
        """Click around the outlier *at*: begin, end, the mended sound and what still lies out around it.

        The sound is that of twice the order more on both sides, the outliers are those of the order more. Both are
        empty where no click of the length asked for explains the outliers.
        """
        span, reach = 2 * (a.size - 1), self._reach
        half = np.correlate(a, a, mode="full")[a.size - 1 :]
        both = np.concatenate((half[:0:-1], half))
        begin, end = at, at + 1
        for share in GROWTH:
            start, stop = begin - span, end + span
            if start < 0 or stop > x.size:
                break
            part = x[start:stop].copy()
            interpolate_gap(part, span, part.size - span, half)
            rest = np.abs(np.convolve(part, both, mode="valid")) / half[0]
            inner = slice(span // 2 - reach, rest.size - span // 2 + reach)
            stays = rest[inner] / low[begin - reach : end + reach]
            most = stays.max()
            if most <= 1.0:
                return begin, end, part, rest
            which = begin - reach + np.flatnonzero(stays >= max(1.0, share * most))
            wider = min(begin, int(which[0])), max(end, int(which[-1]) + 1)
            if wider == (begin, end) or wider[1] - wider[0] > self._longest:
                break
            begin, end = wider
        return begin, end, x[:0], x[:0]

    def _is_quiet(self, x: Stretch, begin: int, end: int, fit: Stretch) -> bool:
        """Whether *fit*, put between *begin* and *end*, is no louder than what is around it."""
        around = max(
            np.abs(x[max(0, begin - 2 * self._longest) : begin]).max(initial=0.0),
            np.abs(x[end : end + 2 * self._longest]).max(initial=0.0),
        )
        change = np.abs(x[begin:end] - fit).max()
        return bool(np.abs(fit).max() <= max(LOUDER * around, SMALL * change))

    def _usual(self, far: Stretch, share: float) -> Stretch:
        """Standard deviation of *far* around each sample, from its quantile *share*: the larger of before and after."""
        each = max(1, self._step // SCALE_PER_MS)
        per_ms = self._step // each
        width = self._scale * self._step
        padded = np.pad(far, width, mode="reflect")[::each]
        usual = quantile(padded, self._scale * per_ms, per_ms, share) / NORMAL[share]
        at = np.minimum(np.arange(far.size) // (per_ms * each), usual.size - 1)
        later = np.minimum(at + self._scale, usual.size - 1)
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


def quantile(x: Stretch, width: int, step: int, share: float) -> Stretch:
    """Quantile *share* of each *width* samples of *x*, every *step* samples."""
    windows = np.lib.stride_tricks.sliding_window_view(x, width)[::step]
    at = min(width - 1, int(share * width))
    found: Stretch = np.partition(windows, at, axis=1)[:, at]
    return found


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
