"""The protocol as an AsyncAPI 3.0 document, and every message as a JSON Schema (draft 07), made from the operations.

Source: AsyncAPI Specification 3.0.0: a channel with the messages of a WebSocket, an operation for each request, with its reply.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from softphone.control.errors import CODES
from softphone.control.op import CONTROL, MAX_ID, MAX_ID_CHARACTERS, MAX_TEXT, Argument, Op
from softphone.control.protocols.json_messages import SUBPROTOCOL
from softphone.control.results import COUNT, EVENTS, TEXT, Schema, record

DIALECT = "http://json-schema.org/draft-07/schema#"
"""What AsyncAPI 3.0 takes a schema to be where nothing else is said."""
CHANNEL = "control"

ID: Schema = {
    "oneOf": [
        {"type": "integer", "minimum": -MAX_ID, "maximum": MAX_ID},
        {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARACTERS},
    ],
    "description": "sent back in the reply",
}
ERROR = record(
    {"code": {"enum": list(CODES)}, "message": TEXT},
    {
        "path": TEXT,
        "argument": TEXT,
        "nearest": TEXT,
        "min": {"type": "number"},
        "max": {"type": "number"},
        "unit": TEXT,
        "options": {"type": "array", "items": TEXT},
        "value": {},
        "revision": COUNT,
    },
    closed=False,
)
REFUSED = record({"id": {"oneOf": [*ID["oneOf"], {"type": "null"}]}, "ok": {"const": False}, "error": ERROR})
CLOSING = record({"event": {"const": "closing"}}, closed=False)

_KINDS: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "flag": {"type": "boolean"},
    "any": {},
    "object": {"type": "object"},
    "list": {"type": "array"},
}
_SPANS = {
    "text": ("minLength", "maxLength"),
    "number": ("minimum", "maximum"),
    "integer": ("minimum", "maximum"),
    "object": ("minProperties", "maxProperties"),
    "list": ("minItems", "maxItems"),
}


def argument_schema(argument: Argument) -> dict[str, Any]:
    """What *argument* may be."""
    found = {**_KINDS[argument.kind], "description": argument.help}
    low, high = argument.low, argument.high
    if high is None and argument.kind in ("text", "object", "list"):
        high = MAX_TEXT
    spans = zip(_SPANS.get(argument.kind, ()), (low, high), strict=False)
    found |= {key: value for key, value in spans if value is not None}
    if argument.options:
        found["enum"] = list(argument.options)
    if argument.default is not None:
        found["default"] = argument.default
    return found


def request_schema(op: Op) -> dict[str, Any]:
    """What a client sends for *op*."""
    required = {each.name: argument_schema(each) for each in op.arguments if each.required}
    optional = {each.name: argument_schema(each) for each in op.arguments if not each.required}
    return record({"id": ID, "op": {"const": op.name}, **required}, optional)


def reply_schema(op: Op) -> dict[str, Any]:
    """What comes back where it was done."""
    result = record({}, op.returns) if op.returns else {"type": "object"}
    members = {"id": ID, "ok": {"const": True}, "result": {**result, "description": op.result}}
    return record(members | {"revision": COUNT}) if op.of_chain else record(members)


def event_schema(topic: str, help: str) -> dict[str, Any]:
    """What those who subscribed to *topic* are told."""
    name = {"event": {"const": topic}}
    body = EVENTS.get(topic)
    if body is None:
        return record(name, closed=False) | {"description": help}
    return {
        **body,
        "properties": {**name, **body["properties"]},
        "required": ["event", *body["required"]],
    } | {"description": help}


def schemas(ops: Sequence[Op], topics: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Every message by its name: ``set.request``, ``set.reply``, ``refused``, ``changes.event``."""
    found: dict[str, dict[str, Any]] = {}
    for op in ops:
        found[f"{op.name}.request"] = request_schema(op)
        found[f"{op.name}.reply"] = reply_schema(op)
    found["refused"] = dict(REFUSED)
    for topic, help in topics.items():
        found[f"{topic}.event"] = event_schema(topic, help)
    found["closing.event"] = dict(CLOSING) | {
        "description": "the program ends; the connection is closed with 1001"
    }
    return found


def document(ops: Sequence[Op], topics: Mapping[str, str], *, title: str, version: str) -> dict[str, Any]:
    """The whole AsyncAPI document, ready for JSON."""
    made = schemas(ops, topics)
    operations: dict[str, Any] = {}
    for op in ops:
        operations[op.name] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{CHANNEL}"},
            "summary": op.help,
            "description": f"Role: {op.role}. Result: {op.result}."
            + ("" if op.role == CONTROL else " The role control may, too."),
            "messages": [_at_channel(f"{op.name}.request")],
            "reply": {
                "channel": {"$ref": f"#/channels/{CHANNEL}"},
                "messages": [_at_channel(f"{op.name}.reply"), _at_channel("refused")],
            },
        }
    for topic in (*topics, "closing"):
        operations[f"event-{topic}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{CHANNEL}"},
            "summary": made[f"{topic}.event"]["description"],
            "messages": [_at_channel(f"{topic}.event")],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": title,
            "version": version,
            "description": "Remote control of filters and calls: JSON messages over WebSocket.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:8765",
                "protocol": "ws",
                "description": f"Subprotocol {SUBPROTOCOL}; wss with a certificate.",
            }
        },
        "channels": {
            CHANNEL: {
                "address": "/control",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in made},
                "servers": [{"$ref": "#/servers/local"}],
            }
        },
        "operations": operations,
        "components": {
            "messages": {
                name: {"name": name, "payload": {"$ref": f"#/components/schemas/{name}"}} for name in made
            },
            "schemas": {name: {"$schema": DIALECT, **schema} for name, schema in made.items()},
        },
    }


def _at_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{CHANNEL}/messages/{name}"}
