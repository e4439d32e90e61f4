"""Shorter without a change of pitch: one period is cut out of waiting audio (after WSOLA, Verhelst 1993).

The cut is a cross-fade between two stretches that resemble each other, or that are too quiet to matter.
"""

import numpy as np

from dsp.types import Samples
from dsp.units import samples_of_ms

SHORTEST_CUT_MS = 2.5
LONGEST_CUT_MS = 15.0
LIKENESS = 0.8
"""Least normalised correlation of the two stretches where they can be heard."""
QUIET = 1e-5
"""Mean square (-50 dB of full scale) below which any two stretches will do."""
_PLACES = 4


def shorten(buffer: Samples, sample_rate_hz: int, *, at_most: int | None = None) -> int:
    """Cut one period out of *buffer*, in place.

    Args:
        buffer: audio that waits to be played; 30 ms or more leave a choice of where to cut.
        sample_rate_hz: 8000 to 48000.
        at_most: samples to cut at most; None for 15 ms.

    Returns:
        How many samples are left: ``buffer[:kept]`` is the shorter audio, the rest is void. It equals the
        length of *buffer* where nothing could be cut unheard.
    """
    n = buffer.size
    shortest = samples_of_ms(SHORTEST_CUT_MS, sample_rate_hz)
    longest = min(samples_of_ms(LONGEST_CUT_MS, sample_rate_hz), n // 2)
    if at_most is not None:
        longest = min(longest, at_most)
    if longest < shortest:
        return n
    span = 2 * longest
    energy = np.concatenate(([0.0], np.cumsum(np.square(buffer, dtype=np.float64))))
    places = np.arange(_PLACES) * (n - span) // (_PLACES - 1)
    levels = (energy[places + span] - energy[places]) / span
    quietest = int(np.argmin(levels))
    if levels[quietest] < QUIET:
        return _cut(buffer, int(places[quietest]), longest)
    best_likeness, best_place, best_lag = LIKENESS, -1, 0
    for place in places.tolist():
        first = buffer[place : place + longest]
        alike = np.correlate(buffer[place + shortest : place + span], first, "valid")
        starts = np.arange(place + shortest, place + longest + 1)
        powers = (energy[starts + longest] - energy[starts]) * (energy[place + longest] - energy[place])
        likeness = alike / np.sqrt(np.maximum(powers, 1e-20))
        lag = int(np.argmax(likeness))
        if likeness[lag] > best_likeness:
            best_likeness, best_place, best_lag = float(likeness[lag]), place, shortest + lag
    return n if best_place < 0 else _cut(buffer, best_place, best_lag)


def _cut(buffer: Samples, place: int, lag: int) -> int:
    """Fade from ``buffer[place:]`` to what lies *lag* later, and close the gap."""
    rise = np.arange(1, lag + 1, dtype=np.float32) / np.float32(lag + 1)
    here, later = buffer[place : place + lag], buffer[place + lag : place + 2 * lag]
    here += rise * (later - here)
    kept = buffer.size - lag
    buffer[place + lag : kept] = buffer[place + 2 * lag :].copy()
    return kept
