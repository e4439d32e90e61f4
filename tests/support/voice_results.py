"""Results of voices as `softphone.scorer.voice` gives them, with the figures that a test needs."""

from typing import Any


def voice_of(kind: str = "vowel", *, floor_hz: float = 60.0, **figures: float | None) -> dict[str, Any]:
    common = {"pitch_floor_hz": floor_hz, "pitch_ceiling_hz": 600.0, "formant_ceiling_hz": 5500.0}
    return {
        "schema": 1, "file": "x", "seconds": 3.0, "sample_rate_hz": 48_000, "channel": 1, "channels": 1, "from_s": 0.0,
        "task": {
            "kind": kind, "reason": "it is held", "confidence": 1.0, "voiced_s": 3.0, "longest_phonation_s": 3.0, "spans": [],
        },
        "verdict": ["ok"], "warnings": [], "level_dbov": -20.0, "background_dbov": -70.0, "voice_over_background_db": 50.0,
        "refused": {}, "flags": {}, "exploratory": {"permutation_entropy": 0.5}, "sources": {},
        "settings": {"common": common, "cpp": {"floor_hz": floor_hz}, "f0": common, "jitter": common},
        "error": None, "took_s": 0.1, **figures,
    }  # fmt: skip


def nothing_in(why: str = "it is silent: speak into the microphone") -> dict[str, Any]:
    return voice_of() | {"task": None, "verdict": ["silent"], "error": why}
