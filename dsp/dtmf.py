"""Push-button digits as pairs of tones: their frequencies (ITU-T Q.23), making and finding them (ITU-T Q.24).

The detector looks at 20 ms through a Hann window every 5 ms. A frame is a candidate where two lines, one of each
group, hold most of its energy; a digit is a run of like candidates that lasts long enough, and whose lines turn in
phase as their frequencies must: that measures a frequency far more finely than the lines are wide.

Source: ITU-T Q.23 (1988) section 6; ITU-T Q.24 (1988) annex A: what administrations accept and reject.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.types import Samples

DIGITS = "123A456B789C*0#D"
"""Row by row; four rows (low group) of four columns (high group)."""
LOW_HZ = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
"""Q.23 table 1."""
EDGE_MS = 3.0
"""Raised-cosine rise and fall of a tone that is made."""

WINDOW_MS = 20
HOP_MS = 5
SHORTEST_FRAMES = 7
"""35 ms: between the 40 ms that must count and the 23 ms that must not."""
GAP_FRAMES = 4
"""A tone must be away for this long before the same digit counts again; shorter breaks are bridged."""
MAX_DEVIATION = 0.025
"""Between the 1.5 % that must be accepted and the 3.5 % that must not."""
MAX_TWIST_DB = 9.0
"""Level of one tone above the other."""
MIN_DOMINANCE_DB = 6.0
"""Level of a line above the next in its group."""
MIN_SHARE = 0.6
"""Of a frame's energy in its two lines; speech shares its energy among many."""
MIN_LEVEL_DBOV = -45.0
"""Level of each tone; 0 dBov is a full-scale square wave."""


def tones_of(digit: str) -> tuple[float, float]:
    """(low, high) frequency of *digit* in Hz.

    Raises:
        ParameterError: it is none of `DIGITS`.
    """
    if len(digit) != 1 or digit not in DIGITS:
        raise ParameterError(f"a digit must be one of {DIGITS}, got {digit!r}")
    row, column = divmod(DIGITS.index(digit), 4)
    return LOW_HZ[row], HIGH_HZ[column]


def digit_samples(
    digit: str, rms: tuple[float, float], sample_rate_hz: int, *, length: int, start: int, stop: int
) -> Samples:
    """Samples *start* to *stop* of the tone pair of *digit*, which lasts *length* samples, its soft edges included.

    Args:
        rms: level of the low and of the high tone, full scale 1.0.

    Raises:
        ParameterError: no such digit.
    """
    i = np.arange(start, stop, dtype=np.float64)
    sound = np.zeros(i.size)
    for freq_hz, level in zip(tones_of(digit), rms, strict=True):
        sound += level * np.sqrt(2.0) * np.sin(2.0 * np.pi * freq_hz / sample_rate_hz * i)
    edge = min(EDGE_MS * sample_rate_hz / 1000.0, length / 2.0)
    nearest = np.minimum(i + 0.5, length - i - 0.5)
    sound *= 0.5 - 0.5 * np.cos(np.pi * np.clip(nearest / edge, 0.0, 1.0))
    return sound.astype(np.float32)


@dataclass(slots=True)
class _Run:
    """Frames in a row that show one digit."""

    digit: int
    levels: list[float] = field(default_factory=list)
    turned: NDArray[np.complex128] = field(default_factory=lambda: np.zeros(2, dtype=np.complex128))
    """Sum of how far each line turned from frame to frame beyond what its nominal frequency explains."""
    gap: int = 0
    told: bool = False


