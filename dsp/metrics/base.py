"""What a line metric is: audio in, one number out, or a refusal."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dsp.errors import MetricRefused
from dsp.level import LevelReport, measure_level
from dsp.types import Samples

__all__ = ["RATES_HZ", "SILENT_DBOV", "MetricRefused", "MetricSpec", "check_pair", "check_signal"]

RATES_HZ = (8000, 96_000)
"""Sample rates that any metric takes at most."""
SILENT_DBOV = -75.0
"""Audio below this active level is called silence; idle noise of 16 bits and of mu-law stays below it."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric of a line, with all that a report needs to print it."""

    name: str
    """Registry name, lower case."""
    unit: str
    """Name of the scale."""
    range: tuple[float, float]
    """Smallest and largest value."""
    higher_is_better: bool
    """Direction of the scale."""
    needs_reference: bool
    """Whether the first argument of `measure` is looked at."""
    sample_rates_hz: tuple[int, ...]
    """Rates it takes as they are; empty for any from 8000."""
    measure: Callable[[Samples, Samples, int], float]
    """(reference, degraded, sample_rate_hz) -> value; both aligned, of one length. Raises MetricRefused."""
    label: str = ""
    """Name for people; empty: `title` makes one of `name`."""
    meaning: str = ""
    """Two sentences for someone who has never heard of it."""
    parametric: bool = True
    """False: it misleads on codecs that send parameters instead of the waveform (VLC, Codec2)."""
    extra: str | None = None
    """What to install for it, as one line; None: it is always there."""
    own_process: bool = False
    """Whether it must run in a process of its own, because its code may end the process or weighs much."""
    on_request: bool = False
    """Whether it is measured only where somebody asks for it by name."""
    blind_to_gain: bool = True
    """Whether a degraded signal that is only louder or softer gets the value of one that is not."""

    @property
    def title(self) -> str:
        """The name to print."""
        return self.label or self.name


def check_pair(
    what: str,
    reference: Samples,
    degraded: Samples,
    sample_rate_hz: int,
    *,
    rates_hz: tuple[int, ...] = (),
    min_s: float = 0.0,
    min_speech_s: float = 0.0,
    may_be_silent: bool = False,
) -> LevelReport:
    """Refuse what no metric with a reference can judge; return the reference's level.

    Args:
        what: the metric's name, for the message.
        reference: mono, and *degraded*, as long.
        rates_hz: the sample rates it takes; empty: any within `RATES_HZ`.
        min_s: least length.
        min_speech_s: least active speech in the reference.
        may_be_silent: whether *degraded* may be silence, as a piece of a recording may.

    Raises:
        MetricRefused: another shape or rate, samples that are no numbers, too short, silence.
    """
    if reference.shape != degraded.shape or reference.ndim != 1:
        raise MetricRefused(
            f"{what} needs two mono signals of one length, got {reference.shape} and {degraded.shape}"
        )
    level = check_signal(
        what,
        "reference",
        reference,
        sample_rate_hz,
        rates_hz=rates_hz,
        min_s=min_s,
        min_speech_s=min_speech_s,
    )
    if may_be_silent:
        _check_finite(what, "degraded signal", degraded)
    else:
        check_signal(what, "degraded signal", degraded, sample_rate_hz)
    return level


def check_signal(
    what: str,
    name: str,
    signal: Samples,
    sample_rate_hz: int,
    *,
    rates_hz: tuple[int, ...] = (),
    min_s: float = 0.0,
    min_speech_s: float = 0.0,
) -> LevelReport:
    """Refuse one signal, called *name* in the message, that no metric can judge; return its level.

    Raises:
        MetricRefused: another shape or rate, samples that are no numbers, too short, silence, too little speech.
    """
    if signal.ndim != 1:
        raise MetricRefused(f"{what} needs a mono {name}, got {signal.shape}")
    if sample_rate_hz not in (rates_hz or (sample_rate_hz,)):
        raise MetricRefused(f"{what} needs {' or '.join(map(str, rates_hz))} Hz, got {sample_rate_hz}")
    low, high = RATES_HZ
    if not low <= sample_rate_hz <= high:
        raise MetricRefused(f"{what} needs {low} Hz to {high} Hz, got {sample_rate_hz}")
    _check_finite(what, name, signal)
    if signal.size < min_s * sample_rate_hz:
        raise MetricRefused(f"{what} needs {min_s:g} s or more, got {signal.size / sample_rate_hz:.2f} s")
    level = measure_level(np.ascontiguousarray(signal, dtype=np.float32), sample_rate_hz)
    if level.level_dbov is None or level.level_dbov < SILENT_DBOV:
        raise MetricRefused(f"the {name} is silent")
    active_s = level.activity * level.seconds
    if active_s < min_speech_s:
        raise MetricRefused(f"{what} needs {min_speech_s:g} s of speech, got {active_s:.2f} s")
    return level


def _check_finite(what: str, name: str, signal: Samples) -> None:
    if not np.isfinite(signal).all():
        raise MetricRefused(f"{what} needs finite samples, got some in the {name} that are no numbers")
