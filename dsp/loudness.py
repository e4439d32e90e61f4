"""Loudness of a running signal (ITU-R BS.1770-5 Annex 1 and 2, EBU Tech 3341, EBU Tech 3342).

Conventions: blocks are ``(channels, n)`` float32, full scale 1. Loudness is in LUFS: a 1 kHz sine that peaks at
-23 dBFS on left and right is -23 LUFS; on one channel alone it is 3 LU less. A value is None where there is none
yet: too little sound, or none above the gate. Channels are ordered as in a WAV file.

Measures: *momentary* over 0.4 s, *short-term* over 3 s, *integrated* over everything, gated at -70 LUFS and then 10
LU below what that leaves; *loudness range* from the short-term values; *true peak* with four-fold oversampling. All
move every 0.1 s. Memory does not grow: blocks are counted in steps of 0.01 LU, with their exact energy.
"""

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.biquads import Cascade, Sos
from dsp.errors import ParameterError
from dsp.true_peak import true_peak_meter
from dsp.types import Block

ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0
"""Relative gate of the loudness range (Tech 3342)."""
HOPS_PER_S = 10
MOMENTARY_HOPS = 4
SHORT_TERM_HOPS = 30
OFFSET_LU = -0.691
"""What makes a 1 kHz sine read what it measures (BS.1770 eq. 2)."""

_STEP_LU = 0.01
_LOUDEST_LUFS = 60.0
_SURROUND = 1.41
_WEIGHTS: dict[int, tuple[float, ...]] = {
    4: (1.0, 1.0, _SURROUND, _SURROUND),
    5: (1.0, 1.0, 1.0, _SURROUND, _SURROUND),
    6: (1.0, 1.0, 1.0, 0.0, _SURROUND, _SURROUND),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, _SURROUND, _SURROUND),
}


def channel_weights(channels: int) -> tuple[float, ...]:
    """Weight of each channel (BS.1770 tables 3 and 4).

    L R, L R C, L R Ls Rs, L R C Ls Rs, 5.1 (L R C LFE Ls Rs) and 7.1 (with the side channels last): surround 1.41,
    LFE not heard. Any other number: all 1.
    """
    return _WEIGHTS.get(channels, (1.0,) * channels)


def k_weighting(sample_rate_hz: float) -> Sos:
    """The two sections of BS.1770 Annex 1 (tables 1 and 2), for any sample rate.

    The printed coefficients hold at 48 kHz. They are the bilinear transform of an analogue high shelf (1681.97 Hz,
    4 dB, Q 0.7072) and a high-pass (38.135 Hz, Q 0.5003), which is warped here to the rate asked for.
    """
    k = math.tan(math.pi * 1681.974450955533 / sample_rate_hz)
    q = 0.7071752369554196
    high = 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    shelf = (
        high + band * k / q + k * k,
        2.0 * (k * k - high),
        high - band * k / q + k * k,
        1.0 + k / q + k * k,
        2.0 * (k * k - 1.0),
        1.0 - k / q + k * k,
    )
    # Printed is a numerator of 1 -2 1 at 48 kHz, which gives a little more than 1 in the pass band: here too.
    a0, a1, a2 = _high_pass_denominator(sample_rate_hz)
    gain = _high_pass_denominator(48_000.0)[0] / a0
    high_pass = (gain, -2.0 * gain, gain, 1.0, a1 / a0, a2 / a0)
    return np.array([np.array(shelf) / shelf[3], high_pass])


def _high_pass_denominator(sample_rate_hz: float) -> tuple[float, float, float]:
    k = math.tan(math.pi * 38.13547087602444 / sample_rate_hz)
    q = 0.5003270373238773
    return 1.0 + k / q + k * k, 2.0 * (k * k - 1.0), 1.0 - k / q + k * k


def loudness_of(energy: float) -> float:
    """Loudness in LUFS of a weighted mean square over 0 (BS.1770 eq. 2)."""
    return OFFSET_LU + 10.0 * math.log10(energy)


def energy_of(loudness_lufs: float) -> float:
    """Weighted mean square of a loudness: the reverse of `loudness_of`."""
    return float(10.0 ** ((loudness_lufs - OFFSET_LU) / 10.0))


class HopEnergies:
    """K-weighted energy in hops of 0.1 s.

    Args:
        sample_rate_hz: 1000 Hz or more.
        channels: 1 or more.
        weights: of the channels; None: `channel_weights`.
    """

    def __init__(self, sample_rate_hz: int, channels: int, weights: Sequence[float] | None = None) -> None:
        self._rate_hz = sample_rate_hz
        self._weights = channel_weights(channels) if weights is None else tuple(weights)
        self._filter = Cascade(k_weighting(sample_rate_hz), channels)
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._filter.reset()
        self._energy = 0.0
        self._count = 0
        self._hops = 0

    @property
    def missing(self) -> int:
        """Samples until the next hop is whole."""
        length = (self._hops + 1) * self._rate_hz // HOPS_PER_S - self._hops * self._rate_hz // HOPS_PER_S
        return length - self._count

    def process(self, block: Block) -> float | None:
        """Take *block*, at most `missing` long; the mean square of the hop it completes, or None."""
        count, missing = block.shape[1], self.missing
        heard = self._filter.process(block.copy())
        for weight, channel in zip(self._weights, heard, strict=True):
            if weight > 0.0:
                exact = channel.astype(np.float64)
                self._energy += weight * float(exact @ exact)
        self._count += count
        if count < missing:
            return None
        mean = self._energy / self._count
        self._energy, self._count = 0.0, 0
        self._hops = (self._hops + 1) % HOPS_PER_S
        return mean


