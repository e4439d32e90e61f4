"""A voice radio: narrow band, hard-driven transmitter, noise, crackle, and a squelch with its tail of noise.

From the microphone on: limit to full scale, band-pass, compress, saturate; then the receiver: noise that comes up
in pauses (its gain control), crackle, squelch, and the band-pass once more over all of it.
"""

import math
from dataclasses import dataclass

import numpy as np

from dsp._native import Envelope, GateSwitch
from dsp.biquads import Cascade, Sos, acts, empty, join, response_throughout
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.iir_design import butterworth
from dsp.noise import Noise
from dsp.params import integer, number
from dsp.types import Block, Samples

ORDER = 4
"""Of each of the two band limits, at each edge."""
CEILING = 0.5
"""What the saturated voice stays below."""
COMPRESS_ABOVE = 10.0 ** (-36.0 / 20.0)
"""Envelope from which on the transmitter compresses."""
ATTACK_MS, RELEASE_MS = 3.0, 150.0
SQUELCH_HOLD_MS = 300.0
SQUELCH_HYSTERESIS = 0.5
SQUELCH_RAMP_MS = 3.0
PAUSE_BELOW = 10.0 ** (-34.0 / 20.0)
"""Envelope at which noise is halfway, in dB, between its level in speech and that in pauses."""
SILENT_DBOV = -120.0


@dataclass(frozen=True, slots=True)
class RadioParams:
    """Parameters of `Radio`."""

    low_hz: float = number(300.0, 50.0, 1000.0, "Hz", "lower edge of the band (-3 dB)", log=True)
    high_hz: float = number(2700.0, 1500.0, 8000.0, "Hz", "upper edge of the band (-3 dB)", log=True)
    ratio: float = number(3.0, 1.0, 20.0, "", "compression of the transmitter; 1: none", log=True)
    drive_db: float = number(
        6.0, -20.0, 40.0, "dB", "gain before it saturates: more sounds harsher and louder"
    )
    noise_dbov: float = number(
        -50.0, SILENT_DBOV, -20.0, "dBov", "RMS level of noise during speech; -120: none"
    )
    swell_db: float = number(6.0, 0.0, 40.0, "dB", "how far the noise comes up in pauses")
    crackles: float = number(0.0, 0.0, 1000.0, "1/s", "crackles a second, on the average")
    crackle_dbov: float = number(-20.0, -60.0, 0.0, "dBov", "peak of the loudest crackle")
    squelch_dbov: float = number(
        SILENT_DBOV, SILENT_DBOV, -10.0, "dBov", "level that opens the squelch; -120: always open"
    )
    tail_ms: float = number(120.0, 0.0, 1000.0, "ms", "burst of noise after the squelch has missed the voice")
    tail_dbov: float = number(-30.0, SILENT_DBOV, -10.0, "dBov", "RMS level of that burst")
    seed: int = integer(1, 0, 2**31 - 1, "", "another number gives other noise")


def band_sections(low_hz: float, high_hz: float, sample_rate_hz: int) -> Sos:
    """One of the two band limits; both together are 3 dB down at the edges.

    Raises:
        ParameterError: *low_hz* is out of reach at this rate.
    """
    over = 10.0 ** (3.0103 / 2 / 10.0) - 1.0
    low, high = low_hz * over ** (0.5 / ORDER), high_hz / over ** (0.5 / ORDER)
    acts("highpass", low, sample_rate_hz, "low_hz")
    flat = not acts("lowpass", high, sample_rate_hz, "high_hz")
    return join(
        butterworth(ORDER, low, "highpass", sample_rate_hz),
        empty() if flat else butterworth(ORDER, high, "lowpass", sample_rate_hz),
    )


def _level(dbov: float) -> float:
    return 0.0 if dbov <= SILENT_DBOV else 10.0 ** (dbov / 20.0)


