"""Presets: read, written, changed by path, refused in one line."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.preset import MAX_FILTERS, Preset

FILE = """
about = "Softer, and turned round"
expect = "6 dB less"

[[filter]]
type = "gain"
gain_db = -6

[[filter]]
type = "gain"
invert = true

[[filter]]
type = "gain"
slot = "last"
bypass = true
"""


def read(text: str = FILE) -> Preset:
    return Preset.parse(tomllib.loads(text), "mine")


def test_a_file_is_read() -> None:
    preset = read()
    assert (preset.name, preset.about, preset.expect) == ("mine", "Softer, and turned round", "6 dB less")
    assert [each.slot for each in preset.slots] == ["gain", "gain-2", "last"]
    assert [each.bypass for each in preset.slots] == [False, False, True]
    assert preset.slot("gain").params.gain_db == -6.0
    assert preset.slot("gain-2").params.invert is True
    assert preset.slot("last").spec.name == "gain"


def test_reading_and_writing_are_a_pair() -> None:
    preset = read()
    assert Preset.parse(preset.as_mapping(), "mine") == preset
    assert list(Preset("empty").as_mapping()) == ["filter"]


def test_an_empty_file_is_an_empty_preset() -> None:
    assert Preset.parse({}, "empty") == Preset("empty")


def test_slots_are_numbered_past_names_that_are_taken() -> None:
    entries = [{"type": "gain", "slot": "gain-2"}, {"type": "gain"}, {"type": "gain"}]
    found = [each.slot for each in Preset.parse({"filter": entries}, "mine").slots]
    assert found == ["gain-2", "gain", "gain-3"]


def test_as_many_filters_of_a_kind_as_a_preset_holds_get_names() -> None:
    preset = Preset.parse({"filter": [{"type": "gain"}] * MAX_FILTERS}, "many")
    assert len({each.slot for each in preset.slots}) == MAX_FILTERS


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"filters": []}, "filters is unknown in a preset; did you mean filter?"),
        ({"x\ny": 1}, r"'x\ny' is unknown in a preset; known: about, expect, filter"),
        ({"filter": {"type": "gain"}}, "filter must be a list of tables: write [[filter]] above each"),
        ({"filter": ["gain"]}, "filter must be a list of tables: write [[filter]] above each"),
        (
            {"filter": [{"gain_db": 3}]},
            "each [[filter]] needs a type, as type = \"gain\"; got {'gain_db': 3}",
        ),
        ({"filter": [{"type": 3}]}, 'each [[filter]] needs a type, as type = "gain"'),
        ({"filter": [{"type": "gian"}]}, "no filter named 'gian'; did you mean gain?"),
        ({"filter": [{"type": "gain", "gain": 3}]}, "gain.gain is unknown; did you mean gain_db?"),
        (
            {"filter": [{"type": "gain", "gain_db": 99}]},
            "gain.gain_db must be -120 to 60 dB, got 99",
        ),
        (
            {"filter": [{"type": "gain", "slot": "a", "gain_db": 99}]},
            "a.gain_db must be -120 to 60 dB, got 99",
        ),
        ({"filter": [{"type": "gain", "slot": "a.b"}]}, "slot must be a name without dots and equals signs"),
        ({"filter": [{"type": "gain", "slot": "a=b"}]}, "slot must be a name without dots and equals signs"),
        ({"filter": [{"type": "gain", "slot": "a\nb"}]}, "slot must be a name without dots"),
        ({"filter": [{"type": "gain", "slot": ""}]}, "slot must be a name without dots"),
        ({"filter": [{"type": "gain", "slot": 3}]}, "slot must be a name without dots"),
        (
            {"filter": [{"type": "gain", "slot": "a"}, {"type": "gain", "slot": "a"}]},
            "two filters have the slot 'a': give one of them another",
        ),
        ({"filter": [{"type": "gain", "bypass": "maybe"}]}, "gain.bypass must be true or false, got 'maybe'"),
        ({"filter": [{"type": "gain"}] * 65}, "a preset holds 64 filters at most, got 65"),
        ({"about": 3}, "about must be one line of text, got 3"),
        ({"expect": "a\nb"}, "expect must be one line of text, got 'a\\nb'"),
        ({"about": "\x1b[2J"}, "about must be one line of text, got '\\x1b[2J'"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Preset.parse(values, "mine")
    assert str(caught.value).startswith(says)
    assert len(str(caught.value).splitlines()) == 1


def test_one_value_is_changed_by_its_path() -> None:
    before = read()
    after = before.with_value("gain-2.gain_db", "3.5")
    assert after.slot("gain-2").params.gain_db == 3.5
    assert after.slot("gain-2").params.invert is True
    assert after.slot("gain") == before.slot("gain")
    assert before == read()


@pytest.mark.parametrize(("typed", "value"), [("on", True), ("off", False), (True, True), (0, False)])
def test_a_filter_is_switched_by_its_path(typed: object, value: bool) -> None:
    assert read().with_value("gain.bypass", typed).slot("gain").bypass is value


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("gian.gain_db", "no filter 'gian' in preset mine; did you mean gain?"),
        ("gain", "gain names a whole filter: write gain.PARAMETER"),
        ("gain.", "gain. names a whole filter: write gain.PARAMETER"),
        ("gain..x", "gain..x names a whole filter"),
        ("", "no filter '' in preset mine; known: gain, gain-2, last"),
        ("last.gain", "last.gain is unknown; did you mean gain_db?"),
        ("last.gain_db.3", "last.gain_db.3 is unknown: last.gain_db holds no further values"),
        ("last.gain_db", "last.gain_db must be -120 to 60 dB, got 1000"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(path: str, says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read().with_value(path, 1000)
    assert str(caught.value).startswith(says)


def test_a_preset_without_filters_says_so() -> None:
    with pytest.raises(ParameterError, match="no filter 'gain' in preset empty; known: none"):
        Preset("empty").with_value("gain.gain_db", 1)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
entry = st.fixed_dictionaries(
    {"type": st.sampled_from(["gain", "gain", "gian"]) | plain},
    optional={"slot": plain, "bypass": plain, "gain_db": plain, "invert": plain},
)
tables = st.fixed_dictionaries(
    {}, optional={"about": plain, "expect": plain, "filter": st.lists(entry, max_size=3) | plain}
)


def one_line(error: ParameterError) -> None:
    assert len(str(error).splitlines()) == 1


@given(values=tables | st.dictionaries(st.text(max_size=9), plain, max_size=3))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_file_gives_a_preset_or_one_line(values: dict[str, Any]) -> None:
    """Fuzz: whatever TOML holds, it is a preset that can be written and read again, or a ParameterError of one line."""
    try:
        preset = Preset.parse(values, "any")
    except ParameterError as error:
        one_line(error)
        return
    assert Preset.parse(preset.as_mapping(), "any") == preset
