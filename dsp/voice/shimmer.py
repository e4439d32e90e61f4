"""Shimmer: how much the strength of a cycle differs from that of its neighbours.

*Source*: as defined in dsp.phonation.perturbation; cycles and their amplitudes as in dsp.phonation.pulses.
"""

import numpy as np

from dsp.phonation.perturbation import AMPLITUDE_FACTOR, shimmer_of
from dsp.phonation.pitch_settings import PitchSettings
from dsp.phonation.pulses import LONGEST_PERIOD_S, PERIOD_FACTOR, SHORTEST_PERIOD_S
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings

LEAST_AMPLITUDES = 2
"""Fewer have no neighbours to differ from."""


def shimmer(phonation: Phonation) -> dict[str, Value]:
    """All kinds; None for one that needs more neighbours than there are."""
    amplitudes = int(np.count_nonzero(phonation.pulses.amplitude))
    if amplitudes < LEAST_AMPLITUDES:
        raise MeasureRefused(
            f"shimmer needs {LEAST_AMPLITUDES + 2} cycles of a voice in a row at least, found {phonation.pulses.times_s.size}"
        )
    found = shimmer_of(phonation.pulses)
    return {
        "shimmer_local_pct": found.local_pct,
        "shimmer_local_db": found.local_db,
        "shimmer_apq3_pct": found.apq3_pct,
        "shimmer_apq5_pct": found.apq5_pct,
        "shimmer_apq11_pct": found.apq11_pct,
        "shimmer_dda_pct": found.dda_pct,
    }


def settings(chosen: VoiceSettings) -> dict[str, Value | str]:
    """The pitch along which cycles are found, and the limits of periods and amplitudes."""
    return {
        **PitchSettings(chosen.pitch_floor_hz, chosen.pitch_ceiling_hz).echo(),
        "shortest_period_s": SHORTEST_PERIOD_S,
        "longest_period_s": LONGEST_PERIOD_S,
        "period_factor": PERIOD_FACTOR,
        "amplitude_factor": AMPLITUDE_FACTOR,
    }


FIGURES = {
    "shimmer_local_pct": Figure(
        "shimmer (local)",
        "%",
        "How much the strength of a vibration differs from that of the next one. Small in a steady voice; it grows with "
        "roughness and breath.",
        2,
    ),
    "shimmer_local_db": Figure("shimmer (local, dB)", "dB", "The same as a difference in level.", 3),
    "shimmer_apq3_pct": Figure(
        "shimmer (APQ3)",
        "%",
        "Difference of a vibration from the mean of three: slow changes of loudness count less.",
        2,
    ),
    "shimmer_apq5_pct": Figure("shimmer (APQ5)", "%", "The same with the mean of five.", 2),
    "shimmer_apq11_pct": Figure(
        "shimmer (APQ11)", "%", "The same with the mean of eleven: of tremor and swelling more is left.", 2
    ),
    "shimmer_dda_pct": Figure("shimmer (DDA)", "%", "Three times APQ3, as some programs report it.", 2),
}

SPECS = (
    VoiceMeasure(
        name="shimmer",
        figures=FIGURES,
        task="vowel",
        run=shimmer,
        settings=settings,
        source="Boersma 2009 for the cycles; the manual of Praat, PointProcess: Get shimmer (local)",
        perturbation=True,
        order=30,
    ),
)
