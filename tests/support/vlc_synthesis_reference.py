"""The synthesis of VLC in NumPy: the twin of dsp/native/vlc_render.c, with the same noise."""

import numpy as np

from dsp.codecs.vlc.analysis import FLOOR_DB
from dsp.codecs.vlc.model import Model, PacketParameters

LANES, MASK = 8, (1 << 64) - 1
TINY, NOTHING_DB, LEAST_DB, DECAY_DB_PER_S = 1e-20, -210.7, -110.0, 1.5


class Reference:
    """What `VlcSynthesis` does, with the harmonics added up one by one."""

    def __init__(self, model: Model, *, hop_ms: int, passes: int, seed: int = 1) -> None:
        self.model, self.passes = model, passes
        self.hop, self.size = model.frame_samples(hop_ms), model.window_samples
        self.overlap = self.size // self.hop
        old = self.overlap - 1
        self.random, self.peak_db, self.phase, self.f0 = 2 * seed + 1, LEAST_DB, 0.0, None
        self.spectra = np.zeros((old, model.bins), dtype=complex)
        self.targets = np.full((old, model.bands), NOTHING_DB)
        self.tail = np.zeros(old * self.hop)

    def render(self, p: PacketParameters, offset_hz: float = 0.0) -> np.ndarray:
        model, old, frames = self.model, self.overlap - 1, p.f0_hz.size
        held = np.minimum(np.arange(frames + old), frames - 1)
        levels = p.levels_db.astype(np.float64)[held]
        fall = DECAY_DB_PER_S * self.hop * frames / model.sample_rate_hz
        self.peak_db = max(self.peak_db - fall, LEAST_DB, levels.max())
        floor = 10 ** (max(self.peak_db - FLOOR_DB, LEAST_DB) / 10)
        target = 10 * np.log10(np.maximum(10 ** (levels / 10) - floor, 0.01 * floor))
        share = np.clip(p.voicing.astype(np.float64)[held], 1e-6, 1.0) ** 0.45 @ model.voicing_interpolation.T
        tones = self._spectra(self._harmonics(p.f0_hz.astype(np.float64), offset_hz))
        gain = np.clip(target - self._measure(tones), -120.4, 90.3)
        noise = self._noise(frames + 2 * old)[old:]
        spread = np.exp(-0.5j * np.pi * 0.004 * model.sample_rate_hz * np.linspace(0, 1, model.bins) ** 2)
        shaped = tones * spread * self._bins(gain) * np.sqrt(share)
        shaped += noise * self._bins(target) * np.sqrt(np.abs(1 - share))
        spectra, target = np.concatenate((self.spectra, shaped)), np.concatenate((self.targets, target))
        for _ in range(self.passes):
            spectra = self._spectra(self._sound(spectra))
            spectra = spectra * self._bins(np.clip(target - self._measure(spectra), -19.99, 19.99))
        sound = self._sound(spectra)[: (frames + old) * self.hop]
        self.spectra, self.targets = spectra[frames : frames + old], target[frames : frames + old]
        self.tail = sound[frames * self.hop :]
        return sound[old * self.hop :]

    def _harmonics(self, f0: np.ndarray, offset_hz: float) -> np.ndarray:
        rate, reach, old = self.model.sample_rate_hz, self.overlap // 2, self.overlap - 1
        before = np.full(reach, f0[0]) if self.f0 is None else self.f0
        count = f0.size + old + self.overlap - 1
        knots = np.concatenate((before, f0, np.full(count + 1 - reach - f0.size, f0[-1])))
        self.f0 = knots[f0.size : f0.size + reach]
        places = np.arange(count * self.hop) / self.hop
        frequency = np.interp(places, np.arange(knots.size), knots)
        # The integral of what is straight between samples.
        turns = np.concatenate(([0.0], np.cumsum((frequency[1:] + frequency[:-1]) / 2))) / rate + self.phase
        self.phase = turns[f0.size * self.hop] % 1.0
        top = 0.985 * rate / 2
        sound = np.zeros(frequency.size)
        for k in range(1, int(top / frequency.min()) + 1):
            sound += np.clip((top - k * frequency) / 50.0, 0.0, 1.0) * np.cos(2 * np.pi * k * turns)
        assert offset_hz == 0.0
        return sound * np.sqrt(frequency / rate)

    def _noise(self, lanes: int) -> np.ndarray:
        batches = -(-lanes // LANES)
        turns = np.zeros((batches * LANES, self.model.bins))
        for batch in range(batches):
            for k in range(self.model.bins):
                x = self.random
                x ^= x >> 12
                x = (x ^ x << 25) & MASK
                x ^= x >> 27
                self.random = x
                drawn = x * 0x2545F4914F6CDD1D & MASK
                for lane in range(LANES):
                    turns[batch * LANES + lane, k] = ((drawn >> 8 * lane & 255) + 0.5) / 256
        return np.exp(2j * np.pi * turns)[:lanes]

    def _spectra(self, sound: np.ndarray) -> np.ndarray:
        frames = np.lib.stride_tricks.sliding_window_view(sound, self.size)[:: self.hop]
        return np.fft.rfft(frames * self.model.window, axis=1) / np.sqrt(self.size / 2)

    def _sound(self, spectra: np.ndarray) -> np.ndarray:
        frames = np.fft.irfft(spectra, self.size, axis=1) * self.model.window * np.sqrt(self.size / 2)
        sound = np.zeros((len(frames) - 1) * self.hop + self.size)
        for index, frame in enumerate(frames):
            sound[index * self.hop : index * self.hop + self.size] += frame
        sound /= self.size / 2 / self.hop
        sound[: self.tail.size] = self.tail
        return sound

    def _measure(self, spectra: np.ndarray) -> np.ndarray:
        return 10 * np.log10(np.abs(spectra) ** 2 @ self.model.filter_bank.T + TINY)

    def _bins(self, gain_db: np.ndarray) -> np.ndarray:
        return 10 ** (gain_db @ self.model.band_interpolation.T / 20)
