"""Which file of a folder a recording holds."""

import functools
from dataclasses import dataclass
from pathlib import Path

from dsp.alignment import Catalogue
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.sound_file import EXPECTED
from softphone.io.sound_format import is_sound_name
from softphone.io.speech import speech_path
from softphone.io.track_file import MIN_RATE_HZ, TrackFile, mixed

RATE_HZ = MIN_RATE_HZ
"""At which references and recording are compared to find the right one."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found."""

    path: Path | None
    """None: none of them is in the recording."""
    name: str | None
    """Path inside the folder."""
    count: int
    """How many were looked for."""
    warnings: tuple[str, ...]


def find_reference(folder: str, degraded: str) -> Found:
    """The reference of *folder* that *degraded* holds; folders inside it are looked into, too.

    What was read of a folder is kept for the next file, until something in it changes.

    Raises:
        UsageError: the folder holds no sound file that can be read, or *degraded* is none.
    """
    root = Path(folder)
    try:
        itself = Path(degraded).resolve()  # recordings and references may lie in one folder
        files = sorted(
            path
            for path in root.rglob("*")
            if path.is_file() and is_sound_name(path) and path.resolve() != itself
        )
        stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be read ({error.strerror}): wanted a folder of references"
        ) from None
    catalogue, count, warnings = _read(stamps)
    if count == 0:
        raise UsageError(
            f"{folder} holds no reference: wanted a folder with {EXPECTED}"
            + "".join(f"; {w}" for w in warnings)
        )
    with TrackFile(speech_path(degraded)) as file:
        name = catalogue.find(mixed(file.read(RATE_HZ)[0]))
    path = None if name is None else Path(name)
    return Found(path, None if path is None else str(path.relative_to(root)), count, warnings)


@functools.lru_cache(maxsize=4)
def _read(stamps: tuple[tuple[str, int, int], ...]) -> tuple[Catalogue, int, tuple[str, ...]]:
    """A catalogue of the files of *stamps*, how many it has, and why others are not in it."""
    catalogue, count = Catalogue(), 0
    warnings: list[str] = []
    for path, _, _ in stamps:
        try:
            with TrackFile(path) as file:
                catalogue.add(path, mixed(file.read(RATE_HZ)[0]))
                count += 1
                warnings += file.warnings
        except EnvironmentProblem:
            raise
        except ValueError as error:  # no sound file, or nothing said in it
            warnings.append(f"left out of the references: {error}")
    return catalogue, count, tuple(warnings)
