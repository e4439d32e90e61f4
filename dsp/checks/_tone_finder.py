"""Finds tones in a track: alone, under something else, and DTMF digits.

All from spectra of 96 ms every 32 ms. A tone *alone*: one or two lines hold nearly all of the power and keep their
frequencies for 4 spectra on end (200 ms of tone); speech that is as pure glides. A tone *under* something else: a line
that stands out of the least power of each half second, five times running; voices and noise leave their lines in
between. And DTMF by its own detector, run where a line of each of its groups is strong.

Source: ITU-T Q.23 and Q.24 for the digits, see `dsp.dtmf`; the rest is our own, measured on speech, see docs/verdicts.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.checks.features import finite, spans_of
from dsp.dtmf import DtmfDetector
from dsp.track import Track

HOP_S = 0.032
LOWEST_HZ = 330.0
"""Below lie hum and the first harmonics of voices; the lowest tone of any telephone network is 350 Hz."""
VOICE_FROM_HZ = 200.0
LEAST_DBOV = -60.0
ALONE_SHARE = 0.95
"""Of the power above 200 Hz in the two strongest lines."""
LEAST_LINE = 0.2
"""Of two equal tones with this share, half the power of each is in its strongest line, give or take."""
SECOND_SHARE = 0.05
"""A second line counts from this share of the first's power."""
STEADY_HZ, STEADY_FRAMES = 2.0, 4
UNDER_FRAMES, UNDER_GROUPS = 16, 5
"""Spectra of a group (half a second), and groups in a row."""
UNDER_DB = 8.0
"""The least power of a line above those 3 to 8 lines away."""
DTMF_SHARE = 0.2
"""Of the power above 200 Hz in the strongest line of each group."""
SAME_HZ = 8.0
"""Tones no farther apart are one, and one that the reference holds as well."""
SAME_S = 0.1

_BLOCK_FRAMES = 512
Floats = NDArray[np.float32]
Lines = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tone:
    """One tone, or two at once."""

    start_s: float
    stop_s: float
    hz: tuple[float, ...]
    """One frequency, or two."""
    level_dbov: float
    digit: str = ""
    """Which, where it is DTMF."""


