"""What costs nothing in a VLC decoder, as its parameters are a spectrum already: pitch, frequencies, equaliser, noise reduction.

All of it changes `PacketParameters` between `packet` and `synthesis`; only a shift of frequencies also tells the synthesis by how
much to move its harmonics (`Effects.offset_hz`).
"""

from dataclasses import replace

import numpy as np

from dsp.codecs.vlc.background import Background
from dsp.codecs.vlc.model import FRAME_MS, Array, Model, PacketParameters, bark
from dsp.errors import ParameterError

MOST_SHIFT_HZ = 1000.0
PITCH_RATIOS = (0.5, 2.0)
MOST_GAIN_DB = 40.0
MOST_REDUCTION_DB = 40.0
NOISE_OVER_QUARTILE_DB = 9.0
"""The maximum of a noise's level in a frame of 32 ms, above the lower quartile: exceeded by white noise 1 % of the time."""
SOFT_DB = 6.0
"""From untouched to dropped."""
FOREGROUND_FLOOR_DB = 50.0
"""Voice so far below the loudest band of late is dropped, too."""
PEAK_FALL_DB_PER_S = 1.5
_SILENCE_DB = -110.0


class Effects:
    """Changes the parameters of one packet after the other.

    Args:
        model: that the parameters belong to.
        hop_ms: of their frames, 8 or 16.
        frequency_shift_hz: added to all frequencies, -1000 to 1000.
        pitch_ratio: f0 times this, 0.5 to 2; formants stay where they are.
        equaliser_db: gain in dB, -40 to 40, at each frequency in Hz; linear on the Bark scale between, constant outside.
        noise_reduction_db: what is dropped from bands without voice under the maximum of the noise, 0 to 40.

    Raises:
        ParameterError: if a number is out of range.
    """

    def __init__(
        self,
        model: Model,
        *,
        hop_ms: int = FRAME_MS,
        frequency_shift_hz: float = 0.0,
        pitch_ratio: float = 1.0,
        equaliser_db: dict[float, float] | None = None,
        noise_reduction_db: float = 0.0,
    ) -> None:
        gains = {} if equaliser_db is None else dict(sorted(equaliser_db.items()))
        _check("frequency shift", frequency_shift_hz, -MOST_SHIFT_HZ, MOST_SHIFT_HZ, "Hz")
        _check("pitch ratio", pitch_ratio, *PITCH_RATIOS, "")
        _check("noise reduction", noise_reduction_db, 0.0, MOST_REDUCTION_DB, "dB")
        for frequency, gain in gains.items():
            _check("equaliser frequency", frequency, 0.0, model.sample_rate_hz / 2, "Hz")
            _check("equaliser gain", gain, -MOST_GAIN_DB, MOST_GAIN_DB, "dB")
        self.offset_hz = float(frequency_shift_hz)
        """For `dsp.codecs.vlc.synthesis.Synthesis.offset_hz`."""
        self._model = model
        self._ratio = np.float32(pitch_ratio)
        self._voices = _voicing_of_bands(model)
        self._moved = _moved(model, self.offset_hz) if self.offset_hz else None
        self._gains: Array | None = None
        if gains:
            places = bark(np.array(list(gains)))
            at = np.interp(bark(model.band_centres_hz), places, list(gains.values()))
            self._gains = at.astype(np.float32)
        self._reduction = (
            NoiseReduction(model, noise_reduction_db, hop_ms=hop_ms) if noise_reduction_db else None
        )

    def apply(self, parameters: PacketParameters) -> PacketParameters:
        """The parameters of a packet, changed; those given stay as they are."""
        levels, f0_hz = parameters.levels_db, parameters.f0_hz * self._ratio
        if self._reduction is not None:
            levels = self._reduction.apply(levels, parameters.voicing)
        if self._ratio != 1.0:
            levels = self._over_harmonics(levels, parameters)
        if self._moved is not None:
            levels = levels @ self._moved[0] + self._moved[1]
        if self._gains is not None:
            levels = levels + self._gains
        return replace(parameters, levels_db=np.ascontiguousarray(levels), f0_hz=f0_hz)

    def _over_harmonics(self, levels_db: Array, parameters: PacketParameters) -> Array:
        """Levels as they would be at a harmonic: narrow bands also tell the gaps between those of the old pitch."""
        centres = self._model.band_centres_hz
        near = np.abs(centres - centres[:, np.newaxis]) <= float(np.median(parameters.f0_hz)) / 2.0
        highest = np.where(near, levels_db[:, np.newaxis, :], -np.inf).max(axis=2)
        voiced = np.clip(parameters.voicing @ self._voices, 0.0, 1.0)
        over: Array = levels_db + voiced * (highest - levels_db)
        return over

    def apply_to_noise(self, levels_db: Array) -> Array:
        """The levels, ``(bands,)``, of a silence descriptor, changed alike."""
        model = self._model
        one = PacketParameters(
            levels_db[np.newaxis],
            np.zeros((1, model.voicing_bands), dtype=np.float32),
            np.full(1, 100.0, dtype=np.float32),
            np.zeros(1, dtype=np.bool_),
        )
        changed: Array = self.apply(one).levels_db[0]
        return changed


