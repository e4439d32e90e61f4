"""Parameters: ranges, texts as typed, files, and what a person is told."""

import json
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError
from dsp.filters import filters
from dsp.params import (
    Axis,
    Point,
    as_mapping,
    check,
    choice,
    describe,
    fields_of,
    file,
    flag,
    from_mapping,
    integer,
    items,
    nearest,
    number,
    numbers,
    points,
    text,
    with_value,
)


@dataclass(frozen=True, slots=True)
class Band:
    freq_hz: float = number(1000.0, 10.0, 20_000.0, "Hz", "centre", log=True)
    gain_db: float = number(0.0, -24.0, 24.0, "dB", "gain", step=0.1)


@dataclass(frozen=True, slots=True)
class Everything:
    level_db: float = number(-3.0, -60.0, 12.0, "dB", "level")
    release_ms: float | None = number(None, 1.0, 1000.0, "ms", "release", optional=True)
    order: int = integer(4, 1, 24, "", "order")
    kind: str = choice("lowpass", ("lowpass", "highpass"), "kind")
    linked: bool = flag(True, "linked")
    label: str = text("", "label")
    impulse: str = file("impulse response")
    taps: tuple[float, ...] = numbers((1.0,), -2.0, 2.0, "", "taps", counts=(1, 4))
    curve: tuple[Point, ...] = points(
        (), Axis(10.0, 20_000.0, "Hz"), Axis(-60.0, 20.0, "dB"), "curve", counts=(0, 3)
    )
    bands: tuple[Band, ...] = items(Band, (Band(), Band(2000.0, -1.0)), "bands", counts=(0, 3))

    def __post_init__(self) -> None:
        if self.order == 13:
            raise ParameterError("order 13 is not for the superstitious")


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(ParameterError) as caught:
        from_mapping(Everything, values, "eq")
    return str(caught.value)


def test_what_is_not_named_has_its_default() -> None:
    assert from_mapping(Everything, {}) == Everything()
    assert from_mapping(Everything, {"level_db": 1}).level_db == 1.0


def test_reading_and_writing_are_a_pair_through_json() -> None:
    params = from_mapping(
        Everything,
        {
            "level_db": -6, "release_ms": 20, "order": 2, "kind": "highpass", "linked": False, "label": "a b",
            "impulse": "hall.wav", "taps": [1, -0.5], "curve": [[100, -3], [1000, 2]],
            "bands": [{"freq_hz": 50, "gain_db": -6}],
        },
    )  # fmt: skip
    assert params.curve == ((100.0, -3.0), (1000.0, 2.0))
    assert params.bands == (Band(50.0, -6.0),)
    assert from_mapping(Everything, json.loads(json.dumps(as_mapping(params)))) == params


def test_a_value_left_to_the_filter_is_not_written() -> None:
    assert "release_ms" not in as_mapping(Everything())
    assert from_mapping(Everything, {"release_ms": "auto"}).release_ms is None


