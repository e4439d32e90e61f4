"""JSON messages: what is taken, what is refused, and what is written."""

import json
from typing import Any

import pytest

from softphone.control import ControlError, Event, Reply
from softphone.control.protocols.json_messages import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    event_text,
    read_message,
    refusal_text,
    reply_text,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{",
        "[]",
        "7",
        "null",
        '"set"',
        "{} {}",
        '{"id": 1, "id": 2}',
        '{"a": {"b": 1, "b": 2}}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": -1e999}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        "[" * 60_000,
        '{"a":' * 10_000,
        '{"a": "tab\there"}',
        "{'a': 1}",
        '{"a": 01}',
        '\ufeff{"a": 1}',
    ],
)
def test_what_is_no_message_is_refused_in_one_short_line(text: str) -> None:
    with pytest.raises(ControlError) as refused:
        read_message(text)
    assert refused.value.code == "bad-message"
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 200


def test_the_length_and_the_depth_have_an_edge() -> None:
    def deep(levels: int) -> str:
        return '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"

    assert read_message(deep(MAX_DEPTH))
    with pytest.raises(ControlError, match="deep"):
        read_message(deep(MAX_DEPTH + 1))
    room = MAX_CHARACTERS - len('{"a":""}')
    assert read_message('{"a":"' + "x" * room + '"}')
    with pytest.raises(ControlError, match="65536 characters at most, got 65537"):
        read_message('{"a":"' + "x" * (room + 1) + '"}')


def test_text_of_every_kind_and_large_numbers_are_taken() -> None:
    message: dict[str, Any] = {"a": "ä\U0001f600\u2028", "b": -(10**298), "c": 1.7e308, "d": [None, True, {}]}
    assert read_message(json.dumps(message)) == message
    assert read_message(json.dumps(message, ensure_ascii=False)) == message


def test_replies_and_events_are_written_as_the_protocol_says() -> None:
    assert json.loads(reply_text(Reply(7, {"a": 1}, revision=0))) == {
        "id": 7,
        "ok": True,
        "result": {"a": 1},
        "revision": 0,
    }
    assert json.loads(reply_text(Reply("x", {}))) == {"id": "x", "ok": True, "result": {}}
    error = ControlError("out-of-range", "too much", path="a.b", min=0)
    assert json.loads(refusal_text(None, error)) == {
        "id": None,
        "ok": False,
        "error": {"code": "out-of-range", "message": "too much", "path": "a.b", "min": 0},
    }
    assert json.loads(event_text(Event("levels", {"chain": "main"}))) == {"event": "levels", "chain": "main"}


def test_a_number_that_json_cannot_hold_is_written_as_null() -> None:
    body = {"x": float("inf"), "y": [float("nan"), 1.0], "z": {"a": (2.0, float("-inf"))}}
    assert json.loads(event_text(Event("levels", body))) == {
        "event": "levels",
        "x": None,
        "y": [None, 1.0],
        "z": {"a": [2.0, None]},
    }
