"""Finds push-button digits in sound that passes by (ITU-T Q.24)."""

from dataclasses import dataclass

import numpy as np

from dsp.dtmf import DtmfDetector
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import integer
from dsp.types import Block

MAX_KEPT = 1024


@dataclass(frozen=True, slots=True)
class DtmfDetectParams:
    """Parameters of `DtmfDetect`."""

    channel: int | None = integer(
        None, 1, 64, "", "which channel to listen to, counted from 1; auto: the mean of all", optional=True
    )


class DtmfDetect(Filter):
    """Passes the sound as it is and reads the digits in it."""

    def __init__(self, params: DtmfDetectParams, setting: Setting) -> None:
        self._channel = None if params.channel is None else min(params.channel, setting.channels) - 1
        self._detector = DtmfDetector(setting.sample_rate_hz)
        self._count = 0
        self.digits = ""
        """What was found since the start, the last 1024 at most."""

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        heard = block.mean(axis=0, dtype=np.float32) if self._channel is None else block[self._channel]
        found = self._detector.process(heard)
        self._count += len(found)
        self.digits = (self.digits + found)[-MAX_KEPT:]
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._detector.reset()
        self._count = 0
        self.digits = ""

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`: what was found stays found."""
        if isinstance(previous, DtmfDetect):
            self.digits, self._count = previous.digits, previous._count

    def readings(self) -> dict[str, float | str]:
        """See `Filter.readings`."""
        return {"digits": self.digits, "count": float(self._count)}


SPECS = (
    FilterSpec(
        name="dtmf-detect",
        summary="Reads push-button digits in the sound, which it passes as it is",
        category="tones",
        source="ITU-T Q.24 (1988) annex A; see dsp.dtmf",
        params=DtmfDetectParams,
        build=DtmfDetect,
        linear=True,
        readings=(
            Reading("digits", "", "the digits found, the newest 1024"),
            Reading("count", "", "how many digits were found"),
        ),
    ),
)
