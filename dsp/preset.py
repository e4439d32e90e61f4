"""A preset: which filters, in which order, with which parameters; as data, and as what TOML holds.

    about = "Sounds like a telephone line"
    expect = "Nothing below 200 Hz or above 3800 Hz is left"

    [[filter]]
    type = "butterworth"
    slot = "low-cut"
    freq_hz = 300

``slot`` is what a value's path begins with (``low-cut.freq_hz``): the type by default, numbered where it stands
twice. ``bypass = true`` leaves a filter out until it is switched on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dsp.errors import ParameterError, UnknownName
from dsp.filters.base import FilterSpec, filters
from dsp.params import as_mapping, from_mapping, with_value
from dsp.wording import nearest, plain, shown

BYPASS = "bypass"
MAX_FILTERS = 64
_OWN_KEYS = ("type", "slot", BYPASS)
_CONTROLS = frozenset(chr(n) for n in (*range(32), *range(127, 160)) if chr(n) != "\t")
"""What a line of text has none of: a terminal would do what they say (C0 and C1 of ISO/IEC 6429)."""


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """One filter of a preset."""

    slot: str
    """Unique within the preset."""
    filter: str
    """Registry name."""
    params: Any
    bypass: bool = False

    @property
    def spec(self) -> FilterSpec:
        """The filter's specification."""
        return filters.get(self.filter)


@dataclass(frozen=True, slots=True)
class Preset:
    """Filters in order."""

    name: str
    about: str = ""
    """One line: what it is for."""
    expect: str = ""
    """One line: what it does to the sound, as it can be measured."""
    slots: tuple[SlotSpec, ...] = field(default=())

    @classmethod
    def parse(cls, values: Mapping[str, Any], name: str) -> "Preset":
        """Read what a TOML file holds.

        Raises:
            ParameterError: naming what is unknown or out of range.
        """
        known = ("about", "expect", "filter")
        for key in values:
            if key not in known:
                raise ParameterError(f"{shown(key)} is unknown in a preset; {nearest(key, known)}")
        entries = values.get("filter", [])
        if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
            raise ParameterError("filter must be a list of tables: write [[filter]] above each")
        if len(entries) > MAX_FILTERS:
            raise ParameterError(f"a preset holds {MAX_FILTERS} filters at most, got {len(entries)}")
        slots: list[SlotSpec] = []
        for entry in entries:
            slots.append(_slot(entry, {each.slot for each in slots}))
        return cls(name, _line(values, "about"), _line(values, "expect"), tuple(slots))

    def as_mapping(self) -> dict[str, Any]:
        """Everything as plain values: what `parse` reads."""
        found: dict[str, Any] = {"about": self.about} if self.about else {}
        if self.expect:
            found["expect"] = self.expect
        found["filter"] = [
            {"type": each.filter, "slot": each.slot}
            | ({BYPASS: True} if each.bypass else {})
            | as_mapping(each.params)
            for each in self.slots
        ]
        return found

    def slot(self, name: str) -> SlotSpec:
        """Return the slot called *name*.

        Raises:
            ParameterError: there is none; names the nearest.
        """
        for each in self.slots:
            if each.slot == name:
                return each
        names = [each.slot for each in self.slots]
        raise ParameterError(f"no filter {plain(name)} in preset {self.name}; {nearest(name, names)}")

    def with_value(self, path: str, value: Any) -> "Preset":
        """Return the preset with one value changed.

        Args:
            path: ``slot.parameter``, ``slot.bands.0.gain_db`` or ``slot.bypass``.
            value: plain, or text as a person types it.

        Raises:
            ParameterError: naming what is unknown or out of range.
        """
        name, *keys = path.split(".")
        slot = self.slot(name)
        if not keys or "" in keys:
            raise ParameterError(f"{shown(path)} names a whole filter: write {name}.PARAMETER")
        if keys == [BYPASS]:
            return self.with_slot(replace(slot, bypass=_flag(value, path)))
        return self.with_slot(replace(slot, params=with_value(slot.params, keys, value, name)))

    def with_slot(self, slot: SlotSpec) -> "Preset":
        """Return the preset with *slot* in the place of the one of that name."""
        return replace(self, slots=tuple(slot if each.slot == slot.slot else each for each in self.slots))


def _slot(entry: Mapping[str, Any], taken: set[str]) -> SlotSpec:
    kind = entry.get("type")
    if not isinstance(kind, str):
        raise ParameterError(f'each [[filter]] needs a type, as type = "gain"; got {plain(dict(entry))}')
    try:
        spec = filters.get(kind)
    except UnknownName:
        raise ParameterError(f"no filter named {plain(kind)}; {nearest(kind, filters.names())}") from None
    name = entry.get("slot", None if kind in taken else kind)
    if name is None:
        name = next(f"{kind}-{n}" for n in range(2, MAX_FILTERS + 2) if f"{kind}-{n}" not in taken)
    if not isinstance(name, str) or not name.isprintable() or not name or set(name) & set(".="):
        raise ParameterError(f"slot must be a name without dots and equals signs, got {plain(name)}")
    if name in taken:
        raise ParameterError(f"two filters have the slot {plain(name)}: give one of them another")
    values = {key: value for key, value in entry.items() if key not in _OWN_KEYS}
    return SlotSpec(
        name, kind, from_mapping(spec.params, values, name), _flag(entry.get(BYPASS, False), f"{name}.bypass")
    )


def _line(values: Mapping[str, Any], key: str) -> str:
    found = values.get(key, "")
    if not isinstance(found, str) or _CONTROLS.intersection(found):
        raise ParameterError(f"{key} must be one line of text, got {plain(found)}")
    return found


def _flag(value: Any, path: str) -> bool:
    word = value if isinstance(value, bool) else str(value).strip().lower()
    if word in (True, "true", "yes", "on", "1"):
        return True
    if word in (False, "false", "no", "off", "0"):
        return False
    raise ParameterError(f"{path} must be true or false, got {plain(value)}")
