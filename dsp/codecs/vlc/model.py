"""The model of speech that VLC sends: which parameters there are, and the arrays that say how they relate to a spectrum.

A spectrum is that of a frame of `Model.window_samples` under a square-root Hann window, divided by the root of the
window's energy, so that white noise of mean square 1 has the power 1 in each bin. Bands are triangles, equally
spaced on the Bark scale in the form of H. Hermansky ("Perceptual linear predictive (PLP) analysis of speech",
JASA 87(4), 1990, equation 3: 6 asinh(f / 600 Hz)).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

FRAME_MS = 8
"""Time between the frames that the bitstream's transform over time counts."""
PITCH_FRAME_MS = 16
"""Time between the values of f0 and of the voiced flags in the bitstream."""
PACKETS_MS = (64, 96, 128, 144)
_LOWEST_HZ = 60.0
_LOWEST_VOICING_HZ = 100.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Model:
    """One of the two sets of bands. Arrays are read-only float32."""

    name: str
    sample_rate_hz: int
    window_samples: int
    bands: int
    voicing_bands: int
    f0_min_hz: float
    f0_max_hz: float
    window: Array
    """Square-root Hann, ``(window_samples,)``."""
    band_centres_hz: Array
    """``(bands,)``."""
    filter_bank: Array
    """``(bands, bins)``: a band's energy is the weighted mean of the bins' powers; each row adds up to 1."""
    band_interpolation: Array
    """``(bins, bands)``: gains of bands in dB -> gains of bins in dB; two neighbours for each bin, adding up to 1."""
    voicing_centres_hz: Array
    """``(voicing_bands,)``: the middle of each on the Bark scale."""
    voicing_filter_bank: Array
    """``(voicing_bands, bins)``: 1 where a bin belongs to the band, else 0."""
    voicing_interpolation: Array
    """``(bins, voicing_bands)``: linear on the Bark scale between the centres, constant outside."""

    @property
    def bins(self) -> int:
        """Of a spectrum, 0 Hz and half the sample rate included."""
        return self.window_samples // 2 + 1

    def frame_samples(self, hop_ms: int = FRAME_MS) -> int:
        """Samples from one frame to the next."""
        return self.sample_rate_hz * hop_ms // 1000


@dataclass(frozen=True, slots=True, eq=False)
class PacketParameters:
    """What is sent of one packet, at n moments: the middles of n equal parts of it (8 or 16 ms each)."""

    levels_db: Array
    """``(n, bands)``: 10 log10 of the band energies."""
    voicing: Array
    """``(n, voicing_bands)``, 0 (noise) to 1 (periodic)."""
    f0_hz: Array
    """``(n,)``: defined where there is no voice, too (held or interpolated)."""
    voiced: NDArray[np.bool_]
    """``(n,)``: whether f0 was found there and is worth sending."""


def bark(frequency_hz: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """Hermansky's equation 3."""
    return np.asarray(6.0 * np.arcsinh(np.asarray(frequency_hz) / 600.0), dtype=np.float64)


def _hertz(place: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(600.0 * np.sinh(place / 6.0), dtype=np.float64)


def _equal_steps(lowest_hz: float, highest_hz: float, steps: int) -> NDArray[np.float64]:
    """Places on the Bark scale, both ends among them."""
    low, high = float(bark(lowest_hz)), float(bark(highest_hz))
    return low + (high - low) / steps * np.arange(steps + 1, dtype=np.float64)


def _frozen(values: NDArray[np.float64]) -> Array:
    array = np.ascontiguousarray(values, dtype=np.float32)
    array.setflags(write=False)
    return array


def _triangles(edges: NDArray[np.float64], frequencies_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filter bank of the bands between *edges* (Bark, equal steps; the outer two are no centres)."""
    centres, step = edges[1:-1], edges[1] - edges[0]
    bank = np.maximum(1.0 - np.abs(bark(frequencies_hz) - centres[:, np.newaxis]) / step, 0.0)
    places = _hertz(centres) / frequencies_hz[1]
    for row, place in zip(bank, places, strict=True):
        if row.sum() < 1.0:
            # Narrower than a bin: the two bins beside its centre, by their distance.
            below = int(place)
            row[:] = 0.0
            row[below : below + 2] = 1.0 - (place - below), place - below
    return np.asarray(bank / bank.sum(axis=1, keepdims=True))


def _interpolation(centres: NDArray[np.float64], frequencies_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the values at *centres* (Bark) that give the value at each frequency; constant outside."""
    place = bark(frequencies_hz)
    return np.stack([np.interp(place, centres, row) for row in np.eye(centres.size)], axis=1)


def make_model(
    name: str, sample_rate_hz: int, *, bands: int, highest_hz: float, highest_voicing_hz: float
) -> Model:
    """Build the arrays of a model.

    Args:
        name: of the codec.
        sample_rate_hz: 8000 or 16000.
        bands: triangles between 60 Hz and *highest_hz*.
        highest_hz: where the last triangle ends.
        highest_voicing_hz: where the last of the five voicing bands ends.
    """
    window_samples, voicing_bands = sample_rate_hz * 32 // 1000, 5
    frequencies = np.arange(window_samples // 2 + 1, dtype=np.float64) * (sample_rate_hz / window_samples)
    edges = _equal_steps(_LOWEST_HZ, highest_hz, bands + 1)
    limits = _equal_steps(_LOWEST_VOICING_HZ, highest_voicing_hz, voicing_bands)
    middles = (limits[:-1] + limits[1:]) / 2.0
    place = bark(frequencies)
    belongs = (place >= limits[:-1, np.newaxis]) & (place < limits[1:, np.newaxis])
    return Model(
        name=name,
        sample_rate_hz=sample_rate_hz,
        window_samples=window_samples,
        bands=bands,
        voicing_bands=voicing_bands,
        f0_min_hz=55.0,
        f0_max_hz=420.0,
        window=_frozen(np.sin(np.pi * np.arange(window_samples) / window_samples)),
        band_centres_hz=_frozen(_hertz(edges[1:-1])),
        filter_bank=_frozen(_triangles(edges, frequencies)),
        band_interpolation=_frozen(_interpolation(edges[1:-1], frequencies)),
        voicing_centres_hz=_frozen(_hertz(middles)),
        voicing_filter_bank=_frozen(belongs.astype(np.float64)),
        voicing_interpolation=_frozen(_interpolation(middles, frequencies)),
    )


NARROW = make_model("vlc", 8000, bands=32, highest_hz=3900.0, highest_voicing_hz=3800.0)
WIDE = make_model("vlc-wb", 16000, bands=48, highest_hz=7600.0, highest_voicing_hz=7000.0)
