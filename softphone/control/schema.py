"""The tree of parameters of a preset, made from what the filters say of themselves: paths, kinds, units, ranges, steps.

A path is ``slot.parameter``, ``slot.bypass``, ``slot.bands.0.gain_db`` or ``slot.gains_db.3`` (`dsp.preset.Preset.with_value`).
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from dsp.errors import ParameterError
from dsp.filters import filters
from dsp.params import Param, as_mapping, describe, fields_of
from dsp.preset import BYPASS, Preset
from dsp.wording import plain, shown
from softphone.control.errors import ControlError
from softphone.control.op import closest

BYPASS_PARAM = Param("flag", "leave this filter out")
MAX_PATH = 128
"""Longest path, in characters."""


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """One value that can be set."""

    path: str
    param: Param
    """Of one entry of ``numbers``: a number."""
    value: Any
    """Plain, as JSON has it; None is ``auto``."""
    default: Any

    def as_mapping(self) -> dict[str, Any]:
        """Everything a control for it needs, ready for JSON."""
        found = {"path": self.path} | self.param.as_mapping()
        if self.param.kind == "file":
            found["read_only"] = True
        return found | {"value": self.value, "default": self.default}


def leaves(preset: Preset) -> Iterator[Leaf]:
    """Every value of *preset*, filter by filter; lists first whole, then each of their entries."""
    for slot in preset.slots:
        yield Leaf(f"{slot.slot}.{BYPASS}", BYPASS_PARAM, slot.bypass, False)
        yield from _of_params(slot.params, slot.slot)


def _of_params(params: Any, path: str) -> Iterator[Leaf]:
    values, defaults = as_mapping(params), _defaults(type(params))
    for name, param in fields_of(type(params)).items():
        here = f"{path}.{name}"
        yield Leaf(here, param, values.get(name), defaults[name])
        if param.kind == "items":
            for index, each in enumerate(getattr(params, name)):
                yield from _of_params(each, f"{here}.{index}")
        elif param.kind == "numbers":
            usual = defaults[name]
            one = dataclasses.replace(param, kind="number", counts=(0, 0))
            for index, each in enumerate(values[name]):
                yield Leaf(f"{here}.{index}", one, each, usual[index] if index < len(usual) else None)


def _defaults(cls: type[Any]) -> dict[str, Any]:
    return {each["name"]: _plain(each["default"]) for each in describe(cls)}


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return as_mapping(value) if dataclasses.is_dataclass(value) else value


def tree(preset: Preset) -> list[dict[str, Any]]:
    """The filters of *preset* in order, each with all that can be set, ready for JSON."""
    parameters: dict[str, list[dict[str, Any]]] = {slot.slot: [] for slot in preset.slots}
    for leaf in leaves(preset):
        parameters[leaf.path.partition(".")[0]].append(leaf.as_mapping())
    return [
        {"slot": slot.slot, "type": slot.filter, "parameters": parameters[slot.slot]} for slot in preset.slots
    ]


def kinds_of_filters() -> dict[str, dict[str, Any]]:
    """Every filter there is: what it does, its parameters, its meters; ready for JSON."""
    found = {}
    for name in filters.names():
        spec = filters.get(name)
        found[name] = {
            "summary": spec.summary,
            "category": spec.category,
            "source": spec.source,
            "linear": spec.linear,
            "generates": spec.generates,
            "takes_far": spec.takes_far,
            "live": not spec.changes_length,
            "parameters": _plain_all(describe(spec.params)),
            "readings": [{"name": each.name, "unit": each.unit, "help": each.help} for each in spec.readings],
        }
    return found


def _plain_all(described: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: _plain(value) for key, value in each.items()} for each in described]


def value_at(preset: Preset, path: str) -> Any:
    """The value at *path*, plain; of a whole filter or list entry, a mapping.

    Raises:
        ControlError: ``unknown-path``, with the nearest.
    """
    name, *keys = path.split(".")
    slot = next((each for each in preset.slots if each.slot == name), None)
    if slot is None:
        raise unknown_path(preset, path)
    if not keys:
        return {"type": slot.filter, "slot": slot.slot, BYPASS: slot.bypass} | as_mapping(slot.params)
    if keys == [BYPASS]:
        return slot.bypass
    value: Any = slot.params
    for key in keys:
        if (
            isinstance(value, tuple)
            and key.isascii()
            and key.isdigit()
            and len(key) < 10
            and int(key) < len(value)
        ):
            value = value[int(key)]
        elif dataclasses.is_dataclass(value) and key in fields_of(type(value)):
            value = getattr(value, key)
        else:
            raise unknown_path(preset, path)
    return _plain(value)


def parse_value(preset: Preset, path: str, value: Any) -> Preset:
    """Return *preset* with *value* at *path*.

    Raises:
        ControlError: ``unknown-path`` with the nearest; ``out-of-range`` with the range and unit; ``bad-value``, with the
            options where there are some; ``not-possible`` for the name of a file.
    """
    try:
        changed = preset.with_value(path, value)
    except ParameterError as error:
        raise _refused(preset, path, value, str(error)) from None
    refuse_new_files(preset, changed)
    return changed


def unknown_path(preset: Preset, path: str) -> ControlError:
    """The error for a *path* that is not in *preset*."""
    words, close = closest(path, [leaf.path for leaf in leaves(preset)])
    if not close:
        words = f"filters in this preset: {', '.join(shown(slot.slot) for slot in preset.slots) or 'none'}"
    return ControlError("unknown-path", f"no parameter {shown(path)}; {words}", path=shown(path), **close)


def _refused(preset: Preset, path: str, value: Any, words: str) -> ControlError:
    leaf = next((each for each in leaves(preset) if each.path == path), None)
    if leaf is None:
        return unknown_path(preset, path)
    param = leaf.param
    details: dict[str, Any] = {"path": path}
    if param.axis is not None:
        details |= {"min": param.axis.low, "max": param.axis.high, "unit": param.axis.unit}
    if param.options:
        details["options"] = list(param.options)
    number = _number(value) if param.kind in ("number", "integer") else None
    if number is not None and param.axis is not None and not param.axis.low <= number <= param.axis.high:
        return ControlError("out-of-range", words, **details)
    return ControlError("bad-value", words, **details)


def _number(value: Any) -> float | None:
    """*value* as a number, where it is one or a text that a person typed for one."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, str) and value.strip()[-1:] in ("k", "K"):
            return 1000 * float(value.strip()[:-1])
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def refuse_new_files(before: Preset, after: Preset) -> None:
    """Hold a preset from outside to the files that are in use: no path comes from outside.

    Raises:
        ControlError: ``not-possible``: *after* names a file that does not stand in the same place of *before*.
    """
    old = {slot.slot: slot for slot in before.slots}
    for slot in after.slots:
        was = old.get(slot.slot)
        if was is slot:
            continue
        known = {} if was is None else dict(_files_of(was.params, was.slot))
        for path, name in _files_of(slot.params, slot.slot):
            if name and name != known.get(path):
                raise ControlError(
                    "not-possible",
                    f"{path} names a file, which cannot be set from outside, got {plain(name)}: "
                    "put it into a preset on that machine and load that by its name",
                    path=path,
                )


