"""Meters that are always on: peak, RMS, loudness, true peak and clipping of a running sound, for little CPU.

Conventions: blocks ``(channels, n)`` of full scale 1; a full-scale sine peaks at 0 dBFS, its RMS is -3.01 dBFS (mean
over the channels). None stands for silence (-120 dB and less) and for what has not been heard for long enough.

Sources: loudness and true peak after ITU-R BS.1770-5 and EBU Tech 3341 (see `dsp.loudness`, `dsp.true_peak`); the
windows of momentary and short-term loudness move every 10 ms, integrated loudness counts one of 0.4 s every 0.1 s.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.biquads import Cascade
from dsp.errors import ParameterError
from dsp.full_scale import FULL_SCALE, SILENCE_DB, amplitude_db, peak_of, power_db
from dsp.loudness import GatedLoudness, channel_weights, k_weighting, loudness_of
from dsp.mending import LOUDEST, mend
from dsp.true_peak import true_peak_meter
from dsp.types import Block, Samples

SLICES_PER_S = 100
PEAK_SLICES = 10
RMS_SLICES = 30
MOMENTARY_SLICES = 40
SHORT_TERM_SLICES = 300
HOP_SLICES = 10


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What a `LiveMeter` shows."""

    peak_dbfs: float | None
    """Greatest sample of the newest 0.1 s."""
    rms_dbfs: float | None
    """Of the newest 0.3 s."""
    momentary_lufs: float | None
    """Loudness of the newest 0.4 s."""
    short_term_lufs: float | None
    """Loudness of the newest 3 s."""
    integrated_lufs: float | None
    """Gated loudness since the last reset."""
    true_peak_dbtp: float | None
    """Greatest true peak since the last reset."""
    max_peak_dbfs: float | None
    """Greatest sample since the last reset."""
    clipped: int
    """Samples at full scale since the last reset."""


class _Heard:
    """What was heard since the last reset. The thread that measures writes; whoever reads takes what is there."""

    def __init__(self) -> None:
        self.peaks: NDArray[np.float64] = np.zeros(PEAK_SLICES)
        self.squares: NDArray[np.float64] = np.zeros(RMS_SLICES)
        self.energies: NDArray[np.float64] = np.zeros(SHORT_TERM_SLICES)
        self.slices = 0
        self.loudness = GatedLoudness()
        self.true_peak = 0.0
        self.max_peak = 0.0
        self.clipped = 0

    def take(self, peak: float, square: float, energy: float) -> None:
        """Take the greatest magnitude, the mean square and the weighted mean square of one more slice."""
        at = self.slices
        self.peaks[at % PEAK_SLICES] = peak
        self.squares[at % RMS_SLICES] = square
        self.energies[at % SHORT_TERM_SLICES] = energy
        self.slices = at + 1
        if self.slices % HOP_SLICES == 0 and self.slices >= MOMENTARY_SLICES:
            self.loudness.add(self.newest(MOMENTARY_SLICES))

    def newest(self, slices: int) -> float:
        """Weighted mean square of the newest *slices*."""
        return float(self.energies.take(range(self.slices - slices, self.slices), mode="wrap").mean())


