"""From which frequency to which the speech reaches.

Measures: `band_low_hz` and `band_high_hz`, where the mean spectrum of the speech, averaged over 250 Hz, leaves the band in
which it is within 25 dB (below) and 50 dB (above) of its peak. Noise under the speech counts as if it were speech.
Source: own definition. Of 18 speakers at 16 kHz each reached -39 dB or more of its peak above 4.3 kHz, through Opus
too; the same at 8 kHz, brought to 16 kHz, -77 dB at most (see docs/verdicts.md).
"""

import numpy as np

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.checks.features import Features

LOW_DB, HIGH_DB = 25.0, 50.0
LOWEST_HZ = 100.0
"""Below it is hum."""
SMOOTH_LINES = 5
NARROW_HZ = 4300.0
PROMISE_HZ = 12_000
"""A file at this rate or higher could hold more."""
LEAST_S = 2.0
"""So much speech there must be."""


def edges_hz(features: Features) -> tuple[float, float] | None:
    """Lower and upper edge of the band; None for too little speech."""
    spectrum = features.speech_spectrum
    if spectrum is None or features.speech_s < LEAST_S:
        return None
    lowest = round(LOWEST_HZ / features.line_hz)
    kernel = np.full(SMOOTH_LINES, 1.0 / SMOOTH_LINES)
    smooth = np.convolve(spectrum, kernel, "same")
    smooth[:lowest] = 0.0
    peak = float(smooth.max())
    low = np.flatnonzero(smooth >= peak * 10.0 ** (-LOW_DB / 10.0))
    high = np.flatnonzero(smooth >= peak * 10.0 ** (-HIGH_DB / 10.0))
    return float(low[0] * features.line_hz), float(high[-1] * features.line_hz)


def _is_narrow(features: Features) -> bool:
    edges = edges_hz(features)
    return edges is not None and edges[1] <= NARROW_HZ


def run(evidence: Evidence) -> Finding:
    """Find the edges; say so where the rate promises more."""
    heard = evidence.heard
    edges = edges_hz(heard)
    if edges is None:
        return Finding({"band_low_hz": None, "band_high_hz": None})
    figures = {"band_low_hz": edges[0], "band_high_hz": edges[1]}
    if heard.sample_rate_hz < PROMISE_HZ or edges[1] > NARROW_HZ:
        return Finding(figures)
    said = evidence.said
    if said is not None and not evidence.unrelated and (said.sample_rate_hz < PROMISE_HZ or _is_narrow(said)):
        return Finding(figures, notes=("The reference has no more than a telephone's band, either.",))
    note = f"The speech ends at {edges[1] / 1000:.1f} kHz; the file could hold {heard.sample_rate_hz / 2000:g} kHz."
    return Finding(figures, ("narrow-band",), notes=(note,))


SPECS = (
    CheckSpec(
        name="band-limit",
        figures={
            "band_low_hz": Figure(
                "Hz",
                "Lowest frequency of the speech that was found, 100 Hz at least. A telephone cuts at 300 Hz.",
            ),
            "band_high_hz": Figure(
                "Hz",
                "Highest frequency of the speech that was found: about 3400 Hz on a telephone, 7000 Hz in wideband.",
            ),
        },
        verdicts=(
            Verdict(
                "narrow-band",
                "the speech sounds like on an old telephone although the file could hold more",
                f"nothing above {NARROW_HZ:g} Hz comes within {HIGH_DB:g} dB of the speech's strongest part, at a sample rate of "
                f"{PROMISE_HZ:g} Hz or more; with a reference: and it does there",
            ),
        ),
        needs_reference=False,
        run=run,
    ),
)
