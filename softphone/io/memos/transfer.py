"""Sound files that become memos, and memos that become sound files again; FLAC both ways gives the same samples."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from dsp.types import Block
from softphone.errors import UsageError
from softphone.io.memos.keeping import unfit, write_flac
from softphone.io.memos.memo import (
    MOST_NAME,
    Memo,
    NewMemo,
    checked_name,
    checked_note,
    checked_tags,
    name_key,
    printable,
    seconds_of,
    stamp_of,
)
from softphone.io.memos.store import MemoStore
from softphone.io.sound_file import SoundReader
from softphone.io.speech import PREFIX, speech_path

BLOCK_SAMPLES = 16_384
_UNSAFE = re.compile(r'[<>:"|?*/\\\x00-\x1f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that are no file's on Windows: Win32, Naming Files, Paths, and Namespaces."""

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """A memo that was a file."""

    memo: Memo
    warnings: tuple[str, ...]


def import_sound(
    store: MemoStore,
    source: str,
    name: str | None = None,
    *,
    note: str = "",
    tags: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Imported:
    """Make a memo of the sound file *source*, which stays as it is.

    Its date is the one that the file says of itself, else the time it was last written. A note and a title that the file has
    are taken where none is given.

    Args:
        store: where it goes.
        source: any sound file, or ``builtin:NAME``.
        name: what it is to be called; None: its title, else the name of the file.
        note: words of the person's own.
        tags: to find it by.
        progress: told the share that is done, from 0 to 1.

    Raises:
        UsageError: no sound file, or one that is damaged, holds what is no number or more than a FLAC can.
        EnvironmentProblem: it cannot be written. Whatever is raised, nothing of it is left in the store.
    """
    path = speech_path(source)
    with SoundReader(path) as reader:
        said = reader.tags()
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone()
        new = NewMemo(
            id=f"{at.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}",
            name=checked_name(_name_from(said.get("title"), source) if name is None else name),
            started_at=_stamp_from(said.get("date")) or stamp_of(at),
            sample_rate_hz=reader.sample_rate_hz,
            channels=reader.channels,
            device=source if source.startswith(PREFIX) else printable(path.name),
            note=checked_note(note or _printable(said.get("comment", ""))),
            tags=checked_tags(tags),
        )
        if (problem := unfit(new)) is not None:
            raise problem
        taken = _Taken(reader, source, progress)
        target = store.path_of(new.id)
        try:
            frames = write_flac(target, new, taken.blocks())
            if not frames:
                raise UsageError(f"{source} holds no audio that can be read: wanted a whole sound file")
            memo = store.add(new, frames, origin="imported")
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return Imported(memo, taken.warnings())


class _Taken:
    """Blocks of a file on their way into a memo, looked at as they pass."""

    def __init__(self, reader: SoundReader, source: str, progress: Progress | None) -> None:
        self._reader, self._source, self._progress = reader, source, progress
        self._clipped = 0

    def blocks(self) -> Iterator[Block]:
        done = 0
        for block in self._reader.blocks(BLOCK_SAMPLES):
            if not np.isfinite(block).all():
                raise UsageError(
                    f"{self._source} holds samples that are no numbers: write the file again, nothing was taken in"
                )
            self._clipped += int(np.count_nonzero(np.abs(block) > 1.0))
            yield block
            done += block.shape[1]
            if self._progress is not None:
                self._progress(min(1.0, done / self._reader.frames))

    def warnings(self) -> tuple[str, ...]:
        if not self._clipped:
            return ()
        return (
            f"{self._clipped} samples of {self._source} were louder than full scale and were clipped: a memo holds none such",
        )


def export_sound(store: MemoStore, memo: Memo, target: Path, *, force: bool = False) -> None:
    """Write the sound of *memo* as the FLAC *target*, sample by sample the same, with its name, date and note in it.

    Raises:
        UsageError: the sound is missing or damaged, or *target* exists.
        EnvironmentProblem: it cannot be written.
    """
    with SoundReader(store.sound_of(memo)) as reader:
        write_flac(target, memo, reader.blocks(BLOCK_SAMPLES), force=force)


def file_names(memos: list[Memo]) -> list[str]:
    """A name for the file of each, without its ending: its own as far as every system can have it, no two alike."""
    found: list[str] = []
    taken: set[str] = set()
    for memo in memos:
        plain = _UNSAFE.sub("_", memo.name).rstrip(". ") or "_"
        plain = f"_{plain}" if _RESERVED.fullmatch(plain) or plain.startswith(".") else plain
        plain = _within(plain)
        free, number = plain, 1
        while name_key(free) in taken:
            number += 1
            free = f"{plain}-{number}"
        taken.add(name_key(free))
        found.append(free)
    return found


def _within(name: str) -> str:
    """*name* in at most 200 bytes: file systems have names of 255, and an ending is still to come."""
    return name.encode()[:200].decode(errors="ignore")


def _name_from(title: str | None, source: str) -> str:
    for each in (title or "", Path(source.removeprefix(PREFIX)).stem):
        plain = _printable(each).replace("/", "-").replace("\\", "-").strip().lstrip("-").strip()
        if plain:
            return plain[:MOST_NAME]
    return "imported"


def _printable(text: str) -> str:
    return "".join(each for each in text if each.isprintable() or each == "\n")[:2000].replace("\n", " ")


def _stamp_from(date: str | None) -> str | None:
    """The time that a file says of itself; None: none that says its distance from UTC."""
    try:
        if date is not None:
            seconds_of(date)
            return date
    except (ValueError, OverflowError, OSError):
        pass
    return None
