"""A preset, run on files as the command does it, and what is measured on them."""

import functools
import itertools
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from support.suppression import noise, speech

from dsp.level import measure_level
from dsp.loudness import LoudnessMeter
from dsp.metrics.stoi import measure as stoi
from dsp.types import Block, Samples
from softphone.app.filtering import run_file


class Bench:
    """One preset, run on files as the command does it, at one sample rate."""

    def __init__(self, name: str, rate_hz: int, folder: Path) -> None:
        self.name = name
        self.rate_hz = rate_hz
        self._folder = folder

    def run(self, sound: Block | Samples) -> Block:
        """*sound*, mono or ``(channels, n)``, after the preset: ``(channels, n)``, without delay, as long as it was."""
        given = np.atleast_2d(sound)
        source, target = self._folder / "in.wav", self._folder / "out.wav"
        soundfile.write(source, given.T, self.rate_hz, subtype="FLOAT")
        run_file(self.name, source, target, force=True)
        samples, rate_hz = soundfile.read(target, dtype="float32", always_2d=True)
        assert rate_hz == self.rate_hz
        assert samples.shape[0] >= given.shape[1]
        return np.ascontiguousarray(samples.T[:, : given.shape[1]])

    def mono(self, sound: Samples) -> Samples:
        """*sound* after the preset, which leaves one channel."""
        (only,) = self.run(sound)
        return only

    def speech(self, name: str, level_dbov: float | None = None) -> Samples:
        """A speaker at this rate, at an active level."""
        sound = speech(name, self.rate_hz)
        if level_dbov is None:
            return sound.copy()
        level = measure_level(sound, self.rate_hz).level_dbov
        assert level is not None
        return sound * np.float32(10 ** ((level_dbov - level) / 20))

    def tone(self, freq_hz: float, amplitude: float = 0.1, seconds: float = 6.0) -> Samples:
        t = np.arange(round(seconds * self.rate_hz)) / self.rate_hz
        return (amplitude * np.sin(2 * np.pi * freq_hz * t)).astype(np.float32)

    def noise(self, level_dbfs: float = -30.0, seconds: float = 6.0) -> Samples:
        """White noise, which has something at each frequency."""
        return noise("white", round(seconds * self.rate_hz), self.rate_hz) * np.float32(
            10 ** (level_dbfs / 20)
        )

    def power_db(self, sound: Samples, low_hz: float, high_hz: float) -> float:
        """Power between two frequencies, with a window whose side lobes lie below -90 dB."""
        freqs_hz, lines = self._lines(sound.tobytes())
        return float(10 * np.log10(lines[(freqs_hz >= low_hz) & (freqs_hz <= high_hz)].sum() + 1e-20))

    @functools.lru_cache(maxsize=8)  # noqa: B019 - a bench lives as long as one test
    def _lines(self, data: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        sound = np.frombuffer(data, dtype=np.float32).astype(np.float64)
        size = 1 << (sound.size - 1).bit_length()
        lines = np.abs(np.fft.rfft(sound * np.blackman(sound.size) ** 2, size)) ** 2
        return np.fft.rfftfreq(size, 1 / self.rate_hz), lines

    def gain_db(self, before: Samples, after: Samples, low_hz: float, high_hz: float) -> float:
        """How much more there is between two frequencies after than before."""
        return self.power_db(after, low_hz, high_hz) - self.power_db(before, low_hz, high_hz)

    def bands_db(self, before: Samples, after: Samples, low_hz: float, high_hz: float) -> NDArray[np.float64]:
        """`gain_db` of each sixth of an octave from one frequency to another."""
        edges = np.geomspace(low_hz, high_hz, 1 + max(1, round(6 * np.log2(high_hz / low_hz))))
        return np.array([self.gain_db(before, after, *each) for each in itertools.pairwise(edges)])

    def level_dbov(self, sound: Samples) -> float:
        level = measure_level(sound, self.rate_hz).level_dbov
        assert level is not None
        return level

    def loudness(self, sound: Block) -> tuple[float, float]:
        """Integrated loudness in LUFS, highest true peak in dBTP."""
        meter = LoudnessMeter(self.rate_hz, sound.shape[0])
        meter.process(np.ascontiguousarray(sound).copy())
        assert meter.integrated_lufs is not None
        assert meter.true_peak_dbtp is not None
        return meter.integrated_lufs, meter.true_peak_dbtp

    def stoi(self, clean: Samples, heard: Samples) -> float:
        return stoi(clean, heard, self.rate_hz)

    def loud_and_soft(self, difference_db: float) -> tuple[Samples, int]:
        """Two speakers, the second *difference_db* softer; and where the second begins."""
        first, second = self.speech("man", -18.0), self.speech("woman", -18.0 - difference_db)
        return np.concatenate([first, second]), first.size
