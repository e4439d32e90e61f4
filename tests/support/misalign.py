"""The sixteen misalignments of a recording: real speech through G.711, then moved in time, with the truth as data.

Conventions: mono float32 of shape ``(n,)``, one rate for reference and degraded signal (8000 Hz or a multiple). Sample *i* of
the reference is heard at ``i + offset + skew * (i - start)``, with the last entry ``(start, offset)`` of the truth whose start
is not behind *i*. What is put in is line noise at `NOISE_DBOV`. Nothing here draws a random number that is not seeded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from dsp.codecs import CodecSettings, codecs
from dsp.types import Samples

NOISE_DBOV = -65.0
"""Noise of a quiet line."""


@dataclass(frozen=True, slots=True)
class Misaligned:
    """A degraded signal and where in it the reference is."""

    samples: Samples
    trace: tuple[tuple[int, float], ...]
    """(first sample of the reference, degraded position less reference position there), by the reference's time."""
    skew_ppm: float = 0.0
    """Positive: the degraded signal lasts longer."""
    only_time: bool = True
    """False where something was put into a word, or taken out of one: then what is heard is worse, too. (A speaker without a
    pause of 300 ms loses part of a word to ``delete-300ms-pause``.)"""
    polarity: int = 1
    lost: tuple[tuple[int, int], ...] = ()
    """Samples ``[start, stop)`` of the reference that are not there."""
    inserted: tuple[tuple[int, int], ...] = ()
    """Samples ``[start, stop)`` of the degraded signal, after its beginning, that are no part of the reference."""

    def heard_at(self, positions: np.ndarray) -> np.ndarray:
        """Where samples of the reference are in the degraded signal; NaN for those that are lost."""
        at = np.asarray(positions, dtype=np.float64)
        starts = np.array([start for start, _ in self.trace])
        offsets = np.array([offset for _, offset in self.trace])
        entry = np.maximum(np.searchsorted(starts, at, side="right") - 1, 0)
        heard = at + offsets[entry] + self.skew_ppm * 1e-6 * (at - starts[entry])
        for start, stop in self.lost:
            heard[(at >= start) & (at < stop)] = np.nan
        return heard


