"""Frames that are played twice: what a stuck buffer does, and a player that fills a lost packet with the last one.

In a copy, sample *n* is sample *n - L* times a gain. Voiced speech is nearly so, at its pitch period, but only nearly:
in 3.7 hours of clean speech of some thirty speakers, no stretch of 5 ms was within `LIKENESS_DB` of the one before.

The search goes by landmarks: the largest sample of each 2 ms is held against those up to 60 ms before it. Where their
neighbourhoods have one shape, the stretch around is compared sample by sample. A steady tone repeats itself too and
is left out: nearly all of it lies in a few lines of its spectrum.

Source: repetition in the place of lost packets, faded or not: C. Perkins, O. Hodson and V. Hardman, "A survey of packet loss
recovery techniques for streaming audio", IEEE Network 12(5), 1998; the measures are our own.
"""

import numpy as np
from numpy.typing import NDArray

from dsp.checks.base import MOST_SPANS, CheckSpec, Evidence, Figure, Finding, Verdict, word_from_ms
from dsp.checks.features import Features, finite
from dsp.track import Track
from dsp.types import Samples

SHORTEST_S, LONGEST_S = 0.005, 0.060
"""Of a frame that is repeated."""
LIKENESS_DB = -45.0
"""What is left of a copy when the original is taken away, in every millisecond, against the copy."""
FADE = (0.2, 1.05)
"""Gain of the copy: concealment fades out."""
WHOLE = 0.95
"""Share of the lag that must be alike: the frame is repeated as a whole."""
SHAPE = 0.02
"""By how much the neighbourhoods of two landmarks may differ, as a share of the landmark."""
UNDER_LEVEL_DB = 20.0
"""A landmark stands no lower than this under the active level."""
LEAST_PEAK = 3e-4
ROUNDING = 0.25 / 32768.0**2
"""Power of the difference that rounding to 16 bits explains."""
TONE_LINES, TONE_SHARE = 4, 0.999
"""A tone has this share of its power around so many lines of a spectrum."""
TONE_WINDOW_S = 0.064

_BLOCK_S = 10.0
_MOST_TRIED_PER_S = 40
_MOST_LANDMARKS_BACK = 40


def _run(evidence: Evidence) -> Finding:
    heard, rate = evidence.heard, evidence.heard.sample_rate_hz
    found = _repeats(evidence.degraded, heard)
    total_ms = _length_ms(found, rate)
    limit_ms = word_from_ms(heard.speech_s)
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if found and total_ms >= limit_ms:
        notes = (
            f"{len(found)} stretches of {total_ms:.0f} ms in all play again what was heard just before.",
        )
        had_ms = 0.0
        if evidence.reference is not None and evidence.said is not None and evidence.alignment is not None:
            had_ms = _length_ms(_repeats(evidence.reference, evidence.said), evidence.said.sample_rate_hz)
            had_ms *= evidence.alignment.copies
        if total_ms - had_ms >= limit_ms:
            words = ("repeated-frames",)
        else:
            notes = (*notes, f"The reference has {had_ms:.0f} ms of them itself.")
    spans = tuple((first / rate, last / rate) for first, last in found[:MOST_SPANS])
    return Finding({"repeat_count": float(len(found)), "repeated_ms": total_ms}, words, spans, notes)


def _repeats(track: Track, features: Features) -> list[tuple[int, int]]:
    """Every stretch ``(start, stop)`` of *track* that repeats what lies just before it."""
    rate, level = features.sample_rate_hz, features.level.level_dbov
    if level is None:
        return []
    floor = max(LEAST_PEAK, 10.0 ** ((level - UNDER_LEVEL_DB) / 20.0))
    block, before = round(_BLOCK_S * rate), round(2.1 * LONGEST_S * rate)
    found: list[tuple[int, int]] = []
    for start in range(0, track.size, block):
        samples = finite(track.read(start - before, start + block + before))
        for first, last in repeats_in(samples, rate, floor):
            first, last = first + start - before, last + start - before
            if found and first <= found[-1][1]:
                found[-1] = found[-1][0], max(last, found[-1][1])
            else:
                found.append((first, last))
    return found


def _length_ms(spans: list[tuple[int, int]], rate: int) -> float:
    return 1000.0 * sum(last - first for first, last in spans) / rate


def repeats_in(samples: Samples, sample_rate_hz: int, floor: float) -> list[tuple[int, int]]:
    """Stretches ``(start, stop)`` of *samples*, finite, of shape ``(n,)``, that repeat what lies just before them.

    Args:
        floor: magnitude that a landmark has at least.
    """
    pairs = _alike(samples, sample_rate_hz, floor)
    most = max(1, round(_MOST_TRIED_PER_S * samples.size / sample_rate_hz))
    window = round(TONE_WINDOW_S * sample_rate_hz)
    found: list[tuple[int, int]] = []
    done = tried = 0
    for at, lag in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].tolist():
        if at < done:
            continue
        if tried == most:
            break
        tried += 1
        run = _copied(samples, at, lag, round(0.001 * sample_rate_hz) | 1)
        if run is None:
            continue
        done = run[1]
        if _is_tone(samples, run[0] - lag, run[1], window):
            done = max(done, run[1] + window)
        elif found and run[0] <= found[-1][1]:
            found[-1] = found[-1][0], max(run[1], found[-1][1])
        else:
            found.append(run)
    return found


