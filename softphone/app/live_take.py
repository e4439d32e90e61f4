"""A memo while it is recorded and listened to: the take, what is heard of the voice, and both as others are told them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.live_pitch import STEP_S
from dsp.live_voice import LiveVoice, LiveVoiceReading, LiveVowel
from dsp.live_vowel import WINDOW_S
from dsp.phonation.phonation import VoiceSettings
from dsp.running_spectrum import BAND_HZ, MEMORY_S
from softphone.io.live.port import Port
from softphone.io.memos.store import MemoStore
from softphone.io.memos.take import MemoTake

Values = NDArray[np.float64]

VOWEL_DIGITS = {
    "f0_hz": 1,
    "jitter_local_pct": 3,
    "shimmer_local_pct": 2,
    "hnr_db": 2,
    "cpps_db": 2,
    "measured_s": 2,
}


class LiveTake:
    """Records from *port*, and listens.

    Args:
        port: where sound comes from.
        store: where the memo goes.
        name: of the memo; None: the time.
        settings: of the pitch.
        options: of `MemoTake`.

    Raises:
        UsageError: a name that cannot be, or a rate that no voice is measured at.
    """

    def __init__(
        self, port: Port, store: MemoStore, name: str | None, *, settings: VoiceSettings, **options: Any
    ) -> None:
        self.voice = LiveVoice(port.sample_rate_hz, settings)
        self.take = MemoTake(port, store, name, self.voice.process, **options)
        self._told = 0
        """Frames of pitch that were told."""
        self._trace: Values = np.zeros(0)
        """The newest of them."""

    def told(self) -> dict[str, Any]:
        """What is new since it was asked last, as JSON; for one thread."""
        reading = self.voice.read()
        vowel = self.voice.vowel()
        new = reading.frames - self._told
        count = min(reading.trace_hz.size, new + corrected(self._trace, reading.trace_hz, new))
        self._told, self._trace = reading.frames, reading.trace_hz
        return {"recording": self.take.name, **reading_told(reading, count), "vowel": vowel_told(vowel)}


def corrected(before: Values, trace_hz: Values, new: int) -> int:
    """How many of the frames in *before* were told otherwise than *trace_hz* has them now, behind which *new* came."""
    known = trace_hz[: max(0, trace_hz.size - new)]
    count = min(before.size, known.size)
    wrong = np.flatnonzero(
        ~np.isclose(before[before.size - count :], known[known.size - count :], equal_nan=True)
    )
    return int(count - wrong[0]) if wrong.size else 0


def reading_told(reading: LiveVoiceReading, count: int) -> dict[str, Any]:
    """*reading* as JSON, with the newest *count* frames of the pitch."""
    trace = reading.trace_hz[reading.trace_hz.size - count :]
    return {
        "seconds": round(reading.seconds, 2),
        "level_dbfs": _rounded(reading.level_dbfs),
        "peak_dbfs": _rounded(reading.peak_dbfs),
        "clipped": reading.clipped,
        "f0_hz": _rounded(reading.f0_hz),
        "frame": reading.frames,
        "f0": [None if math.isnan(each) else each for each in np.round(trace, 1).tolist()],
        "ltas_db": [] if reading.ltas_db is None else np.round(reading.ltas_db, 1).tolist(),
        "hpr_db": _rounded(reading.hpr_db),
    }


def vowel_told(vowel: LiveVowel) -> dict[str, Any]:
    """*vowel* as JSON."""
    figures = {key: _rounded(getattr(vowel, key), digits) for key, digits in VOWEL_DIGITS.items()}
    return {"state": vowel.state, "why": vowel.why, "lasts": vowel.lasts, **figures}


def live_settings(settings: VoiceSettings) -> dict[str, str]:
    """What the live figures are made with, a line for each measure."""
    from dsp.voice import measures
    from softphone.scorer.voice_view import settings_text

    pitch = {**measures.get("f0").settings(settings), "step_s": STEP_S}
    found = {"pitch": settings_text(pitch)}
    for name in ("jitter", "shimmer"):
        own = measures.get(name).settings(settings)
        found[name] = settings_text({key: value for key, value in own.items() if key not in pitch})
    found["HNR"] = settings_text(measures.get("hnr").settings(settings)["hnr_db"])
    cepstrum = measures.get("cpp").settings(settings)
    found["CPPS"] = settings_text(
        {key: value for key, value in cepstrum.items() if not isinstance(value, Mapping)}
    )
    found["spectrum"] = f"bands of {BAND_HZ:g} Hz, fading after {MEMORY_S:g} s; HPR of its voiced parts"
    found["vowel"] = f"the newest {WINDOW_S:g} s of it"
    return found


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)
