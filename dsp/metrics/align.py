"""Where a reference lies in a recording of what became of it: delay, and its changes.

Conventions: mono float32 of shape ``(n,)``, one rate for both. An offset is in samples of that rate:
`reference[i]` is heard at `degraded[i + offset]`; it is negative where the recording begins after the
reference did. Two steps: syllable envelopes (steps of 5 ms, so silence in front, cut ends, gain and polarity
do not matter) give candidates; generalised cross-correlation of the waveforms (100 to 3800 Hz, half-whitened)
picks one of them to the sample.
Source: Knapp and Carter, IEEE TASSP 24(4), 1976, with the cross-spectrum to the power of one half as
processor.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsp.level import LevelReport, measure_level
from dsp.metrics.base import MetricRefused, MetricSpec
from dsp.types import Samples

MIN_OVERLAP_S = 1.0
"""Shortest stretch of reference in the recording that is looked for."""
HOP_S = 0.005
BAND_HZ = (100.0, 3800.0)
FINE_S = 2.5
"""Length of a stretch whose waveform is searched for; a change of the delay spoils one that holds it."""
FINE_STRETCHES = 3
WAVEFORM_KEPT = 0.25
"""At or below this correlation only envelopes tell, as with a vocoder; offsets are then multiples of 5 ms."""
APART_S = 0.05
"""Envelope candidates are at least so far apart, and the fine search reaches as far."""
FOLLOW_S = 0.25
"""How far the delay may move from one piece to the next."""
LOOP_SLACK_S = 0.5
"""How far a repeated reference may begin from where the one before it ended."""

_CANDIDATES = 12
_RANGE_DB = 35.0
_SILENT_DBOV = -75.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Alignment:
    """One offset, and how sure it is."""

    offset: int
    """Samples the degraded signal is behind the reference."""
    polarity: int
    """-1 where the degraded signal is upside down, else 1."""
    correlation: float
    """Of the waveforms at that offset, 0 to 1; low for codecs that do not keep the waveform."""
    envelope_correlation: float
    """Of the syllable envelopes over the overlap, -1 to 1."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch `reference[start:stop]` and where it is heard."""

    start: int
    stop: int
    offset: int
    correlation: float


def validate(reference: Samples, degraded: Samples, sample_rate_hz: int) -> tuple[LevelReport, LevelReport]:
    """Raise MetricRefused where there is nothing to align; return the levels of both."""
    levels = []
    for name, signal in (("reference", reference), ("degraded signal", degraded)):
        if signal.ndim != 1 or not np.isfinite(signal).all():
            raise MetricRefused(f"the {name} must be mono and finite")
        if signal.size < MIN_OVERLAP_S * sample_rate_hz:
            raise MetricRefused(
                f"the {name} must last {MIN_OVERLAP_S:g} s or more, got {signal.size / sample_rate_hz:.3f} s"
            )
        level = measure_level(np.ascontiguousarray(signal, dtype=np.float32), sample_rate_hz)
        if level.level_dbov is None or level.level_dbov < _SILENT_DBOV:
            raise MetricRefused(f"the {name} is silent")
        levels.append(level)
    return levels[0], levels[1]


def find_offset(reference: Samples, degraded: Samples, sample_rate_hz: int) -> Alignment:
    """Search every offset at which the two overlap by `MIN_OVERLAP_S`.

    Raises:
        MetricRefused: for silence, too little audio, or where the two do not show the same speech anywhere.
    """
    levels = validate(reference, degraded, sample_rate_hz)
    hop = round(sample_rate_hz * HOP_S)
    ref, deg = (
        syllables(signal, hop, level.level_dbov)
        for signal, level in zip((reference, degraded), levels, strict=True)
        if level.level_dbov is not None
    )
    best: Alignment | None = None
    for lag, similarity in _candidates(ref, deg, round(MIN_OVERLAP_S / HOP_S)):
        for start, stop in _liveliest(ref, lag, deg.size, round(FINE_S / HOP_S)):
            fine = refine(
                reference[start * hop : stop * hop],
                degraded,
                sample_rate_hz,
                expected=(lag + start) * hop,
                search_s=APART_S,
            )
            if fine is None:
                continue
            position, correlation = fine
            kept = abs(correlation) > WAVEFORM_KEPT
            found = Alignment(
                offset=position - start * hop if kept else lag * hop,
                polarity=-1 if kept and correlation < 0 else 1,
                correlation=abs(correlation),
                envelope_correlation=similarity,
            )
            if best is None or _merit(found) > _merit(best):
                best = found
    if best is None:
        raise MetricRefused("the reference is not found in the degraded signal")
    overlap = min(reference.size, degraded.size - best.offset) - max(0, -best.offset)
    if not _believable(best, overlap / sample_rate_hz):
        raise MetricRefused("the reference is not found in the degraded signal")
    return best


