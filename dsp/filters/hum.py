"""Mains hum with its harmonics, added: what a bad cable or a bad earth sounds like."""

import math
from dataclasses import dataclass

import numpy as np

from dsp._native import OscillatorBank
from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.params import integer, number
from dsp.types import Block


@dataclass(frozen=True, slots=True)
class HumParams:
    """Parameters of `Hum`."""

    freq_hz: float = number(50.0, 40.0, 70.0, "Hz", "mains frequency: 50, in the Americas mostly 60")
    level_dbov: float = number(
        -40.0, -120.0, 0.0, "dBov", "RMS level of all together; 0 dBov is a full-scale square wave"
    )
    harmonics: int = integer(10, 1, 60, "", "sines, the mains frequency itself included")
    slope_db: float = number(
        -6.0, -24.0, 0.0, "dB", "level from one harmonic to that of twice the frequency, per octave"
    )


class Hum(Filter):
    """Adds sines at multiples of the mains frequency, the same in all channels."""

    def __init__(self, params: HumParams, setting: Setting) -> None:
        rate = setting.sample_rate_hz
        count = min(params.harmonics, math.ceil(rate / 2.0 / params.freq_hz) - 1)
        numbers = np.arange(1, count + 1, dtype=np.float64)
        amplitudes = 10.0 ** (params.slope_db * np.log2(numbers) / 20.0)
        amplitudes *= 10.0 ** (params.level_dbov / 20.0) * math.sqrt(2.0 / np.sum(amplitudes**2))
        # Phases that grow with the square of the number keep the peak low (Schroeder 1970).
        phases = -math.pi * (numbers - 1.0) ** 2 / count
        self._frequencies, self._amplitudes, self._phases = (
            numbers * (params.freq_hz / rate),
            amplitudes,
            phases,
        )
        self._first_turns = 0.0
        """Phase of the mains at position 0."""
        self._position = 0
        self._bank = self._oscillators()

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        hum = np.zeros(block.shape[1], dtype=np.float32)
        self._bank.add(hum)
        self._position += hum.size
        block += hum
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._position = 0
        self._first_turns = 0.0
        self._bank = self._oscillators()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`: the mains goes on in phase."""
        if isinstance(previous, Hum):
            passed = previous._frequencies[0] * previous._position
            self._first_turns = float((previous._first_turns + passed) % 1.0)
            self._bank = self._oscillators()

    def _oscillators(self) -> OscillatorBank:
        numbers = np.arange(1, self._phases.size + 1)
        phases = self._phases + 2.0 * math.pi * ((numbers * self._first_turns) % 1.0)
        return OscillatorBank(self._frequencies, self._amplitudes, phases)


SPECS = (
    FilterSpec(
        name="hum",
        summary="Mains hum of 50 or 60 Hz with its harmonics, added to the sound",
        category="simulation",
        source="Fourier series; phases after M. R. Schroeder, IEEE Trans. Inf. Theory 16(1), 1970",
        params=HumParams,
        build=Hum,
        generates=True,
    ),
)