class LiveMeter:
    """Measures blocks of any length.

    One thread calls `process`; `read` and `reset` may be called from any other.

    Args:
        sample_rate_hz: 1000 to 384000.
        channels: 1 to 64; loudness weighs them as `dsp.loudness.channel_weights` says.

    Raises:
        ParameterError: a rate or a number of channels outside that.
    """

    def __init__(self, sample_rate_hz: int, channels: int = 1) -> None:
        if not 1000 <= sample_rate_hz <= 384_000:
            raise ParameterError(f"a meter needs a rate of 1000 to 384000 Hz, got {sample_rate_hz} Hz")
        if not 1 <= channels <= 64:
            raise ParameterError(f"a meter needs 1 to 64 channels, got {channels}")
        self._rate_hz = sample_rate_hz
        self._channels = channels
        self._weighting = Cascade(k_weighting(sample_rate_hz), channels)
        self._weights = channel_weights(channels)
        self._between = true_peak_meter(channels)
        self._heard = _Heard()
        self._fresh: _Heard | None = None
        self._room: Samples = np.zeros(0, dtype=np.float32)
        self._use(0)
        self._slice_samples: list[int] = np.diff(
            np.arange(SLICES_PER_S + 1) * sample_rate_hz // SLICES_PER_S
        ).tolist()
        self._slice = 0
        self._begin_slice()

    def process(self, block: Block) -> None:
        """Measure *block*, ``(channels, n)``, which is not changed. What is no number counts as silence."""
        if self._fresh is not None:
            self._heard, self._fresh = self._fresh, None
            self._peak = self._square = self._energy = 0.0
            self._counted = 0
        count = block.shape[1]
        if count == 0:
            return
        if count != self._points.size:
            self._use(count)
        heard, copy, points = self._heard, self._copy, self._points
        peak = peak_of(block)
        if not peak <= LOUDEST:  # a NaN is not
            block = block.copy()
            mend(block)
            peak = peak_of(block)
        if peak >= FULL_SCALE:
            heard.clipped += int(np.count_nonzero(np.abs(block) >= FULL_SCALE))
        heard.max_peak = max(heard.max_peak, peak)
        copy[:] = block
        self._between.process(copy, points)
        heard.true_peak = max(heard.true_peak, float(points.max()))
        self._weighting.process(copy)
        if count <= self._missing:
            self._add(heard, block, copy, peak)
            return
        start = 0
        while start < count:
            stop = min(count, start + self._missing)
            piece = block[:, start:stop]
            self._add(heard, piece, copy[:, start:stop], peak_of(piece))
            start = stop

    def read(self) -> MeterReading:
        """What was measured so far; reading changes nothing."""
        heard = self._heard
        known = heard.slices
        square = heard.squares.sum() / max(1, min(known, RMS_SLICES))
        momentary = short_term = 0.0
        if known >= MOMENTARY_SLICES:
            momentary = heard.newest(MOMENTARY_SLICES)
        if known >= SHORT_TERM_SLICES:
            short_term = float(heard.energies.mean())
        return MeterReading(
            peak_dbfs=amplitude_db(float(heard.peaks.max())),
            rms_dbfs=power_db(float(square)),
            momentary_lufs=_lufs(momentary),
            short_term_lufs=_lufs(short_term),
            integrated_lufs=heard.loudness.loudness(),
            true_peak_dbtp=amplitude_db(heard.true_peak),
            max_peak_dbfs=amplitude_db(heard.max_peak),
            clipped=heard.clipped,
        )

    def reset(self) -> None:
        """Forget everything heard, when the next block comes."""
        self._fresh = _Heard()

    def _use(self, count: int) -> None:
        """Have room for blocks of *count* samples."""
        if self._room.size < (self._channels + 1) * count:
            self._room = np.zeros((self._channels + 1) * count, dtype=np.float32)
        self._points = self._room[:count]
        self._copy: Block = self._room[count : (self._channels + 1) * count].reshape(self._channels, count)

    def _begin_slice(self) -> None:
        self._missing = self._slice_samples[self._slice]
        self._slice = (self._slice + 1) % SLICES_PER_S
        self._peak = self._square = self._energy = 0.0
        self._counted = 0

    def _add(self, heard: _Heard, piece: Block, weighted: Block, peak: float) -> None:
        """Count *piece*, which ends within the slice that is on."""
        for plain, heavy, weight in zip(piece, weighted, self._weights, strict=True):
            self._square += float(plain @ plain)
            self._energy += weight * float(heavy @ heavy)
        self._peak = max(self._peak, peak)
        self._counted += piece.shape[1]
        self._missing -= piece.shape[1]
        if self._missing == 0:
            heard.take(
                self._peak, self._square / (self._counted * self._channels), self._energy / self._counted
            )
            self._begin_slice()


def _lufs(energy: float) -> float | None:
    return loudness_of(energy) if energy > 10.0 ** (SILENCE_DB / 10.0) else None
