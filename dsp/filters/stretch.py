"""Faster or slower at the same pitch."""

from dataclasses import dataclass

from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.params import number
from dsp.time_pitch import Shifter
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class StretchParams:
    """Parameters of `Stretch`."""

    tempo: float = number(
        1.25, 0.5, 2.0, "", "speed; 2 is twice as fast and half as long", log=True, step=0.01
    )


class Stretch(Filter):
    """Changes the length of the sound; all channels together."""

    def __init__(self, params: StretchParams, setting: Setting) -> None:
        self._shifter = Shifter(1.0, params.tempo, setting.channels, setting.sample_rate_hz)
        self.length_factor = 1.0 / params.tempo
        self.delay_samples = self._shifter.delay_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        return self._shifter.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._shifter.reset()


SPECS = (
    FilterSpec(
        name="stretch",
        summary="Speech faster or slower at the same pitch",
        category="time and pitch",
        source="WSOLA (Verhelst, Roelands, ICASSP 1993), leaps only where they are due",
        params=StretchParams,
        build=Stretch,
        changes_length=True,
    ),
)