def _files_of(params: Any, path: str) -> Iterator[tuple[str, str]]:
    """Path and value of each parameter that names a file."""
    for name, param in fields_of(type(params)).items():
        if param.kind == "file":
            yield f"{path}.{name}", getattr(params, name)
        elif param.kind == "items":
            for index, each in enumerate(getattr(params, name)):
                yield from _files_of(each, f"{path}.{name}.{index}")


def difference(before: Preset, after: Preset) -> dict[str, Any] | None:
    """Path -> value of what is new in *after*; None where its filters are others."""
    if [(each.slot, each.filter) for each in before.slots] != [
        (each.slot, each.filter) for each in after.slots
    ]:
        return None
    new: dict[str, Any] = {}
    for old, fresh in zip(before.slots, after.slots, strict=True):
        if old.bypass != fresh.bypass:
            new[f"{fresh.slot}.{BYPASS}"] = fresh.bypass
        if old.params != fresh.params:
            _compare(old.params, fresh.params, fresh.slot, new)
    return new


def _compare(old: Any, fresh: Any, path: str, new: dict[str, Any]) -> None:
    plainly = as_mapping(fresh)
    for name, param in fields_of(type(fresh)).items():
        was, now, here = getattr(old, name), getattr(fresh, name), f"{path}.{name}"
        if was == now:
            continue
        if param.kind in ("items", "numbers") and len(was) == len(now):
            for index, (one, other) in enumerate(zip(was, now, strict=True)):
                if one == other:
                    continue
                if param.kind == "items":
                    _compare(one, other, f"{here}.{index}", new)
                else:
                    new[f"{here}.{index}"] = other
        else:
            new[here] = plainly.get(name)
