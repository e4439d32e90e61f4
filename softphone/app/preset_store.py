"""The presets that remote control may name: the packaged ones and the user's own; what is saved becomes one of the user's.

Nothing of this machine's folders is told: presets go by their names, a fault names the preset, not its file, and a sound file
in a preset goes by its last name, as ``hall.wav``: what runs is handed `FolderPresets.resources`, which know where it lies.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from dsp.errors import ParameterError
from dsp.filters import Resources
from dsp.params import fields_of
from dsp.preset import Preset
from dsp.types import Block
from dsp.wording import shown
from softphone.app.filtering import user_preset_folder
from softphone.control.errors import ControlError
from softphone.control.op import closest
from softphone.control.preset_ops import NAME_RULE, PRESET_NAME
from softphone.errors import EnvironmentProblem, SoftphoneError
from softphone.io.part_file import write_whole
from softphone.io.presets import PresetFile, as_toml, preset_files
from softphone.io.resources import read_response, resources

MAX_OWN = 1000
"""Presets of the user's own beyond which none is saved from outside."""
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10))}
)
"""Names that Windows keeps for devices, with any ending (Microsoft, Naming Files, Paths, and Namespaces)."""


class FolderPresets:
    """A `softphone.control.PresetStore` over the package's folder and the user's.

    Args:
        folder: the user's own; None: that of this platform. It is made when the first preset is saved.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = user_preset_folder() if folder is None else folder
        self._known: dict[Path, tuple[int, Mapping[str, Any]]] = {}
        self._sounds: dict[str, str] = {}

    def names(self) -> Sequence[Mapping[str, Any]]:
        """Every preset by name: ``name``, ``about``, ``origin`` (``packaged`` or ``user``) and, where it says so, ``expect``.

        One that cannot be read has a ``problem`` instead of what it is about.
        """
        return [self._described(each) for each in self._files()]

    def load(self, name: str) -> Preset:
        """The preset called *name*, and never a file: a path is the name of no preset.

        Raises:
            ControlError: ``unknown-preset`` or ``invalid-preset``.
        """
        known = {each.name: each for each in self._files()}
        if name not in known:
            words, close = closest(name, known)
            raise ControlError("unknown-preset", f"no preset {shown(name)}; {words}", **close)
        return self.hidden(_loaded(known[name]))

    def hidden(self, preset: Preset) -> Preset:
        """*preset* as others may see it: its sound files by name alone, which `resources` find again."""
        for path, given in _files_in(preset):
            preset = preset.with_value(path, self._hidden(given))
        return preset

    def resources(self) -> Resources:
        """What filters are handed that run presets from here: no sound file but those is ever opened."""
        return replace(resources(), read_response=self._read_response)

    def save(self, preset: Preset, name: str, *, force: bool) -> None:
        """Write *preset* into the user's folder as *name*, whole or not at all.

        Args:
            force: replace the user's preset of that name, or go before the packaged one.

        Raises:
            ControlError: ``bad-value`` for a name that is none, ``exists``, ``too-many``, or ``not-possible`` where it cannot
                be written.
        """
        if not PRESET_NAME.fullmatch(name) or name in _DEVICES:
            raise ControlError("bad-value", f"a preset's name must be {NAME_RULE}, got {shown(name)}")
        known = {each.name: each for each in self._files()}
        before = known.get(name)
        if before is not None and not force:
            raise ControlError(
                "exists", f"there is a preset {name} already: give another name, or force to replace it"
            )
        if before is not None and before.origin == "user" and before.path.suffix != ".toml":
            raise ControlError(
                "not-possible", f"{name} is a configuration of Equalizer APO here: choose another name"
            )
        own = sum(each.origin == "user" for each in known.values())
        if own >= MAX_OWN and (before is None or before.origin != "user"):
            raise ControlError("too-many", f"there are {MAX_OWN} presets here already: delete some")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(
                self._folder / f"{name}.toml", as_toml(self._shown_whole(preset)).encode(), force=force
            )
        except OSError as error:
            raise ControlError(
                "not-possible", f"preset {name} cannot be saved here ({error.strerror})"
            ) from None
        except EnvironmentProblem as error:
            raise ControlError("not-possible", self._without_paths(str(error))) from None
        except SoftphoneError:
            raise ControlError(
                "exists", f"there is a preset {name} by now: give another name, or force to replace it"
            ) from None

    def _hidden(self, path: str) -> str:
        """The name that *path* goes by here."""
        for known, where in self._sounds.items():
            if where == path:
                return known
        file = PurePath(path)
        names = (file.name if n == 1 else f"{file.stem}-{n}{file.suffix}" for n in itertools.count(1))
        name = next(each for each in names if each not in self._sounds)
        self._sounds[name] = path
        return name

    def _shown_whole(self, preset: Preset) -> Preset:
        for path, given in _files_in(preset):
            preset = preset.with_value(path, self._sounds.get(given, given))
        return preset

    def _read_response(self, name: str, sample_rate_hz: int) -> Block:
        path = self._sounds.get(name)
        if path is None:
            raise ParameterError(f"no sound file {shown(name)} is known here")
        try:
            return read_response(path, sample_rate_hz)
        except ParameterError as error:
            raise ParameterError(str(error).replace(path, name)) from None

    def _described(self, file: PresetFile) -> Mapping[str, Any]:
        """What is said of *file*, which is read again only when it was written since."""
        try:
            written_at = file.path.stat().st_mtime_ns
        except OSError:
            written_at = 0
        known = self._known.get(file.path)
        if known is not None and known[0] == written_at:
            return known[1]
        entry = {"name": file.name, "about": "", "origin": file.origin}
        try:
            preset = _loaded(file)
            entry["about"] = preset.about
            if preset.expect:
                entry["expect"] = preset.expect
        except ControlError as error:
            entry["problem"] = error.message
        self._known[file.path] = (written_at, entry)
        return entry

    def _files(self) -> list[PresetFile]:
        try:
            return preset_files(self._folder)
        except EnvironmentProblem as error:
            raise ControlError("not-possible", self._without_paths(str(error))) from None

    def _without_paths(self, text: str) -> str:
        return text.replace(str(self._folder), "the user's folder of presets")


def _files_in(preset: Preset) -> Iterator[tuple[str, str]]:
    """Path and value of each parameter that names a sound file."""
    for slot in preset.slots:
        for name, param in fields_of(type(slot.params)).items():
            if param.kind == "file" and (given := getattr(slot.params, name)):
                yield f"{slot.slot}.{name}", given


def _loaded(file: PresetFile) -> Preset:
    try:
        return file.load()
    except SoftphoneError as error:
        told = str(error).replace(str(file.path), file.name).replace(str(file.path.parent), "its folder")
        raise ControlError("invalid-preset", told) from None
