"""Pitch and tempo of a voice, each changed without the other, in the time domain.

Sound is read faster or slower than it comes in and, now and then, a whole number of periods is repeated or left out
where two stretches resemble each other most (`dsp._native.TimePitch`). A voice keeps its waveform within each period and
so its crispness, which phase vocoders take from speech; several voices at once are no longer periodic, and sound rougher.

Source: S. Roucos, A. Wilgus, "High quality time-scale modification for speech", ICASSP 1985; W. Verhelst, M. Roelands,
"An overlap-add technique based on waveform similarity (WSOLA)", ICASSP 1993; interpolation by a windowed sinc:
J. O. Smith, P. Gossett, "A flexible sampling-rate conversion method", ICASSP 1984.
"""

import math

import numpy as np

from dsp._native import TimePitch
from dsp.types import Block, Samples

SHORTEST_MS = 2.5
LONGEST_MS = 16.0
"""Shortest and longest leap: a period of 63 Hz fits; longer ones cost intelligibility when speech is hurried."""
FADE_MS = 10.0
TAPS = 32
"""Of the interpolator, at a pitch that is not raised."""
PHASES = 256
"""Between two of them the taps are interpolated along a line: its error is 1 / (8 PHASES^2) of the curvature, -100 dB."""
KAISER_BETA = 9.0


def kernel(pitch: float, highest: float | None = None) -> Samples:
    """Interpolation filter, shape (PHASES + 1, taps): row p reads p / PHASES of a sample later; a low-pass if *pitch* > 1.

    Args:
        highest: highest pitch that another kernel of that many taps is wanted for.
    """
    cut_off = 1.0 if pitch <= 1.0 else 0.95 / pitch
    half = math.ceil(TAPS / 2 * max(1.0, pitch if highest is None else highest))
    at = np.arange(1 - half, half + 1) - np.arange(PHASES + 1)[:, np.newaxis] / PHASES
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (at / half) ** 2)))
    taps = np.sinc(cut_off * at) * window
    taps /= taps.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(taps, dtype=np.float32)


class Shifter:
    """Runs `TimePitch` over blocks of any length.

    Args:
        pitch: factor on all frequencies, 0.25 to 4.
        tempo: factor on the speed, 0.25 to 4; over 1 is shorter.
        channels: of the blocks to come; all leap together.
        sample_rate_hz: of the blocks to come.
        pitches: lowest and highest that `set_pitch` may ask for; None: no other than *pitch*.
    """

    def __init__(
        self,
        pitch: float,
        tempo: float,
        channels: int,
        sample_rate_hz: int,
        *,
        pitches: tuple[float, float] | None = None,
    ) -> None:
        lowest, highest = (pitch, pitch) if pitches is None else pitches
        per_ms = sample_rate_hz / 1000.0
        longest = round(LONGEST_MS * per_ms)
        drift = max(abs(lowest - tempo), abs(highest - tempo))
        # A fade is over before the next leap is due.
        fade = max(1, int(min(FADE_MS * per_ms, 0.4 * longest / drift if drift else math.inf)))
        shortest = max(math.ceil(SHORTEST_MS * per_ms), math.ceil(fade * drift) + 1)
        self._own = self.pitch = pitch
        self._own_kernel = self.kernel = kernel(pitch, highest)
        self._running = TimePitch(
            self.kernel,
            pitch,
            tempo,
            highest=highest,
            channels=channels,
            shortest=shortest,
            longest=longest,
            fade=fade,
        )
        self.delay_samples = round(self._running.delay / tempo)
        """How much later than its input the output comes, in samples of the output."""

    def process(self, block: Block) -> Block:
        """Read *block*, ``(channels, n)``; return what it gives, a new array of about ``n / tempo`` samples."""
        out: Block = np.empty(
            (block.shape[0], self._running.output_samples(block.shape[1])), dtype=np.float32
        )
        self._running.process(block, out)
        return out

    def set_pitch(self, pitch: float, taps: Samples) -> None:
        """Go on at another pitch, the waveform unbroken; *taps*: a kernel made for it or for a higher one."""
        self._running.set(taps, pitch)
        self.pitch, self.kernel = pitch, taps

    def adopt(self, other: "Shifter") -> None:
        """Be where *other*, built for the same pitches, is, at the pitch that it is at."""
        self._running.adopt(other._running)
        self.set_pitch(other.pitch, other.kernel)

    def reset(self) -> None:
        """Forget the past, and any pitch but that it was built with."""
        self.set_pitch(self._own, self._own_kernel)
        self._running.reset()
