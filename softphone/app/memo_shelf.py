"""The memos of a store as others see them over remote control: by their names alone, and measured in another process."""

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from softphone.app.memo import job_of, kind_of, measures_version
from softphone.errors import UsageError
from softphone.io.memo_measuring import MemoMeasuring
from softphone.io.memos.memo import Memo, stamp_of
from softphone.io.memos.store import MemoStore
from softphone.io.voice_job import VoiceJob
from softphone.memo_config import MeasureSettings

MOST = 50
"""Memos that are listed."""
FIGURES = ("f0_mean_hz", "jitter_local_pct", "shimmer_local_pct", "hnr_db", "cpps_db")


class MemoShelf:
    """For any thread.

    Args:
        store: where they lie.
        settings: how they are measured.
        measuring: what measures.
    """

    def __init__(
        self, store: MemoStore, settings: MeasureSettings, measuring: MemoMeasuring | None = None
    ) -> None:
        self.store = store
        self.states: dict[str, str] = {}
        """Of memos that are not ready, by their ids."""
        self._problems: dict[str, str] = {}
        self._settings = settings
        self._measuring = MemoMeasuring() if measuring is None else measuring
        self._pages = tempfile.TemporaryDirectory(prefix="softphone-voice-", ignore_cleanup_errors=True)

    def newest(self, most: int = MOST) -> list[dict[str, Any]]:
        """The newest *most*, the newest first."""
        return [self.told(memo) for memo in reversed(self.store.all()[-most:])]

    def told(self, memo: Memo, state: str | None = None) -> dict[str, Any]:
        """What is told of *memo*, which is in *state*; None: in that of `states`, else ``ready``."""
        state = self.states.get(memo.id, "ready") if state is None else state
        result: Mapping[str, Any] = memo.result or {}
        problem = self._problems.get(memo.id) or result.get("error")
        return {
            "memo": memo.name,
            "started_at": memo.started_at,
            "seconds": round(memo.seconds, 2),
            "note": memo.note,
            "tags": list(memo.tags),
            "state": state,
            "task": kind_of(memo.result or {}),
            "verdict": result.get("verdict") or [],
            "warnings": result.get("warnings") or [],
            "figures": {key: result.get(key) for key in FIGURES},
            "problem": problem if memo.result or problem or state != "ready" else "not measured yet",
        }

    def measure(self, memo: Memo) -> Memo:
        """Measure *memo* and store what was found; raises SoftphoneError."""
        self.states[memo.id] = "measuring"
        try:
            result = self._measuring.measure(self._job(memo), memo.name)
            self._problems.pop(memo.id, None)
            now = stamp_of(datetime.now(UTC).astimezone())
            return self.store.set_result(memo, result, measured_at=now, version=measures_version(result))
        except UsageError as error:
            self._problems[memo.id] = self.without_folder(str(error))
            raise
        finally:
            self.states.pop(memo.id, None)

    def page(self, memo: Memo) -> Path:
        """The page about *memo*, made where there is none since it was measured; raises SoftphoneError."""
        stamp = "".join(filter(str.isalnum, memo.measured_at or ""))
        page = Path(self._pages.name) / f"{memo.id}-{stamp}.html"
        if not page.is_file():
            self._measuring.measure(self._job(memo), memo.name, report=page)
        return page

    def delete(self, memo: Memo) -> None:
        """Remove *memo* and what was made of it; raises SoftphoneError."""
        self.store.delete(memo)
        for page in Path(self._pages.name).glob(f"{memo.id}-*.html"):
            with suppress(OSError):
                page.unlink()

    def without_folder(self, words: str) -> str:
        """*words* without where the memos lie, which is nobody's business."""
        folder = str(self.store.folder)
        return words.replace(folder + "/", "").replace(folder + "\\", "").replace(folder, "the folder")

    def close(self) -> None:
        """Give up what is being measured, and leave no page behind."""
        self._measuring.close()
        self._pages.cleanup()

    def _job(self, memo: Memo) -> VoiceJob:
        return job_of(self._settings, str(self.store.sound_of(memo)))
