"""How unpredictable a voice's waveform is: permutation entropy (Bandt and Pompe 2002).

Conventions: a pattern is the order of `ORDER` samples that are `DELAY_S` apart; equal ones count as rising. Patterns begin some
11,000 times a second in the voiced parts. With p the share of each of the n! orders, the entropy is -sum p log p / log n!.

Source: C. Bandt and B. Pompe, "Permutation entropy: a natural complexity measure for time series", Physical Review Letters 88,
174102, 2002, equation 2; normalised by its greatest value as is usual.
"""

from dataclasses import dataclass
from itertools import combinations
from math import ceil, factorial, log

import numpy as np
from numpy.typing import NDArray

from dsp.phonation.section import Section
from dsp.phonation.voiced import voiced_at

ORDER = 5
"""Samples in a pattern."""
DELAY_S = 0.00025
"""From sample to sample; a pattern spans 1 ms, so it sees what happens within a period."""
STARTS_HZ = 11025
"""So often, about, a pattern begins."""
LEAST_PATTERNS = 10 * factorial(ORDER)
"""Fewer say nothing of how often each order comes."""
BLOCK = 1 << 15
"""Patterns that are counted at a time."""


@dataclass(frozen=True, slots=True)
class Complexity:
    """Of the voiced parts of a recording."""

    permutation_entropy: float | None
    """0 (always the same order of values) to 1 (every order as often); None where there is too little voice."""
    patterns: int
    """How many orders were counted."""
    order: int
    """Values in a pattern."""
    delay_s: float
    """From value to value, as realised at this sample rate."""


class ComplexityContour:
    """Counts patterns along a recording; takes sections whose pitch is known, or else finds nothing voiced."""

    def __init__(self) -> None:
        self._counts = np.zeros(1 << (ORDER * (ORDER - 1) // 2), dtype=np.int64)
        self._delay_s = DELAY_S

    @property
    def margin_s(self) -> float:
        """Half a pattern, at any sample rate."""
        return 4.0 * ORDER * DELAY_S

    def push(self, section: Section) -> None:
        """Take the next section."""
        rate = section.whole.sample_rate_hz
        delay = max(1, round(DELAY_S * rate))
        self._delay_s = delay / rate
        step, span = max(1, rate // STARTS_HZ), (ORDER - 1) * delay
        low = ceil(section.start / step)
        high = ceil(min(section.stop, section.first + section.samples.size - span) / step)
        for first in range(low, high, BLOCK):
            past = min(first + BLOCK, high)
            voiced = voiced_at(section.pitch, (np.arange(first, past) * step + 0.5 * span + 0.5) / rate)
            if not voiced.any():
                continue
            begin = first * step - section.first
            end = begin + (past - first - 1) * step + 1
            values = [section.samples[begin + k * delay : end + k * delay : step] for k in range(ORDER)]
            codes: NDArray[np.uint16] = np.zeros(past - first, dtype=np.uint16)
            for bit, (early, late) in enumerate(combinations(values, 2)):
                codes |= (early > late).astype(np.uint16) << np.uint16(bit)
            self._counts += np.bincount(codes[voiced], minlength=self._counts.size)

    def finish(self) -> Complexity:
        """The entropy of what was counted."""
        patterns = int(self._counts.sum())
        entropy = None
        if patterns >= LEAST_PATTERNS:
            share = self._counts[self._counts > 0] / patterns
            entropy = abs(float(np.dot(share, np.log(share)))) / log(factorial(ORDER))
        return Complexity(entropy, patterns, ORDER, self._delay_s)
