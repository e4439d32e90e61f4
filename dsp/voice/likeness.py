"""How alike the first two channels are: coherence, correlation and the lag between them. Exploratory.

*Source*: G. C. Carter, "Coherence and time delay estimation", Proceedings of the IEEE 75(2), 1987
(see dsp.phonation.likeness). No norms.
"""

from typing import Any

from dsp.phonation.likeness import BAND_HZ, MOST_LAG_S
from dsp.voice.base import Figure, MeasureRefused, Phonation, Value, VoiceMeasure, VoiceSettings


def likeness(phonation: Phonation) -> dict[str, Value]:
    """Of the whole recording."""
    found = phonation.likeness
    if found is None:
        raise MeasureRefused("the likeness of channels needs two of them; the recording has one")
    if found.coherence is None or found.correlation is None or found.lag_s is None:
        raise MeasureRefused(
            f"the likeness of channels needs sound in both from {found.low_hz:g} to {found.high_hz:g} Hz, and a second of it"
        )
    return {
        "channel_coherence": found.coherence,
        "channel_correlation": found.correlation,
        "channel_lag_ms": 1000.0 * found.lag_s,
    }


def settings(chosen: VoiceSettings) -> dict[str, Any]:
    """Nothing of it can be chosen."""
    return {
        "band_hz": list(BAND_HZ),
        "most_lag_ms": 1000.0 * MOST_LAG_S,
        "window": "Hann, 80 ms or more",
        "over": "whole recording",
    }


SPECS = (
    VoiceMeasure(
        name="likeness",
        figures={
            "channel_coherence": Figure(
                "coherence of channels",
                "",
                "How far one channel follows from the other by a filter, 0 to 1: near 1 for one voice in both, near 0 "
                "for different sounds.",
                3,
            ),
            "channel_correlation": Figure(
                "correlation of channels",
                "",
                "How equal the two waveforms are at the best lag, -1 to 1; negative where one channel is turned over.",
                3,
            ),
            "channel_lag_ms": Figure(
                "lag of channels",
                "ms",
                "By how much the second channel is later than the first one; 0.03 ms is 1 cm.",
                3,
            ),
        },
        task="any",
        run=likeness,
        settings=settings,
        source="Carter 1987, Coherence and time delay estimation",
        exploratory=True,
        order=920,
        without_voice=True,
    ),
)