def tones_of(track: Track) -> list[Tone]:
    """Every tone in *track*, by time."""
    rate = track.sample_rate_hz
    spectra = _Spectra(rate)
    alone: list[Tone] = []
    least: list[Floats] = []
    pushed: list[tuple[int, int]] = []
    # Blocks overlap by as many frames as steadiness takes, less one.
    overlap = STEADY_FRAMES - 1
    for first in range(0, track.size // spectra.hop, _BLOCK_FRAMES):
        power = spectra.of(track, first, _BLOCK_FRAMES + overlap)
        if not len(power):
            break
        alone += _alone(power, spectra, first)
        pushed += [(first + low, first + high) for low, high in spans_of(_pushed(power, spectra))]
        whole = power[:_BLOCK_FRAMES]
        groups = len(whole) // UNDER_FRAMES
        least.append(whole[: groups * UNDER_FRAMES].reshape(groups, UNDER_FRAMES, whole.shape[1]).min(axis=1))
    found = list(_digits(track, spectra, pushed))
    for tone in _joined(alone):
        if not any(
            tone.start_s < digit.stop_s and digit.start_s < tone.stop_s for digit in found if digit.digit
        ):
            found.append(tone)
    if least:
        for tone in _joined(list(_under(np.concatenate(least), spectra))):
            if not any(_overlap(tone, other) for other in found):
                found.append(tone)
    return sorted(found, key=lambda tone: tone.start_s)


class _Spectra:
    """Power spectra of a track, a line's sum being its mean square."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.hop = round(HOP_S * rate)
        self.size = 3 * self.hop
        window = np.hanning(self.size + 1)[:-1].astype(np.float32)
        self._window = window
        self._scale = 2.0 / (self.size * float(np.sum(window**2)))
        self.line_hz = rate / self.size
        self.voice = round(VOICE_FROM_HZ / self.line_hz)
        self.frame_s = self.hop / rate

    def of(self, track: Track, first: int, count: int) -> Floats:
        """Spectra ``(frames, lines)`` of at most *count* frames from frame *first* on; fewer, or none, at the end."""
        count = min(count, (track.size - self.size) // self.hop + 1 - first)
        if count <= 0:
            return np.zeros((0, self.size // 2 + 1), dtype=np.float32)
        start = first * self.hop
        samples = finite(track.read(start, start + (count - 1) * self.hop + self.size))
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.size)[:: self.hop]
        spectra = np.fft.rfft(frames * self._window, axis=1)
        power: Floats = ((spectra.real**2 + spectra.imag**2) * self._scale).astype(np.float32)
        return power


def _alone(power: Floats, spectra: _Spectra, first: int) -> Iterator[Tone]:
    """Tones that nothing else sounds beside."""
    low, high, level, share = _two_lines(power, spectra)
    pure = (share >= ALONE_SHARE) & (level >= 10.0 ** (LEAST_DBOV / 10.0)) & (low >= LOWEST_HZ)
    if len(power) < STEADY_FRAMES or not pure.any():
        return
    rows = np.lib.stride_tricks.sliding_window_view
    steady: NDArray[np.bool_] = np.logical_and.reduce(rows(pure, STEADY_FRAMES), axis=1)
    for lines in (low, high):
        moves: Lines = np.ptp(rows(lines, STEADY_FRAMES), axis=1)
        steady = np.logical_and(steady, moves <= STEADY_HZ)
    for start, stop in spans_of(steady):
        frames = slice(start, stop + STEADY_FRAMES - 1)
        hz = (float(np.median(low[frames])), float(np.median(high[frames])))
        # The first and the last spectrum need not be filled by the tone.
        begin = (first + start + 0.5) * spectra.frame_s
        end = (first + stop + STEADY_FRAMES - 1 + 1.5) * spectra.frame_s
        dbov = 10.0 * np.log10(float(np.median(level[frames])))
        yield Tone(begin, end, hz if hz[1] - hz[0] > STEADY_HZ else hz[:1], dbov)


def _two_lines(power: Floats, spectra: _Spectra) -> tuple[Lines, Lines, Lines, Lines]:
    """Of each frame: frequencies of the two strongest lines (twice the same for one), their power, its share.

    All zeros for a frame whose strongest line is too weak for one of two that hold nearly everything.
    """
    voice = power[:, spectra.voice :]
    everything = voice.sum(axis=1) + 1e-20
    strong = np.flatnonzero(voice.max(axis=1) >= LEAST_LINE * everything)
    rest = voice[strong]
    frames = np.arange(len(rest))[:, np.newaxis]
    hz, strength = [], []
    for _ in range(2):
        peak = np.clip(rest.argmax(axis=1), 2, rest.shape[1] - 3)[:, np.newaxis]
        around = np.log(np.maximum(rest[frames, peak + np.arange(-1, 2)], 1e-20))
        bend = around[:, 0] - 2.0 * around[:, 1] + around[:, 2]
        shift = np.clip(0.5 * (around[:, 0] - around[:, 2]) / np.where(bend == 0.0, 1.0, bend), -0.5, 0.5)
        hz.append((peak[:, 0] + spectra.voice + shift) * spectra.line_hz)
        near = peak + np.arange(-2, 3)
        strength.append(rest[frames, near].sum(axis=1, dtype=np.float64))
        rest[frames, near] = 0.0
    second = np.where(strength[1] >= SECOND_SHARE * strength[0], hz[1], hz[0])
    lines: list[Lines] = [np.zeros(len(power)) for _ in range(4)]
    lines[0][strong], lines[1][strong] = np.minimum(hz[0], second), np.maximum(hz[0], second)
    lines[2][strong] = strength[0] + strength[1]
    lines[3][strong] = lines[2][strong] / everything[strong]
    return lines[0], lines[1], lines[2], lines[3]


def _pushed(power: Floats, spectra: _Spectra) -> NDArray[np.bool_]:
    """Frames in which there may be a digit."""
    lines = [round(hz / spectra.line_hz) for hz in (670.0, 970.0, 1170.0, 1670.0)]
    low, high = (power[:, lines[i] : lines[i + 1]].max(axis=1) for i in (0, 2))
    total = power[:, spectra.voice :].sum(axis=1) + 1e-20
    likely: NDArray[np.bool_] = (low + high >= DTMF_SHARE * total) & (np.minimum(low, high) >= 1e-6)
    return likely


def _digits(track: Track, spectra: _Spectra, spans: list[tuple[int, int]]) -> Iterator[Tone]:
    """What the detector finds around *spans* of frames."""
    step = spectra.rate // 100
    before = 10 * step
    done = 0
    for first, last in spans:
        begin = max(done, first * spectra.hop - before)
        end = last * spectra.hop + spectra.size + before
        if begin >= end:
            continue
        done = end
        detector = DtmfDetector(spectra.rate)
        samples = finite(track.read(begin, end))
        for at in range(0, samples.size, step):
            for digit in detector.process(samples[at : at + step]):
                # Told after 35 ms of it, and seen through 20 ms.
                heard = max(0, at - 3 * step)
                piece = samples[heard : heard + 3 * step].astype(np.float64)
                dbov = 10.0 * np.log10(max(float(np.mean(piece**2)), 1e-12))
                yield Tone(
                    (begin + heard) / spectra.rate, (begin + at + step) / spectra.rate, (), dbov, digit
                )


def _under(least: Floats, spectra: _Spectra) -> Iterator[Tone]:
    """Tones that stand out of the *least* power of each group, ``(groups, lines)``."""
    if len(least) < UNDER_GROUPS:
        return
    middle = np.arange(9, least.shape[1] - 9)
    stands: NDArray[np.bool_] = np.concatenate(
        [_standing(least[row : row + _BLOCK_FRAMES], spectra) for row in range(0, len(least), _BLOCK_FRAMES)]
    )
    for line in np.flatnonzero(np.count_nonzero(stands, axis=0)):
        # Between two lines, a tone may be in either.
        mask: NDArray[np.bool_] = np.logical_or.reduce(stands[:, line : line + 2], axis=1)
        for start, stop in spans_of(mask):
            if stop - start < UNDER_GROUPS:
                continue
            near = least[start:stop, middle[line] - 1 : middle[line] + 3].mean(axis=0, dtype=np.float64)
            hz = (middle[line] - 1 + float(np.dot(near, np.arange(4)) / near.sum())) * spectra.line_hz
            dbov = 10.0 * np.log10(float(near.sum()))
            seconds = UNDER_FRAMES * spectra.frame_s
            yield Tone(start * seconds, stop * seconds, (hz,), dbov)


def _standing(least: Floats, spectra: _Spectra) -> NDArray[np.bool_]:
    """Which lines of each group stand out of those beside them, ``(groups, lines - 18)``."""
    sums = np.cumsum(np.pad(least, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    middle = np.arange(9, least.shape[1] - 9)
    beside = (sums[:, middle + 9] - sums[:, middle + 3] + sums[:, middle - 2] - sums[:, middle - 8]) / 12.0
    level = 1.5 * least[:, middle]
    stands: NDArray[np.bool_] = level > 1.5 * 10.0 ** (UNDER_DB / 10.0) * beside
    stands &= (level >= 10.0 ** (LEAST_DBOV / 10.0) / 2.0) & (middle * spectra.line_hz >= LOWEST_HZ)
    return stands


def _joined(tones: list[Tone]) -> list[Tone]:
    """The same with tones of one frequency made one where they touch."""
    joined: list[Tone] = []
    for tone in sorted(tones, key=lambda each: each.start_s):
        for place, other in enumerate(joined):
            if tone.start_s <= other.stop_s + SAME_S and near(tone, other):
                louder = max(tone, other, key=lambda each: each.level_dbov)
                stop_s = max(tone.stop_s, other.stop_s)
                joined[place] = Tone(other.start_s, stop_s, louder.hz, louder.level_dbov)
                break
        else:
            joined.append(tone)
    return joined


def near(tone: Tone, other: Tone) -> bool:
    """Whether they have a frequency in common."""
    return any(abs(hz - known) <= SAME_HZ for hz in tone.hz for known in other.hz)


def _overlap(tone: Tone, other: Tone) -> bool:
    return near(tone, other) and tone.start_s < other.stop_s and other.start_s < tone.stop_s
