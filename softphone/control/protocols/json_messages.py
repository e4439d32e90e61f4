"""JSON messages (RFC 8259): one object per message, the subprotocol ``softphone.control.v1``.

A request is ``{"id": 7, "op": "set", "path": "low-cut.freq_hz", "value": 200}``; its reply has the same id, ``"ok"``, and
``"result"`` or ``"error"``; an event has ``"event"`` and no id.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from dsp.wording import shown
from softphone.control.errors import ControlError
from softphone.control.op import Event, Id, Reply

SUBPROTOCOL = "softphone.control.v1"
MAX_CHARACTERS = 65_536
"""Longest message from a client."""
MAX_DEPTH = 16
"""How deep its objects and lists may nest."""


def read_message(text: str) -> dict[str, Any]:
    """Read one message.

    Raises:
        ControlError: ``bad-message``: too long, not JSON, not an object, a name twice, NaN or Infinity, a number that
            no computer can hold, text that is not Unicode, nested too deep.
    """
    if len(text) > MAX_CHARACTERS:
        raise _bad(f"a message has {MAX_CHARACTERS} characters at most, got {len(text)}")
    try:
        message = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        raise _bad(f"a message must be JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise _bad(f"a message may nest {MAX_DEPTH} deep") from None
    if not isinstance(message, dict):
        raise _bad("a message must be a JSON object")
    _check(message, MAX_DEPTH)
    return message


def reply_text(reply: Reply) -> str:
    """*reply* as a client reads it."""
    body: dict[str, Any] = {"id": reply.id, "ok": reply.ok}
    if reply.error is not None:
        body["error"] = error_body(reply.error)
    else:
        body["result"] = reply.result
        if reply.revision is not None:
            body["revision"] = reply.revision
    return _dumped(body)


def refusal_text(id: Id, error: ControlError) -> str:
    """The reply to what was no request."""
    return reply_text(Reply(id, error=error))


def event_text(event: Event) -> str:
    """*event* as a client reads it."""
    return _dumped({"event": event.topic, **event.body})


def error_body(error: ControlError) -> dict[str, Any]:
    """*error* as it stands in a reply."""
    return {"code": error.code, "message": error.message, **error.details}


def _dumped(body: Mapping[str, Any]) -> str:
    try:
        return json.dumps(body, separators=(",", ":"), allow_nan=False)
    except ValueError:  # a meter of a filter that shows no number
        return json.dumps(_finite(body), separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    """*value* with None for numbers that JSON cannot hold."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            return {key: _finite(each) for key, each in value.items()}
        case list() | tuple():
            return [_finite(each) for each in value]
    return value


def _check(value: Any, depth: int) -> None:
    match value:
        case str():
            _check_text(value)
        case dict():
            if depth == 0:
                raise _bad(f"a message may nest {MAX_DEPTH} deep")
            for key, each in value.items():
                _check_text(key)
                _check(each, depth - 1)
        case list():
            if depth == 0:
                raise _bad(f"a message may nest {MAX_DEPTH} deep")
            for each in value:
                _check(each, depth - 1)


def _check_text(text: str) -> None:
    if not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text):
        raise _bad("a message must be Unicode text: half of a surrogate pair stands alone")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _bad(f"{shown(twice)} stands twice in one object")
    return found


def _no_constant(word: str) -> NoReturn:
    raise _bad(f"{word} is no number in JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _bad(f"{shown(digits)} is beyond what a computer can hold")
    return number


def _integer(digits: str) -> int:
    if len(digits) > 300:  # more than any float can hold; and reading it would take the square of its length
        raise _bad(f"{shown(digits)} is beyond what a computer can hold")
    return int(digits)


def _bad(words: str) -> ControlError:
    return ControlError("bad-message", words)
