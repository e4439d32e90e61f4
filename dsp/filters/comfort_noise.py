"""Comfort noise: a quiet, even background, so that a silent line does not seem dead."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.comfort_noise import predictor_of
from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.framing import OverlapAdd
from dsp.noise import Noise
from dsp.noise_floor import NoiseFloor
from dsp.params import choice, integer, number, numbers
from dsp.types import Block
from dsp.vad import SpeechDetector

HOP_S = 0.010
FADE_S = 0.1
"""How long sound takes to give way to noise in pauses."""
HOLD_S = 0.2


@dataclass(frozen=True, slots=True)
class ComfortNoiseParams:
    """Parameters of `ComfortNoise`."""

    level_dbov: float = number(-60.0, -100.0, -20.0, "dBov", "level of the noise", step=0.5)
    where: str = choice(
        "silence",
        ("silence", "pauses", "always"),
        "silence: fills up what is below the level; pauses: takes the place of everything that is no speech; always: "
        "is added",
    )
    shape: str = choice(
        "pink",
        ("white", "pink", "background"),
        "spectrum of the noise; background: as the sound's own between words",
    )
    reflection: tuple[float, ...] = numbers(
        (),
        -0.99,
        0.99,
        "",
        "reflection coefficients of an all-pole spectrum, as comfort noise packets carry; they replace the shape",
        counts=(0, 20),
    )
    seed: int = integer(1, 0, 2**31 - 1, "", "which random noise")


class ComfortNoise(Filter):
    """Adds shaped noise, another on each channel."""

    def __init__(self, params: ComfortNoiseParams, setting: Setting) -> None:
        hop = max(1, round(setting.sample_rate_hz * HOP_S))
        hop_s = hop / setting.sample_rate_hz
        shape = (setting.channels, hop + 1)
        self._power = 10.0 ** (params.level_dbov / 10.0)
        self._where = params.where
        pauses = params.where == "pauses"
        self._detector = (
            SpeechDetector(hop + 1, setting.sample_rate_hz, hop_s, hangover_s=HOLD_S) if pauses else None
        )
        own = params.shape == "background" and not params.reflection
        self._floor = NoiseFloor(*shape, hop_s) if own else None
        if params.reflection:
            spectrum = all_pole(np.array(params.reflection), hop + 1)
        elif params.shape == "pink":
            # From 50 Hz down it is flat: what lies there is not heard, but would take half the power.
            lowest = 50.0 / setting.sample_rate_hz * 2 * hop
            spectrum = 1.0 / np.maximum(np.arange(hop + 1), lowest)
        else:
            spectrum = np.ones(hop + 1)
        self._amplitude = np.sqrt(normalised(spectrum))
        self._fall = 0.01 ** (hop_s / FADE_S)
        self._noise = Noise(params.seed)
        self._frames = OverlapAdd(2 * hop, hop, setting.channels, self._work)
        self.delay_samples = self._frames.delay_samples
        self.settle_samples = self.delay_samples + round((FADE_S + HOLD_S) * setting.sample_rate_hz)
        self.reset()

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        return self._frames.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._frames.reset()
        self._noise.reset()
        if self._detector is not None:
            self._detector.reset()
        if self._floor is not None:
            self._floor.reset()
        self._gain = 1.0
        self._added = 0.0

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        if not isinstance(previous, ComfortNoise):
            return
        self._frames.adopt(previous._frames)
        self._noise.position = previous._noise.position
        if self._detector is not None and previous._detector is not None:
            self._detector.adopt(previous._detector)
            self._gain = previous._gain
        if self._floor is not None and previous._floor is not None:
            self._floor.adopt(previous._floor)

    def readings(self) -> dict[str, float]:
        """See `Filter.readings`."""
        return {"added": self._added}

    def _work(self, frames: Block) -> Block:
        lines = np.fft.rfft(frames)
        power = np.square(lines.real) + np.square(lines.imag)
        # The windows leave half of a frame's power; see OverlapAdd.
        mean_square = np.square(frames, dtype=np.float64).mean(axis=1, keepdims=True) * 2.0
        share = self._share(power, mean_square)
        amplitude = self._amplitude
        if self._floor is not None:
            amplitude = np.sqrt(normalised(self._floor.update(power)))
        white = self._noise.white(frames.size).reshape(frames.shape)
        lines *= self._gain
        lines += np.fft.rfft(white) * amplitude * np.sqrt(share * self._power)
        self._added = float(share.mean())
        return np.fft.irfft(lines, frames.shape[1]).astype(np.float32)

    def _share(self, power: NDArray[np.float64], mean_square: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the noise's power to add, ``(channels, 1)``; sets what the sound itself is multiplied by."""
        if self._detector is not None:
            speech = self._detector.decide(power.mean(axis=0, keepdims=True), float(mean_square.mean()))
            fallen = self._gain * self._fall
            self._gain = 1.0 if speech else fallen if fallen > 1e-4 else 0.0
            return np.full_like(mean_square, 1.0 - self._gain**2)
        if self._where == "always":
            return np.ones_like(mean_square)
        share: NDArray[np.float64] = np.maximum(0.0, 1.0 - mean_square / self._power)
        return share


def normalised(spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
    """*spectrum*, powers of the lines of a real FFT along the last axis, scaled so that it passes unit power of white noise."""
    total = 2.0 * spectrum.sum(axis=-1, keepdims=True) - spectrum[..., :1] - spectrum[..., -1:]
    found: NDArray[np.float64] = spectrum * (2.0 * (spectrum.shape[-1] - 1) / total)
    return found


def all_pole(reflection: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Power spectrum of the all-pole model with these reflection coefficients, at *bins* lines from 0 to half the rate.

    The coefficients are RFC 3389's (section 3.2).
    """
    predictor = predictor_of(reflection)
    found: NDArray[np.float64] = 1.0 / np.square(np.abs(np.fft.rfft(predictor, 2 * (bins - 1))))
    return found


SPECS = (
    FilterSpec(
        name="comfort-noise",
        summary="Puts a quiet, even noise where there is silence, or where nobody speaks",
        category="noise",
        source="RFC 3389 (comfort noise of a level and an all-pole spectrum); ITU-T G.711 Appendix II",
        params=ComfortNoiseParams,
        build=ComfortNoise,
        generates=True,
        readings=(Reading("added", "", "how much of the noise is added now, 0 to 1"),),
    ),
)
