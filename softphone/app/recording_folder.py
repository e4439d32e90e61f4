"""The folder of recorded calls: for each call two WAV files, its RESULT, its score and, once asked for, a page.

    20260101-120000-heard.wav     what was heard            20260101-120000.json          the RESULT
    20260101-120000-sent.wav      what was sent             20260101-120000-score.json    what `softphone score` says of it
                                                            20260101-120000.html          the same as a page

The name is the time (UTC) at which the call began, with ``-2`` and so on behind it where another has it already. Nothing is
kept but these files: what a program before this one recorded is listed as well, and what cannot be read costs its own entry.
"""

import contextlib
import json
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from softphone.errors import EnvironmentProblem
from softphone.io.part_file import write_whole
from softphone.io.recorder import HEADER
from softphone.io.speech import PREFIX

NAME = re.compile(r"(\d{8}-\d{6}(?:-\d{1,4})?)(?:\.json|-heard\.wav)")
MAX_JSON_BYTES = 1 << 21
"""A RESULT or a score that is longer is none of ours."""
MAX_SAME_SECOND = 1000
SENT = "sent"
"""As the name of a reference: what this side sent in the same call, which is right where the peer sends it back."""
NONE = "none"
"""As the name of a reference: there is none, only the signal is checked."""
ASKED = "reference_asked"
"""Key of the score's file: which reference was asked for."""


@dataclass(frozen=True, slots=True)
class RecordedFiles:
    """The files of one recording; not each of them need be there."""

    name: str
    heard: Path
    sent: Path
    result: Path
    score: Path
    page: Path


class RecordingFolder:
    """Reads and writes *folder*, which is made, for its owner only, where it is not there.

    Raises:
        EnvironmentProblem: it cannot be made, or not written to.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder.expanduser().absolute()
        self._entries: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {}
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(13, "no permission to write")
        except OSError as error:
            raise EnvironmentProblem(
                f"recordings want a folder that can be written, got {folder} ({error.strerror}): name another with --out"
            ) from None

    def begin(self, at: datetime) -> RecordedFiles:
        """Names for a call that begins at *at*; its two sounds are there, empty and their owner's alone: no other takes the names.

        Raises:
            EnvironmentProblem: nothing can be written there.
        """
        stem = at.astimezone(UTC).strftime("%Y%m%d-%H%M%S")
        for number in range(1, MAX_SAME_SECOND):
            files = self.files(stem if number == 1 else f"{stem}-{number}")
            try:
                files.heard.touch(mode=0o600, exist_ok=False)
                files.sent.touch(mode=0o600)
            except FileExistsError:
                continue
            except OSError as error:
                raise EnvironmentProblem(
                    f"{self.path} cannot be written ({error.strerror}): make room, or name another folder with --out"
                ) from None
            return files
        raise EnvironmentProblem(f"{self.path} holds {MAX_SAME_SECOND - 1} recordings of one second already")

    def drop(self, files: RecordedFiles) -> None:
        """Leave nothing of a call that was never heard."""
        for path in (files.heard, files.sent):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def files(self, name: str) -> RecordedFiles:
        """The files of the recording *name*."""
        at = self.path
        return RecordedFiles(
            name,
            at / f"{name}-heard.wav",
            at / f"{name}-sent.wav",
            at / f"{name}.json",
            at / f"{name}-score.json",
            at / f"{name}.html",
        )

    def find(self, name: str) -> RecordedFiles | None:
        """The recording that is called *name*; None: there is none."""
        return self.files(name) if name in self._names() else None

    def write(self, path: Path, value: Mapping[str, Any]) -> None:
        """Write *value* as JSON; raises EnvironmentProblem."""
        write_whole(path, (json.dumps(value, indent=1) + "\n").encode(), force=True)

    def newest(self, most: int) -> list[dict[str, Any]]:
        """The newest *most* recordings, the newest first: see `described`."""
        return [
            self.described(self.files(name)) for name in sorted(self._names(), key=_age, reverse=True)[:most]
        ]

    def described(self, files: RecordedFiles) -> dict[str, Any]:
        """What is told of one recording, from its files; read again only when one of them was written since."""
        stamp = tuple(
            _stamp(path) for path in (files.heard, files.sent, files.result, files.score, files.page)
        )
        known = self._entries.get(files.name)
        if known is None or known[0] != stamp:
            known = self._entries[files.name] = (stamp, _described(files))
        return dict(known[1])

    def _names(self) -> set[str]:
        try:
            return {found[1] for each in os.listdir(self.path) if (found := NAME.fullmatch(each)) is not None}
        except OSError:
            return set()


def default_folder() -> Path:
    """Where recordings go on this platform: its folder for a user's data."""
    home = Path.home()
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = home / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")  # XDG base directory, 0.8
    return data / "softphone" / "recordings"


