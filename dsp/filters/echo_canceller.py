"""Acoustic echo canceller: takes what the loudspeaker plays out of what the microphone hears."""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp.engines import WEBRTC_RATES_HZ, at_rate, webrtc_package, webrtc_rate_hz
from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.params import flag, integer
from dsp.resample import StreamResampler
from dsp.types import Block, Samples

CONVERGED_S = 4.0
"""A fresh canceller knows the room after about so long; it is faded in no later than the chain's limit."""


@dataclass(frozen=True, slots=True)
class EchoCancellerParams:
    """Parameters of `EchoCanceller`."""

    delay_ms: int = integer(
        0, 0, 500, "ms", "delay from playing to hearing, where it is known; 0: it is found alone"
    )
    suppress_noise: bool = flag(False, "take steady noise away as well, by up to 12 dB")


class Aec3:
    """WebRTC's echo canceller AEC3 for one channel, as an engine for `dsp.engines.at_rate`."""

    DELAYS = (128, 260, 430)
    """In samples, at each of the rates; measured by correlation with speech."""

    def __init__(self, sample_rate_hz: int, params: EchoCancellerParams) -> None:
        package = webrtc_package()
        self._canceller: Any = package.AudioProcessor(
            sample_rate_hz,
            1,
            echo_cancellation=True,
            noise_suppression=params.suppress_noise,
            stream_delay_ms=params.delay_ms,
        )
        self.sample_rate_hz = sample_rate_hz
        self.frame_samples = sample_rate_hz // 100
        self.delay_samples = self.DELAYS[WEBRTC_RATES_HZ.index(sample_rate_hz)]
        self._far: deque[Samples] = deque()
        self._waiting: Samples = np.zeros(0, dtype=np.float32)

    def hear_far(self, far: Samples) -> None:
        """Be told the far signal at this engine's rate, before as many samples of the near one are processed."""
        frame = self.frame_samples
        self._waiting = np.concatenate((self._waiting, np.clip(far, -1.0, 1.0)))
        whole = self._waiting.size // frame * frame
        self._far.extend(self._waiting[:whole].reshape(-1, frame))
        self._waiting = self._waiting[whole:].copy()

    def process(self, frame: Samples) -> Samples:
        """See `dsp.engines.Engine.process`."""
        out: Samples = self._canceller.process(frame, self._far.popleft())
        return out

    def reset(self) -> None:
        """See `dsp.engines.Engine.reset`; the far signal that waits stays in step with the near one."""
        self._canceller.reset()


class EchoCanceller(Filter):
    """One canceller for each channel, all with the same far signal."""

    def __init__(self, params: EchoCancellerParams, setting: Setting) -> None:
        rate_hz = setting.sample_rate_hz
        own_hz = webrtc_rate_hz(rate_hz)
        self._params, self._rate_hz, self._own_hz = params, rate_hz, own_hz
        self._channels = setting.channels
        self._far: Samples | None = None
        self._start()
        self.delay_samples = self._running[0].delay_samples
        self.settle_samples = self.delay_samples + round(CONVERGED_S * rate_hz)

    def process(self, block: Block) -> Block:
        """See `Filter.process`; without `hear_far` before it the loudspeaker is silent."""
        count = block.shape[1]
        far = self._far if self._far is not None else np.zeros(count, dtype=np.float32)
        self._far = None
        if self._resampler is not None:
            far = self._resampler.process(far)
        for engine, running, channel in zip(self._engines, self._running, block, strict=True):
            engine.hear_far(far)
            running.process(channel)
        return block

    def hear_far(self, far: Samples) -> None:
        """See `Filter.hear_far`."""
        self._far = far

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._start()

    def _start(self) -> None:
        self._engines = [Aec3(self._own_hz, self._params) for _ in range(self._channels)]
        self._running = [at_rate(engine, self._rate_hz) for engine in self._engines]
        same = self._own_hz == self._rate_hz
        self._resampler = None if same else StreamResampler(self._rate_hz, self._own_hz)
        self._far = None


SPECS = (
    FilterSpec(
        name="echo-canceller",
        summary="Takes the loudspeaker's sound out of the microphone's (needs the package pywebrtc-audio)",
        category="noise",
        source="AEC3 of WebRTC's audio processing module, by the package pywebrtc-audio (Apache-2.0)",
        params=EchoCancellerParams,
        build=EchoCanceller,
        takes_far=True,
    ),
)
