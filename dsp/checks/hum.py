"""Mains hum: steady lines at multiples of 50 or 60 Hz, and whether they can be heard.

Conventions: levels in dB relative to the active speech (its P.56 level); sound pressures as if that speech were heard at
65 dB SPL, an ordinary talker at arm's length. Windows of a second at most, those in which the least is said, are
looked at, and of each line's powers in them a low one counts: a voice moves, hum stays.
Measures: `hum_hz`, `hum_db`, `hum_audible_db`.
Source: E. Terhardt, "Calculating virtual pitch", Hearing Research 1, 1979 (the threshold in quiet, equation 1); the
search is our own.
"""

import math
from typing import NamedTuple

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


class Hum(NamedTuple):
    """The lines of one mains frequency."""

    mains_hz: float
    lines: list[tuple[float, float]]
    """(frequency in Hz, level against the speech in dB)."""

    @property
    def total_db(self) -> float:
        """Level of all lines against the speech."""
        return 10.0 * math.log10(sum(10.0 ** (line_db / 10.0) for _, line_db in self.lines))

    @property
    def audible_db(self) -> float:
        """How far the most audible line is above the threshold."""
        return max(line_db + SPEECH_DB_SPL - _threshold_db_spl(hz) for hz, line_db in self.lines)


class _Steady(NamedTuple):
    """What is always there."""

    powers: NDArray[np.float64]
    """Of lines ``1 / WINDOW_S`` apart."""
    speech_dbov: float

    def against_speech_db(self, power: float) -> float:
        """Level of a line of that power."""
        return 10.0 * math.log10(max(power, LEAST_POWER)) - self.speech_dbov

    def hum(self) -> Hum | None:
        """The more audible one of the two mains; None: no hum."""
        found = [
            Hum(nominal, [(hz, self.against_speech_db(power)) for hz, power in lines])
            for nominal in MAINS_HZ
            if (lines := _lines(self.powers, nominal))
        ]
        return max(found, key=lambda one: one.audible_db, default=None)

    def without(self, hum: Hum) -> Hum | None:
        """What of *hum* is `WORSE_DB` above what is here, at the same frequency; None: nothing."""
        added = [
            (hz, line_db)
            for hz, line_db in hum.lines
            if line_db >= self.against_speech_db(_near(self.powers, hz)) + WORSE_DB
        ]
        return Hum(hum.mains_hz, added) if added else None


def _steady(track: Track, features: Features) -> _Steady | None:
    """None: nobody speaks, or too short."""
    level = features.level.level_dbov
    length = round(WINDOW_S * track.sample_rate_hz)
    if level is None or track.size < LEAST_S * track.sample_rate_hz:
        return None
    window = np.hanning(length + 1)[:-1]
    highest = int((HIGHEST_HZ + AROUND_HZ) * WINDOW_S) + 1
    powers = np.stack(
        [_spectrum(track, start, window)[:highest] for start in _quietest(track, features, length)]
    )
    return _Steady(np.quantile(powers, QUANTILE, axis=0), level)


def _near(powers: NDArray[np.float64], hz: float) -> float:
    """The largest power where the line of nominal frequency *hz* may be."""
    middle, reach = round(hz * WINDOW_S), max(1, round(REACH_HZ * WINDOW_S))
    return float(powers[middle - reach : middle + reach + 1].max())


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
        left, right = (
            float(np.median(side))
            for side in (
                steady[max(1, middle - around) : middle - 2 * reach],
                steady[middle + 2 * reach + 1 : middle + around],
            )
        )
        power = _near(steady, order * nominal_hz)
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
    steady = _steady(evidence.degraded, evidence.heard)
    hum = None if steady is None else steady.hum()
    if hum is None:
        return Finding({"hum_hz": None, "hum_db": None, "hum_audible_db": None})
    figures = {"hum_hz": hum.mains_hz, "hum_db": hum.total_db, "hum_audible_db": hum.audible_db}
    if hum.audible_db < AUDIBLE_DB:
        return Finding(figures)
    if evidence.reference is not None and evidence.said is not None and not evidence.unrelated:
        before = _steady(evidence.reference, evidence.said)
        added = hum if before is None else before.without(hum)
        known = None if before is None else before.hum()
        if added is None or added.audible_db < AUDIBLE_DB or _is_as_bad(known, hum):
            return Finding(figures, notes=("The reference hums as much.",))
    note = f"Hum of {hum.mains_hz:g} Hz and its multiples, {hum.total_db:.0f} dB against the speech."
    return Finding(figures, ("hum",), notes=(note,))


def _is_as_bad(known: Hum | None, hum: Hum) -> bool:
    return known is not None and known.audible_db > hum.audible_db - WORSE_DB


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
                f"that tone and the most audible one {WORSE_DB:g} dB more than there",
            ),
        ),
        needs_reference=False,
        run=run,
    ),
)
