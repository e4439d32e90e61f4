"""A generator of noise: white, pink, brown, or of one band."""

import math
from dataclasses import dataclass

import numpy as np

from dsp.biquads import Cascade, Sos, acts, empty, join, response_throughout
from dsp.errors import ParameterError
from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.iir_design import butterworth
from dsp.noise import Noise
from dsp.params import choice, flag, integer, number
from dsp.types import Block

PINK_FROM_HZ = 10.0
"""Below it pink noise is flat."""
BROWN_FROM_HZ = 20.0


@dataclass(frozen=True, slots=True)
class NoiseParams:
    """Parameters of `NoiseSource`."""

    colour: str = choice(
        "white",
        ("white", "pink", "brown", "band"),
        "flat, -3 dB an octave, -6 dB an octave, or flat from low_hz to high_hz",
    )
    level_dbov: float = number(-40.0, -120.0, 0.0, "dBov", "RMS level; 0 dBov is a full-scale square wave")
    low_hz: float = number(300.0, 20.0, 20_000.0, "Hz", "lower edge of band (-3 dB)", log=True)
    high_hz: float = number(3400.0, 20.0, 24_000.0, "Hz", "upper edge of band (-3 dB)", log=True)
    mode: str = choice("add", ("add", "replace"), "add to the sound, or replace it")
    mono: bool = flag(False, "the same noise in all channels")
    seed: int = integer(1, 0, 2**31 - 1, "", "another number gives another noise")


def _first_order(pole_hz: float, zero_hz: float | None, sample_rate_hz: int) -> Sos:
    """One real pole and one real zero or none, by the matched z-transform."""
    pole = math.exp(-2.0 * math.pi * pole_hz / sample_rate_hz)
    zero = 0.0 if zero_hz is None else math.exp(-2.0 * math.pi * zero_hz / sample_rate_hz)
    return np.array([1.0, -zero, 0.0, 1.0, -pole, 0.0])


def _edge(kind: str, freq_hz: float, sample_rate_hz: int, name: str) -> Sos:
    return (
        butterworth(4, freq_hz, kind, sample_rate_hz)
        if acts(kind, freq_hz, sample_rate_hz, name)
        else empty()
    )


def colour_sections(params: NoiseParams, sample_rate_hz: int) -> Sos:
    """Sections that colour white noise; their gain is any.

    Raises:
        ParameterError: the band is empty, or lies out of reach at this rate.
    """
    match params.colour:
        case "pink":
            # Poles and zeros by turns, half an octave apart: -3 dB an octave on the average.
            octaves = math.floor(math.log2(0.5 * sample_rate_hz / PINK_FROM_HZ))
            poles = [PINK_FROM_HZ * 2.0**k for k in range(octaves + 1)]
            return join(*(_first_order(pole, pole * math.sqrt(2.0), sample_rate_hz) for pole in poles))
        case "brown":
            return join(_first_order(BROWN_FROM_HZ, None, sample_rate_hz))
        case "band":
            if params.high_hz <= params.low_hz:
                raise ParameterError(
                    f"high_hz must be above low_hz ({params.low_hz:.10g} Hz), got {params.high_hz:.10g} Hz"
                )
            return join(
                _edge("highpass", params.low_hz, sample_rate_hz, "low_hz"),
                _edge("lowpass", params.high_hz, sample_rate_hz, "high_hz"),
            )
        case _:
            return empty()


class NoiseSource(Filter):
    """Adds noise or replaces the sound by it."""

    def __init__(self, params: NoiseParams, setting: Setting) -> None:
        rate = setting.sample_rate_hz
        sos = colour_sections(params, rate)
        power = float(np.mean(np.abs(response_throughout(sos, rate)) ** 2))
        self._rms = np.float32(10.0 ** (params.level_dbov / 20.0) / math.sqrt(power))
        self._replace = params.mode == "replace"
        streams = 1 if params.mono else setting.channels
        self._sources = [Noise(params.seed + (channel << 32)) for channel in range(streams)]
        self._shape = Cascade(sos, streams)
        self.settle_samples = self._shape.settle_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        noise = np.stack([source.white(block.shape[1]) for source in self._sources])
        self._shape.process(noise)
        noise *= self._rms
        if self._replace:
            block[:] = noise
        else:
            block += noise
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._shape.reset()
        for source in self._sources:
            source.reset()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`: the noise goes on, and does not begin again."""
        if isinstance(previous, NoiseSource):
            for source in self._sources:
                source.position = previous._sources[0].position


SPECS = (
    FilterSpec(
        name="noise",
        summary="Noise, white, pink, brown or of one band, added to the sound or in its place",
        category="simulation",
        source="definitions of the colours (ATIS T1.523 glossary); poles and zeros half an octave apart for pink",
        params=NoiseParams,
        build=NoiseSource,
        generates=True,
    ),
)
