"""What `remote` prints for people: values, changes, levels."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from softphone.cli.terminal import harmless, level_text
from softphone.control_config import RemoteOptions

Result = Mapping[str, Any]


def received(value: Any) -> Any:
    """What came from a server, its texts without what steers a terminal: others chose them, the callers of a call, too."""
    match value:
        case str():
            return harmless(value)
        case Mapping():
            return {harmless(str(key)): received(each) for key, each in value.items()}
        case list():
            return [received(each) for each in value]
        case _:
            return value


def shown(value: Any) -> str:
    """*value* as a person would type it behind `remote set PATH`."""
    match value:
        case None:
            return "auto"
        case bool():
            return "on" if value else "off"
        case int() | float():
            return f"{value:.10g}"
        case [[_, _], *_]:
            return ",".join(":".join(map(shown, pair)) for pair in value)
        case list():
            return ",".join(map(shown, value))
        case _:
            return str(value)


def values(result: Result, options: RemoteOptions) -> str:
    """One value, or all of a chain."""
    if "preset" not in result:
        value = result["value"]
        if isinstance(value, Mapping) or _is_items(value):
            return "\n".join(f"{path} = {shown(each)}" for path, each in _settable(result["path"], value))
        return shown(value)
    state = [f"revision {result['revision']}"]
    if result["modified"]:
        state.insert(0, "changed")
    if result["bypass"]["on"]:
        state.append(f"bypassed{_by(result['bypass']['gain_db'])}")
    from softphone.cli.table import listing  # brings rich, which one value and JSON do not need

    rows = []
    for each in result["preset"]["filter"]:
        slot = each.get("slot", each["type"])
        rows += [[path, shown(value)] for path, value in _settable(slot, each)]
    rows += [[f"{path} (meter)", shown(value)] for path, value in result["readings"].items()]
    return listing(f"{result['chain']}: {result['name']}, {', '.join(state)}", ("path", "value"), rows)


def changed(result: Result, options: RemoteOptions) -> str:
    """What a change made of it."""
    if "preset" in result:
        return f"preset {result['preset']}{_revision(result)}"
    changes = result["changes"]
    if not changes:
        return f"nothing is new{_revision(result)}"
    return "\n".join(f"{path} = {shown(value)}" for path, value in changes.items()) + _revision(result)


def preset(result: Result, options: RemoteOptions) -> str:
    """Which preset it is now."""
    return f"preset {result['name']}{_revision(result)}"


def saved(result: Result, options: RemoteOptions) -> str:
    """What it was saved as."""
    return f"saved as {result['name']}"


def bypass(result: Result, options: RemoteOptions) -> str:
    """What is heard now."""
    now = result["bypass"]
    return f"bypass on{_by(now['gain_db'])}" if now["on"] else "bypass off"


def presets(result: Result, options: RemoteOptions) -> str:
    """The presets, a line each."""
    found: Sequence[Result] = result["presets"]
    width = max((len(each["name"]) for each in found), default=0)
    lines = (
        f"{each['name']:<{width}}  {each.get('about') or each.get('problem') or ''}".rstrip()
        for each in found
    )
    return "\n".join(lines) or "no presets"


def clients(result: Result, options: RemoteOptions) -> str:
    """Who is here."""
    from softphone.cli.table import listing

    rows = [[str(each["id"]), each["name"], each["role"]] for each in result["clients"]]
    return listing("clients", ("number", "name", "role"), rows)


def schema(result: Result, options: RemoteOptions) -> str:
    """What can be set: path, range, what it is for."""
    if "slot" in result:
        return "\n".join(_parameters(result))
    parts: list[str] = []
    for chain in result["chains"]:
        if options.chain in (None, chain["name"]):
            parts.append(f"{chain['name']}: {chain['label']}")
            parts += [f"  {line}" for each in chain["slots"] for line in _parameters(each)]
    return "\n".join(parts) or "no chain of filters"


def level_line(levels: Result) -> str:
    """Levels before and after, loudness, and how the engine does."""
    before, after = levels["in"], levels["out"]
    parts = [
        f"level {level_text(before['rms_dbfs'])} -> {level_text(after['rms_dbfs'])} dBFS",
        f"peak {level_text(before['peak_dbfs'])} -> {level_text(after['peak_dbfs'])}",
    ]
    if after["short_term_lufs"] is not None:
        parts.append(f"{after['short_term_lufs']:.1f} LUFS")
    if after["clipped"]:
        parts.append(f"clipped {after['clipped']}")
    parts += [f"{slot} {db:.1f} dB" for slot, db in levels["gain_reduction_db"].items() if db]
    for key, form in (
        ("latency_ms", "latency {:.1f} ms"),
        ("load_pct", "load {:.0f} %"),
        ("xruns", "xruns {}"),
    ):
        if levels.get(key) is not None:
            parts.append(form.format(levels[key]))
    if levels.get("running") is False:
        parts.append("not running")
    return "   ".join(parts)


def event_line(event: Result) -> str:
    """What somebody did."""
    match event["event"]:
        case "changes":
            who = f"{event['who'] or 'somebody'}: "
            at = f"{event['chain']}, revision {event['revision']}"
            done = [f"{path} = {shown(value)}" for path, value in event.get("changes", {}).items()]
            done += [f"preset {event['preset']}"] if "preset" in event else []
            done += [f"saved as {event['saved']}"] if "saved" in event else []
            done += [bypass(event, RemoteOptions("watch"))] if "bypass" in event else []
            return f"{who}{', '.join(done) or 'changed'} ({at})"
        case "clients":
            names = (f"{each['name'] or each['id']} ({each['role']})" for each in event["clients"])
            return f"here: {', '.join(names)}"
        case "calls":
            calls = (_call(each) for each in event.get("calls", ()))
            return f"calls: {', '.join(calls) or 'none'}"
        case topic:
            rest = ", ".join(f"{key} {shown(value)}" for key, value in event.items() if key != "event")
            return f"{topic}{': ' if rest else ''}{rest}"


def _call(call: Result) -> str:
    return " ".join(str(call[key]) for key in ("call", "peer", "state") if call.get(key) is not None)


def _parameters(of: Result) -> Iterator[str]:
    yield f"{of['slot']} ({of['type']})"
    for each in of["parameters"]:
        if each["kind"] in ("items", "numbers") and each["value"]:
            continue  # their entries follow
        yield f"  {each['path']} = {shown(each['value'])}: {_range(each)}: {each['help']}"


def _range(parameter: Result) -> str:
    if parameter.get("options"):
        return ", ".join(parameter["options"])
    if parameter["kind"] == "flag":
        return "on or off"
    if "min" in parameter:
        auto = " or auto" if parameter.get("optional") else ""
        return f"{parameter['min']:.10g} to {parameter['max']:.10g} {parameter['unit']}".rstrip() + auto
    return str(parameter["kind"]) + (", cannot be set from here" if parameter.get("read_only") else "")


def _settable(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What of a filter or an entry of a list can be set, by its path."""
    return ((name, each) for name, each in _flat(path, value) if name not in (f"{path}.type", f"{path}.slot"))


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(f"{path}.{key}", each)
    elif _is_items(value):
        for index, each in enumerate(value):
            yield from _flat(f"{path}.{index}", each)
    else:
        yield path, value


def _is_items(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _revision(result: Result) -> str:
    return f" (revision {result['revision']})" if "revision" in result else ""


def _by(gain_db: float) -> str:
    return f", the plain sound by {gain_db:+.1f} dB" if round(gain_db, 1) else ""
