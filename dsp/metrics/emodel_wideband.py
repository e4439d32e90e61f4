"""The wideband E-model: a rating of a connection that carries 50 to 7000 Hz (ITU-T G.107.1, 06/2019).

Conventions: as in `dsp.metrics.emodel`. R runs from 0 to 129, where a narrowband connection without impairments stands at
93.2; it is no rating of G.107, and the two are not compared. `mos` is MOS-CQE of G.107.1 annex A.
Noise, loudness and sidetone do not enter: G.107.1 leaves Ro,WB at 129 and Is,WB at 0. It has no burst ratio: Bpl,wb
holds for random loss.
Source: ITU-T G.107.1 clause 7, equation numbers on the lines, and ITU-T G.1070 for the echo term; docs/e-model.md says how
each of them was checked.
"""

from dataclasses import dataclass

from dsp.emodel_terms import (
    BEST_RATING,
    R_SPAN,
    WIDEBAND,
    Rating,
    absolute_delay,
    echo_loudness,
    effective_equipment,
    listener_echo,
    talker_echo,
    validate_line,
)
from dsp.metrics.base import MetricSpec


@dataclass(frozen=True, slots=True)
class WidebandConnection:
    """Parameters of G.107.1 with the default values it gives."""

    telr: float = 65.0
    wepl: float = 110.0
    t: float = 0.0
    """Mean one-way delay of the echo path, ms."""
    tr: float = 0.0
    """Round-trip delay in the four-wire loop, ms."""
    ta: float = 0.0
    """Absolute delay from mouth to ear, ms."""
    ie: float = 0.0
    """Ie,WB."""
    bpl: float = 4.3
    """Bpl,wb."""
    ppl: float = 0.0
    a: float = 0.0


def _talker_echo(c: WidebandConnection) -> float:
    """Idte,WB (7-5 to 7-10)."""
    k = 0.08 * c.t + 10 if c.t < 100 else 18.0  # (7-9, 7-10)
    re = 80 + 3 * (echo_loudness(c.telr, c.t) + k - 14)  # (7-7, 7-8)
    roe = BEST_RATING[WIDEBAND]  # (7-6) at RLR 2
    return talker_echo(roe, re, c.t)  # (7-5)


def rating(c: WidebandConnection) -> Rating:
    """R = Ro,WB - Is,WB - Id,WB - Ie,eff,WB + A (7-1).

    Raises:
        ParameterError: for a negative delay, a loss outside 0 to 100 and the like.
    """
    validate_line(ie=c.ie, bpl=c.bpl, ppl=c.ppl, delays=(c.t, c.tr, c.ta))
    ro, i_s = BEST_RATING[WIDEBAND], 0.0  # (7-2, 7-3)
    idte, idle = _talker_echo(c), listener_echo(ro, c.wepl, c.tr)
    idd = R_SPAN[WIDEBAND] * absolute_delay(c.ta)  # (7-13, 7-14)
    ie_eff = effective_equipment(c.ie, c.bpl, c.ppl)  # (7-15)
    r = ro - i_s - (idte + idle + idd) - ie_eff + c.a
    return Rating(WIDEBAND, r=r, ro=ro, i_s=i_s, idte=idte, idle=idle, idd=idd, ie_eff=ie_eff)


SPECS: tuple[MetricSpec, ...] = ()
