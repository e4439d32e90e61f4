"""What a voice memo is, and what it may be called."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from softphone.errors import UsageError

Origin = Literal["recorded", "recovered", "imported"]
MOST_NAME = 100
MOST_NOTE = 2000
MOST_TAGS = 20


@dataclass(frozen=True, slots=True)
class Memo:
    """One recording, and what was measured of it."""

    id: str
    """Unique, and part of the name of its file."""
    name: str
    """Unique, for people."""
    path: Path
    """Its sound, FLAC of 24 bits; see `MemoStore.sound_of` for one that must be there."""
    started_at: str
    """When it was recorded: ISO 8601, local time with its distance from UTC."""
    at_s: float
    """The same in seconds since 1970."""
    frames: int
    """Samples of each channel."""
    sample_rate_hz: int
    channels: int
    origin: Origin
    """``recovered``: its recording was cut off, and what had been written was made a memo later."""
    device: str
    """What it was recorded from, or the name of the file that was imported."""
    lost: int
    """Times that the system lost samples while it was recorded."""
    note: str
    tags: tuple[str, ...]
    result: dict[str, Any] | None
    """What was measured, as `softphone voice` gives it; None: not measured yet."""
    measured_at: str | None
    version: str | None
    """Of the measures that gave `result`."""

    @property
    def seconds(self) -> float:
        """Length."""
        return self.frames / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class NewMemo:
    """What is known of a memo before it has its name for good."""

    id: str
    name: str
    started_at: str
    sample_rate_hz: int
    channels: int
    device: str
    note: str = ""
    tags: tuple[str, ...] = ()


def checked_name(name: str) -> str:
    """*name* as it is kept: Unicode in its composed form (NFC), no space around it.

    Raises:
        UsageError: it is empty, too long, begins with a dash, or holds what is no printable character or parts a path.
    """
    found = unicodedata.normalize("NFC", name).strip()
    if not found or len(found) > MOST_NAME:
        raise UsageError(f"a memo's name has 1 to {MOST_NAME} characters, got {len(found)}")
    if found.startswith("-"):
        raise UsageError(f"a memo's name does not begin with a dash, which means an option: got {found!r}")
    if not found.isprintable() or set(found) & set("/\\"):
        raise UsageError(f"a memo's name is made of printable characters but / and \\, got {found!r}")
    return found


def name_key(name: str) -> str:
    """What two names must not share: *name* without regard to capitals."""
    return unicodedata.normalize("NFC", name.strip().casefold())


def numbered(name: str, number: int) -> str:
    """*name*, from *number* 2 on with it behind a dash; not longer than a name may be."""
    tail = "" if number == 1 else f"-{number}"
    return name[: MOST_NAME - len(tail)] + tail


def checked_note(note: str) -> str:
    """*note*, one line or more of text.

    Raises:
        UsageError: it is too long, or holds what steers a terminal.
    """
    if len(note) > MOST_NOTE or not all(each.isprintable() or each in "\n\t" for each in note):
        raise UsageError(f"a note is up to {MOST_NOTE} printable characters, got {note[:40]!r} ({len(note)})")
    return note


def checked_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """*tags*, each once, sorted; names in all other respects.

    Raises:
        UsageError: see `checked_name`; or there are too many, or a comma is in one.
    """
    found = sorted({checked_name(tag) for tag in tags})
    if len(found) > MOST_TAGS or any("," in tag for tag in found):
        raise UsageError(f"a memo has up to {MOST_TAGS} tags without commas, got {', '.join(found)[:60]!r}")
    return tuple(found)


def printable(text: str) -> str:
    """*text* of others, as the name of a file or a device, without what steers a terminal."""
    return "".join(each if each.isprintable() else "?" for each in text)


def stamp_of(at: datetime) -> str:
    """*at*, which knows its distance from UTC, as `Memo.started_at`."""
    return at.isoformat(timespec="seconds")


def seconds_of(stamp: str) -> float:
    """`Memo.started_at` in seconds since 1970; raises ValueError."""
    found = datetime.fromisoformat(stamp)
    if found.tzinfo is None:
        raise ValueError(f"{stamp} does not say its distance from UTC")
    return found.timestamp()
