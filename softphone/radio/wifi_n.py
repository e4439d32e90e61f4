"""802.11n: HT mixed format, 20 MHz, one stream, long guard interval, at 2.4 GHz (IEEE 802.11-2020 clause 19)."""

from softphone.radio._wifi import (
    ACK_BYTES,
    CCMP_BYTES,
    LLC_BYTES,
    MAC_BYTES,
    OFDM_PREAMBLE_US,
    POWER,
    QOS_BYTES,
    SHARED_CONSTANTS,
    SIGNAL_EXTENSION_US,
    Access,
    exchanges,
    ofdm_ack_mbps,
    ofdm_us,
)
from softphone.radio.base import AirTimes, Assumption, Constant, RadioSpec, Traffic

HT_MIXED_PREAMBLE_US = OFDM_PREAMBLE_US + 8.0 + 4.0 + 4.0
"""Legacy part, HT-SIG, HT-STF, one HT-LTF (section 19.4.3, Equation 19-90)."""
ACCESS = Access(sifs_us=10, slot_us=9, aifsn=3, cw_min=15)
"""Table 19-25; AIFSN and CWmin of best effort in Table 9-155: our datagrams ask for no better."""
NON_HT_MBPS = {6.5: 6.0, 13.0: 12.0, 19.5: 18.0, 26.0: 24.0, 39.0: 36.0, 52.0: 48.0, 58.5: 54.0, 65.0: 54.0}
"""MCS 0 to 7, by rate -> the non-HT rate of the same modulation (section 10.6.11), which decides the acknowledgement's."""


def frame_us(size: float, mbps: float) -> float:
    """Time on the air of a frame of *size* bytes: TXTIME without its signal extension."""
    return ofdm_us(size, mbps, preamble_us=HT_MIXED_PREAMBLE_US)


def _ack_mbps(mbps: float) -> float:
    return ofdm_ack_mbps(NON_HT_MBPS[mbps])


def _times(traffic: Traffic, seconds: float, mbps: float) -> AirTimes:
    return exchanges(
        traffic,
        ACCESS,
        frame_us=lambda size: frame_us(size, mbps),
        ack_us=ofdm_us(ACK_BYTES, _ack_mbps(mbps)),
        added_bytes=MAC_BYTES + QOS_BYTES + LLC_BYTES + CCMP_BYTES,
        extension_us=SIGNAL_EXTENSION_US,
    )


def _assumes(mbps: float) -> dict[str, Assumption]:
    return {
        "phy_mbps": mbps,
        "ack_mbps": _ack_mbps(mbps),
        "tx_dbm": POWER.transmit_dbm,
        "preamble": "HT mixed",
        "access": "EDCA best effort",
    }


SPECS = (
    RadioSpec(
        name="wifi-n",
        title="Wi-Fi 802.11n, 2.4 GHz, 20 MHz, one stream",
        rates_mbps=tuple(NON_HT_MBPS),
        default_mbps=6.5,
        times=_times,
        assumes=_assumes,
        constants=(
            Constant(
                "HT mixed preamble",
                "16 + 4 + 8 + 4 + 4 us",
                "IEEE 802.11-2020 section 19.4.3, Equation 19-90",
            ),
            Constant("symbol", "4 us, long guard interval", "IEEE 802.11-2020 Table 19-6"),
            Constant("bits per symbol", "26 (MCS 0) to 260 (MCS 7)", "IEEE 802.11-2020 Table 19-27"),
            Constant("service and tail bits", "16 + 6", "IEEE 802.11-2020 section 19.4.3"),
            Constant("signal extension", "6 us, silent", "IEEE 802.11-2020 Table 19-25"),
            Constant("slot, SIFS", "9 us, 10 us", "IEEE 802.11-2020 Table 19-25"),
            Constant(
                "AIFSN, CWmin of best effort",
                "3, 15",
                "IEEE 802.11-2020 Table 9-155; our datagrams carry no DSCP",
            ),
            Constant("QoS Control", "2 B", "IEEE 802.11-2020 section 9.2.4.5"),
            Constant("non-HT rate of an MCS", "6 to 54 Mb/s", "IEEE 802.11-2020 section 10.6.11"),
            Constant(
                "aggregation, block acknowledgement",
                "none: packets are further apart than a TXOP",
                "own choice",
                True,
            ),
            *SHARED_CONSTANTS,
        ),
        power=POWER,
    ),
)
