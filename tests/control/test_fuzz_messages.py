"""Whatever text a client sends, it gets a reply with a documented code, and the running chain filters on, whole."""

import json
import random
import string
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.desk_bench import PRESETS, Bench

from softphone.control import CODES
from softphone.control.errors import ControlError
from softphone.control.op import CONTROL
from softphone.control.protocols import osc

MESSAGES = 10_000
DEEP = 6
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, -(2**63), 10**200, 0.5, -0.0, 1e308, 5e-324, "", "0", "auto", "on", "nan",
    "inf", "-inf", "1e400", "1k", "1_0", "\0", "\n", "é", "\U0001f600", "../../etc/passwd", "x" * 5000, [], {}, [[]],
    [{}], {"": {}}, ["levels"], ["changes", 7], [[1, 2], [3, 4]], "100:-3,1k:2", "a:b", ":", ",", [0] * 600,
)  # fmt: skip


def value(dice: random.Random, depth: int = 0) -> Any:
    roll = dice.random()
    if depth < DEEP and roll < 0.1:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    if depth < DEEP and roll < 0.2:
        return {word(dice): value(dice, depth + 1) for _ in range(dice.randrange(4))}
    if roll < 0.4:
        return dice.uniform(-1, 1) * 10 ** dice.uniform(-3, 5)
    if roll < 0.5:
        return dice.randrange(-10, 50)
    return dice.choice(STRANGE)


def word(dice: random.Random) -> str:
    return "".join(dice.choices(string.printable, k=dice.randrange(8)))


def bend(dice: random.Random, path: str) -> str:
    """*path*, mostly as it is."""
    roll = dice.random()
    if roll < 0.8:
        return path
    at = dice.randrange(len(path) + 1)
    return path[:at] + dice.choice((word(dice), ".", "..", "0", "")) + path[at + dice.randrange(2) :]


def messages(dice: random.Random, bench: Bench) -> Iterator[str]:
    """Messages of every kind, most of them nearly right."""
    ops = sorted(bench.dispatcher.ops)
    paths = [
        each["path"]
        for chain in bench.dispatcher.schema()["chains"]
        for slot in chain["slots"]
        for each in slot["parameters"]
    ]
    types = sorted(bench.dispatcher.schema()["filters"])
    while True:
        name = dice.choice(ops) if dice.random() < 0.97 else word(dice)
        op = bench.dispatcher.ops.get(name)
        message: dict[str, Any] = {"id": dice.choice((1, "x", value(dice))), "op": name}
        for argument in op.arguments if op is not None else ():
            if argument.required or dice.random() < 0.3:
                message[argument.name] = value(dice)
        match name:
            case "set" | "get" if dice.random() < 0.9:
                message["path"] = bend(dice, dice.choice(paths))
            case "patch" | "validate" if dice.random() < 0.9:
                message["changes"] = {
                    bend(dice, dice.choice(paths)): value(dice) for _ in range(dice.randrange(4))
                }
                message.pop("preset", None)
            case "preset" | "save" if dice.random() < 0.9:
                message["name"] = bend(dice, dice.choice(sorted(PRESETS)))
            case "load" if dice.random() < 0.9:
                slots = [{"type": dice.choice(types), **({word(dice): value(dice)} if dice.random() < 0.3 else {})}
                         for _ in range(dice.randrange(3))]  # fmt: skip
                message["preset"] = {"filter": slots}
        if dice.random() < 0.8:
            message.pop("chain", None)
            message.pop("if_revision", None)
        if dice.random() < 0.05:
            message[word(dice)] = value(dice)
        text = json.dumps(message)
        roll = dice.random()
        if roll < 0.05:
            text = text[: dice.randrange(len(text))]
        elif roll < 0.1:
            at = dice.randrange(len(text))
            text = text[:at] + dice.choice(string.printable) + text[at + 1 :]
        elif roll < 0.11:
            text = dice.choice(("[" * 50_000, "9" * 70_000, '{"a":' * 9000, "", "\ud800", "NaN"))
        yield text


def check(answer: str) -> str:
    """The code in *answer*, or "ok"."""
    reply = json.loads(answer)
    assert set(reply) <= {"id", "ok", "result", "error", "revision"}
    if reply["ok"]:
        assert "error" not in reply
        return "ok"
    assert reply["error"]["code"] in CODES
    assert reply["error"]["code"] != "internal"
    assert reply["error"]["message"]
    assert "\n" not in reply["error"]["message"]
    assert len(answer) < 20_000
    return str(reply["error"]["code"])


