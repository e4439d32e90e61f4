"""The operations about presets: those with a name, one that is sent, saving, and asking whether one could be."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dsp.errors import DspError, ParameterError
from dsp.preset import Preset
from dsp.wording import shown
from softphone.control.desk import Desk, refused
from softphone.control.errors import ControlError
from softphone.control.op import CONTROL, VIEW, Argument, Client, Op, closest
from softphone.control.results import FLAG, TEXT, listed, record
from softphone.control.schema import MAX_PATH, refuse_new_files
from softphone.control.turning import CHAIN, MAX_CHANGES, Turning
from softphone.errors import SoftphoneError

PRESET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
"""What a preset from outside may be called: a file name on any system, and never a path."""
MAX_NAME = 41
NAME_RULE = f"1 to {MAX_NAME} of a-z, 0-9 and -, the first no -"


class PresetStore(Protocol):
    """Presets that have a name."""

    def names(self) -> Sequence[Mapping[str, Any]]:
        """``name``, ``about`` and ``origin`` of each. Raises UsageError."""

    def load(self, name: str) -> Preset:
        """Raises ControlError or UsageError."""

    def save(self, preset: Preset, name: str, *, force: bool) -> None:
        """Raises ControlError (``exists``) or UsageError."""


class PresetOps(Turning):
    """What can be asked about presets."""

    def __init__(self, turning: Turning, presets: PresetStore) -> None:
        super().__init__(turning.desks, turning.publish)
        self._presets = presets

    def ops(self) -> tuple[Op, ...]:
        """All of them, in the order of the reference."""
        return (
            Op(
                "presets",
                "The presets that have a name",
                VIEW,
                "aside",
                (),
                lambda client, given: {"presets": [dict(each) for each in self._presets.names()]},
                "`presets`: `name`, `about` and `origin` of each, or a `problem`",
                returns={
                    "presets": listed(record({"name": TEXT}, {"about": TEXT, "origin": TEXT}, closed=False))
                },
            ),
            Op(
                "preset",
                "Change to a preset by its name",
                CONTROL,
                "chain",
                (Argument("name", "text", "its name", low=1, high=MAX_PATH), CHAIN),
                self._preset,
                "`name`",
                {"name": "telephone"},
                {"name": TEXT},
            ),
            Op(
                "load",
                "Change to a preset that is sent: filters with values, as `get` gives them; never a file",
                CONTROL,
                "chain",
                (
                    Argument(
                        "preset", "object", "`about`, `expect` and a list `filter`, as in a preset file"
                    ),
                    Argument(
                        "name",
                        "text",
                        "what to call it; as before where left out",
                        required=False,
                        low=1,
                        high=MAX_NAME,
                    ),
                    CHAIN,
                ),
                self._load,
                "`name`",
                {"preset": {"about": "Softer", "filter": [{"type": "gain", "gain_db": -6}]}},
                {"name": TEXT},
            ),
            Op(
                "save",
                "Save what is wanted now among the presets of the machine's user",
                CONTROL,
                "chain",
                (
                    Argument("name", "text", "a to z, 0 to 9 and hyphens, 41 at most", low=1, high=MAX_PATH),
                    Argument("force", "flag", "replace one of that name", required=False, default=False),
                    CHAIN,
                ),
                self._save,
                "`name`",
                {"name": "my-voice"},
                {"name": TEXT},
            ),
            Op(
                "validate",
                "Say whether a preset or changes could be, and change nothing",
                CONTROL,
                "chain",
                (
                    Argument("preset", "object", "as in `load`", required=False),
                    Argument("changes", "object", "as in `patch`", required=False, high=MAX_CHANGES),
                    CHAIN,
                ),
                self._validate,
                "`valid`: true; else the error that `load` or `patch` would give",
                {"preset": {"filter": [{"type": "gain", "gain_db": -6}]}},
                {"valid": FLAG},
            ),
        )

    def _preset(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        desk, name = self.desk(given["chain"]), given["name"]
        known = [str(each["name"]) for each in self._presets.names()]
        if name not in known:  # so no path is ever looked up
            words, close = closest(name, known)
            raise ControlError("unknown-preset", f"no preset {shown(name)}; {words}", **close)
        try:
            preset = self._presets.load(name)
        except DspError as error:
            raise refused(error, f"preset {name}") from None
        except SoftphoneError as error:
            raise ControlError("invalid-preset", str(error)) from None
        return self._to(desk, client, preset)

    def _load(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        desk = self.desk(given["chain"])
        name = desk.preset.name if given["name"] is None else _checked_name(given["name"])
        return self._to(desk, client, _read(desk, given["preset"], name), desk.state.now.origin)

    def _to(
        self, desk: Desk, client: Client, preset: Preset, origin: Preset | None = None
    ) -> Mapping[str, Any]:
        before = desk.revision
        desk.load(preset, client, origin=origin)
        if desk.revision != before:
            self.tell(desk, client, {"preset": preset.name})
        return {"name": preset.name}

    def _save(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        desk, name = self.desk(given["chain"]), _checked_name(given["name"])
        preset = Preset(name, desk.preset.about, desk.preset.expect, desk.preset.slots)
        self._presets.save(preset, name, force=given["force"])
        desk.saved(preset, client)
        self.tell(desk, client, {"saved": name})
        return {"name": name}

    def _validate(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        desk, preset, changes = self.desk(given["chain"]), given["preset"], given["changes"]
        if (preset is None) == (changes is None):
            raise ControlError("bad-message", "validate needs either preset or changes")
        try:
            desk.check(desk.changed(changes) if preset is None else _read(desk, preset, desk.preset.name))
        except DspError as error:
            raise refused(error, "" if preset is None else "this preset") from None
        return {"valid": True}


def _read(desk: Desk, values: Mapping[str, Any], name: str) -> Preset:
    try:
        preset = Preset.parse(values, name)
    except ParameterError as error:
        raise ControlError("invalid-preset", str(error)) from None
    refuse_new_files(desk.preset, preset)
    return preset


def _checked_name(name: str) -> str:
    if not PRESET_NAME.fullmatch(name):
        raise ControlError(
            "bad-value",
            f"the name of a preset is {NAME_RULE}; got {shown(name)}",
            argument="name",
        )
    return name
