"""The schemas that are made from the operations hold what is really sent, and nothing else."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from support.desk_bench import Bench

from softphone.control import CODES, ControlError
from softphone.control.asyncapi import document, schemas
from softphone.control.op import request_id
from softphone.control.protocols.json_messages import event_text, read_message, refusal_text, reply_text

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture
def bench() -> Bench:
    bench = Bench("telephone")
    bench.runners[0].play(1.0)
    return bench


def checked(bench: Bench) -> dict[str, Any]:
    made = schemas(list(bench.dispatcher.ops.values()), bench.dispatcher.topics())
    return {name: jsonschema.Draft7Validator(schema) for name, schema in made.items()}


def test_every_schema_is_one(bench: Bench) -> None:
    for name, each in schemas(list(bench.dispatcher.ops.values()), bench.dispatcher.topics()).items():
        jsonschema.Draft7Validator.check_schema(each)
        assert each["type"] == "object", name


def test_every_example_its_reply_and_every_event_are_what_their_schema_says(bench: Bench) -> None:
    known = checked(bench)
    done: set[str] = set()
    for op in [*bench.dispatcher.ops.values()] * 2:
        message = {"id": 7, "op": op.name, **op.example}
        known[f"{op.name}.request"].validate(message)
        request = bench.dispatcher.parse(read_message(json.dumps(message)))
        bench.now += 1
        reply = bench.dispatcher.handle(bench.anna, request, now=bench.now)
        known[f"{op.name}.reply" if reply.ok else "refused"].validate(json.loads(reply_text(reply)))
        if reply.ok:
            done.add(op.name)
        for event in bench.dispatcher.take_events():
            known[f"{event.topic}.event"].validate(json.loads(event_text(event)))
    assert set(bench.dispatcher.ops) - done == {"hello"}
    known["hello.reply"].validate({"id": 1, "ok": True, "result": bench.dispatcher.welcome(bench.ben)})
    known["get.reply"].validate({"id": 1, "ok": True, "result": bench.ask("get"), "revision": 3})


def test_levels_and_spectra_are_what_their_schema_says(bench: Bench) -> None:
    known = checked(bench)
    first = bench.ask("subscribe", topics=["levels", "spectrum", "clients"])["first"]
    assert set(first) == {"levels", "spectrum", "clients"}
    for topic, body in first.items():
        known[f"{topic}.event"].validate({"event": topic, **body})
    bands = Bench("bands")
    bands.runners[0].play(1.0)
    body = bands.dispatcher.levels()
    assert body is not None
    known["levels.event"].validate({"event": "levels", **body})


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"id": 1, "op": "sett"}',
        '{"id": 1, "op": "set", "path": "gain.gain", "value": 1}',
        '{"id": 1, "op": "set", "path": "gain.gain_db", "value": 1000}',
        '{"id": 1, "op": "set", "path": "low-cut.kind", "value": "x"}',
        '{"id": 1, "op": "preset", "name": "telefon"}',
        '{"id": 1, "op": "subscribe", "topics": ["level"]}',
        '{"id": 1, "op": "response", "points": 1}',
        '{"id": 1, "op": "undo"}',
    ],
)
def test_every_refusal_is_what_its_schema_says(bench: Bench, text: str) -> None:
    message: Mapping[str, Any] = {}
    try:
        message = read_message(text)
        request = bench.dispatcher.parse(message)
    except ControlError as error:
        answer = refusal_text(request_id(message), error)
    else:
        answer = reply_text(bench.dispatcher.handle(bench.anna, request, now=1.0))
    checked(bench)["refused"].validate(json.loads(answer))


def test_a_schema_refuses_what_the_dispatcher_refuses(bench: Bench) -> None:
    known = checked(bench)
    for name, message in (
        ("set", {"path": "a.b"}),
        ("set", {"path": 7, "value": 1}),
        ("set", {"path": "a.b", "value": 1, "extra": 1}),
        ("bypass", {"on": 1}),
        ("response", {"points": 5000}),
        ("subscribe", {"topics": [], "rate_hz": 10}),
    ):
        assert not known[f"{name}.request"].is_valid({"id": 1, "op": name, **message}), message
        with pytest.raises(ControlError):
            bench.dispatcher.parse({"id": 1, "op": name, **message})
    assert not known["set.request"].is_valid({"id": 1.5, "op": "set", "path": "a.b", "value": 1})


def test_every_reference_in_the_document_leads_somewhere(bench: Bench) -> None:
    made = document(list(bench.dispatcher.ops.values()), bench.dispatcher.topics(), title="t", version="1")
    references = set(_references(made))
    assert len(references) > 50
    for reference in references:
        place: Any = made
        for key in reference.removeprefix("#/").split("/"):
            place = place[key]
        assert place
    assert set(made["operations"]) == {*bench.dispatcher.ops} | {
        f"event-{topic}" for topic in (*bench.dispatcher.topics(), "closing")
    }
    assert made["components"]["schemas"]["refused"]["properties"]["error"]["properties"]["code"]["enum"] == [
        *CODES
    ]
    assert json.loads(json.dumps(made)) == made


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
