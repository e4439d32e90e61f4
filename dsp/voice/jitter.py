"""Jitter: how much the length of a cycle differs from that of its neighbours.

*Source*: as defined in dsp.phonation.perturbation; cycles as in dsp.phonation.pulses.
"""

from dsp.phonation.perturbation import jitter_of
from dsp.phonation.pitch_settings import PitchSettings
from dsp.phonation.pulses import LONGEST_PERIOD_S, PERIOD_FACTOR, SHORTEST_PERIOD_S
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

LEAST_PERIODS = 2
"""Fewer have no neighbours to differ from."""


def jitter(phonation: Phonation) -> dict[str, Value]:
    """All kinds; None for one that needs more neighbours than there are."""
    periods = phonation.pulses.periods_s.size
    if periods < LEAST_PERIODS:
        raise MeasureRefused(
            f"jitter needs {LEAST_PERIODS + 1} cycles of a voice at least, found {phonation.pulses.times_s.size}"
        )
    found = jitter_of(phonation.pulses)
    return {
        "jitter_local_pct": found.local_pct,
        "jitter_local_abs_us": found.local_abs_us,
        "jitter_rap_pct": found.rap_pct,
        "jitter_ppq5_pct": found.ppq5_pct,
        "jitter_ddp_pct": found.ddp_pct,
    }


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """The pitch along which cycles are found, and the limits of a period."""
    return {
        **PitchSettings(chosen.pitch_floor_hz, chosen.pitch_ceiling_hz).echo(),
        "shortest_period_s": SHORTEST_PERIOD_S,
        "longest_period_s": LONGEST_PERIOD_S,
        "period_factor": PERIOD_FACTOR,
    }


FIGURES = {
    "jitter_local_pct": Figure(
        "jitter (local)",
        "%",
        "How much the length of a vibration differs from that of the next one. Small in a steady voice; it grows with roughness.",
        3,
    ),
    "jitter_local_abs_us": Figure(
        "jitter (local, absolute)", "µs", "The same in microseconds; low voices have more of it.", 1
    ),
    "jitter_rap_pct": Figure(
        "jitter (RAP)",
        "%",
        "Difference of a vibration from the mean of three: slow changes of pitch count less.",
        3,
    ),
    "jitter_ppq5_pct": Figure(
        "jitter (PPQ5)",
        "%",
        "Difference of a vibration from the mean of five: slow changes of pitch count even less.",
        3,
    ),
    "jitter_ddp_pct": Figure("jitter (DDP)", "%", "Three times RAP, as some programs report it.", 3),
}

SPECS = (
    VoiceMeasure(
        name="jitter",
        figures=FIGURES,
        task="vowel",
        run=jitter,
        settings=settings,
        source="Boersma 2009, Should jitter be measured by peak picking or by waveform matching?",
        perturbation=True,
        order=20,
    ),
)