class GatedLoudness:
    """Blocks by loudness, above the absolute gate, with their energy.

    One thread may add while another asks: what comes out then is as if it had been asked a moment earlier or later.
    """

    def __init__(self) -> None:
        size = round((_LOUDEST_LUFS - ABSOLUTE_GATE_LUFS) / _STEP_LU)
        self._counts: NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self._energies: NDArray[np.float64] = np.zeros(size)

    def add(self, energy: float) -> None:
        """Count a block of the weighted mean square *energy*."""
        if energy <= 0.0:
            return
        loudness = loudness_of(energy)
        if loudness > ABSOLUTE_GATE_LUFS:
            at = min(self._counts.size - 1, int((loudness - ABSOLUTE_GATE_LUFS) / _STEP_LU))
            self._energies[at] += (
                energy  # before its count: whoever reads in between finds no block without energy
            )
            self._counts[at] += 1

    def _above(self, relative_gate_lu: float) -> slice | None:
        """Steps whose mean lies above the gate relative to the loudness of all blocks."""
        if not self._counts.any():
            return None
        gate = energy_of(loudness_of(self._energies.sum() / self._counts.sum()) + relative_gate_lu)
        return slice(int(np.argmax(self._energies > gate * self._counts)), None)

    def loudness(self) -> float | None:
        """Gated loudness in LUFS (BS.1770 eq. 7); None where there is no block."""
        above = self._above(RELATIVE_GATE_LU)
        if above is None:
            return None
        return loudness_of(self._energies[above].sum() / self._counts[above].sum())

    def spread(self) -> float | None:
        """Distance of the 10th to the 95th percentile in LU (Tech 3342); None where there is no block."""
        above = self._above(RANGE_GATE_LU)
        if above is None:
            return None
        ranks = np.cumsum(self._counts[above])
        ends = [int(np.searchsorted(ranks, round(share * (ranks[-1] - 1)) + 1)) for share in (0.1, 0.95)]
        return _STEP_LU * (ends[1] - ends[0])

    def clear(self) -> None:
        """Forget all blocks."""
        self._counts[:] = 0
        self._energies[:] = 0.0


class LoudnessMeter:
    """Measures blocks of any length, empty ones included.

    Args:
        sample_rate_hz: 1000 to 384000.
        channels: 1 to 64.
        weights: of the channels; None: `channel_weights`.
        true_peak: whether to measure it, which takes most of the time.

    Raises:
        ParameterError: for a rate, a number of channels or of weights outside that.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        channels: int = 1,
        *,
        weights: Sequence[float] | None = None,
        true_peak: bool = True,
    ) -> None:
        if not 1000 <= sample_rate_hz <= 384_000:
            raise ParameterError(f"loudness needs a rate of 1000 to 384000 Hz, got {sample_rate_hz} Hz")
        if not 1 <= channels <= 64:
            raise ParameterError(f"loudness needs 1 to 64 channels, got {channels}")
        if weights is not None and len(weights) != channels:
            raise ParameterError(f"{channels} channels need as many weights, got {len(weights)}")
        self._hops = HopEnergies(sample_rate_hz, channels, weights)
        self._peak = true_peak_meter(channels) if true_peak else None
        self._recent: deque[float] = deque(maxlen=SHORT_TERM_HOPS)
        self._blocks = GatedLoudness()
        self._short_terms = GatedLoudness()

    def process(self, block: Block) -> None:
        """Measure *block*, ``(channels, n)``, which is not changed."""
        if self._peak is not None:
            self._peak.process(np.ascontiguousarray(block))
        start = 0
        while start < block.shape[1]:
            piece = block[:, start : start + self._hops.missing]
            start += piece.shape[1]
            energy = self._hops.process(piece)
            if energy is not None:
                self._take(energy)

    def _take(self, energy: float) -> None:
        self._recent.append(energy)
        for histogram, hops in ((self._blocks, MOMENTARY_HOPS), (self._short_terms, SHORT_TERM_HOPS)):
            mean = self._mean(hops)
            if mean is not None:
                histogram.add(mean)

    def _mean(self, hops: int) -> float | None:
        if len(self._recent) < hops:
            return None
        return math.fsum(self._recent[i] for i in range(-hops, 0)) / hops

    def _recent_lufs(self, hops: int) -> float | None:
        mean = self._mean(hops)
        return None if mean is None or mean <= 0.0 else loudness_of(mean)

    @property
    def momentary_lufs(self) -> float | None:
        """Loudness of the newest 0.4 s."""
        return self._recent_lufs(MOMENTARY_HOPS)

    @property
    def short_term_lufs(self) -> float | None:
        """Loudness of the newest 3 s."""
        return self._recent_lufs(SHORT_TERM_HOPS)

    @property
    def integrated_lufs(self) -> float | None:
        """Gated loudness of everything."""
        return self._blocks.loudness()

    @property
    def loudness_range_lu(self) -> float | None:
        """Loudness range of everything (Tech 3342)."""
        return self._short_terms.spread()

    @property
    def true_peak_dbtp(self) -> float | None:
        """Largest true peak of everything in dB re full scale; None for silence, or where it is not measured."""
        if self._peak is None or self._peak.peak <= 0.0:
            return None
        return 20.0 * math.log10(self._peak.peak)

    def reset(self) -> None:
        """Forget everything heard."""
        self._hops.reset()
        self._recent.clear()
        self._blocks.clear()
        self._short_terms.clear()
        if self._peak is not None:
            self._peak.reset()
