"""Pauses, a packet at a time: is there speech in it, once the background is taken away?

The background of each Bark band follows what is no speech, and is held to the least that the band has been lately (R. Martin,
"Noise power spectral density estimation based on optimal smoothing and minimum statistics", IEEE TSAP 9(5), 2001). Each
spectrum is denoised by Wiener's gain. A packet holds speech when a spectrum in it is likelier with speech than without (J. Sohn,
N. S. Kim and W. Sung, "A statistical model-based voice activity detection", IEEE Signal Processing Letters 6(1), 1999,
equation 3) *and* what is left of it after denoising is loud enough, beside the speech heard so far, to be missed.
All spectra of a packet are judged at once: a few array operations per packet.
"""

import numpy as np
from numpy.typing import NDArray

from dsp.loudness_spectrum import BANDS, BarkPowers
from dsp.types import Samples

Powers = NDArray[np.float32]

START_S = 0.5
"""Until then everything counts as speech: the background is not known."""
HANGOVER_S = 0.12
"""Weak ends of words, and background for the receiver to hear."""
LEAST_HUNG = 0.4
"""A packet of which the hangover covers less is not sent for it: 4 % more of the pauses are saved with packets of 144 ms, and no
more speech is lost."""
THRESHOLD = 0.45
"""Mean log likelihood ratio of a band."""
AUDIBLE_DB = -35.0
"""Denoised power of speech that would be missed, against the level of the speech so far."""
QUIET = 1e-8
"""Power (-80 dBov) below which nobody speaks."""
MEMORY_S, MEMORY_PARTS = 2.0, 8
"""How long the least of a band is remembered."""
OVER_LEAST = (1.5, 2.4)
"""The background lies between these multiples of the least of its smoothed power."""
FOLLOW_S = 0.5
"""Time constant of the background in pauses."""
LEVEL_FALL_DB_PER_S = 0.5
"""So slowly a speaker who has become quieter is believed."""
SMOOTH = np.array([0.25, 0.5, 0.25], dtype=np.float32)
THRESHOLD_IN_SPEECH = 0.3
_LEAST = np.float32(1e-13)
_MOST_SNR = np.float32(1e3)


class PauseDetector:
    """Tells packets of a pause from packets with speech.

    Args:
        sample_rate_hz: 8000 to 48000.
        packet_samples: of a packet, 10 ms and more.

    Raises:
        ParameterError: for another rate.
    """

    def __init__(self, sample_rate_hz: int, packet_samples: int) -> None:
        self._bark = BarkPowers(sample_rate_hz)
        hop = self._bark.hop_samples
        # The last window ends with the packet, the first reaches back into the one before.
        self._heard = np.zeros((1, (-(-packet_samples // hop) + 1) * hop), dtype=np.float32)
        self._seconds = packet_samples / sample_rate_hz
        self._hang = HANGOVER_S
        self._begun = 0.0
        self.background: Powers = np.full(BANDS, _LEAST, dtype=np.float32)
        """Power of the background in each band; to be read only."""
        self.level = 0.0
        """Power of the speech so far, denoised."""
        self._parts = np.full((MEMORY_PARTS, BANDS), np.inf, dtype=np.float32)
        self._part = 0
        self._in_part = 0.0
        self._left = START_S
        self.speaking = True
        """Whether there was speech in the last packet itself; without, it may still count by the hangover."""

    def is_pause(self, packet: Samples) -> bool:
        """Whether *packet*, ``packet_samples`` long and finite, can be left out."""
        heard = self._heard
        heard[0, : heard.shape[1] - packet.size] = heard[0, packet.size :]
        heard[0, heard.shape[1] - packet.size :] = packet
        powers = self._bark.measure(heard)[0]
        speech = self._judge(powers)
        last = int(np.flatnonzero(speech)[-1]) + 1 if speech.any() else 0
        self._learn(powers, speech)
        self._begun += self._seconds
        self.speaking = last > 0
        active = self.speaking or self._left > LEAST_HUNG * self._seconds
        if last:
            self._left = max(self._left, self._hang) - (len(speech) - last) * self._seconds / len(speech)
        else:
            self._left -= self._seconds
        return not active

    def _judge(self, powers: Powers) -> NDArray[np.bool_]:
        """For each spectrum, whether there is speech in it."""
        smooth = powers.copy()
        smooth[1:-1] = SMOOTH[0] * (powers[:-2] + powers[2:]) + SMOOTH[1] * powers[1:-1]
        posterior = np.minimum(smooth / self.background, _MOST_SNR)
        prior = np.maximum(posterior - 1, 0)
        share = prior / (1 + prior)
        ratio = (posterior * share - np.log1p(prior)).mean(axis=1)
        left = (share * share * smooth).sum(axis=1)
        audible = max(QUIET, self.level * 10.0 ** (AUDIBLE_DB / 10))
        threshold = THRESHOLD_IN_SPEECH if self._left > 0 else THRESHOLD
        found: NDArray[np.bool_] = (ratio > threshold) & (left > audible)
        if found.any():
            loud = float(left[found].mean())
            self.level = max(self.level * 10.0 ** (-LEVEL_FALL_DB_PER_S * self._seconds / 10), loud)
        return found

    def _learn(self, powers: Powers, speech: NDArray[np.bool_]) -> None:
        """Follow the background."""
        # The least over the packet of a mean over 50 ms.
        count = len(powers)
        wide = min(5, count)
        sums = np.cumsum(powers, axis=0)
        means = sums[wide - 1 :].copy()
        means[1:] -= sums[:-wide]
        least = means.min(axis=0) / wide
        parts = self._parts
        np.minimum(parts[self._part], least, out=parts[self._part])
        self._in_part += self._seconds
        if self._in_part >= MEMORY_S / MEMORY_PARTS:
            self._in_part = 0.0
            self._part = (self._part + 1) % MEMORY_PARTS
            parts[self._part] = least
        lowest = parts.min(axis=0)
        quiet = ~speech
        share = float(quiet.mean())
        background = self.background
        if self._begun == 0.0:
            background[:] = powers.mean(axis=0)
        elif share > 0:
            mean = powers[quiet].mean(axis=0)
            keep = float(np.exp(-self._seconds * share / FOLLOW_S))
            background *= keep
            background += (1 - keep) * np.minimum(mean, 4 * background)
        np.minimum(background, lowest * np.float32(OVER_LEAST[1]), out=background)
        np.maximum(background, np.maximum(lowest * np.float32(OVER_LEAST[0]), _LEAST), out=background)
