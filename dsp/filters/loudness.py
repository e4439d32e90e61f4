"""Loudness to a target (ITU-R BS.1770, EBU R 128).

Two ways. *two-pass*, for files: the integrated loudness of what comes in is measured first, then the gain is one
constant, ``target_lufs - measured_lufs``, and what comes out is at the target. *dynamic*, for what cannot be heard
twice: the gain is ridden slowly after the gated loudness so far. Both end in a look-ahead limiter at
``max_true_peak_dbtp``; where it has to hold back much, a file ends up softer than the target by what it took away.

Whoever runs a file does the first pass: for each filter of the preset, in order, whose parameters say
`needs_measuring`, run the input through the filters before it into a `dsp.loudness.LoudnessMeter`, then set
``slot.measured_lufs`` to its ``integrated_lufs`` (where that is not None) with `Preset.with_value`. A filter that is
built without it, live, is dynamic whatever its mode.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.loudness import HOPS_PER_S, HopEnergies, LoudnessMeter, energy_of, loudness_of
from dsp.params import choice, number
from dsp.peak_limiter import PeakLimiter
from dsp.riding import ActiveLevel, Activity, Ramp
from dsp.types import Block

LOOKAHEAD_MS = 5.0
RELEASE_MS = 100.0
LOWEST_LUFS = -120.0
"""What the meters show for nothing."""


@dataclass(frozen=True, slots=True)
class LoudnessParams:
    """Parameters of `Loudness`."""

    target_lufs: float = number(-23.0, -60.0, 0.0, "LUFS", "loudness that comes out", step=0.1)
    max_true_peak_dbtp: float = number(-1.0, -20.0, 0.0, "dBTP", "highest true peak that comes out", step=0.1)
    mode: str = choice(
        "two-pass",
        ("two-pass", "dynamic"),
        "two-pass: a file is measured first and gets one constant gain; dynamic: the gain is ridden, as it is live",
    )
    measured_lufs: float | None = number(
        None,
        -70.0,
        40.0,
        "LUFS",
        "integrated loudness of what comes in, for two-pass; auto: found by measuring, live not known",
        step=0.01,
        optional=True,
    )
    max_gain_db: float = number(30.0, 0.0, 60.0, "dB", "largest gain, of either mode", step=0.5)
    time_s: float = number(3.0, 0.4, 30.0, "s", "dynamic: time constant of the gain", log=True)
    gate_lufs: float = number(-50.0, -70.0, 0.0, "LUFS", "dynamic: what is softer is never raised", step=1.0)


def needs_measuring(params: object) -> bool:
    """Whether *params* are `LoudnessParams` whose ``measured_lufs`` is to be found by a first pass over the file."""
    return isinstance(params, LoudnessParams) and params.mode == "two-pass" and params.measured_lufs is None


class Loudness(Filter):
    """Constant or ridden gain, then a limiter."""

    def __init__(self, params: LoudnessParams, setting: Setting) -> None:
        self._params = params
        rate, channels = setting.sample_rate_hz, setting.channels
        self._fixed = (
            None
            if params.mode == "dynamic" or params.measured_lufs is None
            else min(params.max_gain_db, params.target_lufs - params.measured_lufs)
        )
        self._hops = HopEnergies(rate, channels)
        self._recent: list[float] = []
        self._level = ActiveLevel(
            Activity(
                margin_db=10.0,
                least_power=energy_of(params.gate_lufs),
                hangover=0,
                memory=params.time_s * HOPS_PER_S,
                patience=3 * HOPS_PER_S,
                sink_db=3.0 / HOPS_PER_S,
            )
        )
        self._ramp = Ramp()
        self._limiter = PeakLimiter(
            rate,
            channels,
            ceiling_dbtp=params.max_true_peak_dbtp,
            lookahead_ms=LOOKAHEAD_MS,
            release_ms=RELEASE_MS,
        )
        self._meter = LoudnessMeter(rate, channels)
        self.delay_samples = self._limiter.delay_samples
        self.settle_samples = self._limiter.settle_samples
        self.ready_samples = self._limiter.ready_samples
        if self._fixed is None:
            self.settle_samples += round(10.4 * params.time_s * rate)

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        if self._fixed is not None:
            block *= np.float32(10.0 ** (self._fixed / 20.0))
        else:
            self._ride(block)
        self._limiter.process(block)
        self._meter.process(block)
        return block

    def _ride(self, block: Block) -> None:
        start = 0
        while start < block.shape[1]:
            piece = block[:, start : start + self._hops.missing]
            start += piece.shape[1]
            energy = self._hops.process(piece)
            self._ramp.apply(piece)
            if energy is not None:
                self._ramp.turn(self._next_gain(energy), self._hops.missing)

    def _next_gain(self, energy: float) -> float:
        """Gain in dB to be at when the next hop ends, after a hop of *energy*."""
        self._recent = [*self._recent[-3:], energy]
        gain = self._ramp.gain_db
        if not self._level.update(sum(self._recent) / len(self._recent)):
            return gain
        wanted = min(self._params.max_gain_db, self._params.target_lufs - loudness_of(self._level.power))
        return gain + (wanted - gain) / max(2.0, self._level.heard)

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._hops.reset()
        self._recent = []
        self._level.reset()
        self._ramp.reset()
        self._limiter.reset()
        self._meter.reset()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        assert isinstance(previous, Loudness)
        self._limiter.adopt(previous._limiter)
        if self._fixed is None and previous._fixed is None:
            self._level.adopt(previous._level)
            self._recent = list(previous._recent)
            self._ramp.adopt(previous._ramp)
            self.settle_samples = self._limiter.settle_samples

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        meter = self._meter
        found = {
            "momentary_lufs": meter.momentary_lufs,
            "short_term_lufs": meter.short_term_lufs,
            "integrated_lufs": meter.integrated_lufs,
            "true_peak_dbtp": meter.true_peak_dbtp,
        }
        gain = self._ramp.gain_db if self._fixed is None else self._fixed
        return {name: LOWEST_LUFS if value is None else value for name, value in found.items()} | {
            "gain_db": gain,
            "gain_reduction_db": self._limiter.reduction_db,
        }


SPECS = (
    FilterSpec(
        name="loudness",
        summary="Brings a file, or what runs live, to a loudness in LUFS and holds its true peak",
        category="dynamics",
        source="ITU-R BS.1770-5 Annex 1 and 2, EBU R 128, EBU Tech 3341; the riding of the gain is our own",
        params=LoudnessParams,
        build=Loudness,
        readings=(
            Reading("momentary_lufs", "LUFS", "loudness of the newest 0.4 s that came out; -120 for none"),
            Reading("short_term_lufs", "LUFS", "loudness of the newest 3 s that came out; -120 for none"),
            Reading("integrated_lufs", "LUFS", "gated loudness of all that came out; -120 for none"),
            Reading("true_peak_dbtp", "dBTP", "highest true peak that came out; -120 for none"),
            Reading("gain_db", "dB", "gain before the limiter"),
            Reading("gain_reduction_db", "dB", "what the limiter takes away now"),
        ),
    ),
)
