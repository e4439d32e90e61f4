"""Blocks and bursts of cellular and satellite uplinks, reckoned by hand from the 3GPP tables."""

import pytest

from softphone.radio import RadioInUse, Traffic, g711_20ms, gprs, lte, nr, satellite


def ms(technology: str, traffic: Traffic, seconds: float = 1.0) -> float:
    return RadioInUse.parse(technology).times(traffic, seconds).transmit_us / 1000


@pytest.mark.parametrize(("mbps", "subframes"), [(0.208, 8), (0.68, 3), (1.384, 2)])
def test_200_bytes_and_6_of_headers_fill_transport_blocks_of_lte(mbps: float, subframes: int) -> None:
    assert lte.subframes(200, mbps) == subframes  # 1648 bits over 208, 680, 1384


def test_lte_counts_a_scheduling_request_for_what_is_sent_and_an_acknowledgement_for_what_comes() -> None:
    assert ms("lte", Traffic({200: 2}, {200: 5})) == 2 * (3 + 1) + 5


def test_the_table_of_transport_blocks_of_nr_is_whole() -> None:
    # TS 38.214 Table 5.1.3.2-1 has 93 sizes; these stand at 1, 31, 61 and 91.
    table = nr.TABLE_5_1_3_2_1
    assert len(table) == 93
    assert [table[at] for at in (0, 30, 60, 90, 92)] == [24, 336, 1288, 3624, 3824]


@pytest.mark.parametrize(("mcs", "bits"), [(0, 288), (4, 768), (9, 1672)])
def test_a_transport_block_of_nr_follows_section_5_1_3_2(mcs: int, bits: int) -> None:
    # MCS 4: 156 * 8 * 308 / 1024 * 2 = 750.75, to 744 in steps of 8, the next size is 768.
    assert nr.transport_block_bits(mcs) == bits


def test_nr_takes_slots_of_half_a_millisecond_and_two_symbols_of_control() -> None:
    # 8 * (200 + 7) = 1656 bits: three slots of 768.
    assert ms("nr", Traffic({200: 1}, {200: 1})) == pytest.approx(3 * 0.5 + 2 * 2 / 14 * 0.5)


@pytest.mark.parametrize(("mbps", "blocks"), [(0.00905, 11), (0.0134, 8), (0.0156, 6), (0.0214, 5)])
def test_211_bytes_fill_radio_blocks_of_20_30_36_and_50(mbps: float, blocks: int) -> None:
    assert gprs.blocks(200, mbps) == blocks


def test_a_radio_block_of_gprs_is_four_bursts_of_546_us() -> None:
    assert ms("gprs", Traffic({19: 1}, {})) == pytest.approx(4 * 148 * 48 / 13 / 1000)


def test_a_circuit_bursts_all_the_time_and_a_flow_takes_as_many_as_it_needs() -> None:
    assert ms("satellite", Traffic({30: 1}, {})) == pytest.approx(92)
    assert satellite.circuits(g711_20ms(1.0), 1.0) == 34  # 50 * 204 bytes are 81,600 b/s
    assert satellite.circuits(Traffic({1: 1}, {596: 1}), 1.0) == 2  # the busier direction: 4,800 b/s


def test_silence_saves_nothing_on_a_circuit() -> None:
    talk, half = Traffic({70: 70}, {70: 70}), Traffic({70: 35}, {70: 35})
    assert ms("satellite", talk, 20.0) == ms("satellite", half, 20.0)
