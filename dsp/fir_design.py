"""FIR filters from a drawn response, minimum phase, and the level of an impulse response.

Conventions: gains in dB, frequencies in Hz, taps float64 of shape (m,).

Sources: frequency sampling with a Kaiser window (A. V. Oppenheim and R. W. Schafer, Discrete-Time Signal
Processing, 3rd ed., section 7.5); minimum phase by the real cepstrum (ibid., section 13.8.1).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.params import Point
from dsp.types import Block

Taps = NDArray[np.float64]

KAISER_BETA = 8.0
"""Side lobes of -58 dB and falling: what a loud band spills into a silent one."""
MAIN_LOBE = 2.0 * math.sqrt(1.0 + (KAISER_BETA / math.pi) ** 2)
"""Width of the window's main lobe in lines: sample rate / taps."""
FLOOR_DB = -140.0
"""A response is nowhere taken to be further below its peak than this: a logarithm needs a floor."""

NORMALISE = ("none", "peak", "energy")
"""What `normalised` can do."""
ROUNDS = 8
"""Most attempts to bend a drawn curve; each halves what is missed, or better."""
MOST_BENT_DB = 12.0
"""How far a point may be moved to make up for what the window rounds off."""


def taps_for(resolution_hz: float, sample_rate_hz: float) -> int:
    """Odd number of taps with which a response can go from one gain to another within *resolution_hz*."""
    return 2 * math.ceil(MAIN_LOBE * sample_rate_hz / resolution_hz / 2.0) + 1


def drawn_gains_db(points: Sequence[Point], freqs_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Gains of a curve through *points* (frequency, gain), straight over the logarithm of frequency, level outside.

    Raises:
        ParameterError: no points.
    """
    if not points:
        raise ParameterError("a drawn response needs at least one point")
    x, y = np.array(points, dtype=np.float64).T
    found: NDArray[np.float64] = np.interp(np.log(np.maximum(freqs_hz, 1e-3)), np.log(x), y)
    return found


def linear_phase(points: Sequence[Point], taps: int, sample_rate_hz: float) -> Taps:
    """Linear-phase FIR with a drawn response; its delay is ``(taps - 1) / 2``.

    The window rounds the corners of the curve off. So the curve that is designed from is bent, up to `ROUNDS` times,
    until the response goes through the points as far as the resolution allows.

    Args:
        points: (frequency, gain) with rising frequency; what lies above half the sample rate shapes only the way there.
        taps: odd; see `taps_for`.

    Raises:
        ParameterError: no points, or an even number of taps.
    """
    if taps % 2 != 1:
        raise ParameterError(f"a linear-phase FIR from a drawn response must have odd taps, got {taps}")
    size = _transform_size(8 * taps)
    freqs = np.arange(size // 2 + 1) * (sample_rate_hz / size)
    window = np.kaiser(taps, KAISER_BETA)
    wanted = np.array([gain for _, gain in points], dtype=np.float64)
    within = np.array([freq <= sample_rate_hz / 2.0 for freq, _ in points])
    at = np.array([freq for freq, _ in points])
    bent, best, least = wanted.copy(), np.zeros(taps), math.inf
    for _ in range(ROUNDS):
        curve = [(freq, float(gain)) for (freq, _), gain in zip(points, bent, strict=True)]
        gains = 10.0 ** (drawn_gains_db(curve, freqs) / 20.0)
        impulse = np.roll(np.fft.irfft(gains, size), taps // 2)[:taps] * window
        got = np.interp(at, freqs, np.abs(np.fft.rfft(impulse, size)))
        missed = np.where(within, wanted - 20.0 * np.log10(np.maximum(got, 1e-9)), 0.0)
        if np.abs(missed).max() < least:
            best, least = impulse, float(np.abs(missed).max())
        bent = np.clip(bent + missed, wanted - MOST_BENT_DB, wanted + MOST_BENT_DB)
    return best


def minimum_phase(taps: Taps) -> Taps:
    """FIR with the magnitude response of *taps*, no longer than it, whose energy comes as early as can be."""
    if not np.any(taps):
        return taps.copy()
    size = _transform_size(16 * taps.size)
    magnitude = np.abs(np.fft.rfft(taps, size))
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, magnitude.max() * 10.0 ** (FLOOR_DB / 20.0))), size)
    cepstrum[1 : size // 2] *= 2.0
    cepstrum[size // 2 + 1 :] = 0.0
    return np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), size)[: taps.size].copy()


def response_peak(taps: NDArray[np.floating]) -> float:
    """Largest gain of *taps*, ``(m,)`` or ``(channels, m)``, over all frequencies and channels, linear."""
    spectrum = np.fft.rfft(taps.astype(np.float64), _transform_size(4 * taps.shape[-1]))
    return float(np.abs(spectrum).max())


def _transform_size(least: int) -> int:
    return 1 << max(6, (least - 1).bit_length())


def taps_of(response: Block, channels: int, name: str) -> Taps:
    """The impulse response *response*, ``(1 or channels, m)``, for a sound of *channels*.

    Args:
        name: what it is called, for the message.

    Raises:
        ParameterError: it has another number of channels.
    """
    if response.shape[0] not in (1, channels):
        wanted = "1 channel" if channels == 1 else f"1 or {channels} channels"
        raise ParameterError(f"{name} must have {wanted}, as the sound has, got {response.shape[0]}")
    return response.astype(np.float64)


def normalised(taps: Taps, kind: str, name: str) -> Taps:
    """Scale the impulse response *taps*, ``(channels, m)``, all channels alike.

    Args:
        kind: ``none``; ``peak``: the loudest frequency of the loudest channel comes out as loud as it went in;
            ``energy``: the squares of the loudest channel's taps sum to 1, so that white noise keeps its level.
        name: what it is called, for the message.

    Raises:
        ParameterError: it is silent, so nothing can be made of it.
    """
    if not np.any(taps):
        raise ParameterError(f"{name} is silent: wanted an impulse response")
    match kind:
        case "none":
            return taps
        case "peak":
            return taps / response_peak(taps)
        case "energy":
            return taps / math.sqrt(float(np.square(taps).sum(axis=1).max()))
        case _:
            raise ParameterError(f"normalise must be one of {', '.join(NORMALISE)}, got {kind!r}")
