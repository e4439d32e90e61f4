"""The E-model of one direction of a call: which Recommendation, which equipment figures, which delay.

Conventions: delays in ms, losses in per cent. Narrowband calls are rated by ITU-T G.107, wideband by G.107.1, fullband by
G.107.2; `CallRating.model` names the scale, and ratings of two scales are not compared (docs/e-model.md).
"""

from dataclasses import replace
from typing import TypedDict

from dsp.emodel_terms import (
    FULLBAND,
    NARROWBAND,
    WIDEBAND,
    Equipment,
    Rating,
    defined_burst_r,
)
from dsp.metrics import emodel, emodel_fullband, emodel_wideband
from dsp.metrics.equipment import equipment_of
from dsp.metrics.equipment_derived import DERIVED

BEST_BPL = {NARROWBAND: 25.1, WIDEBAND: 25.1, FULLBAND: 13.0}
"""With Ie of 0 it stands in for a codec that no table holds, so that the rating is of the line alone: G.711 with concealment,
and EVS at 9.6 kb/s, the most robust that G.113 knows of each scale (narrowband's for wideband, where it has few)."""
OPUS_WIDEBAND_FROM_BPS = 12_000
"""Below, Opus codes speech narrowband at most intervals, whatever its sample rate."""
NONE, DERIVED_HERE, ITU = "none", "derived", "G.113"


class CallRating(TypedDict):
    """E-model of one direction of a call, as printed."""

    model: str
    """The scale: "G.107", "G.107.1" or "G.107.2"."""
    r: float
    mos_cq: float
    grounded: bool
    """Whether ITU tables hold all figures of the codec that the rating is made with."""
    equipment: str
    """Where they are from: "G.113", "derived" (docs/e-model.md) or "none"."""
    one_way_delay_ms: float
    ie: float
    bpl: float
    burst_r: float
    """BurstR that the rating is made with: 1 except in G.107, and kept to what that defines."""


def scale_of(
    codec: str | None = None, bit_rate_bps: int | None = None, sample_rate_hz: int | None = None
) -> str:
    """The Recommendation that rates *codec*: by the band it carries.

    Args:
        codec: its name in our registry, or of RFC 3551; None: unknown.
        bit_rate_bps: None: unknown.
        sample_rate_hz: of its samples; None: what its equipment figures are for, else narrowband.
    """
    if sample_rate_hz is None:
        found = None if codec is None else equipment_for(codec, None, bit_rate_bps)
        return NARROWBAND if found is None else found.scale
    if sample_rate_hz < 16_000:
        return NARROWBAND
    if sample_rate_hz >= 32_000:
        return FULLBAND
    is_thin = codec == "opus" and bit_rate_bps is not None and bit_rate_bps < OPUS_WIDEBAND_FROM_BPS
    return NARROWBAND if is_thin else WIDEBAND


def equipment_for(
    codec: str, scale: str | None, bit_rate_bps: int | None = None, packet_ms: float | None = None
) -> Equipment | None:
    """The figures of *codec* on *scale* (None: any): the ITU's, whose Bpl may be None; else derived; else None."""
    published = equipment_of(codec, bit_rate_bps, packet_ms)
    if published is not None and scale in (None, published.scale):
        return published
    return _derived(codec, bit_rate_bps, packet_ms, scale)


