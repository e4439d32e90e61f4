"""From counted datagrams to the `airtime` object of a RESULT."""

import pytest

from dsp.errors import ParameterError, UnknownName
from softphone import config
from softphone.radio import (
    DEFAULT_RADIO,
    CallTrace,
    RadioInUse,
    Traffic,
    airtime,
    call_airtime,
    g711_20ms,
    measure,
)

WIFI = RadioInUse.parse("wifi-n:6.5")
G711_SIZES = {172: 50}


def test_g711_in_20_ms_packets_takes_19_8_ms_of_our_transmitter_a_second() -> None:
    # 50 frames of 352 us and 50 acknowledgements of 44 us; the channel 100 times 522.5 us.
    result = measure(WIFI, g711_20ms(1.0), seconds=1.0)
    assert result is not None
    assert (result["ms_per_s"], result["occupancy_ms_per_s"], result["vs_g711_20ms"]) == (19.8, 52.25, 1.0)


def test_mean_radiated_power_is_transmit_power_times_duty() -> None:
    result = measure(WIFI, g711_20ms(1.0), seconds=1.0)
    assert result is not None
    assert result["mean_radiated_mw"] == pytest.approx(10**1.5 * 0.0198, rel=1e-3)  # 15 dBm


def test_radio_power_is_that_above_sleep_of_each_state_times_its_share() -> None:
    # 19.8 ms of transmission, 19.8 of reception, 12.65 of waiting; 1280, 940, 820 mW, less 100 asleep.
    result = measure(WIFI, g711_20ms(1.0), seconds=1.0)
    assert result is not None
    assert result["radio_mw"] == pytest.approx(0.0198 * 1180 + 0.0198 * 840 + 0.01265 * 720, rel=1e-3)


def test_the_rates_do_not_depend_on_how_long_a_flow_lasts() -> None:
    assert measure(WIFI, g711_20ms(7.0), seconds=7.0) == measure(WIFI, g711_20ms(1.0), seconds=1.0)


def test_nothing_sent_is_no_airtime() -> None:
    assert measure(WIFI, Traffic({}, {200: 50}), seconds=1.0) is None
    assert airtime(0.0, 200) is None


def test_a_trace_is_counted_by_size_and_direction() -> None:
    trace = [(0.0, 76, True), (0.02, 76, True), (0.03, 80, False), (0.04, 90, True)]
    assert Traffic.of(trace) == Traffic({76: 2, 90: 1}, {80: 1})


def test_a_flow_may_be_given_as_a_mean_or_as_shares_of_sizes() -> None:
    assert airtime(50, 200) == airtime(50, {200: 1.0}) == airtime(50, 200, "wifi-n", received=(50, 200))
    mixed = airtime(50, {100: 0.5, 300: 0.5}, "lte")
    assert mixed is not None
    assert mixed["ms_per_s"] == 25 * 2 + 25 * 4 + 50 + 50


def test_one_who_only_sends_transmits_no_acknowledgements() -> None:
    result = airtime(50, 200, received=(0, 0))
    assert result is not None
    assert result["ms_per_s"] == 17.6


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("wifi-x", UnknownName, "known: gprs, lte, nr"),
        ("wifi-n:7", ParameterError, "one of 6.5, 13"),
        ("wifi-n:", ParameterError, "one of 6.5, 13"),
        ("lte:fast", ParameterError, "one of 0.208"),
    ],
)
def test_a_radio_that_nobody_has_is_told_what_there_is(text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        RadioInUse.parse(text)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ParameterError, match="time above 0 s"):
        measure(WIFI, g711_20ms(1.0), seconds=seconds)


@pytest.mark.parametrize("sizes", [{-1: 1}, {200: -1}, {float("nan"): 1}])
def test_sizes_and_counts_below_zero_are_refused(sizes: dict[float, float]) -> None:
    with pytest.raises(ParameterError, match="0 or more"):
        measure(WIFI, Traffic(sizes, {}), seconds=1.0)


def test_a_call_with_g711_is_once_as_long_on_the_air_as_itself_whatever_else_it_sends() -> None:
    sizes = {**G711_SIZES, 72: 2}
    rtcp = (2, 2 * 100)
    trace = CallTrace(1.0, sizes, sizes, 28, rtcp=(rtcp, rtcp), sip_bytes=(1700, 1500))
    result = call_airtime(WIFI, trace)
    assert result is not None
    assert result["vs_g711_20ms"] == 1.0


@pytest.mark.parametrize(("sip", "messages", "symbols"), [(1500, 3, 180), (4000, 4, 334)])
def test_sip_counts_as_three_messages_or_as_many_as_keep_them_below_1000_bytes(
    sip: int, messages: int, symbols: int
) -> None:
    # 500 + 28 + 54 bytes in a frame are 4678 bits, 180 symbols; 1000 + 82 are 8678, 334 symbols.
    none, some = (
        call_airtime(WIFI, CallTrace(1.0, G711_SIZES, G711_SIZES, 28, sip_bytes=(size, 0)))
        for size in (0, sip)
    )
    assert none is not None
    assert some is not None
    assert some["ms_per_s"] - none["ms_per_s"] == pytest.approx(
        messages * (36 + symbols * 4) / 1000, abs=0.01
    )


def test_ipv6_headers_count() -> None:
    four, six = (call_airtime(WIFI, CallTrace(1.0, {52: 7}, {52: 7}, head)) for head in (28, 48))
    assert four is not None
    assert six is not None
    assert six["ms_per_s"] > four["ms_per_s"]


def test_a_call_that_sent_nothing_has_no_airtime() -> None:
    assert call_airtime(WIFI, CallTrace(1.0, {}, G711_SIZES, 28)) is None


def test_options_and_meter_agree_on_the_default() -> None:
    assert config.DEFAULT_RADIO == DEFAULT_RADIO
    assert str(WIFI) == DEFAULT_RADIO
