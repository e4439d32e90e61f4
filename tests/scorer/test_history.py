"""The history of a figure: what is joined, the baseline's numbers, what the band promises, the chart."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from softphone.scorer.history import (
    History,
    LeftOut,
    Point,
    as_mapping,
    baseline_of,
    history,
    rate_class,
    span_of,
    verdict_of,
    warnings_of,
)
from softphone.scorer.history_chart import Frame, Reference, chart, whole_chart
from softphone.scorer.history_page import NormLine, Subject, page

DAY = 86_400.0
SUBJECT = Subject("cpps_db", "CPPS", "dB", 1, "How clear <it> is.", "Maryn & Weenink 2015", "floor 60")
TICKS = ((0.0, "1970-01-01"), (7 * DAY, "1970-01-08"))


def point(number: int, value: float, **more: object) -> Point:
    common = {
        "task": "vowel", "sample_rate_hz": 48_000, "settings": "{}", "version": "1", "device": "mic",
    }  # fmt: skip
    return Point(
        str(number), f"m{number}", f"1970-01-{number + 1:02d} 08:00", number * DAY, value, **(common | more)
    )  # type: ignore[arg-type]


def points(*values: float) -> list[Point]:
    return [point(number, value) for number, value in enumerate(values)]


def test_the_baseline_is_median_least_and_greatest_of_the_first_memos() -> None:
    found = history(points(12.0, 10.0, 11.0, 14.0, 13.0, 9.0, 12.5, 15.0), baseline=5)
    assert found.baseline is not None
    assert (found.baseline.count, found.baseline.median) == (5, 12.0)
    assert (found.baseline.low, found.baseline.high) == (10.0, 14.0)
    assert [found.position(each) for each in found.points] == [*[None] * 5, "below", "within", "above"]
    assert (found.outside, found.outside_by_chance) == (2, pytest.approx(3 * 2 / 6))
    assert found.baseline.position(10.0) == found.baseline.position(14.0) == "within"


def test_the_newest_memo_is_never_part_of_its_own_baseline() -> None:
    assert baseline_of([1.0, 2.0, 3.0], 9) is None
    found = baseline_of([1.0, 2.0, 3.0, 99.0], 9)
    assert found is not None
    assert (found.count, found.high) == (3, 3.0)


def test_order_does_not_matter() -> None:
    some = points(3.0, 1.0, 2.0, 5.0, 4.0)
    assert history(some[::-1], baseline=3) == history(some, baseline=3)


@pytest.mark.parametrize("count", [3, 5, 9, 19])
def test_the_band_holds_as_many_as_it_says_of_any_distribution(count: int) -> None:
    random = np.random.default_rng(1)
    draws = random.lognormal(size=(20_000, count + 1))
    base = baseline_of([float(value) for value in range(count + 1)], count)
    assert base is not None
    inside = (draws[:, -1] >= draws[:, :-1].min(axis=1)) & (draws[:, -1] <= draws[:, :-1].max(axis=1))
    assert float(inside.mean()) == pytest.approx(
        base.coverage, abs=0.014
    )  # four standard errors of 20000 draws of 0.5


@pytest.mark.parametrize(
    "other", [{"task": "speech"}, {"settings": '{"floor": 75}'}, {"sample_rate_hz": 16_000}], ids=str
)
def test_what_cannot_be_compared_is_not_joined_and_said(other: dict[str, object]) -> None:
    some = points(1.0, 2.0, 3.0, 4.0)
    odd = replace(point(9, 50.0), **other)  # type: ignore[arg-type]
    found = history([*some, odd], baseline=3)
    assert found.points == tuple(some)
    assert found.others == (odd,)
    assert any(line.startswith("not joined") for line in warnings_of(found))
    assert warnings_of(history(some, baseline=3)) == []


def test_the_task_asked_for_is_joined_though_others_are_more() -> None:
    speech = [replace(point(number, 8.0), task="speech") for number in (10, 11)]
    found = history([*points(1.0, 2.0, 3.0), *speech], baseline=9, task="speech")
    assert found.points == tuple(speech)
    assert len(found.others) == 3
    assert history(points(1.0), baseline=9, task="speech").points == ()


def test_of_rows_of_one_length_the_newest_is_joined() -> None:
    old = [replace(each, settings="a") for each in points(1.0, 2.0)]
    new = [replace(each, settings="b", at_s=each.at_s + DAY) for each in old]
    assert history([*new, *old], baseline=9).points == tuple(new)


def test_rates_from_44100_on_are_one_class() -> None:
    assert rate_class(44_100) == rate_class(96_000) != rate_class(32_000)
    assert rate_class(22_050) == "22.05 kHz"


def test_devices_and_versions_that_differ_are_said() -> None:
    some = points(1.0, 2.0, 3.0, 4.0)
    found = history([*some[:3], replace(some[3], device="other", version="2")], baseline=3)
    assert [line.split(":")[0] for line in warnings_of(found)] == [
        "the memos come from 2 devices (mic, other)",
        "the memos come from 2 versions of the measures (1, 2)",
    ]


def test_few_memos_are_no_baseline_and_this_is_said() -> None:
    found = history(points(1.0, 2.0), baseline=9)
    assert (found.baseline, found.outside, verdict_of(found)) == (None, 0, None)
    assert warnings_of(found) == [
        "2 memos so far: a baseline needs 3 before the newest, and says more the more there are"
    ]


def test_the_verdict_names_what_chance_alone_would_do() -> None:
    found = history(points(*range(10), 50.0, 4.0), baseline=9)
    said = verdict_of(found)
    assert said is not None
    assert said.startswith("of 3 memos after the baseline 2 outside its band")
    assert "0.6 would on average" in said
    assert "80 %" in said


def test_as_json_it_holds_every_number() -> None:
    found = as_mapping(history(points(1.0, 2.0, 3.0, 9.0), baseline=3, left_out=[LeftOut("x", "too short")]))
    assert found["baseline"] == {"count": 3, "median": 2.0, "low": 1.0, "high": 3.0, "coverage": 0.5}
    assert found["left_out"] == [{"name": "x", "reason": "too short"}]
    assert [each["position"] for each in found["points"]] == [None, None, None, "above"]  # type: ignore[attr-defined]
    assert (found["outside"], found["outside_by_chance"]) == (1, 0.5)


def drawn(found: History, **more: object) -> ElementTree.Element:
    text = chart(found, label="CPPS (dB)", digits=1, ticks=TICKS, **more)  # type: ignore[arg-type]
    return ElementTree.fromstring(text)


def of_class(drawing: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [each for each in drawing.iter() if each.get("class") == kind]


def test_the_chart_has_a_dot_for_each_memo_where_its_value_is() -> None:
    found = history(
        [*points(10.0, 12.0, 11.0, 16.0, 11.5), replace(point(6, 8.0), task="speech")], baseline=3
    )
    drawing = drawn(found)
    counts = {kind: len(of_class(drawing, kind)) for kind in ("base", "dot", "off", "other")}
    assert counts == {"base": 3, "dot": 1, "off": 1, "other": 1}
    low, high = span_of(found)
    frame = Frame(-0.03 * 6 * DAY, 6.18 * DAY, low, high, 900, 400)
    (off,) = of_class(drawing, "off")
    assert float(off.get("cx", "")) == pytest.approx(frame.x(3 * DAY), abs=0.06)
    assert float(off.get("cy", "")) == pytest.approx(frame.y(16.0), abs=0.06)
    (band,) = of_class(drawing, "band")
    assert float(band.get("y", "")) == pytest.approx(frame.y(12.0), abs=0.06)
    assert float(band.get("height", "")) == pytest.approx(frame.y(10.0) - frame.y(12.0), abs=0.11)


def test_a_norm_that_is_far_away_does_not_squeeze_the_dots() -> None:
    found = history(points(10.0, 12.0, 11.0, 13.0), baseline=3)
    near = [float(each.get("cy", "")) for each in of_class(drawn(found), "base")]
    far = [
        float(each.get("cy", ""))
        for each in of_class(drawn(found, references=[Reference("n", 100.0, None)]), "base")
    ]
    assert near == far


def test_one_memo_is_drawn_and_all_of_one_value_too() -> None:
    for found in (history(points(5.0), baseline=9), history(points(*[0.0] * 6), baseline=3)):
        assert "nan" not in ElementTree.tostring(drawn(found), encoding="unicode")


def test_a_chart_of_its_own_is_whole_and_names_are_escaped() -> None:
    found = history([replace(point(1, 1.0), name='<b>"&')], baseline=9)
    data = whole_chart(chart(found, label="x", digits=1, ticks=()))
    assert ElementTree.fromstring(data).tag.endswith("svg")
    assert b"<b>" not in data


def test_the_page_needs_nothing_else_and_says_all() -> None:
    found = history(
        points(10.0, 12.0, 11.0, 16.0), baseline=3, left_out=[LeftOut("short", "0.2 s is too short")]
    )
    norm = NormLine("women 14 to 20 dB", "Someone 2020", Reference("women", 14.0, 20.0))
    data = page(found, SUBJECT, ticks=TICKS, norms=[norm], disclaimer="This is no diagnosis.").decode()
    assert not re.search(r"(src|href)=|@import|url\(", data)
    for said in (
        "This is no diagnosis.", "Someone 2020", "women 14 to 20 dB", "How clear &lt;it&gt; is.", "Maryn &amp; Weenink 2015",
        "0.2 s is too short", "11.0 dB of 3 memos", "10.0 to 12.0 dB", "16.0 dB, above the band", "prefers-color-scheme:dark",
        "width=device-width",
    ):  # fmt: skip
        assert said in data, said
    assert data.count("<svg") == 2
    assert "None is published" in page(found, SUBJECT, ticks=TICKS, norms=[], disclaimer="").decode()
