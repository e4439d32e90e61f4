"""Constant gain."""

from dataclasses import dataclass

import numpy as np

from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.params import flag, number
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class GainParams:
    """Parameters of `Gain`."""

    gain_db: float = number(0.0, -120.0, 60.0, "dB", "gain; -120 dB is silence", step=0.1)
    invert: bool = flag(False, "turn the polarity round")


class Gain(Filter):
    """Multiplies by a constant."""

    def __init__(self, params: GainParams, setting: Setting) -> None:
        factor = 0.0 if params.gain_db <= -120.0 else 10.0 ** (params.gain_db / 20.0)
        self._factor = np.float32(-factor if params.invert else factor)

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        block *= self._factor
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""


SPECS = (
    FilterSpec(
        name="gain",
        summary="Louder or softer by a constant, or with the polarity turned round",
        category="level",
        source="definition of the decibel (ISO 80000-8)",
        params=GainParams,
        build=Gain,
        linear=True,
    ),
)
