"""Operations of remote control as data: what is asked, by whom, and what comes back.

An `Op` declares its arguments once; checking, help, documents and schemas are made from that. `Request.parse` and
`Reply` know nothing of JSON or OSC: that is `softphone.control.protocols`.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from dsp.wording import plain, shown
from softphone.control.errors import ControlError

VIEW, CONTROL = "view", "control"
"""Roles: who only looks, and who may change things (and look)."""
Role = Literal["view", "control"]

Where = Literal["loop", "chain", "aside"]
Kind = Literal["text", "number", "integer", "flag", "any", "object", "list"]
Id = int | str | None

MAX_ID_CHARACTERS = 64
MAX_ID = 2**53
"""Integers up to this one are the same in every JSON reader (RFC 8259 section 6)."""
MAX_TEXT = 4096
"""Longest text argument, in characters, where an argument says no less."""

_OWN_KEYS = ("id", "op")


@dataclass(frozen=True, slots=True)
class Client:
    """One connection."""

    id: int
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an operation."""

    name: str
    kind: Kind
    help: str
    required: bool = True
    default: Any = None
    low: float | None = None
    """Least value of a number; fewest characters of a text; fewest entries of a list or object."""
    high: float | None = None
    """Greatest value, or most characters or entries."""
    options: tuple[str, ...] = ()

    def read(self, value: Any) -> Any:
        """Return *value* as this argument has it.

        Raises:
            ControlError: ``bad-value`` or ``out-of-range``, naming the argument.
        """
        if value is None and not self.required:
            return self.default
        match self.kind:
            case "flag":
                fits = isinstance(value, bool)
            case "integer":
                fits = isinstance(value, int) and not isinstance(value, bool)
            case "number":
                fits = isinstance(value, (int, float)) and not isinstance(value, bool)
            case "text":
                fits = isinstance(value, str)
            case "object":
                fits = isinstance(value, Mapping)
            case "list":
                fits = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
            case _:
                fits = True
        if not fits:
            raise ControlError(
                "bad-value",
                f"{self.name} must be {_WORDS[self.kind]}, got {plain(value)}",
                argument=self.name,
            )
        if self.kind in ("number", "integer"):
            self._check_span(value, "")
        elif self.kind in ("text", "object", "list"):
            self._check_span(len(value), " characters" if self.kind == "text" else " entries")
        if self.options and value not in self.options:
            raise ControlError(
                "bad-value",
                f"{self.name} must be one of {', '.join(self.options)}, got {plain(value)}",
                argument=self.name,
                options=list(self.options),
            )
        return value

    def _check_span(self, count: float, unit: str) -> None:
        low = self.low
        high = MAX_TEXT if self.high is None and unit else self.high
        if (low is None or count >= low) and (high is None or count <= high):  # a NaN is in no range
            return
        span = (
            f"at most {high:g}"
            if low is None
            else f"{low:g} to {high:g}"
            if high is not None
            else f"{low:g} or more"
        )
        raise ControlError(
            "out-of-range",
            f"{self.name} must be {span}{unit}, got {plain(count)}",
            argument=self.name,
            **{key: value for key, value in (("min", low), ("max", high)) if value is not None},
        )


_WORDS = {
    "flag": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "object": "an object",
    "list": "a list",
    "any": "a value",
}


