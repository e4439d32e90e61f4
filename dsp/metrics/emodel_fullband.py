"""The fullband E-model: a rating of a connection that carries 20 to 20 000 Hz (ITU-T G.107.2, 06/2019).

Conventions: as in `dsp.metrics.emodel`. R runs from 0 to 148; it is no rating of G.107 or G.107.1, and they are not
compared. `mos` is MOS-CQE of G.107.2 annex A. The model of 2019 knows codec, random loss and delay: no noise, no echo, no
burst ratio.
Source: ITU-T G.107.2 clause 7; docs/e-model.md says how it was checked.
"""

from dataclasses import dataclass

from dsp.emodel_terms import (
    BEST_RATING,
    FULLBAND,
    R_SPAN,
    Rating,
    absolute_delay,
    effective_equipment,
    validate_line,
)
from dsp.metrics.base import MetricSpec

WORST_EQUIPMENT = 132.0
"""Ie,eff,FB tends to it as loss grows, where G.107 and G.107.1 have 95."""


@dataclass(frozen=True, slots=True)
class FullbandConnection:
    """Parameters of G.107.2 with the default values it gives."""

    ta: float = 0.0
    """Absolute delay from mouth to ear, ms."""
    ie: float = 0.0
    """Ie,FB."""
    bpl: float = 4.3
    """Bpl,FB."""
    ppl: float = 0.0
    a: float = 0.0


def rating(c: FullbandConnection) -> Rating:
    """R = Ro,FB - Is,FB - Id,FB - Ie,eff,FB + A (clause 7.1).

    Raises:
        ParameterError: for a negative delay, a loss outside 0 to 100 and the like.
    """
    validate_line(ie=c.ie, bpl=c.bpl, ppl=c.ppl, delays=(c.ta,))
    ro, i_s = BEST_RATING[FULLBAND], 0.0
    idd = R_SPAN[FULLBAND] * absolute_delay(c.ta)
    ie_eff = effective_equipment(c.ie, c.bpl, c.ppl, worst=WORST_EQUIPMENT)
    r = ro - i_s - idd - ie_eff + c.a
    return Rating(FULLBAND, r=r, ro=ro, i_s=i_s, idte=0.0, idle=0.0, idd=idd, ie_eff=ie_eff)


SPECS: tuple[MetricSpec, ...] = ()
