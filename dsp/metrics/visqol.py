"""ViSQOL version 3 in speech mode: how like the reference the degraded speech looks to a model of the ear.

Conventions: both signals mono float32 of shape ``(n,)``, aligned, of one length and rate, 8000 to 48000 Hz. A *frame* is a
window of 80 ms; frames are 20 ms apart. A *patch* is 20 frames, 400 ms from the start of the first frame to that of the
next patch. Levels are, as published, ten times the logarithm of the RMS: half of the usual dB.
Measures: MOS-LQO, 1 to 5. It is blind to gain (levels are matched first), knows no echo or delay, and was fitted to
wideband speech over IP; it flatters codecs that send parameters instead of a waveform.

How it is computed:

1. The degraded signal gets the offset (DC) and the RMS of the reference.
2. A spectrogram of each: Hann windows, 21 gammatone bands from 50 Hz evenly spaced in ERB below 8 kHz, each window filtered
   from rest, RMS of the output in dB, not below -45.
3. In each frame both are raised to 45 dB below the loudest band of either; then the lowest value of all becomes zero.
4. Patches of the reference, one after the other from the tenth frame on; those stay in which any chunk of 20 ms, of any
   three in a row, reaches an RMS of 5000 / 32768 of the reference's maximum, and always the first.
5. The neurogram similarity (NSIM) of each patch and the degraded frames at its place or up to `SEARCH_FRAMES` beside it,
   the best of these. The same once more with the patch's whole windows alone, whose lowest value is then zero; the better
   of the two stays.
6. The mean over patches and bands goes through an exponential that was fitted to TCD-VoIP and is scaled so that equal
   signals get 5. Below a similarity of 0.15 the score is 1.

What is ours: the offset, which nobody hears (published, 0.01 of full scale costs up to 0.2); and the search, which as published
goes over +-60 patches by dynamic programming and then aligns each pair again by its envelope: here `dsp.alignment` has
done that before (`docs/misalignments.md` has what it is worth). Where nothing is misaligned the scores are those of
visqol-python 3.8: over 378 pairs of 18 clips the mean difference is 0.008. It is 0.02 to 0.03 for VLC and Codec2 (some of it
because they take away the offset of two of the clips), below 0.005 for G.711, Opus, MNRU, clipping, band limits, loss and
noise 20 dB below the speech. The largest ones, up to 0.4 with white noise at 0 dB, are where that package matches the last
patch with frames behind the end of the recording. An alignment that is wrong by 1 ms costs 0.01, by 2 ms 0.03, by 5 ms 0.15
(G.711, Opus at 12 kb/s).

A pair below 16 kHz is brought to 16 kHz, the rate that the published speech mode is meant for. At 8 kHz its code would instead
spread the 21 bands up to 4 kHz. Over 420 narrowband pairs (21 clips; G.711, Opus, Codec2, VLC, modulated and white noise,
loss, clipping) the scores of both ways are within 0.1 of each other in the mean, and those at 16 kHz agree better with P.862.1:
correlation 0.78 against 0.74, of ranks 0.81 against 0.78.

Source: A. Hines, J. Skoglund, A. Kokaram and N. Harte, "ViSQOL: an objective speech quality model" (EURASIP Journal on
Audio, Speech, and Music Processing 2015:13); M. Chinen and others, "ViSQOL v3: an open source production ready objective
speech and audio metric" (QoMEX 2020); the constants from the project google/visqol (Apache-2.0), from which no code is
taken: the numbers of bands and frames from ``visqol_manager.cc``, floors from ``misc_audio.cc``, activity from
``rms_vad.cc`` and ``vad_patch_creator.cc``, weights and C1, C3 from ``neurogram_similiarity_index_measure.cc``, the
mapping from ``speech_similarity_to_quality_mapper.cc``.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp._native import patch_similarity
from dsp.gammatone import GammatoneBank, centre_frequencies
from dsp.metrics.base import MetricRefused, MetricSpec, check_pair
from dsp.resample import StreamResampler
from dsp.types import Samples

WINDOW_S = 0.08
HOPS_IN_WINDOW = 4
BANDS = 21
LOWEST_HZ, HIGHEST_HZ = 50.0, 8000.0
FLOOR_DB = -45.0
"""Of a band's level, 0 being an RMS of full scale."""
RANGE_DB = 45.0
"""Below the loudest band of a frame."""
PATCH_FRAMES = 20
FIRST_FRAME = PATCH_FRAMES // 2 - 1
WHOLE_FRAMES = PATCH_FRAMES - HOPS_IN_WINDOW + 1
"""Frames of a patch that end within its 400 ms."""
ACTIVE_RMS = 5000.0 / 32768.0
"""Of a chunk in which somebody speaks, against the reference's maximum."""
ACTIVE_CHUNKS = 3
"""A chunk counts as active where one of so many, it and those before it, is."""
WEIGHTS = (0.0113033910173052, 0.0838251475442633, 0.619485845753726)
"""Gaussian of 3 by 3 cells with a standard deviation of 0.5: corner, edge, centre."""
LUMINANCE, STRUCTURE = 0.01**2, 0.03**2 / 2
"""C1 and C3 of the similarity."""
SEARCH_FRAMES = 1
"""Frames beside its place at which a patch is looked for; more changes nothing where the pair is aligned."""
UNLIKE = 0.15
"""Similarity below which nothing is alike."""
FIT_OFFSET, FIT_SLOPE, FIT_CENTRE, FIT_SCALE = -262.847869, 0.0154302525, -361.063949, 1.245063
MOS_RANGE = (1.0, 5.0)
RATES_HZ = (8000, 48_000)
LEAST_RATE_HZ = 16_000
"""A pair of a lower rate is brought to this one."""

