"""The E-model, a rating of a narrowband connection from its parameters (ITU-T G.107, 06/2015).

Conventions: names as in the parameter table of G.107, in lower case; levels in dB, dBm0 or dBm0p as there,
delays in ms, `ppl` in per cent. The rating R runs from 0 to 100, 93.2 where all is at its default; its `mos` is
MOS-CQE, 1 to 4.5. It judges numbers, not audio, so it is no `MetricSpec`.
Measures: `rating` for any connection; `dsp.call_rating` makes one of a call's figures.
Source: ITU-T G.107 clause 7 (equation numbers on the lines) and annex B.
"""

import math
from dataclasses import dataclass

from dsp.emodel_terms import (
    NARROWBAND,
    Rating,
    absolute_delay,
    echo_loudness,
    effective_equipment,
    listener_echo,
    smooth,
    talker_echo,
    validate_line,
)
from dsp.errors import ParameterError
from dsp.metrics.base import MetricSpec


@dataclass(frozen=True, slots=True)
class Connection:
    """Parameters of G.107 with the default values it gives."""

    slr: float = 8.0
    rlr: float = 2.0
    stmr: float = 15.0
    lstr: float | None = None
    """Listener sidetone rating; None: STMR + D of the receive side."""
    ds: float = 3.0
    dr: float = 3.0
    telr: float = 65.0
    wepl: float = 110.0
    t: float = 0.0
    """Mean one-way delay of the echo path, ms."""
    tr: float = 0.0
    """Round-trip delay in the four-wire loop, ms."""
    ta: float = 0.0
    """Absolute delay from mouth to ear, ms."""
    qdu: float = 1.0
    ie: float = 0.0
    bpl: float = 4.3
    ppl: float = 0.0
    burst_r: float = 1.0
    nc: float = -70.0
    nfor: float = -64.0
    ps: float = 35.0
    pr: float = 35.0
    a: float = 0.0
    st: float = 1.0
    """Sensitivity to delay: 1 default, 0.55 low, 0.4 very low (G.107 clause 7.4)."""
    mt: float = 100.0
    """Smallest delay that is noticed, ms: 100 default, 120 low, 150 very low."""


def _noise(c: Connection) -> float:
    """No: all circuit noise at the 0 dBr point, dBm0p (7-3 to 7-7)."""
    olr = c.slr + c.rlr
    nos = c.ps - c.slr - c.ds - 100 + 0.004 * (c.ps - olr - c.ds - 14) ** 2  # (7-4)
    lstr = c.stmr + c.dr if c.lstr is None else c.lstr
    pre = c.pr + 10 * math.log10(1 + 10 ** ((10 - lstr) / 10))  # (7-6)
    nor = c.rlr - 121 + pre + 0.008 * (pre - 35) ** 2  # (7-5)
    nfo = c.nfor + c.rlr  # (7-7)
    return 10 * math.log10(sum(10 ** (n / 10) for n in (c.nc, nos, nor, nfo)))  # (7-3)


def _simultaneous(c: Connection, no: float, ro: float) -> tuple[float, float]:
    """(Is, Ist): too loud a connection, sidetone, quantizing distortion (7-8 to 7-17)."""
    xolr = c.slr + c.rlr + 0.2 * (64 + no - c.rlr)  # (7-10)
    iolr = 20 * (smooth(xolr / 8, 8) - xolr / 8)  # (7-9)
    stmro = -10 * math.log10(10 ** (-c.stmr / 10) + math.exp(-c.t / 4) * 10 ** (-c.telr / 10))  # (7-12)
    ist = (
        12 * smooth((stmro - 13) / 6, 8)
        - 28 * smooth((stmro + 1) / 19.4, 35)
        - 13 * smooth((stmro - 3) / 33, 13)
        + 29
    )  # (7-11)
    q = 37 - 15 * math.log10(c.qdu)  # (7-17)
    g = 1.07 + 0.258 * q + 0.0602 * q**2  # (7-16)
    y = (ro - 100) / 15 + 46 / 8.4 - g / 9  # (7-14)
    z = 46 / 30 - g / 40  # (7-15)
    iq = 15 * math.log10(1 + 10**y + 10**z)  # (7-13)
    return iolr + ist + iq, ist


def _talker_echo(c: Connection, no: float, ist: float) -> float:
    """Idte (7-19 to 7-24)."""
    if c.t < 1:
        return 0.0  # below 1 ms talker echo is sidetone (G.107 clause 7.4)
    terv = echo_loudness(c.telr, c.t)  # (7-22)
    if c.stmr < 9:
        terv += ist / 2  # (7-23)
    roe = -1.5 * (no - c.rlr)  # (7-20)
    re = 80 + 2.5 * (terv - 14)  # (7-21)
    idte = talker_echo(roe, re, c.t)  # (7-19)
    return math.hypot(idte, ist) if c.stmr > 20 else idte  # (7-24)


def validate(c: Connection) -> None:
    """Raise ParameterError where a parameter would break an equation (G.107's tested ranges are narrower)."""
    validate_line(ie=c.ie, bpl=c.bpl, ppl=c.ppl, delays=(c.t, c.tr, c.ta))
    if min(c.burst_r, c.qdu, c.st, c.mt) <= 0:
        raise ParameterError("BurstR, qdu, sT and mT must be above 0")
    if c.stmr < 3:
        raise ParameterError(f"STMR must be 3 dB or more, got {c.stmr}")


def rating(c: Connection) -> Rating:
    """R = Ro - Is - Id - Ie,eff + A (7-1).

    Raises:
        ParameterError: for a negative delay, a loss outside 0 to 100 and the like.
    """
    validate(c)
    no = _noise(c)
    ro = 15 - 1.5 * (c.slr + no)  # (7-2)
    i_s, ist = _simultaneous(c, no, ro)
    idte, idle = _talker_echo(c, no, ist), listener_echo(ro, c.wepl, c.tr)
    idd = absolute_delay(c.ta, c.st, c.mt)
    ie_eff = effective_equipment(c.ie, c.bpl, c.ppl, burst_r=c.burst_r)
    r = ro - i_s - (idte + idle + idd) - ie_eff + c.a
    return Rating(NARROWBAND, r=r, ro=ro, i_s=i_s, idte=idte, idle=idle, idd=idd, ie_eff=ie_eff)


SPECS: tuple[MetricSpec, ...] = ()
