"""Push-button digits, generated (ITU-T Q.23)."""

from dataclasses import dataclass

import numpy as np

from dsp.dtmf import digit_samples, tones_of
from dsp.errors import ParameterError
from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.params import choice, number, text
from dsp.types import Block, Samples

MAX_DIGITS = 256


@dataclass(frozen=True, slots=True)
class DtmfParams:
    """Parameters of `DtmfSource`."""

    digits: str = text("0123456789", "what is dialled: 0 to 9, A to D, * and #; spaces are left out")
    tone_ms: float = number(100.0, 20.0, 2000.0, "ms", "length of a digit; 40 ms or more must be understood")
    pause_ms: float = number(100.0, 20.0, 2000.0, "ms", "silence after a digit")
    start_ms: float = number(0.0, 0.0, 60_000.0, "ms", "silence before the first digit")
    level_dbov: float = number(
        -12.0, -60.0, -6.1, "dBov", "RMS level of the two tones together; 0 dBov is a full-scale square wave"
    )
    twist_db: float = number(2.0, -10.0, 10.0, "dB", "level of the high tone above the low one")
    mode: str = choice("add", ("add", "replace"), "add to the sound, or replace it")


class DtmfSource(Filter):
    """Dials once, from the start of the sound, in all channels."""

    def __init__(self, params: DtmfParams, setting: Setting) -> None:
        digits = "".join(params.digits.split()).upper()
        if len(digits) > MAX_DIGITS:
            raise ParameterError(f"digits must be {MAX_DIGITS} at most, got {len(digits)}")
        for digit in digits:
            tones_of(digit)
        rate = setting.sample_rate_hz
        self._digits = digits
        self._rate = rate
        self._start = round(params.start_ms * rate / 1000.0)
        self._tone = round(params.tone_ms * rate / 1000.0)
        self._period = self._tone + round(params.pause_ms * rate / 1000.0)
        power = 10.0 ** (params.level_dbov / 10.0)
        ratio = 10.0 ** (params.twist_db / 10.0)
        self._rms = ((power / (1.0 + ratio)) ** 0.5, (power * ratio / (1.0 + ratio)) ** 0.5)
        self._replace = params.mode == "replace"
        self._position = 0

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        tone = self._next(block.shape[1])
        if self._replace:
            block[:] = tone
        else:
            block += tone
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._position = 0

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`: what has been dialled is not dialled again."""
        if isinstance(previous, DtmfSource):
            self._position = previous._position

    def _next(self, count: int) -> Samples:
        sound = np.zeros(count, dtype=np.float32)
        here = self._position - self._start  # counted from the first digit on
        self._position += count
        first = max(0, here // self._period)
        last = min(len(self._digits), -(-(here + count) // self._period))
        for number_ in range(first, last):
            begins = number_ * self._period
            start, stop = max(here, begins), min(here + count, begins + self._tone)
            if start < stop:
                sound[start - here : stop - here] = digit_samples(
                    self._digits[number_],
                    self._rms,
                    self._rate,
                    length=self._tone,
                    start=start - begins,
                    stop=stop - begins,
                )
        return sound


SPECS = (
    FilterSpec(
        name="dtmf",
        summary="Push-button digits, added to the sound from its start or in its place",
        category="tones",
        source="ITU-T Q.23 (1988) section 6; durations: ITU-T Q.24 (1988) annex A",
        params=DtmfParams,
        build=DtmfSource,
        generates=True,
    ),
)