def test_both_ends_of_a_range_belong_to_it() -> None:
    for end in (-60, 12):
        assert from_mapping(Everything, {"level_db": end}).level_db == end


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"level_db": 12.5}, "eq.level_db must be -60 to 12 dB, got 12.5"),
        ({"level_db": float("nan")}, "eq.level_db must be -60 to 12 dB, got nan"),
        ({"level_db": float("inf")}, "eq.level_db must be -60 to 12 dB, got inf"),
        ({"level_db": 10**400}, "eq.level_db must be a number a computer can hold"),
        ({"level_db": "loud"}, "eq.level_db must be a number, got 'loud'"),
        ({"level_db": "1_0"}, "eq.level_db must be a number, got '1_0'"),
        ({"level_db": True}, "eq.level_db must be a number, got True"),
        ({"level_db": None}, "eq.level_db must be a number, got None"),
        ({"level_db": "auto"}, "eq.level_db must be a number, got 'auto'"),
        ({"release_ms": 0}, "eq.release_ms must be 1 to 1000 ms, got 0"),
        ({"order": 2.5}, "eq.order must be a whole number, got 2.5"),
        ({"order": "2.5"}, "eq.order must be a whole number, got '2.5'"),
        ({"order": float("inf")}, "eq.order must be a whole number, got inf"),
        ({"order": 25}, "eq.order must be 1 to 24, got 25"),
        ({"order": 13}, "eq: order 13 is not for the superstitious"),
        ({"kind": "bandpass"}, "eq.kind must be one of lowpass, highpass, got 'bandpass'"),
        ({"kind": 3}, "eq.kind must be text, got 3"),
        ({"linked": "perhaps"}, "eq.linked must be true or false, got 'perhaps'"),
        ({"label": 5}, "eq.label must be text, got 5"),
        ({"taps": []}, "eq.taps must have 1 to 4 entries, got 0"),
        ({"taps": [1, 3]}, "eq.taps.1 must be -2 to 2, got 3"),
        ({"taps": 1}, "eq.taps must be a list, got 1"),
        ({"taps": [1, "x"]}, "eq.taps must be a number, got 'x'"),
        ({"curve": [[100, -3], [100, 2]]}, "eq.curve must rise: 100 follows 100"),
        ({"curve": [[1, -3]]}, "eq.curve.0 x must be 10 to 20000 Hz, got 1"),
        ({"curve": [[100, -90]]}, "eq.curve.0 y must be -60 to 20 dB, got -90"),
        ({"curve": [[100]]}, "eq.curve must be pairs such as 1000:-3, got [100]"),
        ({"curve": [[10, 0], [20, 0], [30, 0], [40, 0]]}, "eq.curve must have 0 to 3 entries, got 4"),
        ({"bands": [{"freq": 3}]}, "eq.bands.0.freq is unknown; did you mean freq_hz?"),
        ({"bands": [{}, {"gain_db": 30}]}, "eq.bands.1.gain_db must be -24 to 24 dB, got 30"),
        ({"bands": [3]}, "eq.bands.0 must be a table of values, got 3"),
        ({"bands": "x"}, "eq.bands must be a list, got 'x'"),
        ({"levl_db": 3}, "eq.levl_db is unknown; did you mean level_db?"),
        ({"z\nz": 3}, "eq.'z\\nz' is unknown; known: level_db, release_ms,"),
    ],
)
def test_a_refusal_names_the_parameter_what_it_may_be_and_what_was_got(
    values: dict[str, Any], says: str
) -> None:
    assert refusal(values).startswith(says)


def test_a_number_of_entries_that_is_fixed_is_said_as_one_number() -> None:
    @dataclass(frozen=True, slots=True)
    class Pair:
        ends: tuple[float, ...] = numbers((0.0, 1.0), 0.0, 9.0, "", "ends", counts=(2, 2))

    with pytest.raises(ParameterError, match=r"^ends must have 2 entries, got 1$"):
        from_mapping(Pair, {"ends": [1]})


def test_a_long_wrong_value_is_cut_in_the_message() -> None:
    assert len(refusal({"level_db": "x" * 10_000})) < 120
    assert len(refusal({"x" * 10_000: 1})) < 300
    assert len(refusal({"taps": dict.fromkeys(range(1000))})) < 120


@pytest.mark.parametrize(
    ("path", "typed", "value"),
    [
        ("level_db", "-3", -3.0),
        ("level_db", " -3.5 ", -3.5),
        ("level_db", "+6e0", 6.0),
        ("level_db", -6, -6.0),
        ("release_ms", "auto", None),
        ("release_ms", None, None),
        ("release_ms", "0.5k", 500.0),
        ("order", "8", 8),
        ("kind", "highpass", "highpass"),
        ("linked", "off", False),
        ("linked", "Yes", True),
        ("linked", 0, False),
        ("label", "-3", "-3"),
        ("taps", "1,-1, 0.5", (1.0, -1.0, 0.5)),
        ("taps", "1,", (1.0,)),
        ("taps", [1, 2], (1.0, 2.0)),
        ("curve", "100:-3,1k:2", ((100.0, -3.0), (1000.0, 2.0))),
        ("curve", "", ()),
    ],
)
def test_a_value_is_taken_as_it_is_typed(path: str, typed: object, value: object) -> None:
    found = getattr(with_value(Everything(), path.split("."), typed), path)
    assert found == value
    assert type(found) is type(value)


def test_a_value_inside_a_list_is_changed_alone() -> None:
    before = Everything()
    after = with_value(before, ["bands", "1", "gain_db"], "6")
    assert after.bands == (Band(), Band(2000.0, 6.0))
    assert with_value(before, ["taps", "0"], "2").taps == (2.0,)
    assert before == Everything()


