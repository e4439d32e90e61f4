"""Noise suppression: our own light spectral suppressor, or one of three engines by others."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dsp.engines import EVERYTHING_DB, at_rate, make_engine
from dsp.errors import ParameterError
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.framing import OverlapAdd
from dsp.noise_floor import NoiseFloor
from dsp.params import choice, number
from dsp.spectral_gain import RULES, SpectralGain
from dsp.types import Block

HOP_S = 0.010
"""A frame is two hops: the pitch of a voice shows in 20 ms, and speech stands still for that long."""
ENGINE_SETTLE_S = 1.0
"""What a fresh engine takes to know the noise."""
MOST_DEEPFILTERS = 8


@dataclass(frozen=True, slots=True)
class DenoiseParams:
    """Parameters of `SpectralDenoise` and `EngineDenoise`."""

    engine: str = choice(
        "spectral",
        ("spectral", "webrtc", "rnnoise", "deepfilter"),
        "spectral is our own, at any rate; webrtc (up to 48 kHz), rnnoise and deepfilter (at 48 kHz, resampled) are "
        "packages to install",
    )
    amount_db: float = number(
        12.0,
        1.0,
        EVERYTHING_DB,
        "dB",
        "how far noise is reduced at most; webrtc takes the next below of 6, 12, 18 and 21; 40 is no limit to rnnoise "
        "and deepfilter",
        step=0.5,
    )
    rule: str = choice(
        "gentle",
        RULES,
        "how the spectral engine weighs noise against speech: gentle keeps words clearest, log-mmse and wiener leave less noise",
    )


class SpectralDenoise(Filter):
    """Attenuates each bin of the spectrum as far as it is noise."""

    def __init__(self, params: DenoiseParams, setting: Setting) -> None:
        hop = max(1, round(setting.sample_rate_hz * HOP_S))
        channels = setting.channels
        (rule,) = (each for each in RULES if each == params.rule)
        self._floor = NoiseFloor(channels, hop + 1, hop / setting.sample_rate_hz)
        self._gain = SpectralGain(channels, hop + 1, rule, 10.0 ** (-params.amount_db / 20.0))
        self._frames = OverlapAdd(2 * hop, hop, channels, self._work)
        self._reduction_db = 0.0
        self.delay_samples = self._frames.delay_samples
        # What it has learned is handed on, so only the frames that are under way differ.
        self.settle_samples = 4 * hop

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        return self._frames.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._floor.reset()
        self._gain.reset()
        self._frames.reset()
        self._reduction_db = 0.0

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        if isinstance(previous, SpectralDenoise):
            self._floor.adopt(previous._floor)
            self._gain.adopt(previous._gain)
            self._frames.adopt(previous._frames)

    def readings(self) -> dict[str, float]:
        """See `Filter.readings`."""
        return {"reduction_db": self._reduction_db}

    def _work(self, frames: Block) -> Block:
        lines = np.fft.rfft(frames)
        power = np.square(lines.real) + np.square(lines.imag)
        gains = self._gain.gains(power, self._floor.update(power))
        lines *= gains
        total = float(power.sum())
        kept = float((power * gains * gains).sum())
        self._reduction_db = 10.0 * float(np.log10(total / kept)) if kept > 0.0 else 0.0
        return np.fft.irfft(lines, frames.shape[1]).astype(np.float32)


class EngineDenoise(Filter):
    """Runs one engine for each channel."""

    def __init__(self, params: DenoiseParams, setting: Setting) -> None:
        if params.engine == "deepfilter" and setting.channels > MOST_DEEPFILTERS:
            raise ParameterError(
                f"engine deepfilter takes {MOST_DEEPFILTERS} channels at most, got {setting.channels}"
            )
        rate_hz, find = setting.sample_rate_hz, setting.resources.find_library
        engines = [
            make_engine(params.engine, rate_hz, params.amount_db, find) for _ in range(setting.channels)
        ]
        self._running = [at_rate(engine, rate_hz) for engine in engines]
        self.delay_samples = self._running[0].delay_samples
        self.settle_samples = self.delay_samples + round(ENGINE_SETTLE_S * rate_hz)

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        for running, channel in zip(self._running, block, strict=True):
            running.process(channel)
        return block

    def reset(self) -> None:
        """See `Filter.reset`."""
        for running in self._running:
            running.reset()


def build(params: DenoiseParams, setting: Setting) -> Filter:
    """Build what `params.engine` asks for; see `FilterSpec.build`."""
    kind: Callable[[DenoiseParams, Setting], Filter] = SpectralDenoise
    if params.engine != "spectral":
        kind = EngineDenoise
    return kind(params, setting)


SPECS = (
    FilterSpec(
        name="denoise",
        summary="Takes steady noise away and leaves speech; the engine, and how far it goes, can be chosen",
        category="noise",
        source="Ephraim and Malah 1984 and 1985, with the noise after Gerkmann and Hendriks 2012 held by Martin 2001",
        params=DenoiseParams,
        build=build,
        readings=(
            Reading("reduction_db", "dB", "how much of the last frame was taken away; spectral engine only"),
        ),
    ),
)
