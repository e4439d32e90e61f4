"""Level of speech while it runs (ITU-T P.56 12/2011, method B), with the faults a listener would name.

Conventions: levels are in dBov, 0 being a full-scale square wave: a full-scale sine is -3.01. A *gap* is a
run of samples under -70 dB of full scale that begins abruptly: something above -40 dB was there within the 3
ms before it, which speech left to itself does not do. A *silent* frame is one of 20 ms whose mean power is
below a stated level.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsp._native import SpeechMeter as Kernel
from dsp.errors import ParameterError
from dsp.types import Samples

MARGIN_DB = 15.9
"""P.56 method B: the activity threshold lies this far below the active level."""
SILENT_S = 0.1
"""*silent*: less than this sounded, in frames of 20 ms at or above the meter's silence level (-60 dBov)."""
CLIPPED_SHARE = 0.001
"""*clipped*: this share of the active samples, or more, stood at full scale in runs of three or longer."""
TOO_QUIET_DBOV = -36.0
"""*too-quiet*: active level below this, 10 dB under the nominal -26 dBov."""
TOO_LOUD_DBOV = -12.0
"""*too-loud*: active level above this; peaks of speech stand about 15 dB higher, out of range."""


@dataclass(frozen=True, slots=True)
class LevelReport:
    """What a `SpeechMeter` heard."""

    seconds: float
    """Length of the audio."""
    level_dbov: float | None
    """Active speech level; None where nothing was active."""
    activity: float
    """Share of the time that was active, 0 to 1, pauses shorter than 0.2 s included."""
    long_term_dbov: float | None
    """Level over the whole time; None for nothing or nothing but zeros."""
    peak: float
    """Largest magnitude; 1 is full scale."""
    dc: float
    """Mean of all samples."""
    clipped_samples: int
    """Samples in runs of three or more on one side at 0.98 of full scale or beyond."""
    clip_runs: int
    """Number of such runs."""
    clipped_share: float
    """Clipped samples per active sample, 0 to 1."""
    sounding_s: float
    """Time in frames at or above the silence level."""
    silence_share: float
    """Share of silent frames, 0 to 1; 1 where there was no whole frame."""
    dropouts: int
    """Gaps of 5 ms to 1 s after which sound came back."""
    dropout_ms: float
    """Their total length."""
    first_sound_s: float | None
    """Begin of the first frame that was not silent."""
    last_sound_s: float | None
    """End of the last frame that was not silent."""
    not_finite: int
    """NaN and infinite samples; each was measured as zero."""


class SpeechMeter:
    """One pass over a running signal in blocks of any length, empty ones included."""

    __slots__ = ("_meter", "process", "sample_rate_hz")

    process: Callable[[Samples], None]
    """Measure one block. Raises TypeError for anything but contiguous float32 of shape ``(n,)``."""

    def __init__(self, sample_rate_hz: int, *, silence_dbov: float = -60.0) -> None:
        """A meter that has heard nothing.

        Args:
            sample_rate_hz: 8000 to 96000.
            silence_dbov: frames below it are silent.

        Raises:
            ParameterError: for a rate outside that range or a level that is no number.
        """
        try:
            self._meter = Kernel(sample_rate_hz, silence_dbov)
        except (ValueError, OverflowError) as error:
            raise ParameterError(str(error)) from None
        self.sample_rate_hz = sample_rate_hz
        self.process = self._meter.process

    def reset(self) -> None:
        """Forget everything heard."""
        self._meter.reset()

    def result(self) -> LevelReport:
        """What was heard so far; reading changes nothing."""
        (
            count, total, squares, peak, not_finite, clipped, clip_runs,
            frames, silent, first, last, gaps, gap_samples, ladder,
        ) = self._meter.read()  # fmt: skip
        level, active = active_level(squares, ladder)
        rate = self.sample_rate_hz
        return LevelReport(
            seconds=count / rate,
            level_dbov=level,
            activity=active / count if count else 0.0,
            long_term_dbov=10 * math.log10(squares / count) if squares > 0 else None,
            peak=peak,
            dc=total / count if count else 0.0,
            clipped_samples=clipped,
            clip_runs=clip_runs,
            clipped_share=min(1.0, clipped / active) if active else 0.0,
            sounding_s=(frames - silent) * 20 * round(rate / 1000) / rate,
            silence_share=silent / frames if frames else 1.0,
            dropouts=gaps,
            dropout_ms=1000 * gap_samples / rate,
            first_sound_s=first / rate if first >= 0 else None,
            last_sound_s=last / rate if last >= 0 else None,
            not_finite=not_finite,
        )


def active_level(squares: float, ladder: Sequence[tuple[float, int]]) -> tuple[float | None, float]:
    """P.56 method B: where the level over the active time is 15.9 dB above the threshold that defined it.

    Args:
        squares: sum of squares of all samples.
        ladder: (threshold, samples active against it), thresholds rising in steps of at most 2:1.

    Returns:
        Active level in dBov and the number of active samples, both between those of two thresholds; (None, 0)
        where the signal stays too low for the lowest threshold.
    """
    below: tuple[float, float, int] | None = None
    for threshold, active in ladder:
        if active == 0:
            break
        level = 10 * math.log10(squares / active)
        excess = level - 20 * math.log10(threshold) - MARGIN_DB
        if excess <= 0:
            if below is None:
                return None, 0.0
            low_level, low_excess, _ = below
            share = low_excess / (low_excess - excess)
            level = low_level + share * (level - low_level)
            return level, squares / 10 ** (level / 10)
        below = (level, excess, active)
    if below is None:
        return None, 0.0
    return below[0], float(below[2])


def measure_level(samples: Samples, sample_rate_hz: int, *, silence_dbov: float = -60.0) -> LevelReport:
    """`LevelReport` of one whole signal of shape ``(n,)``."""
    meter = SpeechMeter(sample_rate_hz, silence_dbov=silence_dbov)
    meter.process(samples)
    return meter.result()
