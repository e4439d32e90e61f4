"""Voices and sounds that are no voices, made of partials: for what recognises a task and an unsuitable recording.

Simpler and less exact than `support.vowels` (the truth of no measure is known), but everything may move.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]

AH = ((700.0, 80.0), (1220.0, 90.0), (2600.0, 120.0), (3500.0, 150.0))
EE = ((300.0, 60.0), (2250.0, 100.0), (3000.0, 150.0), (3600.0, 200.0))
OO = ((320.0, 60.0), (800.0, 80.0), (2300.0, 120.0), (3300.0, 150.0))
VOWELS = {"a": AH, "i": EE, "u": OO}


def levelled(samples: Floats, level_dbfs: float = -20.0) -> Samples:
    """*samples* at this mean square."""
    gain = 10.0 ** (level_dbfs / 20.0) / np.sqrt(np.mean(samples**2))
    return np.ascontiguousarray((samples * gain).astype(np.float32))


def response(hz: Floats, formants: tuple[tuple[float, float], ...]) -> Floats:
    """Magnitude of a vocal tract at *hz*, source and lips (-6 dB an octave) included."""
    gain = 1.0 / np.maximum(hz, 50.0)
    for centre, width in formants:
        gain = gain * centre**2 / np.hypot(centre**2 - hz**2 + (width / 2.0) ** 2, width * hz)
    return gain


def phonated(
    f0_hz: Floats | float,
    *,
    seconds: float = 3.0,
    rate_hz: int = 44100,
    formants: tuple[tuple[float, float], ...] = AH,
    breath_db: float | None = None,
    alternating: float = 0.0,
    swell: Floats | float = 1.0,
    level_dbfs: float = -20.0,
    seed: int = 1,
) -> Samples:
    """A held vowel.

    Args:
        f0_hz: constant, or at each sample.
        breath_db: noise through the same formants, so far below the voice.
        alternating: of two cycles one is so much weaker, 0 to 1 (a subharmonic).
        swell: gain, constant or at each sample.
    """
    count = round(seconds * rate_hz)
    track = np.broadcast_to(np.asarray(f0_hz, dtype=np.float64), (count,))
    phase = 2.0 * np.pi * np.cumsum(track) / rate_hz
    out = np.zeros(count)
    for number in range(1, int(min(0.45 * rate_hz, 6000.0) / track.min()) + 1):
        hz = number * track
        gain = np.where(hz < 0.45 * rate_hz, response(hz, formants), 0.0)
        out += gain * np.cos(number * phase)
    if alternating:
        out *= 1.0 - alternating * (0.5 + 0.5 * np.sign(np.sin(phase / 2.0)))
    if breath_db is not None:
        noise = whispered(seconds=seconds, rate_hz=rate_hz, formants=formants, seed=seed).astype(np.float64)
        out += noise * np.sqrt(np.mean(out**2) / np.mean(noise**2)) * 10.0 ** (-breath_db / 20.0)
    return levelled(out * swell, level_dbfs)


def whispered(
    *,
    seconds: float = 3.0,
    rate_hz: int = 44100,
    formants: tuple[tuple[float, float], ...] = AH,
    level_dbfs: float = -30.0,
    seed: int = 1,
) -> Samples:
    """Noise through formants."""
    count = round(seconds * rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hz = np.fft.rfftfreq(count, 1.0 / rate_hz)
    return levelled(np.fft.irfft(spectrum * response(hz, formants) * np.maximum(hz, 50.0), count), level_dbfs)


def noted(
    notes: list[tuple[float, ...]],
    *,
    note_s: float = 0.4,
    rate_hz: int = 44100,
    partials: int = 8,
    decay_s: float = 0.0,
    level_dbfs: float = -20.0,
) -> Samples:
    """Chords one after the other.

    Args:
        notes: the fundamentals of each chord, Hz.
        partials: of each note, each weaker by its number.
        decay_s: as of a plucked string; 0: held.
    """
    count = round(note_s * rate_hz)
    at = np.arange(count) / rate_hz
    edge = np.minimum(1.0, np.minimum(at, at[::-1]) / 0.01)
    fade = np.exp(-at / decay_s) if decay_s else 1.0
    out = [
        edge
        * fade
        * sum(np.cos(2 * np.pi * k * hz * at + k) / k for hz in chord for k in range(1, partials + 1))
        for chord in notes
    ]
    return levelled(np.concatenate(out), level_dbfs)