@dataclass(frozen=True, slots=True)
class Op:
    """One operation."""

    name: str
    help: str
    """One line."""
    role: str
    """Least role that may do it."""
    where: Where
    """``loop``: quick, or belongs to the event loop; ``chain``: builds filters, in the one control thread; ``aside``:
    slow, in any other thread."""
    arguments: tuple[Argument, ...]
    run: Callable[[Client, Mapping[str, Any]], Mapping[str, Any]]
    """Do it. Given: who asks, and the arguments, read, with what was left out filled in, and ``now``: monotonic seconds.
    Raises ControlError; a DspError or SoftphoneError becomes one."""
    result: str
    """What comes back, in words."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of an example."""
    returns: Mapping[str, Any] = field(default_factory=dict)
    """JSON Schemas of the members of the result, by name; empty: not said."""

    @property
    def of_chain(self) -> bool:
        """Whether it is about one chain, so that its reply has a revision."""
        return any(each.name == "chain" for each in self.arguments)

    def read(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments in *values*, checked, with what was left out filled in.

        Raises:
            ControlError: one is missing, unknown, or of the wrong kind.
        """
        known = {each.name: each for each in self.arguments}
        for name in values:
            if name not in known:
                words, close = closest(name, known)
                raise ControlError(
                    "bad-message",
                    f"{shown(name)} is no argument of {self.name}; {words}",
                    argument=shown(name),
                    **close,
                )
        found = {}
        for name, argument in known.items():
            if name in values:
                found[name] = argument.read(values[name])
            elif argument.required:
                raise ControlError("bad-message", f"{self.name} needs {name}: {argument.help}", argument=name)
            else:
                found[name] = argument.default
        return found


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for, checked."""

    id: Id
    op: str
    arguments: Mapping[str, Any]

    @classmethod
    def parse(cls, message: Mapping[str, Any], ops: Mapping[str, Op]) -> "Request":
        """Read what a client sent.

        Raises:
            ControlError: ``bad-message``, ``unknown-op``, ``bad-value`` or ``out-of-range``.
        """
        if "id" not in message:
            raise ControlError("bad-message", "a message needs an id: a whole number or a text")
        if request_id(message) is None:
            raise ControlError(
                "bad-message",
                f"id must be a whole number or a text of 1 to {MAX_ID_CHARACTERS} characters, got {plain(message['id'])}",
            )
        name = message.get("op")
        if not isinstance(name, str):
            raise ControlError("bad-message", f"a message needs an op: a text, got {plain(name)}")
        if name not in ops:
            words, close = closest(name, ops)
            raise ControlError("unknown-op", f"no operation {shown(name)}; {words}", **close)
        given = {key: value for key, value in message.items() if key not in _OWN_KEYS}
        return cls(request_id(message), name, ops[name].read(given))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client gets back: a result, or an error."""

    id: Id
    result: Mapping[str, Any] | None = None
    error: ControlError | None = None
    revision: int | None = None
    """Of the chain it was about; None where it was about none."""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Event:
    """What is told to those who subscribed to *topic*."""

    topic: str
    body: Mapping[str, Any]
    origin_client_id: int | None = None
    """Who caused it, and needs not be told; None: everybody is told."""
    is_fleeting: bool = False
    """Whether the next one says all anew, so that who lags behind is spared some."""


class Domain(Protocol):
    """A group of operations beside those of the chains."""

    def ops(self) -> Sequence[Op]:
        """Its operations; their names are its own."""

    def topics(self) -> Mapping[str, str]:
        """What events it publishes (`Dispatcher.publish`): topic -> help."""

    def snapshot(self, topic: str) -> Mapping[str, Any] | None:
        """What a client that subscribes to *topic* is told first; None: nothing."""


def request_id(message: Mapping[str, Any]) -> Id:
    """The id in *message*, or None where it has none that could be answered to."""
    given = message.get("id")
    if isinstance(given, str):
        return given if 1 <= len(given) <= MAX_ID_CHARACTERS else None
    if isinstance(given, int) and not isinstance(given, bool) and -MAX_ID <= given <= MAX_ID:
        return given
    return None


def closest(name: str, known: Iterable[str]) -> tuple[str, dict[str, str]]:
    """What *name* may have meant: words for the end of a message, and the detail ``nearest``, empty where nothing is near."""
    names = list(known)
    near = difflib.get_close_matches(name[:MAX_ID_CHARACTERS], names, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?", {"nearest": near[0]}
    listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"known: {listed or 'none'}", {}
