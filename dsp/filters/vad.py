"""A gate that listens for speech, not for level."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.framing import OverlapAdd
from dsp.noise import Noise
from dsp.noise_floor import NoiseFloor
from dsp.params import flag, integer, number
from dsp.types import Block
from dsp.vad import THRESHOLD, SpeechDetector

HOP_S = 0.010


@dataclass(frozen=True, slots=True)
class VadParams:
    """Parameters of `Vad`."""

    range_db: float = number(30.0, 0.0, 90.0, "dB", "how far what is no speech is turned down", step=0.5)
    threshold: float = number(
        THRESHOLD,
        0.05,
        5.0,
        "",
        "mean log likelihood ratio that is speech; more lets less through",
        log=True,
        step=0.01,
    )
    hold_ms: float = number(200.0, 0.0, 2000.0, "ms", "how long it stays open after speech", step=10.0)
    release_ms: float = number(100.0, 10.0, 2000.0, "ms", "how long it takes to close", log=True, step=10.0)
    lookahead_ms: float = number(
        20.0,
        0.0,
        200.0,
        "ms",
        "how long sound waits for the decision, so that no word's start is lost",
        step=10.0,
    )
    comfort: bool = flag(False, "put noise like the background where the gate is closed, as loud as that was")
    seed: int = integer(1, 0, 2**31 - 1, "", "which random noise")


class Vad(Filter):
    """Passes speech on all channels and turns the rest down."""

    def __init__(self, params: VadParams, setting: Setting) -> None:
        hop = max(1, round(setting.sample_rate_hz * HOP_S))
        hop_s = hop / setting.sample_rate_hz
        self._shape = (setting.channels, hop + 1)
        self._detector = SpeechDetector(
            hop + 1,
            setting.sample_rate_hz,
            hop_s,
            threshold=params.threshold,
            hangover_s=params.hold_ms / 1000,
        )
        self._floor = NoiseFloor(*self._shape, hop_s) if params.comfort else None
        self._closed = 10.0 ** (-params.range_db / 20.0)
        # A frame is open as soon as its decision says so; the windows make a fade of 10 ms of that.
        self._fall = self._closed ** min(1.0, 1000 * hop_s / params.release_ms)
        self._ahead = round(params.lookahead_ms / 1000 / hop_s)
        self._noise = Noise(params.seed)
        self._late: deque[NDArray[np.complex128]] = deque()
        self._recent: deque[bool] = deque(maxlen=self._ahead + 1)
        self._frames = OverlapAdd(2 * hop, hop, setting.channels, self._work)
        self.delay_samples = self._frames.delay_samples + self._ahead * hop
        self.settle_samples = self.delay_samples + round(
            (params.hold_ms + params.release_ms) / 1000 * setting.sample_rate_hz
        )
        self.reset()

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        return self._frames.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._detector.reset()
        self._frames.reset()
        self._noise.reset()
        if self._floor is not None:
            self._floor.reset()
        self._late.clear()
        self._late.extend([np.zeros(self._shape, dtype=np.complex128)] * self._ahead)
        self._recent.clear()
        self._gain = self._closed
        self._speech = False

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        if not isinstance(previous, Vad):
            return
        self._detector.adopt(previous._detector)
        self._frames.adopt(previous._frames)
        self._gain = max(previous._gain, self._closed)
        if self._floor is not None and previous._floor is not None:
            self._floor.adopt(previous._floor)
        if self._ahead == previous._ahead:
            self._late = previous._late.copy()
            self._recent = previous._recent.copy()
            self._noise.position = previous._noise.position
            self.settle_samples = 0
        else:
            self.settle_samples = self.delay_samples

    def readings(self) -> dict[str, float]:
        """See `Filter.readings`."""
        return {"speech": float(self._speech)}

    def _work(self, frames: Block) -> Block:
        lines = np.fft.rfft(frames)
        power = np.square(lines.real) + np.square(lines.imag)
        # The window has a mean square of one half of the frame's samples.
        mean_square = float(np.vdot(frames, frames)) / (frames.size / 2)
        self._speech = self._detector.decide(power.mean(axis=0, keepdims=True), mean_square)
        self._recent.append(self._speech)
        self._late.append(lines)
        self._gain = 1.0 if any(self._recent) else max(self._closed, self._gain * self._fall)
        out = self._late.popleft() * self._gain
        if self._floor is not None:
            out += self._background(self._floor.update(power), frames.shape)
        return np.fft.irfft(out, frames.shape[1]).astype(np.float32)

    def _background(self, psd: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.complex128]:
        """Lines of noise of the spectrum *psd*, as much as the gate takes away."""
        white = self._noise.white(shape[0] * shape[1]).reshape(shape)
        share = np.sqrt((1.0 - self._gain**2) * psd / (shape[1] / 2))
        found: NDArray[np.complex128] = np.fft.rfft(white) * share
        return found


SPECS = (
    FilterSpec(
        name="vad",
        summary="Opens for speech and turns everything else down, with noise like the background in its place if wanted",
        category="noise",
        source="Sohn, Kim and Sung 1999 with the several observations of Ramirez and others 2005",
        params=VadParams,
        build=Vad,
        readings=(Reading("speech", "", "1 while somebody speaks, else 0"),),
    ),
)
