"""A test tone: a sine, or a sweep whose frequency rises by the same ratio each second."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp._native import OscillatorBank
from dsp.biquads import NYQUIST_SHARE
from dsp.errors import ParameterError
from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.params import choice, number
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class ToneParams:
    """Parameters of `Tone`."""

    kind: str = choice("sine", ("sine", "sweep"), "one frequency, or from freq_hz to end_hz again and again")
    freq_hz: float = number(1000.0, 1.0, 24_000.0, "Hz", "frequency; of a sweep, where it begins", log=True)
    end_hz: float = number(3400.0, 1.0, 24_000.0, "Hz", "where a sweep ends", log=True)
    sweep_s: float = number(5.0, 0.05, 600.0, "s", "length of a sweep", log=True)
    level_dbov: float = number(-20.0, -120.0, -3.0, "dBov", "RMS level; a full-scale sine has -3.01 dBov")
    mode: str = choice("add", ("add", "replace"), "add to the sound, or replace it")


class Tone(Filter):
    """Adds a tone or replaces the sound by it, the same in all channels."""

    def __init__(self, params: ToneParams, setting: Setting) -> None:
        rate = setting.sample_rate_hz
        reach = NYQUIST_SHARE * rate
        swept = params.kind == "sweep"
        for name, value in (("freq_hz", params.freq_hz), ("end_hz", params.end_hz if swept else 0.0)):
            if value >= reach:
                raise ParameterError(
                    f"{name} must be below {reach:.10g} Hz at a sample rate of {rate} Hz, got {value:.10g} Hz"
                )
        self._replace = params.mode == "replace"
        self._amplitude = 10.0 ** (params.level_dbov / 20.0) * math.sqrt(2.0)
        self._position = 0
        self._first_turns = 0.0
        """Phase of a sine at position 0."""
        self._length = max(1, round(params.sweep_s * rate))
        self._start = params.freq_hz / rate
        self._growth = math.log(params.end_hz / params.freq_hz) / self._length if swept else 0.0
        self._swept = swept
        self._bank = self._oscillator(0.0)

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        tone = np.zeros(block.shape[1], dtype=np.float32)
        if not self._swept:
            self._bank.add(tone)
        else:
            sweep, at = np.divmod(np.arange(self._position, self._position + tone.size), self._length)
            turns = (sweep * (self._turns(np.array(self._length)) % 1.0) + self._turns(at)) % 1.0
            tone[:] = self._amplitude * np.sin(2.0 * np.pi * turns)
        self._position += tone.size
        if self._replace:
            block[:] = tone
        else:
            block += tone
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._position = 0
        self._first_turns = 0.0
        self._bank = self._oscillator(0.0)

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`: a sine goes on in phase, a sweep where it is."""
        if not isinstance(previous, Tone) or self._swept != previous._swept:
            return
        if self._swept:
            self._position = previous._position % self._length
        else:
            self._first_turns = (previous._first_turns + previous._start * previous._position) % 1.0
            self._bank = self._oscillator(self._first_turns)

    def _oscillator(self, turns: float) -> OscillatorBank:
        one = np.ones(1)
        return OscillatorBank(one * self._start, one * self._amplitude, one * (2.0 * math.pi * turns))

    def _turns(self, at: NDArray[np.int64]) -> NDArray[np.float64]:
        """Turns since the sweep began, *at* samples in it: the integral of its frequency."""
        times = at.astype(np.float64)
        if self._growth == 0.0:
            return self._start * times
        return (self._start / self._growth) * np.expm1(self._growth * times)


SPECS = (
    FilterSpec(
        name="tone",
        summary="A sine or a sweep, added to the sound or in its place",
        category="tones",
        source="definition; exponential sweep after A. Farina, AES 108th Convention, 2000, paper 5093",
        params=ToneParams,
        build=Tone,
        generates=True,
    ),
)
