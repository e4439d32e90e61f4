"""Segmental signal-to-noise ratio.

Conventions: both signals mono float32 of shape ``(n,)``, aligned to the sample, of one length and rate. Frames of 25 ms, end to
end; only those in which the reference is less than 40 dB below its loudest frame. It sees gain and polarity: a
difference of level counts as noise.
Measures: the mean over the frames of the ratio of the reference's energy to that of the difference, in dB, each limited to -10
to 35 dB, outside of which listeners hear no difference; higher is better. Where a codec makes a new waveform it is low
though nobody hears a fault.
Source: J. H. L. Hansen and B. L. Pellom, "An effective quality evaluation protocol for speech enhancement algorithms", ICSLP
1998, equation 1, with its limits; S. R. Quackenbush, T. P. Barnwell and M. A. Clements, Objective Measures of Speech
Quality, 1988. The rule for frames with speech is ours.
"""

import numpy as np
from numpy.typing import NDArray

from dsp.metrics.base import MetricSpec, check_pair
from dsp.types import Samples

FRAME_S = 0.025
ACTIVE_DB = 40.0
RANGE_DB = (-10.0, 35.0)
MIN_SPEECH_S = 0.2
_BLOCK = 1024


def validate(reference: Samples, degraded: Samples, sample_rate_hz: int) -> None:
    """Raise MetricRefused where the ratio of the two would mean nothing."""
    check_pair("segmental SNR", reference, degraded, sample_rate_hz, min_s=0.1, min_speech_s=MIN_SPEECH_S)


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """The ratio in dB, -10 to 35; see `validate` for what is refused."""
    validate(reference, degraded, sample_rate_hz)
    frame = round(FRAME_S * sample_rate_hz)
    count = reference.size // frame
    signal, noise = np.empty(count), np.empty(count)
    for at in range(0, count, _BLOCK):
        part = slice(at * frame, min(at + _BLOCK, count) * frame)
        said = reference[part].astype(np.float64)
        signal[at : at + _BLOCK] = _energies(said, frame)
        said -= degraded[part]
        noise[at : at + _BLOCK] = _energies(said, frame)
    active = signal > signal.max() * 10.0 ** (-ACTIVE_DB / 10.0)
    low, high = (10.0 ** (limit / 10.0) for limit in RANGE_DB)
    limited = np.clip(noise[active], signal[active] / high, signal[active] / low)
    return float(np.mean(10.0 * np.log10(signal[active] / limited)))


def _energies(sound: NDArray[np.float64], frame: int) -> NDArray[np.float64]:
    frames = sound.reshape(-1, frame)
    found: NDArray[np.float64] = np.einsum("ij,ij->i", frames, frames)
    return found


SPECS = (
    MetricSpec(
        name="segmental_snr",
        unit="dB",
        range=RANGE_DB,
        higher_is_better=True,
        needs_reference=True,
        sample_rates_hz=(),
        measure=measure,
        label="Segmental SNR",
        meaning="How far noise and distortion are below the voice, in decibels, averaged over moments in which somebody "
        "speaks. A change of volume counts as distortion; codecs that rebuild the voice get a low value even where they sound "
        "fine.",
        parametric=False,
        blind_to_gain=False,
    ),
)
