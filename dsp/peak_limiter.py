"""Look-ahead limiter on the true peak, for the filters that must not exceed a ceiling.

The gain each peak asks for is known before the peak comes out: the smallest gain asked for within the look-ahead,
with a one-pole release, is averaged over the look-ahead (`dsp._native.GainWindow`), so the gain is down in time and
moves without corners. Method: D. Giannoulis, M. Massberg, J. D. Reiss, "Digital Dynamic Range Compressor Design", JAES
60(6), 2012, section 4.4 (look-ahead); peaks by ITU-R BS.1770-5 Annex 2.
"""

import math

import numpy as np

from dsp._native import GainWindow
from dsp.delay_line import DelayLine
from dsp.true_peak import DELAY, decibels, true_peak_meter
from dsp.types import Block

MARGIN_DB = 0.05
"""Kept below the ceiling for what four points per sample do not see."""
NEIGHBOURS = 2
"""A sample also obeys the peaks of the intervals around it."""


class PeakLimiter:
    """Keeps the true peak of all channels, which get the same gain, at a ceiling.

    Args:
        ceiling_dbtp: highest true peak that may come out.
        lookahead_ms: how long before a peak the gain begins to fall; also the delay, but for `DELAY` samples.
        release_ms: time constant of the rise afterwards.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        channels: int,
        *,
        ceiling_dbtp: float,
        lookahead_ms: float,
        release_ms: float,
    ) -> None:
        smooth = max(4, round(lookahead_ms * sample_rate_hz / 1000.0))
        release = release_ms * sample_rate_hz / 1000.0
        self.delay_samples = smooth + DELAY
        """How much later the sound comes out."""
        self.ready_samples = self.delay_samples + DELAY + smooth
        """After that a fresh one knows all the peaks that come out; only a gain that was on its way up is another."""
        self.settle_samples = self.ready_samples + math.ceil(10.4 * release)
        """After that a fresh one is within -90 dB of one that always ran."""
        self._ceiling = np.float32(10.0 ** ((ceiling_dbtp - MARGIN_DB) / 20.0))
        self._peaks = true_peak_meter(channels)
        self._window = GainWindow(smooth + NEIGHBOURS, smooth, release)
        self._line = DelayLine(self.delay_samples, channels)
        self.reduction_db = 0.0
        """What it took away at the worst moment of the newest block, 0 or more."""

    def process(self, block: Block) -> Block:
        """Limit *block*, ``(channels, n)``, in place and return it."""
        if block.shape[1] == 0:
            return block
        gains = np.empty(block.shape[1], dtype=np.float32)
        self._peaks.process(block, gains)
        np.maximum(gains, self._ceiling, out=gains)
        np.divide(self._ceiling, gains, out=gains)
        self._window.process(gains)
        self._line.process(block)
        block *= gains
        self.reduction_db = max(0.0, -decibels(float(gains.min())))
        return block

    def reset(self) -> None:
        """Forget the past."""
        self._peaks.reset()
        self._window.reset()
        self._line.reset()
        self.reduction_db = 0.0

    def adopt(self, previous: "PeakLimiter") -> None:
        """Take the state of *previous*: what it delays, and its gain."""
        self._peaks.adopt(previous._peaks)
        self._window.adopt(previous._window)
        self._line.adopt(previous._line)
        # What lies further back than the other line reaches has to come in first.
        self.settle_samples = max(0, self.delay_samples - previous.delay_samples)
