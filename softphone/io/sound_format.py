"""What a sound file is written as: its container, and the kind of its samples (libsndfile's formats)."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from softphone.errors import EnvironmentProblem, UsageError

_FORMATS = {
    ".wav": "WAV",
    ".wave": "WAV",
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".oga": "OGG",
    ".opus": "OGG",
    ".aif": "AIFF",
    ".aiff": "AIFF",
    ".au": "AU",
    ".caf": "CAF",
    ".w64": "W64",
    ".rf64": "RF64",
    ".mp3": "MP3",
}
_RIFF_LIMIT = 2**32 - 2**16
"""Bytes of samples beyond which the 32-bit sizes of a WAV do not do, and it becomes an RF64 (EBU Tech 3306)."""
_BYTES = {"PCM_S8": 1, "PCM_U8": 1, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1}
_FALLBACKS = {
    "PCM_U8": ("PCM_S8", "PCM_16"),
    "PCM_S8": ("PCM_U8", "PCM_16"),
    "PCM_32": ("PCM_24",),
    "FLOAT": ("PCM_24",),
    "DOUBLE": ("FLOAT", "PCM_24"),
    "ALAC_24": ("PCM_24",),
    "ALAC_20": ("PCM_24",),
    "ALAC_32": ("PCM_32", "PCM_24"),
    "VORBIS": ("OPUS",),
    "OPUS": ("VORBIS",),
}
"""What holds as much as a kind of sample that a container does not know; 16 bits else."""
_LAST_RESORTS = ("PCM_16", "VORBIS", "MPEG_LAYER_III")
_OPUS_RATES_HZ = (8000, 12_000, 16_000, 24_000, 48_000)


class Source(Protocol):
    """What a format is taken after."""

    @property
    def sample_rate_hz(self) -> int:
        """Its rate."""

    @property
    def format(self) -> str:
        """Its container."""

    @property
    def subtype(self) -> str:
        """The kind of its samples."""


@dataclass(frozen=True, slots=True)
class Grid:
    """How whole numbers of *bits* are handed to libsndfile: in the upper bits of *dtype*."""

    bits: int
    dtype: type[np.signedinteger[Any]]
    shift: int


GRIDS = {
    "PCM_U8": Grid(8, np.int16, 8),
    "PCM_S8": Grid(8, np.int16, 8),
    "PCM_16": Grid(16, np.int16, 0),
    "ALAC_16": Grid(16, np.int16, 0),
    "ULAW": Grid(16, np.int16, 0),
    "ALAW": Grid(16, np.int16, 0),
    "ALAC_20": Grid(20, np.int32, 12),
    "PCM_24": Grid(24, np.int32, 8),
    "ALAC_24": Grid(24, np.int32, 8),
    "PCM_32": Grid(32, np.int32, 0),
    "ALAC_32": Grid(32, np.int32, 0),
}
"""Other kinds take floating point."""
UNLIMITED = ("FLOAT", "DOUBLE")
"""Hold what is louder than full scale."""


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """What a file is written as, in libsndfile's words."""

    container: str
    subtype: str

    @classmethod
    def of(cls, path: str | PathLike[str], source: Source, *, channels: int, frames: int) -> "SoundFormat":
        """The container that the end of *path*'s name stands for, and in it the kind of sample of *source*, else the nearest.

        Args:
            path: what is to be written.
            source: whose samples it is to hold as well.
            channels: how many it will have.
            frames: about how long it will be.

        Raises:
            UsageError: no such container, or one that cannot hold this.
        """
        suffix = Path(path).suffix.lower()
        container = _FORMATS.get(suffix)
        if container is None:
            raise UsageError(f"{path} must end in {', '.join(_FORMATS)} to say what it is to be")
        soundfile = load_soundfile()
        known = soundfile.available_subtypes(container)
        wanted = "OPUS" if suffix == ".opus" else source.subtype
        subtype = next(
            (
                each
                for each in (wanted, *_FALLBACKS.get(wanted, ()), *_LAST_RESORTS)
                if _holds(each, container, known)
            ),
            None,
        )
        if subtype is None:
            raise EnvironmentProblem(f"{path}: libsndfile here writes no {container}; use .wav or .flac")
        if container == "WAV":
            container = _kind_of_wav(source, channels, frames * channels * _BYTES.get(subtype, 2))
        rate_hz = source.sample_rate_hz
        if subtype == "OPUS" and rate_hz not in _OPUS_RATES_HZ:
            rates = ", ".join(map(str, _OPUS_RATES_HZ))
            raise UsageError(
                f"{path}: Opus files are at {rates} Hz, got {rate_hz} Hz: use .wav, .flac or .ogg"
            )
        if not soundfile.check_format(container, subtype):
            raise UsageError(f"{path}: {container} cannot hold {subtype} samples: use .wav or .flac")
        return cls(container, subtype)


def is_sound_name(path: str | PathLike[str]) -> bool:
    """Whether the end of *path*'s name stands for a container of sound."""
    return Path(path).suffix.lower() in _FORMATS


def _holds(subtype: str, container: str, known: dict[str, str]) -> bool:
    """Whether *container*, which knows the kinds *known*, takes *subtype*, and it is one that this file writes."""
    if subtype == "MPEG_LAYER_III":
        return container == "MP3" and subtype in known
    return subtype in known and (subtype in GRIDS or subtype in (*UNLIMITED, "VORBIS", "OPUS"))


def _kind_of_wav(source: Source, channels: int, data_bytes: int) -> str:
    if data_bytes > _RIFF_LIMIT or source.format == "RF64":
        return "RF64"
    # More than two channels want WAVE_FORMAT_EXTENSIBLE (Microsoft, Multiple Channel Audio Data and WAVE Files).
    return "WAVEX" if channels > 2 or source.format == "WAVEX" else "WAV"


def load_soundfile() -> Any:
    """The package soundfile, imported when first needed.

    Raises:
        EnvironmentProblem: it is not installed, or lacks libsndfile.
    """
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise EnvironmentProblem(
            f"sound files need the Python package soundfile ({error}): pip install soundfile"
        ) from None
    return soundfile