def _merit(a: Alignment) -> float:
    return a.correlation + a.envelope_correlation


def _believable(a: Alignment, overlap_s: float) -> bool:
    """Speech against other speech stays below 0.2 and, over 3 s, 0.5; Opus at 6 kb/s gives 0.7 and 0.8."""
    return a.correlation > WAVEFORM_KEPT or (overlap_s >= 3 and a.envelope_correlation > 0.7)


def syllables(signal: Samples, hop: int, level_dbov: float) -> Floats:
    """Log envelope over the upper 35 dB of the speech, less its own average over 0.5 s: zero in silence."""
    frames = signal[: signal.size // hop * hop].reshape(-1, hop).astype(np.float64)
    power = np.mean(frames * frames, axis=1)
    floor = 10 ** ((level_dbov - _RANGE_DB) / 10)
    height = 10 * np.log10(np.maximum(power, floor) / floor)
    width = round(0.5 / HOP_S)
    sums = np.concatenate(([0.0], np.cumsum(np.pad(height, width // 2))))
    average = (sums[width:] - sums[:-width])[: height.size] / width
    return np.asarray(height - average, dtype=np.float64)


def _candidates(ref: Floats, deg: Floats, overlap: int) -> Iterator[tuple[int, float]]:
    """(lag, normalised correlation over the overlap) of the highest peaks."""
    size = 1 << (ref.size + deg.size).bit_length()
    cross = np.fft.irfft(np.fft.rfft(deg, size) * np.conj(np.fft.rfft(ref, size)), size)
    lags = np.arange(overlap - ref.size, deg.size - overlap + 1)
    scores = cross[lags]
    energy_ref, energy_deg = (np.concatenate(([0.0], np.cumsum(e * e))) for e in (ref, deg))
    begin, end = np.maximum(0, -lags), np.minimum(ref.size, deg.size - lags)
    norm = np.sqrt(
        (energy_ref[end] - energy_ref[begin]) * (energy_deg[end + lags] - energy_deg[begin + lags])
    )
    similarity = scores / np.maximum(norm, 1e-9 * max(1.0, float(norm.max())))
    scores = scores.copy()
    least = 0.3 * float(scores.max())
    apart = round(APART_S / HOP_S)
    for _ in range(_CANDIDATES):
        top = int(np.argmax(scores))
        if scores[top] <= max(least, 0.0):
            return
        yield int(lags[top]), float(similarity[top])
        scores[max(0, top - apart) : top + apart + 1] = -math.inf


def _liveliest(ref: Floats, lag: int, degraded_size: int, length: int) -> list[tuple[int, int]]:
    """Up to `FINE_STRETCHES` stretches of *length* steps in which the overlapping reference says most."""
    begin, end = max(0, -lag), min(ref.size, degraded_size - lag)
    if end - begin <= length:
        return [(begin, end)]
    sums = np.concatenate(([0.0], np.cumsum(ref[begin:end] ** 2)))
    energy = sums[length:] - sums[:-length]
    stretches: list[tuple[int, int]] = []
    for _ in range(FINE_STRETCHES):
        start = int(np.argmax(energy))
        if energy[start] <= 0:
            break
        stretches.append((begin + start, begin + start + length))
        energy[max(0, start - length) : start + length] = 0
    return stretches


def refine(
    stretch: Samples,
    degraded: Samples,
    sample_rate_hz: int,
    *,
    expected: int,
    search_s: float,
    polarity: int = 0,
) -> tuple[int, float] | None:
    """Find *stretch* in *degraded* near sample *expected*.

    Args:
        search_s: how far to look on either side.
        polarity: 1 or -1 where it is known, 0 to find either.

    Returns:
        Where the stretch begins in *degraded* and the signed correlation there; None where too little is
        inside.
    """
    pad = max(1, round(search_s * sample_rate_hz))
    cut = max(0, pad - expected)
    x = stretch[cut : max(cut, degraded.size - expected - pad)]
    begin = expected - pad + cut
    y = degraded[max(0, begin) : begin + x.size + 2 * pad]
    if x.size < MIN_OVERLAP_S * sample_rate_hz / 4 or y.size < x.size + 2 * pad:
        return None
    size = 1 << (y.size - 1).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / sample_rate_hz)
    band = (hertz >= BAND_HZ[0]) & (hertz <= min(BAND_HZ[1], 0.45 * sample_rate_hz))
    spectrum_x = np.fft.rfft(x, size) * band
    spectrum_y = np.fft.rfft(y, size) * band
    cross = spectrum_y * np.conj(spectrum_x)
    magnitude = np.sqrt(np.abs(cross))
    sharp = np.fft.irfft(cross / np.maximum(magnitude, 1e-9 * float(magnitude.max()) + 1e-30), size)
    sharp = sharp[: 2 * pad + 1]
    if polarity == 0:  # a filter's phase can favour the wrong sign a little, an inverted line does so by far
        polarity = -1 if -float(sharp.min()) > 1.3 * float(sharp.max()) else 1
    top = int(np.argmax(polarity * sharp))
    heard = np.fft.irfft(spectrum_y, size)[top : top + x.size]
    said = np.fft.irfft(spectrum_x, size)[: x.size]
    power = math.sqrt(float(heard @ heard) * float(said @ said))
    correlation = float(heard @ said) / power if power > 0 else 0.0
    return begin + top - cut, max(-1.0, min(1.0, correlation))


def find_copies(reference: Samples, degraded: Samples, sample_rate_hz: int) -> list[Alignment]:
    """Every copy of a reference that was played in a loop, in order of time; one for a reference played once.

    Raises:
        MetricRefused: as `find_offset`.
    """
    first = find_offset(reference, degraded, sample_rate_hz)
    copies = [first]
    slack = round(LOOP_SLACK_S * sample_rate_hz)
    for step in (reference.size, -reference.size):
        offset = first.offset
        while True:
            offset += step
            begin, end = max(0, offset - slack), min(degraded.size, offset + reference.size + slack)
            if end - begin < 2 * slack + MIN_OVERLAP_S * sample_rate_hz:
                break
            try:
                copy = find_offset(reference, degraded[begin:end], sample_rate_hz)
            except MetricRefused:
                break
            if abs(copy.offset + begin - offset) > slack:
                break
            offset = copy.offset + begin
            copies.append(replace(copy, offset=offset))
    return sorted(copies, key=lambda copy: copy.offset)


def follow(
    reference: Samples, degraded: Samples, sample_rate_hz: int, alignment: Alignment
) -> Iterator[Piece]:
    """Cut the overlap at quiet points into pieces of about 1 s and follow the offset from one to the next.

    A piece keeps the offset of the one before unless the waveforms say clearly that it moved, as when a
    jitter buffer grows or shortens.
    """
    start = max(0, -alignment.offset)
    last = min(reference.size, degraded.size - alignment.offset)
    active = measure_level(np.ascontiguousarray(reference, dtype=np.float32), sample_rate_hz).level_dbov
    quiet = 0.0 if active is None else 10 ** ((active - 20) / 10)
    offset = alignment.offset
    while start < last:
        stop = _cut(reference, start, last, sample_rate_hz)
        stretch = reference[start:stop]
        correlation = 0.0
        if float(np.mean(np.square(stretch, dtype=np.float64))) > quiet:
            for search_s, margin in ((HOP_S, 0.0), (FOLLOW_S, 0.15)):
                found = refine(
                    stretch,
                    degraded,
                    sample_rate_hz,
                    expected=start + offset,
                    search_s=search_s,
                    polarity=alignment.polarity,
                )
                if found is not None and found[1] * alignment.polarity > max(0.3, correlation + margin):
                    offset, correlation = found[0] - start, found[1] * alignment.polarity
        begin, end = max(start, -offset), min(stop, degraded.size - offset)
        if begin < end:
            yield Piece(begin, end, offset, correlation)
        start = stop


def _cut(reference: Samples, start: int, last: int, sample_rate_hz: int) -> int:
    """The quietest 20 ms between 0.75 and 1.25 s after *start*; *last* where less than 1.5 s is left."""
    if last - start < 1.5 * sample_rate_hz:
        return last
    begin, step = start + 3 * sample_rate_hz // 4, sample_rate_hz // 50
    frames = reference[begin : begin + 25 * step].reshape(-1, step).astype(np.float64)
    return begin + int(np.argmin(np.sum(frames * frames, axis=1))) * step + step // 2


SPECS: tuple[MetricSpec, ...] = ()