def g711(samples: Samples, rate_hz: int, *, name: str = "pcmu") -> Samples:
    """What comes out of a G.711 line, on the same time axis and as long."""
    narrow = samples if rate_hz == 8000 else soxr.resample(samples, rate_hz, 8000)
    spec, settings = codecs.get(name), CodecSettings(ptime_ms=20)
    encoder, decoder = spec.make_encoder(settings), spec.make_decoder(settings)
    padded = np.zeros(-(-narrow.size // 160) * 160, dtype=np.float32)
    padded[: narrow.size] = narrow
    out = np.zeros_like(padded)
    for start in range(0, padded.size, 160):
        decoder.decode(encoder.encode(padded[start : start + 160]), out[start : start + 160])
    wide = out if rate_hz == 8000 else soxr.resample(out, 8000, rate_hz)
    back = np.zeros(samples.size, dtype=np.float32)
    n = min(back.size, wide.size)
    back[:n] = wide[:n]
    return back


def line_noise(samples: int, *, seed: int = 1, dbov: float = NOISE_DBOV) -> Samples:
    """White noise of so many samples."""
    noise = np.random.default_rng(seed).standard_normal(samples)
    return np.asarray(10 ** (dbov / 20) * noise, dtype=np.float32)


def _power(speech: Samples, length: int) -> np.ndarray:
    """Energy of the *length* samples around each sample."""
    sums = np.concatenate(([0.0], np.cumsum(speech.astype(np.float64) ** 2)))
    at = np.arange(speech.size)
    return sums[np.minimum(at + length // 2, speech.size)] - sums[np.maximum(at - length // 2, 0)]


def pause_at(speech: Samples, length: int, *, share: tuple[float, float] = (0.15, 0.85)) -> int:
    """The middle of the quietest *length* samples in that share of the whole; in the middle of what is equally quiet."""
    low, high = (round(s * speech.size) for s in share)
    power = _power(speech, length)[low:high]
    quiet = np.flatnonzero(power <= 2 * power.min() + 1e-9 * power.max())
    return low + int(quiet[quiet.size // 2])


def word_at(speech: Samples, rate_hz: int, *, share: tuple[float, float]) -> int:
    """The middle of the loudest 80 ms in that share of the whole."""
    low, high = (round(s * speech.size) for s in share)
    return low + int(np.argmax(_power(speech, round(0.08 * rate_hz))[low:high]))


def moved(heard: Samples, moves: Sequence[tuple[int, int]], *, only_time: bool = True) -> Misaligned:
    """*heard*, in its place until now, with noise put in (samples > 0) or sound taken out (< 0) at positions of it, by time."""
    parts: list[Samples] = []
    trace: list[tuple[int, float]] = [(0, 0.0)]
    lost: list[tuple[int, int]] = []
    inserted: list[tuple[int, int]] = []
    done = offset = 0
    for number, (at, by) in enumerate(moves):
        parts.append(heard[done:at])
        if by > 0:
            parts.append(line_noise(by, seed=number + 1))
            inserted.append((at + offset, at + offset + by))
        else:
            lost.append((at, at - by))
        done = at + max(0, -by)
        offset += by
        trace.append((done, float(offset)))
    parts.append(heard[done:])
    return Misaligned(
        np.concatenate(parts), tuple(trace), only_time=only_time, lost=tuple(lost), inserted=tuple(inserted)
    )


def delayed(heard: Samples, by: int) -> Misaligned:
    """*heard* behind so many samples of line noise."""
    return Misaligned(np.concatenate((line_noise(by), heard)), ((0, float(by)),))


def skewed(heard: Samples, ppm: float) -> Misaligned:
    """*heard* by a clock that runs so much faster: it lasts longer in samples of the nominal rate."""
    stretched = soxr.resample(heard, 1.0, 1.0 + ppm * 1e-6, quality="VHQ")
    return Misaligned(np.ascontiguousarray(stretched, dtype=np.float32), ((0, 0.0),), skew_ppm=ppm)


def jitter_moves(speech: Samples, heard: Samples, rate_hz: int) -> Misaligned:
    """Five moves: later by 60 ms in a pause, earlier by 20 and later by 10 in words, earlier by 50 in a pause, later by 30."""
    at = [
        (pause_at(speech, rate_hz // 20, share=(0.12, 0.3)), 0.06),
        (word_at(speech, rate_hz, share=(0.33, 0.43)), -0.02),
        (word_at(speech, rate_hz, share=(0.46, 0.56)), 0.01),
        (pause_at(speech, rate_hz // 20, share=(0.6, 0.75)), -0.05),
        (word_at(speech, rate_hz, share=(0.8, 0.9)), 0.03),
    ]
    return moved(heard, [(position, round(s * rate_hz)) for position, s in at], only_time=False)


def _delay(seconds: float) -> Callable[[Samples, int], Misaligned]:
    return lambda speech, rate_hz: delayed(g711(speech, rate_hz), round(seconds * rate_hz))


def _skew(ppm: float) -> Callable[[Samples, int], Misaligned]:
    return lambda speech, rate_hz: skewed(g711(speech, rate_hz), ppm)


def _in_pause(seconds: float) -> Callable[[Samples, int], Misaligned]:
    def make(speech: Samples, rate_hz: int) -> Misaligned:
        by = round(seconds * rate_hz)
        length = max(-by, rate_hz // 20)
        at = pause_at(speech, length) - max(0, -by) // 2
        said = float(np.mean(speech[at : at + max(0, -by)] ** 2)) if by < 0 else 0.0
        silent = said < 10**-2.5 * float(np.mean(speech**2))
        return moved(g711(speech, rate_hz), [(at, by)], only_time=silent)

    return make


def _in_word(seconds: float) -> Callable[[Samples, int], Misaligned]:
    def make(speech: Samples, rate_hz: int) -> Misaligned:
        at = word_at(speech, rate_hz, share=(0.4, 0.6))
        return moved(g711(speech, rate_hz), [(at, round(seconds * rate_hz))], only_time=False)

    return make


def _head_cut(speech: Samples, rate_hz: int) -> Misaligned:
    heard = g711(speech, rate_hz)[rate_hz:]
    return Misaligned(heard, ((rate_hz, float(-rate_hz)),), lost=((0, rate_hz),))


def _quiet_and_upside_down(speech: Samples, rate_hz: int) -> Misaligned:
    heard = np.asarray(-0.1 * g711(speech, rate_hz), dtype=np.float32)
    return Misaligned(heard, ((0, 0.0),), polarity=-1)


MISALIGNMENTS: dict[str, Callable[[Samples, int], Misaligned]] = {
    "delay-20ms": _delay(0.02),
    "delay-500ms": _delay(0.5),
    "delay-8s": _delay(8.0),
    "delay-30s": _delay(30.0),
    "insert-20ms-pause": _in_pause(0.02),
    "insert-1s-pause": _in_pause(1.0),
    "insert-100ms-word": _in_word(0.1),
    "delete-20ms-word": _in_word(-0.02),
    "delete-300ms-pause": _in_pause(-0.3),
    "insert-1s-word": _in_word(1.0),
    "jitter-moves": lambda speech, rate_hz: jitter_moves(speech, g711(speech, rate_hz), rate_hz),
    "skew-100ppm": _skew(100.0),
    "skew-500ppm": _skew(500.0),
    "skew-2000ppm": _skew(2000.0),
    "head-cut-1s": _head_cut,
    "gain-minus-20db": _quiet_and_upside_down,
}
"""Name -> a function of the reference and its rate. `g711` of the reference is the same signal aligned."""
