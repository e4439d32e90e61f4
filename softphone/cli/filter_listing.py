"""What `filter` lists: presets, one as TOML, filters with their parameters."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from softphone.cli.terminal import Terminal
from softphone.errors import SoftphoneError, UsageError

if TYPE_CHECKING:
    from dsp.filters import FilterSpec
    from softphone.io.presets import PresetFile


def list_presets(terminal: Terminal) -> int:
    """Print the presets, a line each."""
    from softphone.app import filtering

    found = [_about(each) for each in filtering.list_presets()]
    if terminal.as_json:
        terminal.print_json({"presets": found})
    elif not found:
        terminal.print("no presets")
    else:
        width = max(len(each["name"]) for each in found)
        terminal.print("\n".join(f"{each['name']:<{width}}  {_line_of(each)}" for each in found))
    return 0


def _about(file: "PresetFile") -> dict[str, Any]:
    about: dict[str, Any] = {"name": file.name, "origin": file.origin, "path": str(file.path)}
    about["replaces"] = None if file.replaces is None else str(file.replaces)
    try:
        preset = file.load()
    except SoftphoneError as error:
        return about | {"about": None, "expect": None, "filters": None, "error": str(error)}
    filters = [{"slot": each.slot, "type": each.filter} for each in preset.slots]
    return about | {"about": preset.about, "expect": preset.expect, "filters": filters, "error": None}


def _line_of(about: Mapping[str, Any]) -> str:
    said = about["about"] if about["error"] is None else f"error: {about['error']}"
    if about["origin"] != "user":
        return str(said)
    goes_before = ", instead of the packaged one" if about["replaces"] else ""
    return f"{said} (your own{goes_before}: {about['path']})"


def show_preset(what: str, changes: Sequence[tuple[str, str]], terminal: Terminal) -> int:
    """Print the preset *what* as TOML: its file as it lies, unless *changes* make another of it."""
    from softphone.app import filtering
    from softphone.io.presets import as_toml

    file = filtering.preset_file(what)
    preset = filtering.changed(file.load(), dict(changes))
    as_it_lies = not changes and file.path.suffix.lower() == ".toml"
    text = file.text() if as_it_lies else as_toml(preset)
    if terminal.as_json:
        shown = {"name": file.name, "origin": file.origin, "path": str(file.path)}
        terminal.print_json({**shown, "preset": preset.as_mapping(), "toml": text})
    else:
        terminal.print(text.rstrip("\n"))
    return 0


def describe_filters(names: Sequence[str], terminal: Terminal) -> int:
    """Print the filters *names*, or all, with their parameters, units and ranges."""
    from dsp.filters import CATEGORIES, filters
    from dsp.params import nearest

    for name in names:
        if name not in filters.names():
            raise UsageError(f"no filter {name!r}; {nearest(name, filters.names())}")
    specs = [filters.get(name) for name in names or filters.names()]
    specs.sort(key=lambda spec: CATEGORIES.index(spec.category))
    if terminal.as_json:
        terminal.print_json({"filters": [_described(spec) for spec in specs]})
    else:
        terminal.print("\n\n".join("\n".join(_description(spec)) for spec in specs))
    return 0


def _described(spec: "FilterSpec") -> dict[str, Any]:
    from dsp.params import describe

    return {
        "name": spec.name,
        "summary": spec.summary,
        "category": spec.category,
        "source": spec.source,
        "linear": spec.linear,
        "generates": spec.generates,
        "takes_far": spec.takes_far,
        "changes_length": spec.changes_length,
        "parameters": describe(spec.params),
        "readings": [{"name": each.name, "unit": each.unit, "help": each.help} for each in spec.readings],
    }


def _description(spec: "FilterSpec") -> Iterator[str]:
    from dsp.params import describe

    yield f"{spec.name} ({spec.category}): {spec.summary}"
    yield from _parameters(describe(spec.params), "")
    for reading in spec.readings:
        yield f"  meter {reading.name}{f' in {reading.unit}' if reading.unit else ''}: {reading.help}"


def _parameters(parameters: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[str]:
    for each in parameters:
        name = f"{prefix}{each['name']}"
        if each["kind"] == "items":
            low, high = each["counts"]
            yield f"  {name}: {low} to {high} of them: {each['help']}"
            yield from _parameters(each["item"], f"{name}.N.")
        else:
            yield f"  {name}: {_range(each)} (default {_default(each)}): {each['help']}"


def _range(parameter: Mapping[str, Any]) -> str:
    match parameter["kind"]:
        case "number" | "integer":
            auto = " or auto" if parameter.get("optional") else ""
            return _span(parameter) + auto
        case "choice":
            return ", ".join(parameter["options"])
        case "flag":
            return "on or off"
        case "numbers":
            low, high = parameter["counts"]
            count = f"{low}" if low == high else f"{low} to {high}"
            return f"{count} numbers of {_span(parameter)}"
        case "points":
            low, high = parameter["counts"]
            return f"{low} to {high} points X:Y of {_span(parameter['x'])} and {_span(parameter)}"
        case "file":
            return "name of a sound file"
        case _:
            return "text"


def _span(axis: Mapping[str, Any]) -> str:
    return f"{axis['min']:.10g} to {axis['max']:.10g} {axis['unit']}".rstrip()


def _default(parameter: Mapping[str, Any]) -> str:
    match parameter["default"]:
        case None:
            return "auto"
        case bool(value):
            return "on" if value else "off"
        case float(value):
            return f"{value:.10g}"
        case tuple(values):
            return (
                ",".join(":".join(map(str, v)) if isinstance(v, tuple) else f"{v:g}" for v in values)
                or "none"
            )
        case value:
            return str(value) or "none"
