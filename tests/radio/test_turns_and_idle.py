"""The models behind `radio turns` and `radio idle`."""

import itertools
from dataclasses import replace

import pytest

from softphone.radio import RadioInUse, Recurring, Side, idle_cost, ladder
from softphone.radio._turns import G711, SAVINGS

RADIOS = (RadioInUse.parse("wifi-n:6.5"), RadioInUse.parse("wifi-n:65"))


def test_the_flow_of_a_side_is_what_its_numbers_say() -> None:
    # 2 kb/s in 144 ms are 36 bytes; half a minute of talk, half of pauses with a description each second.
    side = Side(bit_rate_bps=2000, packet_ms=144, dtx=True, seconds=60.0)
    sizes = dict(side.traffic().sent)
    assert sizes[28 + 12 + 36] == pytest.approx(30 / 0.144)
    assert sizes[28 + 12 + 10] == pytest.approx(30)
    assert sizes[28 + 76] == pytest.approx(12)
    assert sum(sizes.values()) == pytest.approx(30 / 0.144 + 30 + 12 + 3)


def test_each_saving_saves_and_the_first_row_is_g711() -> None:
    steps = list(ladder(2400, 144, RADIOS))
    assert len(steps) == 2 + len(SAVINGS)
    assert steps[0].ratio == (1.0, 1.0)
    for before, after in itertools.pairwise(steps):
        assert all(a < b for a, b in zip(after.ms_per_s, before.ms_per_s, strict=True)), after.name


def test_what_is_lost_without_a_saving_is_shown_but_where_a_later_one_replaces_it() -> None:
    steps = list(ladder(2400, 144, RADIOS))
    last = steps[-1]
    assert last.without is not None
    for step in steps[1:]:
        if step.without is None:
            assert "2,300" in step.name
        else:
            assert all(a > b for a, b in zip(step.without, last.ratio, strict=True)), step.name


@pytest.mark.parametrize("bit_rate_bps", [1600, 2400])
def test_long_packets_and_silence_alone_go_below_a_sixteenth_and_a_twelfth(bit_rate_bps: int) -> None:
    # A sixteenth at 6.5 Mb/s and a twelfth at 65 are what the mode of least airtime aims at.
    slow, fast = list(ladder(bit_rate_bps, 144, RADIOS))[2].ratio
    assert slow < 1 / 16
    assert fast < 1 / 12


def test_g711_does_not_stop_in_pauses() -> None:
    assert dict(G711.traffic().sent)[200] == 50 * G711.seconds
    assert dict(replace(G711, dtx=True).traffic().sent)[200] == 25 * G711.seconds


def test_an_hour_of_an_exchange_is_its_bytes_with_headers_times_its_number() -> None:
    cost = idle_cost([Recurring("ping", (4,), (4, 100), 60.0)], RADIOS[0])
    assert (cost["bytes_sent_per_h"], cost["bytes_received_per_h"]) == (60 * 32, 60 * (32 + 128))
    assert (cost["datagrams_per_h"], cost["wakeups_per_h"]) == (180.0, 60.0)
    # 86 bytes in the frame: 710 bits, 28 symbols, 148 us; two acknowledgements of 44 us.
    assert cost["airtime_ms_per_h"] == pytest.approx(60 * (148 + 88) / 1000, rel=1e-3)
    assert cost["radio_mj_per_h"] > 0


def test_an_hour_of_lte_has_no_energy() -> None:
    cost = idle_cost([Recurring("ping", (4,), (4,), 60.0)], RadioInUse.parse("lte"))
    assert cost["radio_mj_per_h"] is None
