"""OSC 1.0 addresses and arguments <-> operations, changes and levels; packets and the socket are `softphone.io.control`'s.

In (what a fader or a patch sends), CHAIN being the name of a chain, mostly ``main``:

    /softphone/hello ,s TOKEN             first of all; a second text is the name that others see
    /softphone/ping
    /softphone/CHAIN/SLOT/PARAMETER ,f 200     set; of lists as /softphone/CHAIN/eq/bands/0/gain_db; without argument: get
    /softphone/CHAIN/SLOT/bypass ,i 1
    /softphone/CHAIN/bypass ,i 1          a second integer 0: not matched in loudness
    /softphone/CHAIN/preset ,s NAME
    /softphone/CHAIN/save ,s NAME         a second integer 1: replace
    /softphone/CHAIN/undo, /softphone/CHAIN/redo, /softphone/CHAIN/reset_meters
    /softphone/levels ,f RATE             levels from now on, so many times a second, of CHAIN where a text follows; 0: no more

Out: the same addresses with what is new, ``/softphone/levels/CHAIN/in/peak_dbfs ,f -12.5`` and so on, and for what is
refused ``/softphone/error ,sss CODE MESSAGE ADDRESS``. Characters that OSC forbids in an address are written as in a URL.

Source: The Open Sound Control 1.0 Specification (M. Wright, 2002): address patterns, type tags.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

from dsp.preset import Preset
from dsp.wording import plain, shown
from softphone.control.errors import ControlError
from softphone.control.op import Event, Reply
from softphone.control.schema import leaves

ROOT = "softphone"
MAX_ADDRESS = 256
MAX_ARGUMENTS = 256
FLOAT_DIGITS = 7
"""What a 32-bit float holds: 0.1 comes as 0.10000000149."""
LEVELS = "levels"

Message: TypeAlias = tuple[str, tuple[int | float | str, ...]]
"""Address and arguments."""

_STEPS = ("undo", "redo", "reset_meters")


def read_message(address: str, arguments: Sequence[Any]) -> dict[str, Any]:
    """The operation that a packet asks for, with its arguments and without an id: ``{"op": "set", ...}``.

    Raises:
        ControlError: ``bad-message``: no address of ours, or not the arguments that belong to it.
    """
    parts = _parts(address)
    if len(arguments) > MAX_ARGUMENTS:
        raise ControlError(
            "bad-message", f"a packet has {MAX_ARGUMENTS} arguments at most, got {len(arguments)}"
        )
    match parts:
        case ["hello"]:
            token, *name = _need(address, arguments, (str, str), least=1)
            return {"op": "hello", "token": token} | ({"name": name[0]} if name else {})
        case ["ping"]:
            return {"op": "ping"}
        case ["levels"]:
            rate, *chain = _need(address, arguments, (float, str), least=1)
            if rate == 0:
                return {"op": "unsubscribe", "topics": [LEVELS]}
            return {"op": "subscribe", "topics": [LEVELS], "rate_hz": rate} | (
                {"chain": chain[0]} if chain else {}
            )
        case [chain, "bypass"]:
            on, *matched = _need(address, arguments, (bool, bool), least=1)
            return {"op": "bypass", "chain": chain, "on": on} | ({"matched": matched[0]} if matched else {})
        case [chain, "preset"]:
            (name,) = _need(address, arguments, (str,), least=1)
            return {"op": "preset", "chain": chain, "name": name}
        case [chain, "save"]:
            name, *force = _need(address, arguments, (str, bool), least=1)
            return {"op": "save", "chain": chain, "name": name} | ({"force": force[0]} if force else {})
        case [chain, word] if word in _STEPS:
            return {"op": word, "chain": chain}
        case [chain, _, _, *_]:
            path = ".".join(parts[1:])
            if not arguments:
                return {"op": "get", "chain": chain, "path": path}
            values = [_value(each) for each in arguments]
            return {
                "op": "set",
                "chain": chain,
                "path": path,
                "value": values[0] if len(values) == 1 else values,
            }
    raise ControlError(
        "bad-message",
        f"no address {shown(address)}: write /{ROOT}/main/SLOT/PARAMETER, /{ROOT}/main/preset, /{ROOT}/main/bypass ...",
    )


def of_reply(
    address: str, request: Mapping[str, Any], reply: Reply, presets: Mapping[str, Preset]
) -> list[Message]:
    """What the sender of *address* is told.

    Args:
        request: what `read_message` gave.
        presets: chain -> its preset now; after a change to another preset all its values are told.
    """
    if reply.error is not None:
        return [refusal(address, reply.error)]
    result = reply.result
    assert result is not None
    match request["op"]:
        case "hello":
            return [(f"/{ROOT}/hello", (str(result["role"]), str(result["title"])))]
        case "ping":
            return [(f"/{ROOT}/ping", ())]
        case "get":
            return list(_values(request["chain"], request["path"], result["value"]))
        case "preset":
            return list(_whole(request["chain"], presets[request["chain"]]))
        case "undo" | "redo":
            return list(_changed(request["chain"], result, presets))
        case _:
            return []


def refusal(address: str, error: ControlError) -> Message:
    """What the sender of *address* is told where it is refused."""
    return (f"/{ROOT}/error", (error.code, error.message, address[:MAX_ADDRESS]))


def of_event(event: Event, presets: Mapping[str, Preset]) -> list[Message]:
    """What is told of *event*: a change or levels; nothing of others.

    Args:
        presets: as in `of_reply`.
    """
    match event.topic:
        case "changes":
            return list(_changed(str(event.body["chain"]), event.body, presets))
        case "levels":
            return list(_levels(event.body))
        case _:
            return []


def _changed(chain: str, body: Mapping[str, Any], presets: Mapping[str, Preset]) -> Iterator[Message]:
    if "bypass" in body:
        yield f"/{ROOT}/{_part(chain)}/bypass", (int(body["bypass"]["on"]),)
    for path, value in body.get("changes", {}).items():
        yield from _values(chain, path, value)
    if "preset" in body:
        yield from _whole(chain, presets[chain])


def _whole(chain: str, preset: Preset) -> Iterator[Message]:
    yield f"/{ROOT}/{_part(chain)}/preset", (preset.name,)
    for leaf in leaves(preset):
        if leaf.param.kind not in ("items", "numbers"):  # their entries follow
            yield from _values(chain, leaf.path, leaf.value)


def _values(chain: str, path: str, value: Any) -> Iterator[Message]:
    match value:
        case dict():
            for key, each in value.items():
                yield from _values(chain, f"{path}.{key}", each)
        case [dict(), *_]:
            for index, each in enumerate(value):
                yield from _values(chain, f"{path}.{index}", each)
        case _:
            address = "/".join(map(_part, (ROOT, chain, *path.split("."))))
            yield f"/{address}", _arguments(value)


def _arguments(value: Any) -> tuple[int | float | str, ...]:
    match value:
        case None:
            return ("auto",)
        case bool():
            return (int(value),)
        case int() | float() | str():
            return (value,)
        case [[_, _], *_]:
            return (",".join(f"{x:g}:{y:g}" for x, y in value),)
        case _:
            return tuple(value)


def _levels(body: Mapping[str, Any]) -> Iterator[Message]:
    start = f"/{ROOT}/{LEVELS}/{_part(str(body['chain']))}"
    for key, value in body.items():
        if isinstance(value, Mapping):
            for name, each in value.items():
                if isinstance(each, (int, float)):
                    yield f"{start}/{_part(key)}/{'/'.join(map(_part, name.split('.')))}", _arguments(each)
        elif isinstance(value, (int, float)):
            yield f"{start}/{_part(key)}", _arguments(value)


def _parts(address: str) -> list[str]:
    if not address.startswith("/") or len(address) > MAX_ADDRESS:
        raise ControlError(
            "bad-message", f"an address begins with / and has {MAX_ADDRESS} characters at most"
        )
    root, *parts = address[1:].split("/")
    if root != ROOT or "" in parts:
        raise ControlError("bad-message", f"an address begins with /{ROOT}/, got {shown(address)}")
    try:
        return [unquote(each, errors="strict") for each in parts]
    except UnicodeDecodeError:
        raise ControlError("bad-message", f"no UTF-8 behind the % of {shown(address)}") from None


def _part(word: str) -> str:
    return quote(word, safe="")


def _need(address: str, given: Sequence[Any], kinds: tuple[type, ...], *, least: int) -> list[Any]:
    """The arguments *given*, each read as its kind; at least *least* of them."""
    if not least <= len(given) <= len(kinds):
        words = ", ".join({str: "a text", float: "a number", bool: "0 or 1"}[kind] for kind in kinds)
        raise ControlError("bad-message", f"{shown(address)} takes {words}; got {len(given)} arguments")
    read: list[Any] = []
    for value, kind in zip(given, kinds, strict=False):
        if kind is bool and value in (0, 1):
            read.append(bool(value))
        elif kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            read.append(_value(value))
        elif kind is str and isinstance(value, str):
            read.append(value)
        else:
            words = {str: "a text", float: "a number", bool: "0 or 1"}[kind]
            raise ControlError("bad-message", f"{shown(address)} takes {words}, got {plain(value)}")
    return read


def _value(given: Any) -> Any:
    """One OSC argument as the value of a parameter."""
    if isinstance(given, float):
        number = float(f"{given:.{FLOAT_DIGITS}g}")
        return int(number) if number.is_integer() else number
    if given is None or isinstance(given, (bool, int, str)):
        return given
    raise ControlError("bad-value", f"a value is a number or a text, got {plain(given)}")
