"""Where in a track somebody speaks."""

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.bands import HOP_S, BandLevels, Floats, band_levels, loudness_of, moving_mean
from dsp.alignment.base import Span
from dsp.alignment.narrow import NarrowTrack
from dsp.autoregression import runs
from dsp.track import Track

PAUSE_S = 0.2
"""A shorter silence is part of what is said: stops and breaths."""
SHORTEST_S = 0.1
"""A shorter sound, as seen through windows of 80 ms, is a click."""
LONGEST_S = 4.0
SILENT_DBOV = -75.0
"""Below it there is nothing but noise: 16 bits end at -96 dBov, a quiet line's noise is at -65 to -80."""
_BELOW_SPEECH_DB = 28.0
_ABOVE_NOISE_DB = 4.0
"""Of 50 ms of noise in the telephone band: its level varies by 0.4 dB."""

Flags = NDArray[np.bool_]


def speaking(levels: BandLevels) -> Flags:
    """Whether somebody speaks, for every frame; not smoothed beyond 50 ms."""
    power: Floats = np.float32(10) ** (levels.wide / np.float32(10))
    smooth: Floats = 10 * np.log10(moving_mean(power, round(0.05 / HOP_S)) + np.float32(1e-11))
    top = float(loudness_of(smooth))
    if top < SILENT_DBOV:
        return np.zeros(smooth.size, dtype=np.bool_)
    noise = float(np.percentile(smooth, 10))
    return smooth > max(top - _BELOW_SPEECH_DB, min(noise + _ABOVE_NOISE_DB, top - 8.0))


def utterances(track: Track) -> tuple[Span, ...]:
    """What is said: spans that pauses of `PAUSE_S` or more part; speech longer than `LONGEST_S` is cut where it is quietest.

    Returns:
        Spans in samples of *track*, in order, that do not overlap; none for silence.

    Raises:
        MetricRefused: for samples that are no numbers.
    """
    narrow = NarrowTrack(track)
    levels = band_levels(narrow)
    step = levels.hop * narrow.factor
    spans = []
    for begin, end in spoken(speaking(levels)):
        for low, high in _cut(levels.wide, begin, end):
            spans.append(Span(min(low * step, track.size), min(high * step, track.size)))
    return tuple(span for span in spans if span.stop > span.start)


def spoken(flags: Flags) -> list[tuple[int, int]]:
    """Frames ``[begin, end)`` of speech, short pauses included, clicks left out."""
    spans: list[tuple[int, int]] = []
    for begin, end in np.transpose(runs(flags)).tolist():
        if spans and begin - spans[-1][1] < PAUSE_S / HOP_S:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    return [(begin, end) for begin, end in spans if end - begin >= SHORTEST_S / HOP_S]


def _cut(wide: Floats, begin: int, end: int) -> list[tuple[int, int]]:
    longest = round(LONGEST_S / HOP_S)
    pieces = []
    while end - begin > longest:
        low, high = begin + longest // 2, begin + longest
        at = low + int(np.argmin(moving_mean(wide[low:high], 4)[2:-2])) + 2
        pieces.append((begin, at))
        begin = at
    return [*pieces, (begin, end)]
