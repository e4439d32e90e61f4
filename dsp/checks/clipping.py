"""Flat tops: the wave was cut off at a level, here or earlier on its way.

Conventions: the two sides of the wave are looked at by themselves, the worse one counts. Shares are of the samples that are
active after P.56.
Measures: `clipped_pct`, `clip_level_dbov`, `peak_spread_db`.
Source: the histogram as witness of what was clipped and made quieter later: J. Eaton and P. A. Naylor, "Detection of
clipping in coded speech signals", EUSIPCO 2013; S. Aleinik and Y. Matveev, "Detection of clipped fragments in speech
signals", 2014. The tests are our own, measured on 26 speakers (see docs/verdicts.md).
"""

import math

import numpy as np
from numpy.typing import NDArray

from dsp.alignment.base import Alignment
from dsp.checks.base import MOST_SPANS, CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.checks.features import LEVELS, Features, histogram_of, spans_of
from dsp.flat_top import NARROW, TOP, flat_top
from dsp.level import CLIPPED_SHARE
from dsp.track import Track

BLOCK = 1 << 16
LEAST_S = 3.0
"""So much speech there must be before the highest level in it says anything."""
MOST_SPREAD_DB = 0.35
"""Between what a thousandth and what a hundredth of the samples exceed."""
SQUEEZED_DB = 0.8
"""By so much less than in the reference, where the codec keeps the waveform; without clipping Opus and G.711 take 0.4 at most."""


def _sides(histogram: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many samples have the magnitude 0, 1, ... 32768 and more, for each side of the wave."""
    half = LEVELS // 2
    up, down = (np.zeros(half + 1, dtype=np.int64) for _ in range(2))
    up[:half] = histogram[half:]
    down[1:] = histogram[:half][::-1]
    return up, down


def _top(counts: NDArray[np.int64], active: float) -> tuple[float, float, float]:
    """Share of the active samples in a flat top (0: it is none), its level, and the spread of the peaks in dB."""
    top, largest = flat_top(counts)
    if largest < 1:
        return 0.0, 0.0, math.inf
    above = np.append(np.cumsum(counts[::-1])[::-1], 0)
    rare, common = (int(np.flatnonzero(above >= max(1.0, part * active / 2.0))[-1]) for part in (0.001, 0.01))
    spread_db = 20.0 * math.log10(max(1, rare) / max(1, common))
    return top / active, largest / (LEVELS // 2), spread_db


def measure(features: Features) -> tuple[float, float | None, float | None]:
    """Say how much is clipped, and where.

    Returns:
        Share of the active samples; level of the tops, None where nothing is clipped; spread of the peaks in dB, None for
        too little speech.
    """
    level = features.level
    at_full_scale = level.clipped_share
    active = level.activity * features.size
    if features.speech_s < LEAST_S or active < 1.0:
        return at_full_scale, level.peak if at_full_scale >= CLIPPED_SHARE else None, None
    tops = [_top(side, active) for side in _sides(features.histogram)]
    share, top, _ = max(tops, key=lambda found: (found[0], -found[2]))
    spread_db = min(found[2] for found in tops)
    if at_full_scale >= share:
        share, top = at_full_scale, level.peak
    clipped = share >= CLIPPED_SHARE or spread_db <= MOST_SPREAD_DB
    return share, top if clipped else None, spread_db


def _heard_spread_db(reference: Track | None, said: Features | None, alignment: Alignment) -> float:
    """The spread of the peaks in what is heard of *reference*: its loudest word may not be in the recording."""
    if reference is None or said is None:
        return -math.inf
    histogram: NDArray[np.int64] = np.zeros(LEVELS, dtype=np.int64)
    frames = 0
    for stretch in alignment.stretches:
        for start in range(stretch.start, stretch.stop, BLOCK):
            histogram += histogram_of(reference.read(start, min(start + BLOCK, stretch.stop)))
        place = (edge // said.frame_samples for edge in (stretch.start, stretch.stop))
        frames += int(np.count_nonzero(said.speech[slice(*place)]))
    share = frames / max(1, int(np.count_nonzero(said.speech)))
    active = said.level.activity * said.size * share
    return min(_top(side, active)[2] for side in _sides(histogram)) if active >= 1.0 else -math.inf


def run(evidence: Evidence) -> Finding:
    """Look for tops at full scale and below, and for peaks that the reference had and that are gone."""
    heard = evidence.heard
    share, top, spread_db = measure(heard)
    said = evidence.said if not evidence.unrelated else None
    before = measure(said) if said is not None else None
    squeezed = (
        before is not None
        and before[2] is not None
        and spread_db is not None
        and evidence.alignment is not None
        and evidence.alignment.waveform_kept
        and before[2] - spread_db >= SQUEEZED_DB
        and _heard_spread_db(evidence.reference, said, evidence.alignment) - spread_db >= SQUEEZED_DB
    )
    figures = {
        "clipped_pct": 100.0 * share,
        "clip_level_dbov": 20.0 * math.log10(top) if top else None,
        "peak_spread_db": spread_db,
    }
    if top is None:
        note = "The highest peaks of the reference are gone: they were cut off before the sound was coded or resampled."
        return Finding(figures, ("clipped",), notes=(note,)) if squeezed else Finding(figures)
    if before is not None and before[1] is not None and not squeezed:
        return Finding(figures, notes=("The reference is clipped, too.",))
    spans = spans_of(heard.peak >= (1.0 - TOP) * top)
    note = f"The wave is cut off at {100 * top:.0f} % of full scale in {100 * share:.2g} % of the speech."
    return Finding(
        figures,
        ("clipped",),
        tuple((first * heard.frame_s, last * heard.frame_s) for first, last in spans[:MOST_SPANS]),
        (note,),
    )


SPECS = (
    CheckSpec(
        name="clipping",
        figures={
            "clipped_pct": Figure(
                "%",
                "How much of the speech stands at the highest level that occurs, as if its peaks had been cut off.",
            ),
            "clip_level_dbov": Figure(
                "dBov",
                "Where they were cut off; 0 is full scale, and lower means: cut off first, made quieter afterwards. "
                "Nothing where they were not.",
            ),
            "peak_spread_db": Figure(
                "dB",
                "How far the loudest thousandth of the speech rises above the loudest hundredth: 1.5 to 4 for free peaks, "
                "near 0 where they were cut off.",
            ),
        },
        verdicts=(
            Verdict(
                "clipped",
                "peaks of the speech were cut off: it crackles or sounds harsh",
                f"{100 * CLIPPED_SHARE:g} % or more of the active samples stand at 0.98 of full scale or beyond in runs of three, "
                f"or within {100 * TOP:g} % of the largest sample of their side (two thirds of these within {100 * NARROW:g} %, "
                f"and half as many at least as within {500 * TOP:g} %); or the levels that 0.1 % and 1 % of them exceed "
                f"are within {MOST_SPREAD_DB:g} dB, or {SQUEEZED_DB:g} dB closer than in a reference whose waveform was kept; "
                f"these three need {LEAST_S:g} s of speech",
            ),
        ),
        needs_reference=False,
        run=run,
    ),
)