class NoiseReduction:
    """Drops what lies under the maximum of the noise and is no voice.

    Args:
        model: that the levels belong to.
        depth_db: by how much.
        hop_ms: of the frames.
    """

    def __init__(self, model: Model, depth_db: float, *, hop_ms: int = FRAME_MS) -> None:
        self._hop_s = hop_ms / 1000.0
        self._depth = np.float32(depth_db)
        self._voices = _voicing_of_bands(model)
        self._background = Background()
        self._peak = _SILENCE_DB

    def apply(self, levels_db: Array, voicing: Array) -> Array:
        """Levels, ``(n, bands)``, and voicing, ``(n, voicing bands)`` -> levels, of a packet."""
        seconds = levels_db.shape[0] * self._hop_s
        self._background.follow(levels_db)
        self._peak = max(self._peak - PEAK_FALL_DB_PER_S * seconds, float(levels_db.max()))
        noise = self._background.levels_db
        if noise is None:
            return levels_db
        under = (noise + np.float32(NOISE_OVER_QUARTILE_DB + SOFT_DB) - levels_db) / SOFT_DB
        dropped = np.clip(under, 0.0, 1.0) * (1.0 - np.clip(voicing @ self._voices, 0.0, 1.0))
        silent = np.clip((self._peak - FOREGROUND_FLOOR_DB - levels_db) / SOFT_DB, 0.0, 1.0)
        # The mean with both neighbours, in time and in frequency: lone peaks of noise would ring.
        share = np.pad(np.maximum(dropped, silent), 1, mode="edge")
        share = (share[:-2] + share[1:-1] + share[2:]) / 3.0
        share = (share[:, :-2] + share[:, 1:-1] + share[:, 2:]) / 3.0
        lowered: Array = (levels_db - self._depth * share).astype(np.float32)
        return lowered


def _check(what: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise ParameterError(f"{what} must be {low:g} to {high:g} {unit}".rstrip() + f", got {value:g}")


def _moved(model: Model, shift_hz: float) -> tuple[Array, Array]:
    """Matrix (bands, bands) and offsets (bands,): the level at each centre is that of *shift_hz* below; -110 dB beyond the ends."""
    centres = model.band_centres_hz.astype(np.float64)
    source = centres - shift_hz
    inside = (source >= centres[0] / 2) & (source <= model.sample_rate_hz / 2)
    places = bark(np.maximum(source, 0.0))
    columns = [np.interp(places, bark(centres), row) * inside for row in np.eye(centres.size)]
    return np.stack(columns).astype(np.float32), np.where(inside, 0.0, _SILENCE_DB).astype(np.float32)


def _voicing_of_bands(model: Model) -> Array:
    """Matrix (voicing bands, bands): voicing at the bands' centres."""
    voices = bark(model.voicing_centres_hz)
    rows = [np.interp(bark(model.band_centres_hz), voices, row) for row in np.eye(voices.size)]
    return np.stack(rows).astype(np.float32)
