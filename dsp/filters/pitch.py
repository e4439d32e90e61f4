"""Higher or lower by any interval, as long as before; the formants move along or stay."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.filters.base import Filter, FilterSpec, Setting
from dsp.framing import OverlapAdd
from dsp.params import flag, number
from dsp.time_pitch import LONGEST_MS, Shifter
from dsp.types import Block

HOP_MS = 8.0
HOPS = 4
"""Hops in a frame of the formants' analysis."""
LIFTER = (0.4, 0.6)
"""Quefrencies, in periods of the voice, up to which all and from which on nothing belongs to its formants."""
SHORTEST_PERIOD_MS = 1.6
PLAIN_PERIOD_MS = 4.0
"""Taken for a period where there is none."""
VOICED_PEAK = 0.08
"""Height of a peak of the cepstrum that counts as a pitch; of noise 0.05."""
FLOOR = 1e-3
"""Lines further below the mean than this are not followed down."""
ITERATIONS = 6
MAX_GAIN_DB = 24.0
_TINY = 1e-7


@dataclass(frozen=True, slots=True)
class PitchParams:
    """Parameters of `Pitch`."""

    semitones: float = number(0.0, -12.0, 12.0, "semitones", "interval; 12 is an octave up", step=0.01)
    cents: float = number(0.0, -100.0, 100.0, "cents", "fine tuning, hundredths of a semitone", step=1.0)
    formants: bool = flag(
        False, "keep the formants: the same person higher or lower, not one of another size"
    )


class FormantKeeper:
    """Gives sound whose pitch was changed by a factor the spectral envelope it had before.

    The envelope is that of the sound itself, by the true-envelope cepstrum (A. Röbel, X. Rodet, "Efficient spectral
    envelope estimation and its application to pitch shifting and envelope preservation", DAFx 2005); what it was
    before lies, in frequency, *pitch* times further up. A frame keeps its energy.
    """

    def __init__(self, pitch: float, channels: int, sample_rate_hz: int) -> None:
        hop = max(1, round(HOP_MS * sample_rate_hz / 1000.0))
        self._frame = HOPS * hop
        bins = self._frame // 2 + 1
        self._sources = np.minimum(np.arange(bins) * pitch, bins - 1.0)
        self._bins = np.arange(bins, dtype=np.float64)
        # A lowered voice has nothing above this bin: there is nothing to give an envelope.
        self._empty_from = math.ceil(min(1.0, 0.97 * pitch) * bins)
        per_ms = sample_rate_hz / 1000.0
        half = self._frame // 2
        self._periods = slice(min(half - 1, round(SHORTEST_PERIOD_MS * per_ms)), half)
        self._plain_period = max(4, round(PLAIN_PERIOD_MS * per_ms))
        self._quefrency = np.minimum(np.arange(self._frame), self._frame - np.arange(self._frame))
        self._frames = OverlapAdd(self._frame, hop, channels, self._work)
        self.delay_samples = self._frames.delay_samples

    def process(self, block: Block) -> Block:
        """Work on *block* in place and return it."""
        return self._frames.process(block)

    def reset(self) -> None:
        """Forget the past."""
        self._frames.reset()

    def _period(self, cepstrum: NDArray[np.float64]) -> int:
        """Period of the voice in samples, from the peak that its harmonics make in *cepstrum*."""
        here = cepstrum[self._periods]
        best = int(np.argmax(here)) + self._periods.start
        if cepstrum[best] < VOICED_PEAK:
            return self._plain_period
        halves = cepstrum[best // 2 - 1 : best // 2 + 2]
        twice = best // 2 - 1 >= self._periods.start and halves.max() > 0.6 * cepstrum[best]
        return best // 2 if twice else best

    def _envelope(self, magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
        """Natural logarithm of the envelope over the peaks of *magnitude*."""
        floor = FLOOR * math.sqrt(float(np.mean(magnitude**2))) + _TINY
        target = np.log(magnitude + floor)
        cepstrum = np.fft.irfft(target, self._frame)
        # Flat, then falling to nothing before the first quefrency of the pitch.
        part = self._quefrency / self._period(cepstrum)
        lifter = 0.5 + 0.5 * np.cos(np.pi * np.clip((part - LIFTER[0]) / (LIFTER[1] - LIFTER[0]), 0.0, 1.0))
        smooth = np.fft.rfft(cepstrum * lifter).real
        for _ in range(ITERATIONS - 1):
            target = np.maximum(target, smooth)
            smooth = np.fft.rfft(np.fft.irfft(target, self._frame) * lifter).real
        return smooth

    def _work(self, frames: Block) -> Block:
        spectrum = np.fft.rfft(frames, axis=1)
        power = np.mean(np.square(np.abs(spectrum)), axis=0)
        envelope = self._envelope(np.sqrt(power))
        most = MAX_GAIN_DB * math.log(10.0) / 20.0
        wanted = np.interp(self._sources, self._bins, envelope)
        gain = np.exp(np.clip(wanted - envelope, -most, most))
        gain[self._empty_from :] = 1.0
        gain *= math.sqrt((float(power.sum()) + _TINY) / (float((power * gain**2).sum()) + _TINY))
        shaped: Block = np.fft.irfft(spectrum * gain, self._frame, axis=1).astype(np.float32)
        return shaped


class Pitch(Filter):
    """Changes the pitch of all channels together."""

    def __init__(self, params: PitchParams, setting: Setting) -> None:
        factor = 2.0 ** ((params.semitones + params.cents / 100.0) / 12.0)
        rate, channels = setting.sample_rate_hz, setting.channels
        self._shifter = Shifter(factor, 1.0, channels, rate)
        self._keeper = FormantKeeper(factor, channels, rate) if params.formants else None
        self.delay_samples = self._shifter.delay_samples
        if self._keeper is not None:
            self.delay_samples += self._keeper.delay_samples
        # Where it leaps depends on all the past; that it sounds as it should does not.
        self.settle_samples = self.delay_samples + round(2.0 * LONGEST_MS * rate / 1000.0)

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        block[:] = self._shifter.process(block)
        return block if self._keeper is None else self._keeper.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._shifter.reset()
        if self._keeper is not None:
            self._keeper.reset()


SPECS = (
    FilterSpec(
        name="pitch",
        summary="A voice higher or lower, as long as before, with its formants moved along or kept",
        category="time and pitch",
        source="WSOLA (Verhelst, Roelands, ICASSP 1993) and resampling; true envelope (Röbel, Rodet, DAFx 2005)",
        params=PitchParams,
        build=Pitch,
    ),
)
