"""OSC addresses and arguments: what a fader sends becomes an operation, and what changes becomes what a fader understands."""

import struct
from typing import Any

import pytest
from support.desk_bench import PRESETS, Bench, preset

from dsp.preset import Preset
from softphone.control import Client, ControlError, Event, Reply
from softphone.control.protocols import osc


def single(number: float) -> float:
    """*number* as 32 bits hold it, which is what comes over OSC."""
    return float(struct.unpack(">f", struct.pack(">f", number))[0])


@pytest.mark.parametrize(
    ("address", "arguments", "message"),
    [
        ("/softphone/hello", ["TOKEN"], {"op": "hello", "token": "TOKEN"}),
        ("/softphone/hello", ["TOKEN", "fader"], {"op": "hello", "token": "TOKEN", "name": "fader"}),
        ("/softphone/ping", [], {"op": "ping"}),
        ("/softphone/main/low-cut/freq_hz", [200.0], {"op": "set", "chain": "main", "path": "low-cut.freq_hz", "value": 200}),
        ("/softphone/main/low-cut/freq_hz", [], {"op": "get", "chain": "main", "path": "low-cut.freq_hz"}),
        ("/softphone/main/eq/bands/0/gain_db", [-3], {"op": "set", "chain": "main", "path": "eq.bands.0.gain_db", "value": -3}),
        ("/softphone/main/g/gains_db", [1.0, 2.5], {"op": "set", "chain": "main", "path": "g.gains_db", "value": [1, 2.5]}),
        ("/softphone/main/a%2Fb%20c/freq_hz", [1], {"op": "set", "chain": "main", "path": "a/b c.freq_hz", "value": 1}),
        ("/softphone/main/low-cut/bypass", [1], {"op": "set", "chain": "main", "path": "low-cut.bypass", "value": 1}),
        ("/softphone/main/bypass", [1], {"op": "bypass", "chain": "main", "on": True}),
        ("/softphone/main/bypass", [1.0, 0], {"op": "bypass", "chain": "main", "on": True, "matched": False}),
        ("/softphone/main/bypass", [False], {"op": "bypass", "chain": "main", "on": False}),
        ("/softphone/heard/preset", ["telephone"], {"op": "preset", "chain": "heard", "name": "telephone"}),
        ("/softphone/main/save", ["mine", 1], {"op": "save", "chain": "main", "name": "mine", "force": True}),
        ("/softphone/main/undo", [1.0], {"op": "undo", "chain": "main"}),
        ("/softphone/main/redo", [], {"op": "redo", "chain": "main"}),
        ("/softphone/main/reset_meters", [], {"op": "reset_meters", "chain": "main"}),
        ("/softphone/levels", [10.0], {"op": "subscribe", "topics": ["levels"], "rate_hz": 10}),
        ("/softphone/levels", [2, "heard"], {"op": "subscribe", "topics": ["levels"], "rate_hz": 2, "chain": "heard"}),
        ("/softphone/levels", [0], {"op": "unsubscribe", "topics": ["levels"]}),
    ],
)  # fmt: skip
def test_each_address_asks_for_an_operation(
    address: str, arguments: list[Any], message: dict[str, Any]
) -> None:
    assert osc.read_message(address, arguments) == message
    Bench().dispatcher.parse({"id": 1, **message})


@pytest.mark.parametrize(
    ("address", "arguments"),
    [
        ("", []),
        ("/", []),
        ("softphone/ping", []),
        ("/other/ping", []),
        ("/softphone", []),
        ("/softphone/", []),
        ("/softphone/main", [1]),
        ("/softphone/main//x", [1]),
        ("/softphone/main/%ff/x", [1]),
        ("/softphone/" + "x" * 300, []),
        ("/softphone/hello", []),
        ("/softphone/hello", [7]),
        ("/softphone/hello", ["a", "b", "c"]),
        ("/softphone/main/bypass", []),
        ("/softphone/main/bypass", [2]),
        ("/softphone/main/bypass", ["on"]),
        ("/softphone/main/preset", [1]),
        ("/softphone/levels", ["fast"]),
        ("/softphone/main/g/gains_db", [1.0] * 257),
    ],
)
def test_what_is_no_address_of_ours_is_refused(address: str, arguments: list[Any]) -> None:
    with pytest.raises(ControlError) as refused:
        osc.read_message(address, arguments)
    assert refused.value.code == "bad-message"