def test_a_list_of_sets_can_be_given_whole() -> None:
    assert with_value(Everything(), ["bands"], [{"freq_hz": 20}]).bands == (Band(20.0, 0.0),)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("bands.2.gain_db", "eq.bands has 2 entries, counted from 0; got eq.bands.2"),
        ("bands.-1.gain_db", "eq.bands has 2 entries, counted from 0; got eq.bands.-1"),
        (f"bands.{'9' * 5000}.gain_db", "eq.bands has 2 entries, counted from 0; got eq.bands.999"),
        ("bands.x.gain_db", "eq.bands has 2 entries"),
        ("bands.1", "eq.bands.1 is a whole eq.bands entry: name one of its values"),
        ("bands.1.q", "eq.bands.1.q is unknown; known: freq_hz, gain_db"),
        ("bands.1.gain_db.x", "eq.bands.1.gain_db.x is unknown: eq.bands.1.gain_db holds no further values"),
        ("taps.0.x", "eq.taps.0.x is unknown: eq.taps.0 is a number"),
        ("level_db.x", "eq.level_db.x is unknown: eq.level_db holds no further values"),
        ("levels_db", "eq.levels_db is unknown; did you mean level_db?"),
        ("bands.0.gain_db", "eq.bands.0.gain_db must be -24 to 24 dB, got 99"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_apart(path: str, says: str) -> None:
    with pytest.raises(ParameterError) as caught:
        with_value(Everything(), path.split("."), 99, "eq")
    assert str(caught.value).startswith(says)


def test_params_made_in_code_are_checked_too() -> None:
    check(Everything())
    with pytest.raises(ParameterError, match=r"^here.level_db must be -60 to 12 dB, got 40$"):
        check(Everything(level_db=40.0), "here")
    with pytest.raises(ParameterError, match=r"^level_db needs a value$"):
        check(Everything(level_db=None))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"^bands\.0\.freq_hz must be 10 to 20000 Hz, got 1$"):
        check(Everything(bands=(Band(1.0),)))


def test_a_parameter_set_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Everything().level_db = 3.0  # type: ignore[misc]


def test_a_description_says_all_and_goes_through_json() -> None:
    found = {each["name"]: each for each in json.loads(json.dumps(describe(Everything)))}
    assert list(found) == list(fields_of(Everything))
    assert found["level_db"] == {
        "name": "level_db", "kind": "number", "help": "level", "unit": "dB", "min": -60.0, "max": 12.0,
        "log": False, "default": -3.0,
    }  # fmt: skip
    assert found["release_ms"]["optional"] is True
    assert found["release_ms"]["default"] is None
    assert found["order"]["step"] == 1
    assert found["kind"]["options"] == ["lowpass", "highpass"]
    assert found["curve"]["x"] == {"unit": "Hz", "min": 10.0, "max": 20_000.0}
    assert found["curve"]["counts"] == [0, 3]
    assert found["bands"]["item"][0]["log"] is True
    assert found["bands"]["default"][1] == {"freq_hz": 2000.0, "gain_db": -1.0}


def test_the_nearest_name_is_offered_and_else_all() -> None:
    assert nearest("treshold_db", ["ratio", "threshold_db"]) == "did you mean threshold_db?"
    assert nearest("zzz", ["ratio", "knee_db"]) == "known: ratio, knee_db"
    assert nearest("zzz", []) == "known: none"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
keys = st.sampled_from([*fields_of(Everything), "freq_hz"]) | st.text(max_size=12)


def one_line(error: ParameterError) -> None:
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 400


@given(values=st.dictionaries(keys, plain, max_size=5))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_file_gives_parameters_or_one_line(values: dict[str, Any]) -> None:
    """Fuzz: whatever is read, it is a valid set or a ParameterError of one line."""
    try:
        params = from_mapping(Everything, values, "eq")
    except ParameterError as error:
        one_line(error)
        return
    check(params)
    assert from_mapping(Everything, as_mapping(params)) == params


@given(path=st.lists(keys | st.sampled_from("012"), min_size=1, max_size=4), value=plain)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_change_gives_parameters_or_one_line(path: list[str], value: Any) -> None:
    """Fuzz: whatever is typed, it is a valid set or a ParameterError of one line."""
    try:
        check(with_value(Everything(), path, value, "eq"))
    except ParameterError as error:
        one_line(error)


@pytest.mark.parametrize("name", filters.names())
def test_no_parameter_has_a_name_that_a_preset_uses(name: str) -> None:
    assert not {"type", "slot", "bypass"} & set(fields_of(filters.get(name).params))
