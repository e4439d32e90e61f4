"""Parameters with units, ranges and meanings: declared once, then checked, read, written and described from there.

A parameter set is a frozen dataclass whose fields are made by `number`, `integer`, `choice`, `flag`, `text`, `file`,
`numbers`, `points` and `items`. `check` holds it to its ranges; `from_mapping` and `as_mapping` are a pair;
`with_value` changes one value by its path; `describe` lists everything for help, documents and remote control.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dsp.errors import ParameterError
from dsp.wording import nearest as nearest
from dsp.wording import plain, shown

Point = tuple[float, float]
"""One point of a drawn curve, mostly (frequency in Hz, gain in dB)."""

_KEY = "dsp.param"
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Axis:
    """Unit and range of a number."""

    low: float
    high: float
    unit: str = ""

    def check(self, value: float, path: str) -> None:
        """Raise ParameterError, naming *path*, for a *value* out of range."""
        if not self.low <= value <= self.high:  # a NaN is in no range
            raise ParameterError(f"{path} must be {self}, got {value:.10g}")

    def __str__(self) -> str:
        return f"{self.low:.10g} to {self.high:.10g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Param:
    """What one field of a parameter set means."""

    kind: str
    """``number``, ``integer``, ``choice``, ``flag``, ``text``, ``file``, ``numbers``, ``points`` or ``items``."""
    help: str
    """One line, no full stop."""
    axis: Axis | None = None
    """Range of a number; of each one of ``numbers``; of the y of ``points``."""
    x_axis: Axis | None = None
    """Range of the x of ``points``, which must rise."""
    options: tuple[str, ...] = ()
    """What a choice may be."""
    item: type[Any] | None = None
    """The parameter set that each one of ``items`` is."""
    counts: tuple[int, int] = (0, 0)
    """Fewest and most of ``numbers``, ``points`` or ``items``."""
    optional: bool = False
    """Whether None (written ``auto``) is a value."""
    log: bool = False
    """Whether a slider for it should be logarithmic."""
    step: float | None = None
    """Finest step worth setting; None: as fine as one likes."""

    def as_mapping(self) -> dict[str, Any]:
        """Kind, help, unit, range and what else a control for it needs, ready for JSON."""
        found: dict[str, Any] = {"kind": self.kind, "help": self.help}
        if self.axis is not None:
            found |= {"unit": self.axis.unit, "min": self.axis.low, "max": self.axis.high}
        if self.x_axis is not None:
            found["x"] = {"unit": self.x_axis.unit, "min": self.x_axis.low, "max": self.x_axis.high}
        if self.options:
            found["options"] = list(self.options)
        if self.kind in ("numbers", "points", "items"):
            found["counts"] = list(self.counts)
        if self.kind in ("number", "integer", "points"):
            found["log"] = self.log
        if self.step is not None:
            found["step"] = self.step
        if self.optional:
            found["optional"] = True
        return found


def number(
    default: float | None,
    low: float,
    high: float,
    unit: str,
    help: str,
    *,
    log: bool = False,
    step: float | None = None,
    optional: bool = False,
) -> Any:
    """A float from *low* to *high*, both included."""
    return _field(
        default, Param("number", help, axis=Axis(low, high, unit), log=log, step=step, optional=optional)
    )


def integer(
    default: int | None,
    low: int,
    high: int,
    unit: str,
    help: str,
    *,
    log: bool = False,
    optional: bool = False,
) -> Any:
    """A whole number from *low* to *high*, both included."""
    return _field(
        default, Param("integer", help, axis=Axis(low, high, unit), log=log, step=1, optional=optional)
    )


def choice(default: str, options: Sequence[str], help: str) -> Any:
    """One word of *options*."""
    return _field(default, Param("choice", help, options=tuple(options)))


def flag(default: bool, help: str) -> Any:
    """On or off."""
    return _field(default, Param("flag", help))


def text(default: str, help: str) -> Any:
    """Free text."""
    return _field(default, Param("text", help))


def file(help: str) -> Any:
    """The name of a sound file; empty for none. Whoever builds the filter is handed what reads it."""
    return _field("", Param("file", help))


def numbers(
    default: Sequence[float], low: float, high: float, unit: str, help: str, *, counts: tuple[int, int]
) -> Any:
    """A tuple of floats, each from *low* to *high*; *counts*: fewest and most of them."""
    return _field(tuple(default), Param("numbers", help, axis=Axis(low, high, unit), counts=counts))


def points(
    default: Sequence[Point],
    x: Axis,
    y: Axis,
    help: str,
    *,
    counts: tuple[int, int] = (0, 256),
    log: bool = True,
) -> Any:
    """A tuple of (x, y) points with rising x, a drawn curve; *log*: whether its x axis is logarithmic."""
    return _field(tuple(default), Param("points", help, axis=y, x_axis=x, counts=counts, log=log))


def items(item: type[Any], default: Sequence[Any], help: str, *, counts: tuple[int, int]) -> Any:
    """A tuple of parameter sets of the class *item*."""
    return _field(tuple(default), Param("items", help, item=item, counts=counts))


def _field(default: Any, param: Param) -> Any:
    return field(default=default, metadata={_KEY: param})


def fields_of(cls: type[Any]) -> dict[str, Param]:
    """The parameters of the class *cls*, in order."""
    return {each.name: each.metadata[_KEY] for each in dataclasses.fields(cls)}


def check(params: Any, path: str = "") -> None:
    """Hold *params* to what its class declares.

    Args:
        path: where it stands, for the message: ``eq.bands.2``.

    Raises:
        ParameterError: naming the parameter, its range and unit, and what was got.
    """
    for name, param in fields_of(type(params)).items():
        _check_value(getattr(params, name), param, _join(path, name))


def from_mapping(cls: type[P], values: Mapping[str, Any], path: str = "") -> P:
    """Read a parameter set from what TOML or JSON give; what is not named has its default.

    Raises:
        ParameterError: an unknown name (naming the nearest), a wrong type, a value out of range.
    """
    known = fields_of(cls)
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ParameterError(f"{_join(path, shown(name))} is unknown; {nearest(name, known)}")
        made[name] = _from_plain(value, known[name], _join(path, name))
    params = _make(cls, made, path)
    check(params, path)
    return params


def as_mapping(params: Any) -> dict[str, Any]:
    """Everything in *params* as plain values for TOML or JSON; None is left out."""
    found: dict[str, Any] = {}
    for name, param in fields_of(type(params)).items():
        value = getattr(params, name)
        if value is None:
            continue
        if param.kind == "items":
            found[name] = [as_mapping(each) for each in value]
        elif param.kind == "points":
            found[name] = [list(point) for point in value]
        elif param.kind == "numbers":
            found[name] = list(value)
        else:
            found[name] = value
    return found


def with_value(params: P, keys: Sequence[str], value: Any, path: str = "") -> P:
    """Return *params* with one value changed.

    Args:
        keys: the way to it, ``["gain_db"]`` or ``["bands", "2", "gain_db"]`` (items count from 0).
        value: plain, or the text a person typed (``-3``, ``auto``, ``on``, ``1,2,3``, ``100:-3,1k:2``).

    Raises:
        ParameterError: as `from_mapping`.
    """
    known = fields_of(type(params))
    name, rest = keys[0], keys[1:]
    here = _join(path, shown(name))
    if name not in known:
        raise ParameterError(f"{here} is unknown; {nearest(name, known)}")
    param, old = known[name], getattr(params, name)
    if not rest:
        new = _from_plain(value, param, here)
    elif param.kind in ("items", "numbers"):
        index = _index(rest[0], len(old), here)
        if param.kind == "items" and len(rest) == 1:
            raise ParameterError(f"{here}.{shown(rest[0])} is a whole {here} entry: name one of its values")
        if param.kind == "items":
            one = with_value(old[index], rest[1:], value, f"{here}.{index}")
        elif len(rest) > 1:
            raise ParameterError(f"{here}.{shown('.'.join(rest))} is unknown: {here}.{index} is a number")
        else:
            one = _number(value, f"{here}.{index}")
        new = (*old[:index], one, *old[index + 1 :])
    else:
        raise ParameterError(f"{here}.{shown('.'.join(rest))} is unknown: {here} holds no further values")
    changed = _make(type(params), {**{each: getattr(params, each) for each in known}, name: new}, path)
    check(changed, path)
    return changed


def describe(cls: type[Any]) -> list[dict[str, Any]]:
    """Name, kind, unit, range, default and help of each parameter, ready for JSON."""
    defaults: dict[str, Any] = {each.name: each.default for each in dataclasses.fields(cls)}
    found: list[dict[str, Any]] = []
    for name, param in fields_of(cls).items():
        one: dict[str, Any] = {"name": name} | param.as_mapping()
        if param.item is not None:
            one["item"] = describe(param.item)
            one["default"] = [as_mapping(each) for each in defaults[name]]
        else:
            one["default"] = defaults[name]
        found.append(one)
    return found


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _make(cls: type[P], values: Mapping[str, Any], path: str) -> P:
    try:
        return cls(**values)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}" if path else str(error)) from None


def _index(text: str, count: int, path: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < count):
        raise ParameterError(f"{path} has {count} entries, counted from 0; got {path}.{shown(text)}")
    return int(text)


def _check_value(value: Any, param: Param, path: str) -> None:
    if value is None:
        if not param.optional:
            raise ParameterError(f"{path} needs a value")
        return
    match param.kind:
        case "number" | "integer":
            assert param.axis is not None
            param.axis.check(value, path)
        case "choice":
            if value not in param.options:
                raise ParameterError(f"{path} must be one of {', '.join(param.options)}, got {plain(value)}")
        case "numbers" | "points" | "items":
            low, high = param.counts
            if not low <= len(value) <= high:
                wanted = f"{low}" if low == high else f"{low} to {high}"
                raise ParameterError(f"{path} must have {wanted} entries, got {len(value)}")
            _check_entries(value, param, path)
        case _:
            pass


def _check_entries(value: Sequence[Any], param: Param, path: str) -> None:
    last: float | None = None
    for index, one in enumerate(value):
        here = f"{path}.{index}"
        if param.kind == "items":
            check(one, here)
            continue
        assert param.axis is not None
        if param.kind == "numbers":
            param.axis.check(one, here)
            continue
        assert param.x_axis is not None
        param.x_axis.check(one[0], f"{here} x")
        param.axis.check(one[1], f"{here} y")
        if last is not None and one[0] <= last:
            raise ParameterError(f"{path} must rise: {one[0]:g} follows {last:g}")
        last = one[0]


def _from_plain(value: Any, param: Param, path: str) -> Any:
    if param.optional and (value is None or value == "auto"):
        return None
    match param.kind:
        case "number":
            return _number(value, path)
        case "integer":
            found = _number(value, path)
            if not found.is_integer():
                raise ParameterError(f"{path} must be a whole number, got {plain(value)}")
            return int(found)
        case "flag":
            return _flag(value, path)
        case "numbers":
            parts = [each for each in value.split(",") if each.strip()] if isinstance(value, str) else value
            return tuple(_number(each, path) for each in _sequence(parts, path))
        case "points":
            parts = [each for each in value.split(",") if each.strip()] if isinstance(value, str) else value
            return tuple(_point(each, path) for each in _sequence(parts, path))
        case "items":
            assert param.item is not None
            return tuple(
                from_mapping(param.item, _mapping(each, f"{path}.{index}"), f"{path}.{index}")
                for index, each in enumerate(_sequence(value, path))
            )
        case _:
            if not isinstance(value, str):
                raise ParameterError(f"{path} must be text, got {plain(value)}")
            return value


def _number(value: Any, path: str) -> float:
    if isinstance(value, str):
        word = value.strip()
        factor = 1000.0 if word[-1:] in ("k", "K") else 1.0
        try:
            if "_" in word:  # Python reads 1_0 as 10
                raise ValueError
            return float(word[:-1] if factor != 1.0 else word) * factor
        except ValueError:
            raise ParameterError(f"{path} must be a number, got {plain(value)}") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ParameterError(f"{path} must be a number, got {plain(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ParameterError(f"{path} must be a number a computer can hold") from None


def _flag(value: Any, path: str) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in (*_TRUE, *_FALSE):
        raise ParameterError(f"{path} must be true or false, got {plain(value)}")
    return word in _TRUE


def _sequence(value: Any, path: str) -> Sequence[Any]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise ParameterError(f"{path} must be a list, got {plain(value)}")
    return value


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ParameterError(f"{path} must be a table of values, got {plain(value)}")
    return value


def _point(value: Any, path: str) -> Point:
    pair = value.split(":") if isinstance(value, str) else _sequence(value, path)
    if len(pair) != 2:
        raise ParameterError(f"{path} must be pairs such as 1000:-3, got {plain(value)}")
    return _number(pair[0], path), _number(pair[1], path)
