"""Is there speech in a sound at all, or a tone, a noise, a hum, dialling, music?

Looked at are the *loud* frames, at most 6 dB below the level that 5 % of all frames exceed, so that a noise under the speech and
pauses count little. Three numbers of theirs decide, each where speech and all else were measured apart (table in
docs/second-witness.md): speech changes its spectrum (a noise, hum or steady tone does not), not only from one steady
piece to the next (notes of music, a siren do) and it is not two lines and nothing else (tones, dialling).
Music with many instruments, or singing, is not told from speech.
Conventions: mono float32 of shape ``(n,)``, 8000 Hz or more; judged from 150 to 3700 Hz. Blind to gain.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dsp.mel import MelBands
from dsp.types import Samples

FRAME_S, HOP_S = 0.032, 0.016
BANDS, LOW_HZ, HIGH_HZ = 20, 150.0, 3700.0
LINE_FRAME_S = 0.128
LOUD_DB = 6.0
EXCEEDED = 0.05
LEAST_LOUD = 12
"""Loud frames wanted."""
LEAST_VARIETY_DB = 1.45
"""Least standard deviation of a band's level against that of all bands, over 80 ms: noise, tones and hum give up to 1.23 dB, 29
speakers 2.3 and more, under white noise as loud as the speech 1.74 and more."""
LEAST_FLOW = 0.46
"""Least mean change within 32 ms per standard deviation: notes of music give up to 0.43, two seconds of a speaker 0.48 and more."""
MOST_TONAL = 0.66
"""Most that nine loud frames of ten may have in two spectral lines: two seconds of a speaker have up to 0.63, coded speech up to
0.62; dialling 0.69 and more under noise 10 dB below it, other tones more than 0.86 under noise 20 dB below."""
_SMOOTHING = 5
_LINE_REACH = 2
_FLOOR = 1e-4
_BLOCK = 1024

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SpeechTraits:
    """What was measured; see the limits of this module."""

    loud_frames: int
    variety_db: float
    flow: float
    tonal: float


def speech_traits(sound: Samples, sample_rate_hz: int) -> SpeechTraits:
    """Measure *sound*, which must have finite samples."""
    shapes = _loud_shapes(sound, sample_rate_hz)
    if len(shapes) < max(LEAST_LOUD, _SMOOTHING + 1):
        return SpeechTraits(len(shapes), 0.0, 0.0, 0.0)
    sums = np.cumsum(np.vstack((np.zeros(BANDS), shapes)), axis=0)
    smooth = (sums[_SMOOTHING:] - sums[:-_SMOOTHING]) / _SMOOTHING
    spread = float(shapes.std(axis=0).mean())
    change = float(np.abs(shapes[2:] - shapes[:-2]).mean())
    return SpeechTraits(
        loud_frames=len(shapes),
        variety_db=float(smooth.std(axis=0).mean()),
        flow=change / max(spread, 0.01),
        tonal=_tonal(sound, sample_rate_hz),
    )


def why_no_speech(sound: Samples, sample_rate_hz: int) -> str | None:
    """Why nobody speaks in *sound*, in words; None where somebody does, as far as can be told."""
    found = speech_traits(sound, sample_rate_hz)
    if found.loud_frames < LEAST_LOUD:
        return f"it sounds for {found.loud_frames * HOP_S:.2f} s only"
    if found.tonal > MOST_TONAL:
        return f"it is made of tones ({100 * found.tonal:.0f} % of its power in two lines)"
    if found.variety_db < LEAST_VARIETY_DB:
        return f"its spectrum stays as it is, as that of a noise, hum or tone ({found.variety_db:.1f} dB)"
    if found.flow < LEAST_FLOW:
        return f"it goes in steps, as notes do ({found.flow:.2f})"
    return None


def _loud(energy: Floats) -> NDArray[np.bool_]:
    """Which frames are loud."""
    if not energy.size or energy.max() <= 0.0:
        return np.zeros(energy.size, dtype=bool)
    limit = np.partition(energy, rank := int((1.0 - EXCEEDED) * (energy.size - 1)))[rank]
    return np.asarray(energy > max(float(limit), 1e-12 * float(energy.max())) * 10.0 ** (-LOUD_DB / 10.0))


def _loud_shapes(sound: Samples, sample_rate_hz: int) -> Floats:
    """Levels of the bands of loud frames less their mean, ``(frames, BANDS)`` in dB."""
    bands = MelBands(
        sample_rate_hz,
        frame=round(FRAME_S * sample_rate_hz),
        hop=round(HOP_S * sample_rate_hz),
        bands=BANDS,
        low_hz=LOW_HZ,
        high_hz=HIGH_HZ,
    )
    powers = bands.powers(sound)
    energy = powers.sum(axis=1, dtype=np.float64)
    loud = _loud(energy)
    chosen = powers[loud].astype(np.float64)
    levels = 10.0 * np.log10(np.maximum(chosen, _FLOOR / BANDS * energy[loud, np.newaxis]))
    return np.asarray(levels - levels.mean(axis=1, keepdims=True))


def _tonal(sound: Samples, sample_rate_hz: int) -> float:
    """What share of its power, times frequency, the two strongest lines have: exceeded by nine of ten loud frames."""
    size = 1 << (math.ceil(LINE_FRAME_S * sample_rate_hz) - 1).bit_length()
    if sound.size < size:
        return 0.0
    frames = sliding_window_view(sound, size)[:: size // 2]
    window = np.hanning(size + 2)[1:-1]
    low, high = (round(edge * size / sample_rate_hz) for edge in (100.0, 3800.0))
    energy, share = np.empty(len(frames)), np.empty(len(frames))
    for start in range(0, len(frames), _BLOCK):
        lines = np.fft.rfft(frames[start : start + _BLOCK] * window)[:, low:high]
        power = np.square(lines.real) + np.square(lines.imag)
        part = slice(start, start + len(power))
        energy[part] = power.sum(axis=1)
        power *= np.arange(low, high)  # speech falls with frequency; so it does less
        weighted = power.sum(axis=1)
        share[part] = (_strongest(power) + _strongest(power)) / np.maximum(weighted, 1e-300)
    loud = _loud(energy)
    return float(np.quantile(share[loud], 0.1)) if loud.any() else 0.0


def _strongest(power: Floats) -> Floats:
    """The power of the strongest line and its neighbours, which are taken out."""
    rows = np.arange(len(power))[:, np.newaxis]
    near = np.arange(-_LINE_REACH, _LINE_REACH + 1)
    at = np.clip(power.argmax(axis=1), _LINE_REACH, power.shape[1] - 1 - _LINE_REACH)[:, np.newaxis] + near
    found = power[rows, at].sum(axis=1)
    power[rows, at] = 0.0
    return np.asarray(found)
