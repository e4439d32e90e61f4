"""From a journal to a memo, at the end of a recording or after one that was cut off."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from dsp.types import Block
from softphone.errors import EnvironmentProblem, SoftphoneError, UsageError
from softphone.io.memos.journal import SUFFIX, CutOff, JournalReader
from softphone.io.memos.locked import is_still, sync_file, try_lock
from softphone.io.memos.memo import Memo, NewMemo
from softphone.io.memos.store import MemoStore
from softphone.io.sound_file import SoundWriter
from softphone.io.sound_format import SoundFormat

FLAC = SoundFormat("FLAC", "PCM_24")
MOST_CHANNELS = 8
"""Of a FLAC (RFC 9639, section 9.1.3)."""
_STALE_S = 86_400.0
"""Parts of a FLAC that was never finished are removed after so long."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of the recordings that had been cut off."""

    memos: tuple[Memo, ...]
    problems: tuple[str, ...]
    """Why one could not be made a memo, a line each; it is tried again the next time."""


def keep(store: MemoStore, journal: Path, *, origin: str, lost: int = 0) -> Memo | None:
    """Make a memo of what is in *journal*, which stays; None: there is no sound in it.

    Raises:
        CutOff, OSError, UsageError: see `JournalReader`.
        EnvironmentProblem: there is no room for it.
    """
    with JournalReader(journal) as reader:
        frames = write_flac(store.path_of(reader.memo.id), reader.memo, reader.blocks())
        if not frames:
            return None
        return store.add(reader.memo, frames, origin=origin, lost=lost)


def write_flac(path: Path, memo: NewMemo | Memo, blocks: Iterable[Block], *, force: bool = True) -> int:
    """Write *blocks* as the FLAC *path*, on the disk when this returns; the number of samples of each channel.

    Without a sample nothing is written.

    Raises:
        UsageError: a FLAC takes no such rate.
        EnvironmentProblem: it cannot be written.
    """
    with SoundWriter(
        path, FLAC, sample_rate_hz=memo.sample_rate_hz, channels=memo.channels, force=force
    ) as writer:
        writer.tag(tags_of(memo))
        for block in blocks:
            writer.write(block)
        if not writer.frames:
            return 0
        writer.commit()
    try:
        sync_file(path)
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be written ({error.strerror})") from None
    return writer.frames


def tags_of(memo: NewMemo | Memo) -> Mapping[str, str]:
    """What the sound says of itself, for when it is alone: its name, its time, its note."""
    found = {"title": memo.name, "date": memo.started_at, "comment": memo.note}
    return {key: value for key, value in found.items() if value}


def recover(store: MemoStore) -> Recovered:
    """Make memos of the journals that no recorder holds any more."""
    memos: list[Memo] = []
    problems: list[str] = []
    for path in sorted(store.journals.glob(f"*{SUFFIX}")):
        try:
            memo = _recovered(store, path)
        except (SoftphoneError, OSError) as error:
            problems.append(
                f"{path.name}, a recording that was cut off, cannot be made a memo yet: {_words(error)}"
            )
            continue
        if memo is not None:
            memos.append(memo)
    _sweep(store.sounds)
    return Recovered(tuple(memos), tuple(problems))


def _recovered(store: MemoStore, path: Path) -> Memo | None:
    try:
        file = FileIO(path, "r+")
    except FileNotFoundError:
        return None
    memo: Memo | None = None
    with file:
        if not try_lock(file) or not is_still(file, path):
            return None
        if not store.has(path.stem):  # else it was finished, and only its journal not yet removed
            # A head that is cut off: nothing had been recorded.
            with suppress(CutOff):
                memo = keep(store, path, origin="recovered")
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return memo


def _sweep(folder: Path) -> None:
    now = time.time()
    for path in folder.glob(".softphone-*.part"):
        with suppress(OSError):
            if now - path.stat().st_mtime > _STALE_S:
                path.unlink()


def _words(error: Exception) -> str:
    return str(error.strerror) if isinstance(error, OSError) and error.strerror else str(error)


def unfit(memo: NewMemo | Memo) -> UsageError | None:
    """Why *memo* cannot be kept as a FLAC; None: it can."""
    if memo.channels > MOST_CHANNELS:
        return UsageError(f"a memo has up to {MOST_CHANNELS} channels, got {memo.channels}: leave some out")
    return None