def _alike(samples: Samples, rate: int, floor: float) -> NDArray[np.intp]:
    """(position, lag) of landmarks that have the shape of an earlier one, ``(n, 2)``."""
    reach = round(0.001 * rate)
    size = np.abs(samples)
    places = np.flatnonzero((size > floor) & (size == _largest(size, reach)))
    places = places[(places >= 2 * reach) & (places < samples.size - 2 * reach)]
    places = places[np.diff(places, prepend=-2) > 1]
    height = samples[places]
    shape = [samples[places + offset] / height for offset in (-reach, reach, -reach // 2, reach // 2)]
    shortest, longest = round(SHORTEST_S * rate), round(LONGEST_S * rate)
    pairs = [np.zeros((0, 2), dtype=np.intp)]
    for back in range(1, min(_MOST_LANDMARKS_BACK, places.size)):
        lag = places[back:] - places[:-back]
        gain = height[back:] / height[:-back]
        kept = np.flatnonzero((lag >= shortest) & (lag <= longest) & (gain >= FADE[0]) & (gain <= FADE[1]))
        for ratio in shape:
            kept = kept[np.abs(ratio[kept + back] - ratio[kept]) < SHAPE]
        pairs.append(np.stack((places[kept + back], lag[kept]), axis=1))
    return np.concatenate(pairs)


def _largest(size: Samples, reach: int) -> Samples:
    """The largest of *size* within *reach* on either side."""
    width = 2 * reach + 1
    most: Samples = np.concatenate((np.zeros(reach, np.float32), size, np.zeros(reach, np.float32)))
    seen = 1
    while 2 * seen <= width:
        most = np.maximum(most[:-seen], most[seen:])
        seen *= 2
    if seen < width:
        most = np.maximum(most[: seen - width], most[width - seen :])
    return most


def _copied(samples: Samples, at: int, lag: int, width: int) -> tuple[int, int] | None:
    """The stretch around *at* that is a copy of what lies *lag* samples before it, if the frame is repeated as a whole."""
    first, last = max(lag, at - 2 * lag), min(samples.size, at + 2 * lag)
    copy = samples[first:last].astype(np.float64)
    original = samples[first - lag : last - lag].astype(np.float64)
    ones = np.ones(width)
    cross = np.maximum(np.convolve(copy * original, ones, "same"), 0.0)
    power = np.convolve(copy * copy, ones, "same")
    left = power - cross * cross / np.maximum(np.convolve(original * original, ones, "same"), 1e-20)
    differs = np.flatnonzero(left > 10.0 ** (LIKENESS_DB / 10.0) * power + ROUNDING * width)
    place = int(np.searchsorted(differs, at - first))
    if place < differs.size and differs[place] == at - first:
        return None
    low = int(differs[place - 1]) + 1 if place else 0
    high = int(differs[place]) if place < differs.size else copy.size
    # A window that holds one sample of something else differs: half a window more is alike on either side.
    low, high = max(0, low - width // 2), min(copy.size, high + width // 2)
    return (first + low, first + high) if high - low >= WHOLE * lag else None


def _is_tone(samples: Samples, start: int, stop: int, window: int) -> bool:
    """Whether what begins at *start*, or what ends at *stop*, is one: beside either there may be something else."""
    pieces = samples[start : start + window], samples[max(0, stop - window) : stop]
    return any(_tone_share(piece) >= TONE_SHARE for piece in pieces)


def _tone_share(piece: Samples) -> float:
    """Of the power of *piece* in its strongest lines."""
    power = np.abs(np.fft.rfft(piece * np.hanning(piece.size))) ** 2
    total = float(power.sum()) + 1e-20
    share = 0.0
    for _ in range(TONE_LINES):
        peak = int(power.argmax())
        around = slice(max(0, peak - 3), peak + 4)
        share += float(power[around].sum()) / total
        power[around] = 0.0
    return share


SPECS = (
    CheckSpec(
        name="repeats",
        figures={
            "repeat_count": Figure(
                "count", "How often a stretch of 5 to 60 ms was played again right after itself."
            ),
            "repeated_ms": Figure("ms", "How long these repetitions last in all."),
        },
        verdicts=(
            Verdict(
                "repeated-frames",
                "short stretches are played twice, as by a stuck buffer or in place of lost packets",
                "stretches of 5 to 60 ms that are followed by themselves (-45 dB apart or nearer) for 40 ms in all or more, "
                "and 1 % of the time of speech",
            ),
        ),
        needs_reference=False,
        run=_run,
    ),
)
