"""Background noise under the speech.

Conventions: noise is what is left, within 2 s, in the quietest 50 ms between words or sounds, in the telephone band (300 to
3400 Hz); the mean over all speech counts. The least of so many pieces lies under their mean: `BIAS_DB` is added.
Measures: `noise_dbov`, `snr_db`.
Source: ITU-T G.107 (06/2015), equations 7-3 to 7-7: with all else at its default, noise of -52.6 dBm0p takes R from 93 to 80, the
border between satisfied and some dissatisfied listeners (ITU-T G.109, table 1). White noise of 3.1 kHz weighs
2.5 dB less in psophometric measure (ITU-T O.41), 0 dBm0 is -6.15 dBov (ITU-T G.711) and speech has -26 dBov, so
that noise is 30 dB below the speech.
"""

import math

import numpy as np

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.checks.features import Features

NOISE_DB = 30.0
BIAS_DB = 1.0
"""The least of what is within 2 s of white noise, measured at 8, 16 and 48 kHz: 0.95 to 1.05 dB under the mean."""
LEAST_S = 0.5
"""So much speech there must be."""
CONTEXT_S, PAUSE_S = 5.0, 0.2
"""So long a recording, or so much of pauses in it: else there may be no moment without speech in it."""
WORSE_DB = 3.0
"""With a reference: by so much its ratio must be better."""


def noise_dbov(features: Features) -> float | None:
    """Level in the telephone band; None where there is nothing, or digital silence between words."""
    where = features.speech if features.speech.any() else slice(None)
    power = float(features.floor_power[where].mean(dtype=np.float64)) if features.frames else 0.0
    return 10.0 * math.log10(power) + BIAS_DB if power > 1e-12 else None


def snr_db(features: Features) -> float | None:
    """Active speech level without the noise, less the noise; None without speech or without noise."""
    noise, level = noise_dbov(features), features.level.level_dbov
    if noise is None or level is None or features.speech_s < LEAST_S:
        return None
    if features.seconds < CONTEXT_S and np.count_nonzero(features.pause) * features.frame_s < PAUSE_S:
        return None
    speech = max(10.0 ** (level / 10.0) - 10.0 ** (noise / 10.0), 1e-12)
    return 10.0 * math.log10(speech) - noise


def run(evidence: Evidence) -> Finding:
    """Hold the noise against the speech."""
    ratio = snr_db(evidence.heard)
    figures = {"noise_dbov": noise_dbov(evidence.heard), "snr_db": ratio}
    if ratio is None or ratio >= NOISE_DB:
        return Finding(figures)
    if evidence.said is not None and not evidence.unrelated:
        before = snr_db(evidence.said)
        if before is not None and before < ratio + WORSE_DB:
            return Finding(
                figures, notes=(f"The reference has as much noise: {before:.0f} dB under its speech.",)
            )
    return Finding(figures, ("noise",), notes=(f"The noise is only {ratio:.0f} dB quieter than the speech.",))


SPECS = (
    CheckSpec(
        name="noise",
        figures={
            "noise_dbov": Figure(
                "dBov",
                "How loud the background is between words, in the band that a telephone carries. -70 is a quiet room.",
            ),
            "snr_db": Figure(
                "dB",
                "How far the speech stands above that. 40 is clean, at 20 it is tiring, at 10 words get lost.",
            ),
        },
        verdicts=(
            Verdict(
                "noise",
                "there is a noise under the speech",
                f"speech less than {NOISE_DB:g} dB above the noise, in {CONTEXT_S:g} s or longer or with {PAUSE_S:g} s of pauses; "
                f"with a reference: and {WORSE_DB:g} dB or more worse than there",
            ),
        ),
        needs_reference=False,
        run=run,
    ),
)