class Radio(Filter):
    """All channels through one radio: gain, noise and squelch act on all alike."""

    def __init__(self, params: RadioParams, setting: Setting) -> None:
        rate, channels = setting.sample_rate_hz, setting.channels
        sos = band_sections(params.low_hz, params.high_hz, rate)
        self._params = params
        self._send, self._receive = Cascade(sos, channels), Cascade(sos, channels)
        self._envelope = Envelope(ATTACK_MS * rate / 1000, RELEASE_MS * rate / 1000, channels=channels)
        self._drive = 10.0 ** (params.drive_db / 20.0)
        gain = np.abs(response_throughout(sos, rate))
        heard = math.sqrt(float(np.mean(gain**2)))
        self._noise_rms = _level(params.noise_dbov) / heard
        self._tail_rms = _level(params.tail_dbov) / heard
        self._crackle_chance = min(1.0, params.crackles / rate)
        # A pulse of one sample leaves the band-pass about as high as the mean of its gain.
        self._crackle_peak = _level(params.crackle_dbov) / float(np.mean(gain))
        self._noise, self._crackles = Noise(params.seed), Noise(params.seed + (1 << 32))
        self._voice_gate: GateSwitch | None = None
        self._open_gate: GateSwitch | None = None
        if params.squelch_dbov > SILENT_DBOV:
            opens, ramp = 10.0 ** (params.squelch_dbov / 20.0), SQUELCH_RAMP_MS * rate / 1000
            hold, tail = round(SQUELCH_HOLD_MS * rate / 1000), round(params.tail_ms * rate / 1000)
            shuts = opens * SQUELCH_HYSTERESIS
            self._voice_gate = GateSwitch(opens, shuts, ramp, hold, ramp)
            self._open_gate = GateSwitch(opens, shuts, ramp, hold + tail, ramp)
        self._open = 1.0
        self._warm_samples = self._send.settle_samples + self._receive.settle_samples
        self.ready_samples = self._warm_samples
        self.settle_samples = (
            self.ready_samples + math.ceil(10.4 * RELEASE_MS * rate / 1000)  # ln(10^(90/20)) time constants
        )

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        if block.shape[1] == 0:
            return block
        np.clip(block, -1.0, 1.0, out=block)
        self._send.process(block)
        envelope = np.empty(block.shape[1], dtype=np.float32)
        self._envelope.follow(block, envelope)
        squeeze = np.maximum(envelope / np.float32(COMPRESS_ABOVE), np.float32(1.0))
        block *= squeeze ** np.float32(1.0 / self._params.ratio - 1.0)
        block *= np.float32(self._drive / CEILING)
        np.tanh(block, out=block)
        block *= np.float32(CEILING)
        noise = self._noise.white(block.shape[1])
        noise_gain = self._swell(envelope) * np.float32(self._noise_rms)
        if self._voice_gate is not None and self._open_gate is not None:
            opened = envelope.copy()
            self._open_gate.process(opened)
            voice = envelope
            self._voice_gate.process(voice)
            block *= voice
            noise_gain = opened * noise_gain + (opened - voice) * np.float32(self._tail_rms)
            self._open = float(opened[-1])
        noise *= noise_gain
        if self._crackle_chance > 0.0:
            noise += self._next_crackles(noise.size)
        block += noise
        return self._receive.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        for each in (self._send, self._receive, self._envelope, self._noise, self._crackles):
            each.reset()
        for gate in (self._voice_gate, self._open_gate):
            if gate is not None:
                gate.reset()
        self._open = 1.0

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`: how loud it was, and whether the squelch was open."""
        if not isinstance(previous, Radio):
            return
        self._envelope.adopt(previous._envelope)
        for gate, before in (
            (self._voice_gate, previous._voice_gate),
            (self._open_gate, previous._open_gate),
        ):
            if gate is not None and before is not None:
                gate.adopt(before)
        self.settle_samples = self._warm_samples

    def readings(self) -> dict[str, float]:
        """See `Filter.readings`."""
        return {"open": self._open}

    def _swell(self, envelope: Samples) -> Samples:
        """Factor by which the noise is above its level in speech."""
        pause = np.float32(PAUSE_BELOW) / (envelope + np.float32(PAUSE_BELOW))
        factor: Samples = np.exp(pause * np.float32(self._params.swell_db * math.log(10.0) / 20.0))
        return factor

    def _next_crackles(self, count: int) -> Samples:
        drawn = self._crackles.uniform(count)
        pulses = np.zeros(count, dtype=np.float32)
        hits = np.flatnonzero(drawn < self._crackle_chance)
        # What is left of the draw is even over -1 to 1; its cube makes most of them soft.
        pulses[hits] = self._crackle_peak * (2.0 * drawn[hits] / self._crackle_chance - 1.0) ** 3
        return pulses


SPECS = (
    FilterSpec(
        name="radio",
        summary="A voice radio: narrow band, saturation, noise, crackle, squelch with its tail",
        category="simulation",
        source="own, after what ETSI EN 300 086 asks of the audio band of analogue land mobile radios",
        params=RadioParams,
        build=Radio,
        generates=True,
        readings=(Reading("open", "", "whether the squelch is open: 0 to 1"),),
    ),
)
