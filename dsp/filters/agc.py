"""Automatic gain control: brings speech to a level, and leaves pauses alone; all channels get the same gain."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsp.filters.base import Filter, FilterSpec, Reading, Setting
from dsp.params import number
from dsp.riding import ActiveLevel, Activity, Ramp
from dsp.types import Block

HOPS_PER_S = 100
MARGIN_DB = 15.9
"""P.56 method B: what is so far below the active level is a pause."""
HANGOVER_S = 0.2
"""P.56: a pause shorter than this is none."""
PATIENCE_S = 2.0
SINK_DB_PER_S = 6.0
NOISE_RISE_DB_PER_S = 4.0
NOISE_MARGIN_DB = 6.0
"""How far above the steady noise speech begins."""
FIRST_NOISE = 1e-3
"""Power that the noise is below, until something was heard."""
LOWEST_DB = -120.0
OVERSHOOT_DB = 10.0
"""What a hop may lie over the target; what is louder brings the gain down at once, whatever the attack."""
OVERSHOOT_PACE = 0.5
"""Share of it that goes in one hop."""


@dataclass(frozen=True, slots=True)
class AgcParams:
    """Parameters of `Agc`."""

    target_dbfs: float = number(
        -23.0, -60.0, -3.0, "dBFS", "active speech level (P.56) that comes out", step=0.5
    )
    max_gain_db: float = number(30.0, 0.0, 60.0, "dB", "most that is added", step=0.5)
    max_cut_db: float = number(30.0, 0.0, 60.0, "dB", "most that is taken away", step=0.5)
    attack_s: float = number(
        0.3,
        0.02,
        10.0,
        "s",
        "time constant of a gain that falls; what is 10 dB over the target is met at once",
        log=True,
    )
    release_s: float = number(
        2.0, 0.1, 60.0, "s", "time constant of a gain that rises, while someone speaks", log=True
    )
    memory_s: float = number(2.0, 0.2, 60.0, "s", "how much speech the level is taken from", log=True)
    gate_dbfs: float = number(
        -55.0, -90.0, -10.0, "dBFS", "what is softer is never taken for speech", step=1.0
    )


class Agc(Filter):
    """Every 10 ms: is it speech, how loud was speech so far, where should the gain go."""

    def __init__(self, params: AgcParams, setting: Setting) -> None:
        rate = setting.sample_rate_hz
        self._params, self._rate_hz = params, rate
        self._level = ActiveLevel(
            Activity(
                margin_db=MARGIN_DB,
                least_power=10.0 ** (params.gate_dbfs / 10.0),
                hangover=round(HANGOVER_S * HOPS_PER_S),
                memory=params.memory_s * HOPS_PER_S,
                patience=round(PATIENCE_S * HOPS_PER_S),
                sink_db=SINK_DB_PER_S / HOPS_PER_S,
            )
        )
        self._ramp = Ramp()
        self._fall = 1.0 / (params.attack_s * HOPS_PER_S)
        self._rise = 1.0 / (params.release_s * HOPS_PER_S)
        self.settle_samples = math.ceil(11.5 * max(params.attack_s, params.release_s) * rate)
        self.ready_samples = 0
        self._squares = np.zeros(setting.channels)
        self._count = self._hops = 0
        self._hop = self._length()
        self._noise = FIRST_NOISE
        self._active = False

    def process(self, block: Block) -> Block:
        """See `Filter.process`."""
        start = 0
        while start < block.shape[1]:
            piece = block[:, start : start + self._hop - self._count]
            start += piece.shape[1]
            self._count += piece.shape[1]
            exact = piece.astype(np.float64)
            self._squares += np.einsum("cn,cn->c", exact, exact)
            self._ramp.apply(piece)
            if self._count == self._hop:
                self._turn()
        return block

    def _turn(self) -> None:
        """A hop is whole: decide where the gain goes in the next."""
        power = float(self._squares.max()) / self._hop
        self._squares[:] = 0.0
        self._noise = max(1e-12, min(power, self._noise * 10.0 ** (NOISE_RISE_DB_PER_S / HOPS_PER_S / 10.0)))
        above_noise = power >= self._noise * 10.0 ** (NOISE_MARGIN_DB / 10.0)
        self._active = self._level.update(power, may_start=above_noise)
        gain = self._ramp.gain_db
        if self._active and self._level.power > 0.0:
            wanted = self._params.target_dbfs - 10.0 * math.log10(self._level.power)
            wanted = min(self._params.max_gain_db, max(-self._params.max_cut_db, wanted))
            # As long as little was heard, what is known of the level changes fast, and so may the gain.
            pace = max(self._fall if wanted < gain else self._rise, 1.0 / max(10.0, self._level.heard))
            gain += min(1.0, pace) * (wanted - gain)
            # A soft beginning, such as a breath, must not leave a gain that makes the first word overload.
            loudest = self._params.target_dbfs + OVERSHOOT_DB - 10.0 * math.log10(max(power, 1e-12))
            if gain > loudest:
                gain += OVERSHOOT_PACE * (max(loudest, -self._params.max_cut_db) - gain)
        self._hops = (self._hops + 1) % HOPS_PER_S
        self._hop = self._length()
        self._count = 0
        self._ramp.turn(gain, self._hop)

    def _length(self) -> int:
        """Samples of the hop that begins."""
        return (self._hops + 1) * self._rate_hz // HOPS_PER_S - self._hops * self._rate_hz // HOPS_PER_S

    def reset(self) -> None:
        """See `Filter.reset`."""
        self._level.reset()
        self._ramp.reset()
        self._squares[:] = 0.0
        self._count = self._hops = 0
        self._noise = FIRST_NOISE
        self._active = False
        self._hop = self._length()

    def adopt(self, previous: Filter) -> None:
        """See `Filter.adopt`."""
        assert isinstance(previous, Agc)
        self._level.adopt(previous._level)
        self._ramp.adopt(previous._ramp)
        self._noise, self._active = previous._noise, previous._active
        self.settle_samples = 0

    def readings(self) -> Mapping[str, float]:
        """See `Filter.readings`."""
        power = self._level.power
        return {
            "gain_db": self._ramp.gain_db,
            "level_dbfs": max(LOWEST_DB, 10.0 * math.log10(power)) if power > 0.0 else LOWEST_DB,
            "active": float(self._active),
        }


SPECS = (
    FilterSpec(
        name="agc",
        summary="Brings speech to a level, slowly, and does not raise pauses; channels are linked",
        category="dynamics",
        source="own; active level after ITU-T P.56 (12/2011) method B, kept recursively",
        params=AgcParams,
        build=Agc,
        readings=(
            Reading("gain_db", "dB", "gain now"),
            Reading(
                "level_dbfs", "dBFS", "active speech level of what comes in; -120 as long as nobody spoke"
            ),
            Reading("active", "", "1 while someone speaks, else 0"),
        ),
    ),
)
