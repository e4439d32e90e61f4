"""Times on the air of 802.11 frames, reckoned by hand from the formulas of IEEE 802.11-2020."""

import pytest

from softphone.radio import RadioInUse, Traffic, wifi_b, wifi_n
from softphone.radio._wifi import ofdm_ack_mbps, ofdm_us

ONE_SENT = Traffic({200: 1}, {})
ONE_RECEIVED = Traffic({}, {200: 1})


def test_a_frame_of_1536_bytes_takes_248_us_at_54_mbps() -> None:
    # 16 + 8 * 1536 + 6 = 12310 bits, 216 in a symbol: 57 symbols of 4 us behind 20 us (Equation 17-29).
    assert ofdm_us(1536, 54) == 248


@pytest.mark.parametrize(("mbps", "us"), [(6.5, 36 + 79 * 4), (13.0, 36 + 40 * 4), (65.0, 36 + 8 * 4)])
def test_an_ht_mixed_frame_of_254_bytes_is_as_long_as_equation_19_90_says(mbps: float, us: float) -> None:
    # 16 + 8 * 254 + 6 = 2054 bits; 26, 52 and 260 in a symbol (MCS 0, 1 and 7).
    assert wifi_n.frame_us(254, mbps) == us


@pytest.mark.parametrize(
    ("size", "mbps", "us"), [(252, 1.0, 192 + 2016), (252, 2.0, 96 + 1008), (252, 11.0, 96 + 184), (14, 2.0, 96 + 56)]
)  # fmt: skip
def test_a_dsss_frame_takes_its_preamble_and_its_bits_rounded_up(size: int, mbps: float, us: float) -> None:
    assert wifi_b.frame_us(size, mbps) == us


def test_a_datagram_of_200_bytes_sent_at_6_5_mbps_takes_352_us_of_ours_and_an_acknowledgement_of_44() -> None:
    # 200 + 26 + 4 + 8 + 16 = 254 bytes; the acknowledgement at 6 Mb/s: 134 bits, 24 in a symbol, 6 symbols.
    times = RadioInUse.parse("wifi-n:6.5").times(ONE_SENT, 1.0)
    assert (times.transmit_us, times.receive_us) == (352, 44)


def test_a_datagram_received_at_65_mbps_costs_our_transmitter_an_acknowledgement_at_24() -> None:
    # 134 bits, 96 in a symbol: 2 symbols behind 20 us.
    times = RadioInUse.parse("wifi-n:65").times(ONE_RECEIVED, 1.0)
    assert (times.transmit_us, times.receive_us) == (28, 68)


def test_a_whole_exchange_of_802_11n_takes_the_channel_for_522_5_us() -> None:
    # AIFS 10 + 3 * 9, mean back-off 7.5 * 9, frame 352 + 6, SIFS 10, acknowledgement 44 + 6.
    times = RadioInUse.parse("wifi-n:6.5").times(ONE_SENT, 1.0)
    assert times.receive_us is not None
    assert times.wait_us is not None
    assert times.transmit_us + times.receive_us + times.wait_us == 522.5


def test_a_whole_exchange_of_802_11b_takes_the_channel_for_802_us() -> None:
    # DIFS 50, mean back-off 15.5 * 20, frame 280, SIFS 10, acknowledgement 152.
    times = RadioInUse.parse("wifi-b:11").times(ONE_SENT, 1.0)
    assert times.receive_us is not None
    assert times.wait_us is not None
    assert times.transmit_us + times.receive_us + times.wait_us == 50 + 310 + 280 + 10 + 152


@pytest.mark.parametrize(("mbps", "ack"), [(6, 6), (9, 6), (12, 12), (18, 12), (24, 24), (36, 24), (54, 24)])
def test_an_acknowledgement_goes_at_the_highest_mandatory_rate_not_above_the_frames(
    mbps: float, ack: float
) -> None:
    assert ofdm_ack_mbps(mbps) == ack


def test_a_size_between_two_bytes_counts_as_the_next_byte() -> None:
    assert wifi_n.frame_us(253.2, 6.5) == wifi_n.frame_us(254, 6.5)
