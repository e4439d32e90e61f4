"""The bundled speech, as peers want it, and a look at whether it arrived."""

import importlib.resources
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from support.peers import read_wav, write_wav

from dsp.alignment import align
from dsp.errors import MetricRefused
from dsp.track import ArrayTrack

RATE_HZ = 16_000


@dataclass(frozen=True, slots=True)
class Speech:
    """What one side says."""

    path: Path
    for_baresip: Path
    """The same at 48 kHz, with silence after it: baresip hangs up when its file ends."""
    samples: np.ndarray
    """At `RATE_HZ`."""

    def correlation_with(self, heard: np.ndarray, rate_hz: int) -> float:
        """Return how like what was said a recording is, at the best offset: 0 to 1; 0 where it is not found."""
        recording = np.ascontiguousarray(soxr.resample(heard, rate_hz, RATE_HZ), dtype=np.float32)
        try:
            found = align(ArrayTrack(self.samples, RATE_HZ), ArrayTrack(recording, RATE_HZ))
        except MetricRefused:
            return 0.0
        return max(stretch.correlation for stretch in found.stretches)


def bundled_speech(name: str, folder: Path, seconds: float = 4.0) -> Speech:
    """Write the first *seconds* of the bundled speaker *name* into *folder*."""
    source = importlib.resources.files("softphone") / "data" / "speech" / f"{name}.wav"
    with importlib.resources.as_file(source) as path:
        samples, rate_hz = read_wav(path)
    said = samples[: round(seconds * rate_hz)]
    path, for_baresip = folder / f"{name}.wav", folder / f"{name}-48k.wav"
    write_wav(path, said, rate_hz)
    silence = np.zeros(48_000 * 26, dtype=np.float32)
    write_wav(for_baresip, np.concatenate((soxr.resample(said, rate_hz, 48_000), silence)), 48_000)
    return Speech(
        path, for_baresip, np.ascontiguousarray(soxr.resample(said, rate_hz, RATE_HZ), dtype=np.float32)
    )
