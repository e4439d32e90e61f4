"""802.11g: ERP-OFDM at 2.4 GHz, in a cell without 802.11b (IEEE 802.11-2020 clauses 17 and 18)."""

from softphone.radio._wifi import (
    ACK_BYTES,
    CCMP_BYTES,
    LLC_BYTES,
    MAC_BYTES,
    POWER,
    SHARED_CONSTANTS,
    SIGNAL_EXTENSION_US,
    Access,
    exchanges,
    ofdm_ack_mbps,
    ofdm_us,
)
from softphone.radio.base import AirTimes, Assumption, Constant, RadioSpec, Traffic

ACCESS = Access(sifs_us=10, slot_us=9, aifsn=2, cw_min=15)
"""Table 18-5, short slot."""


def _times(traffic: Traffic, seconds: float, mbps: float) -> AirTimes:
    return exchanges(
        traffic,
        ACCESS,
        frame_us=lambda size: ofdm_us(size, mbps),
        ack_us=ofdm_us(ACK_BYTES, ofdm_ack_mbps(mbps)),
        added_bytes=MAC_BYTES + LLC_BYTES + CCMP_BYTES,
        extension_us=SIGNAL_EXTENSION_US,
    )


def _assumes(mbps: float) -> dict[str, Assumption]:
    return {
        "phy_mbps": mbps,
        "ack_mbps": ofdm_ack_mbps(mbps),
        "tx_dbm": POWER.transmit_dbm,
        "preamble": "OFDM",
        "access": "DCF",
    }


SPECS = (
    RadioSpec(
        name="wifi-g",
        title="Wi-Fi 802.11g, 2.4 GHz",
        rates_mbps=(6.0, 9.0, 12.0, 18.0, 24.0, 36.0, 48.0, 54.0),
        default_mbps=54.0,
        times=_times,
        assumes=_assumes,
        constants=(
            Constant("preamble and SIGNAL", "16 + 4 us", "IEEE 802.11-2020 section 17.4.3, Equation 17-29"),
            Constant("symbol", "4 us", "IEEE 802.11-2020 Table 17-5"),
            Constant("service and tail bits", "16 + 6", "IEEE 802.11-2020 section 17.3.5"),
            Constant("signal extension", "6 us, silent", "IEEE 802.11-2020 section 18.3.2.4"),
            Constant("slot, SIFS, CWmin", "9 us, 10 us, 15", "IEEE 802.11-2020 Table 18-5"),
            Constant(
                "basic rates",
                "6, 12 and 24 Mb/s",
                "IEEE 802.11-2020 section 17.1.1; that they are the basic ones is assumed",
                True,
            ),
            Constant("802.11b in the cell", "none: short slots, no protection", "own choice", True),
            *SHARED_CONSTANTS,
        ),
        power=POWER,
    ),
)
