"""802.11b: DSSS and HR/DSSS at 2.4 GHz (IEEE 802.11-2020 clauses 15 and 16)."""

import math

from softphone.radio._wifi import (
    ACK_BYTES,
    CCMP_BYTES,
    LLC_BYTES,
    MAC_BYTES,
    POWER,
    SHARED_CONSTANTS,
    Access,
    exchanges,
)
from softphone.radio.base import AirTimes, Assumption, Constant, RadioSpec, Traffic

LONG_PREAMBLE_US = 144.0 + 48.0
"""PLCP preamble and header at 1 Mb/s (section 16.2.2.2)."""
SHORT_PREAMBLE_US = 72.0 + 24.0
"""The short ones, not for frames at 1 Mb/s (section 16.2.2.3)."""
ACCESS = Access(sifs_us=10, slot_us=20, aifsn=2, cw_min=31)
"""Table 16-4."""


def frame_us(size: float, mbps: float) -> float:
    """Time on the air of a frame of *size* bytes (section 16.3.4)."""
    preamble_us = LONG_PREAMBLE_US if mbps == 1 else SHORT_PREAMBLE_US
    return preamble_us + math.ceil(8 * math.ceil(size) / mbps)


def ack_mbps(mbps: float) -> float:
    """Rate of an acknowledgement: 1 and 2 Mb/s are the basic rates."""
    return min(mbps, 2.0)


def _times(traffic: Traffic, seconds: float, mbps: float) -> AirTimes:
    return exchanges(
        traffic,
        ACCESS,
        frame_us=lambda size: frame_us(size, mbps),
        ack_us=frame_us(ACK_BYTES, ack_mbps(mbps)),
        added_bytes=MAC_BYTES + LLC_BYTES + CCMP_BYTES,
        extension_us=0.0,
    )


def _assumes(mbps: float) -> dict[str, Assumption]:
    return {
        "phy_mbps": mbps,
        "ack_mbps": ack_mbps(mbps),
        "tx_dbm": POWER.transmit_dbm,
        "preamble": "long" if mbps == 1 else "short",
        "access": "DCF",
    }


SPECS = (
    RadioSpec(
        name="wifi-b",
        title="Wi-Fi 802.11b, 2.4 GHz",
        rates_mbps=(1.0, 2.0, 5.5, 11.0),
        default_mbps=11.0,
        times=_times,
        assumes=_assumes,
        constants=(
            Constant("long preamble and header", "192 us", "IEEE 802.11-2020 section 16.2.2.2"),
            Constant("short preamble and header", "96 us", "IEEE 802.11-2020 section 16.2.2.3"),
            Constant("which preamble", "long at 1 Mb/s, else short", "own choice", True),
            Constant("slot, SIFS, CWmin", "20 us, 10 us, 31", "IEEE 802.11-2020 Table 16-4"),
            Constant("basic rates", "1 and 2 Mb/s", "own choice", True),
            *SHARED_CONSTANTS,
        ),
        power=POWER,
    ),
)
