"""Voices that are acted: a take that says at once what a singer would, and a process that measures without measuring."""

import math
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from softphone.errors import UsageError
from softphone.io.memos.keeping import write_flac
from softphone.io.memos.memo import Memo, NewMemo
from softphone.io.memos.store import MemoStore
from softphone.io.voice_job import VoiceJob

RATE_HZ = 16_000
RESULT: dict[str, Any] = {
    "schema": 1, "f0_mean_hz": 221.3, "f0_median_hz": 221.0, "jitter_local_pct": 0.412, "shimmer_local_pct": 2.31,
    "hnr_db": 21.4, "cpps_db": 15.2, "verdict": ["ok"], "warnings": [], "task": {"kind": "vowel", "reason": "held"},
    "settings": {"f0": {"floor_hz": 60.0}}, "error": None, "refused": {},
}  # fmt: skip


def kept_memo(
    store: MemoStore, name: str, *, seconds: float = 0.5, day: int = 1, result: Any = RESULT
) -> Memo:
    """A memo in *store*, half a second of a tone; measured, unless *result* is None."""
    new = NewMemo(
        f"202601{day:02d}-120000-{day:08x}", name, f"2026-01-{day:02d}T12:00:00+00:00", RATE_HZ, 1, "null"
    )
    tone = 0.1 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    frames = write_flac(store.path_of(new.id), new, [tone.astype(np.float32)[None, :]])
    memo = store.add(new, frames, origin="recorded")
    if result is None:
        return memo
    return store.set_result(
        memo, {**result, "file": name}, measured_at="2026-01-31T12:00:00+00:00", version="1/1"
    )


@dataclass
class ActedMeasuring:
    """Measures nothing, and says what it was told to."""

    result: dict[str, Any]
    refusal: str | None = None
    jobs: list[tuple[VoiceJob, str]] | None = None
    closed: bool = False

    def measure(self, job: VoiceJob, name: str, *, report: Path | None = None) -> dict[str, Any]:
        if self.jobs is not None:
            self.jobs.append((job, name))
        if self.refusal is not None:
            raise UsageError(self.refusal)
        if report is not None:
            report.write_text(
                f"<!doctype html><title>{name}</title><h1>Voice of {name}</h1>", encoding="utf-8"
            )
        return {**self.result, "file": name}

    def close(self) -> None:
        self.closed = True


class ActedTake:
    """A `softphone.app.live_take.LiveTake` of a vowel with some vibrato; `take` is itself."""

    def __init__(self, store: MemoStore, name: str | None) -> None:
        self.name = name or "2026-01-31-120000"
        self.store = store
        self.fault: Exception | None = None
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.started = False
        self.asked = 0
        self.more: dict[str, Any] = {}
        """What is told otherwise than it would be."""
        self.memo: Memo | None = None

    @property
    def take(self) -> "ActedTake":
        return self

    def start(self) -> None:
        self.started = True

    def wait(self, seconds: float) -> bool:
        return self.over.wait(seconds)

    def stop(self) -> Memo:
        self.over.set()
        with self.lock:
            if self.memo is None:
                self.memo = kept_memo(self.store, self.name, day=31, result=None)
            return self.memo

    def told(self) -> dict[str, Any]:
        self.asked += 1
        new = 5 if self.asked > 1 else 900
        frame = 900 + 5 * (self.asked - 1)
        at = np.arange(frame - new, frame) / 100
        f0 = 221.0 * 2.0 ** (0.06 * np.sin(2 * np.pi * 5.5 * at) + 0.3 * np.sin(0.6 * at))
        f0[(at % 4.0) < 0.6] = 0.0
        hz = np.arange(50.0, 10_000.0, 100.0)
        levels = -45.0 - 0.004 * hz + 9.0 * np.cos(hz / 320.0)
        return {
            "recording": self.name, "seconds": frame / 100, "level_dbfs": -21.3, "peak_dbfs": -9.8, "clipped": 0,
            "f0_hz": 221.0, "frame": frame, "f0": [None if math.isnan(each) else round(each, 1) for each in f0.tolist()],
            "ltas_db": np.round(levels, 1).tolist(), "hpr_db": -27.4,
            "vowel": {
                "state": "vowel", "why": "", "lasts": True, "measured_s": 3.0, "f0_hz": 221.0, "jitter_local_pct": 0.412,
                "shimmer_local_pct": 2.31, "hnr_db": 21.4, "cpps_db": 15.2,
            },
            **self.more,
        }  # fmt: skip
