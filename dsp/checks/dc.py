"""A constant offset: the middle of the wave is not zero.

Measures: `dc_pct`, of full scale; `dc_db`, against the speech.
Source: ITU-T P.56 measures the mean square, so an offset adds to it: where its power is an eighth of that of the speech
(-9 dB) the level reads 0.5 dB too high.
"""

import math

import numpy as np

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.checks.features import Features

LIMIT_DB = -9.0
LEAST_SHARE = 0.001
"""Of full scale (-60 dBov): less is silence."""
LEAST_S = 1.0


def relative_db(features: Features) -> float | None:
    """The offset's level less that of the speech without it; None without speech or without an offset."""
    offset = features.level.dc
    if not features.active.any() or offset == 0.0:
        return None
    mean = features.mean[features.active].astype(np.float64)
    speech = float((features.power[features.active] - mean**2).mean())
    return 10.0 * math.log10(offset**2 / speech) if speech > 0.0 else None


def run(evidence: Evidence) -> Finding:
    """Hold the mean against the speech."""
    heard = evidence.heard
    against = relative_db(heard)
    figures = {"dc_pct": 100.0 * heard.level.dc, "dc_db": against}
    if heard.seconds < LEAST_S or against is None or against < LIMIT_DB or abs(heard.level.dc) < LEAST_SHARE:
        return Finding(figures)
    if evidence.said is not None and not evidence.unrelated:
        before = relative_db(evidence.said)
        if before is not None and before >= LIMIT_DB:
            return Finding(figures, notes=("The offset is in the reference, too.",))
    note = f"The wave is shifted by {figures['dc_pct']:.1f} % of full scale, {against:.0f} dB against the speech."
    return Finding(figures, ("dc-offset",), notes=(note,))


SPECS = (
    CheckSpec(
        name="dc",
        figures={
            "dc_pct": Figure(
                "%",
                "How far the middle of the wave is from zero, as a share of the loudest possible. It is not heard itself, but "
                "it takes room from the speech and makes a click wherever sound begins or ends.",
            ),
            "dc_db": Figure(
                "dB",
                "How strong that offset is against the speech; -9 already makes the level read 0.5 dB too high.",
            ),
        },
        verdicts=(
            Verdict(
                "dc-offset",
                "the wave is shifted off its middle, by a faulty sound card or converter",
                f"mean of all samples {LIMIT_DB:g} dB or more against the active speech, and at least {100 * LEAST_SHARE:g} % "
                f"of full scale, in {LEAST_S:g} s or longer",
            ),
        ),
        needs_reference=False,
        run=run,
    ),
)
