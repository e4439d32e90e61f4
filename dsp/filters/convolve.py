"""Convolution with an impulse response: a room, a loudspeaker, a telephone."""

from dataclasses import dataclass

import numpy as np

from dsp.convolution import Convolver
from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.fir_design import NORMALISE, Taps, normalised, taps_of
from dsp.params import choice, file, number
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class ConvolveParams:
    """Parameters of `Convolve`."""

    file: str = file("sound file with the impulse response, one channel for all or one for each")
    normalise: str = choice(
        "energy", NORMALISE, "none, its loudest frequency at 0 dB, or its energy 1: noise keeps its level"
    )
    mix_percent: float = number(
        100.0, 0.0, 100.0, "%", "how much is heard of the response; the rest is the plain sound", step=1.0
    )


def _taps_of(params: ConvolveParams, setting: Setting) -> Taps:
    """Impulse response with the plain sound mixed in as its first tap, ``(1 or channels, m)``."""
    if not params.file:
        return np.ones((1, 1))
    response = setting.resources.read_response(params.file, setting.sample_rate_hz)
    found = taps_of(response, setting.channels, params.file)
    wet = params.mix_percent / 100.0
    taps = wet * normalised(found, params.normalise, params.file)
    taps[:, 0] += 1.0 - wet
    return taps


class Convolve(Filter):
    """Convolves without delay; the plain sound and the response keep their time to each other."""

    def __init__(self, params: ConvolveParams, setting: Setting) -> None:
        self._convolver = Convolver(_taps_of(params, setting), setting.channels)
        self.settle_samples = self.tail_samples = self._convolver.taps - 1

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        return self._convolver.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._convolver.reset()


SPECS = (
    FilterSpec(
        name="convolve",
        summary="Convolution with an impulse response from a file: a room, a loudspeaker, a telephone; dry and wet mixed",
        category="simulation",
        source="W. G. Gardner, Efficient convolution without input-output delay, J. Audio Eng. Soc. 43(3), 1995",
        params=ConvolveParams,
        build=Convolve,
        linear=True,
    ),
)
