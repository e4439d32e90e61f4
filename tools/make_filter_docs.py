"""Writes docs/filters.md: every filter with its parameters, and every packaged preset, from what they say of themselves.

Made by: `PYTHONPATH=. .venv/bin/python tools/make_filter_docs.py`
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dsp.chain import FilterChain
from dsp.errors import DspError
from dsp.filters import CATEGORIES, FilterSpec, Setting, filters
from dsp.params import describe
from dsp.preset import Preset
from softphone.io.presets import preset_files
from softphone.io.resources import resources

TARGET = Path(__file__).parent.parent / "docs" / "filters.md"
RATE_HZ = 48_000
HEAD = """# Filters

Made from the filters and presets themselves by `tools/make_filter_docs.py`; a test compares the two. How to use them
is told in [filtering.md](filtering.md). `softphone filter --describe` prints the same as a table.

A delay is that of the default values at 48 kHz; `softphone filter` takes it off the output. *Linear* filters are linear and
time-invariant: a change while they run is not heard as a click (below -85 dB 500 Hz away from a tone).
"""


def shown(number: float) -> str:
    """A number as a person writes it."""
    return f"{number:.10g}"


def value(default: Any) -> str:
    """A default value."""
    match default:
        case None:
            return "`auto`"
        case True | False:
            return "`on`" if default else "`off`"
        case int() | float():
            return f"`{shown(default)}`"
        case "" | () | []:
            return "none"
        case str():
            return f"`{default}`"
        case _ if all(isinstance(each, (int, float)) for each in default):
            same = len(set(default)) == 1 and len(default) > 3
            return f"{len(default)} x `{shown(default[0])}`" if same else f"`{','.join(map(shown, default))}`"
        case _:
            return f"{len(default)} entries"


def span(param: Mapping[str, Any]) -> str:
    """What a parameter may be, with its unit."""
    kind = param["kind"]
    if kind == "choice":
        return ", ".join(f"`{option}`" for option in param["options"])
    if kind == "flag":
        return "`on`, `off`"
    if kind in ("text", "file"):
        return "text" if kind == "text" else "a sound file"
    unit = f" {param['unit']}" if param.get("unit") else ""
    low_high = "" if kind == "items" else f"{shown(param['min'])} to {shown(param['max'])}{unit}"
    low, high = param.get("counts", (0, 0))
    count = f"{low}" if low == high else f"{low} to {high}"
    match kind:
        case "items":
            return f"{count} entries, see below"
        case "numbers":
            return f"{count} numbers, each {low_high}"
        case "points":
            x = param["x"]
            return f"{count} points `x:y`, x rising, {shown(x['min'])} to {shown(x['max'])} {x['unit']}; y {low_high}"
        case _:
            whole = "whole, " if kind == "integer" else ""
            auto = ", or `auto`" if param.get("optional") else ""
            return f"{whole}{low_high}{auto}"


def table(params: list[dict[str, Any]], prefix: str = "") -> Iterator[str]:
    """The table of parameters, those of list entries after it."""
    yield f"| {'parameter' if not prefix else 'of each entry'} | may be | default | meaning |"
    yield "|---|---|---|---|"
    for param in params:
        cells = (f"`{prefix}{param['name']}`", span(param), value(param["default"]), param["help"])
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    for param in params:
        if "item" in param:
            yield ""
            yield from table(param["item"], f"{prefix}{param['name']}.N.")


def delay(spec: FilterSpec) -> str:
    """How much later the output comes, with default values."""
    try:
        chain = FilterChain(
            Preset.parse({"filter": [{"type": spec.name}]}, "one"), Setting(RATE_HZ, 1, resources())
        )
    except DspError:
        return "what it is built for decides"
    late_ms = 1000 * chain.delay_samples / RATE_HZ
    return f"{shown(round(late_ms, 2))} ms" if late_ms else "none"


def of_filter(spec: FilterSpec) -> Iterator[str]:
    """The section about one filter."""
    yield f"### {spec.name}"
    yield ""
    yield f"{spec.summary}."
    yield ""
    facts = [f"Source: {spec.source}."]
    if not spec.changes_length:
        facts.append(f"Delay: {delay(spec)}.")
    if spec.linear:
        facts.append("Linear.")
    if spec.generates:
        facts.append("Makes sound out of silence.")
    if spec.takes_far:
        facts.append("Needs the far signal (`--far`).")
    if spec.changes_length:
        facts.append("Changes the length: for files only, and not while it runs.")
    yield " ".join(facts)
    yield ""
    yield from table(describe(spec.params)) if describe(spec.params) else ("No parameters.",)
    if spec.readings:
        yield ""
        meters = (f"`{one.name}`{f' ({one.unit})' if one.unit else ''}: {one.help}" for one in spec.readings)
        yield f"Meters: {'; '.join(meters)}."
    yield ""


def of_preset(name: str, preset: Preset) -> Iterator[str]:
    """The row of one packaged preset."""
    row = " → ".join(
        f"`{slot.slot}`" if slot.slot == slot.filter else f"`{slot.slot}` ({slot.filter})"
        for slot in preset.slots
    )
    yield f"| `{name}` | {preset.about} | {preset.expect} | {row or 'none'} |"


def document() -> str:
    """The whole of docs/filters.md."""
    lines = [HEAD]
    specs = [filters.get(name) for name in filters.names()]
    for category in CATEGORIES:
        group = [spec for spec in specs if spec.category == category]
        if group:
            links = ", ".join(f"[{spec.name}](#{spec.name})" for spec in group)
            lines.append(f"- **{category}**: {links}")
    lines += ["- [**presets**](#presets)", ""]
    for category in CATEGORIES:
        group = [spec for spec in specs if spec.category == category]
        if group:
            lines += [f"## {category[0].upper()}{category[1:]}", ""]
            for spec in group:
                lines += of_filter(spec)
    lines += ["## Presets", ""]
    lines += ["What each does is measured on speech by `tests/filters/test_presets.py`.", ""]
    lines += ["| preset | what for | what it does | filters |", "|---|---|---|---|"]
    for file in preset_files(Path("no-folder-of-a-user")):
        lines += of_preset(file.name, file.load())
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