def shown_reference(reference: str) -> str:
    """*reference* as others may see it: a file by its name alone."""
    return reference if reference.startswith(PREFIX) else Path(reference).name


def reference_of(result: Mapping[str, Any], score: Mapping[str, Any]) -> str:
    """What a recording was scored against last, else what its call was to be scored against: see `SENT` and `NONE`."""
    return _text(score.get(ASKED)) or _text(result.get("reference")) or NONE


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in *path*; None: there is no such file, or none that is an object of sound JSON."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_JSON_BYTES + 1)
        found = json.loads(data, parse_constant=_no_constant) if len(data) <= MAX_JSON_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _described(files: RecordedFiles) -> dict[str, Any]:
    result, score = read_json(files.result), read_json(files.score)
    heard_s = _seconds(files.heard)
    entry: dict[str, Any] = {
        "recording": files.name,
        "started_at": _started_at(files.name),
        "heard": heard_s is not None,
        "sent": _seconds(files.sent) is not None,
        "seconds": heard_s,
        "report": files.page.is_file(),
        "problem": None,
    }
    if result is None:
        broken = files.result.exists()
        entry["problem"] = (
            "its RESULT cannot be read" if broken else "no RESULT: the program was stopped, or the disk full"
        )
    known = result or {}
    for key in ("peer", "direction", "outcome", "mode"):
        entry[key] = _text(known.get(key))
    entry["reference"] = shown_reference(reference_of(known, score or {}))
    codec = known.get("codec")
    entry["codec"] = _text(codec.get("name")) if isinstance(codec, dict) else None
    entry["duration_s"] = _number(known.get("duration_s"))
    entry["verdict"] = _words(known.get("verdict"))
    entry |= {"score": None, "unit": None, "max": None, "trusted": None, "why": None, "signal": []}
    if score is not None:
        entry |= _scored(score)
    return entry


def _scored(score: Mapping[str, Any]) -> dict[str, Any]:
    refused = score.get("refused")
    why = next(iter(refused.values()), None) if isinstance(refused, dict) else None
    value = _number(score.get("mos_lqo"))
    return {
        "score": value,
        "unit": _text(score.get("unit")),
        "max": _number(score.get("max")),
        "trusted": score.get("trusted") if isinstance(score.get("trusted"), bool) else None,
        "why": _text(why) if value is None else None,
        "signal": _words(score.get("verdict")),
    }


def _text(value: object) -> str | None:
    return value[:500] if isinstance(value, str) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def _words(value: object) -> list[str]:
    return [each[:40] for each in value if isinstance(each, str)][:20] if isinstance(value, list) else []


def _started_at(name: str) -> str | None:
    try:
        at = datetime.strptime(name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(path: Path) -> float | None:
    """Length of a WAV as `softphone.io.recorder` writes it; None: there is no sound in it."""
    try:
        with path.open("rb") as file:
            head = file.read(HEADER.size)
            size = os.fstat(file.fileno()).st_size - len(head)
    except OSError:
        return None
    if len(head) < HEADER.size or size <= 0:
        return None
    fields = HEADER.unpack(head)
    riff, wave, data = fields[0], fields[2], fields[11]
    bytes_per_s, said = int(fields[8]), int(fields[12])
    if (riff, wave, data) != (b"RIFF", b"WAVE", b"data") or bytes_per_s == 0:
        return None
    return round(min(size, said) / bytes_per_s, 2)


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return -1


def _age(name: str) -> tuple[str, int]:
    number = name[16:]
    return name[:15], int(number) if number else 1


def sound_files(files: RecordedFiles) -> Iterator[tuple[str, Path]]:
    """What can be listened to: ``heard`` and ``sent``, as far as there is sound in them."""
    for what, path in (("heard", files.heard), ("sent", files.sent)):
        if _seconds(path) is not None:
            yield what, path
