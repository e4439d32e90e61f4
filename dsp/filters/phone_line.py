"""A telephone line: its band, its codec, lost packets, noise, hum and loss of level.

The band is limited before the codec and after it, as a line card does (ITU-T G.712); noise joins in between, so
what is heard of it lies in the band. Hum joins where the sound leaves, from the listener's own wires.
"""

import math
from dataclasses import dataclass

import numpy as np

from dsp._native import OscillatorBank
from dsp.biquads import Cascade, Sos, acts, empty, join, response_throughout
from dsp.errors import ParameterError
from dsp.filters.base import CodecStream, Filter, FilterSpec, Reading, Setting
from dsp.iir_design import butterworth
from dsp.noise import Noise
from dsp.packet_line import GilbertLoss, PacketLine
from dsp.params import choice, integer, number
from dsp.types import Block

FRAME_MS = 20
HIGH_PASS_ORDER = 6
LOW_PASS_ORDER = 12
EDGE_DB = 0.5
"""Loss of one of the two band limits at low_hz and at high_hz: the mask of G.712 allows 1.8 dB of both at 3400 Hz."""
HUM_HARMONICS = 8
SILENT_DBOV = -120.0


@dataclass(frozen=True, slots=True)
class PhoneLineParams:
    """Parameters of `PhoneLine`."""

    codec: str = choice(
        "pcma", ("pcma", "pcmu", "none"), "A-law or mu-law of ITU-T G.711 at 8 kHz, or an analogue line"
    )
    low_hz: float = number(300.0, 20.0, 900.0, "Hz", "lower edge of the band (-1 dB)", log=True)
    high_hz: float = number(3400.0, 1500.0, 8000.0, "Hz", "upper edge of the band (-1 dB)", log=True)
    level_db: float = number(0.0, -40.0, 20.0, "dB", "gain of the line; a long one loses up to 16 dB")
    loss_pct: float = number(0.0, 0.0, 100.0, "%", "packets of 20 ms lost and concealed")
    burst: float = number(
        1.0, 1.0, 100.0, "packets", "mean number lost in a row; 1: as chance has it", log=True
    )
    noise_dbov: float = number(
        -70.0, SILENT_DBOV, -20.0, "dBov", "RMS level of noise in the band; -120: none"
    )
    hum_dbov: float = number(SILENT_DBOV, SILENT_DBOV, -20.0, "dBov", "RMS level of mains hum; -120: none")
    hum_hz: str = choice("50", ("50", "60"), "mains frequency in Hz")
    seed: int = integer(1, 0, 2**31 - 1, "", "another number gives other noise and loses other packets")


def band_sections(low_hz: float, high_hz: float, sample_rate_hz: int) -> Sos:
    """One of the two band limits: `EDGE_DB` down at both edges.

    Raises:
        ParameterError: *low_hz* is out of reach at this rate.
    """
    over = 10.0 ** (EDGE_DB / 10.0) - 1.0
    low = low_hz * over ** (0.5 / HIGH_PASS_ORDER)
    high = high_hz / over ** (0.5 / LOW_PASS_ORDER)
    acts("highpass", low, sample_rate_hz, "low_hz")
    flat = not acts("lowpass", high, sample_rate_hz, "high_hz")
    return join(
        butterworth(HIGH_PASS_ORDER, low, "highpass", sample_rate_hz),
        empty() if flat else butterworth(LOW_PASS_ORDER, high, "lowpass", sample_rate_hz),
    )


class PhoneLine(Filter):
    """Makes each channel sound as through a telephone line."""

    def __init__(self, params: PhoneLineParams, setting: Setting) -> None:
        rate, channels = setting.sample_rate_hz, setting.channels
        sos = band_sections(params.low_hz, params.high_hz, rate)
        self._send, self._receive = Cascade(sos, channels), Cascade(sos, channels)
        self._gain = np.float32(10.0 ** (params.level_db / 20.0))
        self._line: PacketLine | None = None
        if params.codec != "none":
            self._line = PacketLine(
                lambda: self._open(params.codec, setting),
                channels,
                rate,
                GilbertLoss(params.loss_pct, params.burst, params.seed),
            )
            self.delay_samples = self._line.delay_samples
        elif params.loss_pct > 0.0:
            raise ParameterError(
                f"loss_pct must be 0 where codec is none: no packets, got {params.loss_pct:g}"
            )
        passed = float(np.mean(np.abs(response_throughout(sos, rate)) ** 2))
        noise_on = params.noise_dbov > SILENT_DBOV
        self._noise_rms = np.float32(10.0 ** (params.noise_dbov / 20.0) / math.sqrt(passed))
        self._noises = [Noise(params.seed + ((k + 1) << 32)) for k in range(channels if noise_on else 0)]
        self._hum = _hum(params, rate) if params.hum_dbov > SILENT_DBOV else None
        self.settle_samples = self._send.settle_samples + self._receive.settle_samples + self.delay_samples

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        self._send.process(block)
        if self._line is not None:
            self._line.process(block)
        for channel, noise in zip(block, self._noises, strict=False):
            channel += noise.white(channel.size) * self._noise_rms
        self._receive.process(block)
        block *= self._gain
        if self._hum is not None:
            hum = np.zeros(block.shape[1], dtype=np.float32)
            self._hum.add(hum)
            block += hum
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._send.reset()
        self._receive.reset()
        if self._line is not None:
            self._line.reset()
        for noise in self._noises:
            noise.reset()
        if self._hum is not None:
            self._hum.reset()

    def readings(self) -> dict[str, float]:
        """See `Filter.readings`."""
        line = self._line
        return {"lost_pct": 100.0 * line.lost / line.packets if line is not None and line.packets else 0.0}

    @staticmethod
    def _open(name: str, setting: Setting) -> CodecStream:
        return setting.resources.open_codec(name, None, FRAME_MS)


def _hum(params: PhoneLineParams, sample_rate_hz: int) -> OscillatorBank:
    numbers = np.arange(1.0, HUM_HARMONICS + 1)
    amplitudes = 1.0 / numbers  # -6 dB an octave
    amplitudes *= 10.0 ** (params.hum_dbov / 20.0) * math.sqrt(2.0 / np.sum(amplitudes**2))
    phases = -math.pi * (numbers - 1.0) ** 2 / HUM_HARMONICS
    return OscillatorBank(numbers * (float(params.hum_hz) / sample_rate_hz), amplitudes, phases)


SPECS = (
    FilterSpec(
        name="phone-line",
        summary="A telephone line: 300 to 3400 Hz, G.711, lost packets, noise, hum",
        category="simulation",
        source="ITU-T G.712 (2001) for the band, G.711 for the codec; losses: Gilbert 1960",
        params=PhoneLineParams,
        build=PhoneLine,
        generates=True,
        readings=(Reading("lost_pct", "%", "share of the packets that was lost"),),
    ),
)