Levels = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """What became of 400 ms of speech."""

    start_s: float
    """In the reference."""
    stop_s: float
    bands: NDArray[np.float64]
    """Similarity in each band, from the lowest up, ``(21,)``: 1 is alike."""

    @property
    def similarity(self) -> float:
        """Mean over the bands."""
        return float(self.bands.mean())


def validate(
    reference: Samples, degraded: Samples, sample_rate_hz: int, *, gain: float | None = None
) -> None:
    """Raise MetricRefused where a score of the two would mean nothing."""
    low, high = RATES_HZ
    if not low <= sample_rate_hz <= high:
        raise MetricRefused(f"ViSQOL needs {low} to {high} Hz, got {sample_rate_hz}")
    if gain is not None and not (math.isfinite(gain) and gain > 0):
        raise MetricRefused(f"the gain of the degraded signal must be finite and above 0, got {gain:g}")
    least_s = WINDOW_S * (1 + (FIRST_FRAME + PATCH_FRAMES - 1) / HOPS_IN_WINDOW)
    check_pair("ViSQOL", reference, degraded, sample_rate_hz, min_s=least_s, may_be_silent=gain is not None)


def matching_gain(reference: Samples, degraded: Samples) -> float:
    """What the degraded signal is multiplied by to have the RMS of the reference; infinite for silence."""
    said, heard = (
        float(np.square(each).mean(dtype=np.float64)) if each.size else 0.0 for each in (reference, degraded)
    )
    return math.sqrt(said / heard) if heard > 0 else math.inf


def patches(
    reference: Samples, degraded: Samples, sample_rate_hz: int, *, gain: float | None = None
) -> list[Patch]:
    """Compare the two, 400 ms by 400 ms of what is said.

    A long recording is given in pieces, cut in pauses; memory is that of a piece.

    Args:
        gain: what *degraded* is multiplied by, that of the whole recording where this is a piece of one (a piece may then be
            silence); None: the two are brought to one level.

    Raises:
        MetricRefused: other shapes or rates, samples that are not finite, too short, silence.
    """
    reference = np.ascontiguousarray(reference, dtype=np.float32)
    degraded = np.ascontiguousarray(degraded, dtype=np.float32)
    validate(reference, degraded, sample_rate_hz, gain=gain)
    if sample_rate_hz < LEAST_RATE_HZ:
        reference, degraded = (_wide(each, sample_rate_hz) for each in (reference, degraded))
        sample_rate_hz = LEAST_RATE_HZ
    bank = _bank(sample_rate_hz)
    degraded = degraded - np.float32(_offset(reference, degraded, gain))
    if gain is None:
        gain = matching_gain(reference, degraded)
    said, heard = _levels(bank, reference), _levels(bank, degraded, gain)
    _raise_floor(said, heard)
    lowest = min(said.min(), heard.min())
    found = []
    for first in _starts(reference, bank.hop_samples, len(said)):
        best = _compared(said, heard, first, lowest)
        start = first * bank.hop_samples
        stop = start + PATCH_FRAMES * bank.hop_samples
        found.append(Patch(start / sample_rate_hz, stop / sample_rate_hz, best))
    return found


def mos_of(found: Sequence[Patch]) -> float:
    """MOS-LQO of some patches, 1 to 5, by the published exponential of their mean similarity.

    Raises:
        MetricRefused: there is none.
    """
    if not found:
        raise MetricRefused("ViSQOL found no speech")
    similarity = float(np.mean([patch.similarity for patch in found]))
    if similarity < UNLIKE:
        return MOS_RANGE[0]
    mos = FIT_SCALE * (FIT_OFFSET + math.exp(FIT_SLOPE * (similarity - FIT_CENTRE)))
    return min(MOS_RANGE[1], max(MOS_RANGE[0], mos))


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """MOS-LQO, 1 to 5, of two aligned signals; see `validate` for what is refused."""
    return mos_of(patches(reference, degraded, sample_rate_hz))


