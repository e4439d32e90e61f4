"""Whether there is a noise where somebody should speak: the line is up and lets no speech through.

Conventions: *spread* is what lies between the level in the voice band that a tenth of the 50 ms pieces stay below and the
one that a tenth exceed. Noise has its power in many lines 50 Hz apart, a tone or hum in few.
Measures: `speech_s`, `spread_db`.
Source: own definition, measured on noises and on real speech (see docs/verdicts.md).
"""

import numpy as np
from numpy.typing import NDArray

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.checks.features import ABOVE_FLOOR_DB, LEAST_POWER, SMOOTH_FRAMES, Features, Floats
from dsp.level import SILENT_S

LEAST_S = 3.0
"""Shorter recordings are not judged where nobody knows whether there should be speech."""
SAID_S = 1.0
"""So much speech in the reference must be missed."""
MOST_SPEECH_S = 0.1
MOST_SHARE = 0.02
"""What may be mistaken for speech: this long, or this share of the time."""
MOST_SPREAD_DB = 6.0
LOWEST_HZ = 100.0
LEAST_LINES = 6
"""In so many lines at least is half of a noise's power."""


def _spread_db(features: Features) -> float | None:
    """Between the tenth and the nine tenths of the levels of 50 ms that are not digital silence."""
    power, _ = _pieces(features)
    if power.size < 10:
        return None
    low, high = np.quantile(power, (0.1, 0.9))
    return float(10.0 * np.log10(high / low))


def _speech_s(features: Features) -> float:
    """How long it stands out of what is usual: a noise that begins does not."""
    power, active = _pieces(features)
    if not power.size:
        return 0.0
    out = active & (power > np.median(power) * 10.0 ** (ABOVE_FLOOR_DB / 10.0))
    return float(np.count_nonzero(out)) * SMOOTH_FRAMES * features.frame_s


def _pieces(features: Features) -> tuple[Floats, NDArray[np.bool_]]:
    """Power in the voice band of each 50 ms that is not digital silence, and whether most of it is active."""
    count = features.frames // SMOOTH_FRAMES
    size = count * SMOOTH_FRAMES
    power = features.voice_power[:size].reshape(count, SMOOTH_FRAMES).mean(axis=1)
    active = features.active[:size].reshape(count, SMOOTH_FRAMES).sum(axis=1) > SMOOTH_FRAMES // 2
    sounding = power > LEAST_POWER
    return power[sounding], active[sounding]


def _is_noise(features: Features) -> bool:
    """Whether half of the power is in many lines."""
    spectrum = features.pause_spectrum
    if spectrum is None or not spectrum.any():
        return False
    highest = np.sort(spectrum[round(LOWEST_HZ / features.line_hz) :])[::-1]
    lines = int(np.searchsorted(np.cumsum(highest), highest.sum() / 2.0)) + 1
    return lines >= LEAST_LINES


def run(evidence: Evidence) -> Finding:
    """Look for speech, and at what is there without it."""
    heard = evidence.heard
    speech_s = float(np.count_nonzero(heard.active)) * heard.frame_s
    spread_db = _spread_db(heard)
    figures = {"speech_s": speech_s, "spread_db": spread_db}
    missed = heard.seconds >= LEAST_S if evidence.said is None else evidence.said.speech_s >= SAID_S
    if (
        missed
        and heard.level.sounding_s >= SILENT_S
        and _speech_s(heard) <= max(MOST_SPEECH_S, MOST_SHARE * heard.seconds)
        and spread_db is not None
        and spread_db <= MOST_SPREAD_DB
        and _is_noise(heard)
    ):
        level = heard.level.long_term_dbov
        note = f"Nothing but a steady noise of {level:.0f} dBov is heard." if level is not None else ""
        return Finding(figures, ("comfort-noise",), notes=(note,) if note else ())
    return Finding(figures)


SPECS = (
    CheckSpec(
        name="comfort-noise",
        figures={
            "speech_s": Figure("s", "How long somebody is heard speaking, pauses left out."),
            "spread_db": Figure(
                "dB",
                "How far loud and quiet moments lie apart. Speech has 20 and more, a steady noise 1 to 3.",
            ),
        },
        verdicts=(
            Verdict(
                "comfort-noise",
                "a steady noise is heard where somebody should speak",
                f"at most {MOST_SPEECH_S:g} s (or {100 * MOST_SHARE:g} % of the time) stands {ABOVE_FLOOR_DB:g} dB out; levels "
                f"within {MOST_SPREAD_DB:g} dB; half of the power above {LOWEST_HZ:g} Hz in {LEAST_LINES} or more lines of 50 Hz; "
                f"with a reference: {SAID_S:g} s or more of speech in it; without: the recording lasts {LEAST_S:g} s or longer",
            ),
        ),
        needs_reference=False,
        run=run,
    ),
)
