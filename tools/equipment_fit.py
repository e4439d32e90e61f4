"""From mean MOS-LQO to equipment figures, after ITU-T P.834 (06/2015) and P.834.1 (04/2009) as far as they go.

1. The mean MOS of a condition, brought to a scale that ends at 4.5, becomes a rating by the inverse of the E-model's mapping.
2. The raw impairment is the rating of the reference condition minus it.
3. A straight line through the anchors, conditions that the ITU has figures of, brings raw impairments to the ITU's scale.
4. Without losses that is Ie, never below 0. Under losses it is Ie,eff, and Bpl is what fits these best (least squares).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dsp.emodel_terms import BEST_RATING, NARROWBAND, WIDEBAND, Equipment, effective_equipment, rating_of
from dsp.metrics.equipment import G113
from dsp.metrics.pesq import BEST_NARROW, BEST_WIDE
from tools.equipment_rows import NARROW, OURS, WIDE, Measured

SCALES = {NARROW: NARROWBAND, WIDE: WIDEBAND}
BEST_MOS = {"pesq_nb": BEST_NARROW, "pesq_wb": BEST_WIDE, "visqol": 5.0}
WITNESS = "visqol"
REFERENCE = {NARROW: "pcmu@10", WIDE: "direct"}
BAND_LOSS = BEST_RATING[WIDEBAND] - BEST_RATING[NARROWBAND]
"""What a narrowband connection loses on the wideband scale, by the way that scale was made: 35.8."""
PUBLISHED = {
    NARROW: {
        "pcmu@10": ("pcmu", 64_000), "pcmu-silence@10": ("g711-unconcealed", 64_000),
        "g726:40000": ("g726", 40_000), "g726:32000": ("g726", 32_000), "g726:24000": ("g726", 24_000),
        "g726:16000": ("g726", 16_000), "g723.1:6300@30": ("g723.1", 6300), "amr:12200@20": ("gsm-efr", 12_200),
        "amr:7400@20": ("is-641", 7400),
    },
    WIDE: {
        "g722:64000": ("g722", 64_000), "g722:56000": ("g722", 56_000), "g722:48000": ("g722", 48_000),
        "pcmu@20": ("pcmu", 64_000), "g726:32000": ("g726", 32_000), "g723.1:6300@30": ("g723.1", 6300),
    },
}  # fmt: skip
"""Scale -> anchor as it was measured -> codec and bit rate of its row in G.113."""
FIXED_BPS = {"g722": 64_000, "l16": 128_000, "l16-wb": 256_000}
SAME = ("pcmu-silence@10",)
"""Without loss it is another anchor once more."""
LINEAR = "l16"
"""Samples as they are: what Ie is counted from, so 0 by definition."""
LEAST_BPL, MOST_BPL = 0.5, 100.0


@dataclass(frozen=True, slots=True)
class Anchor:
    """One anchor: what the ITU says, and what comes out here."""

    scale: str
    condition: str
    loss_pct: float
    published: float
    """Ie, or Ie,eff under loss."""
    raw: float
    derived: float


@dataclass(frozen=True, slots=True)
class Line:
    """Ie = slope * raw + offset."""

    slope: float
    offset: float

    def __call__(self, raw: float) -> float:
        """The impairment of a raw one, on the ITU's scale."""
        return self.slope * raw + self.offset


@dataclass(frozen=True, slots=True)
class Fitted:
    """Equipment figures of one condition, and how far its losses are from their curve."""

    condition: str
    equipment: Equipment
    rms: float
    """Of Ie,eff, measured minus fitted, over the losses."""
    impairments: tuple[tuple[float, float], ...]
    """(per cent lost, Ie,eff)."""


def raw_impairments(rows: Iterable[Measured]) -> dict[tuple[str, str, float], float]:
    """(scale, condition, loss) -> raw impairment."""
    ratings = {
        (row.scale, row.condition, row.loss_pct): rating_of(
            1 + (row.mos - 1) * 3.5 / (BEST_MOS[row.metric] - 1), SCALES[row.scale]
        )
        for row in rows
    }
    return {key: ratings[key[0], REFERENCE[key[0]], 0.0] - value for key, value in ratings.items()}


def published_of(scale: str, condition: str, loss_pct: float) -> float | None:
    """What G.113 says of an anchor at a loss; None where it says nothing."""
    if condition == "direct":
        return 0.0
    codec, bit_rate = PUBLISHED[scale][condition]
    row = next(each for each in G113 if (each.codec, each.bit_rate_bps) == (codec, bit_rate))
    extra = BAND_LOSS if scale != NARROW and row.scale == NARROWBAND else 0.0
    if loss_pct == 0:
        return row.ie + extra
    return None if row.bpl is None or extra else effective_equipment(row.ie, row.bpl, loss_pct)


