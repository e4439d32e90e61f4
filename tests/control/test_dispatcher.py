"""Who may do what, who is told of what, and what the arguments of an operation may be."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from support.desk_bench import Bench

from dsp.errors import LibraryMissing, ParameterError
from dsp.filters import filters
from softphone.control import CODES, CONTROL, VIEW, Argument, Client, ControlError, Event, Op
from softphone.errors import UsageError


@pytest.fixture
def bench() -> Bench:
    return Bench()


class Kitchen:
    """A domain with operations of every kind of argument, and a topic."""

    def __init__(self) -> None:
        self.given: Mapping[str, Any] = {}
        self.fault: Exception | None = None

    def ops(self) -> Sequence[Op]:
        kinds = ("text", "number", "integer", "flag", "any", "object", "list")
        arguments = tuple(Argument(kind, kind, "one", required=False) for kind in kinds)  # type: ignore[arg-type]
        spans = (
            Argument("share", "number", "0 to 1", required=False, default=0.5, low=0, high=1),
            Argument("word", "text", "a short one", required=False, low=1, high=3),
            Argument("mode", "text", "which", required=False, default="slow", options=("slow", "fast")),
        )
        return (
            Op("cook", "Cook", CONTROL, "loop", (*arguments, *spans), self._cook, "what was given"),
            Op(
                "need",
                "Need",
                VIEW,
                "loop",
                (Argument("this", "text", "what is needed"),),
                self._cook,
                "that",
            ),
        )

    def topics(self) -> Mapping[str, str]:
        return {"smells": "what it smells of"}

    def snapshot(self, topic: str) -> Mapping[str, Any] | None:
        return {"of": "onions"} if topic == "smells" else None

    def _cook(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.fault is not None:
            raise self.fault
        self.given = given
        return {"cooked": True}


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


@pytest.fixture
def served(kitchen: Kitchen) -> Bench:
    return Bench(domains=[kitchen])


# roles


def test_who_may_only_look_changes_nothing(bench: Bench) -> None:
    for op in bench.dispatcher.ops.values():
        if op.role == CONTROL:
            reply = bench.reply(bench.vera, op.name, **op.example)
            assert reply.error is not None
            assert reply.error.code == "forbidden", op.name
    assert bench.desk.revision == 0
    assert bench.dispatcher.take_events() == []


def test_who_may_only_look_sees_everything(bench: Bench) -> None:
    looking = {op.name for op in bench.dispatcher.ops.values() if op.role == VIEW}
    assert looking == {
        "hello", "ping", "schema", "subscribe", "unsubscribe", "clients", "get", "presets", "response",
    }  # fmt: skip
    for name in looking - {"hello"}:
        assert bench.reply(bench.vera, name, **bench.dispatcher.ops[name].example).ok, name


def test_operations_that_build_filters_go_to_the_one_control_thread(bench: Bench) -> None:
    where = {op.name: op.where for op in bench.dispatcher.ops.values()}
    for name in ("set", "patch", "preset", "load", "save", "validate", "bypass", "undo", "redo"):
        assert where[name] == "chain"
    assert where["get"] == where["ping"] == where["subscribe"] == "loop"
    assert where["schema"] == where["response"] == where["presets"] == "aside"


# requests


@pytest.mark.parametrize("id", [None, True, 1.5, "", "x" * 65, 2**53 + 1, [], {}])
def test_an_id_is_a_whole_number_or_a_short_text(bench: Bench, id: Any) -> None:
    with pytest.raises(ControlError) as refused:
        bench.dispatcher.parse({"id": id, "op": "ping"})
    assert refused.value.code == "bad-message"


def test_a_message_needs_an_id_and_an_operation(bench: Bench) -> None:
    for message in ({"op": "ping"}, {"id": 1}, {"id": 1, "op": 7}):
        with pytest.raises(ControlError, match="needs"):
            bench.dispatcher.parse(message)


def test_the_id_comes_back(bench: Bench) -> None:
    for id in (0, -5, "a", "x" * 64, 2**53):
        request = bench.dispatcher.parse({"id": id, "op": "ping"})
        assert bench.dispatcher.handle(bench.anna, request, now=0).id == id


def test_an_unknown_operation_names_the_nearest(bench: Bench) -> None:
    error = bench.refused("presett", name="x")
    assert (error.code, error.details) == ("unknown-op", {"nearest": "preset"})


def test_an_unknown_argument_names_the_nearest_and_a_missing_one_what_it_is(served: Bench) -> None:
    error = served.refused("set", path="gain.gain_db", val=1)
    assert error.code == "bad-message"
    assert error.details["nearest"] == "value"
    error = served.refused("need")
    assert error.code == "bad-message"
    assert "what is needed" in error.message


def test_what_is_left_out_has_its_default(served: Bench, kitchen: Kitchen) -> None:
    assert served.ask("cook") == {"cooked": True}
    assert (kitchen.given["share"], kitchen.given["mode"], kitchen.given["text"]) == (0.5, "slow", None)
    assert kitchen.given["now"] == served.now
    served.ask("cook", share=None)
    assert kitchen.given["share"] == 0.5


SAMPLES: Mapping[str, Any] = {
    "text": "a", "number": 1.5, "integer": 2, "flag": True, "object": {"a": 1}, "list": [1],
}  # fmt: skip


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("given", SAMPLES)
def test_an_argument_takes_its_own_kind_alone(served: Bench, kind: str, given: str) -> None:
    fits = kind == given or (kind, given) == ("number", "integer")
    reply = served.reply(served.anna, "cook", **{kind: SAMPLES[given]})
    assert reply.ok == fits
    assert reply.ok or (reply.error is not None and reply.error.code == "bad-value")


def test_arguments_out_of_their_span_name_it(served: Bench) -> None:
    error = served.refused("cook", share=2)
    assert (error.code, error.details) == ("out-of-range", {"argument": "share", "min": 0, "max": 1})
    assert served.refused("cook", share=float("nan")).code == "out-of-range"
    assert served.refused("cook", word="").code == "out-of-range"
    assert served.refused("cook", text="x" * 4097).code == "out-of-range"
    assert served.refused("cook", list=[0] * 4097).code == "out-of-range"
    assert served.refused("cook", mode="medium").details["options"] == ["slow", "fast"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ControlError("unknown-call", "no call 7"), "unknown-call"),
        (UsageError("it is not ringing"), "not-possible"),
        (ParameterError("level must be 1"), "bad-value"),
        (LibraryMissing("no engine"), "not-possible"),
    ],
)
def test_what_an_operation_raises_becomes_a_code(
    served: Bench, kitchen: Kitchen, fault: Exception, code: str
) -> None:
    kitchen.fault = fault
    error = served.refused("cook")
    assert (error.code, error.message) == (code, str(fault))


def test_a_fault_of_ours_is_not_hidden_here(served: Bench, kitchen: Kitchen) -> None:
    kitchen.fault = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        served.reply(served.anna, "cook")


# sessions


def test_hello_tells_what_there_is(bench: Bench) -> None:
    bench.dispatcher.limits = {"clients": 32}
    found = bench.dispatcher.welcome(bench.ben)
    assert found == {
        "client": bench.ben.id,
        "role": "control",
        "title": "bench",
        "version": "1",
        "chains": [{"name": "main", "label": "Filter"}, {"name": "heard", "label": "Heard"}],
        "clients": [
            {"id": 1, "name": "Anna", "role": "control"},
            {"id": 2, "name": "Ben", "role": "control"},
            {"id": 3, "name": "Vera", "role": "view"},
        ],
        "topics": ["changes", "levels", "spectrum", "clients"],
        "limits": {"clients": 32},
    }
    assert bench.refused("hello", token="x").code == "not-possible"


def test_the_others_are_told_who_comes_and_goes(bench: Bench) -> None:
    carl = bench.dispatcher.join("Carl", VIEW)
    bench.dispatcher.leave(carl)
    bench.dispatcher.leave(carl)
    came, went = bench.dispatcher.take_events()
    assert came == Event("clients", came.body, carl.id)
    assert {"id": carl.id, "name": "Carl", "role": VIEW} in came.body["clients"]
    assert went.body["clients"] == bench.ask("clients")["clients"]
    assert bench.dispatcher.join("Dora", VIEW).id != carl.id


def test_subscriptions_are_of_one_client_topic_and_chain(served: Bench) -> None:
    found = served.ask("subscribe", topics=["levels", "smells", "changes"], rate_hz=5)
    assert found["topics"] == ["changes", "levels", "smells"]
    assert found["first"]["smells"] == {"of": "onions"}
    assert found["first"]["levels"]["chain"] == "main"
    served.ask("subscribe", topics=["levels", "spectrum"], chain="heard")
    wanted = served.dispatcher.sessions.wanted(served.anna)
    assert wanted == {
        ("levels", "main"): 5.0,
        ("smells", None): 5.0,
        ("changes", None): 5.0,
        ("levels", "heard"): 20.0,
        ("spectrum", "heard"): 20.0,
    }
    assert served.dispatcher.sessions.wanted(served.ben) == {}
    assert served.ask("unsubscribe", topics=["levels"])["topics"] == ["changes", "smells", "spectrum"]
    assert served.ask("unsubscribe")["topics"] == []
    assert wanted == {}


def test_the_first_spectrum_has_its_frequencies(bench: Bench) -> None:
    assert len(bench.ask("subscribe", topics=["spectrum"])["first"]["spectrum"]["hz"]) == 96


def test_topics_and_rates_that_are_none_are_refused(bench: Bench) -> None:
    error = bench.refused("subscribe", topics=["level"])
    assert (error.code, error.details["nearest"]) == ("bad-value", "levels")
    assert bench.refused("subscribe", topics=[7]).code == "bad-value"
    assert bench.refused("subscribe", topics=[]).code == "out-of-range"
    for rate in (0, 0.1, 51):
        assert bench.refused("subscribe", topics=["levels"], rate_hz=rate).code == "out-of-range"
    assert bench.refused("subscribe", topics=["levels"], chain="x").code == "unknown-chain"
    assert bench.dispatcher.sessions.wanted(bench.anna) == {}


def test_what_is_published_is_told_and_rings_the_bell(bench: Bench) -> None:
    rung: list[bool] = []
    bench.dispatcher.on_event = lambda: rung.append(True)
    bench.dispatcher.publish("calls", {"calls": []})
    assert bench.dispatcher.take_events() == [Event("calls", {"calls": []}, None)]
    assert bench.dispatcher.take_events() == []
    assert rung == [True]


# schema


def test_the_schema_holds_every_filter_and_every_parameter_of_the_chains() -> None:
    bench = Bench("bands")
    found = bench.ask("schema")
    assert set(found["filters"]) == set(filters.names())
    (slots, _) = (each["slots"] for each in found["chains"])
    paths = {each["path"]: each for slot in slots for each in slot["parameters"]}
    assert paths["eq.bands.1.gain_db"]["value"] == 2.0
    assert paths["eq.bands.1.gain_db"]["unit"] == "dB"
    assert paths["eq.bands"]["kind"] == "items"
    assert paths["graphic-eq.gains_db.4"] == {
        **paths["graphic-eq.gains_db.4"], "kind": "number", "value": 0.0, "default": 0.0,
    }  # fmt: skip
    assert paths["compressor.bypass"] == {
        "path": "compressor.bypass",
        "kind": "flag",
        "help": "leave this filter out",
        "value": False,
        "default": False,
    }


def test_every_path_of_the_schema_can_be_read_and_set_to_what_it_is() -> None:
    bench = Bench("bands")
    for slot in bench.ask("schema")["chains"][0]["slots"]:
        for each in slot["parameters"]:
            assert bench.ask("get", path=each["path"])["value"] == each["value"]
            assert bench.ask("set", path=each["path"], value=each["value"]) == {"changes": {}}, each["path"]


@pytest.mark.parametrize("name", filters.names())
def test_every_parameter_of_every_filter_has_what_a_control_needs(name: str) -> None:
    from dsp.preset import Preset
    from softphone.control.schema import tree

    (slot,) = tree(Preset.parse({"filter": [{"type": name}]}, name))
    for each in slot["parameters"]:
        assert each["help"]
        if each["kind"] in ("number", "integer"):
            assert each["min"] < each["max"]
            assert "unit" in each
            assert "log" in each
            assert not each["log"] or each["min"] > 0, each["path"]
            assert each["value"] is None or each["min"] <= each["value"] <= each["max"]
        if each["kind"] == "choice":
            assert each["value"] in each["options"]
        if each["kind"] == "file":
            assert each["read_only"]


def test_every_code_that_is_used_is_in_the_table() -> None:
    import re
    from pathlib import Path

    import softphone.control

    text = "".join(
        path.read_text(encoding="utf-8") for path in Path(softphone.control.__file__).parent.rglob("*.py")
    )
    used = set(re.findall(r"ControlError\(\s*\"([a-z-]+)\"", text))
    assert {"conflict", "out-of-range", "unknown-path"} <= used
    assert used <= set(CODES)