@functools.cache
def _bank(sample_rate_hz: int) -> GammatoneBank:
    size = round(WINDOW_S * sample_rate_hz)
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / (size - 1))
    frequencies = centre_frequencies(BANDS, LOWEST_HZ, HIGHEST_HZ)
    return GammatoneBank(window.astype(np.float32), size // HOPS_IN_WINDOW, frequencies, sample_rate_hz)


def _offset(reference: Samples, degraded: Samples, gain: float | None) -> float:
    """By how much *degraded* is shifted against *reference*: by their medians, which clipping does not move as it does means."""
    said, heard = (float(np.median(each[::4])) for each in (reference, degraded))
    if gain is None:
        gain = matching_gain(reference, degraded - np.float32(heard))
    return heard - said / gain if math.isfinite(gain) else 0.0


def _wide(samples: Samples, sample_rate_hz: int) -> Samples:
    """*samples* at `LEAST_RATE_HZ`."""
    resampler = StreamResampler(sample_rate_hz, LEAST_RATE_HZ)
    late = resampler.delay_samples
    length = samples.size * LEAST_RATE_HZ // sample_rate_hz
    behind: Samples = np.zeros(late * sample_rate_hz // LEAST_RATE_HZ + 1, dtype=np.float32)
    return np.ascontiguousarray(resampler.process(np.concatenate((samples, behind)))[late : late + length])


def _levels(bank: GammatoneBank, samples: Samples, gain: float = 1.0) -> Levels:
    """10 log10 of the RMS in each frame and band, not below the floor."""
    powers = bank.powers(samples).astype(np.float64) * gain**2
    levels: Levels = 5.0 * np.log10(np.maximum(powers, 10.0 ** (FLOOR_DB / 5.0)))
    return levels


def _raise_floor(said: Levels, heard: Levels) -> None:
    """Raise both, in place, to `RANGE_DB` below the loudest band of either in each frame."""
    floor = np.maximum(said.max(axis=1), heard.max(axis=1))[:, np.newaxis] - RANGE_DB
    np.maximum(said, floor, out=said)
    np.maximum(heard, floor, out=heard)


def _starts(reference: Samples, hop: int, frames: int) -> list[int]:
    """First frames of the patches in which somebody speaks."""
    count = (frames - FIRST_FRAME) // PATCH_FRAMES
    # As published, chunks are counted from this sample on, not from this frame: a patch is judged by what was up to 180 ms before.
    chunks = reference[FIRST_FRAME:][: count * PATCH_FRAMES * hop].reshape(-1, hop)
    most = float(reference.max())
    most = most if most > 0 else float(np.abs(reference).max())
    spoken = np.sqrt(np.square(np.clip(chunks, -most, most)).mean(axis=1)) >= ACTIVE_RMS * most
    active = np.ones(spoken.size, dtype=np.bool_)
    active[ACTIVE_CHUNKS - 1 :] = np.any(
        [spoken[late : spoken.size - ACTIVE_CHUNKS + 1 + late] for late in range(ACTIVE_CHUNKS)], axis=0
    )
    speaking = active.reshape(count, PATCH_FRAMES).any(axis=1)
    return [FIRST_FRAME + PATCH_FRAMES * int(number) for number in np.flatnonzero(speaking)]


def _compared(said: Levels, heard: Levels, first: int, lowest: float) -> NDArray[np.float64]:
    """Similarity in each band of the patch from frame *first* on."""
    patch = said[first : first + PATCH_FRAMES]
    low = max(0, first - SEARCH_FRAMES)
    high = min(len(heard), first + PATCH_FRAMES + SEARCH_FRAMES)
    places = np.empty((high - low - PATCH_FRAMES + 1, BANDS))
    patch_similarity(patch - lowest, heard[low:high] - lowest, places, WEIGHTS, (LUMINANCE, STRUCTURE))
    best = int(places.mean(axis=1).argmax())
    whole, other = patch[:WHOLE_FRAMES], heard[low + best : low + best + WHOLE_FRAMES]
    own = min(whole.min(), other.min())
    again = np.empty((1, BANDS))
    patch_similarity(whole - own, other - own, again, WEIGHTS, (LUMINANCE, STRUCTURE))
    better: NDArray[np.float64] = again[0] if again.mean() >= places[best].mean() else places[best]
    return better


SPECS = (
    MetricSpec(
        name="visqol",
        unit="MOS-LQO",
        range=MOS_RANGE,
        higher_is_better=True,
        needs_reference=True,
        sample_rates_hz=(),
        measure=measure,
        label="ViSQOL",
        meaning=(
            "How good the speech would sound to a listener, on the five-step scale from 1, bad, to 5, excellent, judged by how "
            "alike what was sent and what was heard look to a model of the ear. Equal signals get 5; good telephone lines "
            "get 4 and more."
        ),
        parametric=False,
    ),
)
