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

PITCHES = (0.5 ** (13 / 12), 2.0 ** (13 / 12))
"""An octave and 100 cents each way."""
GLIDE_AFTER_MS = 11.0
"""The chain's cross-fade is over by then."""
GLIDE_MS = 30.0
GLIDE_STEPS = 120
"""So small that a glide of a tone leaves nothing above -85 dB 500 Hz away from it."""
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
        self._bins = np.arange(bins, dtype=np.float64)
        self.set_pitch(pitch)
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

    def set_pitch(self, pitch: float) -> None:
        """Go on for sound whose pitch was changed by another factor."""
        bins = self._bins.size
        self._pitch = pitch
        self._sources = np.minimum(self._bins * pitch, bins - 1.0)
        # A lowered voice has nothing above this bin: there is nothing to give an envelope.
        self._empty_from = math.ceil(min(1.0, 0.97 * pitch) * bins)

    def adopt(self, other: "FormantKeeper") -> None:
        """Be where *other* is, at its pitch."""
        self._frames.adopt(other._frames)
        self.set_pitch(other._pitch)

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
    """Changes the pitch of all channels together.

    A change of the interval does not fade between two voices: the new filter goes on where the old one is, at its
    pitch, and glides to its own when the chain's fade from the one to the other, then the same sound, is over.
    """

    def __init__(self, params: PitchParams, setting: Setting) -> None:
        self._factor = 2.0 ** ((params.semitones + params.cents / 100.0) / 12.0)
        rate, channels = setting.sample_rate_hz, setting.channels
        self._shifter = Shifter(self._factor, 1.0, channels, rate, pitches=PITCHES)
        self._kernel = self._shifter.kernel
        self._keeper = FormantKeeper(self._factor, channels, rate) if params.formants else None
        self.delay_samples = self._shifter.delay_samples
        if self._keeper is not None:
            self.delay_samples += self._keeper.delay_samples
        # Where it leaps depends on all the past; that it sounds as it should does not.
        self.settle_samples = self.delay_samples + round(2.0 * LONGEST_MS * rate / 1000.0)
        self._hold = math.ceil(GLIDE_AFTER_MS * rate / 1000.0)
        self._step = math.ceil(GLIDE_MS / GLIDE_STEPS * rate / 1000.0)
        self._glide: list[float] = []
        """Pitches still to come, the last one first."""
        self._until_next = 0

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        start, count = 0, block.shape[1]
        while start < count:
            stop = min(count, start + self._until_next) if self._glide else count
            block[:, start:stop] = self._shifter.process(np.ascontiguousarray(block[:, start:stop]))
            if self._glide:
                self._until_next -= stop - start
                if self._until_next == 0:
                    self._next_pitch()
            start = stop
        return block if self._keeper is None else self._keeper.process(block)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._glide = []
        self._shifter.reset()
        if self._keeper is not None:
            self._keeper.set_pitch(self._factor)
            self._keeper.reset()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`: the sound goes on unbroken."""
        if not isinstance(previous, Pitch):
            return
        self._shifter.adopt(previous._shifter)
        if self._keeper is not None and previous._keeper is not None:
            self._keeper.adopt(previous._keeper)
        if (self._keeper is None) == (previous._keeper is None):
            self.settle_samples = 0
        here = self._shifter.pitch
        if here != self._factor:
            parts = 0.5 - 0.5 * np.cos(np.pi * np.arange(GLIDE_STEPS) / GLIDE_STEPS)
            self._glide = (self._factor * (here / self._factor) ** parts).tolist()
            self._until_next = self._hold + self.settle_samples

    def _next_pitch(self) -> None:
        last = len(self._glide) == 1
        # On the way the filter of the higher pitch serves: it keeps aliases out at both.
        rises = self._factor > self._shifter.pitch
        pitch = self._glide.pop()
        self._until_next = self._step
        self._shifter.set_pitch(pitch, self._kernel if rises or last else self._shifter.kernel)
        if self._keeper is not None:
            self._keeper.set_pitch(pitch)


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
