"""JSON Schemas (draft 07) of what operations give back and of what events say, for the documents and their test."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MAYBE: Schema = {"type": ["number", "null"]}
NUMBERS: Schema = {"type": "array", "items": {"type": "number"}}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
ANYTHING: Schema = {}


def listed(item: Schema) -> Schema:
    """A list of *item*."""
    return {"type": "array", "items": item}


def table(values: Schema, help: str = "") -> Schema:
    """An object of any names with *values*."""
    return {"type": "object", "additionalProperties": values} | ({"description": help} if help else {})


def record(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, *, closed: bool = True
) -> Schema:
    """An object with these members; *closed*: and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    } | ({"additionalProperties": False} if closed else {})


FILTER = record({"type": TEXT}, {"slot": TEXT, "bypass": FLAG}, closed=False)
PRESET = record({"filter": listed(FILTER)}, {"about": TEXT, "expect": TEXT})
CHANGES = table(ANYTHING, "path -> value; null is auto")
BYPASS = record({"on": FLAG, "matched": FLAG, "gain_db": NUMBER})
READINGS = table({"type": ["number", "string", "null"]}, "slot.meter -> what it shows")
CLIENT = record({"id": COUNT, "name": TEXT, "role": {"enum": ["view", "control"]}})
METER = record(
    {
        "peak_dbfs": MAYBE,
        "rms_dbfs": MAYBE,
        "momentary_lufs": MAYBE,
        "short_term_lufs": MAYBE,
        "integrated_lufs": MAYBE,
        "true_peak_dbtp": MAYBE,
        "max_peak_dbfs": MAYBE,
        "clipped": COUNT,
    }
)
LEVELS = record(
    {
        "chain": TEXT,
        "in": METER,
        "out": METER,
        "gain_reduction_db": table(MAYBE, "slot -> dB"),
        "gates": table(MAYBE, "slot -> 0 closed to 1 open"),
        "readings": READINGS,
        "changing": FLAG,
    },
    {
        "at_s": MAYBE,
        "load_pct": MAYBE,
        "latency_ms": MAYBE,
        "block_ms": MAYBE,
        "xruns": {"type": ["integer", "null"]},
        "running": FLAG,
        "device": {"type": ["string", "null"]},
    },
    closed=False,
)
SPECTRUM = record({"chain": TEXT, "in_db": NUMBERS, "out_db": NUMBERS}, {"hz": NUMBERS})
CLIENTS = record({"clients": listed(CLIENT)})
CHANGED = record(
    {
        "chain": TEXT,
        "revision": COUNT,
        "who": TEXT,
        "client": COUNT,
        "modified": FLAG,
        "can_undo": FLAG,
        "can_redo": FLAG,
    },
    {"changes": CHANGES, "preset": TEXT, "saved": TEXT, "bypass": BYPASS},
)

EVENTS: Mapping[str, Schema] = {
    "changes": CHANGED,
    "levels": LEVELS,
    "spectrum": SPECTRUM,
    "clients": CLIENTS,
}
"""Body of each event of the core, by topic."""
