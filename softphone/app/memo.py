"""Memos as the commands, the page and scripts use them: where they lie, what they are recorded from, how they are measured."""

import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softphone.app.recording_folder import default_folder
from softphone.errors import UsageError
from softphone.io.live.port import Port
from softphone.io.live.ports import device_port
from softphone.io.memos.keeping import Recovered, recover
from softphone.io.memos.memo import Memo, name_key, stamp_of
from softphone.io.memos.source_port import SourcePort
from softphone.io.memos.store import MemoStore
from softphone.memo_config import MeasureSettings, RecordOptions

if TYPE_CHECKING:
    from softphone.io.voice_job import VoiceJob

BLOCK_MS = 20.0
MEASURED_AT_ONCE_S = 600.0
"""A recovered memo longer than this waits for `memo measure`."""

Progress = Callable[[float], None]


def memo_folder() -> Path:
    """Where memos go on this platform: its folder for a user's data."""
    return default_folder().with_name("memos")


def open_store(folder: str | None) -> MemoStore:
    """The memos in *folder*; None: in `memo_folder`; raises as `MemoStore`."""
    return MemoStore(memo_folder() if folder is None else Path(folder))


def memo_port(options: RecordOptions) -> Port:
    """What a memo is recorded from: a sound device, no device at all, or the sound of a file at its own pace.

    Raises:
        UsageError: no such device or file.
        EnvironmentProblem: there is no device, or no PortAudio.
    """
    if options.play is not None:
        if options.device is not None:
            raise UsageError(
                "--play and --device exclude each other: the sound comes from a file or a device"
            )
        return SourcePort(options.play, block_ms=BLOCK_MS)
    return device_port(options.device, "null", options.sample_rate_hz, block_ms=BLOCK_MS)


def recover_memos(store: MemoStore, progress: Progress | None = None) -> Recovered:
    """Make memos of recordings that were cut off, and measure those that are short."""
    found = recover(store)
    memos = []
    for memo in found.memos:
        if memo.seconds <= MEASURED_AT_ONCE_S:
            with contextlib.suppress(UsageError):  # it stays unmeasured, and `memo measure` says why
                memo = measure_memo(store, memo, MeasureSettings(), progress)
        memos.append(memo)
    return Recovered(tuple(memos), found.problems)


def measure_memo(
    store: MemoStore, memo: Memo, settings: MeasureSettings, progress: Progress | None = None
) -> Memo:
    """Measure *memo* and store what was found.

    Args:
        store: where it lies.
        memo: which.
        settings: how.
        progress: told the share that is done, from 0 to 1.

    Returns:
        The memo with its ``result``, whose ``error`` says why, where nothing at all could be measured.

    Raises:
        UsageError: its sound is missing or damaged; or a setting out of range.
    """
    from softphone.io.voice_job import VoiceJobFile

    with VoiceJobFile(job_of(settings, str(store.sound_of(memo))), progress) as file:
        result, _ = file.measure()
    result["file"] = memo.name
    return store.set_result(
        memo,
        result,
        measured_at=stamp_of(datetime.now(UTC).astimezone()),
        version=measures_version(result),
    )


def job_of(settings: MeasureSettings, file: str = "") -> "VoiceJob":
    """How *settings* measure *file*."""
    from softphone.io.voice_job import VoiceJob

    return VoiceJob(
        file,
        pitch_floor_hz=settings.pitch_floor_hz,
        pitch_ceiling_hz=settings.pitch_ceiling_hz,
        formant_ceiling_hz=settings.formant_ceiling_hz,
        channel=settings.channel,
    )


def measures_version(result: dict[str, Any]) -> str:
    """Of what measured: of this program, and of the kind of its results."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        program = version("softphone")
    except PackageNotFoundError:
        program = "0"
    return f"{program}/{result.get('schema')}"


def chosen(store: MemoStore, names: tuple[str, ...], tags: tuple[str, ...] = ()) -> list[Memo]:
    """The memos of *names*, each once; without names all; of them those that have all of *tags*.

    Raises:
        UsageError: one of the names is no memo's.
    """
    found = list({memo.id: memo for memo in map(store.find, names)}.values()) if names else store.all()
    wanted = {name_key(tag) for tag in tags}
    return [memo for memo in found if wanted <= {name_key(tag) for tag in memo.tags}]


def one(store: MemoStore, name: str | None) -> Memo:
    """The memo *name*; None: the newest; raises UsageError where there is none."""
    return store.newest() if name is None else store.find(name)


def memo_info(memo: Memo, *, full: bool = False) -> dict[str, Any]:
    """What is told of *memo* as JSON; *full*: with all that was measured, curves and all."""
    found: dict[str, Any] = {
        "id": memo.id,
        "name": memo.name,
        "started_at": memo.started_at,
        "seconds": round(memo.seconds, 6),
        "sample_rate_hz": memo.sample_rate_hz,
        "channels": memo.channels,
        "origin": memo.origin,
        "device": memo.device,
        "lost": memo.lost,
        "note": memo.note,
        "tags": list(memo.tags),
        "path": os.fspath(memo.path),
        "measured_at": memo.measured_at,
        "measures_version": memo.version,
    }
    if full:
        found["result"] = memo.result
        return found
    result = memo.result or {}
    found["task"] = kind_of(result)
    found["verdict"] = result.get("verdict")
    found["error"] = result.get("error")
    found["figures"] = {key: result.get(key) for key in IN_BRIEF}
    return found


IN_BRIEF = ("f0_median_hz", "jitter_local_pct", "shimmer_local_pct", "hnr_db", "cpps_db")
"""Figures of a list; all of them are in `memo show`."""


def kind_of(result: dict[str, Any]) -> str | None:
    """``vowel``, ``speech`` or ``none``, as it was recognised; None: it was not."""
    task = result.get("task")
    kind = task.get("kind") if isinstance(task, dict) else None
    return kind if isinstance(kind, str) else None
