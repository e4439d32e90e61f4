"""Mains hum: steady lines at multiples of 50 or 60 Hz, and whether they can be heard.

Conventions: levels in dB relative to the active speech (its P.56 level); sound pressures as if that speech were heard at
65 dB SPL, an ordinary talker at arm's length. Windows of a second at most, those in which the least is said, are
looked at, and of each line's powers in them a low one counts: a voice moves, hum stays.
Measures: `hum_hz`, `hum_db`, `hum_audible_db`.
Source: E. Terhardt, "Calculating virtual pitch", Hearing Research 1, 1979 (the threshold in quiet, equation 1); the
search is our own.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dsp.checks.base import CheckSpec, Evidence, Figure, Finding, Verdict
from dsp.checks.features import Features, finite
from dsp.track import Track

MAINS_HZ = (50.0, 60.0)
REACH_HZ = 0.6
"""How far the mains may be from its nominal frequency."""
HIGHEST_HZ = 610.0
WINDOW_S = 1.0
WINDOWS = 80
"""So many at most are looked at."""
LEAST_S = 6.0
"""Shorter sounds are not judged: a vowel would be a line."""
QUANTILE = 0.1
"""Of the powers of a line in all windows, this one counts."""
AROUND_HZ = 20.0
"""Half of the band that a line must stand out of."""
STANDS_OUT_DB = 12.0
OVERTONE_DB = 6.0
"""Where one of the two lowest lines, or any two, do so, this is enough for others that are no stronger."""
LEAST_POWER = 1e-12
SPEECH_DB_SPL = 65.0
AUDIBLE_DB = 10.0
"""*hum*: a line stands so far above the threshold in quiet."""
WORSE_DB = 3.0
"""With a reference: by so much more than there."""


def measure(track: Track, features: Features) -> tuple[float, float, float] | None:
    """Mains frequency in Hz, level of all its lines and of the most audible one above the threshold, in dB; None: no hum."""
    level = features.level.level_dbov
    rate = track.sample_rate_hz
    length = round(WINDOW_S * rate)
    if level is None or track.size < LEAST_S * rate:
        return None
    window = np.hanning(length + 1)[:-1]
    highest = int((HIGHEST_HZ + AROUND_HZ) * WINDOW_S) + 1
    powers = np.stack(
        [_spectrum(track, start, window)[:highest] for start in _quietest(track, features, length)]
    )
    steady = np.quantile(powers, QUANTILE, axis=0)
    best: tuple[float, float, float] | None = None
    for nominal in MAINS_HZ:
        lines = _lines(steady, nominal)
        if not lines:
            continue
        total = 10.0 * math.log10(sum(power for _, power in lines)) - level
        audible = max(
            10.0 * math.log10(power) - level + SPEECH_DB_SPL - _threshold_db_spl(hz) for hz, power in lines
        )
        if best is None or audible > best[2]:
            best = nominal, total, audible
    return best


def _quietest(track: Track, features: Features, length: int) -> list[int]:
    """Beginnings of the windows with the least power in the voice band, a quarter of a window apart at least."""
    step = length // 4
    starts = np.arange(0, track.size - length + 1, step)
    sums = np.concatenate(([0.0], np.cumsum(features.voice_power, dtype=np.float64)))
    first = np.minimum(starts // features.frame_samples, features.frames)
    last = np.minimum((starts + length) // features.frame_samples, features.frames)
    order = np.argsort((sums[last] - sums[first]), kind="stable")
    return sorted(int(start) for start in starts[order[:WINDOWS]])


def _spectrum(track: Track, start: int, window: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power of a sine at each line, 1 / `WINDOW_S` apart."""
    samples = finite(track.read(start, start + window.size))
    spectrum = np.fft.rfft((samples - samples.mean()) * window)
    power: NDArray[np.float64] = 2.0 * np.square(np.abs(spectrum)) / window.sum() ** 2
    return power


def _lines(steady: NDArray[np.float64], nominal_hz: float) -> list[tuple[float, float]]:
    """(frequency, power) of each harmonic that stands out."""
    sure: list[tuple[float, float]] = []
    likely: list[tuple[float, float]] = []
    reach = max(1, round(REACH_HZ * WINDOW_S))
    around = round(AROUND_HZ * WINDOW_S)
    for order in range(1, int(HIGHEST_HZ / nominal_hz) + 1):
        middle = round(order * nominal_hz * WINDOW_S)
        near = steady[middle - reach : middle + reach + 1]
        left, right = (
            float(np.median(side))
            for side in (
                steady[max(1, middle - around) : middle - 2 * reach],
                steady[middle + 2 * reach + 1 : middle + around],
            )
        )
        power = float(near.max())
        above = power / max(left, right, LEAST_POWER)
        if above >= 10.0 ** (STANDS_OUT_DB / 10.0):
            sure.append((order * nominal_hz, power))
        elif above >= 10.0 ** (OVERTONE_DB / 10.0):
            likely.append((order * nominal_hz, power))
    if len(sure) < 2 and not any(hz <= 2.0 * nominal_hz for hz, _ in sure):
        return []  # one line higher up is a tone, or an engine
    strongest = max(power for _, power in sure)
    return [*sure, *((hz, power) for hz, power in likely if power <= strongest)]


def _threshold_db_spl(frequency_hz: float) -> float:
    """Threshold in quiet (Terhardt, equation 1)."""
    khz = frequency_hz / 1000.0
    return float(3.64 * khz**-0.8 - 6.5 * math.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4)


def run(evidence: Evidence) -> Finding:
    """Look for hum; say so where it can be heard."""
    found = measure(evidence.degraded, evidence.heard)
    if found is None:
        return Finding({"hum_hz": None, "hum_db": None, "hum_audible_db": None})
    mains_hz, total_db, audible_db = found
    figures = {"hum_hz": mains_hz, "hum_db": total_db, "hum_audible_db": audible_db}
    if audible_db < AUDIBLE_DB:
        return Finding(figures)
    if evidence.reference is not None and evidence.said is not None and not evidence.unrelated:
        before = measure(evidence.reference, evidence.said)
        if before is not None and before[2] > audible_db - WORSE_DB:
            return Finding(figures, notes=("The reference hums as much.",))
    note = f"Hum of {mains_hz:g} Hz and its multiples, {total_db:.0f} dB against the speech."
    return Finding(figures, ("hum",), notes=(note,))


SPECS = (
    CheckSpec(
        name="hum",
        figures={
            "hum_hz": Figure("Hz", "Frequency of the mains that hums along; nothing where none was found."),
            "hum_db": Figure("dB", "How strong hum and its overtones are against the speech."),
            "hum_audible_db": Figure(
                "dB",
                "How far its most audible tone is above what an ear can just hear, with the speech at an ordinary loudness. "
                "Below 0 nobody hears it.",
            ),
        },
        verdicts=(
            Verdict(
                "hum",
                "the mains is heard humming under the speech",
                f"steady tones at multiples of 50 or 60 Hz (the first or second of them, or two, {STANDS_OUT_DB:g} dB above what "
                f"is around them; weaker others {OVERTONE_DB:g} dB), one of them {AUDIBLE_DB:g} dB or more above the threshold of "
                f"hearing when the speech has {SPEECH_DB_SPL:g} dB SPL, in {LEAST_S:g} s or longer; with a reference: and "
                f"{WORSE_DB:g} dB more than there",
            ),
        ),
        needs_reference=False,
        run=run,
    ),
)
