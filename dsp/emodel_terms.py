"""What the E-models share: terms of delay and echo, loss, the way to a MOS and back (ITU-T G.107, G.107.1, G.107.2).

Conventions: levels in dB, delays in ms, `ppl` in per cent; R on the scale of the Recommendation that asks.
"""

import math
from dataclasses import dataclass

from dsp.errors import ParameterError

NARROWBAND, WIDEBAND, FULLBAND = "G.107", "G.107.1", "G.107.2"
"""The Recommendations, and what their scales are called. Ratings of two of them cannot be compared."""
BEST_RATING = {NARROWBAND: 93.2, WIDEBAND: 129.0, FULLBAND: 148.0}
"""R of a connection without impairments, all else at its default."""
R_SPAN = {NARROWBAND: 1.0, WIDEBAND: 1.29, FULLBAND: 1.48}
"""By what R is divided before it becomes a MOS (G.107.1 equation A-1; G.107.2 annex A)."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a codec costs on the scale of one Recommendation."""

    codec: str
    """As in our registry where we have it, else the Recommendation's name in lower case: ``g729a``."""
    scale: str
    """`NARROWBAND`, `WIDEBAND` or `FULLBAND`."""
    ie: float
    """Equipment impairment factor, without losses."""
    bpl: float | None
    """Packet-loss robustness factor, per cent; None where none is known."""
    source: str
    """Table or measurement that says so."""
    bit_rate_bps: int | None = None
    """None: any."""
    packet_ms: int | None = None
    """Packets that `bpl` holds for; None where nothing is said."""
    listening: str = "monotic"
    """``monotic`` (one ear, a handset) or ``diotic`` (the same at both ears)."""
    published: bool = True
    """Whether the ITU has published it; false for what is derived here."""


@dataclass(frozen=True, slots=True)
class Rating:
    """R and the terms it is made of: R = Ro - Is - (Idte + Idle + Idd) - Ie,eff + A."""

    scale: str
    r: float
    ro: float
    i_s: float
    idte: float
    idle: float
    idd: float
    ie_eff: float

    @property
    def mos(self) -> float:
        """MOS-CQE, as the Recommendation of the scale maps it."""
        return mos_of(self.r, self.scale)


def smooth(base: float, power: float) -> float:
    """(1 + base^power)^(1/power), which many terms of the models are made of."""
    return float((1 + base**power) ** (1 / power))


def talker_echo(roe: float, re: float, t: float) -> float:
    """Idte before sidetone is looked at (G.107 equation 7-19, G.107.1 equation 7-5); *t* is the delay of the echo path."""
    half = (roe - re) / 2
    return (half + math.hypot(half, 10) - 1) * (1 - math.exp(-t))


def echo_loudness(telr: float, t: float) -> float:
    """TERV of G.107 equation 7-22: TELR, and how echo stands out the more the later it comes."""
    return telr - 40 * math.log10((1 + t / 10) / (1 + t / 150)) + 6 * math.exp(-0.3 * t**2)


def listener_echo(ro: float, wepl: float, tr: float) -> float:
    """Idle (G.107 equations 7-25 and 7-26, G.107.1 equations 7-11 and 7-12); *tr* is the round trip in the four-wire loop."""
    rle = 10.5 * (wepl + 7) * math.pow(tr + 1, -0.25)
    half = (ro - rle) / 2
    return half + math.hypot(half, 13)


def absolute_delay(ta: float, st: float = 1.0, mt: float = 100.0) -> float:
    """Idd on the scale of G.107 (equations 7-27 and 7-28); the other scales multiply it by `R_SPAN`.

    Args:
        ta: from mouth to ear, ms.
        st: sensitivity to delay.
        mt: the least delay that is noticed, ms.
    """
    if ta <= mt:
        return 0.0
    x = math.log2(ta / mt)
    return 25 * (smooth(x, 6 * st) - 3 * smooth(x / 3, 6 * st) + 2)


def effective_equipment(
    ie: float, bpl: float, ppl: float, *, burst_r: float = 1.0, worst: float = 95.0
) -> float:
    """Ie,eff: equipment impairment under *ppl* per cent of loss (G.107 equation 7-29, G.107.1 7-15, G.107.2 clause 7.5).

    Args:
        burst_r: 1 except in G.107, the only one that defines it.
        worst: what it comes to where all is lost and Bpl is nothing: 95, fullband 132.
    """
    return ie + (worst - ie) * ppl / (ppl / burst_r + bpl)


def defined_burst_r(burst_r: float, ppl: float) -> float:
    """BurstR as far as G.107 defines it: 1 to 2, and where less than 2 per cent are lost up to 8 (table 3)."""
    return min(max(1.0, burst_r), 8.0 if ppl < 2 else 2.0)


def mos_of(r: float, scale: str = NARROWBAND) -> float:
    """MOS-CQE of a rating (G.107 equation B-4; G.107.1 A-1 and A-2; G.107.2 annex A), never below 1."""
    rx = r / R_SPAN[scale]
    if rx <= 0:
        return 1.0
    if rx >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * rx + rx * (rx - 60) * (100 - rx) * 7e-6)


def rating_of(mos: float, scale: str = NARROWBAND) -> float:
    """The rating that `mos_of` maps to *mos* (G.107 appendix I), from 6.5 (times `R_SPAN`) up.

    Args:
        mos: 1 to 4.5; what is beyond is taken for the nearest.
    """
    value = min(max(mos, 1.0), 4.5)
    x = 18566 - 6750 * value
    y = 15 * math.sqrt(max(0.0, -903522 + 1113960 * value - 202500 * value**2))  # (I-2)
    h = math.atan2(y, x) / 3
    rx = 20 / 3 * (8 - math.sqrt(226) * math.cos(h + math.pi / 3))  # (I-1)
    return min(max(rx, 6.5), 100.0) * R_SPAN[scale]


def validate_line(*, ie: float, bpl: float, ppl: float, delays: tuple[float, ...]) -> None:
    """Raise ParameterError where a parameter that all models have would break an equation."""
    if not all(math.isfinite(v) for v in (*delays, ie, ppl)):
        raise ParameterError("delays, Ie and Ppl of the E-model must be finite")
    if min(delays) < 0:
        raise ParameterError(f"delays must be 0 ms or more, got {', '.join(f'{each:g}' for each in delays)}")
    if not 0 <= ppl <= 100:
        raise ParameterError(f"Ppl must be 0 to 100 per cent, got {ppl}")
    if not bpl > 0:
        raise ParameterError(f"Bpl must be above 0, got {bpl}")
