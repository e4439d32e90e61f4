"""How unlike each other neighbouring cycles of a voice are: jitter (periods) and shimmer (amplitudes).

*Conventions*: all are means over those stretches of neighbouring cycles in which nothing breaks a limit: every period
0.1 to 20 ms, neighbouring periods within a factor of 1.3, neighbouring amplitudes within 1.6. None where no
stretch is long enough.

*Source*: the manual of Praat, *PointProcess: Get jitter (local)*, *(local, absolute)*, *(rap)*, *(ppq5)*, *(ddp)*,
*PointProcess: Get shimmer (local)*, *(local_dB)*, *(apq3)*, *(apq5)*, *(apq11)*, *(dda)*; RAP after Y. Koike, Studia
Phonologica 7 (1973), PPQ5 and APQ after S. Davis (1976) and Y. Koike, H. Takahashi and T. Calcaterra, Acta
Oto-Laryngologica 84 (1977).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.pulses import PERIOD_FACTOR, Pulses, are_close, is_period

__all__ = ["AMPLITUDE_FACTOR", "Jitter", "Shimmer", "jitter_of", "shimmer_of"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

AMPLITUDE_FACTOR = 1.6
"""Where two neighbouring amplitudes differ by more, one of them is taken for a mistake."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """Of periods; per cent of the mean period, but for `local_abs_us`."""

    local_pct: float | None
    """Mean difference of neighbours."""
    local_abs_us: float | None
    """The same in microseconds."""
    rap_pct: float | None
    """Mean difference of a period from the mean of it and its two neighbours."""
    ppq5_pct: float | None
    """The same with four neighbours."""
    ddp_pct: float | None
    """Mean difference of neighbouring differences: three times `rap_pct`."""


@dataclass(frozen=True, slots=True)
class Shimmer:
    """Of amplitudes; per cent of the mean amplitude, but for `local_db`."""

    local_pct: float | None
    """Mean difference of neighbours."""
    local_db: float | None
    """Mean level difference of neighbours, decibel."""
    apq3_pct: float | None
    """Mean difference of an amplitude from the mean of it and its two neighbours."""
    apq5_pct: float | None
    """The same with four neighbours."""
    apq11_pct: float | None
    """The same with ten neighbours."""
    dda_pct: float | None
    """Mean difference of neighbouring differences: three times `apq3_pct`."""


def jitter_of(pulses: Pulses) -> Jitter:
    """Jitter of all cycles of a recording."""
    periods = pulses.periods_s
    if periods.size < 2:
        return Jitter(None, None, None, None, None)
    fits, close = is_period(periods), are_close(periods, PERIOD_FACTOR)
    # A period that is far from both its neighbours is no part of the mean; the first and the last have one only.
    beside = np.concatenate((close, [True])) | np.concatenate(([True], close))
    mean = _mean(periods, fits & beside)
    if mean is None:
        return Jitter(None, None, None, None, None)
    local = _mean(_steps(periods), fits[1:] & fits[:-1] & close)
    rap = _from_mean(periods, fits, close, 3)
    return Jitter(
        local_pct=_share(local, mean),
        local_abs_us=None if local is None else 1e6 * local,
        rap_pct=_share(rap, mean),
        ppq5_pct=_share(_from_mean(periods, fits, close, 5), mean),
        ddp_pct=_share(rap, mean, 3.0),
    )


def shimmer_of(pulses: Pulses) -> Shimmer:
    """Shimmer of all cycles of a recording."""
    has_one = pulses.amplitude > 0.0
    amplitudes = pulses.amplitude[has_one].astype(np.float64)
    if amplitudes.size < 2:
        return Shimmer(None, None, None, None, None, None)
    close = are_close(amplitudes, AMPLITUDE_FACTOR) & is_period(np.diff(pulses.times_s[has_one]))
    mean = float(amplitudes[:-1].mean())  # each that has a next one
    fits = np.ones(amplitudes.size, np.bool_)
    apq3 = _from_mean(amplitudes, fits, close, 3)
    return Shimmer(
        local_pct=_share(_mean(_steps(amplitudes), close), mean),
        local_db=_mean(_steps(20.0 * np.log10(amplitudes)), close),
        apq3_pct=_share(apq3, mean),
        apq5_pct=_share(_from_mean(amplitudes, fits, close, 5), mean),
        apq11_pct=_share(_from_mean(amplitudes, fits, close, 11), mean),
        dda_pct=_share(apq3, mean, 3.0),
    )


def _from_mean(values: Floats, fits: Flags, close: Flags, count: int) -> float | None:
    """Mean distance of the middle of *count* neighbours from their mean, where all fit and each is close to the next."""
    stretches = values.size - count + 1
    if stretches < 1:
        return None
    whole = np.ones(stretches, np.bool_)
    for at in range(count):
        whole &= fits[at : at + stretches]
    for at in range(count - 1):
        whole &= close[at : at + stretches]
    distances = np.convolve(values, np.full(count, 1.0 / count), "valid")
    np.subtract(values[count // 2 : count // 2 + stretches], distances, out=distances)
    return _mean(np.abs(distances, out=distances), whole)


def _steps(values: Floats) -> Floats:
    """How far neighbours are from each other."""
    steps = np.diff(values)
    return np.abs(steps, out=steps)


def _mean(values: Floats, counted: Flags) -> float | None:
    """Of those *counted*; None without any."""
    some = values[counted]
    return float(some.mean()) if some.size else None


def _share(value: float | None, mean: float, times: float = 1.0) -> float | None:
    """In per cent of the mean."""
    return None if value is None else 100.0 * times * value / mean
