"""Gain by frequency of the linear filters of a preset, measured: by what they make of one sample of 1."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsp.chain_rows import Row
from dsp.filters.base import Setting
from dsp.preset import Preset

LONGEST_S = 10.0
"""A filter that rings for longer is cut there."""
SETTLED_SHARE = 1e-6
"""An impulse has rung out when it is so far below its loudest sample: -120 dB."""
LOWEST_HZ = 20.0
POINTS = 256
FLOOR_DB = -200.0
_FIRST_STEP = 2048
_LEAST_SIZE = 1 << 16

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChainResponse:
    """Gain by frequency."""

    freqs_hz: Values
    gain_db: Values
    """At these frequencies; of the mean power of all channels."""
    channels_db: Values
    """Of each channel, ``(channels, frequencies)``, when all are fed alike."""
    left_out: tuple[str, ...]
    """Slots that are switched on and have no response of their own: what they do depends on the sound."""


def response(preset: Preset, setting: Setting, freqs_hz: Values | None = None) -> ChainResponse:
    """Response of *preset* to an impulse on all channels at once; filters that are bypassed have no part in it.

    Args:
        freqs_hz: above 0, up to half the sample rate; None: `POINTS` of them, evenly spaced on a logarithmic axis
            from 20 Hz up.

    Raises:
        ParameterError, LibraryMissing: the filters cannot be built here.
    """
    rate_hz = setting.sample_rate_hz
    if freqs_hz is None:
        freqs_hz = np.geomspace(LOWEST_HZ, rate_hz / 2, POINTS)
    heard = [each for each in preset.slots if not each.bypass]
    linear = tuple(each for each in heard if each.spec.linear)
    ringing = _impulse_response(Row(replace(preset, slots=linear), setting), setting)
    size = max(_LEAST_SIZE, 1 << (ringing.shape[1] - 1).bit_length())
    lines = np.fft.rfft(ringing, size, axis=1)
    at = freqs_hz * (size / rate_hz)
    below = np.minimum(at.astype(np.intp), size // 2 - 1)
    power = np.abs(np.stack([lines[:, below], lines[:, below + 1]])) ** 2

    def between(both: Values) -> Values:
        """From line to line, which are less than 1 Hz apart, on a straight line in dB."""
        low, high = 10.0 * np.log10(np.maximum(both, 10.0 ** (FLOOR_DB / 10.0)))
        found: Values = low + (at - below) * (high - low)
        return found

    return ChainResponse(
        freqs_hz,
        between(power.mean(axis=1)),
        between(power),
        tuple(each.slot for each in heard if not each.spec.linear),
    )


def _impulse_response(row: Row, setting: Setting) -> NDArray[np.float32]:
    """What *row* makes of an impulse until it has rung out, without the silence before it: ``(channels, n)``."""
    pieces: list[NDArray[np.float32]] = []
    done, step, peak = 0, _FIRST_STEP, 0.0
    least, most = row.delay_samples + row.output_samples(1), LONGEST_S * setting.sample_rate_hz
    while done < most:
        block = np.zeros((setting.channels, step), dtype=np.float32)
        block[:, : 1 - min(1, done)] = 1.0
        pieces.append(row.process(block, None).copy())
        loudest = float(np.abs(pieces[-1]).max())
        peak = max(peak, loudest)
        done += step
        if done > least and loudest <= SETTLED_SHARE * peak:
            break
        step = min(2 * step, 1 << 16)
    whole = np.concatenate(pieces, axis=1)
    sounding = np.flatnonzero(np.any(whole, axis=0))
    return whole[:, sounding[0] : sounding[-1] + 1] if sounding.size else whole[:, :1]
