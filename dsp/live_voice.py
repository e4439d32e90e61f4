"""A voice while it is recorded: level, pitch trace, long-term spectrum, and the figures of a vowel that is held.

Conventions: blocks ``(channels, n)`` of full scale 1, of which the mean over the channels is listened to; levels in
dBFS, a full-scale sine having an RMS of -3.01. Nothing is computed until somebody reads: `LiveVoice.process` copies,
and looks for the greatest sample.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.full_scale import FULL_SCALE, amplitude_db, peak_of, power_db
from dsp.live_pitch import LivePitch
from dsp.live_vowel import LiveVowel, VowelWatch
from dsp.mending import LOUDEST, mend
from dsp.phonation.phonation import VoiceSettings
from dsp.running_spectrum import RunningSpectrum
from dsp.types import Block, Samples

__all__ = ["LiveVoice", "LiveVoiceReading", "LiveVowel"]

KEPT_S = 6.0
"""Sound that is kept: the vowel, and what comes while it is looked at."""
TRACE_S = 10.0
"""Of the pitch."""
LATE_S = 1.0
"""Who reads more seldom than this has gaps in the trace, and in the spectrum."""
LEVEL_S = 0.1
SHOWN_HZ = 10_000.0
"""The spectrum is shown up to here."""
HIGH_HZ = 6000.0
"""Power of the voiced parts above this over all of their power is the HPR (Shoji, Regenbogen, Yu & Blaugrund 1992)."""
LEAST_HPR_RATE_HZ = 16_000

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LiveVoiceReading:
    """What a `LiveVoice` shows."""

    seconds: float
    """Of sound so far."""
    level_dbfs: float | None
    """RMS of the newest 0.1 s; None for silence (-120 dB and less)."""
    peak_dbfs: float | None
    """Greatest sample of the newest 0.1 s, or since the reading before, if that is longer."""
    clipped: int
    """Samples at full scale so far, over all channels."""
    f0_hz: float | None
    """Now; None where there is no voice."""
    trace_hz: Values
    """Pitch of the newest `TRACE_S` at most, one value each `STEP_S`: 0 where there is no voice, NaN where nobody
    looked. The newest few may be corrected by the next reading."""
    frames: int
    """Frames of pitch so far: ``trace_hz[-1]`` is number ``frames - 1``."""
    ltas_hz: Values
    """Centres of the bands of the spectrum."""
    ltas_db: Values | None
    """dB re full scale per hertz, pauses left out, what is older than some seconds fading; None before any sound."""
    hpr_db: float | None
    """Power above 6 kHz over all power, of the voiced parts; None before there was a voice, and for rates below 16 kHz."""


class LiveVoice:
    """Listens to a recording that runs.

    One thread calls `process`; one other calls `read` and `vowel`.

    Args:
        sample_rate_hz: 8000 to 96000.
        settings: floor and ceiling of the pitch.

    Raises:
        ParameterError: a rate or settings out of range.
    """

    def __init__(self, sample_rate_hz: int, settings: VoiceSettings | None = None) -> None:
        if not 8000 <= sample_rate_hz <= 96_000:
            raise ParameterError(f"a voice needs a rate of 8000 to 96000 Hz, got {sample_rate_hz} Hz")
        self.sample_rate_hz = sample_rate_hz
        self.settings = VoiceSettings() if settings is None else settings
        self._kept: Samples = np.zeros(round(KEPT_S * sample_rate_hz), dtype=np.float32)
        self._written = 0
        self._clipped = 0
        self._clip_at: int | None = None
        self._seen = 0
        self._spectrum = RunningSpectrum(sample_rate_hz)
        self._shown = self._spectrum.hz < SHOWN_HZ
        self._pitch = LivePitch(sample_rate_hz, self.settings, trace_s=TRACE_S)
        self._vowels = VowelWatch(sample_rate_hz, self.settings)

    @property
    def seconds(self) -> float:
        """Of sound so far."""
        return self._written / self.sample_rate_hz

    def process(self, block: Block) -> None:
        """Take *block*, ``(channels, n)``, which is not changed. What is no number counts as silence."""
        count = block.shape[1]
        if count == 0:
            return
        peak = peak_of(block)
        if not peak <= LOUDEST:  # a NaN is not
            block = block.copy()
            mend(block)
        if not peak < FULL_SCALE:
            clipped = int(np.count_nonzero(np.abs(block) >= FULL_SCALE))
            self._clipped += clipped
            if clipped:
                self._clip_at = self._written + count
        kept = self._kept
        sound = block[:, -kept.size :]
        at = (self._written + count - sound.shape[1]) % kept.size
        first = min(sound.shape[1], kept.size - at)
        mono = sound[0] if sound.shape[0] == 1 else sound.mean(axis=0)
        kept[at : at + first] = mono[:first]
        kept[: mono.size - first] = mono[first:]
        self._written += count

    def read(self) -> LiveVoiceReading:
        """What is to be seen now; takes in what came since it was read last."""
        end, rate = self._written, self.sample_rate_hz
        start = self._seen
        if end - start > LATE_S * rate:
            start = end - round(LATE_S * rate)
            self._spectrum.forget()
        newest = self._between(start, end)
        self._seen = end
        self._pitch.advance(self._between, end)
        self._spectrum.process(newest, lambda before_s: self._pitch.is_voiced(end - before_s * rate))
        recent = self._between(max(0, end - round(LEVEL_S * rate)), end)
        longer = newest if newest.size > recent.size else recent
        levels = self._spectrum.levels_db()
        square = float(recent @ recent) / max(1, recent.size)
        trace = self._pitch.trace_hz()
        f0 = float(trace[-1]) if trace.size else 0.0
        return LiveVoiceReading(
            seconds=end / rate,
            level_dbfs=power_db(square),
            peak_dbfs=amplitude_db(peak_of(longer)),
            clipped=self._clipped,
            f0_hz=f0 if f0 > 0.0 else None,
            trace_hz=trace,
            frames=self._pitch.frames,
            ltas_hz=self._spectrum.hz[self._shown],
            ltas_db=None if levels is None else levels[self._shown],
            hpr_db=self._spectrum.share_above_db(HIGH_HZ) if rate >= LEAST_HPR_RATE_HZ else None,
        )

    def vowel(self) -> LiveVowel:
        """The vowel that is held, or why there is none; as of the newest `read`.

        Its figures are made anew once a second while it lasts, and stay when it is over.
        """
        return self._vowels.look(self._pitch, self._between, self._clip_at)

    def _between(self, start: int, end: int) -> Samples:
        """Samples *start* to *end* of all that came, which are kept still."""
        kept = self._kept
        at, count = start % kept.size, end - start
        if at + count <= kept.size:
            return kept[at : at + count].copy()
        return np.concatenate([kept[at:], kept[: at + count - kept.size]])
