"""Cost of warping the cepstra of degraded speech onto those of the reference, after WARP-Q.

Conventions: both signals mono float32 of shape ``(n,)``, aligned to 0.1 s, of one length and rate, 8000 Hz or more. Blind to
gain, to polarity, and to a tone colour that stays.
Measures: mean distance of a frame's cepstrum from that of the reference it is nearest to, where the order in time is kept and
the tempo may be half to twice the reference's; 0 (equal) to `MOST`, lower is better. Other words give about 12. Sounds need
not have the same waveform, nor the same moment to some 10 ms, so that vocoders and concealment can be compared; it looks at
the envelope of the spectrum and not at what lies between harmonics, so it cannot hear a buzz or a wrong pitch, and
flatters codecs that send just that envelope.
Source: W. A. Jassim, J. Skoglund, M. Chinen and A. Hines, "WARP-Q: quality prediction for generative neural speech codecs",
ICASSP 2021; H. Sakoe and S. Chiba, IEEE TASSP 26(1), 1978. From the paper: cepstra of 13 coefficients, speech alone, patches
of 0.4 s that overlap by half, subsequence dynamic time warping with bounds on the slope. Ours: both signals are aligned
already, so that a patch is looked for within 0.1 s of its place and not everywhere; frames come every 8 ms and not every 4; the
mean of the cepstra is taken off but their variance is kept (on codecs with known listening tests that orders better); pauses
are what is 40 dB below the loudest frame of the reference; patches are averaged and their median is not taken, so that a
word left out counts.
"""

import numpy as np

from dsp._native import subsequence_dtw
from dsp.mel import Matrix, MelBands, cepstra
from dsp.metrics.base import MetricRefused, MetricSpec, check_pair
from dsp.types import Samples

FRAME_S, HOP_S = 0.032, 0.008
BANDS, COEFFICIENTS = 26, 13
LOW_HZ, HIGH_HZ, HIGHEST = 60.0, 5000.0, 0.475
"""The bands end at `HIGH_HZ`, or at `HIGHEST` times the sample rate where that is less."""
PATCH_S, STEP_S, REACH_S = 0.4, 0.2, 0.1
ACTIVE_DB = 40.0
LEAST_ACTIVE = 0.5
"""Share of a patch in which somebody must speak."""
FLOOR_DB = -40.0
"""Bands are raised to this level, from the mean band while somebody speaks."""
MIN_SPEECH_S = 1.0
MOST = 20.0


def validate(reference: Samples, degraded: Samples, sample_rate_hz: int) -> None:
    """Raise MetricRefused where warping the two would mean nothing."""
    check_pair(
        "WARP-Q", reference, degraded, sample_rate_hz, min_s=PATCH_S + FRAME_S, min_speech_s=MIN_SPEECH_S
    )


def measure(reference: Samples, degraded: Samples, sample_rate_hz: int) -> float:
    """The cost, 0 to `MOST`; see `validate` for what is refused."""
    validate(reference, degraded, sample_rate_hz)
    hop = round(HOP_S * sample_rate_hz)
    bands = MelBands(
        sample_rate_hz,
        frame=round(FRAME_S * sample_rate_hz),
        hop=hop,
        bands=BANDS,
        low_hz=LOW_HZ,
        high_hz=min(HIGH_HZ, HIGHEST * sample_rate_hz),
    )
    said, heard = bands.powers(reference), bands.powers(degraded)
    energy = said.sum(axis=1)
    active = energy > energy.max() * 10.0 ** (-ACTIVE_DB / 10.0)
    x, y = _features(said, active), _features(heard, active)
    patch, step, reach = (round(seconds * sample_rate_hz / hop) for seconds in (PATCH_S, STEP_S, REACH_S))
    costs = [
        subsequence_dtw(x[max(0, at - reach) : at + patch + reach], y[at : at + patch])[0]
        for at in range(0, len(y) - patch + 1, step)
        if np.count_nonzero(active[at : at + patch]) >= LEAST_ACTIVE * patch
    ]
    if not costs:
        raise MetricRefused(f"WARP-Q needs {PATCH_S:g} s in which somebody speaks half of the time")
    return min(MOST, float(np.mean(costs)))


def _features(powers: Matrix, active: np.typing.NDArray[np.bool_]) -> Matrix:
    """Cepstra less their mean while somebody speaks."""
    floor = max(float(powers[active].mean()) * 10.0 ** (FLOOR_DB / 10.0), 1e-30)
    found = cepstra(powers, COEFFICIENTS, floor=floor)
    return np.ascontiguousarray(found - found[active].mean(axis=0))


SPECS = (
    MetricSpec(
        name="warpq",
        unit="cost",
        range=(0.0, MOST),
        higher_is_better=False,
        needs_reference=True,
        sample_rates_hz=(),
        measure=measure,
        label="Warping cost",
        meaning="How far the sounds of the recording are from those of the original when small shifts in time are forgiven: 0 is "
        "the same, other words give about 12. It was made for codecs that rebuild the voice; it hears no buzz and no wrong pitch.",
        parametric=False,
        on_request=True,
        blind_to_gain=True,
    ),
)