def anchors_of(rows: Sequence[Measured]) -> tuple[dict[str, Line], list[Anchor]]:
    """The line of each scale, and every anchor with what the line makes of it; anchors without losses only make the line."""
    raw = raw_impairments(rows)
    lines: dict[str, Line] = {}
    found: list[Anchor] = []
    for scale in SCALES:
        known = [
            (row, wanted)
            for row in rows
            if row.scale == scale and row.condition in {*PUBLISHED[scale], "direct"}
            if (wanted := published_of(scale, row.condition, row.lost_pct)) is not None
        ]
        known = [(row, wanted) for row, wanted in known if row.loss_pct > 0 or row.condition not in SAME]
        pairs = [
            (raw[scale, row.condition, row.loss_pct], wanted) for row, wanted in known if row.loss_pct == 0
        ]
        x, y = np.array(pairs).T
        slope, offset = np.polyfit(x, y, 1)
        line = lines[scale] = Line(round(float(slope), 4), round(float(offset), 4))
        found += [
            Anchor(
                scale, row.condition, row.lost_pct, wanted,
                raw[scale, row.condition, row.loss_pct], line(raw[scale, row.condition, row.loss_pct]),
            )
            for row, wanted in known
        ]  # fmt: skip
    return lines, found


def fitted_bpl(ie: float, impairments: Sequence[tuple[float, float]]) -> float:
    """The Bpl whose curve from *ie* is nearest to *impairments*, (per cent lost, Ie,eff)."""
    candidates = np.geomspace(LEAST_BPL, MOST_BPL, 2001)
    lost, wanted = (np.array(each) for each in zip(*impairments, strict=True))
    curves = ie + (95 - ie) * lost / (lost + candidates[:, None])
    errors = np.sum((curves - wanted) ** 2, axis=1)
    return float(candidates[int(np.argmin(errors))])


def fitted(rows: Sequence[Measured], scale: str, condition: str, line: Line) -> Fitted:
    """Ie and Bpl of a condition that was measured with and without losses."""
    raw = raw_impairments(rows)
    mine = [row for row in rows if (row.scale, row.condition) == (scale, condition)]
    points = [(row.lost_pct, line(raw[scale, condition, row.loss_pct])) for row in mine]
    ie = round(max(0.0, next(value for lost, value in points if lost == 0)), 1)
    if condition.startswith(LINEAR):
        ie = 0.0
    lossy = [(lost, value) for lost, value in points if lost > 0]
    bpl = round(fitted_bpl(ie, lossy), 1)
    errors = [value - effective_equipment(ie, bpl, lost) for lost, value in lossy]
    name, _, interval = condition.partition("@")
    codec, _, rate = name.partition(":")
    if not rate:
        rate = str(FIXED_BPS.get(codec, ""))
    equipment = Equipment(
        codec, SCALES[scale], ie, bpl, "docs/e-model.md", int(rate) if rate else None, int(interval), published=False
    )  # fmt: skip
    return Fitted(condition, equipment, float(np.sqrt(np.mean(np.square(errors)))), tuple(points))


def robust_anchors(rows: Sequence[Measured], lines: dict[str, Line]) -> list[tuple[str, float, float]]:
    """(anchor, Bpl as published, Bpl as fitted) of those anchors that the ITU has a Bpl of."""
    found = []
    for condition, row in PUBLISHED[NARROW].items():
        bpl = next(each.bpl for each in G113 if (each.codec, each.bit_rate_bps) == row)
        if bpl is not None:
            own = fitted(rows, NARROW, condition, lines[NARROW]).equipment.bpl
            found.append((condition, bpl, own or 0.0))
    return found


@dataclass(frozen=True, slots=True)
class Derived:
    """All that comes of the measurements."""

    lines: dict[str, Line]
    anchors: list[Anchor]
    """Without loss and, where the ITU has a Bpl, with."""
    robust: list[tuple[str, float, float]]
    """Anchor, its Bpl as published, as fitted."""
    codecs: list[Fitted]
    """Of ours."""
    witness: dict[tuple[str, str], float]
    """(scale, condition) -> Ie by the second metric, anchored in the same way."""


def derive(rows: Sequence[Measured]) -> Derived:
    """Fit PESQ's rows, and those of the second metric beside them."""
    first = [row for row in rows if row.metric != WITNESS]
    second = [row for row in rows if row.metric == WITNESS]
    lines, anchors = anchors_of(first)
    others, _ = anchors_of(second)
    raw = raw_impairments(second)
    return Derived(
        lines=lines,
        anchors=anchors,
        robust=robust_anchors(first, lines),
        codecs=[fitted(first, scale, each, lines[scale]) for scale, names in OURS.items() for each in names],
        witness={
            (scale, condition): max(0.0, others[scale](value)) for (scale, condition, _), value in raw.items()
        },
    )