class DtmfDetector:
    """Finds digits in mono sound; any cuts into blocks give the same digits.

    Args:
        sample_rate_hz: 8000 to 192000.

    Raises:
        ParameterError: another rate.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        if not 8000 <= sample_rate_hz <= 192_000:
            raise ParameterError(f"DTMF is found at 8000 to 192000 Hz, got {sample_rate_hz}")
        self._hop = sample_rate_hz * HOP_MS // 1000
        size = self._hop * (WINDOW_MS // HOP_MS)
        t = np.arange(size)
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * (t + 0.5) / size)
        freqs = np.array([*LOW_HZ, *HIGH_HZ])
        lines = np.exp(-2j * np.pi / sample_rate_hz * np.outer(t, freqs)) * window[:, np.newaxis]
        # A line's square is then the mean square of its tone; the windowed mean square of all is on the same scale.
        lines *= np.sqrt(2.0) / window.sum()
        self._lines = np.concatenate((lines.real, lines.imag), axis=1).astype(np.float32)
        self._weights = (window**2 / np.sum(window**2)).astype(np.float32)
        self._nominal_turn = np.exp(-2j * np.pi * freqs * self._hop / sample_rate_hz)
        self._max_turn = 2.0 * np.pi * MAX_DEVIATION * freqs * self._hop / sample_rate_hz
        self._heard: Samples = np.zeros(0, dtype=np.float32)
        self._last = np.zeros(8, dtype=np.complex128)
        self._run: _Run | None = None

    def process(self, block: Samples) -> str:
        """Take *block*, ``(n,)``; return the digits that it completes, mostly none: ``""``."""
        heard = np.concatenate((self._heard, block))
        size, hop = self._lines.shape[0], self._hop
        count = max(0, (heard.size - size) // hop + 1)
        self._heard = heard[count * hop :]
        if count == 0:
            return ""
        frames = np.lib.stride_tricks.sliding_window_view(heard, size)[: count * hop : hop]
        parts = (frames @ self._lines).astype(np.float64)
        lines = parts[:, :8] + 1j * parts[:, 8:]
        energy = np.square(frames) @ self._weights
        digits, levels = _candidates(lines, energy)
        turns = lines * np.conj(np.concatenate((self._last[np.newaxis], lines[:-1]))) * self._nominal_turn
        self._last = lines[-1]
        if self._run is None and not (digits >= 0).any():
            return ""
        return "".join(
            self._step(int(digit), float(level), turn)
            for digit, level, turn in zip(digits, levels, turns, strict=True)
        )

    def reset(self) -> None:
        """Forget what was heard."""
        self._heard = self._heard[:0]
        self._last[:] = 0.0
        self._run = None

    def _step(self, digit: int, level: float, turn: NDArray[np.complex128]) -> str:
        run = self._run
        if run is None:
            self._run = _Run(digit, [level]) if digit >= 0 else None
            return ""
        # Below half the amplitude it is the edge of a tone: the window sees the end of it only.
        if digit != run.digit or level < 0.25 * max(run.levels):
            run.gap += 1
            barely_begun = len(run.levels) == 1 and not run.told
            if run.gap >= GAP_FRAMES or (barely_begun and digit not in (-1, run.digit)):
                self._run = _Run(digit, [level]) if digit >= 0 else None
            return ""
        pair = [run.digit // 4, 4 + run.digit % 4]
        if run.gap == 0:
            run.turned += turn[pair]
        run.gap = 0
        if run.told:
            return ""
        run.levels.append(level)
        most = max(run.levels)
        long_enough = sum(each >= 0.25 * most for each in run.levels) >= SHORTEST_FRAMES
        if not long_enough or (np.abs(np.angle(run.turned)) > self._max_turn[pair]).any():
            return ""
        run.told, run.levels = True, [most]
        return DIGITS[run.digit]


def _candidates(
    lines: NDArray[np.complex128], energy: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Index in `DIGITS` that each frame shows, -1 for none, and the power of the weaker tone."""
    power = np.square(np.abs(lines))
    groups = power.reshape(-1, 2, 4)
    best = groups.argmax(axis=2)
    ordered = np.sort(groups, axis=2)
    first, second = ordered[:, :, 3], ordered[:, :, 2]
    weaker, stronger = first.min(axis=1), first.max(axis=1)
    fits = (
        (weaker >= 10.0 ** (MIN_LEVEL_DBOV / 10.0))
        & (first.sum(axis=1) >= MIN_SHARE * energy)
        & (stronger <= 10.0 ** (MAX_TWIST_DB / 10.0) * weaker)
        & (first >= 10.0 ** (MIN_DOMINANCE_DB / 10.0) * second).all(axis=1)
    )
    return np.where(fits, 4 * best[:, 0] + best[:, 1], -1), weaker
