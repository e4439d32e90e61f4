"""Presets of filters: those that come with the package, the user's own, and files named by their path.

A file of the user's folder goes before a packaged one of the same name. What ends in .toml is in the format of
`dsp.preset`; what ends in .txt is a configuration of Equalizer APO (`dsp.equalizer_apo`).
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dsp.params import fields_of, nearest
from dsp.preset import Preset
from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.dsp_faults import told_to_the_user

SUFFIXES = (".toml", ".txt")
MAX_BYTES = 1 << 20
"""A file longer than this is no preset."""

_PACKAGED = Path(__file__).parent.parent / "data" / "presets"


@dataclass(frozen=True, slots=True)
class PresetFile:
    """Where a preset stands."""

    name: str
    path: Path
    origin: Literal["packaged", "user", "file"]
    replaces: Path | None = None
    """The packaged one of the same name, which this one of the user's goes before."""

    def load(self) -> Preset:
        """Read it. A sound file that lies beside it is found by its name alone.

        Raises:
            UsageError: it cannot be read or is no preset; one line with the file, the place and the fault.
        """
        text = self.text()
        with told_to_the_user(str(self.path)):
            if self.path.suffix.lower() == ".txt":
                from dsp.equalizer_apo import parse

                return parse(text, self.name)
            values = _toml(text, self.path)
            if not values:
                raise UsageError(
                    f"{self.path} says nothing: wanted a preset, with a [[filter]] for each filter"
                )
            return _with_files_beside(Preset.parse(values, self.name), self.path.parent)

    def text(self) -> str:
        """What the file holds.

        Raises:
            UsageError: it cannot be read, or is no text.
        """
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise UsageError(f"{self.path} does not exist: give a preset's name or its file") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in its name
            reason = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"{self.path} cannot be read ({reason})") from None
        if len(data) > MAX_BYTES:
            raise UsageError(f"{self.path} is no preset: it is longer than {MAX_BYTES >> 20} MiB")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            if self.path.suffix.lower() == ".txt" and b"\0" not in data:
                return data.decode("cp1252", "replace")  # Equalizer APO takes the code page of Windows, too
            raise UsageError(f"{self.path} is not UTF-8 text") from None


def preset_files(user_folder: Path) -> list[PresetFile]:
    """All presets that have a name, sorted by it: the packaged ones and those in *user_folder*.

    Raises:
        EnvironmentProblem: the user's folder is there and cannot be read.
    """
    found = {path.stem: PresetFile(path.stem, path, "packaged") for path in _files(_PACKAGED)}
    for path in _files(user_folder):
        packaged = found.get(path.stem)
        replaces = packaged.path if packaged is not None and packaged.origin == "packaged" else None
        found[path.stem] = PresetFile(path.stem, path, "user", replaces)
    return [found[name] for name in sorted(found)]


def find_preset(what: str, user_folder: Path) -> PresetFile:
    """The preset that *what* means: a name, or a path, which ends in .toml or .txt or has a separator in it.

    Raises:
        UsageError: no such preset; names the nearest.
        EnvironmentProblem: see `preset_files`.
    """
    separators = {os.sep, os.altsep or os.sep}
    if Path(what).suffix.lower() in SUFFIXES or any(each in what for each in separators):
        return PresetFile(Path(what).stem, Path(what), "file")
    known = {each.name: each for each in preset_files(user_folder)}
    if what not in known:
        raise UsageError(f"no preset {what!r}; {nearest(what, known)}")
    return known[what]


def as_toml(preset: Preset) -> str:
    """*preset* as a TOML file.

    Raises:
        EnvironmentProblem: tomli-w is not installed.
    """
    try:
        import tomli_w
    except ImportError as error:
        raise EnvironmentProblem(
            f"writing a preset needs the Python package tomli-w ({error}): pip install tomli-w"
        ) from None
    return tomli_w.dumps(preset.as_mapping())


def _with_files_beside(preset: Preset, folder: Path) -> Preset:
    """*preset* with the paths of sound files that are meant from *folder* on."""
    for slot in preset.slots:
        for name, param in fields_of(type(slot.params)).items():
            given = getattr(slot.params, name)
            if param.kind == "file" and given and (folder / given).is_file():
                preset = preset.with_value(f"{slot.slot}.{name}", str(folder / given))
    return preset


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise EnvironmentProblem(f"presets in {folder} cannot be read ({error.strerror})") from None


def _toml(text: str, path: Path) -> Mapping[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        reason = "it nests too deep" if isinstance(error, RecursionError) else error
        raise UsageError(f"{path} is not TOML: {reason}") from None
