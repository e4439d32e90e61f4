"""A recording in memory as contours get it, whole or in sections."""

import importlib.resources
import wave
from collections.abc import Iterator

import numpy as np

from dsp.phonation.pitch_track import PitchTrack
from dsp.phonation.section import Section, Whole
from dsp.types import Samples


def sections_of(
    samples: Samples,
    sample_rate_hz: int,
    *,
    core_s: float | None = None,
    margin_s: float = 0.0,
    pitch: PitchTrack | None = None,
) -> Iterator[Section]:
    """Cores of *core_s* with *margin_s* on either side; None: one section."""
    whole = Whole(sample_rate_hz, samples.size, 0.0, 1.0)
    core = samples.size if core_s is None else round(core_s * sample_rate_hz)
    margin = round(margin_s * sample_rate_hz)
    for start in range(0, samples.size, core):
        stop = min(start + core, samples.size)
        first, past = max(0, start - margin), min(samples.size, stop + margin)
        yield Section(whole, np.ascontiguousarray(samples[first:past]), first, start, stop, pitch)


def steady_pitch(
    seconds: float, *, f0_hz: float = 120.0, voiced: tuple[float, float] = (0.0, 1e9)
) -> PitchTrack:
    """A pitch every 12.5 ms, there from *voiced* begin to end."""
    times_s = np.arange(0.00625, seconds, 0.0125)
    f0 = np.where((times_s >= voiced[0]) & (times_s < voiced[1]), f0_hz, 0.0)
    strength = np.where(f0 > 0.0, 0.95, 0.0)
    return PitchTrack(times_s, f0, strength, np.ones_like(f0), 0.0125, 600.0)


def real_voice(name: str) -> tuple[Samples, int]:
    """The bundled recording *name*, and its sample rate."""
    source = importlib.resources.files("softphone") / "data" / "speech" / f"{name}.wav"
    with source.open("rb") as file, wave.open(file) as sound:
        frames = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
        return (frames / 32768.0).astype(np.float32), sound.getframerate()
