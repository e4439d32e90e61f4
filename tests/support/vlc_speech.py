"""Sounds that the tests of VLC analyse, without a file: vowels, and syllables with noise and pauses between them."""

import numpy as np

from dsp.codecs.vlc.model import Model
from dsp.types import Samples

FORMANTS = ((700.0, 1200.0, 2500.0), (300.0, 2200.0, 2900.0), (450.0, 900.0, 2400.0))


def vowel(model: Model, f0_hz: float | np.ndarray, seconds: float, *, which: int = 0) -> Samples:
    """Harmonics of *f0_hz* under three formants, -26 dBov."""
    rate = model.sample_rate_hz
    f0 = np.broadcast_to(np.asarray(f0_hz, dtype=np.float64), round(seconds * rate))
    phase = 2 * np.pi * np.cumsum(f0) / rate
    sound = np.zeros(f0.size)
    for k in range(1, int(0.49 * rate / f0.min()) + 1):
        gain = sum(1 / (1 + ((k * f0 - formant) / 120) ** 2) for formant in FORMANTS[which]) + 3e-3
        sound += gain * np.where(k * f0 < 0.49 * rate, np.cos(k * phase + 0.37 * k * k), 0.0)
    return (sound * 0.05 / np.sqrt(np.mean(sound**2))).astype(np.float32)


def speech(model: Model, seconds: float, *, seed: int = 3) -> Samples:
    """Syllables: 200 ms of a gliding vowel, 60 ms of noise, every third time a pause."""
    rng = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    size = 0
    while size < seconds * model.sample_rate_hz:
        start, end = rng.uniform(90, 230, 2)
        glide = np.linspace(start, start + 0.3 * (end - start), round(0.2 * model.sample_rate_hz))
        syllable = vowel(model, glide, 0.2, which=len(parts) % 3) * np.hanning(glide.size) ** 0.3
        hiss = rng.normal(0, 0.02, round(0.06 * model.sample_rate_hz))
        hiss = np.diff(hiss, prepend=0.0)
        pause = (
            rng.normal(0, 2e-4, round(0.12 * model.sample_rate_hz)) if len(parts) % 6 == 4 else np.zeros(0)
        )
        parts += [syllable, np.concatenate((hiss, pause))]
        size += syllable.size + hiss.size + pause.size
    return np.concatenate(parts)[: round(seconds * model.sample_rate_hz)].astype(np.float32)