def test_bytes_are_no_value() -> None:
    with pytest.raises(ControlError) as refused:
        osc.read_message("/softphone/main/gain/gain_db", [b"\0"])
    assert refused.value.code == "bad-value"


@pytest.mark.parametrize("number", [0.1, -3.3, 1000.0, 0.707, 20000.0, 1e-3])
def test_a_number_comes_as_it_was_meant_and_not_as_32_bits_hold_it(number: float) -> None:
    assert osc.read_message("/softphone/main/a/b", [single(number)])["value"] == number


def send(bench: Bench, address: str, *arguments: Any, who: Client | None = None) -> list[osc.Message]:
    try:
        message = osc.read_message(address, arguments)
        request = bench.dispatcher.parse({"id": 1, **message})
    except ControlError as error:
        return [osc.refusal(address, error)]
    bench.now += 1
    reply = bench.dispatcher.handle(who if who is not None else bench.anna, request, now=bench.now)
    return osc.of_reply(address, message, reply, presets_of(bench))


def told(bench: Bench) -> list[osc.Message]:
    """What the others are told since last asked."""
    events = bench.dispatcher.take_events()
    return [each for event in events for each in osc.of_event(event, presets_of(bench))]


def presets_of(bench: Bench) -> dict[str, Preset]:
    return {name: desk.preset for name, desk in bench.dispatcher.desks.items()}


def test_a_fader_moves_a_value_and_the_others_see_it_move() -> None:
    bench = Bench()
    assert send(bench, "/softphone/main/low-cut/freq_hz", 250.0) == []
    assert bench.desk.preset.slot("low-cut").params.freq_hz == 250.0
    assert told(bench) == [("/softphone/main/low-cut/freq_hz", (250.0,))]
    assert send(bench, "/softphone/main/low-cut/freq_hz") == [("/softphone/main/low-cut/freq_hz", (250.0,))]


def test_switches_take_0_and_1_and_tell_them() -> None:
    bench = Bench()
    send(bench, "/softphone/main/low-cut/bypass", 1.0)
    send(bench, "/softphone/main/bypass", 1)
    assert bench.desk.preset.slot("low-cut").bypass
    assert bench.desk.bypassed
    assert told(bench) == [("/softphone/main/low-cut/bypass", (1,)), ("/softphone/main/bypass", (1,))]
    assert send(bench, "/softphone/main/low-cut/bypass") == [("/softphone/main/low-cut/bypass", (1,))]


def test_after_another_preset_every_value_is_told_so_that_each_can_be_sent_back() -> None:
    bench = Bench()
    answered = send(bench, "/softphone/main/preset", "bands")
    (first, *values) = told(bench)
    assert answered == [first, *values]
    assert first == ("/softphone/main/preset", ("bands",))
    assert ("/softphone/main/eq/bands/1/gain_db", (2.0,)) in values
    assert len({address for address, _ in values}) == len(values)
    for address, arguments in values:
        assert send(bench, address, *arguments) == [], address
    assert bench.desk.preset == preset("bands")


def test_who_undoes_is_told_what_is_new() -> None:
    bench = Bench()
    send(bench, "/softphone/main/gain/gain_db", -3.0)
    send(bench, "/softphone/main/preset", "louder")
    (first, *_) = send(bench, "/softphone/main/undo")
    assert first == ("/softphone/main/preset", ("telephone",))
    assert send(bench, "/softphone/main/undo") == [("/softphone/main/gain/gain_db", (0.0,))]
    assert send(bench, "/softphone/main/redo") == [("/softphone/main/gain/gain_db", (-3.0,))]


def test_a_list_of_entries_that_grew_is_told_value_by_value() -> None:
    bench = Bench("bands")
    bench.ask("set", path="eq.bands", value=[{"freq_hz": 100, "gain_db": 1}])
    found = dict(told(bench))
    assert found["/softphone/main/eq/bands/0/freq_hz"] == (100.0,)
    assert "/softphone/main/eq/bands/1/freq_hz" not in found


