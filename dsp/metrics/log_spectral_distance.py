"""Log-spectral distance: how far the short-time spectra of two signals are apart.

Conventions: both signals mono float32 of shape ``(n,)``, aligned to a few milliseconds, of one length and rate. Frames of 32
ms every 16 ms under a Hann window; only those in which the reference is less than 40 dB below its loudest frame; lines
from 100 Hz to 0.45 of the sample rate, 7200 Hz at most. Powers below a floor, 60 dB under the mean power of a line in these frames
of the reference, are raised to it. It sees gain: a gain of 6 dB is a distance of about 6 dB.
Measures: the mean over the frames of the root of the mean square of the difference of a line in dB: 0 (equal) to 60, to which a
difference is limited; lower is better. About 1 dB is heard by nobody (Paliwal and Atal 1993 call 1 dB transparent for
the envelopes that codecs send). Lines between harmonics count as much as the harmonics.
Source: A. H. Gray and J. D. Markel, "Distance measures for speech processing", IEEE TASSP 24(5), 1976, the rms log spectral
measure (d2); K. K. Paliwal and B. S. Atal, IEEE TSAP 1(1), 1993. Frames, band and floor are ours.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dsp.metrics.base import MetricSpec, check_pair
from dsp.types import Samples

FRAME_S, HOP_S = 0.032, 0.016
ACTIVE_DB = 40.0
FLOOR_DB = -60.0
MOST_DB = 60.0
LOWEST_HZ, HIGHEST_HZ, HIGHEST = 100.0, 7200.0, 0.45
MIN_SPEECH_S = 0.2
_BLOCK = 512

Floats = NDArray[np.float64]


def validate(reference: Samples, degraded: Samples, sample_rate_hz: int) -> None:
    """Raise MetricRefused where the distance of the two would mean nothing."""
    check_pair(
        "log-spectral distance", reference, degraded, sample_rate_hz, min_s=0.1, min_speech_s=MIN_SPEECH_S
    )


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """The distance in dB, 0 to 60; see `validate` for what is refused."""
    validate(reference, degraded, sample_rate_hz)
    frame, hop = round(FRAME_S * sample_rate_hz), round(HOP_S * sample_rate_hz)
    window = np.hanning(frame + 2)[1:-1]
    said, heard = (sliding_window_view(each, frame)[::hop] for each in (reference, degraded))
    energy = np.concatenate(
        [np.square(said[at : at + _BLOCK] * window).sum(axis=1) for at in range(0, len(said), _BLOCK)]
    )
    active = np.flatnonzero(energy > energy.max() * 10.0 ** (-ACTIVE_DB / 10.0))
    # Parseval: the mean of the lines of a frame, one side, is its windowed energy.
    floor = float(energy[active].mean()) * 10.0 ** (FLOOR_DB / 10.0)
    low, high = (
        round(edge * frame / sample_rate_hz)
        for edge in (LOWEST_HZ, min(HIGHEST_HZ, HIGHEST * sample_rate_hz))
    )
    total = 0.0
    for at in range(0, active.size, _BLOCK):
        chosen = active[at : at + _BLOCK]
        apart = _decibels(said[chosen] * window, floor, low, high)
        apart -= _decibels(heard[chosen] * window, floor, low, high)
        np.clip(apart, -MOST_DB, MOST_DB, out=apart)
        total += float(np.sqrt(np.square(apart).mean(axis=1)).sum())
    return total / active.size


def _decibels(frames: Floats, floor: float, low: int, high: int) -> Floats:
    lines = np.fft.rfft(frames)[:, low:high]
    power = np.square(lines.real) + np.square(lines.imag)
    return np.asarray(10.0 * np.log10(np.maximum(power, floor, out=power)))


SPECS = (
    MetricSpec(
        name="log_spectral_distance",
        unit="dB",
        range=(0.0, MOST_DB),
        higher_is_better=False,
        needs_reference=True,
        sample_rates_hz=(),
        measure=measure,
        label="Log-spectral distance",
        meaning="How far the tone colour of the recording is from that of the original, in decibels: 0 is the same, 1 is "
        "inaudible, 10 is another sound. A change of volume counts, too.",
        parametric=False,
        blind_to_gain=False,
    ),
)
