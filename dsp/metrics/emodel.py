"""The E-model, a rating of a narrowband connection from its parameters (ITU-T G.107, 06/2015).

Conventions: names as in the parameter table of G.107, in lower case; levels in dB, dBm0 or dBm0p as there,
delays in ms, `ppl` in per cent. The rating R runs from 0 to 100; `mos` maps it to MOS-CQE, 1 to 4.5. It
judges numbers, not audio, so it is no `MetricSpec`.
Measures: `rating` for any connection, `call_rating` for one of ours.
Source: ITU-T G.107 clause 7 (equation numbers on the lines) and annex B; equipment figures from ITU-T G.113
appendix I.
"""

import math
from dataclasses import dataclass
from typing import TypedDict

from dsp.errors import ParameterError
from dsp.metrics.base import MetricSpec

BEST_EQUIPMENT = (0.0, 25.1)
"""(Ie, Bpl) of G.711 with concealment, the best line of G.113 appendix I: stands in where no table holds the
codec, so that the rating is of the line alone, an upper bound."""


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


@dataclass(frozen=True, slots=True)
class Rating:
    """R and the terms it is made of (G.107 equation 7-1)."""

    r: float
    ro: float
    i_s: float
    idte: float
    idle: float
    idd: float
    ie_eff: float

    @property
    def mos(self) -> float:
        """MOS-CQE of this rating."""
        return mos(self.r)


def _soft(base: float, power: float) -> float:
    """(1 + base^power)^(1/power), which many terms of the model are made of."""
    return float((1 + base**power) ** (1 / power))


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
    iolr = 20 * (_soft(xolr / 8, 8) - xolr / 8)  # (7-9)
    stmro = -10 * math.log10(10 ** (-c.stmr / 10) + math.exp(-c.t / 4) * 10 ** (-c.telr / 10))  # (7-12)
    ist = (
        12 * _soft((stmro - 13) / 6, 8)
        - 28 * _soft((stmro + 1) / 19.4, 35)
        - 13 * _soft((stmro - 3) / 33, 13)
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
    terv = c.telr - 40 * math.log10((1 + c.t / 10) / (1 + c.t / 150)) + 6 * math.exp(-0.3 * c.t**2)  # (7-22)
    if c.stmr < 9:
        terv += ist / 2  # (7-23)
    roe = -1.5 * (no - c.rlr)  # (7-20)
    re = 80 + 2.5 * (terv - 14)  # (7-21)
    half = (roe - re) / 2
    idte = (half + math.sqrt(half**2 + 100) - 1) * (1 - math.exp(-c.t))  # (7-19)
    return math.hypot(idte, ist) if c.stmr > 20 else idte  # (7-24)


def _listener_echo(c: Connection, ro: float) -> float:
    """Idle (7-25, 7-26)."""
    rle = 10.5 * (c.wepl + 7) * (c.tr + 1) ** -0.25
    half = (ro - rle) / 2
    return float(half + math.sqrt(half**2 + 169))


def _absolute_delay(c: Connection) -> float:
    """Idd (7-27, 7-28)."""
    if c.ta <= c.mt:
        return 0.0
    x = math.log2(c.ta / c.mt)
    return 25 * (_soft(x, 6 * c.st) - 3 * _soft(x / 3, 6 * c.st) + 2)


def validate(c: Connection) -> None:
    """Raise ParameterError where a parameter would break an equation (G.107's tested ranges are narrower)."""
    if not all(math.isfinite(v) for v in (c.t, c.tr, c.ta, c.ie, c.ppl)):
        raise ParameterError("delays, Ie and Ppl of the E-model must be finite")
    if min(c.t, c.tr, c.ta) < 0:
        raise ParameterError(f"delays must be 0 ms or more, got T {c.t}, Tr {c.tr}, Ta {c.ta}")
    if not 0 <= c.ppl <= 100:
        raise ParameterError(f"Ppl must be 0 to 100 per cent, got {c.ppl}")
    if min(c.bpl, c.burst_r, c.qdu, c.st, c.mt) <= 0:
        raise ParameterError("Bpl, BurstR, qdu, sT and mT must be above 0")
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
    idte, idle, idd = _talker_echo(c, no, ist), _listener_echo(c, ro), _absolute_delay(c)
    ie_eff = c.ie + (95 - c.ie) * c.ppl / (c.ppl / c.burst_r + c.bpl)  # (7-29)
    r = ro - i_s - (idte + idle + idd) - ie_eff + c.a
    return Rating(r=r, ro=ro, i_s=i_s, idte=idte, idle=idle, idd=idd, ie_eff=ie_eff)


def mos(r: float) -> float:
    """MOS-CQE of a rating (G.107 annex B, equation B-4), never below 1."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


class CallRating(TypedDict):
    """E-model of one direction of a call, as printed."""

    model: str
    """The scale: "G.107"; ratings of G.107.1 and G.107.2 are not comparable with it."""
    r: float
    mos_cq: float
    grounded: bool
    """Whether ITU tables hold the codec."""
    one_way_delay_ms: float
    ie: float
    bpl: float


def call_rating(
    *,
    rtt_ms: float | None,
    playout_delay_ms: float | None,
    packet_ms: float,
    codec_delay_ms: float = 0.0,
    loss_pct: float | None = 0.0,
    discard_pct: float | None = 0.0,
    burst_r: float = 1.0,
    equipment: tuple[float, float] | None = None,
) -> CallRating:
    """Rate one direction of a call between two four-wire ends; what is not known (None) counts as 0.

    Args:
        rtt_ms: network round trip, from RTCP.
        playout_delay_ms: what the receiver holds back.
        packet_ms: audio in one packet, which the sender waits for.
        codec_delay_ms: the codec's look-ahead.
        loss_pct: lost in the network, of all packets.
        discard_pct: came too late or did not fit, of all packets.
        burst_r: mean length of a burst of losses over that of random loss at the same rate; below 1
            counts as 1.
        equipment: (Ie, Bpl) of ITU-T G.113; None where no table holds the codec: `BEST_EQUIPMENT` stands in
            and the result is not grounded.

    Raises:
        ParameterError: for negative delays or loss outside 0 to 100.
    """
    ie, bpl = BEST_EQUIPMENT if equipment is None else equipment
    delay_ms = (rtt_ms or 0.0) / 2 + (playout_delay_ms or 0.0) + packet_ms + codec_delay_ms
    # The echo a caller hears of himself comes back over the whole path: T = Ta, Tr = 2 T.
    connection = Connection(
        t=delay_ms,
        tr=2 * delay_ms,
        ta=delay_ms,
        ie=ie,
        bpl=bpl,
        ppl=min(100.0, (loss_pct or 0.0) + (discard_pct or 0.0)),
        burst_r=max(1.0, burst_r),
    )
    result = rating(connection)
    return CallRating(
        model="G.107",
        r=round(result.r, 2),
        mos_cq=round(result.mos, 3),
        grounded=equipment is not None,
        one_way_delay_ms=round(delay_ms, 1),
        ie=ie,
        bpl=bpl,
    )


SPECS: tuple[MetricSpec, ...] = ()
