"""What holds for every technology there is, and that the document has its numbers."""

from pathlib import Path

import pytest

from softphone.radio import RadioInUse, Traffic, measure, radios

EVERY = [f"{name}:{rate}" for name in radios.names() for rate in radios.get(name).rates_mbps]
DOCUMENT = (Path(__file__).parents[2] / "docs" / "airtime.md").read_text(encoding="utf-8")
FLOW = Traffic({76: 7, 200: 3}, {76: 5, 340: 1})


def test_the_technologies_asked_for_are_there() -> None:
    assert {"wifi-b", "wifi-g", "wifi-n", "lte", "nr", "gprs", "satellite"} <= set(radios.names())


@pytest.mark.parametrize("name", radios.names())
def test_a_technology_has_ascending_rates_and_a_default_among_them(name: str) -> None:
    spec = radios.get(name)
    assert list(spec.rates_mbps) == sorted(spec.rates_mbps)
    assert spec.default_mbps in spec.rates_mbps


@pytest.mark.parametrize("name", radios.names())
def test_every_constant_has_a_value_and_a_source_and_stands_in_the_document(name: str) -> None:
    spec = radios.get(name)
    assert spec.constants
    for one in spec.constants:
        assert one.value
        assert one.source
        row = f"| {one.name} | {one.value} | {'assumed: ' if one.assumed else ''}{one.source} |"
        assert row in DOCUMENT, row


@pytest.mark.parametrize("radio", EVERY)
def test_a_flow_takes_more_of_the_air_the_more_it_sends(radio: str) -> None:
    in_use = RadioInUse.parse(radio)
    longer, more = Traffic({400: 7, 800: 3}, FLOW.received), FLOW + FLOW
    before = in_use.times(FLOW, 1.0).transmit_us
    assert 0 < before < in_use.times(longer, 1.0).transmit_us
    assert before < in_use.times(more, 1.0).transmit_us


@pytest.mark.parametrize("radio", [one for one in EVERY if not one.startswith("satellite")])
def test_the_parts_of_a_trace_add_up_to_the_whole(radio: str) -> None:
    in_use = RadioInUse.parse(radio)
    parts = [in_use.times(Traffic(FLOW.sent, {}), 1.0), in_use.times(Traffic({}, FLOW.received), 1.0)]
    assert sum(one.transmit_us for one in parts) == pytest.approx(in_use.times(FLOW, 1.0).transmit_us)


@pytest.mark.parametrize("radio", EVERY)
def test_a_transmitter_is_on_for_a_part_of_the_time_that_the_channel_is_taken(radio: str) -> None:
    result = measure(RadioInUse.parse(radio), FLOW, seconds=1.0)
    assert result is not None
    if result["occupancy_ms_per_s"] is not None:
        assert result["ms_per_s"] < result["occupancy_ms_per_s"]


@pytest.mark.parametrize("radio", EVERY)
def test_power_is_told_of_where_there_is_a_model_and_nowhere_else(radio: str) -> None:
    in_use = RadioInUse.parse(radio)
    result = measure(in_use, FLOW, seconds=1.0)
    assert result is not None
    has_power = in_use.spec.power is not None
    assert (result["radio_mw"] is not None, result["mean_radiated_mw"] is not None) == (has_power, has_power)