def _derived(
    codec: str, bit_rate_bps: int | None, packet_ms: float | None, scale: str | None
) -> Equipment | None:
    """Between two bit rates that were measured in proportion, beyond them the nearest; of the nearest packet interval."""
    rows = [each for each in DERIVED if each.codec == codec and scale in (None, each.scale)]
    if not rows:
        return None
    interval = min((each.packet_ms or 0 for each in rows), key=lambda each: abs(each - (packet_ms or 0)))
    rows = sorted(
        (each for each in rows if (each.packet_ms or 0) == interval), key=lambda each: each.bit_rate_bps or 0
    )
    if bit_rate_bps is None:
        return rows[0] if len(rows) == 1 else None
    below = [each for each in rows if (each.bit_rate_bps or 0) <= bit_rate_bps]
    above = [each for each in rows if (each.bit_rate_bps or 0) >= bit_rate_bps]
    if not below or not above:
        return (below or above)[-1 if below else 0]
    low, high = below[-1], above[0]
    low_bps, high_bps = low.bit_rate_bps or 0, high.bit_rate_bps or 0
    share = 0.0 if high_bps == low_bps else (bit_rate_bps - low_bps) / (high_bps - low_bps)
    bpl = None if low.bpl is None or high.bpl is None else low.bpl + share * (high.bpl - low.bpl)
    return replace(low, ie=low.ie + share * (high.ie - low.ie), bpl=bpl, bit_rate_bps=bit_rate_bps)


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
    codec: str | None = None,
    bit_rate_bps: int | None = None,
    sample_rate_hz: int | None = None,
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
            counts as 1, and only G.107 has a use for it.
        equipment: (Ie, Bpl) that the ITU has published for the codec, on the scale chosen; None: looked up by its name.
        codec: its name, see `scale_of`; None: unknown.
        bit_rate_bps: of the codec.
        sample_rate_hz: of the codec's samples; it chooses the Recommendation.

    Raises:
        ParameterError: for negative delays or loss outside 0 to 100.
    """
    delay_ms = (rtt_ms or 0.0) / 2 + (playout_delay_ms or 0.0) + packet_ms + codec_delay_ms
    ppl = min(100.0, (loss_pct or 0.0) + (discard_pct or 0.0))
    scale = scale_of(codec, bit_rate_bps, sample_rate_hz)
    found = None if codec is None else equipment_for(codec, scale, bit_rate_bps, packet_ms)
    if equipment is None:
        ie, bpl, origin = _figures(found, codec, bit_rate_bps, packet_ms, scale, ppl)
    else:
        ie, bpl, origin = *equipment, ITU
    burst = defined_burst_r(burst_r, ppl) if scale == NARROWBAND else 1.0
    result = _rated(scale, delay_ms, ie=ie, bpl=bpl, ppl=ppl, burst_r=burst)
    return CallRating(
        model=scale,
        r=round(result.r, 2),
        mos_cq=round(result.mos, 3),
        grounded=origin == ITU,
        equipment=origin,
        one_way_delay_ms=round(delay_ms, 1),
        ie=round(ie, 2),
        bpl=round(bpl, 2),
        burst_r=round(burst, 2),
    )


def _figures(
    found: Equipment | None,
    codec: str | None,
    bit_rate_bps: int | None,
    packet_ms: float,
    scale: str,
    ppl: float,
) -> tuple[float, float, str]:
    """Ie, Bpl, and where they are from; a Bpl that no loss asks for takes nothing from what is published."""
    if found is None or codec is None:
        return 0.0, BEST_BPL[scale], NONE
    origin = ITU if found.published else DERIVED_HERE
    if found.bpl is not None:
        return found.ie, found.bpl, origin
    own = _derived(codec, bit_rate_bps, packet_ms, scale)
    if own is not None and own.bpl is not None:
        return found.ie, own.bpl, DERIVED_HERE if ppl > 0 else origin
    return found.ie, BEST_BPL[scale], NONE if ppl > 0 else origin


def _rated(scale: str, delay_ms: float, *, ie: float, bpl: float, ppl: float, burst_r: float) -> Rating:
    # The echo a caller hears of himself comes back over the whole path: T = Ta, Tr = 2 T.
    if scale == FULLBAND:
        return emodel_fullband.rating(
            emodel_fullband.FullbandConnection(ta=delay_ms, ie=ie, bpl=bpl, ppl=ppl)
        )
    if scale == WIDEBAND:
        return emodel_wideband.rating(
            emodel_wideband.WidebandConnection(
                t=delay_ms, tr=2 * delay_ms, ta=delay_ms, ie=ie, bpl=bpl, ppl=ppl
            )
        )
    return emodel.rating(
        emodel.Connection(t=delay_ms, tr=2 * delay_ms, ta=delay_ms, ie=ie, bpl=bpl, ppl=ppl, burst_r=burst_r)
    )