def test_ten_thousand_messages_from_who_may_not_change_anything_leave_the_sound_as_it_is() -> None:
    dice = random.Random(606)
    steered, untouched = Bench("bands"), Bench("bands")
    codes: dict[str, int] = {}
    source = messages(dice, steered)
    for number in range(MESSAGES):
        code = check(steered.answer(steered.vera, next(source)))
        codes[code] = codes.get(code, 0) + 1
        if number % 500 == 0:
            np.testing.assert_array_equal(steered.runners[0].play(0.02), untouched.runners[0].play(0.02))
    assert {"ok", "forbidden", "bad-message", "unknown-op", "unknown-path"} <= set(codes)
    assert steered.desk.preset == untouched.desk.preset
    assert steered.desk.revision == 0


def test_thousands_of_messages_from_who_may_are_done_or_refused_and_the_sound_goes_on() -> None:
    dice = random.Random(607)
    bench = Bench("bands")
    codes: dict[str, int] = {}
    source = messages(dice, bench)
    for number in range(3000):
        if number % 30 == 0:  # so that most paths are there again
            bench.ask("load", preset=PRESETS["bands"])
        before, revision = bench.desk.preset, bench.desk.revision
        code = check(bench.answer(bench.anna, next(source)))
        codes[code] = codes.get(code, 0) + 1
        if code != "ok":
            assert (bench.desk.preset, bench.desk.revision) == (before, revision), code
        assert bench.runners[0].chain.preset.slots == bench.desk.preset.slots
        if number % 10 == 0:
            assert np.isfinite(bench.runners[0].play(0.01)).all()
    wanted = {
        "ok",
        "bad-message",
        "unknown-op",
        "unknown-path",
        "out-of-range",
        "bad-value",
        "unknown-preset",
    }
    assert wanted <= set(codes), codes


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench("telephone")


@settings(max_examples=500)
@given(text=st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
def test_any_text_at_all_is_answered(bench: Bench, text: str) -> None:
    check(bench.answer(bench.anna, text))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=500)
@given(op=st.sampled_from(["set", "patch", "load", "validate", "get", "bypass", "subscribe"]), data=st.data())
def test_any_json_in_the_place_of_arguments_is_answered(bench: Bench, op: str, data: st.DataObject) -> None:
    message = {"id": 1, "op": op}
    for argument in bench.dispatcher.ops[op].arguments:
        if data.draw(st.booleans()):
            message[argument.name] = data.draw(JSON)
    check(bench.answer(bench.anna, json.dumps(message)))


@settings(max_examples=500)
@given(
    parts=st.lists(
        st.sampled_from(
            [
                "softphone",
                "main",
                "low-cut",
                "freq_hz",
                "bypass",
                "",
                "%",
                "%ff",
                "levels",
                "0",
                "preset",
                "undo",
            ]
        )
    )
    | st.lists(st.text(max_size=6)),
    arguments=st.lists(
        st.integers()
        | st.floats()
        | st.text(max_size=10)
        | st.booleans()
        | st.none()
        | st.binary(max_size=5),
        max_size=4,
    ),
)
def test_any_packet_of_osc_is_answered(bench: Bench, parts: list[str], arguments: list[Any]) -> None:
    address = "/" + "/".join(parts)
    try:
        message = osc.read_message(address, arguments)
        request = bench.dispatcher.parse({"id": 1, **message})
    except ControlError as error:
        refused = osc.refusal(address, error)
    else:
        refused = None
    if refused is not None:
        assert refused[1][0] in CODES
        return
    reply = bench.dispatcher.handle(bench.anna, request, now=0.0)
    presets = {name: desk.preset for name, desk in bench.dispatcher.desks.items()}
    for told, given_back in osc.of_reply(address, message, reply, presets):
        assert told.startswith("/softphone/")
        assert told.isascii()
        assert all(isinstance(each, (int, float, str)) for each in given_back)


@pytest.mark.parametrize("role", ["view", CONTROL])
def test_hello_is_not_said_twice_whoever_says_it(role: str) -> None:
    bench = Bench()
    client = bench.dispatcher.join("x", role)
    assert check(bench.answer(client, '{"id": 1, "op": "hello", "token": "x"}')) == "not-possible"