def test_a_curve_is_told_as_text_that_can_be_sent_back() -> None:
    bench = Bench()
    bench.ask("load", preset={"filter": [{"type": "fir", "points": [[100, -3], [1000, 2.5]]}]})
    values = dict(told(bench))
    assert values["/softphone/main/fir/points"] == ("100:-3,1000:2.5",)
    assert send(bench, "/softphone/main/fir/points", "100:0,1k:2") == []
    assert told(bench) == [("/softphone/main/fir/points", ("100:0,1000:2",))]


def test_auto_is_told_and_taken_as_a_word() -> None:
    bench = Bench()
    bench.ask("load", preset={"filter": [{"type": "loudness"}]})
    values = dict(told(bench))
    assert values["/softphone/main/loudness/measured_lufs"] == ("auto",)
    assert send(bench, "/softphone/main/loudness/measured_lufs", "auto") == []
    assert send(bench, "/softphone/main/loudness/measured_lufs", None) == []


def test_a_slot_with_characters_that_an_address_cannot_have_is_reached() -> None:
    bench = Bench()
    bench.ask("load", preset={"filter": [{"type": "gain", "slot": "laut/leise #1 é"}]})
    address = next(each for each, _ in told(bench) if each.endswith("/gain_db"))
    assert address.isascii()
    assert not set(address) & set(" #*,?[]{}")
    assert send(bench, address, -3.0) == []
    assert bench.desk.preset.slots[0].params.gain_db == -3.0


def test_levels_are_told_one_by_one() -> None:
    bench = Bench("bands")
    bench.runners[0].play(0.5, level=1.0)
    body = bench.dispatcher.levels()
    assert body is not None
    found = dict(osc.of_event(Event("levels", body), {}))
    assert found["/softphone/levels/main/in/peak_dbfs"] == (0.0,)
    assert "/softphone/levels/main/gain_reduction_db/compressor" in found
    assert "/softphone/levels/main/readings/compressor/level_dbfs" in found
    assert found["/softphone/levels/main/changing"] == (0,)
    assert osc.of_event(Event("clients", {"clients": []}), {}) == []


def test_what_is_refused_is_told_with_its_code_and_address() -> None:
    bench = Bench()
    ((address, (code, words, asked)),) = send(bench, "/softphone/main/gain/gain_db", 1e6)
    assert (address, code, asked) == ("/softphone/error", "out-of-range", "/softphone/main/gain/gain_db")
    assert "dB" in str(words)
    ((_, (code, *_)),) = send(bench, "/softphone/main/gain/gain_db", 1.0, who=bench.vera)
    assert code == "forbidden"
    ((_, (code, *_)),) = send(bench, "/softphone/main/fir/file", "/etc/passwd")
    assert code == "unknown-path"


def test_no_file_comes_in_over_osc() -> None:
    bench = Bench()
    bench.ask("load", preset={"filter": [{"type": "fir"}]})
    ((_, (code, *_)),) = send(bench, "/softphone/main/fir/file", "/etc/passwd")
    assert code == "not-possible"
    assert bench.desk.preset.slot("fir").params.file == ""


def test_hello_and_ping_are_answered() -> None:
    reply = Reply(1, {"role": "view", "title": "bench"})
    assert osc.of_reply("/softphone/hello", {"op": "hello"}, reply, {}) == [
        ("/softphone/hello", ("view", "bench"))
    ]
    assert send(Bench(), "/softphone/ping") == [("/softphone/ping", ())]


def test_the_library_packs_what_we_tell_and_gives_us_back_what_we_meant() -> None:
    builder = pytest.importorskip("pythonosc.osc_message_builder")
    from pythonosc.osc_message import OscMessage

    bench = Bench()
    send(bench, "/softphone/main/preset", sorted(PRESETS)[0])
    for address, arguments in told(bench):
        packing = builder.OscMessageBuilder(address)
        for each in arguments:
            packing.add_arg(each)
        unpacked = OscMessage(packing.build().dgram)
        assert unpacked.address == address
        assert list(unpacked.params) == [
            single(each) if isinstance(each, float) else each for each in arguments
        ]
