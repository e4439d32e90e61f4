"""The analysis of VLC in NumPy, for a whole signal at once, packet by packet: the twin of dsp/native/vlc_analysis.c."""

from dataclasses import dataclass

import numpy as np

from dsp.codecs.vlc.analysis import AHEAD_MS, FLOOR_DB
from dsp.codecs.vlc.model import Model

PITCH_RATE, STEP, WINDOW, REACH, COMB, POINTS = 4000, 64, 120, 8, 192, 512
CANDIDATES, BACKGROUND, SILENCE, LOUD = 8, 1e-5, 1e-12, 0.1
LEAST_DB, DECAY_DB_PER_S, TINY = -110.0, 1.5, 1e-20


@dataclass
class Described:
    levels_db: np.ndarray
    voicing: np.ndarray
    f0_hz: np.ndarray


def analyse(model: Model, signal: np.ndarray, *, packet_ms: int, hop_ms: int) -> list[Described]:
    """What `Analysis` gives for each packet of *signal*, whole packets."""
    rate = model.sample_rate_hz
    packet, ahead = rate * packet_ms // 1000, rate * AHEAD_MS // 1000
    signal = np.clip(np.nan_to_num(signal.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    before = 4 * model.window_samples
    padded = np.concatenate((np.zeros(before + ahead), signal, np.zeros(4 * model.window_samples)))
    pitch = _Pitch(model, decimated(padded, rate // PITCH_RATE), packet_ms)
    peak_db = LEAST_DB
    found = []
    for start in range(before, before + signal.size, packet):
        end = start + packet + ahead  # all that is known by then
        knots = pitch.packet(start // (rate // PITCH_RATE))
        hop = model.frame_samples(hop_ms)
        frames = packet // hop
        middles = (np.arange(frames) + 0.5) * hop_ms / 16 - 0.5
        f0 = 2 ** np.interp(middles, np.arange(len(knots)), np.log2(knots))
        places = start + hop // 2 - model.window_samples // 2 + hop * np.arange(frames)
        spectra = np.array([_spectrum(model, padded, place) for place in places])
        powers = np.abs(spectra) ** 2 @ model.filter_bank.T
        peak_db = max(
            peak_db - DECAY_DB_PER_S * packet_ms / 1000, LEAST_DB, 10 * np.log10(max(powers.max(), TINY))
        )
        floor = 10 ** (max(peak_db - FLOOR_DB, LEAST_DB) / 10)
        voicing = np.array(
            [
                _voicing(model, padded, at, end, x, f, floor)
                for at, x, f in zip(places, spectra, f0, strict=True)
            ]
        )
        found.append(Described(10 * np.log10(powers + floor), voicing, f0))
    return found


def _spectrum(model: Model, x: np.ndarray, start: float) -> np.ndarray:
    """Of the window that begins at *start*; between samples by Catmull and Rom's cubic."""
    whole = int(np.floor(start))
    part, size = start - whole, model.window_samples
    a, b, c, d = (x[whole + i : whole + i + size] for i in (-1, 0, 1, 2))
    frame = b + 0.5 * part * (c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a)))
    return np.fft.rfft(frame * model.window) / np.sqrt(size / 2)


def _voicing(model, x, start, end, spectrum, f0, floor):
    bank, period = model.voicing_filter_bank.astype(np.float64), model.sample_rate_hz / np.float32(f0)
    quiet = floor * bank.sum(axis=1)
    own = bank @ np.abs(spectrum) ** 2
    best = np.zeros(model.voicing_bands)
    for shift in (-period, period):
        if int(np.floor(start + shift)) - 1 + model.window_samples + 3 > end:
            continue
        other = _spectrum(model, x, start + shift)
        across = bank @ np.real(spectrum * np.conj(other))
        best = np.maximum(best, across / np.sqrt((own + quiet) * (bank @ np.abs(other) ** 2 + quiet)))
    return np.minimum(best, 1.0)


def decimated(x: np.ndarray, factor: int) -> np.ndarray:
    """Low-pass at 1600 Hz without delay, one in *factor* samples, high-pass at 60 Hz."""
    i = np.arange(1 - REACH * factor, REACH * factor)
    taps = np.sinc(2 * 1600 / PITCH_RATE / factor * i) * np.hanning(i.size + 2)[1:-1]
    low = np.convolve(x, taps / taps.sum())[i.size // 2 :][: x.size : factor]
    pole, out, last, state = np.exp(-2 * np.pi * 60 / PITCH_RATE), np.zeros(low.size), 0.0, 0.0
    for j, value in enumerate(low):
        state = value - last + pole * state
        last, out[j] = value, state
    return out


class _Pitch:
    def __init__(self, model: Model, line: np.ndarray, packet_ms: int) -> None:
        self.model, self.line, self.frames = model, line, packet_ms // 16
        self.shortest, self.longest = int(PITCH_RATE / model.f0_max_hz), int(PITCH_RATE / model.f0_min_hz) + 1
        self.peak, self.decay = 0.0, 10 ** (-DECAY_DB_PER_S / 10 * packet_ms / 1000)
        self.score, self.octaves = np.zeros(CANDIDATES), None

    def packet(self, start: int) -> np.ndarray:
        centres = start + STEP // 2 + STEP * np.arange(self.frames)
        pairs = [self._correlate(int(centre) - (WINDOW + self.longest) // 2) for centre in centres]
        loudest = max(energy for _, energy in pairs) / WINDOW
        self.peak = max(self.peak * self.decay, loudest)
        octaves, origins = [], []
        for ratio, energy in pairs:
            weight = 0.2 + 0.8 * min(1.0, np.sqrt(energy / (WINDOW * self.peak + SILENCE)) / LOUD)
            here, heights = self._candidates(ratio)
            before = here if self.octaves is None else self.octaves
            leaps = np.minimum(np.abs(here[:, np.newaxis] - before), 0.35)
            totals = self.score - 2.5 * leaps
            origins.append(totals.argmax(axis=1))
            score = totals.max(axis=1) + 2 * weight * heights
            self.score, self.octaves = np.where(heights < -1e8, -1e9, score - score.max()), here
            octaves.append(here)
        best, f0 = int(self.score.argmax()), np.zeros(self.frames)
        for t in range(self.frames - 1, -1, -1):
            f0[t] = 2 ** octaves[t][best]
            best = origins[t][best]
        fine = [self._refine(int(c) - COMB // 2, f) for c, f in zip(centres, f0, strict=True)]
        return np.clip(fine, self.model.f0_min_hz, self.model.f0_max_hz)

    def _correlate(self, start: int) -> tuple[np.ndarray, float]:
        """At lags of 0, 0.5, 1 ... samples."""
        x, lags = self.line[start:], np.arange(self.longest + 6)
        sums = np.array([x[:WINDOW] @ x[lag : lag + WINDOW] for lag in lags])
        energies = np.array([np.sum(x[lag : lag + WINDOW] ** 2) for lag in lags])
        floor = WINDOW * (BACKGROUND * self.peak + SILENCE)
        offsets = np.arange(-3.5, 4.0)
        taps = np.sinc(offsets) * (0.5 + 0.5 * np.cos(np.pi * offsets / 4))
        taps /= taps.sum()
        grid = np.arange(2 * self.longest + 2)
        products, others = sums[grid // 2].copy(), energies[grid // 2].copy()
        for place in range(1, grid.size, 2):
            lag = place // 2
            others[place] = (energies[lag] + energies[lag + 1]) / 2
            if lag >= 3:
                products[place] = taps @ sums[lag - 3 : lag + 5]
        return products / (np.sqrt(sums[0] * others) + floor) - 0.0006 * grid, float(sums[0])

    def _candidates(self, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lags = np.arange(2 * self.shortest, 2 * self.longest)
        lags = lags[(ratio[lags] >= ratio[lags - 1]) & (ratio[lags] > ratio[lags + 1])]
        before, here, after = ratio[lags - 1], ratio[lags], ratio[lags + 1]
        shifts = np.clip(0.5 * (before - after) / (before - 2 * here + after), -0.5, 0.5)
        tops = here - 0.25 * (before - after) * shifts
        order = np.argsort(-tops, kind="stable")[:CANDIDATES]
        places, tops = (lags + shifts)[order] / 2, tops[order]
        octaves, heights = np.zeros(CANDIDATES), np.full(CANDIDATES, -1e9)
        if not lags.size:
            places, tops = np.array([float(self.longest)]), np.zeros(1)
        octaves[: places.size], heights[: places.size] = np.log2(PITCH_RATE / places), tops
        return octaves, heights

    def _refine(self, start: int, f0: float) -> float:
        frame = self.line[start : start + COMB] * np.hanning(COMB + 2)[1:-1]
        roots = np.sqrt(np.abs(np.fft.rfft(frame, POINTS)))
        tried = f0 * (1 + 0.03 * np.arange(-12, 13) / 12)
        places = np.outer(tried, np.arange(1, max(1, int(1500 / f0)) + 1)) * POINTS / PITCH_RATE
        sums = np.interp(places, np.arange(roots.size), roots).sum(axis=1)
        return float(tried[sums.argmax()])
